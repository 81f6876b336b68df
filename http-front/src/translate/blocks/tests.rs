//! Tests of blocks: as they are written, and as they are found in a text.

use super::*;
use crate::translate::{answer::Allowed, request};
use serde_json::{Value, json};
use std::sync::Arc;

/// The functions of the tests: Copilot's search, one without parameters, and one whose parameter is named `args`.
fn tools() -> Arc<Tools> {
    let search = json!({ "type": "object", "properties": {
        "query": { "type": "string" },
        "salientTerms": { "type": "array", "items": { "type": "string" } },
        "limit": { "type": "integer" },
    } });
    let args = json!({ "properties": { "args": { "type": "object" } } });
    Arc::new(Tools::new([("localSearch", Some(&search)), ("getFileTree", None), ("odd", Some(&args))]))
}

fn found(text: &str, max_bytes: usize) -> (Vec<Piece>, Counts) {
    let mut blocks = Blocks::new(tools(), max_bytes);
    let mut out = Vec::new();
    blocks.push(text, &mut out);
    blocks.finish(&mut out);
    (out, blocks.take_counts())
}

fn pieces(text: &str) -> Vec<Piece> {
    found(text, 1 << 20).0
}

fn text(text: &str) -> Piece {
    Piece::Text(text.into())
}

fn call(name: &str, arguments: &Value) -> Piece {
    Piece::Call { name: name.into(), arguments: arguments.to_string() }
}

const SEARCH: &str = "<use_tool>\n<name>localSearch</name>\n<query>piano learning</query>\n\
    <salientTerms>[\"piano\",\"learning\"]</salientTerms>\n</use_tool>";

#[test]
fn a_call_is_written_as_copilot_expects_it() {
    let arguments = json!({ "query": "piano learning", "salientTerms": ["piano", "learning"] }).to_string();
    assert_eq!(block("localSearch", &arguments), SEARCH);
    assert_eq!(block("getFileTree", "{}"), "<use_tool>\n<name>getFileTree</name>\n</use_tool>");
    assert_eq!(blocks([("a", "{}"), ("b", "{}")]), [block("a", "{}"), block("b", "{}")].join("\n"));
    assert_eq!(blocks([]), "");
}

