//! Reads one line of a streamed chat completion. It knows the little of Server-Sent Events that the front sends.

use serde_json::Value;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// A part of the answer.
    Content(String),
    /// `[DONE]`.
    Done,
    /// The stream ended with an error.
    Error(String),
    /// A comment, an empty line, a chunk without text.
    Nothing,
}

pub(crate) fn piece(line: &str) -> Piece {
    let Some(data) = line.strip_prefix("data:") else {
        return Piece::Nothing;
    };
    let data = data.trim();
    if data == "[DONE]" {
        return Piece::Done;
    }
    let Ok(chunk) = serde_json::from_str::<Value>(data) else {
        return Piece::Error(format!("a chunk that is not JSON: {data}"));
    };
    if let Some(error) = chunk.get("error").filter(|error| !error.is_null()) {
        return Piece::Error(error["message"].as_str().map_or_else(|| error.to_string(), str::to_owned));
    }
    match chunk["choices"][0]["delta"]["content"].as_str() {
        Some(text) if !text.is_empty() => Piece::Content(text.to_owned()),
        _ => Piece::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_taken_with_and_without_the_blank() {
        let expected = Piece::Content("Hi\n\"you\"".into());
        assert_eq!(piece(r#"data: {"choices":[{"delta":{"content":"Hi\n\"you\""}}]}"#), expected);
        assert_eq!(piece(r#"data:{"choices":[{"delta":{"content":"Hi\n\"you\""}}]}"#), expected);
    }

    #[test]
    fn chunks_without_text_are_nothing() {
        for line in [
            "",
            ": keep-alive",
            "event: ping",
            r#"data: {"choices":[{"delta":{"role":"assistant","content":""}}]}"#,
            r#"data: {"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
            r#"data: {"choices":[],"usage":{"total_tokens":3}}"#,
        ] {
            assert_eq!(piece(line), Piece::Nothing, "{line}");
        }
    }

    #[test]
    fn the_end_and_an_error_are_told_apart() {
        assert_eq!(piece("data: [DONE]"), Piece::Done);
        assert_eq!(
            piece(r#"data: {"error":{"message":"worker restarted","type":"server_error"}}"#),
            Piece::Error("worker restarted".into())
        );
        assert!(matches!(piece("data: {half"), Piece::Error(_)));
    }
}
