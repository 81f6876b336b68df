use super::*;
use serde_json::{Value, json};
use shared::app_server::start::{ThreadStartParams, TurnStartParams};

const RAW: &str = "/state/model-catalog/raw-1.json";

fn agent(sandbox: Sandbox) -> Policy {
    let agent = Agent { sandbox, workdir: "/tmp/codex-work".into() };
    let methods = SERVING_SET.split(',').map(str::to_owned);
    Policy::new(methods, Profiles { agent: Some(agent) }).with_catalog(Path::new(RAW))
}

fn line(method: &str, params: &str) -> String {
    format!(r#"{{"id":1,"method":"{method}","params":{params}}}"#)
}

/// The member that is refused.
fn refused(policy: &Policy, method: &str, params: &str) -> Option<String> {
    let error = policy.check(method, line(method, params).as_bytes()).err()?;
    assert_eq!(error.code, code::FORBIDDEN, "{error:?}");
    let member = error.data.unwrap()["member"].as_str().unwrap().to_owned();
    assert!(error.message.starts_with(&format!("`{member}` is not open to clients of this socket: ")));
    Some(member)
}

/// Each of these params, and the member for which it is refused, or "" where it passes.
fn table(policy: &Policy, method: &str, cases: &[(&str, &str)]) {
    for (params, member) in cases {
        assert_eq!(refused(policy, method, params).unwrap_or_default(), *member, "{method} {params}");
    }
}

#[test]
fn what_is_not_listed_is_closed() {
    let policy = Policy::serving();
    assert!(policy.allows("thread/start") && policy.allows("thread/compact/start"));
    for method in ["fs/readFile", "command/exec", "config/value/write", "account/logout", "new/method", ""] {
        assert!(!policy.allows(method), "{method}");
        let error = policy.check(method, line(method, "{}").as_bytes()).unwrap_err();
        assert_eq!(error.code, code::FORBIDDEN, "{method}");
    }
}

#[test]
fn every_method_of_the_serving_set_is_decided_on() {
    let mut decided: Vec<&str> =
        table::METHODS.iter().map(|m| m.name).chain(table::UNREAD.iter().copied()).collect();
    let mut serving: Vec<&str> = SERVING_SET.split(',').collect();
    decided.sort_unstable();
    serving.sort_unstable();
    assert_eq!(decided, serving);
    for method in table::METHODS {
        let mut names: Vec<&str> = method.members.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), method.members.len(), "{} names a member twice", method.name);
    }
}

#[test]
fn the_fronts_requests_pass() {
    let tools = serde_json::value::to_raw_value(&json!([{"type": "function", "name": "f"}])).unwrap();
    let schema = serde_json::value::to_raw_value(&json!({"type": "object"})).unwrap();
    let start = ThreadStartParams {
        ephemeral: true,
        cwd: "/".into(),
        environments: Some([]),
        base_instructions: Some(String::new()),
        developer_instructions: None,
        model: Some("m".into()),
        experimental_raw_events: true,
        approval_policy: "never",
        sandbox: "read-only",
        config: serde_json::Map::from_iter([("model_verbosity".to_owned(), json!("low"))]),
        dynamic_tools: Some(&tools),
    };
    let turn = TurnStartParams {
        thread_id: "t",
        environments: Some([]),
        cwd: None,
        input: [],
        effort: Some("low"),
        summary: Some("auto"),
        service_tier: Some("priority"),
        sandbox_policy: None,
        output_schema: Some(&schema),
    };
    for policy in [Policy::serving(), agent(Sandbox::ReadOnly)] {
        for (method, params) in [
            ("thread/start", serde_json::to_value(&start).unwrap()),
            ("turn/start", serde_json::to_value(&turn).unwrap()),
            ("thread/inject_items", json!({"threadId": "t", "items": [{"type": "message"}]})),
            ("turn/interrupt", json!({"threadId": "t", "turnId": "u"})),
            ("thread/unsubscribe", json!({"threadId": "t"})),
            ("model/list", json!({"cursor": null, "includeHidden": true})),
        ] {
            assert_eq!(refused(&policy, method, &params.to_string()), None, "{method} {params}");
        }
    }
}

