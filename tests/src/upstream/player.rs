//! Plays a reply's steps as the body of a response.
//!
//! It promises that what was written before a step has left before that step begins, and that the request's
//! outcome is told exactly once, by this body or by its drop.

use std::convert::Infallible;
use std::fmt;
use std::future::{Future, pending};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::task::yield_now;
use tokio::time::sleep;

use super::record::{Outcome, Ticket};
use super::reply::{Op, Reply};

/// Ends the connection: hyper drops it when a body or a service gives an error.
#[derive(Debug)]
pub(super) struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the script cuts the connection")
    }
}

impl std::error::Error for Cut {}

type Waiting = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The body of one scripted response.
pub(super) struct Player {
    ops: std::vec::IntoIter<Op>,
    rest: Bytes,
    wire_chunk: Option<usize>,
    waiting: Option<Waiting>,
    cutting: bool,
    ticket: Ticket,
}

impl Player {
    pub(super) fn new(ops: Vec<Op>, wire_chunk: Option<usize>, ticket: Ticket) -> Self {
        Self { ops: ops.into_iter(), rest: Bytes::new(), wire_chunk, waiting: None, cutting: false, ticket }
    }

    fn piece(&mut self) -> Option<Frame<Bytes>> {
        if self.rest.is_empty() {
            return None;
        }
        let size = self.wire_chunk.map_or(self.rest.len(), |size| size.min(self.rest.len()));
        let piece = self.rest.split_to(size);
        if self.wire_chunk.is_some() {
            // A pending body makes hyper flush, so each piece is a write of its own.
            self.waiting = Some(Box::pin(yield_now()));
        }
        // hyper does not ask again once `content-length` is reached, so the end is told with the last piece.
        if self.rest.is_empty() && self.ops.as_slice().is_empty() {
            self.ticket.finish(Outcome::Answered);
        }
        Some(Frame::data(piece))
    }
}

impl Body for Player {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        loop {
            if let Some(waiting) = &mut self.waiting {
                std::task::ready!(waiting.as_mut().poll(cx));
                self.waiting = None;
            }
            if self.cutting {
                let after_events = self.ticket.events();
                self.ticket.finish(Outcome::Cut { after_events });
                return Poll::Ready(Some(Err(Cut)));
            }
            if let Some(frame) = self.piece() {
                return Poll::Ready(Some(Ok(frame)));
            }
            match self.ops.next() {
                Some(Op::Write { bytes, events }) => {
                    self.ticket.wrote(events);
                    self.rest = bytes;
                }
                Some(Op::Pause(time)) => self.waiting = Some(Box::pin(sleep(time))),
                Some(Op::Wait(gate)) => self.waiting = Some(Box::pin(async move { gate.wait().await })),
                Some(Op::Signal(gate)) => {
                    self.waiting = Some(Box::pin(async move {
                        yield_now().await;
                        gate.open();
                    }));
                }
                // hyper drops what it has not flushed when a body fails, and it flushes when a body pends.
                Some(Op::Cut) => {
                    self.cutting = true;
                    self.waiting = Some(Box::pin(yield_now()));
                }
                Some(Op::Stall) => self.waiting = Some(Box::pin(pending())),
                None => {
                    self.ticket.finish(Outcome::Answered);
                    return Poll::Ready(None);
                }
            }
        }
    }
}

/// Goes through the steps that come before the response's head.
pub(super) async fn prelude(reply: &Reply, ticket: &mut Ticket) -> Result<(), Cut> {
    for op in &reply.before {
        match op {
            Op::Pause(time) => sleep(*time).await,
            Op::Wait(gate) => gate.wait().await,
            Op::Signal(gate) => gate.open(),
            Op::Cut => {
                ticket.finish(Outcome::Cut { after_events: 0 });
                return Err(Cut);
            }
            Op::Stall => match pending::<Infallible>().await {},
            // The builder puts no write before the head.
            Op::Write { .. } => {}
        }
    }
    Ok(())
}
