//! JSON Schema, as the tests hold values against it.

use serde_json::Value;

/// Fails the test with everything that is wrong with `value`.
///
/// # Panics
/// When anything is, and when the schema is none.
pub fn fits(what: &str, schema: &Value, value: &Value) {
    let faults = faults(schema, value);
    assert!(faults.is_empty(), "{what}: {}\n{value}", faults.join("\n"));
}

/// What is wrong with `value`. Compiles the schema each time.
///
/// # Panics
/// When the schema is none.
#[must_use]
pub fn faults(schema: &Value, value: &Value) -> Vec<String> {
    let validator = jsonschema::validator_for(schema).expect("the schema is a schema");
    let errors = validator.iter_errors(value);
    errors.map(|e| format!("at `{}`: {e}", e.instance_path())).collect()
}

/// The same schema with no member allowed that it does not name, wherever it names members.
///
/// Schemas mostly let any member pass, so a misspelt one of ours would, too.
#[must_use]
pub fn closed(mut schema: Value) -> Value {
    close(&mut schema);
    schema
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            let names_members = members.get("properties").is_some_and(Value::is_object);
            if names_members && !members.contains_key("additionalProperties") {
                members.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            members.values_mut().for_each(close);
        }
        Value::Array(elements) => elements.iter_mut().for_each(close),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
