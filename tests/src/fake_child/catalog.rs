//! The models: the raw catalog that `debug models` prints, and what `model/list` makes of it.
//!
//! Three entries with the member names of the real catalog and differing harness settings, so that a shaped catalog has
//! something to shape: a code-mode model, a plain one without `tool_mode`, and a hidden one.

use serde_json::{Value, json};

/// The model that a fake child uses when nothing else names one.
pub const DEFAULT_MODEL: &str = "gpt-fake-1";

/// The built-in entries.
#[must_use]
pub fn raw_models() -> Vec<Value> {
    vec![
        entry(&Traits {
            slug: DEFAULT_MODEL,
            name: "Fake One",
            visibility: "list",
            priority: 1,
            efforts: &["low", "medium", "high", "xhigh"],
            harness: json!({
                "shell_type": "unified_exec", "tool_mode": "code_mode_only", "multi_agent_version": "v2",
                "use_responses_lite": true, "experimental_supported_tools": ["clock"],
                "supports_search_tool": true, "context_window": 272_000, "max_context_window": 872_000,
                "model_messages": { "instructions_template": "You are a fake.", "approvals": null },
            }),
        }),
        entry(&Traits {
            slug: "gpt-fake-0",
            name: "Fake Zero",
            visibility: "list",
            priority: 7,
            efforts: &["minimal", "low", "medium", "high"],
            harness: json!({
                "shell_type": "shell_command", "use_responses_lite": false,
                "include_skills_usage_instructions": true, "experimental_supported_tools": [],
                "supports_search_tool": true, "context_window": 128_000, "max_context_window": 128_000,
                "input_modalities": ["text"], "availability_nux": { "message": "Fake Zero is here." },
            }),
        }),
        entry(&Traits {
            slug: "fake-auto-review",
            name: "Fake Review",
            visibility: "hide",
            priority: 43,
            efforts: &["low", "medium"],
            harness: json!({
                "shell_type": "unified_exec", "tool_mode": "direct", "multi_agent_version": "v1",
                "use_responses_lite": true, "default_verbosity": "high", "experimental_supported_tools": [],
                "context_window": 272_000, "max_context_window": 272_000,
            }),
        }),
    ]
}

/// The document that `debug models` prints.
pub(crate) fn document(models: &[Value]) -> String {
    json!({ "models": models }).to_string()
}

struct Traits {
    slug: &'static str,
    name: &'static str,
    visibility: &'static str,
    priority: u32,
    efforts: &'static [&'static str],
    harness: Value,
}

fn entry(traits: &Traits) -> Value {
    let levels: Vec<Value> = traits
        .efforts
        .iter()
        .map(|effort| json!({ "effort": effort, "description": format!("Thinks {effort}") }))
        .collect();
    let mut model = json!({
        "slug": traits.slug,
        "display_name": traits.name,
        "description": "A model that only echoes.",
        "default_reasoning_level": "medium",
        "supported_reasoning_levels": levels,
        "visibility": traits.visibility,
        "supported_in_api": true,
        "priority": traits.priority,
        "additional_speed_tiers": ["fast"],
        "service_tiers": [{ "id": "priority", "name": "Fast", "description": "Faster" }],
        "availability_nux": null,
        "upgrade": null,
        "model_messages": null,
        "include_skills_usage_instructions": false,
        "include_plugin_usage_instructions": true,
        "include_apps_usage_instructions": true,
        "default_reasoning_summary": "none",
        "support_verbosity": true,
        "default_verbosity": "low",
        "apply_patch_tool_type": "freeform",
        "web_search_tool_type": "text_and_image",
        "truncation_policy": { "mode": "tokens", "limit": 10_000 },
        "supports_image_detail_original": true,
        "comp_hash": "3000",
        "effective_context_window_percent": 95,
        "input_modalities": ["text", "image"],
        "supports_search_tool": false,
        "supports_experimental_context": false,
        "supports_reasoning_effort_updates": false,
        "node_repl_auto_review_required": false,
        "node_repl_disabled": false,
        "base_instructions": "You are a fake. You repeat what you are told.",
    });
    if let (Some(members), Value::Object(harness)) = (model.as_object_mut(), &traits.harness) {
        members.extend(harness.clone());
    }
    model
}

/// The entries of `model/list`: by priority, the first listed one the default, hidden ones on request.
pub(crate) fn model_list(models: &[Value], include_hidden: bool) -> Vec<Value> {
    let mut models: Vec<&Value> = models.iter().collect();
    models.sort_by_key(|model| model["priority"].as_u64().unwrap_or(u64::MAX));
    let default = models.iter().find(|model| !is_hidden(model)).map(|model| model["slug"].clone());
    models
        .into_iter()
        .filter(|model| include_hidden || !is_hidden(model))
        .map(|model| card(model, Some(&model["slug"]) == default.as_ref()))
        .collect()
}

fn is_hidden(model: &Value) -> bool {
    model["visibility"] == "hide"
}

fn card(model: &Value, is_default: bool) -> Value {
    let efforts: Vec<Value> = model["supported_reasoning_levels"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|level| json!({ "reasoningEffort": level["effort"], "description": level["description"] }))
        .collect();
    json!({
        "id": model["slug"],
        "model": model["slug"],
        "upgrade": null,
        "upgradeInfo": null,
        "availabilityNux": model["availability_nux"],
        "displayName": model["display_name"],
        "description": model["description"],
        "modelSpecialty": null,
        "hidden": is_hidden(model),
        "supportedReasoningEfforts": efforts,
        "defaultReasoningEffort": model["default_reasoning_level"].as_str().unwrap_or("none"),
        "inputModalities": model["input_modalities"],
        "supportsPersonality": false,
        "multiAgentVersion": model["multi_agent_version"],
        "additionalSpeedTiers": model["additional_speed_tiers"],
        "serviceTiers": model["service_tiers"],
        "defaultServiceTier": null,
        "availableAccessPrograms": null,
        "isDefault": is_default,
    })
}
