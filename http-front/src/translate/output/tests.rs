//! Tests of both folds.

use super::*;
use crate::{
    openai::usage::Tokens,
    translate::{
        answer::{Call, Closing, FinishReason, REFUSAL},
        event::{Delta, End},
    },
};
use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use serde_json::Value;

fn identity() -> Identity {
    Identity { id: "chatcmpl-1".into(), created: 7, model: "m".into() }
}

fn text(item: &str, text: &str) -> Delta {
    let json = |t: &str| Bytes::from(serde_json::to_vec(t).unwrap());
    Delta::Text { item: json(item), text: json(text) }
}

fn message(text: &str) -> Delta {
    Delta::Message { text: text.into() }
}

fn closing(reason: FinishReason) -> Closing {
    Closing::early(reason)
}

fn used(deltas: &[Delta]) -> Option<Tokens> {
    let used = deltas.iter().filter_map(|delta| match delta {
        Delta::Usage(tokens) => *tokens,
        Delta::Alive
        | Delta::Text { .. }
        | Delta::Message { .. }
        | Delta::Begun
        | Delta::Thread(_)
        | Delta::Reasoning { .. }
        | Delta::Reasoned { .. }
        | Delta::Call { .. }
        | Delta::Foreign
        | Delta::Command(_)
        | Delta::Retry
        | Delta::End(_) => None,
    });
    used.reduce(|mut sum, tokens| {
        sum += tokens;
        sum
    })
}

fn stream(deltas: &[Delta], include_usage: bool) -> Vec<String> {
    stream_to(deltas, include_usage, &closing(FinishReason::Stop))
}

fn stream_to(deltas: &[Delta], include_usage: bool, closing: &Closing) -> Vec<String> {
    let (mut chunks, mut out) = (Chunks::new(Form::Chat, &identity(), 1, include_usage), BytesMut::new());
    chunks.open(&mut out);
    for delta in deltas {
        chunks.take(0, delta, &mut out);
    }
    chunks.close(0, closing, b"", &mut out);
    chunks.finish(used(deltas), b"", &mut out);
    frames(&out)
}

fn frames(out: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(out).unwrap();
    text.split_terminator("\n\n").map(|f| f.strip_prefix("data: ").unwrap().to_owned()).collect()
}

fn content(frames: &[String]) -> String {
    let chunks = frames.iter().filter(|f| *f != "[DONE]").map(|f| serde_json::from_str::<Value>(f).unwrap());
    chunks.filter_map(|c| c["choices"][0]["delta"]["content"].as_str().map(str::to_owned)).collect()
}

fn whole(deltas: &[Delta]) -> Value {
    whole_to(deltas, &closing(FinishReason::Stop))
}

fn whole_to(deltas: &[Delta], closing: &Closing) -> Value {
    let mut choice = Choice::default();
    deltas.iter().for_each(|d| choice.take(d));
    choice.close(closing);
    let whole = Whole { form: Form::Chat, identity: &identity(), usage: used(deltas), metadata: None };
    serde_json::from_slice(&whole.json(&[(choice, closing.clone())])).unwrap()
}

