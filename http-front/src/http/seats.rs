//! The places of a listener, shared by its connections.
//!
//! Owns the table ([`Places`]) and how a connection is asked to go. A connection has a [`Seat`] as long as it is open, so
//! that never more are open than there are places.

use super::places::{Asked, Id, Places};
use crate::metrics::ConnectionCounts;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// The places of one listener.
#[derive(Debug)]
pub(super) struct Seats {
    table: Mutex<Table>,
    /// A place may be free, or somebody may be asked to go.
    changed: Notify,
    counts: ConnectionCounts,
}

#[derive(Debug)]
struct Table {
    places: Places,
    /// How each is asked to go.
    ask: HashMap<Id, Arc<Notify>>,
}

impl Seats {
    /// So many, all free.
    pub(super) fn new(most: usize, counts: ConnectionCounts) -> Arc<Self> {
        let table = Table { places: Places::new(most), ask: HashMap::new() };
        Arc::new(Self { table: Mutex::new(table), changed: Notify::new(), counts })
    }

    /// Waits for a place for a new connection, and asks another one to go where that is needed. For one caller at a time.
    /// Cancel safe.
    pub(super) async fn take(self: &Arc<Self>) -> Seat {
        loop {
            if let Some(seat) = self.try_take() {
                return seat;
            }
            self.changed.notified().await;
        }
    }

    fn try_take(self: &Arc<Self>) -> Option<Seat> {
        self.change(|table| match table.places.ask() {
            Asked::Taken(id) => {
                let leave = Arc::new(Notify::new());
                table.ask.insert(id, Arc::clone(&leave));
                Some(Seat { id, leave, seats: Arc::clone(self) })
            }
            Asked::Evict(id) => {
                if let Some(leave) = table.ask.get(&id) {
                    leave.notify_one();
                }
                None
            }
            Asked::Wait => None,
        })
    }

    /// Changes the table, and the counts with it.
    fn change<R>(&self, change: impl FnOnce(&mut Table) -> R) -> R {
        let mut table = self.lock();
        let before = table.places.counts();
        let result = change(&mut table);
        self.counts.moved(before, table.places.counts());
        result
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of an open connection. Dropped, it is free.
#[derive(Debug)]
pub(super) struct Seat {
    id: Id,
    leave: Arc<Notify>,
    seats: Arc<Seats>,
}

impl Seat {
    /// A request begins.
    pub(super) fn begin(&self) {
        self.tell(|places, id| places.begin(id));
    }

    /// The request is over.
    pub(super) fn rest(&self) {
        self.tell(|places, id| places.rest(id));
    }

    /// Resolves when the connection is to be closed so that a new one has its place. Cancel safe: nothing is changed before
    /// it resolves, and what was asked once is asked until a request begins.
    pub(super) async fn asked_to_go(&self) {
        loop {
            self.leave.notified().await;
            // A request that began meanwhile keeps it.
            if self.seats.lock().places.is_leaving(self.id) {
                self.seats.counts.evicted();
                return;
            }
        }
    }

    fn tell(&self, tell: impl FnOnce(&mut Places, Id)) {
        self.seats.change(|table| tell(&mut table.places, self.id));
        self.seats.changed.notify_one();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.change(|table| {
            table.places.gone(self.id);
            table.ask.remove(&self.id);
        });
        self.seats.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn a_place_is_made_by_the_oldest_idle_one_and_by_no_busy_one() {
        let counts = ConnectionCounts::default();
        let seats = Seats::new(2, counts.clone());
        let (old, young) = (seats.take().await, seats.take().await);
        old.begin();
        assert!(seats.take().now_or_never().is_none());
        assert!(old.asked_to_go().now_or_never().is_none());
        young.asked_to_go().await;
        assert_eq!(counts.told(), (1, 1, 1));
        assert!(seats.take().now_or_never().is_none(), "it has not gone yet");
        drop(young);
        let third = seats.take().await;
        third.begin();
        assert!(seats.take().now_or_never().is_none(), "everybody is busy");
        let waiting = seats.take();
        old.rest();
        let leaves = async {
            old.asked_to_go().await;
            drop(old);
        };
        let (fourth, ()) = tokio::join!(waiting, leaves);
        drop((third, fourth));
        assert_eq!(counts.told(), (0, 0, 2));
        assert!(seats.lock().ask.is_empty());
    }

    #[tokio::test]
    async fn a_request_that_comes_first_is_not_cut() {
        let seats = Seats::new(1, ConnectionCounts::default());
        let only = seats.take().await;
        assert!(seats.take().now_or_never().is_none());
        only.begin();
        assert!(only.asked_to_go().now_or_never().is_none());
        only.rest();
        assert!(seats.take().now_or_never().is_none());
        only.asked_to_go().await;
    }
}
