//! Hands on what a child says.

use crate::mux::actor::ChildEvent;
use futures_util::{FutureExt, StreamExt};
use shared::{
    codec::{Decoded, LineCodec},
    control::Load,
    id::Generation,
};
use std::{io, time::Duration};
use tokio::{
    process::ChildStdout,
    sync::{mpsc, watch},
    time::Instant,
};
use tokio_util::codec::FramedRead;

/// The lines of a child.
pub(super) type Lines = FramedRead<ChildStdout, LineCodec>;

/// The buffer for the child's stdout.
const READ_BUFFER: usize = 128 * 1024;
/// Lines that come within this time of each other are a burst.
const BURST: Duration = Duration::from_micros(500);
/// Turns from which on bursts are collected.
const PACED_FROM: usize = 4;
/// How long the lines of a burst are collected: far below what a reader of a stream notices.
const PACE: Duration = Duration::from_millis(1);

/// The lines of this pipe, each of up to `limit` bytes.
pub(super) fn lines(stdout: ChildStdout, limit: usize) -> Lines {
    FramedRead::with_capacity(stdout, LineCodec::new(limit), READ_BUFFER)
}

/// Hands on what the child says until its output ends.
///
/// A child that writes one short line after the other would wake the daemon, the front and the client for each of
/// them. While few turns run nobody is short of processor time, and every line goes on at once. From [`PACED_FROM`]
/// turns on, the lines of a burst are collected for [`PACE`] and go on together.
pub(super) async fn forward(
    generation: Generation,
    from_child: &mut Lines,
    events: &mpsc::Sender<ChildEvent>,
    load: &watch::Receiver<Load>,
) {
    let mut last = Instant::now();
    while let Some(decoded) = from_child.next().await {
        let mut next = Some(decoded);
        while let Some(decoded) = next {
            if !hand_on(generation, decoded, events).await {
                return;
            }
            next = match from_child.next().now_or_never() {
                Some(Some(decoded)) => Some(decoded),
                Some(None) => return,
                None => None,
            };
        }
        if last.elapsed() < BURST && load.borrow().turns >= PACED_FROM {
            tokio::time::sleep(PACE).await;
        }
        last = Instant::now();
    }
}

/// Hands on one line. False when nobody takes any more, or none can be read.
async fn hand_on(
    generation: Generation,
    decoded: io::Result<Decoded>,
    events: &mpsc::Sender<ChildEvent>,
) -> bool {
    match decoded {
        Ok(Decoded::Line(line)) => events.send(ChildEvent::Line(generation, line)).await.is_ok(),
        Ok(Decoded::Overlong { limit }) => {
            tracing::error!(
                event = "child_line_ignored",
                limit,
                "the child sent a line over WORKER_MAX_LINE_BYTES"
            );
            true
        }
        Err(error) => {
            tracing::error!(event = "child_unreadable", %error);
            false
        }
    }
}