#[test]
fn what_chooses_programs_files_or_rights_is_refused() {
    let policy = Policy::serving();
    for method in ["thread/start", "thread/fork", "thread/resume"] {
        table(
            &policy,
            method,
            &[
                ("{}", ""),
                (r#"{"config":{"mcp_servers":{"x":{"command":"touch"}}}}"#, "config.mcp_servers"),
                (r#"{"config":{"mcp_servers.x.command":"touch"}}"#, "config.mcp_servers.x.command"),
                (r#"{"config":{"notify":["touch","x"]}}"#, "config.notify"),
                (r#"{"config":{"n\u006ftify":["touch","x"]}}"#, "config.notify"),
                (r#"{"c\u006fnfig":{"notify":[]}}"#, "config.notify"),
                (r#"{"config":{"notify":null}}"#, "config.notify"),
                (r#"{"config":{"features":{}}}"#, "config.features"),
                (r#"{"config":{"features.shell_tool":true}}"#, "config.features.shell_tool"),
                (r#"{"config":{"model_catalog_json":"/x"}}"#, "config.model_catalog_json"),
                (r#"{"config":{"model_verbosity":"low","sandbox_mode":"x"}}"#, "config.sandbox_mode"),
                (r#"{"config":{"model_verbosity":{"a":1}}}"#, "config.model_verbosity"),
                (r#"{"config":{"model_verbosity":null}}"#, "config.model_verbosity"),
                (r#"{"config":{"model_verbosity":"low","model_verbosity":"low"}}"#, "config.model_verbosity"),
                (r#"{"config":{"model_verbosity":"low"},"config":{}}"#, "config"),
                (r#"{"config":[]}"#, "config"),
                (r#"{"config":"x"}"#, "config"),
                (r#"{"config":null}"#, ""),
                (r#"{"config":{"model_verbosity":"low","model_reasoning_effort":"high"}}"#, ""),
                (r#"{"sandbox":"danger-full-access"}"#, "sandbox"),
                (r#"{"sandbox":"workspace-write"}"#, "sandbox"),
                (r#"{"sandbox":["read-only"]}"#, "sandbox"),
                (r#"{"sandbox":"read-only"}"#, ""),
                (r#"{"approvalPolicy":"on-request"}"#, "approvalPolicy"),
                (r#"{"approvalPolicy":{"granular":{}}}"#, "approvalPolicy"),
                (r#"{"approvalPolicy":"never"}"#, ""),
                (r#"{"approvalsReviewer":"auto_review"}"#, "approvalsReviewer"),
                (r#"{"cwd":"/etc"}"#, "cwd"),
                (r#"{"cwd":"x"}"#, "cwd"),
                (r#"{"cwd":7}"#, "cwd"),
                (r#"{"cwd":"/"}"#, ""),
                (r#"{"runtimeWorkspaceRoots":["/"]}"#, "runtimeWorkspaceRoots"),
                (r#"{"permissions":":danger"}"#, "permissions"),
                (r#"{"modelProvider":"x"}"#, "modelProvider"),
                (r#"{"modelProvider":null}"#, ""),
                (r#"{"surprise":1}"#, "surprise"),
                (r#"{"approval_policy":"never"}"#, "approval_policy"),
            ],
        );
    }
    let start = [
        (r#"{"environments":[{"environmentId":"local","cwd":"/"}]}"#, "environments"),
        (r#"{"environments":"all"}"#, "environments"),
        (r#"{"selectedCapabilityRoots":[]}"#, "selectedCapabilityRoots"),
        (r#"{"projectId":"x"}"#, "projectId"),
        (r#"{"allowProviderModelFallback":true}"#, "allowProviderModelFallback"),
        (r#"{"allowProviderModelFallback":false}"#, ""),
    ];
    table(&policy, "thread/start", &start);
    for method in ["thread/fork", "thread/resume"] {
        table(&policy, method, &[(r#"{"path":"/etc/passwd"}"#, "path"), (r#"{"path":null}"#, "")]);
    }
    table(&policy, "thread/resume", &[(r#"{"history":[]}"#, "history")]);
    table(
        &policy,
        "thread/fork",
        &[(r#"{"experimentalPredictionMode":true}"#, "experimentalPredictionMode")],
    );
    table(&policy, "account/read", &[(r#"{"refreshToken":true}"#, "refreshToken"), ("{}", "")]);
}

#[test]
fn a_turn_gets_no_more_than_its_thread() {
    let cases = [
        (r#"{"threadId":"t","input":[]}"#, ""),
        (r#"{"sandboxPolicy":{"type":"dangerFullAccess"}}"#, "sandboxPolicy.type"),
        (r#"{"sandboxPolicy":{"type":"externalSandbox"}}"#, "sandboxPolicy.type"),
        (r#"{"sandboxPolicy":{"type":"workspaceWrite"}}"#, "sandboxPolicy.type"),
        (r#"{"sandboxPolicy":{}}"#, "sandboxPolicy.type"),
        (r#"{"sandboxPolicy":"readOnly"}"#, "sandboxPolicy"),
        (r#"{"sandboxPolicy":{"type":"readOnly","networkAccess":true}}"#, "sandboxPolicy.networkAccess"),
        (r#"{"sandboxPolicy":{"type":"readOnly","networkAccess":false}}"#, ""),
        (r#"{"environments":[{"environmentId":"local","cwd":"/"}]}"#, "environments"),
        (r#"{"environments":[]}"#, ""),
        (r#"{"cwd":"/home"}"#, "cwd"),
        (r#"{"collaborationMode":{"mode":"plan"}}"#, "collaborationMode"),
        (r#"{"additionalContext":{}}"#, "additionalContext"),
        (r#"{"outputSchema":{"cwd":"/etc"},"effort":"low","summary":"auto"}"#, ""),
    ];
    table(&Policy::serving(), "turn/start", &cases);
}

#[test]
fn inputs_read_no_files() {
    for method in ["turn/start", "turn/steer"] {
        table(
            &Policy::serving(),
            method,
            &[
                (r#"{"input":[{"type":"text","text":"x","text_elements":[]}]}"#, ""),
                (
                    r#"{"input":[{"type":"image","url":"data:image/png;base64,AA==","detail":"high","fileId":null}]}"#,
                    "",
                ),
                (
                    r#"{"input":[{"type":"text","text":"x"},{"type":"localImage","path":"/x"}]}"#,
                    "input[1].type",
                ),
                (r#"{"input":[{"type":"localAudio","path":"/x"}]}"#, "input[0].type"),
                (r#"{"input":[{"type":"skill","name":"x","path":"/x"}]}"#, "input[0].type"),
                (r#"{"input":[{"type":"mention","name":"x","path":"/x"}]}"#, "input[0].type"),
                (r#"{"input":[{"type":"image","fileId":"f"}]}"#, "input[0].fileId"),
                (r#"{"input":[{"type":"image","url":"file:///etc/passwd"}]}"#, "input[0].url"),
                (r#"{"input":[{"type":"audio","url":"http://x/"}]}"#, "input[0].url"),
                (r#"{"input":[{"type":"text","type":"skill"}]}"#, "input[0].type"),
                (r#"{"input":[7]}"#, "input"),
                (r#"{"input":{}}"#, "input"),
            ],
        );
    }
}

#[test]
fn what_is_read_of_params_is_bounded() {
    let members = |n: usize| (0..n).map(|i| format!(r#""{i}":0"#)).collect::<Vec<_>>().join(",");
    let list = |item: &str, n: usize| vec![item; n].join(",");
    let text = r#"{"type":"text","text":"x"}"#;
    let cases = [
        // Two that are refused for what they are, and not for their number.
        (format!("{{{}}}", members(256)), "0"),
        (format!(r#"{{"input":[{{{}}}]}}"#, members(256)), "input[0].type"),
        (format!("{{{}}}", members(257)), "params"),
        (format!(r#"{{"input":[{text},{{{}}}]}}"#, members(257)), "input[1]"),
        (format!(r#"{{"sandboxPolicy":{{{}}}}}"#, members(257)), "sandboxPolicy"),
        (format!(r#"{{"input":[{}]}}"#, list(text, 4096)), ""),
        (format!(r#"{{"input":[{}]}}"#, list(text, 4097)), "input"),
    ];
    let cases = cases.each_ref().map(|(params, member)| (params.as_str(), *member));
    table(&Policy::serving(), "turn/start", &cases);
    let config = format!(r#"{{"config":{{{}}}}}"#, members(257));
    table(&Policy::serving(), "thread/start", &[(&config, "config")]);
    let roots = |n| {
        let roots = list(r#""/tmp/codex-work/a""#, n);
        format!(
            r#"{{"cwd":"/tmp/codex-work","sandboxPolicy":{{"type":"workspaceWrite","excludeSlashTmp":true,"excludeTmpdirEnvVar":true,"writableRoots":[{roots}]}}}}"#
        )
    };
    let cases = [(roots(4096), ""), (roots(4097), "sandboxPolicy.writableRoots")];
    let cases = cases.each_ref().map(|(params, member)| (params.as_str(), *member));
    table(&agent(Sandbox::WorkspaceWrite), "turn/start", &cases);
    let error = Policy::serving().check("turn/start", line("turn/start", "[]").as_bytes()).unwrap_err();
    assert_eq!(error.code, code::INVALID_PARAMS);
}

#[test]
fn agents_stay_in_their_folder_and_sandbox() {
    let tools = format!(
        r#""config":{{"features.shell_tool":true,"features.unified_exec":true,"model_catalog_json":"{RAW}"}}"#
    );
    let with = |rest: &str| format!("{{{tools}{rest}}}");
    let read_only = agent(Sandbox::ReadOnly);
    for method in ["thread/start", "thread/fork", "thread/resume"] {
        table(
            &read_only,
            method,
            &[
                (&with(r#","cwd":"/tmp/codex-work/a","sandbox":"read-only""#), ""),
                (&with(r#","cwd":"/tmp/codex-work""#), ""),
                (&with(""), "cwd"),
                (&with(r#","cwd":"/tmp/codex-work/../x""#), "cwd"),
                (&with(r#","cwd":"codex-work""#), "cwd"),
                (&with(r#","cwd":"/tmp/codex-work","sandbox":"workspace-write""#), "sandbox"),
                (r#"{"config":{"features":{"shell_tool":true}}}"#, "config.features"),
                (r#"{"config":{"features.hooks":true}}"#, "config.features.hooks"),
                (
                    r#"{"config":{"features.shell_tool":1},"cwd":"/tmp/codex-work"}"#,
                    "config.features.shell_tool",
                ),
                (r#"{"config":{"model_catalog_json":"/etc/passwd"}}"#, "config.model_catalog_json"),
                (
                    r#"{"config":{"model_catalog_json":"/state/model-catalog/./raw-1.json"}}"#,
                    "config.model_catalog_json",
                ),
                (r#"{"cwd":"/"}"#, "cwd"),
            ],
        );
    }
    table(
        &read_only,
        "thread/start",
        &[(r#"{"cwd":"/","environments":[]}"#, ""), (&with(r#","cwd":"/","environments":[]"#), "cwd")],
    );
    let nowhere = Policy::new(
        ["thread/start".to_owned()],
        Profiles { agent: Some(Agent { sandbox: Sandbox::ReadOnly, workdir: "/w".into() }) },
    );
    table(&nowhere, "thread/start", &[(&with(r#","cwd":"/w""#), "config.model_catalog_json")]);
}

#[test]
fn a_turn_writes_up_to_the_operators_sandbox_and_in_the_folder_alone() {
    let turn = |kind: &str, rest: &str| {
        format!(r#"{{"sandboxPolicy":{{"type":"{kind}"{rest}}},"cwd":"/tmp/codex-work"}}"#)
    };
    let apart = r#","excludeSlashTmp":true,"excludeTmpdirEnvVar":true"#;
    let write = turn(
        "workspaceWrite",
        &format!(r#"{apart},"writableRoots":["/tmp/codex-work/a"],"networkAccess":false"#),
    );
    let danger = turn("dangerFullAccess", "");
    for (sandbox, may_write, may_all) in [
        (Sandbox::ReadOnly, "sandboxPolicy.type", "sandboxPolicy.type"),
        (Sandbox::WorkspaceWrite, "", "sandboxPolicy.type"),
        (Sandbox::DangerFullAccess, "", ""),
    ] {
        table(&agent(sandbox), "turn/start", &[(&write, may_write), (&danger, may_all)]);
    }
    table(
        &agent(Sandbox::WorkspaceWrite),
        "turn/start",
        &[
            (&format!(r#"{{"sandboxPolicy":{{"type":"workspaceWrite"{apart}}}}}"#), "cwd"),
            (&format!(r#"{{"sandboxPolicy":{{"type":"workspaceWrite"{apart}}},"cwd":"/"}}"#), "cwd"),
            (&turn("workspaceWrite", r#","writableRoots":["/etc"]"#), "sandboxPolicy.writableRoots"),
            (&turn("workspaceWrite", r#","writableRoots":"/tmp/codex-work""#), "sandboxPolicy.writableRoots"),
            (&turn("workspaceWrite", r#","networkAccess":true"#), "sandboxPolicy.networkAccess"),
            (&turn("workspaceWrite", r#","surprise":1"#), "sandboxPolicy.surprise"),
            (r#"{"cwd":"/"}"#, "cwd"),
            (r#"{"cwd":"/tmp/codex-work/x"}"#, ""),
        ],
    );
}

/// Folders for temporary files are other programs' too. codex opens them where a policy doesn't close them.
#[test]
fn a_turn_that_writes_leaves_folders_for_temporary_files_alone() {
    let turn = |rest: &str| {
        format!(r#"{{"sandboxPolicy":{{"type":"workspaceWrite"{rest}}},"cwd":"/tmp/codex-work"}}"#)
    };
    let (slash, variable) = ("excludeSlashTmp", "excludeTmpdirEnvVar");
    for sandbox in [Sandbox::WorkspaceWrite, Sandbox::DangerFullAccess] {
        for (open, closed) in [(slash, variable), (variable, slash)] {
            let refused = format!("sandboxPolicy.{open}");
            let closed = format!(r#","{closed}":true"#);
            table(&agent(sandbox), "turn/start", &[(&turn(&closed), refused.as_str())]);
            for value in ["false", "null", "1", r#""true""#, "[true]"] {
                let given = turn(&format!(r#"{closed},"{open}":{value}"#));
                table(&agent(sandbox), "turn/start", &[(&given, refused.as_str())]);
            }
        }
        let both = |slash_is: &str| turn(&format!(r#","{slash}":{slash_is},"{variable}":true"#));
        table(
            &agent(sandbox),
            "turn/start",
            &[(&both("true"), ""), (&turn(""), "sandboxPolicy.excludeSlashTmp")],
        );
    }
    // Where nothing is written they say nothing.
    let read = r#"{"sandboxPolicy":{"type":"readOnly","excludeSlashTmp":false},"cwd":"/tmp/codex-work"}"#;
    table(&agent(Sandbox::WorkspaceWrite), "turn/start", &[(read, "")]);
}

#[test]
fn an_answer_can_not_be_made_to_carry_a_flood() {
    let name = "\\u001b[".repeat(10_000);
    let error = Policy::serving()
        .check("thread/start", line("thread/start", &format!(r#"{{"{name}":1}}"#)).as_bytes());
    let error = error.unwrap_err();
    assert!(error.message.len() < 1000 && !error.message.contains('\u{1b}'), "{}", error.message);
}

#[test]
fn a_method_that_the_operator_opened_is_open_with_all_its_params() {
    let policy = Policy::new(["fs/readFile".to_owned()], Profiles::default());
    let params: Value = json!({"path": "/etc/hostname"});
    assert_eq!(refused(&policy, "fs/readFile", &params.to_string()), None);
}
