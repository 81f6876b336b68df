//! `codexctl maintenance` and `codexctl app-server` against a running pair.

use super::{APP_SERVER, Door, MAINTENANCE};
use crate::door::{builder, start};
use gateway_tests::pair::{Binary, DEADLINE, KEY, Pair, binary};
use serde_json::{Value, json};
use std::process::Stdio;
use tokio::process::Command;

/// What the command printed on stdout, or on stderr with its exit code.
async fn run(env: &[(&str, &str)], arguments: &[&str]) -> Result<String, (i32, String)> {
    let mut command = Command::new(binary(Binary::Codexctl));
    command.env_clear().envs(env.iter().copied()).args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(DEADLINE, command.output()).await.expect("an end in time");
    let output = output.expect("the command runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8").trim_end().to_owned();
    let (code, out, err) = (output.status.code().expect("a code"), text(output.stdout), text(output.stderr));
    assert!(!out.contains(KEY) && !err.contains(KEY), "the key is printed: {out}{err}");
    if code == 0 { Ok(out) } else { Err((code, err)) }
}

async fn ctl(pair: &Pair, arguments: &[&str]) -> String {
    let internal = pair.internal.to_string();
    let env = [("PROXY_INTERNAL_ADDR", internal.as_str()), ("PROXY_API_KEY", KEY)];
    run(&env, arguments).await.expect("an answer")
}

#[tokio::test]
async fn an_operator_toggles_by_command() {
    let closed = builder().front("PROXY_MAINTENANCE_MODE", "true");
    let pair = closed.start().await.expect("a pair that is ready");
    let door = Door::of(&pair);
    assert_eq!(
        ctl(&pair, &["maintenance", "status"]).await,
        "maintenance: on (by the front's settings)\nclients wait: 30 s"
    );
    let off = ctl(&pair, &["maintenance", "off"]).await;
    assert!(off.starts_with("maintenance: off (by toggle), since ") && off.contains("clear"), "{off}");
    assert_eq!(door.chat().await, (200, Value::Null));
    let on =
        ctl(&pair, &["maintenance", "on", "--for", "30m", "--retry-after", "60", "--message", "A new disk."])
            .await;
    assert!(on.contains(", until ") && on.contains("clients wait: 60 s\nclients read: A new disk."), "{on}");
    assert_eq!(door.chat().await, (503, json!("maintenance")));
    let json: Value =
        serde_json::from_str(&ctl(&pair, &["maintenance", "status", "--json"]).await).expect("JSON");
    assert_eq!(json, door.state(MAINTENANCE).await);
    assert!(ctl(&pair, &["maintenance", "clear"]).await.contains("by the front's settings"));
    let killed = ctl(&pair, &["app-server", "off"]).await;
    assert!(killed.starts_with("app-server: off (by toggle), since "), "{killed}");
    assert_eq!(door.chat().await, (503, json!("app_server_disabled")));
    assert_eq!(ctl(&pair, &["app-server", "clear"]).await, "app-server: on (by the front's settings)");
    assert_eq!(door.state(APP_SERVER).await["source"], "variable");
}

#[tokio::test]
async fn what_goes_wrong_is_said_with_its_remedy_and_code() {
    let pair = start(builder()).await;
    let internal = pair.internal.to_string();
    let public = pair.addr.to_string();
    let status = ["maintenance", "status"];
    let at = |address| [("PROXY_INTERNAL_ADDR", address), ("PROXY_API_KEY", KEY)];
    let told = async |env: &[(&str, &str)], arguments: &[&str], code: i32, words: &str| {
        let failure = run(env, arguments).await.expect_err("a failure");
        assert!(failure.0 == code && failure.1.contains(words), "{arguments:?}: {failure:?}");
    };
    told(&[], &status, 2, "no key: set PROXY_API_KEY").await;
    told(
        &[("PROXY_API_KEY", "sk-wrong"), ("PROXY_INTERNAL_ADDR", &internal)],
        &status,
        2,
        "refuses the key (401)",
    )
    .await;
    told(&at("127.0.0.1:1"), &status, 1, "nothing listens at http://127.0.0.1:1: is http-front running?")
        .await;
    told(&at(&public), &status, 1, "is it the internal listener").await;
    told(&at("https://127.0.0.1:1"), &status, 2, "http:// alone").await;
    told(&at(&internal), &["maintenance", "on", "--until", "1999-01-01T00:00:00Z"], 2, "`until`").await;
    told(&at(&internal), &["maintenance", "on", "--until", "soon"], 2, "RFC 3339").await;
    told(&at(&internal), &["maintenance", "on", "--for", "soon"], 2, "--for").await;
    told(&at(&internal), &["maintenance"], 2, "Usage").await;
    // The flag wins over the variable, and a file of a key over that of the environment.
    let key = pair.home().join("key");
    std::fs::write(&key, format!("{KEY}\n")).expect("a file");
    let key = key.to_string_lossy().into_owned();
    let by_flags = ["maintenance", "status", "--url", &format!("http://{internal}/"), "--key-file", &key];
    let env = [("PROXY_INTERNAL_ADDR", "127.0.0.1:1"), ("PROXY_API_KEY", "sk-wrong")];
    assert_eq!(run(&env, &by_flags).await, Ok("maintenance: off (by the front's settings)".to_owned()));
}
