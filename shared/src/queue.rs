//! A queue that is bounded in bytes, not in messages, and whose sender never waits.
//!
//! The reader of the child's stdout must never wait for a client, so a full queue is an answer (`Full`), not a
//! pause: the owner of the sender decides what happens to whoever reads too slowly.
//!
//! Unlike a channel of tokio's its entries belong to both ends: [`Sender::cut`] throws away what waits while the
//! receiver is stuck with an entry that nobody reads, and the memory is free at once.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

/// What counts for a number of bytes in a queue.
pub trait Weigh {
    /// Bytes that this entry counts for.
    fn weight(&self) -> usize;
}

impl Weigh for crate::line::Line {
    fn weight(&self) -> usize {
        self.len() + 1
    }
}

/// The queue was full; the entry comes back.
#[derive(Debug, thiserror::Error)]
#[error("the queue is full")]
pub struct Full<T>(pub T);

/// What both ends share. Locked for a push, a pop or a swap, never across an await.
#[derive(Debug)]
struct State<T> {
    entries: VecDeque<T>,
    /// Bytes of `entries`.
    waiting: usize,
    senders: usize,
    /// Whether entries are still taken: the receiver is there and the queue was not cut.
    open: bool,
    /// Whether the receiver is gone.
    deaf: bool,
    receiver: Option<Waker>,
}

#[derive(Debug)]
struct Shared<T>(Mutex<State<T>>);

impl<T> Shared<T> {
    /// Nothing panics under this lock.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sending half. Cloning it shares the same bound.
#[derive(Debug)]
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
    max: usize,
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.lock().senders += 1;
        Self { shared: self.shared.clone(), max: self.max }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.senders -= 1;
        let waker = if state.senders == 0 { state.receiver.take() } else { None };
        drop(state);
        wake(waker);
    }
}

/// The receiving half.
#[derive(Debug)]
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        (state.open, state.deaf, state.waiting) = (false, true, 0);
        let entries = std::mem::take(&mut state.entries);
        drop(state);
        drop(entries);
    }
}

/// A queue for up to `max` bytes. One entry always fits, however large, or a limit below the line limit would
/// make some answers undeliverable for ever.
pub fn channel<T: Weigh>(max: usize) -> (Sender<T>, Receiver<T>) {
    let state =
        State { entries: VecDeque::new(), waiting: 0, senders: 1, open: true, deaf: false, receiver: None };
    let shared = Arc::new(Shared(Mutex::new(state)));
    (Sender { shared: shared.clone(), max }, Receiver { shared })
}

impl<T: Weigh> Sender<T> {
    /// Adds an entry, or gives it back when the queue is full. An entry for a receiver that is gone, or behind a
    /// [`Sender::cut`], is dropped: nobody is left to read it, and its owner learns of that by another way.
    pub fn push(&self, entry: T) -> Result<(), Full<T>> {
        let size = entry.weight();
        let mut state = self.shared.lock();
        if !state.open {
            return Ok(());
        }
        if state.waiting != 0 && state.waiting.saturating_add(size) > self.max {
            return Err(Full(entry));
        }
        state.add(entry, size);
        let waker = state.receiver.take();
        drop(state);
        wake(waker);
        Ok(())
    }

    /// Adds a last entry past the bound: the end of something must always be told.
    pub fn push_last(self, entry: T) {
        let size = entry.weight();
        let mut state = self.shared.lock();
        if state.open {
            state.add(entry, size);
        }
        let waker = state.receiver.take();
        drop(state);
        wake(waker);
    }

    /// Throws away what waits, adds this one entry past the bound, and takes nothing after it, from no clone. The
    /// receiver gets `last`, then the end. Gives the bytes that were thrown away; their memory is free at once.
    pub fn cut(self, last: T) -> usize {
        let size = last.weight();
        let mut state = self.shared.lock();
        if !state.open {
            return 0;
        }
        let discarded = std::mem::take(&mut state.entries);
        let bytes = std::mem::take(&mut state.waiting);
        state.add(last, size);
        state.open = false;
        let waker = state.receiver.take();
        drop(state);
        // Thousands of lines: not under the lock.
        drop(discarded);
        wake(waker);
        bytes
    }

    /// Bytes that wait to be received.
    pub fn waiting(&self) -> usize {
        self.shared.lock().waiting
    }

    /// The bound, in bytes.
    pub fn limit(&self) -> usize {
        self.max
    }

