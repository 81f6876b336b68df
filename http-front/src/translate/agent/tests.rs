//! Tests of what an agent may do and what is read of it.

use super::*;
use proptest::prelude::*;

fn settings(sandbox: SandboxMode, workdir: &str) -> AgentSettings {
    AgentSettings { sandbox, workdir: workdir.into() }
}

fn daemon(sandbox: &str) -> control::Agent {
    control::Agent { sandbox: sandbox.into(), workdir: "/work".into(), catalog: "/c/raw.json".into() }
}

#[test]
fn a_plan_goes_no_further_than_both_sides_allow() {
    use SandboxMode::{DangerFullAccess, ReadOnly, WorkspaceWrite};
    let plan = |sandbox, workdir, most| {
        AgentPlan::new(&settings(sandbox, workdir), Some(&daemon(most))).map(|plan| plan.sandbox)
    };
    let modes = [ReadOnly, WorkspaceWrite, DangerFullAccess];
    for (i, mode) in modes.into_iter().enumerate() {
        for (j, most) in modes.into_iter().enumerate() {
            let expected = if i <= j { Ok(mode) } else { Err(NotAllowed::Sandbox) };
            assert_eq!(plan(mode, "/work", most.as_str()), expected, "{mode:?} {most:?}");
        }
    }
    assert_eq!(plan(ReadOnly, "/work", "what-comes-later"), Err(NotAllowed::Sandbox));
    for inside in ["/work", "/work/", "/work/a", "/work/./a"] {
        assert_eq!(plan(ReadOnly, inside, "read-only"), Ok(ReadOnly), "{inside}");
    }
    for outside in ["/", "/works", "/wor", "/work/../etc", "/work/..", "work", ""] {
        assert_eq!(plan(ReadOnly, outside, "read-only"), Err(NotAllowed::Workdir), "{outside}");
    }
    assert_eq!(AgentPlan::new(&settings(ReadOnly, "/work"), None), Err(NotAllowed::Off));
}

#[test]
fn the_operators_to_mend_is_no_reason_to_try_again() {
    for why in [NotAllowed::Off, NotAllowed::Sandbox, NotAllowed::Workdir] {
        let error = ApiError::from(why);
        assert_eq!((error.status().as_u16(), error.is_retryable()), (503, false));
    }
}

#[test]
fn the_sandbox_of_the_turn_is_the_operators() {
    let policy = |sandbox: SandboxMode| {
        let plan = AgentPlan::new(&settings(sandbox, "/work"), Some(&daemon("danger-full-access"))).unwrap();
        (plan.sandbox_policy(), plan.instructions())
    };
    let (read, told) = policy(SandboxMode::ReadOnly);
    assert!(read.is_none() && told.contains("writing fails") && told.contains("/work"), "{told}");
    let (write, told) = policy(SandboxMode::WorkspaceWrite);
    let write = write.unwrap();
    assert_eq!((&write["type"], &write["networkAccess"]), (&json!("workspaceWrite"), &json!(false)));
    assert!(told.contains("no network"), "{told}");
    let (full, _) = policy(SandboxMode::DangerFullAccess);
    assert_eq!(full, Some(json!({ "type": "dangerFullAccess" })));
}

fn checked(more: Value) -> Option<String> {
    let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "x" }] });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let body = body.to_string();
    let request: ChatRequest<'_> = serde_json::from_str(&body).unwrap();
    let error = check(&request).err()?;
    assert_eq!(error.status().as_u16(), 400);
    let body: Value = serde_json::from_slice(&error.body()).unwrap();
    Some(body["error"]["param"].as_str().unwrap().to_owned())
}

#[test]
fn functions_and_several_choices_are_refused() {
    let tools = json!([{ "type": "function", "function": { "name": "f" } }]);
    let functions = json!([{ "name": "f" }]);
    for (more, param) in [
        (json!({}), None),
        (json!({ "tools": [], "n": 1, "functions": [] }), None),
        (json!({ "tools": tools }), Some("tools")),
        (json!({ "tools": tools, "tool_choice": "required" }), Some("tools")),
        (json!({ "tools": tools, "tool_choice": "none" }), None),
        (json!({ "functions": functions }), Some("functions")),
        (json!({ "functions": functions, "function_call": "none" }), None),
        (json!({ "n": 2 }), Some("n")),
        (json!({ "response_format": { "type": "json_object" } }), None),
    ] {
        assert_eq!(checked(more.clone()).as_deref(), param, "{more}");
    }
}

fn read(name: &str, params: &str) -> Option<Delta> {
    let line = Bytes::copy_from_slice(params.as_bytes());
    let params: Params<'_> = serde_json::from_slice(&line).unwrap();
    delta(name, &params, &line)
}

#[test]
fn calls_of_codex_are_its_work_or_signs_of_life_and_messages_stay() {
    for item in [
        r#"{"type":"function_call","call_id":"c","name":"exec_command","arguments":"{}"}"#,
        r#"{"type":"custom_tool_call","call_id":"c","name":"exec","input":"x"}"#,
        r#"{"type":"function_call_output","call_id":"c","output":"refused"}"#,
    ] {
        let delta = read(method::RAW_ITEM_COMPLETED, &format!("{{\"item\":{item}}}"));
        assert!(matches!(delta, Some(Delta::Command(_))), "{item} {delta:?}");
    }
    for item in [
        r#"{"type":"function_call","call_id":"c","name":"write_stdin","arguments":"{}"}"#,
        r#"{"type":"custom_tool_call","call_id":"c","name":"other","input":"x"}"#,
        r#"{"type":"local_shell_call","call_id":"c"}"#,
    ] {
        let delta = read(method::RAW_ITEM_COMPLETED, &format!("{{\"item\":{item}}}"));
        assert!(matches!(delta, Some(Delta::Alive)), "{item} {delta:?}");
    }
    let message =
        r#"{"item":{"type":"message","role":"assistant","content":[{"type":"output_text","text":"a"}]}}"#;
    assert!(
        matches!(read(method::RAW_ITEM_COMPLETED, message), Some(Delta::Message { text }) if text == "a")
    );
    let began = read(method::ITEM_STARTED, r#"{"item":{"type":"agentMessage","id":"m"}}"#);
    assert!(matches!(began, Some(Delta::Begun)), "{began:?}");
    let ran =
        r#"{"item":{"type":"commandExecution","id":"c","command":"/bin/bash -lc 'ls -la'","exitCode":0}}"#;
    assert!(matches!(read(method::ITEM_COMPLETED, ran), Some(Delta::Command(_))));
    assert!(matches!(read(method::ITEM_STARTED, ran), Some(Delta::Command(_))));
}

proptest! {
    #[test]
    fn no_notification_becomes_a_call(kind in "[a-zA-Z_]{0,20}", name in "\\PC{0,30}", method in prop_oneof![
        Just(method::RAW_ITEM_COMPLETED), Just(method::ITEM_STARTED), Just(method::ITEM_COMPLETED),
        Just(method::TOOL_CALL), Just(method::RAW_RESPONSE_COMPLETED)]) {
        for kind in [kind.as_str(), "function_call", "custom_tool_call", "commandExecution", "mcpToolCall"] {
            let params = json!({ "item": { "type": kind, "id": name, "call_id": name, "name": name,
                "command": name, "arguments": "{}", "role": "assistant" } }).to_string();
            let delta = read(method, &params);
            prop_assert!(!matches!(delta, Some(Delta::Call { .. } | Delta::Foreign)), "{:?}", delta);
        }
    }
}
