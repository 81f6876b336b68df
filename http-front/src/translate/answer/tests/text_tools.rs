//! Tests of calls that are written as text, and of text that is read as calls.

use super::*;
use crate::{
    schema::calls::{self, Callable},
    translate::{
        blocks::{Blocks, Tools},
        mode::OutputMode,
    },
};

const TREE: &str = "<use_tool>\n<name>f</name>\n<q>a</q>\n</use_tool>";

fn reading(stream: bool, single: bool) -> Gather {
    let schema = json!({ "properties": { "q": { "type": "string" } } });
    let tools = Tools::new([("f", Some(&schema))]);
    let expect = Expect {
        calling: Calling { single, ..any() },
        output: OutputMode::TextualTools,
        blocks: Some(Blocks::new(Arc::new(tools), 1024)),
        ..Expect::default()
    };
    Gather::new(Arc::new(expect), "chatcmpl-0", 0, stream)
}

fn writing(stream: bool) -> Gather {
    let expect = Expect { calling: any(), output: OutputMode::ObsidianXml, ..Expect::default() };
    Gather::new(Arc::new(expect), "chatcmpl-0", 0, stream)
}

/// A message in pieces of so many characters, and the end of its turn.
fn said(whole: &str, length: usize) -> Vec<Delta> {
    let chars: Vec<char> = whole.chars().collect();
    let pieces = chars.chunks(length).map(|piece| text(&piece.iter().collect::<String>()));
    let begin = std::iter::once(Delta::Begun);
    begin.chain(pieces).chain([message(whole), usage(7), END]).collect()
}

/// The text, the calls, the reason and the counts to which the deltas came.
fn answer(mut gather: Gather, deltas: Vec<Delta>) -> (String, Vec<Call>, &'static str, Counts) {
    let mut out = String::new();
    for delta in deltas {
        match gather.take(delta) {
            Step::Out(delta) => out.push_str(&spoken(&delta)),
            Step::Done(closing) => {
                out.push_str(&closing.rest);
                out.push_str(closing.text.as_deref().unwrap_or_default());
                return (out, closing.calls, closing.reason.as_str(), gather.close());
            }
            Step::Quiet | Step::Alive | Step::Called => {}
            Step::Again => panic!("run once more"),
            Step::Failed(error) => panic!("{error}"),
        }
    }
    panic!("no end")
}

fn counts(started: u64, flushed: u64, aborted: u64) -> Counts {
    Counts { started, flushed, aborted }
}

#[test]
fn blocks_in_a_text_become_calls_however_it_comes() {
    let whole = format!("Let me see.\n{TREE}{TREE} Done.");
    let call = |n: usize| Call {
        id: format!("call_0_{n}"),
        name: "f".into(),
        custom: false,
        arguments: json!({ "q": "a" }).to_string(),
    };
    for (stream, length) in [(true, 1), (true, 7), (true, 500), (false, 7)] {
        let told = answer(reading(stream, false), said(&whole, length));
        let calls = vec![call(0), call(1)];
        assert_eq!(told, ("Let me see.\n Done.".into(), calls, "tool_calls", counts(2, 2, 0)));
    }
    let (_, calls, reason, _) = answer(reading(true, true), said(&whole, 3));
    assert_eq!((calls, reason), (vec![call(0)], "tool_calls"));
}

#[test]
fn what_is_no_call_stays_text() {
    for whole in ["<use_tool>\n<name>g</name>\n</use_tool>", "<use_tool>\n<name>f</name>"] {
        for stream in [true, false] {
            let told = answer(reading(stream, false), said(whole, 5));
            assert_eq!(told, (whole.into(), vec![], "stop", counts(1, 0, 1)));
        }
    }
}

#[test]
fn a_message_that_begins_anew_calls_once() {
    let mut deltas = said(TREE, 4);
    deltas.truncate(deltas.len() - 3);
    deltas.push(Delta::Retry);
    deltas.extend(said(TREE, 9));
    let (text, calls, reason, counts) = answer(reading(true, false), deltas);
    assert_eq!((text.as_str(), calls.len(), reason), ("", 1, "tool_calls"));
    assert_eq!(counts.started, counts.flushed + counts.aborted);
}

#[test]
fn calls_become_blocks_behind_the_text() {
    let deltas = || {
        vec![
            Delta::Begun,
            message("Hm."),
            call("a", "f", "{\"q\":\"a\"}"),
            call("b", "f", "{\"q\":\"a\"}"),
            usage(7),
        ]
    };
    let blocks = format!("{TREE}\n{TREE}");
    assert_eq!(answer(writing(true), deltas()), (format!("Hm.{blocks}"), vec![], "stop", counts(2, 2, 0)));
    // Text without a call is as it is.
    let plain = vec![Delta::Begun, message(TREE), usage(7), END];
    assert_eq!(answer(writing(true), plain), (TREE.into(), vec![], "stop", counts(0, 0, 0)));
}

/// A model that was to write a call as JSON may write it as the text that its client knows.
#[test]
fn a_required_call_may_be_a_block() {
    let schema = json!({ "type": "object", "properties": { "q": { "type": "string" } } });
    let callable = Callable { name: "f", parameters: &schema };
    for stream in [false, true] {
        let calls = || calls::convert(std::slice::from_ref(&callable), false).unwrap();
        let gather = || {
            let reading = reading(stream, true);
            let mut expect = Expect { calling: any(), ..Expect::default() };
            expect.blocks = reading.expect.blocks.clone();
            expect.shape = Shape::Calls(Box::new(calls()), vec!["f".into()]);
            Gather::new(Arc::new(expect), "chatcmpl-0", 0, stream)
        };
        let (text, told, reason, counted) = answer(gather(), said(&format!("So: {TREE}"), 3));
        assert_eq!((text.as_str(), told.len(), reason), ("So: ", 1, "tool_calls"));
        assert_eq!((told[0].name.as_str(), told[0].arguments.as_str()), ("f", "{\"q\":\"a\"}"));
        assert_eq!(counted, counts(1, 1, 0));
        let two = format!("<use_tool><name>nope</name></use_tool> then {TREE}");
        let (text, told, _, counted) = answer(gather(), said(&two, 3));
        assert_eq!((text.as_str(), told.len()), ("<use_tool><name>nope</name></use_tool> then ", 1));
        assert_eq!(counted, counts(2, 1, 1), "the text is read once");
        let mut none = gather();
        assert_eq!(last(&mut none, [message("<use_tool><name>g</name></use_tool>"), END]), "failed 502");
    }
}
