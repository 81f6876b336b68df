//! Images on their way to the model.

use crate::support::{Stage, message};
use gateway_tests::upstream::Reply;
use serde_json::{Value, json};

/// A PNG of one pixel.
const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
/// A GIF of one pixel.
const GIF: &str = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";

fn image(url: &str) -> Value {
    json!({"type": "image_url", "image_url": {"url": url}})
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn asking(content: Value) -> Value {
    json!({"model": "codex-5", "messages": [{"role": "user", "content": content}]})
}

fn png() -> String {
    format!("data:image/png;base64,{PNG}")
}

#[tokio::test(flavor = "multi_thread")]
async fn images_reach_the_model_in_their_places() {
    let stage = Stage::new().await;
    let odd = format!("DATA:image/jpeg;name=x;base64,{}", PNG.trim_end_matches('='));
    let mut body = asking(json!([text("one"), image(&png()), text("two"), image(&odd)]));
    body["messages"].as_array_mut().expect("messages").extend([
        json!({"role": "assistant", "content": null, "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "look", "arguments": "{}"}},
        ]}),
        json!({"role": "tool", "tool_call_id": "a", "content": [text("seen"), image(&format!("data:image/gif;base64,{GIF}"))]}),
        message("user", "Well?"),
    ]);
    let got = stage.ask([Reply::new().text("fine")], &body).await;
    assert_eq!(got.content(), "fine");
    assert_eq!((got.header("x-codex-repairs"), got.header("x-codex-ignored-params")), (None, None));
    let requests = stage.upstream.requests();
    let input = requests[0].input();
    let said = |text: &str| json!({"type": "input_text", "text": text});
    let shown = json!({"type": "input_image", "image_url": png(), "detail": "original"});
    assert_eq!(input[0]["content"], json!([said("one"), shown, said("two"), shown]));
    assert_eq!(input[2]["output"][0], said("seen"));
    let gif = input[2]["output"][1]["image_url"].as_str().expect("an image");
    assert!(gif.starts_with("data:image/png;base64,"), "codex writes a GIF as a PNG: {gif}");
    stage.check_upstream();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_image_is_refused_before_codex_could_lose_it() {
    let stage = Stage::new().await;
    let cut = format!("data:image/png;base64,{}", &PNG[..60]);
    let path = "messages[0].content[0].image_url.url";
    for (part, param) in [
        (image(&cut), path),
        (image("data:image/png;base64,aGVsbG8="), path),
        (image("data:image/svg+xml;base64,PHN2Zy8+"), path),
        (image("data:text/plain,hello"), path),
        (image("https://example.com/a.png"), path),
        (image("http://127.0.0.1/a.png"), path),
        (image("file:///etc/passwd"), path),
        (image(""), path),
        (json!({"type": "image_url"}), "messages[0].content[0].image_url"),
        (json!({"type": "image_url", "image_url": {}}), "messages[0].content[0].image_url.url"),
        (
            json!({"type": "image_url", "image_url": {"url": png(), "detail": "huge"}}),
            "messages[0].content[0].image_url.detail",
        ),
        (
            json!({"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}),
            "messages[0].content[0].type",
        ),
        (json!({"type": "file", "file": {"file_id": "f"}}), "messages[0].content[0].type"),
    ] {
        let got = stage.ask([], &asking(json!([part]))).await;
        assert_eq!(
            (got.status, &got.json()["error"]["param"]),
            (400, &json!(param)),
            "{part}: {}",
            got.shown()
        );
    }
    let mut system = asking(json!([image(&png())]));
    system["messages"][0]["role"] = "system".into();
    let got = stage.ask([], &system).await;
    assert_eq!((got.status, &got.json()["error"]["param"]), (400, &json!("messages[0].content[0].type")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_carried_is_reported() {
    let stage = Stage::new().await;
    let low = json!({"type": "image_url", "image_url": {"url": png(), "detail": "low"}});
    let mut body = asking(json!([text("a"), low]));
    body["messages"][0]["name"] = "bob".into();
    let got = stage.ask([Reply::new().text("fine")], &body).await;
    assert_eq!(got.header("x-codex-ignored-params"), Some("detail,name"));
}
