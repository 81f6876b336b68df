//! Tests of calls of custom tools.

use super::*;
use crate::translate::{
    blocks::{Blocks, Tools},
    custom::Customs,
    mode::OutputMode,
};

const PATCH: &str = "*** Begin Patch\n+ \"a\" </b>\n*** End Patch\n";

/// `patch` is a nested custom tool, `flat` a flat one, `f` a function.
fn expect(output: OutputMode) -> Expect {
    let body = json!({"model": "m", "messages": [], "tools": [
        {"type": "custom", "custom": {"name": "patch"}},
        {"type": "custom", "name": "flat"},
        {"type": "function", "name": "f"},
    ]})
    .to_string();
    let request: crate::openai::chat::ChatRequest<'_> = serde_json::from_str(&body).unwrap();
    let tools = Tools::of(&request, &Allowed::Any);
    let blocks = (output == OutputMode::TextualTools).then(|| Blocks::new(Arc::new(tools), 1024));
    let calling = Calling { customs: Customs::of(&request), ..any() };
    Expect { calling, output, blocks, ..Expect::default() }
}

fn closing(expect: Expect, stream: bool, deltas: impl IntoIterator<Item = Delta>) -> (String, Closing) {
    let mut gather = Gather::new(Arc::new(expect), "chatcmpl-0", 0, stream);
    let mut out = String::new();
    for delta in deltas {
        match gather.take(delta) {
            Step::Done(closing) => return (out + closing.text.as_deref().unwrap_or(&closing.rest), *closing),
            Step::Out(delta) => out.push_str(&spoken(&delta)),
            Step::Quiet | Step::Alive | Step::Called => {}
            Step::Again | Step::Failed(_) => panic!("no answer"),
        }
    }
    panic!("no end")
}

fn patch() -> String {
    json!({ "input": PATCH }).to_string()
}

#[test]
fn a_call_is_told_with_its_text() {
    let deltas =
        [call("1", "patch", &patch()), call("2", "flat", &patch()), call("3", "f", &patch()), usage(3)];
    let (_, closing) = closing(expect(OutputMode::OpenAiJson), true, deltas);
    let told: Vec<(&str, &str, bool)> =
        closing.calls.iter().map(|call| (call.name.as_str(), call.arguments.as_str(), call.custom)).collect();
    assert_eq!(told, [("patch", PATCH, true), ("flat", PATCH, false), ("f", &patch(), false)]);
    assert_eq!(closing.reason, FinishReason::ToolCalls);
}

#[test]
fn a_call_without_a_text_fails() {
    for arguments in ["", "{}", "{\"input\":7}", "\"x\"", "[\"x\"]", PATCH] {
        for name in ["patch", "flat"] {
            let expect = Arc::new(expect(OutputMode::OpenAiJson));
            let mut gather = Gather::new(expect, "chatcmpl-0", 0, true);
            assert_eq!(last(&mut gather, [call("1", name, arguments)]), "failed 502", "{arguments}");
        }
    }
}

#[test]
fn a_call_is_written_as_a_block_and_read_from_one() {
    let (written, whole) =
        closing(expect(OutputMode::ObsidianXml), false, [call("1", "patch", &patch()), usage(3)]);
    assert!(whole.calls.is_empty() && whole.reason == FinishReason::Stop);
    assert!(written.starts_with("<use_tool>\n<name>patch</name>\n<input>\n*** Begin"), "{written}");
    for stream in [false, true] {
        for (name, custom) in [("patch", true), ("flat", false)] {
            let text = written.replace("<name>patch", &format!("<name>{name}"));
            let deltas = [message(&text), usage(1), END];
            let (rest, closing) = closing(expect(OutputMode::TextualTools), stream, deltas);
            let [call] = closing.calls.as_slice() else { panic!("{rest}") };
            assert_eq!((call.name.as_str(), call.arguments.as_str(), call.custom), (name, PATCH, custom));
        }
        for block in [
            "<use_tool><name>patch</name></use_tool>",
            "<use_tool><name>patch</name><args>{\"input\":1}</args></use_tool>",
            "<use_tool><name>flat</name><patch>x</patch></use_tool>",
        ] {
            let (text, closing) =
                closing(expect(OutputMode::TextualTools), stream, [message(block), usage(1), END]);
            assert_eq!((text.as_str(), closing.calls.len()), (block, 0));
        }
    }
}