    /// Whether the receiver is gone.
    pub fn is_closed(&self) -> bool {
        self.shared.lock().deaf
    }
}

impl<T: Weigh> Receiver<T> {
    /// The next entry; `None` when all senders are gone, or one has cut the queue, and it is empty. Cancel safe.
    pub async fn recv(&mut self) -> Option<T> {
        std::future::poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// An entry that is there already.
    pub fn try_recv(&mut self) -> Option<T> {
        self.shared.lock().next()
    }

    /// Polls for the next entry, for streams.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        // One task that always finds something would keep the others of its thread from running.
        let budget = std::task::ready!(tokio::task::coop::poll_proceed(cx));
        let mut state = self.shared.lock();
        let next = state.next();
        if next.is_none() && state.senders > 0 && state.open {
            match &mut state.receiver {
                Some(waker) => waker.clone_from(cx.waker()),
                none => *none = Some(cx.waker().clone()),
            }
            return Poll::Pending;
        }
        budget.made_progress();
        Poll::Ready(next)
    }
}

impl<T: Weigh> State<T> {
    fn add(&mut self, entry: T, size: usize) {
        self.waiting += size;
        self.entries.push_back(entry);
    }

    fn next(&mut self) -> Option<T> {
        let entry = self.entries.pop_front()?;
        self.waiting -= entry.weight();
        Some(entry)
    }
}

/// Not under the lock: waking may run code of the runtime.
fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::Line;

    fn line(n: usize) -> Line {
        Line::whole(vec![b'x'; n])
    }

    #[test]
    fn refuses_what_does_not_fit_and_takes_it_once_there_is_room() {
        let (tx, mut rx) = channel(10);
        tx.push(line(4)).unwrap();
        tx.push(line(4)).unwrap();
        let Full(back) = tx.push(line(0)).unwrap_err();
        assert_eq!(back.len(), 0);
        assert_eq!(rx.try_recv().map(|l| l.len()), Some(4));
        tx.push(back).unwrap();
        assert_eq!(tx.waiting(), 6);
    }

    #[test]
    fn one_entry_always_fits() {
        let (tx, mut rx) = channel(10);
        tx.push(line(1000)).unwrap();
        assert!(tx.push(line(1)).is_err());
        assert_eq!(rx.try_recv().map(|l| l.len()), Some(1000));
        assert_eq!(tx.waiting(), 0);
    }

    #[tokio::test]
    async fn a_cut_discards_what_waits_and_ends_with_the_last_entry() {
        let (tx, mut rx) = channel(10);
        let held = Arc::new(*b"four");
        let owned = bytes::Bytes::from_owner(Owned(held.clone()));
        tx.push(Line::whole(owned)).unwrap();
        tx.push(line(2)).unwrap();
        let other = tx.clone();
        assert_eq!(tx.cut(line(100)), 5 + 3);
        assert_eq!(Arc::strong_count(&held), 1, "the memory is free before anybody receives");
        // What comes after the last entry is nobody's.
        other.push(line(1)).unwrap();
        assert_eq!(other.waiting(), 101);
        assert_eq!(rx.recv().await.map(|l| l.len()), Some(100));
        assert_eq!(rx.recv().await, None, "the other sender is still there");
    }

    struct Owned(Arc<[u8; 4]>);

    impl AsRef<[u8]> for Owned {
        fn as_ref(&self) -> &[u8] {
            &self.0[..]
        }
    }

    #[tokio::test]
    async fn a_waiting_receiver_is_woken_by_an_entry_a_cut_and_the_end() {
        for act in [0, 1, 2] {
            let (tx, mut rx) = channel(10);
            let ((), got) = tokio::join!(
                // The receiver is polled first in one of the orders; both must work.
                async {
                    tokio::task::yield_now().await;
                    match act {
                        0 => tx.push(line(1)).unwrap(),
                        1 => assert_eq!(tx.cut(line(1)), 0),
                        _ => drop(tx),
                    }
                },
                rx.recv()
            );
            assert_eq!(got.is_some(), act != 2, "{act}");
        }
    }

    #[test]
    fn entries_for_a_receiver_that_is_gone_are_dropped() {
        let (tx, rx) = channel(10);
        tx.push(line(4)).unwrap();
        assert!(!tx.is_closed());
        drop(rx);
        assert!(tx.is_closed());
        assert_eq!(tx.waiting(), 0);
        for _ in 0..3 {
            tx.push(line(9)).unwrap();
        }
        assert_eq!(tx.waiting(), 0);
    }
}
