//! Who may have an agent: by the operator's default, or by the key's right and the request's header.

use gateway_tests::pair::KEY;
use serde_json::json;
use shared::keys::Digest;

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

/// A key of the file may come while the front runs, and what its agents do is told all the same.
#[tokio::test]
async fn a_key_of_the_file_has_agents_and_their_work_is_told() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().to_string_lossy().into_owned();
    let stage = Stage::with(|builder| {
        builder
            .daemon("WORKER_PROFILES", "completion,agent")
            .front("PROXY_API_KEY", "")
            .front("PROXY_API_KEYS_FILE", path)
    })
    .await;
    let hash = Digest::of(KEY.as_bytes()).to_text();
    let entry = |profiles: &str| {
        let named = format!("name = \"me\"\nhash = \"{hash}\"\ncreated = 2026-01-31T12:00:00Z\n");
        format!("[[keys]]\n{named}profiles = [{profiles}]\n")
    };
    for (profiles, expected) in [
        ("\"completion\"", refused(403, "permission_error", "profile_not_allowed")),
        ("\"completion\", \"agent\"", Ok("agent".to_owned())),
    ] {
        std::fs::write(file.path(), entry(profiles)).expect("a key");
        let taken = stage.pair.eventually("the key to be taken", || async {
            (outcome(&stage, Some("agent")).await == expected).then_some(())
        });
        taken.await.expect(profiles);
    }
    let got = stage.agent(DIRECT, &commands(&["pwd"]), false).await;
    assert_eq!((got.status, got.profile()), (200, Some("agent")), "{got:?}");
    let logged = stage.logged(1).await;
    assert_eq!(logged.len(), 1, "{logged:?}");
    assert_eq!((&logged[0]["name"], &logged[0]["exit_code"]), (&json!("pwd"), &json!(0)));
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
