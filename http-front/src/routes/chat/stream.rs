//! The answer as a stream of events.
//!
//! The head waits for the first sign of life from the model, so that a failure before it has its own status. A
//! keep-alive deadline bounds that wait: past it the head goes out, and comments keep the line.

use super::{tell_ignored, watched::Watched};
use crate::{
    error::{ApiError, Kind},
    record::Record,
    sse,
    translate::{
        chat::{Chunks, Effect, FinishReason, Identity},
        event::Delta,
        failure,
    },
};
use bytes::{Bytes, BytesMut};
use futures_util::stream::unfold;
use http::{HeaderValue, header};
use std::{convert::Infallible, time::Duration};
use sync_wrapper::SyncStream;
use warp::{Reply, reply::Response};

/// Events that are there at the same time go out together, up to about this many bytes.
const BATCH: usize = 16 * 1024;

/// A stream whose head may go out.
pub(super) struct Opened {
    turn: Watched,
    chunks: Chunks,
    first: Option<Delta>,
    keep_alive: Option<Duration>,
    ignored: Vec<&'static str>,
}

/// Waits for the first sign of life, at most for `keep_alive`.
///
/// # Errors
/// What the turn failed with before anything was sent.
pub(super) async fn open(
    mut turn: Watched,
    identity: &Identity,
    include_usage: bool,
    keep_alive: Option<Duration>,
) -> Result<Opened, ApiError> {
    let first = match keep_alive {
        Some(limit) => tokio::time::timeout(limit, first(&mut turn)).await.ok().transpose()?,
        None => Some(first(&mut turn).await?),
    };
    if let Some(Delta::End(end)) = &first
        && let Some(error) = failure::error(end)
    {
        return Err(error);
    }
    Ok(Opened { turn, chunks: Chunks::new(identity, include_usage), first, keep_alive, ignored: Vec::new() })
}

/// The first delta that is a sign of life. A retry is none: the child has not reached the model yet.
async fn first(turn: &mut Watched) -> Result<Delta, ApiError> {
    loop {
        match turn.next().await? {
            Delta::Retry => {}
            delta @ (Delta::Alive
            | Delta::Text { .. }
            | Delta::Message { .. }
            | Delta::Usage(_)
            | Delta::End(_)) => {
                return Ok(delta);
            }
        }
    }
}

impl Opened {
    /// The same, telling which parameters had no effect.
    pub(super) fn with_ignored(self, ignored: Vec<&'static str>) -> Self {
        Self { ignored, ..self }
    }

    /// The answer; `record` is closed when its body is.
    pub(super) fn into_response(self: Box<Self>, record: Record) -> Response {
        let Self { turn, chunks, first, keep_alive, ignored } = *self;
        let mut out = BytesMut::with_capacity(1024);
        chunks.open(&mut out);
        let body = Body { turn: Some(turn), chunks, out, first, keep_alive, record };
        let frames = unfold(body, |mut body| async {
            let bytes = body.next().await?;
            Some((Ok::<_, Infallible>(bytes), body))
        });
        let mut response = warp::reply::stream(SyncStream::new(frames)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        tell_ignored(&mut response, &ignored);
        response
    }
}

/// The body of a stream. Dropped before its end, it interrupts the turn.
struct Body {
    /// `None` once the stream has ended.
    turn: Option<Watched>,
    chunks: Chunks,
    out: BytesMut,
    first: Option<Delta>,
    keep_alive: Option<Duration>,
    record: Record,
}

impl Body {
    /// The next bytes; `None` after the end.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            self.take(first);
        }
        while self.out.is_empty() {
            let delta = match (self.turn.as_mut()?, self.keep_alive) {
                (turn, None) => turn.next().await,
                (turn, Some(limit)) => match tokio::time::timeout(limit, turn.next()).await {
                    Ok(delta) => delta,
                    Err(_) => {
                        self.out.extend_from_slice(sse::KEEP_ALIVE);
                        break;
                    }
                },
            };
            match delta {
                Ok(delta) => self.take(delta),
                Err(error) => self.fail(&error),
            }
        }
        while self.out.len() < BATCH
            && let Some(delta) = self.turn.as_mut().and_then(Watched::try_next)
        {
            self.take(delta);
        }
        Some(self.out.split().freeze())
    }

    fn take(&mut self, delta: Delta) {
        match delta {
            Delta::End(end) => match failure::error(&end) {
                None => {
                    self.chunks.finish(FinishReason::of(&end), &mut self.out);
                    self.turn = None;
                    self.record.usage = self.chunks.usage();
                    self.record.served();
                }
                Some(error) if error.kind() == Kind::ContentPolicy => self.filtered(&error),
                Some(error) => self.fail(&error),
            },
            // The deltas would come again, and what was sent can't be taken back.
            Delta::Retry if self.chunks.has_text() => self.fail(&failure::broken()),
            delta @ (Delta::Alive
            | Delta::Text { .. }
            | Delta::Message { .. }
            | Delta::Usage(_)
            | Delta::Retry) => {
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
        }
    }

    /// What was sent stands, as with a filter of the upstream's own.
    fn filtered(&mut self, error: &ApiError) {
        self.chunks.finish(FinishReason::ContentFilter, &mut self.out);
        self.turn = None;
        self.record.usage = self.chunks.usage();
        self.record.ended(error);
    }

    fn fail(&mut self, error: &ApiError) {
        self.chunks.fail(error, &mut self.out);
        self.turn = None;
        self.record.usage = self.chunks.usage();
        self.record.ended(error);
    }
}
