//! The JSON Schema of the app-server protocol, as the pinned binary writes it.

use std::process::Stdio;

use gateway_tests::pair::{DEADLINE, real_codex};
use serde_json::Value;
use tempfile::TempDir;

/// The schemas, in a folder of their own.
pub(crate) struct Generated(TempDir);

impl Generated {
    /// Lets the binary write them.
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let status = tokio::process::Command::new(real_codex())
            .args(["app-server", "generate-json-schema", "--experimental", "--out"])
            .arg(folder.path())
            .env("CODEX_HOME", folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .status();
        let status = tokio::time::timeout(DEADLINE, status).await;
        let status = status.expect("the schemas are written in time").expect("codex runs");
        assert!(status.success(), "codex generate-json-schema: {status}");
        Self(folder)
    }

    /// One file, such as `ClientRequest` or `v2/ThreadStartParams`.
    pub(crate) fn read(&self, name: &str) -> Value {
        let path = self.0.path().join(format!("{name}.json"));
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(!text.is_empty(), "the binary writes no {name}");
        serde_json::from_str(&text).expect("a schema is JSON")
    }

    /// The methods of one of the message unions, such as `ServerNotification`.
    pub(crate) fn methods(&self, union: &str) -> Vec<String> {
        let union = self.read(union);
        let variants = union["oneOf"].as_array().expect("a union");
        let names = variants.iter().filter_map(|v| v["properties"]["method"]["enum"][0].as_str());
        names.map(str::to_owned).collect()
    }
}

/// Panics with everything that is wrong with `value`.
pub(crate) fn fits(what: &str, schema: &Value, value: &Value) {
    let faults = faults(schema, value);
    assert!(faults.is_empty(), "{what}: {}\n{value}", faults.join("\n"));
}

/// What is wrong with `value`.
pub(crate) fn faults(schema: &Value, value: &Value) -> Vec<String> {
    let validator = jsonschema::validator_for(schema).expect("the schema is a schema");
    let errors = validator.iter_errors(value);
    errors.map(|e| format!("at `{}`: {e}", e.instance_path())).collect()
}

/// The same schema with no member allowed that it does not name, wherever it names members.
///
/// The generated schemas let any member pass, so a misspelt one of ours would, too.
pub(crate) fn closed(mut schema: Value) -> Value {
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
