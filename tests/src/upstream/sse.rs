//! Encodes events as server-sent-event frames.

use bytes::Bytes;
use serde_json::Value;

/// One frame: `event:` repeats the event's `type`, `data:` is the event on one line.
pub(super) fn frame(event: &Value) -> Bytes {
    let name = event.get("type").and_then(Value::as_str).unwrap_or("message");
    let data = event.to_string();
    let mut out = String::with_capacity(name.len() + data.len() + 16);
    out.push_str("event: ");
    out.push_str(name);
    out.push_str("\ndata: ");
    out.push_str(&data);
    out.push_str("\n\n");
    Bytes::from(out)
}
