//! The file of keys while the front runs: several keys, expiry, changes, and what becomes of a bad file.

use gateway_tests::pair::{Binary, DEADLINE, KEY, Pair, binary};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use shared::keys::Digest;
use std::{fs, os::unix::fs::PermissionsExt, process::Stdio};
use tokio::process::Command;

use crate::codexctl::Keys;
use crate::door::{asking, builder, failure, once, said, start, stranger};
use crate::raw::Answer;

/// A chat completion with a key.
pub(crate) async fn chat_as(pair: &Pair, key: &str) -> Answer {
    let bearer = format!("Authorization: Bearer {key}");
    let body = asking("hi").to_string();
    once(pair, &stranger("POST", "/v1/chat/completions", &[&bearer], body.as_bytes())).await
}

/// Waits until a key is refused, and gives the reason.
pub(crate) async fn refused(pair: &Pair, key: &str) -> String {
    let seen = pair.eventually("the key to be refused", || async {
        let answer = chat_as(pair, key).await;
        (answer.status == 401).then(|| failure(&answer, 401, Some("invalid_api_key"))["message"].clone())
    });
    seen.await.expect("a refusal").as_str().expect("a text").to_owned()
}

/// Waits until a key passes.
async fn passes(pair: &Pair, key: &str) {
    let seen = pair
        .eventually("the key to pass", || async { (chat_as(pair, key).await.status == 200).then_some(()) });
    seen.await.expect("an answer");
}

async fn series(pair: &Pair) -> Vec<String> {
    let text = reqwest::get(format!("http://{}/metrics", pair.internal)).await.expect("metrics");
    let text = text.text().await.expect("text");
    text.lines().filter(|line| line.starts_with("codex_keys")).map(str::to_owned).collect()
}

/// Waits until the series are these.
async fn told(pair: &Pair, valid: usize, expired: usize, ok: usize) {
    let wanted = [
        format!("codex_keys{{state=\"expired\"}} {expired}"),
        format!("codex_keys{{state=\"valid\"}} {valid}"),
        format!("codex_keys_file_ok {ok}"),
    ];
    let seen =
        pair.eventually("the series of keys", || async { (series(pair).await == wanted).then_some(()) });
    let seen = seen.await;
    assert!(seen.is_ok(), "not {wanted:?} but {:?}: {seen:?}", series(pair).await);
}

/// No line of either log has a key or a hash.
pub(crate) fn nothing_is_told(pair: &Pair, keys: &[&str]) {
    for line in pair.front.log().iter().chain(&pair.daemon.log()) {
        for key in keys {
            let hash = Digest::of(key.as_bytes()).to_text();
            assert!(!line.contains(key) && !line.contains(&hash[7..]), "{line}");
        }
    }
}

fn entry(name: &str, key: &str, more: &str) -> String {
    let hash = Digest::of(key.as_bytes()).to_text();
    format!("[[keys]]\nname = \"{name}\"\nhash = \"{hash}\"\ncreated = 2026-01-31T12:00:00Z\n{more}\n")
}

#[tokio::test]
async fn every_key_passes_until_it_expires() {
    let keys = Keys::new();
    let (first, second) = (keys.add(&["first"]).await, keys.add(&["second"]).await);
    let past = "expires = 2026-02-01T12:00:00+02:00";
    keys.write(&format!("{}{}", keys.text(), entry("past", "sk-past", past)));
    let pair = start(builder().front("PROXY_API_KEYS_FILE", keys.setting())).await;
    for key in [KEY, &first, &second] {
        assert_eq!(said(&chat_as(&pair, key).await), "hi");
    }
    assert!(refused(&pair, "sk-past").await.contains("has expired"));
    assert!(refused(&pair, "sk-other").await.contains("not valid"));
    assert!(refused(&pair, &Digest::of(first.as_bytes()).to_text()).await.contains("not valid"));
    told(&pair, 3, 1, 1).await;
    let loaded = pair.front.logged("the keys", |line| line["event"] == "keys_loaded").await.expect("a line");
    assert_eq!((&loaded["keys"], &loaded["expired"]), (&json!(3), &json!(1)));
    // A key expires while the front runs.
    let short = keys.add(&["short", "--expires", "5s"]).await;
    told(&pair, 4, 1, 1).await;
    assert!(refused(&pair, &short).await.contains("has expired"));
    told(&pair, 3, 2, 1).await;
    nothing_is_told(&pair, &[KEY, &first, &second, &short, "sk-past", "sk-other"]);
}

