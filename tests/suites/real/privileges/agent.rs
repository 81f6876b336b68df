//! What a client of the socket gets where agents are on: the operator's sandbox and folder, and no more by any param.

use gateway_tests::pair::SocketClient;
use serde_json::{Value, json};

use super::{builder, catalog, turn, upstream};

/// Params beyond the profile `agent` with the sandbox `read-only`, and the member that is named.
fn beyond(work: &str) -> Vec<(&'static str, &'static str, Value)> {
    let config = |name: &str, value: Value| json!({ "cwd": work, "config": { name: value } });
    let policy = |policy: Value| json!({ "cwd": work, "sandboxPolicy": policy });
    let full = json!({ "type": "dangerFullAccess" });
    let mut cases = vec![
        ("turn/start", "sandboxPolicy.type", policy(full)),
        ("turn/start", "sandboxPolicy.type", policy(json!({ "type": "workspaceWrite" }))),
        (
            "turn/start",
            "sandboxPolicy.type",
            policy(json!({ "type": "externalSandbox", "networkAccess": "enabled" })),
        ),
        (
            "turn/start",
            "sandboxPolicy.networkAccess",
            policy(json!({ "type": "readOnly", "networkAccess": true })),
        ),
        (
            "turn/start",
            "sandboxPolicy.access",
            policy(json!({ "type": "readOnly", "access": { "type": "fullAccess" } })),
        ),
        (
            "turn/start",
            "sandboxPolicy.writableRoots",
            policy(json!({ "type": "readOnly", "writableRoots": ["/"] })),
        ),
        ("turn/start", "cwd", json!({ "cwd": format!("{work}/../..") })),
        ("turn/start", "permissions", json!({ "cwd": work, "permissions": ":danger-full-access" })),
        ("turn/start", "approvalPolicy", json!({ "cwd": work, "approvalPolicy": "on-request" })),
        (
            "turn/start",
            "approvalPolicy",
            json!({ "approvalPolicy": { "granular": { "sandbox_approval": true } } }),
        ),
        ("turn/start", "environments", json!({ "environments": [{ "environmentId": "local", "cwd": "/" }] })),
        ("turn/start", "runtimeWorkspaceRoots", json!({ "runtimeWorkspaceRoots": ["/"] })),
        (
            "turn/start",
            "collaborationMode",
            json!({ "collaborationMode": { "mode": "default", "settings": {} } }),
        ),
    ];
    for method in ["thread/start", "thread/fork", "thread/resume"] {
        cases.extend([
            (method, "sandbox", json!({ "cwd": work, "sandbox": "workspace-write" })),
            (method, "sandbox", json!({ "cwd": work, "sandbox": "danger-full-access" })),
            (method, "cwd", json!({ "cwd": "/", "config": { "features.shell_tool": true } })),
            (method, "config.features", config("features", json!({ "shell_tool": true, "hooks": true }))),
            (method, "config.features.hooks", config("features.hooks", json!(true))),
            (method, "config.features.apps", config("features.apps", json!(true))),
            (method, "config.model_catalog_json", config("model_catalog_json", json!("/etc/passwd"))),
            (method, "config.sandbox_mode", config("sandbox_mode", json!("danger-full-access"))),
            (
                method,
                "config.sandbox_workspace_write.network_access",
                config("sandbox_workspace_write.network_access", json!(true)),
            ),
            (method, "config.mcp_servers", config("mcp_servers", json!({ "x": { "command": "touch" } }))),
            (method, "config.notify", config("notify", json!(["touch", "x"]))),
            (
                method,
                "config.shell_environment_policy.set",
                config("shell_environment_policy.set", json!({ "LD_PRELOAD": "x" })),
            ),
            (method, "config.web_search", config("web_search", json!("live"))),
            (method, "config.project_doc_max_bytes", config("project_doc_max_bytes", json!(1))),
            (method, "permissions", json!({ "cwd": work, "permissions": ":danger-full-access" })),
        ]);
    }
    cases
}

