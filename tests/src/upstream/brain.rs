//! Decides what to answer.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::record::Recorded;
use super::reply::Reply;

/// Chooses the reply to a request that passed the checks.
pub trait Brain: Send + Sync {
    /// The reply to this request.
    fn reply(&self, request: &Recorded) -> Reply;
}

impl<F> Brain for F
where
    F: Fn(&Recorded) -> Reply + Send + Sync,
{
    fn reply(&self, request: &Recorded) -> Reply {
        self(request)
    }
}

/// Fixed replies in order. One request too many gets a 500 that says so.
#[derive(Debug, Default)]
pub struct Queue(Mutex<VecDeque<Reply>>);

impl Queue {
    /// These replies, the first one first.
    #[must_use]
    pub fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        Self(Mutex::new(replies.into_iter().collect()))
    }

    /// Adds a reply behind the others.
    pub fn push(&self, reply: Reply) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(reply);
    }

    /// How many replies have not been asked for.
    #[must_use]
    pub fn left(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Brain for Queue {
    fn reply(&self, _request: &Recorded) -> Reply {
        let next = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        next.unwrap_or_else(|| Reply::error(500, "the scripted upstream has no reply left in its queue"))
    }
}

impl<B: Brain + ?Sized> Brain for std::sync::Arc<B> {
    fn reply(&self, request: &Recorded) -> Reply {
        (**self).reply(request)
    }
}
