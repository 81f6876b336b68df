//! The model of the features: what it says to each prompt, as a pure function but for the one overload.

use std::sync::atomic::{AtomicBool, Ordering};

use gateway_tests::upstream::{Brain, Gate, Pieces, Recorded, Reply};
use serde_json::{Value, json};

use super::feature::Feature;

/// What it says where nothing else matters.
pub(super) const TEXT: &str = "Grüße, 你好 😀 \"quoted\" \\ <&>\n\nand a second paragraph.";
/// What it says before it falls silent.
pub(super) const BEGUN: &str = "Begun.";
/// What two rounds of tools come to: 1 mixed twice.
pub(super) const TOOLS_TEXT: &str = "The end is 36742.";
/// What two tools at once come to: 2 and 3, each mixed once, added up.
pub(super) const PARALLEL_TEXT: &str = "The sum is 169.";
/// What it sees in the picture.
pub(super) const IMAGE_TEXT: &str = "A red dot.";

/// The script of one run.
pub(super) struct Model {
    begun: Gate,
    overloaded: AtomicBool,
}

impl Model {
    /// A model that opens `begun` once it has begun the answer that is to be given up.
    pub(super) fn new(begun: &Gate) -> Self {
        Self { begun: begun.clone(), overloaded: AtomicBool::new(true) }
    }
}

impl Brain for Model {
    fn reply(&self, request: &Recorded) -> Reply {
        let Some(feature) = feature_of(request) else { return Reply::error(400, "no such feature") };
        match feature {
            Feature::Plain | Feature::Stream | Feature::Usage => said(TEXT),
            Feature::Tools => two_rounds(request),
            Feature::Parallel => at_once(request),
            Feature::Structured => object(request),
            Feature::Images => said(IMAGE_TEXT),
            Feature::Errors => {
                let error = json!({
                    "message": "Bad.", "type": "invalid_request_error", "param": "x", "code": "bad_thing",
                });
                Reply::status(400, &json!({"error": error}))
            }
            Feature::Retries if self.overloaded.swap(false, Ordering::Relaxed) => Reply::error(503, "full"),
            Feature::Retries => said(TEXT),
            Feature::Cancellation => {
                Reply::new().text(Pieces::empty().delta(BEGUN).signal(&self.begun).stall())
            }
        }
    }
}

/// The feature that the first word of the prompt names: agents put words of their own around it.
pub(super) fn feature_of(request: &Recorded) -> Option<Feature> {
    let text = request.last_user_text()?;
    let (_, rest) = text.split_once("feature:")?;
    Feature::named(rest.split(|letter: char| !letter.is_ascii_alphabetic()).next()?)
}

/// A trip, as the programs describe it.
pub(super) fn trip() -> Value {
    json!({
        "city": "Zürich",
        "days": 3,
        "kind": "pleasure",
        "tags": ["lake", "\"old\" town"],
        "hotel": {"name": "Löwen", "stars": null},
    })
}

fn said(text: &str) -> Reply {
    Reply::new().text(Pieces::new(text).chars(5))
}

fn two_rounds(request: &Recorded) -> Reply {
    let outputs = request.outputs_since_user();
    match outputs.as_slice() {
        [] => called(Reply::new(), request, "a", 1),
        [first] => match number("a", first) {
            Some(number) => called(Reply::new(), request, "b", number),
            None => Reply::error(400, "the first output has no number"),
        },
        [_, second] => match number("b", second) {
            Some(number) => said(&format!("The end is {}.", number * 31 + 7)),
            None => Reply::error(400, "the second output has no number"),
        },
        _ => Reply::error(400, "more outputs than calls"),
    }
}

fn at_once(request: &Recorded) -> Reply {
    let outputs = request.outputs_since_user();
    match outputs.as_slice() {
        [] => called(called(Reply::new(), request, "c", 2), request, "d", 3),
        [c, d] => match number("c", c).zip(number("d", d)) {
            Some((c, d)) => said(&format!("The sum is {}.", c + d)),
            None => Reply::error(400, "outputs without numbers, or exchanged"),
        },
        _ => Reply::error(400, "not as many outputs as calls"),
    }
}

/// A call of the caller's function `mix`, or of an agent's own `read` for the file that holds the same.
fn called(reply: Reply, request: &Recorded, label: &str, value: u64) -> Reply {
    let tools = request.json()["tools"].as_array().map_or(&[][..], Vec::as_slice);
    if tools.iter().any(|tool| tool["name"] == "mix") {
        return reply.function_call("mix", json!({"label": label, "value": value}).to_string());
    }
    let prompt = request.last_user_text().unwrap_or_default();
    let Some((_, folder)) = prompt.split_once("folder:") else {
        return Reply::error(400, "no tool that could be called");
    };
    let end = folder.find(|letter: char| letter.is_whitespace() || letter == '"').unwrap_or(folder.len());
    let path = format!("{}/{label}.txt", &folder[..end]);
    reply.function_call("read", json!({"filePath": path}).to_string())
}

/// The number behind `LABEL:`.
fn number(label: &str, output: &str) -> Option<u64> {
    let (_, rest) = output.split_once(&format!("{label}:"))?;
    let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    rest[..digits].parse().ok()
}

/// The trip, as a call where the client asks for it in that way.
fn object(request: &Recorded) -> Reply {
    let tool = request.json()["tools"][0]["name"].as_str();
    let trip = trip().to_string();
    match tool {
        Some(name) => Reply::new().function_call(name, Pieces::new(&trip).chars(7)),
        None => Reply::new().text(Pieces::new(&trip).chars(7)),
    }
}

#[test]
fn numbers_are_read_where_agents_put_more_around_them() {
    assert_eq!(number("a", "<file>\n00001| a:38\n</file>"), Some(38));
    assert_eq!(number("b", "a:38"), None);
}
