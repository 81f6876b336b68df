//! An upstream whose mood a test changes: it follows directives, cuts what it says, or hangs for a while.

use bytes::Bytes;
use gateway_tests::upstream::{Brain, Directives, Gate, Pieces, Recorded, Reply};
use serde_json::json;
use std::sync::{Arc, Mutex, PoisonError};

/// How the upstream treats the requests that come.
#[derive(Debug, Clone, Default)]
pub(super) enum Mood {
    /// It does what it is asked.
    #[default]
    Good,
    /// It cuts every answer in its middle.
    Cutting,
    /// It hangs in the middle of every answer until the gate opens; then every second one is cut.
    Hanging(Gate),
}

/// The upstream's brain.
#[derive(Debug, Clone, Default)]
pub(super) struct Moody {
    directives: Arc<Directives>,
    mood: Arc<Mutex<Mood>>,
}

impl Moody {
    /// From now on.
    pub(super) fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap_or_else(PoisonError::into_inner) = mood;
    }
}

/// A prompt that gets so many pieces of this size, and then never an end.
pub(super) fn endless(pieces: usize, size: usize, name: &str) -> String {
    format!("endless {pieces} {size} {name}")
}

/// The same delta again and again. It is written once: many of them cost the test nothing, and nobody's turn waits.
fn unending(pieces: usize, size: usize) -> Reply {
    let item = json!({ "type": "message", "id": "msg_unending", "status": "in_progress", "role": "assistant",
        "content": [] });
    let delta = json!({ "type": "response.output_text.delta", "item_id": "msg_unending", "output_index": 0,
        "content_index": 0, "delta": "x".repeat(size) });
    let frame = Bytes::from(format!("event: response.output_text.delta\ndata: {delta}\n\n"));
    let begun =
        Reply::new().raw(json!({ "type": "response.output_item.added", "output_index": 0, "item": item }));
    (0..pieces).fold(begun, |reply, _| reply.raw_bytes(frame.clone())).stall()
}

impl Brain for Moody {
    fn reply(&self, request: &Recorded) -> Reply {
        let prompt = request.last_user_text().unwrap_or_default();
        if let Some(rest) = prompt.strip_prefix("endless ") {
            let mut numbers = rest.split(' ').map(|n| n.parse().unwrap_or_default());
            let (pieces, size) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
            return unending(pieces, size);
        }
        let mood = self.mood.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let text = prompt.lines().find_map(|line| line.strip_prefix("!echo ")).unwrap_or_default();
        let (head, tail) = text.split_at(text.len() / 2);
        match mood {
            Mood::Good => self.directives.reply(request),
            Mood::Cutting => Reply::new().text(Pieces::new(head).chars(5).cut()),
            Mood::Hanging(gate) => {
                let waits = Pieces::new(head).chars(9).wait(&gate);
                let cut = request.seq.is_multiple_of(2);
                Reply::new().text(if cut { waits.cut() } else { waits.delta(tail) })
            }
        }
    }
}
