//! The model of the tests as a pure function: from the outputs so far to what it says next.

use gateway_tests::upstream::Pieces;
use serde_json::{Value, json};

use super::history::Item;

/// Rounds of calls before the answer.
pub(super) const ROUNDS: usize = 5;
/// Lines of the long document: 13,000 make more than 400 kB.
const LINES: u64 = 13_000;
/// What the programs say; `kit.py` and `kit.mjs` have the same texts.
const SYSTEM: &str = "Use the tools. Grüße, 你好.";
const TASK: &str = "Mix, read and add up.";

/// How a model writes arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// With blanks, line ends and escapes that no serialiser would write.
    Odd,
    /// As Python's `json.dumps` does.
    Spaced,
    /// As JavaScript's `JSON.stringify` does.
    Compact,
}

/// A call of a tool.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) id: String,
    pub(super) name: &'static str,
    /// As the model writes them.
    pub(super) arguments: String,
    input: Value,
}

/// What the model says.
#[derive(Debug)]
pub(super) enum Turn {
    Calls { text: Option<&'static str>, calls: Vec<Call> },
    Answer(String),
}

/// A whole run, without anybody between the model and the tools.
#[derive(Debug)]
pub(super) struct Played {
    pub(super) answer: String,
    pub(super) calls: usize,
    /// The history of each request.
    pub(super) histories: Vec<Vec<Item>>,
}

/// The next turn after these outputs, a list for each round.
pub(super) fn turn(outputs: &[Vec<String>], style: Style) -> Result<Turn, String> {
    let number = |round: usize, place: usize| number(outputs, round, place);
    let mut text = None;
    let wanted = match outputs.len() {
        0 => vec![mix("a", 1), mix("b", 2), mix("c", 3)],
        1 => {
            text = Some("First the sums.");
            vec![mix("d", number(0, 0)? + number(0, 1)?), mix("e", number(0, 2)?)]
        }
        2 => {
            let (d, e) = (number(1, 0)?, number(1, 1)?);
            vec![("document", json!({"lines": LINES + d % 10})), mix("f", d + e)]
        }
        3 => {
            let (bytes, lines) = measured(outputs)?;
            vec![mix("g", bytes + lines), mix("h", number(2, 1)?), mix("é \"ß\" \\ 😀", number(1, 1)?)]
        }
        4 => vec![mix("j", number(3, 0)? + number(3, 1)?), mix("k", number(3, 2)?)],
        ROUNDS => return Ok(Turn::Answer(format!("The sum is {}.", number(4, 0)? + number(4, 1)?))),
        rounds => return Err(format!("outputs of {rounds} rounds")),
    };
    let calls = wanted.into_iter().enumerate().map(|(place, (name, input))| Call {
        id: format!("call_{}{place}aBcDeFgHiJkLmNoPqRsTuV", outputs.len()),
        name,
        arguments: written(&input, style),
        input,
    });
    Ok(Turn::Calls { text, calls: calls.collect() })
}

/// What a run should come to.
pub(super) fn played(style: Style) -> Played {
    let mut history = vec![Item::message("developer", SYSTEM), Item::message("user", TASK)];
    let mut histories = Vec::new();
    let (mut outputs, mut count) = (Vec::new(), 0);
    loop {
        histories.push(history.clone());
        match turn(&outputs, style).expect("a run without faults") {
            Turn::Answer(answer) => return Played { answer, calls: count, histories },
            Turn::Calls { text, calls } => {
                count += calls.len();
                history.extend(text.map(|text| Item::message("assistant", text)));
                history.extend(calls.iter().map(|call| Item::Call {
                    id: call.id.clone(),
                    name: call.name.to_owned(),
                    arguments: call.arguments.clone(),
                }));
                let results: Vec<String> = calls.iter().map(|call| worked(call.name, &call.input)).collect();
                let results_of = calls.into_iter().zip(results.clone());
                history.extend(results_of.map(|(call, text)| Item::Output { id: call.id, text }));
                outputs.push(results);
            }
        }
    }
}

/// Arguments in deltas that split escapes.
pub(super) fn in_pieces(arguments: &str) -> Pieces {
    Pieces::new(arguments).chars(3)
}

fn mix(label: &str, value: u64) -> (&'static str, Value) {
    ("mix", json!({"label": label, "value": value}))
}

/// What a tool answers; the programs do the same work.
fn worked(name: &str, input: &Value) -> String {
    let whole = |member: &str| input[member].as_u64().expect("a number");
    if name == "mix" {
        return format!(
            "{}:{}",
            input["label"].as_str().expect("a label"),
            (whole("value") * 31 + 7) % 1_000_003
        );
    }
    (1..=whole("lines")).map(|line| format!("{line:06}: \"Grüße\" \\ 😀 <&>\tend\n")).collect()
}

/// The number in the output of a mix.
fn number(outputs: &[Vec<String>], round: usize, place: usize) -> Result<u64, String> {
    let output = outputs.get(round).and_then(|round| round.get(place));
    let number = output.and_then(|output| output.rsplit(':').next()?.parse().ok());
    number.ok_or_else(|| format!("round {round} has no number at {place}"))
}

/// Bytes and lines of the document.
fn measured(outputs: &[Vec<String>]) -> Result<(u64, u64), String> {
    let document = outputs.get(2).and_then(|round| round.first()).ok_or("no document")?;
    let count = |count: usize| u64::try_from(count).map_err(|error| error.to_string());
    Ok((count(document.len())?, count(document.lines().count())?))
}

fn written(input: &Value, style: Style) -> String {
    let compact = input.to_string();
    let members = input.as_object().into_iter().flatten();
    match style {
        Style::Compact => compact,
        Style::Spaced => {
            let members: Vec<String> =
                members.map(|(name, value)| format!("{}: {value}", json!(name))).collect();
            format!("{{{}}}", members.join(", "))
        }
        Style::Odd => {
            let members: Vec<String> = members
                .rev()
                .map(|(name, value)| format!("\t{} :  {}", json!(name), escaped(value)))
                .collect();
            format!("{{ \n{}\n}} ", members.join(" ,\n"))
        }
    }
}

/// JSON with an escape for everything beyond ASCII, and for the letter a.
fn escaped(value: &Value) -> String {
    let mut text = String::new();
    for unit in value.to_string().encode_utf16() {
        match u8::try_from(unit).ok().filter(u8::is_ascii) {
            Some(byte) if byte != b'a' => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\u{unit:04x}")),
        }
    }
    text
}

#[test]
fn every_style_says_the_same() {
    let input = json!({"label": "a é 😀 \"x\"", "value": 7});
    for style in [Style::Odd, Style::Spaced, Style::Compact] {
        let text = written(&input, style);
        assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), input, "{text}");
    }
    assert_eq!(written(&json!({"label": "b", "value": 7}), Style::Spaced), r#"{"label": "b", "value": 7}"#);
}

#[test]
fn the_document_is_long_and_an_exchange_shows() {
    let played = played(Style::Compact);
    assert_eq!((played.calls, played.histories.len()), (12, ROUNDS + 1));
    let longest = played.histories[3].iter().map(|item| match item {
        Item::Output { text, .. } => text.len(),
        Item::Message { .. } | Item::Call { .. } | Item::Other(_) => 0,
    });
    assert!(longest.max().is_some_and(|bytes| bytes > 400_000));
    let mut outputs = super::history::outputs(&played.histories[4]);
    let said = |outputs: &[Vec<String>]| format!("{:?}", turn(outputs, Style::Compact));
    let right = said(&outputs);
    outputs[3].swap(0, 2);
    assert_ne!(said(&outputs), right);
}
