//! Nothing of a key, a prompt, an answer or a client's notes is in any log line, at any level.

use gateway_tests::pair::Pair;
use serde_json::{Value, json};

use crate::door::{builder, chat, once, stranger};
use crate::raw::{Answer, Raw};

/// Words that stand in one place of a request each.
const KEY: &str = "sk-secretkey000001";
const WRONG_KEY: &str = "sk-secretwrong0002";
const MARKS: [&str; 12] = [
    "secretkey000001",
    "secretwrong0002",
    "secretprompt003",
    "secretsystem004",
    "secretmeta00005",
    "secretuser00006",
    "secretbroken007",
    "secretfield0008",
    "secretreason009",
    "secretfailure10",
    "secretquery0011",
    "secretheader012",
];

fn bytes(key: &str, path: &str, body: &[u8]) -> Vec<u8> {
    let bearer = format!("Authorization: Bearer {key}");
    stranger("POST", path, &[&bearer, "x-note: secretheader012"], body)
}

async fn ask(pair: &Pair, text: &str, stream: bool) -> Answer {
    let body = json!({
        "model": "codex-5", "stream": stream,
        "messages": [
            { "role": "system", "content": "secretsystem004" },
            { "role": "user", "content": format!("secretprompt003\n{text}") },
        ],
        "metadata": { "note": "secretmeta00005" }, "user": "secretuser00006",
        "secretfield0008": "secretfield0008",
    });
    let path = "/v1/chat/completions?note=secretquery0011";
    once(pair, &bytes(KEY, path, body.to_string().as_bytes())).await
}

/// Everything that a client can make the pair say.
async fn converse(pair: &Pair) {
    for stream in [false, true] {
        // The child echoes the prompt, so this mark is in the answer, too.
        let answer = ask(pair, "!chunks 1", stream).await;
        assert!(answer.text().contains("secretprompt003"), "{}", answer.text());
        ask(pair, "!reasoning secretreason009", stream).await;
        ask(pair, "!retry", stream).await;
        ask(pair, "!garbage", stream).await;
        ask(pair, "!tool look_up {\"q\":\"secretprompt003\"}", stream).await;
        for kind in ["badRequest", "internalServerError", "other", "usageLimitExceeded"] {
            let failing = format!("!fail {kind}\n!fail_message secretfailure10");
            ask(pair, &failing, stream).await;
        }
    }
    let path = "/v1/chat/completions";
    for body in
        ["{\"secretbroken007", "{\"model\":\"secretbroken007\",\"messages\":[]}", "\"secretbroken007\""]
    {
        assert!(once(pair, &bytes(KEY, path, body.as_bytes())).await.status >= 400);
    }
    assert_eq!(once(pair, &bytes(WRONG_KEY, path, b"{}")).await.status, 401);
    assert_eq!(once(pair, &chat(b"{}")).await.status, 401);
    assert_eq!(once(pair, &bytes(KEY, "/v1/secretquery0011", b"")).await.status, 404);
}

async fn nothing_is_told(level: &str) {
    let builder = builder().both("RUST_LOG", level).front("PROXY_API_KEY", KEY);
    let pair = builder.start().await.expect("the pair starts");
    let known = pair.eventually("the models to be known", || async {
        let models = pair.client().get(pair.url("/v1/models")).send().await.ok()?;
        models.status().is_success().then_some(())
    });
    known.await.expect("the pair serves");
    converse(&pair).await;
    // What is no HTTP is told at debug, which also shows that the level is in force.
    let mut raw = Raw::connect(pair.addr).await;
    raw.send("secretheader012\r\n\r\n").await;
    assert_eq!(raw.answer().await.status, 400);
    pair.front
        .logged("the rubbish", |line| line["event"] == "connection_ended")
        .await
        .expect("rubbish is logged");
    // Answered after everything above, and logged by name: so the log is complete up to here.
    let last = ask(&pair, "", false).await;
    let name = Value::from(last.header("x-request-id").expect("a name"));
    pair.front
        .logged("the last request", |line| line["request_id"] == name)
        .await
        .expect("the last request is logged");
    let (front, daemon) = (pair.front.log(), pair.daemon.log());
    for (who, log) in [("front", &front), ("daemon", &daemon)] {
        for line in log {
            let told = MARKS.iter().find(|mark| line.contains(**mark));
            assert_eq!(told, None, "the {who} at {level}: {line}");
        }
    }
    let (front, daemon) = pair.stop().await.expect("the pair ends");
    assert_eq!((front, daemon), (Some(0), Some(0)));
}

#[tokio::test]
async fn nothing_is_told_at_debug() {
    nothing_is_told("debug").await;
}

#[tokio::test]
async fn nothing_is_told_at_trace() {
    nothing_is_told("trace").await;
}
