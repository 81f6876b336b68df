//! The answer as a stream of events.
//!
//! The head waits for the first sign of life from the model, so that a failure before it has its own status. A
//! keep-alive deadline bounds that wait: past it the head goes out, and comments keep the line.

use super::{
    Told,
    running::{Got, Running},
};
use crate::{
    error::{ApiError, Kind},
    record::Record,
    sse,
    translate::{
        answer::{Closing, FinishReason},
        chat::{Chunks, Effect, Identity},
        event::Delta,
        failure,
    },
};
use bytes::{Bytes, BytesMut};
use futures_util::stream::unfold;
use http::{HeaderValue, header};
use std::{convert::Infallible, time::Duration};
use sync_wrapper::SyncStream;
use tokio::time::{Instant, timeout_at};
use warp::{Reply, reply::Response};

/// Events that are there at the same time go out together, up to about this many bytes.
const BATCH: usize = 16 * 1024;

/// A stream whose head may go out.
pub(super) struct Opened {
    running: Running,
    chunks: Chunks,
    first: Option<Got>,
    keep_alive: Option<Duration>,
    told: Told,
}

/// Waits for the first sign of life, at most for `keep_alive`.
///
/// # Errors
/// What the turn failed with before anything was sent.
pub(super) async fn open(
    mut running: Running,
    identity: &Identity,
    include_usage: bool,
    keep_alive: Option<Duration>,
) -> Result<Opened, ApiError> {
    let first = match keep_alive {
        Some(limit) => tokio::time::timeout(limit, first(&mut running)).await.ok().transpose()?,
        None => Some(first(&mut running).await?),
    };
    let chunks = Chunks::new(identity, include_usage);
    Ok(Opened { running, chunks, first, keep_alive, told: Told::default() })
}

/// The first sign of life; of a text that is held back, its end. A retry is none: the child has not reached the model
/// yet.
async fn first(running: &mut Running) -> Result<Got, ApiError> {
    loop {
        match running.next().await? {
            Got::Out(Delta::Retry) => {}
            Got::Alive if !running.streams() => {}
            got @ (Got::Alive | Got::Out(_) | Got::Done(_)) => return Ok(got),
        }
    }
}

impl Opened {
    /// The same, telling this beside the answer.
    pub(super) fn telling(self, told: Told) -> Self {
        Self { told, ..self }
    }

    /// The answer; `record` is closed when its body is.
    pub(super) fn into_response(self: Box<Self>, record: Record) -> Response {
        let Self { running, chunks, first, keep_alive, told } = *self;
        let mut out = BytesMut::with_capacity(1024);
        chunks.open(&mut out);
        let body =
            Body { running: Some(running), chunks, out, first, keep_alive, sent_at: Instant::now(), record };
        let frames = unfold(body, |mut body| async {
            let bytes = body.next().await?;
            Some((Ok::<_, Infallible>(bytes), body))
        });
        let mut response = warp::reply::stream(SyncStream::new(frames)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        told.tell(&mut response);
        response
    }
}

/// The body of a stream. Dropped before its end, it interrupts the turn.
struct Body {
    /// `None` once the stream has ended.
    running: Option<Running>,
    chunks: Chunks,
    out: BytesMut,
    first: Option<Got>,
    keep_alive: Option<Duration>,
    /// When something was sent last: what the model does in between may show nothing for long.
    sent_at: Instant,
    record: Record,
}

impl Body {
    /// The next bytes; `None` after the end.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            self.take(first);
        }
        while self.out.is_empty() {
            let got = match (self.running.as_mut()?, self.keep_alive) {
                (running, None) => running.next().await,
                (running, Some(limit)) => match timeout_at(self.sent_at + limit, running.next()).await {
                    Ok(got) => got,
                    Err(_) => {
                        self.out.extend_from_slice(sse::KEEP_ALIVE);
                        break;
                    }
                },
            };
            match got {
                Ok(got) => self.take(got),
                Err(error) => self.fail(&error),
            }
        }
        while self.out.len() < BATCH
            && let Some(got) = self.running.as_mut().and_then(|running| running.try_next().transpose())
        {
            match got {
                Ok(got) => self.take(got),
                Err(error) => self.fail(&error),
            }
        }
        self.sent_at = Instant::now();
        Some(self.out.split().freeze())
    }

    fn take(&mut self, got: Got) {
        match got {
            Got::Alive => {}
            // The deltas would come again, and what was sent can't be taken back.
            Got::Out(Delta::Retry) if self.chunks.has_text() => self.fail(&failure::broken()),
            Got::Out(delta) => {
                if let Effect::Differs(bytes) = self.chunks.take(&delta, &mut self.out) {
                    let request_id = self.record.id().as_str();
                    tracing::warn!(
                        event = "stream_differs",
                        request_id,
                        bytes,
                        "the child left something out of the stream"
                    );
                }
            }
            Got::Done(closing) => {
                // Where the model calls, its turn still runs: it is ended first of all.
                self.record.usage = self.running.take().and_then(|running| running.usage());
                self.chunks.finish(&closing, self.record.usage, &mut self.out);
                self.record.served();
            }
        }
    }

    /// Once a part of the answer was sent, what a policy refuses ends it as a filter of the upstream's own would.
    fn fail(&mut self, error: &ApiError) {
        self.record.usage = self.running.take().and_then(|running| running.usage());
        if error.kind() == Kind::ContentPolicy {
            let closing = Closing::early(FinishReason::ContentFilter);
            self.chunks.finish(&closing, self.record.usage, &mut self.out);
        } else {
            self.chunks.fail(error, &mut self.out);
        }
        self.record.ended(error);
    }
}
