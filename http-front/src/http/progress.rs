//! Whether a connection has a request in progress: from the key that it shows until the last byte of its answer went out.
//! A request that shows none keeps no connection: a stranger that asks and never reads would have a place for as long as it
//! likes.
//!
//! The end of a request is not told by the HTTP library, so it is seen from below: hyper drops the body of an answer when
//! it has its last byte, and flushes the socket when it has written all that it has.

use super::{linger::Written, seats::Seat};
use bytes::Buf;
use http::Response;
use http_body::{Body, Frame, SizeHint};
use shared::telemetry;
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::Instant;

/// The progress of a connection. Shared between its requests and its socket.
#[derive(Debug, Clone)]
pub(super) struct Progress(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    seat: Seat,
    /// Whether a request that showed a key is in progress.
    known: AtomicBool,
    /// Whether the body of the last answer is complete, but perhaps not written.
    ending: AtomicBool,
    /// Whether the client took nothing of its answer for too long.
    stalled: AtomicBool,
    /// When the connection began.
    began: Instant,
    /// When the last request ended, in milliseconds since it began; [`BUSY`] while one is in progress.
    rests: AtomicU64,
}

/// A request is in progress.
const BUSY: u64 = u64::MAX;

impl Progress {
    /// Of a connection that has this place.
    pub(super) fn new(seat: Seat) -> Self {
        Self(Arc::new(Inner {
            seat,
            known: AtomicBool::new(false),
            ending: AtomicBool::new(false),
            stalled: AtomicBool::new(false),
            began: Instant::now(),
            rests: AtomicU64::new(0),
        }))
    }

    /// Its place.
    pub(super) fn seat(&self) -> &Seat {
        &self.0.seat
    }

    /// A request is there. It is in progress until what is given here was dropped and everything was written.
    pub(super) fn begin(&self) -> InProgress {
        self.0.ending.store(false, Ordering::Release);
        self.0.rests.store(BUSY, Ordering::Release);
        InProgress(self.clone())
    }

    /// Since when the connection has been without a request, whether that showed a key or not; `None` while there is one.
    pub(super) fn rests_since(&self) -> Option<Instant> {
        let rests = self.0.rests.load(Ordering::Acquire);
        (rests != BUSY).then(|| self.0.began + Duration::from_millis(rests))
    }

    /// The request showed a key: until its end the connection isn't closed for another one.
    pub(super) fn known(&self) {
        if !self.0.known.swap(true, Ordering::AcqRel) {
            self.0.seat.begin();
        }
    }

    /// Whether the connection ends because the client took nothing of its answer for too long.
    pub(super) fn is_stalled(&self) -> bool {
        self.0.stalled.load(Ordering::Acquire)
    }

    /// What became of what was written.
    pub(super) fn told(&self, written: Written) {
        match written {
            Written::All => self.flushed(),
            Written::Stalled => self.0.stalled.store(true, Ordering::Release),
        }
    }

    fn flushed(&self) {
        if self.0.ending.swap(false, Ordering::AcqRel) && self.0.known.swap(false, Ordering::AcqRel) {
            self.0.seat.rest();
        }
    }
}

/// A request in progress.
#[derive(Debug)]
pub(super) struct InProgress(Progress);

impl Drop for InProgress {
    fn drop(&mut self) {
        let inner = &self.0.0;
        inner.ending.store(true, Ordering::Release);
        let rests = u64::try_from(inner.began.elapsed().as_millis()).unwrap_or(BUSY - 1);
        inner.rests.store(rests, Ordering::Release);
    }
}

/// The name of its request, which an answer carries in its extensions from its route to here.
#[derive(Debug, Clone)]
pub struct Name(pub Arc<str>);

/// The body of an answer, which ends its request and works for it: what panics in it says for which.
#[derive(Debug)]
pub(super) struct Ending<B> {
    body: B,
    name: Option<Arc<str>>,
    _request: InProgress,
}

impl<B> Ending<B> {
    /// The answer to this request, which ends with its body.
    pub(super) fn of(mut answer: Response<B>, request: InProgress) -> Response<Self> {
        let name = answer.extensions_mut().remove::<Name>().map(|Name(name)| name);
        answer.map(|body| Self { body, name, _request: request })
    }
}

impl<B: Body<Data: Buf> + Unpin> Body for Ending<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let Self { body, name, _request } = &mut *self;
        let poll = || Pin::new(body).poll_frame(cx);
        match name {
            Some(name) => telemetry::within(name, poll),
            None => poll(),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{http::seats::Seats, metrics::ConnectionCounts};
    use bytes::Bytes;
    use futures_util::{future::lazy, stream::once};
    use http_body_util::{BodyExt as _, StreamBody};
    use std::convert::Infallible;

    /// The request that a body works for, as it says.
    async fn heard(name: Option<&str>) -> Bytes {
        let body = StreamBody::new(once(lazy(|_| {
            let request = telemetry::request().unwrap_or_else(|| "none".into());
            Ok::<_, Infallible>(Frame::data(Bytes::copy_from_slice(request.as_bytes())))
        })));
        let mut answer = Response::new(body);
        if let Some(name) = name {
            answer.extensions_mut().insert(Name(name.into()));
        }
        let seat = Seats::new(1, ConnectionCounts::default()).take().await;
        let answer = Ending::of(answer, Progress::new(seat).begin());
        answer.into_body().collect().await.unwrap().to_bytes()
    }

    #[tokio::test]
    async fn a_body_works_for_the_request_of_its_answer() {
        assert_eq!(heard(Some("req_1")).await, "req_1");
        assert_eq!(heard(None).await, "none");
    }
}
