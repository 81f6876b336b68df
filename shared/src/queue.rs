//! A queue that is bounded in bytes, not in messages, and whose sender never waits.
//!
//! The reader of the child's stdout must never wait for a client, so a full queue is an answer (`Full`), not a
//! pause: the owner of the sender decides what happens to whoever reads too slowly.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::sync::mpsc;

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

/// The sending half. Cloning it shares the same bound.
#[derive(Debug)]
pub struct Sender<T> {
    tx: mpsc::UnboundedSender<T>,
    waiting: Arc<AtomicUsize>,
    max: usize,
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self { tx: self.tx.clone(), waiting: self.waiting.clone(), max: self.max }
    }
}

/// The receiving half.
#[derive(Debug)]
pub struct Receiver<T> {
    rx: mpsc::UnboundedReceiver<T>,
    waiting: Arc<AtomicUsize>,
}

/// A queue for up to `max` bytes. One entry always fits, however large, or a limit below the line limit would
/// make some answers undeliverable for ever.
pub fn channel<T: Weigh>(max: usize) -> (Sender<T>, Receiver<T>) {
    let (tx, rx) = mpsc::unbounded_channel();
    let waiting = Arc::new(AtomicUsize::new(0));
    (Sender { tx, waiting: waiting.clone(), max }, Receiver { rx, waiting })
}

impl<T: Weigh> Sender<T> {
    /// Adds an entry, or gives it back when the queue is full. An entry for a receiver that is gone is dropped:
    /// nobody is left to read it, and its owner learns of that by another way.
    pub fn push(&self, entry: T) -> Result<(), Full<T>> {
        let size = entry.weight();
        let before = self.waiting.fetch_add(size, Ordering::AcqRel);
        if before != 0 && before + size > self.max {
            self.waiting.fetch_sub(size, Ordering::AcqRel);
            return Err(Full(entry));
        }
        // A receiver that is gone is no error here, see above.
        let _gone = self.tx.send(entry);
        Ok(())
    }

    /// Adds a last entry past the bound: the end of something must always be told.
    pub fn push_last(self, entry: T) {
        self.waiting.fetch_add(entry.weight(), Ordering::AcqRel);
        let _gone = self.tx.send(entry);
    }

    /// Bytes that wait to be received.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }

    /// Whether the receiver is gone.
    pub fn is_closed(&self) -> bool {
        self.tx.is_closed()
    }
}

impl<T: Weigh> Receiver<T> {
    /// The next entry; `None` when all senders are gone and the queue is empty. Cancel safe.
    pub async fn recv(&mut self) -> Option<T> {
        let entry = self.rx.recv().await?;
        self.release(&entry);
        Some(entry)
    }

    /// An entry that is there already.
    pub fn try_recv(&mut self) -> Option<T> {
        let entry = self.rx.try_recv().ok()?;
        self.release(&entry);
        Some(entry)
    }

    /// Polls for the next entry, for streams.
    pub fn poll_recv(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Option<T>> {
        self.rx.poll_recv(cx).map(|entry| entry.inspect(|e| self.release(e)))
    }

    fn release(&self, entry: &T) {
        self.waiting.fetch_sub(entry.weight(), Ordering::AcqRel);
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
}
