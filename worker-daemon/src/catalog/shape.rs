//! Raw catalog in, shaped catalog out. Pure.

use serde_json::{Map, Value, json};

/// Why a catalog can't be shaped.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ShapeError {
    /// It is no `{"models": […]}` with at least one model.
    #[error("the catalog holds no models")]
    NoModels,
}

/// Far beyond any window, so that the child never compacts a history on its own.
const WINDOW: u64 = 1_000_000_000;

/// Takes the harness out of every model of `raw`, and adds an entry for each name of `served` that is missing.
///
/// # Errors
/// [`ShapeError`], when there is nothing to shape.
pub fn shape(raw: &Value, served: &[String]) -> Result<Value, ShapeError> {
    let mut catalog = raw.clone();
    let models = catalog.get_mut("models").and_then(Value::as_array_mut).ok_or(ShapeError::NoModels)?;
    models.retain(Value::is_object);
    let template =
        models.iter().min_by_key(|m| m.get("priority").and_then(Value::as_i64).unwrap_or(i64::MAX));
    let template = template.cloned().ok_or(ShapeError::NoModels)?;
    for name in served {
        if !models.iter().any(|m| m.get("slug").and_then(Value::as_str) == Some(name)) {
            models.push(entry(&template, name, models.len()));
        }
    }
    for model in models.iter_mut().filter_map(Value::as_object_mut) {
        strip(model);
    }
    Ok(catalog)
}

/// An entry for a model that the catalog doesn't know, made after the one that it prefers.
fn entry(template: &Value, name: &str, count: usize) -> Value {
    let mut model = template.clone();
    if let Some(model) = model.as_object_mut() {
        model.insert("slug".into(), json!(name));
        model.insert("display_name".into(), json!(name));
        model.insert("description".into(), json!("Configured by the operator."));
        model.insert("visibility".into(), json!("list"));
        model.insert("upgrade".into(), Value::Null);
        model.insert("availability_nux".into(), Value::Null);
        // Behind all others, so that it doesn't become the catalog's own default.
        model.insert("priority".into(), json!(10_000 + count));
    }
    model
}

fn strip(model: &mut Map<String, Value>) {
    for (name, value) in [
        ("tool_mode", json!("direct")),
        ("multi_agent_version", Value::Null),
        ("use_responses_lite", json!(false)),
        ("experimental_supported_tools", json!([])),
        ("apply_patch_tool_type", Value::Null),
        ("shell_type", json!("disabled")),
        ("supports_search_tool", json!(false)),
        ("base_instructions", json!("")),
        ("model_messages", Value::Null),
        ("include_skills_usage_instructions", json!(false)),
        ("include_plugin_usage_instructions", json!(false)),
        ("include_apps_usage_instructions", json!(false)),
        ("supports_parallel_tool_calls", json!(true)),
        ("supports_reasoning_summaries", json!(true)),
        ("default_verbosity", Value::Null),
        ("default_reasoning_level", Value::Null),
        ("context_window", json!(WINDOW)),
        ("max_context_window", json!(WINDOW)),
    ] {
        model.insert(name.into(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw() -> Value {
        json!({"etag": "x", "models": [
            {"slug": "b", "priority": 2, "tool_mode": "code_mode_only", "base_instructions": "You are", "kept": 1},
            {"slug": "a", "priority": 1, "default_verbosity": "low", "supported_reasoning_levels": [{"effort": "low"}]},
        ]})
    }

    #[test]
    fn takes_the_harness_out_and_keeps_the_rest() {
        let shaped = shape(&raw(), &[]).unwrap();
        assert_eq!(shaped["etag"], "x");
        let b = &shaped["models"][0];
        assert_eq!((&b["slug"], &b["kept"], &b["tool_mode"]), (&json!("b"), &json!(1), &json!("direct")));
        assert_eq!(b["base_instructions"], "");
        assert_eq!(shaped["models"][1]["default_verbosity"], Value::Null);
    }

    #[test]
    fn adds_what_is_served_and_missing_once() {
        let shaped = shape(&raw(), &["a".into(), "new".into(), "new".into()]).unwrap();
        let models = shaped["models"].as_array().unwrap();
        assert_eq!(models.len(), 3);
        assert_eq!(models[2]["slug"], "new");
        assert_eq!(
            models[2]["supported_reasoning_levels"][0]["effort"], "low",
            "made after the preferred model"
        );
        assert!(models[2]["priority"].as_i64() > Some(2));
    }

    #[test]
    fn refuses_what_is_no_catalog() {
        for wrong in
            [json!({}), json!({"models": []}), json!({"models": 3}), json!([]), json!({"models": [1]})]
        {
            assert_eq!(shape(&wrong, &[]), Err(ShapeError::NoModels), "{wrong}");
        }
    }
}
