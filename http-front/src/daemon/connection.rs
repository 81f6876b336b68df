//! One connection to a daemon: what comes on it is heard, and the daemon is looked after while it is quiet.

use super::{health::Health, link::LinkConfig, session::Session};
use crate::state::board::Board;
use futures_util::{FutureExt, StreamExt};
use shared::{codec::LineCodec, queue, shutdown::Shutdown, writer::write_lines};
use std::time::Duration;
use tokio::{
    net::{UnixStream, unix::OwnedReadHalf},
    sync::watch,
    time::{Instant, Interval, MissedTickBehavior},
};
use tokio_util::codec::FramedRead;

/// Lines that are handled before what they cause is written.
pub(super) const BATCH: usize = 64;
/// The buffer for lines of the daemon.
const READ_BUFFER: usize = 64 * 1024;
/// How often it is looked whether the daemon still speaks.
const LOOK: Duration = Duration::from_secs(1);

/// The daemon has closed the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gone;

/// One connection. With its end its last lines are still written.
pub(super) struct Connection {
    reader: FramedRead<OwnedReadHalf, LineCodec>,
    pub(super) session: Session,
    /// When the daemon said something last.
    heard: Instant,
    look: Interval,
}

impl Connection {
    /// Says the first words.
    pub(super) fn open(stream: UnixStream, config: &LinkConfig, board: &Board, shutdown: &Shutdown) -> Self {
        let (reader, writer) = stream.into_split();
        // Requests wait here while the daemon reads slowly; admission and body limits bound them.
        let (lines, queued) = queue::channel(usize::MAX);
        shutdown.spawn(write_lines(writer, queued));
        let reader = FramedRead::with_capacity(reader, LineCodec::new(config.max_line), READ_BUFFER);
        let mut session = Session::new(lines, config, board.clone());
        session.open();
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { reader, session, heard: Instant::now(), look }
    }

    /// Waits for the next thing that the daemon says or that is due, and does what follows from it; `health` is told. Cancel safe.
    ///
    /// # Errors
    /// [`Gone`]: nothing more comes.
    pub(super) async fn attend(&mut self, health: &watch::Sender<Health>) -> Result<(), Gone> {
        let models_at = self.session.models_at;
        tokio::select! {
            decoded = self.reader.next() => match decoded {
                Some(Ok(decoded)) => {
                    self.heard = Instant::now();
                    self.session.spoke(health);
                    self.session.hear(decoded, health);
                    // What is there already is handled before anything is written.
                    for _ in 0..BATCH {
                        match self.reader.next().now_or_never() {
                            Some(Some(Ok(decoded))) => self.session.hear(decoded, health),
                            Some(Some(Err(_)) | None) | None => break,
                        }
                    }
                }
                Some(Err(_)) | None => return Err(Gone),
            },
            () = tokio::time::sleep_until(models_at.unwrap_or_else(Instant::now)), if models_at.is_some() => {
                self.session.list_models();
            }
            _ = self.look.tick() => self.session.look(self.heard.elapsed(), health),
        }
        self.session.flush();
        Ok(())
    }
}
