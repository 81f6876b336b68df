use super::*;
use crate::translate::{
    answer::{Call, Closing, FinishReason},
    event::Delta,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn read(body: &Value) -> Value {
    let told = input(body.to_string().as_bytes()).expect("it is understood");
    assert!(told.len() <= MOST, "{}", told.len());
    serde_json::from_str(&told).expect("JSON")
}

fn text(content: &str) -> Value {
    json!({ "type": "text", "content": content })
}

#[test]
fn a_conversation_is_told_in_the_shape_of_the_conventions() {
    let call =
        json!({ "id": "call_1", "type": "function", "function": { "name": "f", "arguments": "{\"a\":1}" } });
    let custom = json!({ "id": "call_2", "type": "custom", "custom": { "name": "g", "input": "a text" } });
    let told = read(&json!({ "model": "m", "messages": [
        { "role": "system", "content": "be kind" },
        { "role": "user", "content": [
            { "type": "text", "text": "hi" },
            { "type": "image_url", "image_url": { "url": "DATA:image/png;base64,AAAA" } },
            { "type": "image_url", "image_url": { "url": "https://example.com/a.png" } },
            { "type": "file" },
        ] },
        { "role": "assistant", "content": null, "tool_calls": [call, custom] },
        { "role": "tool", "tool_call_id": "call_1", "content": "a result" },
        { "role": "tool", "tool_call_id": "call_2", "content": [{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }] },
        { "role": "assistant", "content": "so", "function_call": { "name": "h", "arguments": "{}" } },
        { "role": "function", "name": "h", "content": "c" },
        { "role": "a role of the client's", "content": 7 },
    ] }));
    assert_eq!(
        told,
        json!([
            { "role": "system", "parts": [text("be kind")] },
            { "role": "user", "parts": [
                text("hi"),
                { "type": "blob", "modality": "image" },
                { "type": "uri", "modality": "image", "uri": "https://example.com/a.png" },
                { "type": "other" },
            ] },
            { "role": "assistant", "parts": [
                { "type": "tool_call", "id": "call_1", "name": "f", "arguments": "{\"a\":1}" },
                { "type": "tool_call", "id": "call_2", "name": "g", "arguments": "a text" },
            ] },
            { "role": "tool", "parts": [{ "type": "tool_call_response", "id": "call_1", "response": "a result" }] },
            { "role": "tool", "parts": [{ "type": "tool_call_response", "id": "call_2", "response": "ab" }] },
            { "role": "assistant", "parts": [
                text("so"),
                { "type": "tool_call", "id": null, "name": "h", "arguments": "{}" },
            ] },
            { "role": "function", "parts": [{ "type": "tool_call_response", "id": null, "response": "c" }] },
            { "role": "other", "parts": [] },
        ])
    );
}

#[test]
fn prompts_are_parts_of_one_message() {
    assert_eq!(read(&json!({ "prompt": "one" })), json!([{ "role": "user", "parts": [text("one")] }]));
    let two = json!([{ "role": "user", "parts": [text("one"), text("two")] }]);
    assert_eq!(read(&json!({ "prompt": ["one", "two"] })), two);
    assert_eq!(input(b"{"), None);
}

#[test]
fn a_text_is_cut_where_the_bound_is() {
    for long in ["é".repeat(MOST), "\0".repeat(MOST), "\"".repeat(MOST), "x".repeat(MOST)] {
        let told = read(&json!({ "messages": [
            { "role": "user", "content": "hi" },
            { "role": "user", "content": long },
            { "role": "user", "content": "never" },
        ] }));
        assert_eq!(told[0]["parts"], json!([text("hi")]));
        assert!(told[1]["parts"][0]["content"].as_str().unwrap().ends_with(CUT));
        assert_eq!(told.as_array().unwrap().len(), 2);
    }
}

#[test]
fn messages_and_parts_without_a_text_are_bounded_as_well() {
    let many = vec![json!({ "role": "user", "content": "" }); 60_000];
    assert_eq!(read(&json!({ "messages": many })).as_array().unwrap().len(), MESSAGES);
    let parts = vec![json!({ "type": "text", "text": "" }); 200_000];
    let told = read(
        &json!({ "messages": [{ "role": "user", "content": parts }, { "role": "user", "content": "hi" }] }),
    );
    assert_eq!(told[0]["parts"].as_array().unwrap().len(), PARTS);
    assert_eq!(told[1]["parts"], json!([text("hi")]));
    let calls = vec![json!({ "function": {} }); 1000];
    let told = read(
        &json!({ "messages": vec![json!({ "role": "assistant", "content": "a", "tool_calls": calls }); 64] }),
    );
    assert_eq!(told[0]["parts"].as_array().unwrap().len(), PARTS);
}

#[test]
fn what_the_model_says_is_bounded() {
    let mut output = Output::default();
    let piece = Delta::Text { item: "\"i\"".into(), text: format!("\"{}\"", "x\\u0000".repeat(200)).into() };
    for _ in 0..100 {
        output.take(0, &piece);
        output.take(MESSAGES, &piece);
    }
    let told = output.json().unwrap();
    assert!((MOST / 2..=MOST).contains(&told.len()), "{}", told.len());

    let call =
        Call { id: "call".to_owned(), name: "f".to_owned(), arguments: "{}".to_owned(), custom: false };
    let closing = Closing { calls: vec![call; 1000], ..Closing::early(FinishReason::ToolCalls) };
    let mut output = Output::default();
    for index in 0..1000 {
        output.close(index, &closing);
    }
    let told = output.json().unwrap();
    assert!(told.len() <= MOST, "{}", told.len());
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told[0]["parts"].as_array().unwrap().len(), PARTS);
    assert_eq!(told[0]["finish_reason"], "tool_call");
}

