//! Who may have an agent: by the operator's default, or by the key's right and the request's header.

use serde_json::json;

use super::stage::{DIRECT, Stage, asking, commands};

/// What a request with this header came to: the profile that it ran as, or the error.
async fn outcome(stage: &Stage, header: Option<&str>) -> Result<String, (u16, String, String)> {
    let headers: Vec<(&str, &str)> = header.map(|word| ("x-codex-profile", word)).into_iter().collect();
    let before = stage.upstream.totals().requests;
    let got = stage.send(&headers, &asking(DIRECT, "hello", false)).await;
    if got.status != 200 {
        assert_eq!(stage.upstream.totals().requests, before, "a refused request went up");
        let (status, kind, code, _) = got.error();
        return Err((status, kind, code));
    }
    let profile = got.profile().expect("the header of an answer that ran").to_owned();
    let sent = stage.upstream.requests().pop().expect("a request").json().to_string();
    assert_eq!(sent.contains("exec_command"), profile == "agent", "{sent}");
    Ok(profile)
}

fn refused(status: u16, kind: &str, code: &str) -> Result<String, (u16, String, String)> {
    Err((status, kind.to_owned(), code.to_owned()))
}

#[tokio::test]
async fn the_matrix_of_defaults_rights_and_headers() {
    let ran = |profile: &str| Ok(profile.to_owned());
    let forbidden = || refused(403, "permission_error", "profile_not_allowed");
    let off = || refused(503, "server_error", "agent_unavailable");
    let bad = || refused(400, "invalid_request_error", "null");
    // The daemon's profiles, the front's default, the key's; outcomes without a header, with completion, with agent.
    let matrix = [
        ("completion", "completion", "completion", [ran("completion"), ran("completion"), forbidden()]),
        ("completion", "completion", "completion,agent", [ran("completion"), ran("completion"), off()]),
        ("completion", "agent", "completion", [off(), ran("completion"), off()]),
        ("completion,agent", "completion", "completion", [ran("completion"), ran("completion"), forbidden()]),
        (
            "completion,agent",
            "completion",
            "completion,agent",
            [ran("completion"), ran("completion"), ran("agent")],
        ),
        ("completion,agent", "agent", "completion", [ran("agent"), ran("completion"), ran("agent")]),
    ];
    for (daemon, default, key, expected) in matrix {
        let stage = Stage::with(|builder| {
            builder
                .daemon("WORKER_PROFILES", daemon)
                .front("PROXY_PROFILE", default)
                .front("PROXY_API_KEY_PROFILES", key)
        })
        .await;
        // A header without a value is none.
        assert_eq!(outcome(&stage, Some("")).await, expected[0], "{daemon}; {default}; {key}; empty");
        for (header, expected) in [None, Some("completion"), Some("agent")].into_iter().zip(expected) {
            assert_eq!(outcome(&stage, header).await, expected, "{daemon}; {default}; {key}; {header:?}");
        }
        for odd in ["Agent", "agent,completion", "danger-full-access"] {
            assert_eq!(outcome(&stage, Some(odd)).await, bad(), "{daemon}; {default}; {key}; {odd}");
        }
        let twice = [("x-codex-profile", "completion"), ("x-codex-profile", "agent")];
        let got = stage.send(&twice, &asking(DIRECT, "hello", false)).await;
        assert_eq!((got.status, got.error().3.as_str()), (400, "x-codex-profile"), "{got:?}");
    }
}

/// What would be several agents in one folder, or would leave an agent's work half done, is refused.
#[tokio::test]
async fn functions_and_several_choices_are_refused_to_agents_alone() {
    let stage = Stage::new("read-only").await;
    let tools = json!([{ "type": "function", "function": { "name": "f" } }]);
    for (param, more) in
        [("tools", json!({ "tools": tools })), ("functions", json!({ "functions": [{ "name": "f" }] }))]
    {
        let mut body = asking(DIRECT, "hello", false);
        body.as_object_mut().expect("an object").extend(more.as_object().expect("members").clone());
        let got = stage.send(&[("x-codex-profile", "agent")], &body).await;
        let (status, _, code, named) = got.error();
        assert_eq!((status, &*code, &*named), (400, "unsupported_parameter", param), "{got:?}");
        assert_eq!(got.profile(), Some("agent"));
        assert_eq!(stage.send(&[], &body).await.status, 200);
    }
    let mut body = asking(DIRECT, &commands(&["pwd"]), false);
    body["tools"] = tools;
    body["tool_choice"] = json!("none");
    let got = stage.send(&[("x-codex-profile", "agent")], &body).await;
    assert_eq!(got.said(), "step 0\n\ndone", "{got:?}");
}