/// Folders for temporary files are other programs' too; codex opens them where a policy doesn't close them.
#[tokio::test]
async fn a_client_of_the_socket_writes_in_the_folder_alone() {
    let upstream = upstream().await;
    let work = tempfile::tempdir().expect("a folder");
    let folder = work.path().to_str().expect("a path in UTF-8");
    let pair = builder(&upstream)
        .daemon("WORKER_PROFILES", "completion,agent")
        .daemon("PROXY_SANDBOX_MODE", "workspace-write")
        .daemon("PROXY_CODEX_WORKDIR", folder)
        .start()
        .await
        .expect("a ready pair");
    let mut client = SocketClient::connect(&pair.socket).await.expect("a connection");
    let config = json!({ "features.shell_tool": true, "features.unified_exec": true, "model_catalog_json": catalog(&pair, "raw-") });
    let start = json!({ "ephemeral": true, "cwd": folder, "config": config });
    let started = client.call("thread/start", &start).await.expect("a thread");
    let thread = &started["thread"]["id"];
    let (slash, variable) = ("excludeSlashTmp", "excludeTmpdirEnvVar");
    for (open, policy) in [
        (slash, json!({})),
        (slash, json!({ variable: true })),
        (slash, json!({ slash: false, variable: true })),
        (slash, json!({ slash: null, variable: true })),
        (variable, json!({ slash: true })),
        (variable, json!({ slash: true, variable: false })),
        ("networkAccess", json!({ slash: true, variable: true, "networkAccess": true })),
        ("writableRoots", json!({ slash: true, variable: true, "writableRoots": ["/tmp"] })),
    ] {
        let mut policy = policy;
        policy["type"] = json!("workspaceWrite");
        let params = json!({ "threadId": thread, "input": [], "cwd": folder, "sandboxPolicy": policy });
        let error = client.call("turn/start", &params).await.expect_err("a refusal").to_string();
        assert!(
            error.contains("-32014") && error.contains(&format!("sandboxPolicy.{open}")),
            "{params}: {error}"
        );
    }
    let temporary = tempfile::Builder::new().prefix("agent-tmp-").tempdir_in("/tmp").expect("a folder");
    let command = format!("touch inside; touch {}", temporary.path().join("x").display());
    let policy = json!({ "type": "workspaceWrite", slash: true, variable: true });
    turn(&mut client, thread, &command, &json!({ "cwd": folder, "sandboxPolicy": policy })).await;
    assert!(work.path().join("inside").exists(), "the command did not run");
    assert!(!temporary.path().join("x").exists(), "a command wrote for everybody");
}

#[tokio::test]
async fn an_agent_of_the_socket_gets_no_more_than_the_operators_sandbox() {
    let upstream = upstream().await;
    let work = tempfile::tempdir().expect("a folder");
    let folder = work.path().to_str().expect("a path in UTF-8");
    let pair = builder(&upstream)
        .daemon("WORKER_PROFILES", "completion,agent")
        .daemon("PROXY_CODEX_WORKDIR", folder)
        .start()
        .await
        .expect("a ready pair");
    let mut client = SocketClient::connect(&pair.socket).await.expect("a connection");
    let status = client.call("daemon/status", &json!({})).await.expect("a status");
    let raw = catalog(&pair, "raw-");
    assert_eq!(
        status["agent"],
        json!({ "sandbox": "read-only", "workdir": folder, "catalog": raw.to_str().expect("a path") })
    );
    for (method, member, mut params) in beyond(folder) {
        if method != "thread/start" {
            params["threadId"] = json!("t");
        }
        if method == "turn/start" {
            params["input"] = json!([]);
        }
        let error = client.call(method, &params).await.expect_err("a refusal").to_string();
        assert!(
            error.contains("-32014") && error.contains(&format!("\"{member}\"")),
            "{method} {params}: {error}"
        );
    }
    // What it may have, it has; and that writes nothing, in the folder neither.
    let config =
        json!({ "features.shell_tool": true, "features.unified_exec": true, "model_catalog_json": raw });
    let start = json!({ "ephemeral": true, "cwd": folder, "config": config });
    let started = client.call("thread/start", &start).await.expect("a thread");
    let command = "touch marker; echo ran";
    turn(&mut client, &started["thread"]["id"], command, &json!({ "cwd": folder })).await;
    let last = upstream.requests().pop().expect("a request");
    let ran = last.outputs_since_user().join("\n");
    assert!(ran.contains("Read-only file system") && ran.contains("ran"), "{ran}");
    assert!(!work.path().join("marker").exists(), "a command wrote");
}
