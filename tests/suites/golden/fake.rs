//! Transcripts around the scripted child, in which every line has its place.

use serde_json::{Value, json};

use crate::stage::Stage;

fn asking(text: &str) -> Value {
    json!({ "model": "codex-5", "messages": [{ "role": "user", "content": text }] })
}

fn streaming(text: &str) -> Value {
    let mut body = asking(text);
    body["stream"] = json!(true);
    body
}

/// Plays one chat completion and compares its transcript.
macro_rules! golden {
    ($name:ident, $status:literal, $body:expr) => {
        #[tokio::test]
        async fn $name() {
            let mut stage = Stage::fake().await;
            let answer = stage.chat(&$body).await;
            assert_eq!(answer.status, $status);
            insta::assert_snapshot!(stringify!($name), stage.transcript());
        }
    };
}

golden!(plain_json, 200, asking("Say hi."));
golden!(plain_stream, 200, streaming("Say hi."));
golden!(failure_before_the_first_byte, 429, asking("!fail usageLimitExceeded"));
golden!(failure_after_the_first_byte, 200, streaming("Say hi.\n!fail internalServerError"));
golden!(retry_before_text, 200, streaming("Say hi.\n!retry_early"));
golden!(several_agent_messages, 200, asking("Say hi.\n!messages 2"));

#[tokio::test]
async fn stream_with_usage() {
    let mut stage = Stage::fake().await;
    let mut body = streaming("Say hi.\n!usage 100 40 9 5");
    body["stream_options"] = json!({ "include_usage": true });
    assert_eq!(stage.chat(&body).await.status, 200);
    insta::assert_snapshot!("stream_with_usage", stage.transcript());
}

#[tokio::test]
async fn conversation() {
    let mut stage = Stage::fake().await;
    let body = json!({
        "model": "codex-5",
        "reasoning_effort": "low",
        "temperature": 0.5,
        "messages": [
            { "role": "system", "content": "Be short." },
            { "role": "user", "content": "One?" },
            { "role": "assistant", "content": "One." },
            { "role": "developer", "content": [{ "type": "text", "text": "Be" }, { "type": "text", "text": "shorter." }] },
            { "role": "user", "content": "Two? \u{1f980}\r\n\"quoted\"" },
        ],
    });
    assert_eq!(stage.chat(&body).await.status, 200);
    insta::assert_snapshot!("conversation", stage.transcript());
}

#[tokio::test]
async fn hang_up_in_mid_stream() {
    let mut stage = Stage::fake().await;
    stage
        // The last text before the child hangs: nothing of it is under way when we leave.
        .hang_up_at(&streaming("Say hi.\n!chunks 4\n!hang"), "\"content\":\"y ")
        .await;
    insta::assert_snapshot!("hang_up_in_mid_stream", stage.transcript());
}

#[tokio::test]
async fn models() {
    let mut stage = Stage::fake().await.with_handshake();
    stage.get("/v1/models").await;
    insta::assert_snapshot!("models", stage.transcript());
}
