//! Conversations with calls and their results.

use super::{asking, golden};
use gateway_tests::upstream::Reply;
use serde_json::{Value, json};

const GIF: &str = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";

fn messages(messages: Value) -> Value {
    asking("", &json!({ "messages": messages }))
}

fn call(id: &str, name: &str) -> Value {
    json!({ "id": id, "type": "function", "function": { "name": name, "arguments": "{\"n\": 1}" } })
}

golden!(
    a_round_with_results,
    200,
    messages(json!([
        { "role": "user", "content": "Add." },
        { "role": "assistant", "content": null, "tool_calls": [call("call_a", "one"), call("call_b", "look")] },
        { "role": "tool", "tool_call_id": "call_a", "content": "2" },
        { "role": "tool", "tool_call_id": "call_b", "content": [
            { "type": "text", "text": "seen" },
            { "type": "image_url", "image_url": { "url": GIF } },
        ] },
    ])),
    [Reply::new().text("Two.")]
);

golden!(
    repaired_orphans,
    200,
    messages(json!([
        { "role": "user", "content": "Add." },
        { "role": "assistant", "content": null, "tool_calls": [call("call_a", "one")] },
        { "role": "user", "content": "Never mind." },
        { "role": "tool", "tool_call_id": "call_z", "content": "from nowhere" },
    ])),
    [Reply::new().text("Fine.")]
);

golden!(
    results_in_the_old_form,
    200,
    messages(json!([
        { "role": "user", "content": "Add." },
        { "role": "assistant", "content": null, "function_call": { "name": "one", "arguments": "{}" } },
        { "role": "function", "name": "one", "content": "2" },
    ])),
    [Reply::new().text("Two.")]
);
