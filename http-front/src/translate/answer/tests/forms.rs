//! Tests of limits beside forms: what the client reads is cut, and not what the model wrote for it.

use super::*;
use crate::{
    schema::{self, Level},
    translate::limit::Limits,
};
use proptest::prelude::{Strategy, prop_assert_eq, prop_oneof, proptest};

/// A list, which goes up inside an object.
fn list() -> Shape {
    shape(&json!({"type": "array", "items": {"type": "string"}}))
}

/// An object with a member that may be absent, which is `null` going up.
fn optional() -> Shape {
    shape(&json!({
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "string"}, "c": {"type": "integer"}},
        "required": ["a", "c"],
        "additionalProperties": false,
    }))
}

/// An object that goes up as it is.
fn exact() -> Shape {
    shape(&json!({
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": false,
    }))
}

fn shape(schema: &serde_json::Value) -> Shape {
    Shape::Schema(Box::new(schema::output::convert(schema, Level::BestEffort).unwrap()))
}

fn limited(shape: Shape, limits: Limits, stream: bool) -> Gather {
    let expect = Expect { shape, limits, calling: any(), names: Names::new(["f"]), ..Expect::default() };
    Gather::new(Arc::new(expect), "chatcmpl-0", 0, stream)
}

fn stops(stop: &[&str]) -> Limits {
    Limits { stop: stop.iter().map(|&stop| stop.to_owned()).collect(), max_tokens: None }
}

fn tokens(most: u64) -> Limits {
    Limits { stop: Vec::new(), max_tokens: Some(most) }
}

#[test]
fn a_stop_text_is_looked_for_in_what_the_client_reads() {
    let wrapped = "{\"value\":[\"x\",\"y\"]}";
    let null = "{\"a\":1,\"b\":null,\"c\":2}";
    let fenced = "```json\n{\"a\":\n1}\n```";
    for (shape, said, stop, seen) in [
        (list(), wrapped, "}", "[\"x\",\"y\"]"),
        (list(), wrapped, "value", "[\"x\",\"y\"]"),
        (list(), wrapped, ",\"y", "[\"x\""),
        (optional(), null, "null", "{\"a\":1,\"c\":2}"),
        (optional(), null, "1,\"c\"", "{\"a\":"),
        (Shape::Object, fenced, "```", "{\"a\":\n1}"),
        (Shape::Object, fenced, "\n", "{\"a\":"),
        (exact(), "{\"a\":\"END\"}", "END", "{\"a\":\""),
    ] {
        let mut gather = limited(shape, stops(&[stop]), false);
        let end = last(&mut gather, [message("Let me think."), message(said), usage(3), END]);
        assert_eq!(end, format!("done stop text {seen}"), "{said} up to {stop}");
        assert_eq!(gather.usage().map(|usage| usage.total), Some(3), "the turn ran to its end");
    }
}

#[test]
fn a_length_leaves_what_there_is_of_the_form() {
    let think = || message("Let me think about that for a while.");
    for (shape, pieces, most, seen) in [
        (
            list(),
            vec![text("{\"value\":[\"x\","), text("\"y\",\"z\",\"u\",\"v\",\"w\"]}")],
            8,
            "[\"x\",\"y\",\"z",
        ),
        (
            Shape::Object,
            vec![text("```json\n{\"a\":"), text("\"one two three four five six\"}\n```")],
            8,
            "{\"a\":\"one two",
        ),
        (
            Shape::Object,
            vec![think(), text("{\"a\":\"one two three four five six\"}")],
            14,
            "{\"a\":\"one two",
        ),
        (
            Shape::Object,
            vec![message("{\"a\":1}"), text("That is the object which was to be written.")],
            8,
            "{\"a\":1}",
        ),
        (
            Shape::Object,
            vec![message("{\"draft\":1}"), text("{\"a\":\"one two three four five six seven\"}")],
            12,
            "{\"a\":\"one two three four",
        ),
        (list(), vec![think()], 3, ""),
        (
            optional(),
            vec![text("{\"a\":1,\"b\":null,\"c\":21, and more of it that is never read")],
            13,
            "{\"a\":1,\"b\":null,\"c\":21,",
        ),
    ] {
        let mut gather = limited(shape, tokens(most), false);
        let end =
            pieces.into_iter().map(|delta| last(&mut gather, [delta])).find(|step| step.starts_with("done"));
        let seen = if seen.is_empty() { String::new() } else { format!(" text {seen}") };
        assert_eq!(end, Some(format!("done length{seen}")));
    }
}

/// The calls stand behind the text, wherever it ends.
#[test]
fn there_are_no_calls_behind_a_limit() {
    for tail in ["", " and", " and so on and on"] {
        for stream in [false, true] {
            let mut gather = limited(Shape::Text, tokens(2), stream);
            let said = format!("Hi antidisestablishmentarianism{tail}");
            let end = [text(&said), message(&said), call("1", "f", "{}"), usage(1)]
                .into_iter()
                .map(|delta| last(&mut gather, [delta]))
                .find(|step| step.starts_with("done"));
            assert!(
                end.as_deref().is_some_and(|end| end.starts_with("done length") && !end.contains(" 1:f")),
                "{end:?}"
            );
        }
    }
}

type Of = fn() -> Shape;

fn form() -> impl Strategy<Value = (Of, String)> {
    let words = || proptest::collection::vec("[ab,\\\\\"\\[\\]{}\n ]{0,4}", 0..4);
    prop_oneof![
        words().prop_map(|words| (list as Of, json!({"value": words}).to_string())),
        (0..99, proptest::option::of("[ab\"}]{0,3}"), 0..99)
            .prop_map(|(a, b, c)| (optional as Of, json!({"a": a, "b": b, "c": c}).to_string())),
        words()
            .prop_map(|words| ((|| Shape::Object) as Of, format!("```json\n{}\n```", json!({"a": words})))),
        words().prop_map(|words| (exact as Of, json!({"a": words.concat()}).to_string())),
    ]
}

proptest! {
    /// With stop texts an answer is the one without, up to the first of them.
    #[test]
    fn stop_texts_cut_the_answer_that_there_would_be(
        (shape, said) in form(),
        first in proptest::option::of("[ab{} ]{1,6}"),
        stop in proptest::collection::vec("[ab,:\"\\[\\]{}\n`1nv]{1,3}", 1..4),
        chars in 1_usize..9,
    ) {
        let answer = |limits: Limits| {
            let mut gather = limited(shape(), limits, false);
            let said: Vec<char> = said.chars().collect();
            let pieces = said.chunks(chars).map(|piece| text(&piece.iter().collect::<String>()));
            let deltas = first.as_deref().map(message).into_iter().chain(pieces);
            for delta in deltas.chain([message(&said.iter().collect::<String>()), END]) {
                match gather.take(delta) {
                    Step::Done(closing) => return (closing.text.unwrap_or_default(), closing.reason),
                    Step::Failed(error) => panic!("{error:?}"),
                    Step::Quiet | Step::Alive | Step::Called | Step::Again | Step::Out(_) => {}
                }
            }
            panic!("no end")
        };
        let (whole, _) = answer(Limits::default());
        let at = stop.iter().filter_map(|stop| Some((whole.find(stop.as_str())? + stop.len(), stop.len()))).min_by_key(|(end, length)| (*end, std::cmp::Reverse(*length)));
        let expected = at.map_or(whole.as_str(), |(end, length)| &whole[..end - length]);
        let stop: Vec<&str> = stop.iter().map(String::as_str).collect();
        prop_assert_eq!(answer(stops(&stop)), (expected.to_owned(), FinishReason::Stop));
    }
}
