//! The settings under which the harness adds nothing to a request.
//!
//! Left alone, codex puts a base prompt, skills, an environment description and nine tools of its own into every
//! request. With these arguments, and the shaped catalog, the upstream sees the client's messages and nothing
//! else; a test on the real binary fails as soon as a version adds anything. They are arguments, because
//! `config.toml` belongs to the operator.

use std::{ffi::OsString, path::Path};

/// Features that are switched off. A name that the binary doesn't know stops it at start, which is what we want:
/// a renamed feature would come back silently otherwise.
const DISABLED: &[&str] = &[
    "goals",
    "multi_agent",
    "shell_tool",
    "unified_exec",
    "plugins",
    "apps",
    "image_generation",
    "view_image",
    "tool_suggest",
    "skill_search",
    "sleep_tool",
    "workspace_dependencies",
    "shell_snapshot",
    "hooks",
];

/// Settings that keep the harness out of requests, and a few that keep it quiet and small.
const SETTINGS: &[&str] = &[
    "include_environment_context=false",
    "include_permissions_instructions=false",
    "include_apps_instructions=false",
    "include_collaboration_mode_instructions=false",
    "skills.include_instructions=false",
    "skills.bundled.enabled=false",
    "web_search=\"disabled\"",
    "project_doc_max_bytes=0",
    // The operator's own would stand before every conversation. Agents get ours with their thread.
    "developer_instructions=\"\"",
    "tools.experimental_request_user_input.enabled=false",
    "tools.update_plan.enabled=false",
    "agents.enabled=false",
    "features.skip_host_skill_discovery=true",
    "suppress_unstable_features_warning=true",
    "history.persistence=\"none\"",
    "thread_unload_delay_secs=0",
    "model_auto_compact_token_limit=1000000000",
    "tool_output_token_limit=1000000000",
    "analytics.enabled=false",
    // Its own log, a database that holds tool calls and what the upstream said of a request, whatever `RUST_LOG` says. In
    // a folder that can't be one, codex does without, which it warns of once.
    "log_dir=\"/dev/null\"",
    "check_for_update_on_startup=false",
    // What a thread has that asks for nothing, whatever `config.toml` says: a client must not get more by leaving a
    // member out than it may ask for.
    "sandbox_mode=\"read-only\"",
    "approval_policy=\"never\"",
    // Commands of agents get no key of a provider with their environment.
    "shell_environment_policy.inherit=\"core\"",
];

/// Notifications that the child needn't write: how busy a thread is and whether a remote control is attached, which
/// the daemon knows itself or doesn't have. Everything else can be wanted by some client.
pub const OPT_OUTS: &[&str] = &["thread/status/changed", "remoteControl/status/changed"];

/// The arguments of `codex app-server`; `more` are further settings.
pub fn arguments(catalog: &Path, model: Option<&str>, more: &[String]) -> Vec<OsString> {
    let mut args: Vec<OsString> = vec!["app-server".into()];
    for feature in DISABLED {
        args.extend(["--disable".into(), OsString::from(feature)]);
    }
    let mut set = |setting: OsString| args.extend(["-c".into(), setting]);
    for setting in SETTINGS {
        set(setting.into());
    }
    for setting in more {
        set(setting.into());
    }
    set(format!("model_catalog_json={}", quoted(&catalog.to_string_lossy())).into());
    if let Some(model) = model {
        set(format!("model={}", quoted(model)).into());
    }
    args
}

/// A TOML string.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_models_are_quoted() {
        let args = arguments(Path::new("/a \"b\"/c.json"), Some("m"), &["x.y=1".to_owned()]);
        assert!(args.contains(&OsString::from("x.y=1")));
        let args: Vec<&str> = args.iter().filter_map(|a| a.to_str()).collect();
        assert_eq!(args[0], "app-server");
        let parsed: toml::Table = args[args.len() - 3].parse().unwrap();
        assert_eq!(parsed["model_catalog_json"].as_str(), Some("/a \"b\"/c.json"));
        assert_eq!(args[args.len() - 1], "model=\"m\"");
    }
}
