//! Functions: declared, renamed, called, chosen.

use super::{asking, golden};
use gateway_tests::upstream::Reply;
use serde_json::{Value, json};

/// A function with one number.
fn function(name: &str) -> Value {
    json!({
        "name": name,
        "description": "Adds.",
        "parameters": { "type": "object", "properties": { "n": { "type": "integer" } }, "required": ["n"] },
    })
}

fn tools(names: &[&str]) -> Value {
    names.iter().map(|name| json!({ "type": "function", "function": function(name) })).collect()
}

fn parallel() -> Reply {
    Reply::new().text("Let me see.").function_call_as("call_a", "one", "{\"n\": 1}").function_call_as(
        "call_b",
        "two",
        "{\"n\":2}",
    )
}

golden!(parallel_calls, 200, asking("Add.", &json!({ "tools": tools(&["one", "two"]) })), [parallel()]);

golden!(
    parallel_calls_stream,
    200,
    asking(
        "Add.",
        &json!({ "tools": tools(&["one", "two"]), "stream": true, "stream_options": { "include_usage": true } })
    ),
    [parallel()]
);

golden!(
    names_that_codex_keeps_or_cannot_read,
    200,
    asking("Run it.", &json!({ "tools": tools(&["exec_command", "mcp__files__read", "a.b", "über"]) })),
    [Reply::new().function_call_as("call_a", "fn_exec_command", "{\"n\":1}")]
);

golden!(
    a_required_call_out_of_the_text,
    200,
    asking("Add.", &json!({ "tools": tools(&["one", "two"]), "tool_choice": "required" })),
    [Reply::new().text("{\"calls\":[{\"name\":\"two\",\"arguments\":{\"n\":2}}]}")]
);

golden!(
    a_named_function,
    200,
    asking(
        "Add.",
        &json!({
            "tools": tools(&["one", "two"]),
            "tool_choice": { "type": "function", "function": { "name": "two" } },
        })
    ),
    [Reply::new().function_call_as("call_a", "two", "{\"n\":2}")]
);

golden!(
    the_old_form,
    200,
    asking("Add.", &json!({ "functions": [function("one")] })),
    [Reply::new().function_call_as("call_a", "one", "{\"n\":1}")]
);

golden!(
    the_old_form_stream,
    200,
    asking("Add.", &json!({ "functions": [function("one")], "stream": true })),
    [Reply::new().function_call_as("call_a", "one", "{\"n\":1}")]
);

golden!(
    a_call_of_an_unknown_function,
    200,
    asking("Add.", &json!({ "tools": tools(&["one"]) })),
    [Reply::new().function_call_as("call_a", "made_up", "{}")],
    // Codex answers it by itself. The recorders delay the interrupt, so it may have asked the model once more.
    1
);

golden!(
    arguments_that_are_no_json,
    502,
    asking("Add.", &json!({ "tools": tools(&["one"]) })),
    // The front fails as soon as it sees them. That the model says nothing more shows it, and makes it the only order.
    [Reply::new().function_call_as("call_a", "one", "{\"n\": ").stall()]
);