#[test]
fn a_choice_that_never_ended_says_so() {
    let mut output = Output::default();
    output.take(1, &Delta::Message { text: "half".to_owned() });
    output.close(0, &Closing { text: Some("whole".to_owned()), ..Closing::early(FinishReason::Length) });
    let told: Value = serde_json::from_str(&output.json().unwrap()).unwrap();
    assert_eq!(
        told,
        json!([
            { "role": "assistant", "parts": [text("whole")], "finish_reason": "length" },
            { "role": "assistant", "parts": [text("half")], "finish_reason": "error" },
        ])
    );
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        Just(json!("\u{1}".repeat(9000))),
        Just(json!("x".repeat(40_000))),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        let name = prop_oneof![
            Just("messages"),
            Just("prompt"),
            Just("role"),
            Just("content"),
            Just("text"),
            Just("image_url"),
            Just("url"),
            Just("tool_calls"),
            Just("function"),
            Just("name"),
            Just("arguments"),
            Just("id"),
            Just("tool_call_id"),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..8).prop_map(|pairs| {
                Value::Object(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_is_asked_stays_within_the_bound(messages in any_json(), prompt in any_json()) {
        let body = json!({ "messages": messages, "prompt": prompt }).to_string();
        let told = input(body.as_bytes()).expect("any JSON is understood");
        prop_assert!(told.len() <= MOST, "{}", told.len());
    }

    #[test]
    fn whatever_is_said_stays_within_the_bound(
        said in prop::collection::vec((0..80_usize, 0..400_usize, "[a\"é\u{1}]", 0..80_usize, any::<bool>()), 0..40),
    ) {
        let mut output = Output::default();
        for (index, times, said, calls, whole) in said {
            let said = said.repeat(times);
            let call = Call { id: said.clone(), name: said.clone(), arguments: said.clone(), custom: false };
            let text = json!(said).to_string().into();
            output.take(index, &if whole { Delta::Message { text: said } } else { Delta::Text { item: "\"i\"".into(), text } });
            output.close(index, &Closing { calls: vec![call; calls], ..Closing::early(FinishReason::ToolCalls) });
        }
        prop_assert!(output.json().is_none_or(|told| told.len() <= MOST));
    }
}