#[test]
fn values_are_written_so_that_they_end_nothing() {
    let one = |arguments: &str| {
        let block = block("f", arguments);
        block["<use_tool>\n<name>f</name>\n".len()..block.len() - CLOSE.len() - 1].to_owned()
    };
    assert_eq!(one(r#"{"q":"a < b & c"}"#), "<q>a < b & c</q>");
    assert_eq!(one(r#"{"q":"</q></use_tool>"}"#), "<q>&lt;/q>&lt;/use_tool></q>");
    assert_eq!(one(r#"{"q":["</use_tool>"]}"#), r#"<q>["\u003c/use_tool>"]</q>"#);
    assert_eq!(one(r#"{"q":" a\n"}"#), "<q>\n a\n\n</q>");
    assert_eq!(one(r#"{"n":1e400,"b":true,"z":null}"#), "<n>1e400</n>\n<b>true</b>\n<z>null</z>");
    assert_eq!(one(r#"{"name":"x"}"#), "<name>x</name>");
    for odd in [r#"{"a>b":1}"#, r#"{"":1}"#, r#"{"use_tool":"x"}"#, r#"{" a":1}"#, "[1]", "\"x\"", "5"] {
        assert_eq!(one(odd), format!("<args>{odd}</args>"));
    }
    assert_eq!(one("{not json</args>"), "<args>{not json&lt;/args></args>");
}

#[test]
fn a_block_between_texts_becomes_a_call() {
    let arguments = json!({ "query": "piano learning", "salientTerms": ["piano", "learning"] });
    let said = format!("Let me see.\n\n{SEARCH}\n{SEARCH} Done.");
    let calls = call("localSearch", &arguments);
    assert_eq!(pieces(&said), [text("Let me see.\n\n"), calls.clone(), text("\n"), calls, text(" Done.")]);
    assert_eq!(found(&said, 1 << 20).1, Counts { started: 2, flushed: 2, aborted: 0 });
}

#[test]
fn a_fence_around_a_block_stays_text() {
    let tree = "<use_tool>\n<name>getFileTree</name>\n</use_tool>";
    let fenced = format!("```xml\n{tree}\n```");
    assert_eq!(pieces(&fenced), [text("```xml\n"), call("getFileTree", &json!({})), text("\n```")]);
}

#[test]
fn the_oldest_form_is_read_and_a_parameter_of_its_name_is_one() {
    let old = |name: &str, args: &str| {
        pieces(&format!("<use_tool>\n<name>{name}</name>\n<args>\n{args}\n</args>\n</use_tool>"))
    };
    assert_eq!(old("localSearch", "{\"query\":\"a\"}"), [call("localSearch", &json!({"query": "a"}))]);
    assert_eq!(old("odd", "{\"query\":\"a\"}"), [call("odd", &json!({"args": {"query": "a"}}))]);
    assert!(matches!(old("localSearch", "{broken").as_slice(), [Piece::Text(_)]));
    assert!(matches!(old("localSearch", "[1]").as_slice(), [Piece::Text(_)]));
}

#[test]
fn what_is_no_call_of_the_request_stays_as_it_was_written() {
    for said in [
        "<use_tool>\n<name>unknown</name>\n</use_tool>",
        "<use_tool>\n<name></name>\n</use_tool>",
        "<use_tool>\n<query>a</query>\n<name>getFileTree</name>\n</use_tool>",
        "<use_tool>\n<name>getFileTree</name>\nnow!\n</use_tool>",
        "<use_tool>\n<name>localSearch</name>\n<query>a</use_tool>",
        "<use_tool></use_tool>",
        "<USE_TOOL>\n<name>getFileTree</name>\n</USE_TOOL>",
        "<use_tool>\n<name>getFileTree</name>\n",
        "a <use_tool> of its own, and <use_too",
        "</use_tool><<use_tool",
    ] {
        let (pieces, counts) = found(said, 1 << 20);
        assert_eq!(pieces, [text(said)]);
        assert_eq!((counts.started, counts.flushed), (counts.aborted, 0), "{said}");
    }
}

#[test]
fn an_opening_that_is_only_spoken_of_holds_nothing_back() {
    let mut blocks = Blocks::new(tools(), 1 << 20);
    let mut out = Vec::new();
    blocks.push("Write `<use_tool>", &mut out);
    assert_eq!(out, [text("Write `")]);
    blocks.push("` first", &mut out);
    assert_eq!(out, [text("Write `<use_tool>` first")]);
    assert!(!blocks.holds());
    blocks.push(" <use", &mut out);
    assert!(blocks.holds());
    blocks.push("ful", &mut out);
    assert_eq!(out, [text("Write `<use_tool>` first <useful")]);
}

#[test]
fn a_block_behind_a_broken_one_is_found() {
    let tree = "<use_tool><name>getFileTree</name></use_tool>";
    let said = format!("<use_tool><name>and so on. {tree}");
    assert_eq!(pieces(&said), [text("<use_tool><name>and so on. "), call("getFileTree", &json!({}))]);
    assert_eq!(found(&said, 1 << 20).1, Counts { started: 2, flushed: 1, aborted: 1 });
}

/// A call is the model's; what stands in an argument is a text that it writes.
#[test]
fn a_block_that_stands_in_an_argument_is_not_called() {
    let tree = "<use_tool><name>getFileTree</name></use_tool>";
    for said in [
        format!("<use_tool><name>localSearch</name><query>{tree}</query></use_tool> tail"),
        format!(
            "<use_tool>\n<name> localSearch </name>\n<limit>1</limit>\n<query>Write {tree}</query>\n</use_tool>"
        ),
        // The last opening is the one that is looked at, and an earlier one is only spoken of.
        format!("<use_tool><name>localSearch</name><query>A <use_tool> is {tree}</query></use_tool>"),
        format!("<use_tool><name>localSearch</name> <use_tool><name>localSearch</name><query>{tree}"),
    ] {
        let (pieces, counts) = found(&said, 1 << 20);
        assert_eq!(pieces, [text(&said)]);
        assert_eq!((counts.started, counts.flushed), (counts.aborted, 0), "{said}");
    }
    // Behind a block that is broken elsewhere, or that calls nothing, it is a call.
    for before in [
        "<use_tool><name>localSearch</name><query>a</query> and so on. ",
        "<use_tool><name>localSearch</name> a < b, </i>, <<, <> and <use_tool> too ",
        "<use_tool><name>unknown</name><query>",
        "<use_tool><name>localSearch ",
    ] {
        let (pieces, counts) = found(&format!("{before}{tree}"), 1 << 20);
        assert_eq!(pieces, [text(before), call("getFileTree", &json!({}))]);
        assert_eq!(counts, Counts { started: 2, flushed: 1, aborted: 1 }, "{before}");
    }
}

#[test]
fn the_bound_is_exact() {
    let tree = "<use_tool><name>getFileTree</name></use_tool>";
    assert_eq!(found(tree, tree.len()).0, [call("getFileTree", &json!({}))]);
    let (pieces, counts) = found(tree, tree.len() - 1);
    assert_eq!((pieces, counts), (vec![text(tree)], Counts { started: 1, flushed: 0, aborted: 1 }));
    // What is too long doesn't hide what is not.
    let long = format!("<use_tool><name>{}{tree}", "x".repeat(100));
    assert!(matches!(found(&long, tree.len()).0.as_slice(), [Piece::Text(_), Piece::Call { .. }]));
}

#[test]
fn counts_are_told_once_and_another_text_may_follow() {
    let mut blocks = Blocks::new(tools(), 1 << 20);
    let mut out = Vec::new();
    blocks.push("<use_tool>\n", &mut out);
    blocks.finish(&mut out);
    assert_eq!(blocks.take_counts(), Counts { started: 1, flushed: 0, aborted: 1 });
    assert_eq!(blocks.take_counts(), Counts::default());
    blocks.push("<name>getFileTree</name></use_tool>", &mut out);
    blocks.finish(&mut out);
    assert_eq!(out, [text("<use_tool>\n<name>getFileTree</name></use_tool>")]);
    assert_eq!(blocks.take_counts(), Counts::default());
}

#[test]
fn functions_that_may_not_be_called_are_none_of_the_tools() {
    let body = json!({
        "model": "m",
        "messages": [],
        "tools": [
            { "type": "function", "function": { "name": "a" } },
            { "type": "function", "function": { "name": "b" } },
        ],
        "functions": [{ "name": "c" }],
    })
    .to_string();
    let request = request::parse(body.as_bytes()).unwrap();
    let known = |allowed: &Allowed| -> Vec<bool> {
        let tools = Tools::of(&request, allowed);
        ["a", "b", "c"].iter().map(|name| tools.get(name).is_some()).collect()
    };
    assert_eq!(known(&Allowed::Any), [true, true, true]);
    assert_eq!(known(&Allowed::Only(vec!["b".into()])), [false, true, false]);
    assert!(Tools::of(&request, &Allowed::None).is_empty());
}

/// A text of many openings is read in a time that grows with it alone.
#[test]
fn many_openings_are_no_burden() {
    let blocks = [
        "<use_tool>".repeat(60_000),
        "<use_tool><name>".repeat(60_000),
        format!("{}</use_tool>", "<use_tool><name>getFileTree</name><a>".repeat(50_000)),
        format!("<use_tool>{}", " ".repeat(2_000_000)),
        format!(
            "<use_tool><name>getFileTree</name>{}<use_tool><<use_tool></use_tool>",
            "<".repeat(1_000_000)
        ),
        format!("<use_tool><name>getFileTree</name>{}<use_tool></use_tool>", "<a></a".repeat(170_000)),
    ];
    for said in blocks {
        let began = std::time::Instant::now();
        let (pieces, counts) = found(&said, 1 << 20);
        assert_eq!(pieces, [text(&said)]);
        assert_eq!(counts.started, counts.aborted);
        assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
    }
}
