//! The child's stderr, line by line into our log.

use futures_util::StreamExt;
use serde::Deserialize;
use shared::codec::{Decoded, LineCodec};
use tokio::io::AsyncRead;
use tokio_util::codec::FramedRead;

/// The longest line that is looked at, in bytes; longer ones are told by their length alone.
const MAX_LINE: usize = 16 * 1024;
/// What of a line is logged, in characters.
const MAX_SHOWN: usize = 2_000;

/// A line of the child's own log (`LOG_FORMAT=json`).
#[derive(Deserialize)]
struct Entry {
    level: String,
    #[serde(default)]
    target: String,
    fields: Fields,
}

#[derive(Deserialize)]
struct Fields {
    #[serde(default)]
    message: String,
}

/// Copies the child's stderr into our log until it ends.
pub async fn copy<R: AsyncRead + Unpin>(stderr: R, pid: u32) {
    let mut lines = FramedRead::new(stderr, LineCodec::new(MAX_LINE));
    while let Some(Ok(decoded)) = lines.next().await {
        match decoded {
            Decoded::Line(line) => log(&line, pid),
            Decoded::Overlong { limit } => {
                tracing::warn!(component = "codex", pid, "a line of over {limit} bytes was left out");
            }
        }
    }
}

fn log(line: &[u8], pid: u32) {
    match serde_json::from_slice::<Entry>(line) {
        Ok(Entry { level, target, fields }) => {
            let text = shown(&fields.message);
            match level.as_str() {
                "ERROR" => tracing::error!(component = "codex", pid, source = target, "{text}"),
                "WARN" => tracing::warn!(component = "codex", pid, source = target, "{text}"),
                _ => tracing::info!(component = "codex", pid, source = target, "{text}"),
            }
        }
        Err(_) => tracing::warn!(component = "codex", pid, "{}", shown(&String::from_utf8_lossy(line))),
    }
}

/// Cut to a bound, and without control characters: a terminal that shows the log must not be steered by it.
fn shown(text: &str) -> String {
    text.chars().take(MAX_SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
