//! What clients and the model say is in spans where the operator asks for it.

use gateway_tests::otlp::{Mode, Protocol, Receiver};
use serde_json::{Value, json};

use crate::ask::{ask, asking, both, builder, name, serving};

#[tokio::test]
async fn contents_are_exported_where_the_operator_wants_them() {
    let receiver = Receiver::start(Mode::Normal).expect("a receiver");
    let builder = receiver
        .told(builder(), Protocol::Grpc)
        .front("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true");
    let pair = serving(builder).await;
    for stream in [false, true] {
        let mut body = asking("hello there");
        body["stream"] = json!(stream);
        let answer = ask(&pair, &body, &[]).await;
        let request = name(&answer);
        answer.text().await.expect("an answer");
        let (_, model) = both(&receiver, &request).await;
        let read = |name: &str| {
            let text = model.of(name).as_str().expect("JSON in an attribute");
            serde_json::from_str::<Value>(text).expect("JSON")
        };
        let part = |text: &str| json!([{ "type": "text", "content": text }]);
        assert_eq!(read("gen_ai.input.messages"), json!([{ "role": "user", "parts": part("hello there") }]));
        assert_eq!(
            read("gen_ai.output.messages"),
            json!([{ "role": "assistant", "parts": part("hello there"), "finish_reason": "stop" }])
        );
    }
    let mut body = asking("!tool a_tool {\"a\":1}");
    body["tools"] = json!([{ "type": "function", "function": { "name": "a_tool" } }]);
    let answer = ask(&pair, &body, &[]).await;
    let (_, model) = both(&receiver, &name(&answer)).await;
    let output = model.of("gen_ai.output.messages").as_str().expect("JSON in an attribute");
    assert!(output.contains("a_tool") && output.contains("{\\\"a\\\":1}"), "{output}");
}
