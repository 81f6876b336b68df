//! The child's stderr, line by line into our log.
//!
//! What clients and the model say must not get into a log with it, so after the handshake a line is told as it is only
//! where codex was seen to keep content out: its own lines of the levels `warn` and `error`. Of others the level, the
//! place in codex and the size are told, and of a panic the place. Before the handshake no client has said anything:
//! everything is told, because it says why codex can't start.

mod line;

use futures_util::StreamExt;
use line::{Level, Told, told};
use shared::codec::{Decoded, LineCodec};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
use tokio::io::AsyncRead;
use tokio_util::codec::FramedRead;

/// The longest line that is looked at, in bytes; longer ones are told by their length alone.
const MAX_LINE: usize = 16 * 1024;

/// Panics of all children.
static PANICS: AtomicU64 = AtomicU64::new(0);

/// How often a child has said that one of its threads panicked.
pub fn panics() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

/// Whether the child has been greeted, so that clients may have said something to it.
#[derive(Debug, Clone, Default)]
pub struct Greeted(Arc<AtomicBool>);

impl Greeted {
    /// It has; from here on its lines are held to what can be told.
    pub fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Copies the child's stderr into our log until it ends.
pub async fn copy<R: AsyncRead + Unpin>(stderr: R, pid: u32, greeted: Greeted) {
    let mut lines = FramedRead::new(stderr, LineCodec::new(MAX_LINE));
    let mut unexported = false;
    while let Some(Ok(decoded)) = lines.next().await {
        match decoded {
            Decoded::Line(line) => {
                let told = told(&line, greeted.is_set());
                // Said of every export, while a collector is down.
                if told != Told::Unexported || !std::mem::replace(&mut unexported, true) {
                    write(told, pid);
                }
            }
            Decoded::Overlong { limit } => {
                tracing::warn!(component = "codex", pid, "a line of over {limit} bytes was left out");
            }
        }
    }
}

fn write(told: Told, pid: u32) {
    match told {
        Told::Text { level: Level::Error, source, text } => {
            tracing::error!(component = "codex", pid, source, "{text}");
        }
        Told::Text { level: Level::Warn, source, text } => {
            tracing::warn!(component = "codex", pid, source, "{text}");
        }
        Told::Text { level: Level::Less, source, text } => {
            tracing::info!(component = "codex", pid, source, "{text}");
        }
        Told::Withheld { source, bytes } => {
            tracing::info!(
                component = "codex",
                pid,
                source,
                bytes,
                "withheld: it may hold what clients said"
            );
        }
        Told::Unexported => {
            tracing::warn!(
                component = "codex",
                pid,
                "codex can't export its spans; it is told once, whatever it says of it"
            );
        }
        Told::Panic { place } => {
            PANICS.fetch_add(1, Ordering::Relaxed);
            tracing::error!(component = "codex", event = "panic", pid, place, "Panic occurred");
        }
    }
}
