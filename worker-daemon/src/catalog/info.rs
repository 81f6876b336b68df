//! Raw catalog in, what `daemon/models` tells out. Pure.
//!
//! The catalog is codex's and changes with its versions: a member that is missing or of another kind is one that is not
//! known, and nothing is refused. What comes out is bounded, whatever goes in.

use serde_json::{Map, Value};
use shared::control::{ModelInfo, Models};

/// The most models that are told; the catalog of codex 0.169.0 has twelve.
const MAX_MODELS: usize = 1000;
/// The longest name of a model that is told, in bytes; one with a longer name is left out.
const MAX_NAME: usize = 256;
/// The longest text for people, in characters; a longer one is cut.
const MAX_TEXT: usize = 1024;
/// The most entries of a list, and the longest of them in bytes; what is beyond is left out.
const MAX_LIST: (usize, usize) = (32, 64);

/// What `raw` says of its models, and an entry for each name of `served` that it doesn't have.
pub(super) fn models(raw: &Value, served: &[String]) -> Models {
    let listed = raw.get("models").and_then(Value::as_array).into_iter().flatten();
    let mut models: Vec<ModelInfo> = Vec::new();
    let named = served.iter().map(|name| ModelInfo { model: name.clone(), ..ModelInfo::default() });
    for info in listed.filter_map(Value::as_object).map(info).chain(named) {
        let fits = !info.model.is_empty() && info.model.len() <= MAX_NAME && models.len() < MAX_MODELS;
        if fits && !models.iter().any(|known| known.model == info.model) {
            models.push(info);
        }
    }
    Models { models }
}

fn info(model: &Map<String, Value>) -> ModelInfo {
    let text = |name| model.get(name).and_then(Value::as_str);
    let cut = |name| text(name).map(|text| text.chars().take(MAX_TEXT).collect());
    let number = |name| model.get(name).and_then(Value::as_u64);
    ModelInfo {
        model: text("slug").unwrap_or_default().to_owned(),
        catalogued: true,
        hidden: text("visibility").is_some_and(|visibility| visibility != "list"),
        display_name: cut("display_name"),
        description: cut("description"),
        context_window: number("context_window"),
        max_context_window: number("max_context_window"),
        effective_context_window_percent: number("effective_context_window_percent"),
        max_output_tokens: number("max_output_tokens"),
        input_modalities: words(model, "input_modalities", "").unwrap_or_default(),
        efforts: words(model, "supported_reasoning_levels", "effort").unwrap_or_default(),
        default_effort: text("default_reasoning_level")
            .filter(|word| word.len() <= MAX_LIST.1)
            .map(str::to_owned),
        supports_verbosity: model.get("support_verbosity").and_then(Value::as_bool),
        service_tiers: words(model, "service_tiers", "id"),
    }
}

/// The texts of a list, or of the member `of` of its objects.
fn words(model: &Map<String, Value>, name: &str, of: &str) -> Option<Vec<String>> {
    let (count, length) = MAX_LIST;
    let list = model.get(name).and_then(Value::as_array)?;
    let word = |entry| -> Option<&str> { Value::as_str(entry).or_else(|| entry.get(of)?.as_str()) };
    let known = list.iter().filter_map(word).filter(|word| !word.is_empty() && word.len() <= length);
    Some(known.take(count).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn tells_what_the_catalog_says_and_what_only_the_operator_names() {
        let raw = json!({"models": [
            {
                "slug": "a", "display_name": "A", "description": "Good.", "visibility": "list",
                "context_window": 272_000, "max_context_window": 872_000, "effective_context_window_percent": 95,
                "input_modalities": ["text", "image"], "default_reasoning_level": "low", "support_verbosity": true,
                "supported_reasoning_levels": [{"effort": "low", "description": "d"}, {"effort": "high"}],
                "service_tiers": [{"id": "priority", "name": "Fast"}], "base_instructions": "You are",
            },
            {"slug": "b", "visibility": "hide"},
        ]});
        let told = models(&raw, &["b".into(), "own".into(), "own".into()]).models;
        let named = |n: &str| Some(n.to_owned());
        assert_eq!(
            told,
            [
                ModelInfo {
                    model: "a".into(),
                    catalogued: true,
                    hidden: false,
                    display_name: named("A"),
                    description: named("Good."),
                    context_window: Some(272_000),
                    max_context_window: Some(872_000),
                    effective_context_window_percent: Some(95),
                    max_output_tokens: None,
                    input_modalities: vec!["text".into(), "image".into()],
                    efforts: vec!["low".into(), "high".into()],
                    default_effort: named("low"),
                    supports_verbosity: Some(true),
                    service_tiers: Some(vec!["priority".into()]),
                },
                ModelInfo { model: "b".into(), catalogued: true, hidden: true, ..ModelInfo::default() },
                ModelInfo { model: "own".into(), ..ModelInfo::default() },
            ]
        );
    }

    #[test]
    fn a_catalog_of_another_kind_is_read_as_far_as_it_goes() {
        for odd in [json!(null), json!([]), json!({"models": 3}), json!({"models": [1, {}, {"slug": 7}]})] {
            assert_eq!(models(&odd, &[]).models, [], "{odd}");
        }
        let odd = json!({"models": [{
            "slug": "a", "visibility": 1, "context_window": "big", "max_context_window": -1,
            "supported_reasoning_levels": ["low", {"effort": 3}, {}, null], "service_tiers": {}, "support_verbosity": 1,
        }]});
        let known = ModelInfo {
            model: "a".into(),
            catalogued: true,
            efforts: vec!["low".into()],
            ..ModelInfo::default()
        };
        assert_eq!(models(&odd, &[]).models, [known]);
    }

    #[test]
    fn what_is_told_is_bounded() {
        let long = "x".repeat(5000);
        let many: Vec<Value> = (0..2000)
            .map(|n| {
                json!({
                    "slug": format!("m{n}"), "description": long, "input_modalities": vec![&long[..64]; 100],
                    "service_tiers": [{"id": long}],
                })
            })
            .collect();
        let told = models(&json!({"models": many}), &[]).models;
        assert_eq!(told.len(), MAX_MODELS);
        assert_eq!(told[0].description.as_ref().map(String::len), Some(MAX_TEXT));
        assert_eq!(told[0].input_modalities.len(), MAX_LIST.0);
        assert_eq!(told[0].service_tiers, Some(vec![]));
        assert_eq!(models(&json!({"models": [{"slug": long}]}), &[]).models, []);
    }
}
