//! The change from a daemon that was replaced to the younger one at the same socket.
//!
//! Promises: the younger one takes turns only once it could serve, and until then the older one does; a turn stays on the
//! connection on which it was started, which is closed when the last one has ended.

use super::{
    connection::{Connection, Gone},
    health::Health,
    link::LinkConfig,
    turn::TurnKey,
};
use crate::{state::board::Board, translate::event::End};
use shared::{
    backoff::{Backoff, Policy},
    shutdown::Shutdown,
};
use std::{pin::Pin, time::Duration};
use tokio::{
    net::UnixStream,
    sync::{mpsc, watch},
};

/// Delays between attempts. The older daemon may still accept when it tells that it was replaced, and waits only some seconds
/// for those that have nothing to do.
const AGAIN: Policy = Policy {
    initial: Duration::from_millis(20),
    max: Duration::from_millis(250),
    stable_after: Duration::MAX,
};

/// A connection to a daemon that can serve, and what is known of it.
pub(super) type Found = (Connection, Health);

/// The search for the younger daemon; none while there is no need of one.
#[derive(Default)]
pub(super) struct Search(Option<Pin<Box<dyn Future<Output = Found> + Send>>>);

impl Search {
    /// Begins where the daemon was replaced, and ends where it wasn't after all.
    pub(super) fn keep(&mut self, replaced: bool, config: &LinkConfig, board: &Board, shutdown: &Shutdown) {
        if !replaced {
            self.0 = None;
        } else if self.0.is_none() {
            self.0 = Some(Box::pin(find(config.clone(), board.clone(), shutdown.clone())));
        }
    }

    /// The younger daemon. Waits for ever while there is no search. Cancel safe.
    pub(super) async fn found(&mut self) -> Found {
        match &mut self.0 {
            Some(search) => {
                let found = search.await;
                self.0 = None;
                found
            }
            None => std::future::pending().await,
        }
    }
}

/// Connects until a daemon is there that could serve and was not replaced itself.
async fn find(config: LinkConfig, board: Board, shutdown: Shutdown) -> Found {
    let mut backoff = Backoff::new(AGAIN);
    loop {
        if let Ok(stream) = UnixStream::connect(&config.socket).await {
            let mut connection = Connection::open(stream, &config, &board, &shutdown);
            let health = watch::Sender::new(Health::default());
            while let Ok(()) = connection.attend(&health).await
                && !connection.session.is_superseded()
            {
                if health.borrow().is_ready() {
                    return (connection, health.borrow().clone());
                }
            }
        }
        tokio::time::sleep(backoff.after(None)).await;
    }
}

/// The connections to replaced daemons.
#[derive(Default)]
pub(super) struct Leaving(Vec<mpsc::UnboundedSender<TurnKey>>);

impl Leaving {
    /// Finishes what runs on this connection, in a task of its own.
    pub(super) fn leave(&mut self, connection: Connection, health: Health, name: &str, shutdown: &Shutdown) {
        let (cancels, cancelled) = mpsc::unbounded_channel();
        self.0.retain(|leaving| !leaving.is_closed());
        self.0.push(cancels);
        shutdown.spawn(finish(connection, health, cancelled, name.to_owned(), shutdown.clone()));
    }

    /// Nobody listens to a turn any more that may run on one of them.
    pub(super) fn cancel(&mut self, key: TurnKey) {
        self.0.retain(|leaving| leaving.send(key).is_ok());
    }
}

/// Goes on until the last turn has ended and nothing is left to hear.
async fn finish(
    mut connection: Connection,
    health: Health,
    mut cancelled: mpsc::UnboundedReceiver<TurnKey>,
    name: String,
    shutdown: Shutdown,
) {
    // What is heard from here on is of no daemon that takes turns.
    let health = watch::Sender::new(health);
    let end = loop {
        if connection.session.table.is_done() {
            break End::Lost;
        }
        tokio::select! {
            attended = connection.attend(&health) => if let Err(Gone) = attended { break End::Lost },
            Some(key) = cancelled.recv() => connection.session.cancel(key),
            () = shutdown.forced() => break End::Stopped,
        }
        connection.session.flush();
    };
    let turns = connection.session.table.len();
    connection.session.table.lost(&end);
    tracing::info!(event = "daemon_left", worker = name, turns);
}