#[tokio::test]
async fn the_file_alone_opens_the_door_and_its_last_key_closes_it() {
    let keys = Keys::new();
    keys.write("# none yet\n");
    let pair = start(builder().front("PROXY_API_KEY", "").front("PROXY_API_KEYS_FILE", keys.setting())).await;
    pair.front.logged("the reason", |line| line["event"] == "no_api_key").await.expect("a line");
    assert!(refused(&pair, "sk-any").await.contains("codexctl key add"));
    let models = stranger("GET", "/v1/models", &[], b"");
    failure(&once(&pair, &models).await, 401, Some("invalid_api_key"));
    let key = keys.add(&["ci"]).await;
    passes(&pair, &key).await;
    assert_eq!(once(&pair, &models).await.status, 200);
    keys.revoke("ci").await;
    assert!(refused(&pair, &key).await.contains("PROXY_API_KEYS_FILE"));
    failure(&once(&pair, &models).await, 401, Some("invalid_api_key"));
    let closed = || pair.front.log().iter().filter(|line| line.contains("\"no_api_key\"")).count();
    let told = pair.eventually("the line of the last key", async || (closed() > 1).then_some(())).await;
    told.expect("one at the start, and one when the last key went");
    assert_eq!(closed(), 2);
}

#[tokio::test]
async fn sighup_reads_the_file_at_once_and_says_so() {
    let keys = Keys::new();
    keys.add(&["ci"]).await;
    let pair = start(builder().front("PROXY_API_KEYS_FILE", keys.setting())).await;
    let lines = |event: &str| {
        let event = format!("\"{event}\"");
        pair.front.log().iter().filter(|line| line.contains(&event)).count()
    };
    assert_eq!(lines("keys_loaded"), 1);
    pair.front.signal(Signal::SIGHUP).expect("a signal");
    // Nothing has changed: only who asks is told.
    let seen = pair.eventually("a line", || async { (lines("keys_loaded") == 2).then_some(()) });
    seen.await.expect("a line for the signal");
    assert_eq!(lines("front_reload"), 1);
    let key = keys.add(&["more"]).await;
    pair.front.signal(Signal::SIGHUP).expect("a signal");
    passes(&pair, &key).await;
}

#[tokio::test]
async fn a_broken_file_keeps_its_keys_and_a_missing_one_closes_them() {
    let keys = Keys::new();
    let key = keys.add(&["ci"]).await;
    let pair = builder().both("RUST_LOG", "debug").front("PROXY_API_KEYS_FILE", keys.setting());
    let pair = start(pair).await;
    let good = keys.text();
    keys.write(&format!("{good}[[keys]]\nname = \"sk-pasted\"\n{key} = 1\n"));
    told(&pair, 2, 0, 0).await;
    let failed = pair.front.logged("the failure", |line| line["event"] == "keys_reload_failed").await;
    let failed: Value = failed.expect("a line");
    assert_eq!((&failed["level"], &failed["kept"]), (&json!("error"), &json!(1)));
    let problems = failed["problems"].as_str().expect("a text");
    for words in [
        "line 7: key 2: `hash` is missing",
        "line 8: key 2: `name` must not begin",
        "line 9: key 2: there is no member of that name",
    ] {
        assert!(problems.contains(words), "{problems}");
    }
    assert_eq!(chat_as(&pair, &key).await.status, 200);
    keys.write("keys = [");
    pair.front.signal(Signal::SIGHUP).expect("a signal");
    let asked = |line: &Value| {
        line["event"] == "keys_reload_failed"
            && line["problems"].as_str().is_some_and(|text| text.starts_with("line 1: this is no TOML"))
    };
    pair.front.logged("the other failure", asked).await.expect("who asks is told");
    assert_eq!(chat_as(&pair, &key).await.status, 200);
    // Everybody may write to it.
    keys.write(&good);
    told(&pair, 2, 0, 1).await;
    fs::set_permissions(keys.path(), fs::Permissions::from_mode(0o666)).expect("a mode");
    told(&pair, 2, 0, 0).await;
    fs::set_permissions(keys.path(), fs::Permissions::from_mode(0o600)).expect("a mode");
    told(&pair, 2, 0, 1).await;
    fs::remove_file(keys.path()).expect("a file");
    refused(&pair, &key).await;
    told(&pair, 1, 0, 0).await;
    let gone = pair.front.logged("the end of the file", |line| line["event"] == "keys_file_missing").await;
    assert_eq!(gone.expect("a line")["level"], "error");
    assert_eq!(chat_as(&pair, KEY).await.status, 200, "the key of the environment stays");
    keys.write(&good);
    passes(&pair, &key).await;
    told(&pair, 2, 0, 1).await;
    nothing_is_told(&pair, &[KEY, &key]);
}

