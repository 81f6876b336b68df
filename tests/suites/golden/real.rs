//! Transcripts around the real codex with a scripted upstream.
//!
//! Where the place of a notification is not fixed, the transcript shows it behind the others and says so.

use gateway_tests::upstream::{Directives, Upstream};
use serde_json::json;

use crate::stage::Stage;

#[tokio::test]
async fn real_plain_json() {
    let upstream = Upstream::start(Directives::new()).await.expect("a free port");
    let mut stage = Stage::real(&upstream.base_url()).await;
    let body = json!({ "model": "gpt-5.5", "messages": [{ "role": "user", "content": "Say hi." }] });
    assert_eq!(stage.chat(&body).await.status, 200);
    assert_eq!(upstream.problems(), Vec::<String>::new());
    insta::assert_snapshot!("real_plain_json", stage.transcript());
}

#[tokio::test]
async fn real_stream_with_usage() {
    let upstream = Upstream::start(Directives::new()).await.expect("a free port");
    let mut stage = Stage::real(&upstream.base_url()).await;
    let body = json!({
        "model": "gpt-5.5",
        "messages": [{ "role": "user", "content": "Say hi." }],
        "stream": true,
        "stream_options": { "include_usage": true },
    });
    assert_eq!(stage.chat(&body).await.status, 200);
    assert_eq!(upstream.problems(), Vec::<String>::new());
    insta::assert_snapshot!("real_stream_with_usage", stage.transcript());
}
