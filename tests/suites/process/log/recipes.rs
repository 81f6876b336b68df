//! The recipes of `docs/operations/logs.md`, run over the lines of a real run.

use crate::support::{ask, ready};
use gateway_tests::{
    fake_child::Script,
    pair::{Answer, KEY},
};
use serde_json::{Value, json};
use std::{fs::OpenOptions, io::Write, path::Path, process::Command};

/// The recipes: what stands between the marks of a shell's block.
fn recipes() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations/logs.md");
    let text = std::fs::read_to_string(path).expect("the document");
    let blocks = text.split("```sh\n").skip(1).filter_map(|rest| Some(rest.split_once("```")?.0.to_owned()));
    blocks.collect()
}

#[tokio::test]
async fn every_recipe_finds_what_it_says() {
    let pair = ready(&Script::default()).await;
    for stream in [false, true] {
        ask(&pair, "!echo hello", stream).await;
    }
    ask(&pair, "!crash", false).await;
    pair.ready().await.expect("another child");
    // A panic of the child's, as its stderr has it.
    let child = pair.child_pid().expect("a child");
    let mut stderr = OpenOptions::new().write(true).open(format!("/proc/{child}/fd/2")).expect("its stderr");
    stderr.write_all(b"thread 'main' panicked at core/src/a.rs:1:2:\nsaid by a client\n").expect("a line");
    pair.daemon.logged("the panic", |line| line["event"] == "panic").await.expect("a line");
    let maintenance = format!("http://{}/internal/maintenance", pair.internal);
    let switch = |enabled: bool| {
        let body = json!({ "enabled": enabled });
        pair.client().post(&maintenance).bearer_auth(KEY).json(&body).send()
    };
    assert_eq!(switch(true).await.expect("an answer").status(), 200);
    ask(&pair, "!echo closed", false).await;
    assert_eq!(switch(false).await.expect("an answer").status(), 200);
    let named = pair.client().post(pair.url("/v1/chat/completions")).bearer_auth(KEY);
    let named =
        named.header("x-client-request-id", "my-name").json(&gateway_tests::pair::asking("!echo hi", false));
    let id =
        named.send().await.expect("an answer").headers()["x-request-id"].to_str().expect("a name").to_owned();
    // One that is still running.
    let _running = Answer::to(&pair, "!chunks 2\n!hang\nhello", true).await.expect("a head");

    let folder = tempfile::tempdir().expect("a folder");
    let noise = ["Started codex-front.service - the front.".to_owned(), String::new()];
    let lines = [pair.daemon.log(), noise.to_vec(), pair.front.log()].concat().join("\n");
    std::fs::write(folder.path().join("log.ndjson"), lines + "\n").expect("a file");
    let recipes = recipes();
    assert!(recipes.len() >= 10, "{recipes:#?}");
    for recipe in recipes {
        assert!(recipe.contains("jq "), "{recipe}");
        let ran = Command::new("sh")
            .args(["-ec", &recipe])
            .current_dir(folder.path())
            .env("REQUEST_ID", &id)
            .env("CLIENT_REQUEST_ID", "my-name")
            .output()
            .expect("a shell");
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        let complained = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(ran.status.success() && complained.is_empty(), "{recipe}\n{complained}");
        let found: Vec<Value> =
            serde_json::Deserializer::from_str(&said).into_iter().map(|value| value.expect("JSON")).collect();
        let nothing = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        assert!(!found.is_empty() && !found.iter().any(nothing), "{recipe}\nfound {said}");
    }
}
