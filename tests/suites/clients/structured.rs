//! Structured outputs, asked for as each client does it.

use gateway_tests::{
    pair::Pair,
    upstream::{Pieces, Recorded, Reply, Upstream},
};
use serde_json::{Value, json};

use crate::client::Client;

/// A trip as the programs describe it.
fn trip() -> Value {
    json!({
        "city": "Zürich",
        "days": 3,
        "kind": "pleasure",
        "tags": ["lake", "\"old\" town"],
        "hotel": {"name": "Löwen", "stars": null},
    })
}

async fn check(client: Client) {
    let brain = |_: &Recorded| Reply::new().text(Pieces::new(trip().to_string()).chars(7));
    let upstream = Upstream::start(brain).await.expect("an upstream");
    let pair = Pair::real(&upstream).await.expect("a ready pair");
    let got = client.run(&pair, "structured").await;
    let objects = got["objects"].as_array().expect("objects");
    assert!(objects.len() >= 2, "whole and streamed: {got}");
    assert!(objects.iter().all(|object| *object == trip()), "{got}");

    let requests = upstream.requests();
    assert_eq!(requests.len(), objects.len(), "one request for each");
    for request in requests {
        let format = &request.json()["text"]["format"];
        assert_eq!((&format["type"], &format["strict"]), (&json!("json_schema"), &json!(true)), "{format}");
        let schema = resolved(&format["schema"], &format["schema"]);
        object_with(&schema, &["city", "days", "hotel", "kind", "tags"]);
        object_with(&schema["properties"]["hotel"], &["name", "stars"]);
        assert_eq!(schema["properties"]["kind"]["enum"], json!(["work", "pleasure"]), "{schema}");
        assert_eq!(schema["properties"]["tags"]["items"]["type"], "string", "{schema}");
        assert_eq!(request.last_user_text().as_deref(), Some("structured"));
    }
    assert_eq!(upstream.problems(), Vec::<String>::new());
}

/// A schema of OpenAI's strict subset has exactly these members, and all of them are required.
fn object_with(schema: &Value, members: &[&str]) {
    let mut names: Vec<&str> = schema["properties"]
        .as_object()
        .map(|properties| properties.keys().map(String::as_str).collect())
        .unwrap_or_default();
    names.sort_unstable();
    let required = schema["required"].as_array().into_iter().flatten();
    let mut required: Vec<&str> = required.filter_map(Value::as_str).collect();
    required.sort_unstable();
    assert_eq!((names.as_slice(), required.as_slice()), (members, members), "{schema}");
    assert_eq!(schema["additionalProperties"], false, "{schema}");
}

/// The schema with what `$ref` names in its place: clients differ in whether they write definitions.
fn resolved(schema: &Value, root: &Value) -> Value {
    match schema {
        Value::Object(members) => match members.get("$ref").and_then(Value::as_str) {
            Some(reference) => {
                let target = root.pointer(reference.trim_start_matches('#'));
                resolved(target.unwrap_or_else(|| panic!("{reference} in {root}")), root)
            }
            None => members.iter().map(|(name, value)| (name.clone(), resolved(value, root))).collect(),
        },
        Value::Array(items) => items.iter().map(|item| resolved(item, root)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => schema.clone(),
    }
}

for_every_client!(check);
