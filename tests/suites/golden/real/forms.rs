//! Answers of a form, and refusals.

use super::{asking, golden};
use gateway_tests::upstream::{Reply, Usage};
use serde_json::{Value, json};

/// A schema that has to be converted: a member may be absent.
fn loose() -> Value {
    let schema = json!({
        "type": "object",
        "properties": { "name": { "type": "string", "minLength": 2 }, "age": { "type": "integer" } },
        "required": ["name"],
    });
    json!({ "response_format": { "type": "json_schema", "json_schema": { "name": "person", "schema": schema } } })
}

golden!(
    a_loose_schema,
    200,
    asking("Who? In JSON.", &loose()),
    [Reply::new().text("{\"name\": \"Ada\", \"age\": null}")]
);

golden!(
    a_json_object_at_the_second_try,
    200,
    asking("Who? In JSON.", &json!({ "response_format": { "type": "json_object" } })),
    [
        Reply::new().text("Sure! It is Ada.").completed(Usage::new(10, 1, 5, 2)),
        Reply::new().text("{\"name\": \"Ada\"}").completed(Usage::new(20, 2, 6, 3))
    ]
);

golden!(refusal, 200, asking("How?", &json!({})), [Reply::new().refusal("I can't help with that.")]);

golden!(
    refusal_stream,
    200,
    asking("How?", &json!({ "stream": true })),
    [Reply::new().refusal("I can't help with that.")]
);
