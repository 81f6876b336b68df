//! Are the fake's messages made of the real child's members? `members.txt` was recorded from codex-cli 0.169.0.

use std::collections::{BTreeMap, BTreeSet};

use gateway_tests::fake_child::Script;
use serde_json::{Value, json};

use crate::client::converse;

const RECORDED: &str = include_str!("members.txt");

/// The members of one kind of message.
#[derive(Default)]
struct Kind {
    required: BTreeSet<String>,
    optional: BTreeSet<String>,
}

fn recorded() -> BTreeMap<&'static str, Kind> {
    let mut kinds = BTreeMap::<&str, Kind>::new();
    let mut name = "";
    for line in RECORDED.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        if !line.starts_with(' ') {
            name = line;
            continue;
        }
        let kind = kinds.entry(name).or_default();
        for member in line.split_whitespace() {
            match member.strip_suffix('?') {
                Some(member) => kind.optional.insert(member.to_owned()),
                None => kind.required.insert(member.to_owned()),
            };
        }
    }
    kinds
}

/// Every member's path; items and content parts carry their type, because their members depend on it.
fn paths(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    const TYPED: [&str; 4] = ["item", "items[]", "content[]", "contentItems[]"];
    match value {
        Value::Object(members) => {
            let last = path.rsplit('.').next().unwrap_or(path);
            let path = match members.get("type").and_then(Value::as_str) {
                Some(kind) if TYPED.contains(&last) => format!("{path}<{kind}>"),
                _ => path.to_owned(),
            };
            for (name, member) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                paths(member, &path, found);
                found.insert(path);
            }
        }
        Value::Array(elements) => {
            for element in elements {
                paths(element, &format!("{path}[]"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The kind's name as the list has it; answers are known by the method that was asked.
fn kind(message: &Value, asked: &BTreeMap<u64, String>) -> String {
    if let Some(method) = message["method"].as_str() {
        let lane = if message["id"].is_null() { "notification" } else { "request" };
        let item = message["params"]["item"]["type"].as_str();
        return [Some(lane), Some(method), item].into_iter().flatten().collect::<Vec<_>>().join(" ");
    }
    if message["result"].is_null() {
        return "error".to_owned();
    }
    if message["result"] == json!({}) {
        return "answer empty".to_owned();
    }
    let method = message["id"].as_u64().and_then(|id| asked.get(&id)).expect("an answer to a request");
    format!("answer {method}")
}

#[tokio::test]
async fn messages_have_the_real_members() {
    converse(Script::default(), async |client| {
        client.initialize(&[]).await;
        for (method, params) in [
            ("config/read", json!({})),
            ("model/list", json!({ "includeHidden": true })),
            ("server/diagnostics", json!({})),
            ("thread/start", json!({ "cwd": "/tmp" })),
            ("thread/loaded/list", json!({})),
            ("no/such", json!({})),
        ] {
            client.call(method, params).await;
        }
        for text in
            ["!reasoning why\nhello", "!retry\nhello", "!fail usageLimitExceeded", "!tool look {\"a\":1}"]
        {
            let (thread, _turn) = client.turn(text).await;
            if text.starts_with("!tool") {
                let call = client.notified("item/tool/call").await;
                let content = json!([{ "type": "inputText", "text": "42" }]);
                let result = json!({ "contentItems": content, "success": true });
                client.send(&json!({ "id": call["id"], "result": result })).await;
            }
            client.notified("turn/completed").await;
            client.call("thread/unsubscribe", json!({ "threadId": thread })).await;
            client.notified("thread/closed").await;
        }
        compare(&client.seen, &client.asked);
    })
    .await;
}

fn compare(seen: &[Value], asked: &BTreeMap<u64, String>) {
    let kinds = recorded();
    let mut met = BTreeSet::new();
    for message in seen {
        let name = kind(message, asked);
        let real = kinds.get(name.as_str());
        assert!(real.is_some(), "the real child never wrote a `{name}`: {message}");
        let real = real.expect("just checked");
        let mut found = BTreeSet::new();
        paths(message, "", &mut found);
        let missing: Vec<_> = real.required.difference(&found).collect();
        let unknown: Vec<_> = found
            .iter()
            .filter(|path| !real.required.contains(*path) && !real.optional.contains(*path))
            .collect();
        assert!(missing.is_empty() && unknown.is_empty(), "{name}: missing {missing:?}, unknown {unknown:?}");
        met.insert(name);
    }
    // What the fake has no reason to write.
    let never =
        ["notification configWarning", "notification thread/deleted", "notification thread/settings/updated"];
    let unmet: Vec<_> = kinds.keys().filter(|name| !met.contains(**name) && !never.contains(*name)).collect();
    assert!(unmet.is_empty(), "the fake never wrote {unmet:?}");
}
