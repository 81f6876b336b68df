//! Properties of blocks: how a text is cut changes nothing, what is no call stays as it was, what is written reads the
//! same.

use super::*;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The pieces of a text that comes in parts, texts beside one another put together.
fn found(tools: &Arc<Tools>, max_bytes: usize, parts: &[&str]) -> (Vec<Piece>, Counts) {
    let mut blocks = Blocks::new(Arc::clone(tools), max_bytes);
    let mut whole = Vec::new();
    let mut add = |pieces: Vec<Piece>| {
        for piece in pieces {
            match (whole.last_mut(), piece) {
                (Some(Piece::Text(text)), Piece::Text(more)) => text.push_str(&more),
                (_, piece) => whole.push(piece),
            }
        }
    };
    for part in parts {
        let mut out = Vec::new();
        blocks.push(part, &mut out);
        add(out);
    }
    let mut out = Vec::new();
    blocks.finish(&mut out);
    add(out);
    (whole, blocks.take_counts())
}

/// The text in parts that end at these places.
fn cut<'a>(text: &'a str, places: &[prop::sample::Index]) -> Vec<&'a str> {
    let mut at: Vec<usize> = places.iter().map(|place| place.index(text.len() + 1)).collect();
    at.retain(|at| text.is_char_boundary(*at));
    at.extend([0, text.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect()
}

fn fragment() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        OPEN,
        CLOSE,
        "<name>",
        "</name>",
        "one",
        "two",
        "<q>",
        "</q>",
        "<use_",
        "tool>",
        "<",
        " ",
        "\n",
        "é",
        "text",
        "<use_tool>\n<name>one</name>\n</use_tool>",
        "<use_tool><name>one</name><q>",
    ])
}

/// A whole argument.
fn argument() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["<a>1</a>", "<b><q>x</b>", "<q>x</q>", "\n<c>é < 1</c>"])
}

fn string() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "a",
        "é",
        " ",
        "\n",
        "<",
        ">",
        "/",
        "&",
        "lt;",
        "</use_tool>",
        "<use_tool>",
        "</q>",
        "<b>",
        "[",
        "]",
        "{",
        "}",
        "1",
        "\"",
        "\\",
        ",",
        "null",
        "<item>",
        "</item>",
    ]);
    prop::collection::vec(part, 0..6).prop_map(|parts| parts.concat())
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|n| Value::from(f64::from(n) / 4.0)),
        string().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((string(), inner), 0..4)
                .prop_map(|members| Value::from(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn arguments() -> impl Strategy<Value = Map<String, Value>> {
    let key = prop_oneof![
        4 => "[a-z]{1,3}",
        1 => prop::sample::select(vec!["name", "use_tool", "item", "q", "$a.b-c", "über", "a b"])
            .prop_map(str::to_owned),
        1 => string(),
    ];
    prop::collection::vec((key, value()), 0..5).prop_map(|members| members.into_iter().collect())
}

/// The one call that a block is read as, whatever way it is cut.
fn read(tools: Tools, written: &str, places: &[prop::sample::Index]) -> Option<Value> {
    match found(&Arc::new(tools), usize::MAX, &cut(written, places)).0.as_slice() {
        [Piece::Call { name, arguments }] if name == "f" => serde_json::from_str(arguments).ok(),
        _ => None,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

proptest! {
    #[test]
    fn how_a_text_is_cut_changes_nothing(
        parts in prop::collection::vec(fragment(), 0..16),
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        max_bytes in prop_oneof![1_usize..80, Just(usize::MAX)],
    ) {
        let tools = Arc::new(Tools::new([("one", None)]));
        let text = parts.concat();
        let (pieces, counts) = found(&tools, max_bytes, &[&text]);
        let chars: Vec<&str> = text.split("").filter(|c| !c.is_empty()).collect();
        prop_assert_eq!(&found(&tools, max_bytes, &chars), &(pieces.clone(), counts));
        prop_assert_eq!(&found(&tools, max_bytes, &cut(&text, &places)), &(pieces.clone(), counts));
        prop_assert_eq!(counts.started, counts.flushed + counts.aborted);
        let calls = pieces.iter().filter(|piece| matches!(piece, Piece::Call { .. })).count();
        prop_assert_eq!(counts.flushed, calls as u64);
        // Nothing but whole blocks is taken out.
        let mut rest = text.as_str();
        for piece in &pieces {
            rest = match piece {
                Piece::Text(text) => rest.strip_prefix(text.as_str()).expect("the text as it was"),
                Piece::Call { .. } => {
                    let inner = rest.strip_prefix(OPEN).expect("a block");
                    inner.split_once(CLOSE).expect("a whole one").1
                }
            };
        }
        prop_assert_eq!(rest, "");
    }

    /// Whatever a block says in an argument that it has not closed, nothing of it is called.
    #[test]
    fn what_stands_in_an_argument_is_not_called(
        before in prop::collection::vec(argument(), 0..4),
        inside in prop::collection::vec(fragment(), 0..12),
    ) {
        let tools = Arc::new(Tools::new([("one", None)]));
        let inside = inside.concat().replace("</q>", "").replace(CLOSE, "");
        let text = format!("{OPEN}<name>one</name>{}<q>{inside}{CLOSE}", before.concat());
        prop_assert_eq!(found(&tools, usize::MAX, &[&text]).0, [Piece::Text(text)]);
    }

    #[test]
    fn without_functions_every_text_stays(parts in prop::collection::vec(fragment(), 0..16)) {
        let text = parts.concat();
        let (pieces, counts) = found(&Arc::default(), usize::MAX, &parts);
        let said: String = pieces
            .iter()
            .map(|piece| if let Piece::Text(text) = piece { text.as_str() } else { "a call" })
            .collect();
        prop_assert_eq!(said, text);
        prop_assert_eq!((counts.flushed, counts.started), (0, counts.aborted));
    }

    #[test]
    fn what_is_written_reads_the_same_with_its_schema(
        arguments in arguments(),
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let properties: Map<String, Value> =
            arguments.iter().map(|(name, value)| (name.clone(), json!({ "type": kind(value) }))).collect();
        let schema = json!({ "type": "object", "properties": properties });
        let arguments = Value::from(arguments);
        let written = block("f", &arguments.to_string());
        let tools = Tools::new([("f", Some(&schema))]);
        prop_assert_eq!(read(tools, &written, &places), Some(arguments), "{}", written);
    }

    /// Without a schema a number is a text, and a text that is JSON of an array or object is that.
    #[test]
    fn what_is_written_reads_as_text_without_a_schema(arguments in arguments()) {
        let text = |value: &Value| match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => Value::from(value.to_string()),
            Value::String(text) => match serde_json::from_str(text.trim()) {
                Ok(more @ (Value::Array(_) | Value::Object(_))) => more,
                Ok(_) | Err(_) => value.clone(),
            },
            Value::Array(_) | Value::Object(_) => value.clone(),
        };
        let written = block("f", &Value::from(arguments.clone()).to_string());
        let as_one = written.contains("<args>");
        let wanted = arguments.iter().map(|(name, value)| {
            (name.clone(), if as_one { value.clone() } else { text(value) })
        });
        let wanted = Value::from(wanted.collect::<Map<_, _>>());
        prop_assert_eq!(read(Tools::new([("f", None)]), &written, &[]), Some(wanted), "{}", written);
    }
}
