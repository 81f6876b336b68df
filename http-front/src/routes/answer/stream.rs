//! The answer as a stream of events.
//!
//! The head waits for the first sign of life from the model, so that a failure before it has its own status. A
//! keep-alive deadline bounds that wait: past it the head goes out, and comments keep the line.

use super::{
    About,
    running::{Got, differs},
    runs::Runs,
};
use crate::{
    error::{ApiError, Kind},
    record::Record,
    sse,
    translate::{
        answer::{Closing, FinishReason},
        event::Delta,
        failure,
        mode::Profile,
        output::{Chunks, Effect},
    },
};
use bytes::{Bytes, BytesMut};
use futures_util::stream::unfold;
use http::{HeaderValue, header};
use std::{convert::Infallible, iter::Enumerate, sync::Arc, time::Duration, vec::IntoIter};
use sync_wrapper::SyncStream;
use tokio::time::{Instant, timeout_at};
use warp::{Reply, reply::Response};

/// Events that are there at the same time go out together, up to about this many bytes.
const BATCH: usize = 16 * 1024;

/// A stream whose head may go out.
pub(in crate::routes) struct Opened {
    runs: Runs,
    about: About,
    first: Option<(usize, Got)>,
    keep_alive: Option<Duration>,
}

/// Waits for the first sign of life, at most for `keep_alive`.
///
/// # Errors
/// What a turn failed with before anything was sent.
pub(super) async fn open(
    mut runs: Runs,
    about: About,
    keep_alive: Option<Duration>,
) -> Result<Opened, ApiError> {
    let first = match keep_alive {
        Some(limit) => tokio::time::timeout(limit, first(&mut runs)).await.ok().transpose()?.flatten(),
        None => first(&mut runs).await?,
    };
    Ok(Opened { runs, about, first, keep_alive })
}

/// The first sign of life; of a text that is held back, its end. A retry is none: the child has not reached the model
/// yet.
async fn first(runs: &mut Runs) -> Result<Option<(usize, Got)>, ApiError> {
    while let Some((index, got)) = runs.next().await {
        match got? {
            Got::Out(Delta::Retry) => {}
            Got::Alive | Got::Called if !runs.streams() => {}
            got @ (Got::Alive | Got::Called | Got::Out(_) | Got::Done(_)) => return Ok(Some((index, got))),
        }
    }
    Ok(None)
}

impl Opened {
    /// The answer; `record` is closed when its body is.
    pub(super) fn into_response(self: Box<Self>, mut record: Record) -> Response {
        record.head_goes_out();
        let Self { runs, mut about, first, keep_alive } = *self;
        let mut out = BytesMut::with_capacity(1024);
        let chunks = Chunks::new(about.form, &about.identity, about.choices, about.include_usage);
        chunks.open(&mut out);
        let echoes = std::mem::take(&mut about.echoes).into_iter().enumerate();
        let body = Body {
            echoes,
            runs,
            chunks,
            about,
            out,
            first,
            over: false,
            filtered: None,
            keep_alive,
            sent_at: Instant::now(),
            record,
        };
        let frames = unfold(body, |mut body| async {
            let bytes = body.next().await?;
            Some((Ok::<_, Infallible>(bytes), body))
        });
        let mut response = warp::reply::stream(SyncStream::new(frames)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        response
    }
}

/// The body of a stream. Dropped before its end, it interrupts the turns.
struct Body {
    /// What still goes out in front of the texts: each one by itself, for they may be large.
    echoes: Enumerate<IntoIter<Arc<str>>>,
    runs: Runs,
    chunks: Chunks,
    about: About,
    out: BytesMut,
    first: Option<(usize, Got)>,
    /// Whether the last frame was written.
    over: bool,
    /// Why a choice was ended by a policy.
    filtered: Option<ApiError>,
    keep_alive: Option<Duration>,
    /// When something was sent last: what the model does in between may show nothing for long.
    sent_at: Instant,
    record: Record,
}

impl Body {
    /// The next bytes; `None` after the end.
    async fn next(&mut self) -> Option<Bytes> {
        for (index, echo) in self.echoes.by_ref() {
            if !echo.is_empty() {
                self.chunks.echo(index, &echo, &mut self.out);
                return Some(self.out.split().freeze());
            }
        }
        if let Some((index, first)) = self.first.take() {
            self.take(index, first);
        }
        while self.out.is_empty() {
            if self.over {
                return None;
            }
            let got = match self.keep_alive {
                None => self.runs.next().await,
                Some(limit) => match timeout_at(self.sent_at + limit, self.runs.next()).await {
                    Ok(got) => got,
                    Err(_) => {
                        self.out.extend_from_slice(sse::KEEP_ALIVE);
                        self.record.kept_alive();
                        break;
                    }
                },
            };
            let (index, got) = got?;
            self.got(index, got);
        }
        while self.out.len() < BATCH
            && !self.over
            && let Some((index, got)) = self.runs.try_next()
        {
            self.got(index, got);
        }
        self.sent_at = Instant::now();
        Some(self.out.split().freeze())
    }

    fn got(&mut self, index: usize, got: Result<Got, ApiError>) {
        match got {
            Ok(got) => self.take(index, got),
            Err(error) => self.fail(index, error),
        }
    }

    fn take(&mut self, index: usize, got: Got) {
        match got {
            Got::Alive => self.record.heard(None),
            Got::Called => self.record.spoke(),
            // The deltas would come again, and what was sent can't be taken back.
            Got::Out(Delta::Retry) if self.chunks.has_text(index) => {
                let broken = failure::broken();
                let agent = self.about.profile == Profile::Agent;
                self.fail(index, if agent { broken.after_work(true) } else { broken })
            }
            Got::Out(delta) => {
                self.record.heard(Some(&delta));
                self.record.observe().said(index, &delta);
                if let Effect::Differs(bytes) = self.chunks.take(index, &delta, &mut self.out) {
                    differs(self.record.id().as_str(), bytes);
                }
            }
            Got::Done(closing) => {
                self.record.completed(&closing);
                self.close(index, &closing);
            }
        }
    }

    /// One choice is complete; the last one completes the answer.
    fn close(&mut self, index: usize, closing: &Closing) {
        self.record.observe().finished(index, closing);
        if !self.runs.is_over() {
            return self.chunks.close(index, closing, b"", &mut self.out);
        }
        let usage = self.runs.usage();
        self.record.usage = usage;
        let metadata = self
            .about
            .metadata(&self.runs)
            .map_or_else(String::new, |metadata| format!(",\"codex_metadata\":{}", metadata.get()));
        let (last, behind) = if self.chunks.tells(usage) { ("", &*metadata) } else { (&*metadata, "") };
        self.chunks.close(index, closing, last.as_bytes(), &mut self.out);
        self.chunks.finish(usage, behind.as_bytes(), &mut self.out);
        self.over = true;
        match &self.filtered {
            Some(error) => self.record.ended(error),
            None => self.record.served(),
        }
    }

    /// Once a part of the answer was sent, what a policy refuses ends its choice as a filter of the upstream's own would.
    /// Anything else ends them all: half of what was asked for is no answer.
    fn fail(&mut self, index: usize, error: ApiError) {
        if error.kind() == Kind::ContentPolicy {
            self.filtered = Some(error);
            let rest = self.runs.take_rest();
            let closing = Closing { rest, ..Closing::early(FinishReason::ContentFilter) };
            return self.close(index, &closing);
        }
        self.runs.stop();
        self.record.usage = self.runs.usage();
        self.chunks.fail(&error, &mut self.out);
        self.record.ended(&error);
        self.over = true;
    }
}
