//! What an operator switches, on its way to the daemon and from it.

use super::Session;
use crate::daemon::{health::Health, table::Call};
use serde_json::value::RawValue;
use shared::{
    control::{self, Status},
    rpc::{ErrorObject, code},
};

impl Session {
    /// Turns are started here from now on. What an operator switches goes here, too, as soon as `health` has the daemon's word.
    pub(in crate::daemon) fn serve(&mut self, health: &Health) {
        self.serving = true;
        if let Some(status) = &health.status {
            self.keep_toggles(status);
            self.flush();
        }
    }

    /// Nothing is started here any more.
    pub(in crate::daemon) fn leave(&mut self) {
        (self.serving, self.keeps) = (false, false);
    }

    /// What the daemon says of the toggles, where it is the one that keeps them. One that was replaced takes no change.
    pub(super) fn keep_toggles(&mut self, status: &Status) {
        let kept = std::mem::replace(&mut self.keeps, self.serving && !status.superseded);
        if !self.keeps {
            return;
        }
        if kept {
            self.board.told(status.toggles.clone());
        } else {
            self.board.moved(status.toggles.clone());
        }
        self.send_toggles();
    }

    /// Sends what was switched and the daemon doesn't have.
    pub(in crate::daemon) fn send_toggles(&mut self) {
        if !self.keeps {
            return;
        }
        for (number, change) in self.board.take() {
            let line = self.table.call(Call::Toggles(number), control::toggles::SET, &change);
            self.out.push(line);
        }
    }

    /// The daemon's word on what was sent.
    pub(super) fn toggled(&mut self, number: u64, answer: Result<&RawValue, ErrorObject>) {
        match answer {
            // It is asked of the younger one again.
            _ if !self.keeps => {}
            // So it is where the younger one isn't known of yet, and the end of this one brings another, too.
            Err(error) if error.code == code::DRAINING => {}
            Ok(status) => {
                // What isn't a status is no word of a daemon that has taken it.
                let status = serde_json::from_str::<Status>(status.get());
                self.board.taken(number, status.ok().and_then(|status| status.toggles));
            }
            Err(error) => {
                self.board.refused(number);
                self.refused(Call::Toggles(number), &error);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        daemon::link::LinkConfig,
        state::{
            board::Board,
            toggles::{Asked, NotKept, Variables, Which},
        },
    };
    use bytes::Bytes;
    use shared::{
        codec::Decoded,
        control::toggles::{Maintenance, Toggles},
        line::Line,
        queue::{self, Receiver},
    };
    use std::time::Duration;
    use tokio::sync::watch;

    const OPEN: Variables =
        Variables { maintenance: false, retry_after: Duration::from_secs(30), app_server: true };

    fn board() -> Board {
        Board::new(OPEN, 1)
    }

    /// A session at which turns are started, with a daemon that keeps what is switched.
    fn serving(board: &Board) -> (Session, Receiver<Line>) {
        let (lines, out) = queue::channel(1 << 20);
        let config = LinkConfig {
            socket: "/nowhere".into(),
            name: "a".into(),
            pooled: false,
            max_line: 1 << 20,
            default_model: None,
            agents: None,
            agents_wanted: false,
        };
        let mut session = Session::new(lines, &config, board.clone());
        let toggles = Some(Toggles { persisted: true, ..Toggles::default() });
        let status = Some(Status { toggles, ..Status::default() });
        session.serve(&Health { status, ..Health::default() });
        (session, out)
    }

    /// The number of the request that went out last.
    fn asked(session: &mut Session, out: &mut Receiver<Line>) -> u64 {
        session.send_toggles();
        session.flush();
        let line = out.try_recv().expect("a line");
        let line: serde_json::Value = serde_json::from_slice(&line.to_bytes()).unwrap();
        assert_eq!(line["method"], control::toggles::SET);
        line["id"].as_u64().unwrap()
    }

    fn hear(session: &mut Session, id: u64, code: i64) {
        let line = format!(r#"{{"id":{id},"error":{{"code":{code},"message":""}}}}"#);
        session.hear(Decoded::Line(Bytes::from(line)), &watch::Sender::new(Health::default()));
    }

    /// What became of a change that the daemon refused with this code.
    async fn refused_with(code: i64) -> (bool, Option<NotKept>) {
        let board = board();
        let (mut session, mut out) = serving(&board);
        let set = Some(Maintenance { enabled: true, ..Maintenance::default() });
        let mut ask = std::pin::pin!(board.ask(Asked::Maintenance(set)));
        assert!(futures_util::poll!(&mut ask).is_pending());
        let id = asked(&mut session, &mut out);
        hear(&mut session, id, code);
        let answered = futures_util::poll!(&mut ask).is_ready();
        (answered, board.now().not_kept(Which::Maintenance))
    }

    #[tokio::test]
    async fn a_daemon_that_is_replaced_refuses_nothing_for_the_next_one() {
        assert_eq!(refused_with(code::INTERNAL).await, (true, Some(NotKept::Refused)));
        // The operator's request waits for the younger one.
        let (answered, _) = refused_with(code::DRAINING).await;
        assert!(!answered);
    }
}