#[test]
fn a_stream_in_full() {
    let tokens = Tokens { input: 5, cached: 1, output: 3, reasoning: 2, total: 8 };
    let deltas =
        [text("i", "a\r\nb"), message("a\r\nb"), Delta::Usage(Some(tokens)), Delta::End(End::Completed)];
    let head = r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"m","choices":"#;
    let chunk = |delta: &str, finish: &str, tail: &str| {
        format!(r#"{head}[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish}}}]{tail}"#)
    };
    assert_eq!(
        stream(&deltas, false),
        [
            chunk(r#"{"role":"assistant","content":""}"#, "null", "}"),
            chunk(r#"{"content":"a\r\nb"}"#, "null", "}"),
            chunk("{}", "\"stop\"", "}"),
            "[DONE]".to_owned(),
        ]
    );
    let usage = r#"{"prompt_tokens":5,"completion_tokens":3,"total_tokens":8,"prompt_tokens_details":{"cached_tokens":1,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":2,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}"#;
    let with_usage = stream(&deltas, true);
    assert_eq!(with_usage[2], chunk("{}", "\"stop\"", ",\"usage\":null}"));
    assert_eq!(with_usage[3], format!("{head}[],\"usage\":{usage}}}"));
}

#[test]
fn several_messages_are_joined_by_an_empty_line() {
    let deltas = [
        text("1", "one"),
        message("one"),
        text("2", ""),
        message(""),
        text("3", "thr"),
        text("3", "ee"),
        message("three"),
    ];
    assert_eq!(content(&stream(&deltas, false)), "one\n\nthree");
    assert_eq!(whole(&deltas)["choices"][0]["message"]["content"], "one\n\nthree");
}

#[test]
fn what_the_deltas_lack_at_the_end_is_sent_with_the_message() {
    let deltas =
        [text("1", "one"), message("one<oai-mem-citation>x</oai-mem-citation>"), message("only whole")];
    let expected = "one<oai-mem-citation>x</oai-mem-citation>\n\nonly whole";
    assert_eq!(content(&stream(&deltas, false)), expected);
    assert_eq!(whole(&deltas)["choices"][0]["message"]["content"], expected);
    let mut chunks = Chunks::new(Form::Chat, &identity(), 1, false);
    let mut out = BytesMut::new();
    chunks.take(0, &text("1", "ac"), &mut out);
    assert_eq!(chunks.take(0, &message("abc"), &mut out), Effect::Differs(1));
}

#[test]
fn usage_is_summed_or_absent() {
    let tokens = Tokens { input: 1, cached: 0, output: 1, reasoning: 0, total: 2 };
    let two = whole(&[Delta::Usage(Some(tokens)), Delta::Usage(Some(tokens))]);
    assert_eq!(two["usage"]["total_tokens"], 4);
    assert!(whole(&[]).get("usage").is_none());
    assert_eq!(stream(&[], true).len(), 3, "no usage chunk without usage");
}

#[test]
fn an_answer_that_ended_early_keeps_what_there_is() {
    let deltas = [message("one"), text("2", "tw"), text("2", "o")];
    let object = whole_to(&deltas, &closing(FinishReason::Length));
    assert_eq!(object["choices"][0]["message"]["content"], "one\n\ntwo");
    assert_eq!(object["choices"][0]["finish_reason"], "length");
}

#[test]
fn what_the_child_starts_over_is_not_doubled() {
    let deltas = [text("1", "on"), Delta::Retry, text("2", "one"), message("one")];
    assert_eq!(whole(&deltas)["choices"][0]["message"]["content"], "one");
}

fn calls(legacy: bool) -> Closing {
    let call = |id: &str, arguments: &str| Call {
        id: id.into(),
        name: "f".into(),
        arguments: arguments.into(),
        custom: false,
    };
    let calls = vec![call("c1", r#"{"a":"\n"}"#), call("c2", "{}")];
    let reason = if legacy { FinishReason::FunctionCall } else { FinishReason::ToolCalls };
    Closing { calls, legacy, ..closing(reason) }
}

#[test]
fn calls_stand_in_the_object_and_in_chunks_of_their_own() {
    let message = whole_to(&[], &calls(false))["choices"][0].take();
    assert_eq!(message["finish_reason"], "tool_calls");
    assert_eq!(
        message["message"].to_string(),
        r#"{"role":"assistant","content":null,"refusal":null,"annotations":[],"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":\"\\n\"}"}},{"id":"c2","type":"function","function":{"name":"f","arguments":"{}"}}]}"#
    );
    let frames = stream_to(&[], false, &calls(false));
    let deltas: Vec<String> = frames[1..frames.len() - 1]
        .iter()
        .map(|f| serde_json::from_str::<Value>(f).unwrap()["choices"][0]["delta"].to_string())
        .collect();
    assert_eq!(
        deltas,
        [
            r#"{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":""}}]}"#,
            r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":\"\\n\"}"}}]}"#,
            r#"{"tool_calls":[{"index":1,"id":"c2","type":"function","function":{"name":"f","arguments":""}}]}"#,
            r#"{"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]}"#,
            "{}",
        ]
    );
}

#[test]
fn a_call_of_a_custom_tool_comes_in_one_chunk() {
    let mut closing = calls(false);
    closing.calls[1] = Call { arguments: "*** \"a\"\n".into(), custom: true, ..closing.calls[1].clone() };
    let whole = whole_to(&[], &closing)["choices"][0]["message"]["tool_calls"][1].take();
    let custom = r#""id":"c2","type":"custom","custom":{"name":"f","input":"*** \"a\"\n"}}"#;
    assert_eq!(whole.to_string(), format!("{{{custom}"));
    let frames = stream_to(&[], false, &closing);
    assert!(
        frames[3].contains(&format!(r#""delta":{{"tool_calls":[{{"index":1,{custom}]}}"#)),
        "{}",
        frames[3]
    );
    assert!(frames[4].contains(r#""finish_reason":"tool_calls""#), "{}", frames[4]);
}

#[test]
fn a_call_in_the_old_form() {
    let closing = Closing { calls: calls(true).calls.drain(..1).collect(), ..calls(true) };
    let object = whole_to(&[], &closing);
    let message = &object["choices"][0]["message"];
    assert_eq!(message["function_call"]["name"], "f");
    assert!(message.get("tool_calls").is_none() && message["content"].is_null());
    let frames = stream_to(&[], false, &closing);
    assert!(frames[1].contains(r#""delta":{"function_call":{"name":"f","arguments":""}}"#), "{}", frames[1]);
    assert!(frames[2].contains(r#""delta":{"function_call":{"arguments":"{"#), "{}", frames[2]);
    assert!(frames[3].contains(r#""finish_reason":"function_call""#), "{}", frames[3]);
}

#[test]
fn text_that_was_held_back_and_refusals() {
    let held = Closing { text: Some("{\"a\":1}".into()), ..closing(FinishReason::Stop) };
    assert_eq!(content(&stream_to(&[], false, &held)), "{\"a\":1}");
    assert_eq!(whole_to(&[], &held)["choices"][0]["message"]["content"], "{\"a\":1}");
    let refused = Closing { refusal: Some(REFUSAL), ..closing(FinishReason::Stop) };
    let message = whole_to(&[], &refused)["choices"][0]["message"].take();
    assert!(message["content"].is_null() && message["refusal"] == REFUSAL, "{message}");
    assert!(stream_to(&[], false, &refused)[1].contains(r#""delta":{"refusal":"The model"#));
}

fn thought(part: u32, text: &str) -> Delta {
    let json = |t: &str| Bytes::from(serde_json::to_vec(t).unwrap());
    Delta::Reasoning { item: json("r"), part, text: json(text) }
}

fn thoughts(frames: &[String]) -> String {
    let chunks = frames.iter().filter(|f| *f != "[DONE]").map(|f| serde_json::from_str::<Value>(f).unwrap());
    chunks.filter_map(|c| c["choices"][0]["delta"]["reasoning_content"].as_str().map(str::to_owned)).collect()
}

#[test]
fn parts_of_the_reasoning_are_joined_and_told_once() {
    let reasoned = |text: &str| Delta::Reasoned { text: text.into() };
    for deltas in [
        vec![thought(0, "a"), thought(0, "b"), thought(1, "c"), reasoned("ab\n\ncd"), reasoned("e")],
        vec![reasoned("ab\n\ncd"), thought(0, "e"), reasoned("e"), reasoned("")],
    ] {
        let frames = stream(&deltas, false);
        assert_eq!(thoughts(&frames), "ab\n\ncd\n\ne");
        assert_eq!(content(&frames), "");
        let message = whole(&deltas)["choices"][0]["message"].take();
        assert_eq!(
            (&message["reasoning_content"], &message["content"]),
            (&"ab\n\ncd\n\ne".into(), &"".into())
        );
    }
    assert!(whole(&[])["choices"][0]["message"].get("reasoning_content").is_none());
    let cut = [thought(0, "a"), thought(2, "b")];
    assert_eq!(whole(&cut)["choices"][0]["message"]["reasoning_content"], "a\n\nb");
}

#[test]
fn reasoning_that_is_begun_anew_is_not_told_twice() {
    let reasoned = |text: &str| Delta::Reasoned { text: text.into() };
    let again = [thought(0, "ab"), Delta::Retry, thought(0, "abc"), reasoned("abc")];
    assert_eq!(thoughts(&stream(&again, false)), "abc");
    let other = [
        thought(0, "ab"),
        Delta::Retry,
        thought(0, "xy"),
        reasoned("xyz"),
        thought(0, "l"),
        reasoned("later"),
    ];
    assert_eq!(thoughts(&stream(&other, false)), "ab\n\nlater", "what was told stays");
    assert_eq!(whole(&again)["choices"][0]["message"]["reasoning_content"], "abc");
    let between = [reasoned("a"), Delta::Retry, reasoned("b")];
    assert_eq!(thoughts(&stream(&between, false)), "a\n\nb");
}

#[test]
fn choices_have_their_own_index_and_text() {
    let (mut chunks, mut out) = (Chunks::new(Form::Chat, &identity(), 2, true), BytesMut::new());
    chunks.open(&mut out);
    chunks.take(1, &text("i", "b"), &mut out);
    chunks.take(0, &text("i", "a"), &mut out);
    chunks.take(1, &message("b"), &mut out);
    chunks.take(1, &text("j", "c"), &mut out);
    assert!(chunks.has_text(0) && chunks.has_text(1) && !chunks.has_text(2));
    chunks.close(1, &closing(FinishReason::Length), b"", &mut out);
    chunks.close(0, &closing(FinishReason::Stop), b"", &mut out);
    chunks.finish(Some(Tokens::default()), b",\"more\":1", &mut out);
    let frames = frames(&out);
    let choices: Vec<String> = frames
        .iter()
        .filter_map(|frame| serde_json::from_str::<Value>(frame).ok()?["choices"].get(0).cloned())
        .map(|choice| format!("{} {} {}", choice["index"], choice["delta"], choice["finish_reason"]))
        .collect();
    assert_eq!(
        choices,
        [
            r#"0 {"role":"assistant","content":""} null"#,
            r#"1 {"role":"assistant","content":""} null"#,
            r#"1 {"content":"b"} null"#,
            r#"0 {"content":"a"} null"#,
            r#"1 {"content":"\n\n"} null"#,
            r#"1 {"content":"c"} null"#,
            r#"1 {} "length""#,
            r#"0 {} "stop""#,
        ]
    );
    assert!(frames[frames.len() - 2].ends_with(",\"more\":1}"), "{frames:?}");
}

#[test]
fn completions_have_texts() {
    let identity = Identity { id: "cmpl-1".into(), ..identity() };
    let (mut chunks, mut out) = (Chunks::new(Form::Text, &identity, 1, false), BytesMut::new());
    chunks.open(&mut out);
    chunks.echo(0, "a: ", &mut out);
    chunks.take(0, &text("i", "b"), &mut out);
    chunks.take(0, &thought(0, "no"), &mut out);
    let refused = Closing { rest: "c".into(), refusal: Some(REFUSAL), ..closing(FinishReason::Stop) };
    chunks.close(0, &refused, b"", &mut out);
    chunks.finish(None, b"", &mut out);
    let head = r#"{"id":"cmpl-1","object":"text_completion","created":7,"model":"m","choices":"#;
    let chunk = |text: &str, reason: &str| {
        format!(r#"{head}[{{"index":0,"text":"{text}","logprobs":null,"finish_reason":{reason}}}]}}"#)
    };
    let end = r#""content_filter""#;
    assert_eq!(
        frames(&out),
        [chunk("a: ", "null"), chunk("b", "null"), chunk("c", "null"), chunk("", end), "[DONE]".to_owned()]
    );
    let mut choice = Choice::behind(Some("a: ".into()));
    choice.take(&text("i", "b"));
    choice.close(&refused);
    let whole = Whole { form: Form::Text, identity: &identity, usage: None, metadata: None };
    assert_eq!(
        String::from_utf8(whole.json(&[(choice, refused)])).unwrap(),
        format!(r#"{head}[{{"text":"a: bc","index":0,"logprobs":null,"finish_reason":{end}}}]}}"#)
    );
}

proptest! {
    /// However a turn's messages are cut into deltas, stream and object have the same content, the exact one.
    #[test]
    fn both_folds_agree(messages in proptest::collection::vec(proptest::collection::vec(".{0,6}|[\r\n\u{2028}\"]", 0..6), 0..5)) {
        let mut deltas = Vec::new();
        for (i, parts) in messages.iter().enumerate() {
            deltas.extend(parts.iter().map(|p| text(&i.to_string(), p)));
            deltas.push(message(&parts.concat()));
        }
        let texts: Vec<String> = messages.iter().map(|p| p.concat()).filter(|t| !t.is_empty()).collect();
        let expected = texts.join("\n\n");
        prop_assert_eq!(content(&stream(&deltas, false)), expected.clone());
        prop_assert_eq!(&whole(&deltas)["choices"][0]["message"]["content"], &Value::from(expected));
    }
}
