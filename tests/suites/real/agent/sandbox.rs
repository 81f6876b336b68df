//! Commands do what the operator's sandbox allows, and no more.

use std::path::Path;

use serde_json::Value;

use super::stage::{CODE, DIRECT, Got, Stage, asking, commands, results};

/// Tries to write in the folder, beside it and in the folder for temporary files; gives which of it was written.
async fn written(stage: &Stage, model: &str) -> ([bool; 3], Got) {
    let beside = stage.pair.home().join("beside");
    let temporary = tempfile::Builder::new().prefix("agent-tmp-").tempdir_in("/tmp").expect("a folder");
    let inside = stage.work.path().join(format!("inside-{model}"));
    let places = [inside, beside, temporary.path().join("temporary")];
    let command =
        places.iter().map(|place| format!("touch {}", place.display())).collect::<Vec<_>>().join("; ");
    let got = stage.agent(model, &commands(&[&command]), false).await;
    let written = places.map(|place| place.exists());
    (written, got)
}

#[tokio::test]
async fn reading_alone_writes_nothing() {
    let stage = Stage::new("read-only").await;
    for model in [DIRECT, CODE] {
        let (written, got) = written(&stage, model).await;
        assert_eq!(written, [false; 3], "{model}: {got:?}");
        assert_eq!(got.said(), "step 0\n\ndone");
        let last = stage.upstream.requests().pop().expect("a request");
        assert!(results(&last)[0].to_string().contains("Read-only file system"), "the command did not run");
    }
}

#[tokio::test]
async fn writing_in_the_folder_writes_there_alone() {
    let stage = Stage::new("workspace-write").await;
    for model in [DIRECT, CODE] {
        let (written, got) = written(&stage, model).await;
        assert_eq!(written, [true, false, false], "{model}: {got:?}");
    }
    // codex trusts no folder for it.
    let config = std::fs::read_to_string(stage.pair.home().join("config.toml")).expect("a config.toml");
    assert!(!config.contains("trust"), "{config}");
}

#[tokio::test]
async fn full_access_is_for_operators_who_ask_for_it_on_both_sides() {
    let stage = Stage::new("danger-full-access").await;
    for model in [DIRECT, CODE] {
        let (written, got) = written(&stage, model).await;
        assert_eq!(written, [true; 3], "{model}: {got:?}");
        std::fs::remove_file(stage.pair.home().join("beside")).expect("a file");
    }
}

/// A front that asks for more than its daemon allows gets nothing at all, and the log says why, once.
#[tokio::test]
async fn a_front_gets_no_more_than_its_daemon_allows() {
    for (front, daemon) in [("danger-full-access", "workspace-write"), ("workspace-write", "read-only")] {
        let stage = Stage::with(|builder| {
            builder
                .daemon("WORKER_PROFILES", "completion,agent")
                .daemon("PROXY_SANDBOX_MODE", daemon)
                .front("PROXY_SANDBOX_MODE", front)
                .front("PROXY_API_KEY_PROFILES", "completion,agent")
        })
        .await;
        for _ in 0..2 {
            let (written, got) = written(&stage, DIRECT).await;
            assert_eq!(written, [false; 3], "{front}: {got:?}");
            let (status, kind, code, _) = got.error();
            assert_eq!((status, &*kind, &*code), (503, "server_error", "agent_unavailable"), "{got:?}");
            assert_eq!(got.headers["x-should-retry"], "false");
        }
        assert_eq!(stage.upstream.totals().requests, 0);
        let unavailable = |line: &Value| line["event"] == "agent_unavailable";
        stage.pair.front.logged("that agents are unavailable", unavailable).await.expect("a line");
        let lines = stage.pair.front.log();
        let told = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let told: Vec<Value> = told.filter(|line| line["event"] == "agent_unavailable").collect();
        assert!(told.len() == 1 && told[0].to_string().contains("PROXY_SANDBOX_MODE"), "{told:?}");
        // Completions are served.
        let plain = stage.send(&[], &asking(DIRECT, "hello", false)).await;
        assert_eq!(plain.said(), "echo hello", "{plain:?}");
    }
}

/// A folder of the front that the daemon doesn't have.
#[tokio::test]
async fn a_front_works_in_no_folder_of_its_own() {
    let elsewhere = tempfile::tempdir().expect("a folder");
    let folder = elsewhere.path().to_str().expect("a path").to_owned();
    let stage = Stage::with(|builder| {
        builder
            .daemon("WORKER_PROFILES", "completion,agent")
            .front("PROXY_CODEX_WORKDIR", &*folder)
            .front("PROXY_PROFILE", "agent")
    })
    .await;
    let got = stage.agent(DIRECT, &commands(&["pwd"]), false).await;
    assert_eq!(got.error().2, "agent_unavailable", "{got:?}");
    assert_eq!(stage.upstream.totals().requests, 0);
}

#[tokio::test]
async fn a_missing_folder_is_made_for_the_daemon_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let parent = tempfile::tempdir().expect("a folder");
    let folder = parent.path().join("a/b");
    let stage = Stage::with(|builder| {
        builder
            .daemon("WORKER_PROFILES", "completion,agent")
            .both("PROXY_CODEX_WORKDIR", folder.to_str().expect("a path"))
            .both("PROXY_SANDBOX_MODE", "workspace-write")
            .front("PROXY_PROFILE", "agent")
    })
    .await;
    let mode = |path: &Path| std::fs::metadata(path).expect("a folder").permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    stage.agent(DIRECT, &commands(&["touch made"]), false).await;
    assert!(folder.join("made").exists());
}

/// codex has the provider's key in its environment. Its commands don't, nor what else the daemon was started with.
#[tokio::test]
async fn commands_have_no_key_of_the_provider() {
    let stage = Stage::built("env_key = \"THE_PROVIDERS_KEY\"\n", |builder| {
        builder
            .daemon("WORKER_PROFILES", "completion,agent")
            .daemon("THE_PROVIDERS_KEY", "sk-of-the-provider")
            .front("PROXY_PROFILE", "agent")
    })
    .await;
    for model in [DIRECT, CODE] {
        let got = stage.agent(model, &commands(&["env; cat /proc/*/environ"]), false).await;
        assert_eq!(got.said(), "step 0\n\ndone", "{got:?}");
        let last = stage.upstream.requests().pop().expect("a request");
        assert_eq!(last.header("authorization"), Some("Bearer sk-of-the-provider"));
        let ran = results(&last)[0].to_string();
        assert!(ran.contains("CODEX_THREAD_ID"), "{ran}");
        for secret in ["THE_PROVIDERS_KEY", "sk-of-the-provider", "WORKER_", "PROXY_"] {
            assert!(!ran.contains(secret), "{secret} is in {ran}");
        }
    }
}