/// A front that ends by itself: its code and what it says on stderr.
async fn front(args: &[&str], env: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let command = Command::new(binary(Binary::HttpFront))
        .args(args)
        .env_clear()
        .envs(env.iter().copied())
        .envs([("PORT", "0"), ("PROXY_INTERNAL_ADDR", "127.0.0.1:0")])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let ended =
        tokio::time::timeout(DEADLINE, command).await.expect("the front ends in time").expect("an end");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (ended.status.code(), text(ended.stdout), text(ended.stderr))
}

#[tokio::test]
async fn a_file_that_cannot_be_used_ends_the_front_with_2() {
    let keys = Keys::new();
    let file = keys.setting();
    let refuses = async |words: &[&str]| {
        for args in [&[][..], &["--check-config"]] {
            let env = [("PROXY_API_KEYS_FILE", &*file), ("PROXY_API_KEY", "sk-own")];
            let (code, out, err) = front(args, &env).await;
            assert_eq!((code, &*out), (Some(2), ""), "{err}");
            let lines: Vec<&str> = err.lines().collect();
            assert_eq!(lines.len(), words.len(), "{err}");
            for (line, words) in lines.iter().zip(words) {
                assert!(line.starts_with("http-front: PROXY_API_KEYS_FILE: /"), "{line}");
                assert!(line.contains(words) && !line.contains("sk-own"), "{line}");
            }
        }
    };
    refuses(&["keys.toml: it does not exist; `codexctl key add NAME` makes it"]).await;
    keys.write("[[keys]]\nname = \"ci\"\ncreated = 1\n");
    refuses(&[
        "keys.toml: line 1: key `ci`: `hash` is missing",
        "keys.toml: line 3: key `ci`: `created` must be",
    ])
    .await;
    keys.write(&format!("# {}\n", "x".repeat(1 << 20)));
    refuses(&["it has more than 1048576 bytes"]).await;
    keys.write(&entry("own", "sk-own", ""));
    refuses(&["key `own` is PROXY_API_KEY itself; take one of both away"]).await;
    keys.write("");
    fs::set_permissions(keys.path(), fs::Permissions::from_mode(0o646)).expect("a mode");
    refuses(&["everybody may write to it"]).await;
    fs::set_permissions(keys.path(), fs::Permissions::from_mode(0o600)).expect("a mode");
    let (code, out, err) = front(&["--check-config"], &[("PROXY_API_KEYS_FILE", &file)]).await;
    assert_eq!((code, &*out), (Some(0), "http-front: the configuration can be used\n"), "{err}");
}

#[tokio::test]
async fn credentials_are_read_from_their_folder() {
    let keys = Keys::new();
    let key = keys.add(&["ci"]).await;
    let folder = keys.folder().to_string_lossy().into_owned();
    fs::write(keys.folder().join("PROXY_API_KEY"), "sk-of-the-folder\n").expect("a credential");
    let builder = builder().front("PROXY_API_KEY", "").front("CREDENTIALS_DIRECTORY", &folder);
    let pair = start(builder.front("PROXY_API_KEYS_FILE", keys.setting())).await;
    for key in ["sk-of-the-folder", &key] {
        assert_eq!(said(&chat_as(&pair, key).await), "hi");
    }
    refused(&pair, KEY).await;
    let (code, out, _) = front(&["--print-config"], &[("CREDENTIALS_DIRECTORY", &folder)]).await;
    let line = out.lines().find(|line| line.starts_with("PROXY_API_KEY ")).expect("the setting");
    assert!(code == Some(0) && line.contains("(secret)") && line.ends_with("# credential"), "{line}");
    nothing_is_told(&pair, &["sk-of-the-folder", &key]);
}
