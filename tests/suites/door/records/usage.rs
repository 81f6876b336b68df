//! The usage log: one line for each request to the model that showed a key.

use gateway_tests::pair::{Answer, KEY, Pair};
use serde_json::{Value, json};

use super::{Kept, line_of, lines, pair, picked};
use crate::door::{asking, chat, once, request, stranger};

const CHAT: &str = "/v1/chat/completions";

/// Posts and reads to the end; the name of the request and the body.
async fn ask(pair: &Pair, path: &str, body: &Value) -> (String, String) {
    let answer = once(pair, &request("POST", path, &[], body.to_string().as_bytes())).await;
    (answer.header("x-request-id").expect("a name").to_owned(), answer.text().to_owned())
}

fn with(text: &str, more: &Value) -> Value {
    let mut body = asking(text);
    body.as_object_mut().expect("an object").extend(more.as_object().expect("members").clone());
    body
}

fn counts(line: &Value) -> [&Value; 5] {
    ["prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens", "reasoning_tokens"]
        .map(|name| &line[name])
}

#[tokio::test]
async fn each_answer_is_counted_exactly() {
    let kept = Kept::new();
    let pair = pair(&kept).await;
    let log = kept.path("usage.log");
    let usage = json!({"include_usage": true});
    for (path, body, trigger, choices) in [
        (CHAT, with("hi", &json!({})), "task_complete", 1_u64),
        (CHAT, with("hi", &json!({"n": 3})), "task_complete", 3),
        (CHAT, with("hi", &json!({"stream": true})), "provider", 1),
        (CHAT, with("hi", &json!({"stream": true, "stream_options": usage})), "task_complete", 1),
        (CHAT, with("hi", &json!({"stream": true, "stream_options": usage, "n": 2})), "task_complete", 2),
        ("/v1/completions", json!({"model": "codex-5", "prompt": ["a", "b"]}), "task_complete", 2),
        (
            "/v1/completions",
            json!({"model": "codex-5", "prompt": ["a", "b"], "n": 2, "stream": true}),
            "provider",
            4,
        ),
    ] {
        let (id, text) = ask(&pair, path, &body).await;
        let line = line_of(&pair, &log, &id).await;
        // What the fake child says that a turn used.
        let each = [11, 7, 18, 3, 2].map(|tokens: u64| json!(tokens * choices));
        assert_eq!(counts(&line), each.each_ref(), "{body}: {line}");
        assert_eq!(
            [
                &line["emission_trigger"],
                &line["choices"],
                &line["outcome"],
                &line["status"],
                &line["error_code"]
            ],
            [&json!(trigger), &json!(choices), &json!("ok"), &json!(200), &Value::Null],
            "{body}: {line}"
        );
        assert_eq!(
            (&line["route"], &line["key"], &line["service_type"]),
            (&json!(path), &json!("PROXY_API_KEY"), &json!("codex"))
        );
        assert_eq!(line["model"], "gpt-fake-1");
        assert_eq!(line["stream"], body["stream"] == true);
        assert_eq!(line["usage_included"], trigger != "provider");
        // The client was told the same.
        if trigger == "task_complete" {
            let told = format!("\"total_tokens\":{}", 18 * choices);
            assert!(text.contains(&told), "{text}");
        }
    }
    assert_eq!(lines(&log).len(), 7);
}

/// What failed or was left has counts only where they are known.
#[tokio::test]
async fn what_ends_early_is_counted_as_not_known() {
    let kept = Kept::new();
    let pair = pair(&kept).await;
    let log = kept.path("usage.log");
    for (body, status, code) in [
        (with("!fail badRequest", &json!({})), Some(502), Some("upstream_error")),
        (with("!fail internalServerError", &json!({"stream": true})), None, None),
        (with("!chunks 2\n!pause 5\n!fail internalServerError", &json!({"n": 2})), None, None),
        (
            json!({"model": "nobody", "messages": [{"role": "user", "content": "hi"}]}),
            Some(404),
            Some("model_not_found"),
        ),
        (json!({"model": 7}), Some(400), None),
        (with("hi", &json!({"n": 99})), Some(400), None),
    ] {
        let (id, text) = ask(&pair, CHAT, &body).await;
        let line = line_of(&pair, &log, &id).await;
        assert_eq!(counts(&line), [&Value::Null; 5], "{body}: {line}");
        assert_eq!(line["outcome"], "error", "{body}: {line}");
        assert!(line["error_code"].is_string(), "{line}");
        for (member, wanted) in [("status", status.map(Value::from)), ("error_code", code.map(Value::from))] {
            assert!(wanted.is_none_or(|wanted| line[member] == wanted), "{line} {text}");
        }
    }
    assert_eq!(lines(&log).len(), 6);
    for stream in [false, true] {
        let url = pair.url(CHAT);
        let mut asked = Box::pin(Answer::of(pair.client(), &url, "!hang\nhi", stream));
        if stream {
            drop(asked.await.expect("a head"));
        } else {
            // It hangs up once the turn runs; what runs is what the daemon counts.
            let running = pair
                .eventually("the turn to run", || async { turns(&pair).await.filter(|turns| *turns > 0) });
            tokio::select! {
                running = running => { running.expect("a turn"); }
                head = &mut asked => panic!("a head without an answer: {:?}", head.map(|a| a.status())),
            }
            drop(asked);
        }
    }
    let left = picked(&pair, &log, 2, |line| line["outcome"] == "client_disconnect").await;
    let status: Vec<&Value> = left.iter().map(|line| &line["status"]).collect();
    assert_eq!(status, [&Value::Null, &json!(200)], "no head went out, or one did: {left:?}");
    let triggers: Vec<&Value> = left.iter().map(|line| &line["emission_trigger"]).collect();
    assert_eq!(triggers, ["token_count", "provider"], "{left:?}");
    assert!(left.iter().all(|line| counts(line) == [&Value::Null; 5]), "{left:?}");
}

/// How many turns the daemon runs.
async fn turns(pair: &Pair) -> Option<u64> {
    let mut socket = gateway_tests::pair::SocketClient::connect(&pair.socket).await.ok()?;
    let status = socket.call("daemon/status", &json!({})).await.ok()?;
    status["load"]["turns"].as_u64()
}

#[tokio::test]
async fn what_is_no_request_to_the_model_has_no_line() {
    let kept = Kept::new();
    let pair = pair(&kept).await;
    let body = asking("hi").to_string();
    once(&pair, &stranger("POST", CHAT, &["Authorization: Bearer sk-wrong"], body.as_bytes())).await;
    once(&pair, &request("GET", "/v1/models", &[], b"")).await;
    once(&pair, &request("OPTIONS", CHAT, &[], b"")).await;
    once(&pair, &request("GET", CHAT, &[], b"")).await;
    let head = pair.client().head(pair.url(CHAT)).bearer_auth(KEY).send().await.expect("an answer");
    assert_eq!(head.status(), 200);
    assert_eq!(once(&pair, &chat(body.as_bytes())).await.status, 200);
    let told = picked(&pair, &kept.path("usage.log"), 1, |_| true).await;
    assert_eq!(told.len(), 1, "{told:?}");
}
