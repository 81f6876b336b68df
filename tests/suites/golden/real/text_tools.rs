//! Calls as blocks of text, written and read.

use super::{asking, played_with};
use gateway_tests::upstream::Reply;
use serde_json::{Value, json};

/// A block as Obsidian Copilot's prompt asks for it.
const SEARCH: &str = "<use_tool>\n<name>localSearch</name>\n<query>piano & <b>learning</b></query>\n\
    <salientTerms>[\"piano\"]</salientTerms>\n<limit>3</limit>\n</use_tool>";

/// A question with Copilot's search.
fn searching(more: &Value) -> Value {
    let parameters = json!({
        "type": "object",
        "properties": {
            "query": { "type": "string" },
            "salientTerms": { "type": "array", "items": { "type": "string" } },
            "limit": { "type": "integer" },
        },
        "required": ["query", "salientTerms", "limit"],
        "additionalProperties": false,
    });
    let mut body = asking(
        "Find my notes.",
        &json!({ "tools": [{ "type": "function", "function": { "name": "localSearch", "parameters": parameters } }] }),
    );
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    body
}

/// The model calls twice, with a text before.
fn calling() -> Reply {
    let arguments =
        |query: &str| json!({ "query": query, "salientTerms": ["<b>", "piano"], "limit": 3 }).to_string();
    Reply::new()
        .text("Let me see.")
        .function_call_as("call_a", "localSearch", &arguments("a < b"))
        .function_call_as("call_b", "localSearch", &arguments("</query>\n"))
}

macro_rules! told_as {
    ($name:ident, $mode:literal, $body:expr, [$($reply:expr),*]) => {
        #[tokio::test]
        async fn $name() {
            let mode = |builder: gateway_tests::pair::Builder| builder.front("PROXY_OUTPUT_MODE", $mode);
            let transcript = played_with(vec![$($reply),*], 0, $body, 200, mode).await;
            insta::with_settings!({ snapshot_path => "../snapshots" }, {
                insta::assert_snapshot!(stringify!($name), transcript);
            });
        }
    };
}

told_as!(calls_as_blocks, "obsidian-xml", searching(&json!({})), [calling()]);

told_as!(calls_as_blocks_stream, "obsidian-xml", searching(&json!({ "stream": true })), [calling()]);

told_as!(
    blocks_as_calls,
    "textual-tools",
    searching(&json!({})),
    [Reply::new().text(format!("Let me see.\n\n{SEARCH}\n"))]
);

told_as!(
    blocks_as_calls_stream,
    "textual-tools",
    searching(&json!({ "stream": true })),
    [Reply::new().text(format!("Let me <use it>.\n\n{SEARCH}\n"))]
);

told_as!(
    a_block_that_calls_nothing_stream,
    "textual-tools",
    searching(&json!({ "stream": true })),
    [Reply::new().text("<use_tool>\n<name>webSearch</name>\n</use_tool> and <use_tool>\n<name>localSearch")]
);

told_as!(blocks_are_text, "openai-json", searching(&json!({})), [Reply::new().text(SEARCH)]);
