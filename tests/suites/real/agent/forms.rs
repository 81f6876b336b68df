//! Forms of an agent's answer: what is written on the way is not of the form that the client gets.

use std::path::Path;

use gateway_tests::{
    pair::{Builder, Pair},
    upstream::{Config, Recorded, Reply, Upstream, Usage},
};
use serde_json::{Value, json};

use super::stage::{DIRECT, asking};

/// Says something, lists the folder, and answers.
fn answering(request: &Recorded) -> Reply {
    let usage = Usage::new(1, 0, 1, 0);
    if request.outputs_since_user().is_empty() {
        let call = json!({ "cmd": "ls" }).to_string();
        Reply::new().text("{\"answer\":\"let me look\"}").function_call("exec_command", call).completed(usage)
    } else {
        Reply::new().text("{\"answer\":\"seen\"}").completed(usage)
    }
}

async fn pair_for(upstream: &Upstream, work: &Path) -> Pair {
    let builder = Builder::real(&upstream.base_url()).expect("a home");
    builder
        .daemon("WORKER_PROFILES", "completion,agent")
        .both("PROXY_CODEX_WORKDIR", work.to_str().expect("a path"))
        .front("PROXY_PROFILE", "agent")
        .start()
        .await
        .expect("a ready pair")
}

/// codex has long conversations of agents summed up. The summary is a message of the model, too.
#[tokio::test]
async fn a_summary_for_codex_is_not_handed_on() {
    let config = Config { strict: false, ..Config::default() };
    let answering = |request: &Recorded| {
        Reply::new().text(format!("answer {}", request.seq)).completed(Usage::new(1, 0, 1, 0))
    };
    let upstream = Upstream::start_with(answering, config).await.expect("an upstream");
    let work = tempfile::tempdir().expect("a folder");
    let pair = pair_for(&upstream, work.path()).await;
    let mut body = asking(DIRECT, "hello", false);
    body["messages"] =
        json!([{ "role": "user", "content": "w ".repeat(600_000) }, { "role": "user", "content": "hello" }]);
    let answer: Value = pair.chat(&body).await.expect("an answer").json().await.expect("JSON");
    assert_eq!(upstream.totals().requests, 2);
    assert_eq!(answer["choices"][0]["message"]["content"], "answer 1", "{answer}");
    assert_eq!(answer["usage"]["completion_tokens"], 2, "{answer}");
}

#[tokio::test]
async fn the_last_message_is_the_one_of_the_form() {
    let config = Config { strict: false, ..Config::default() };
    let upstream = Upstream::start_with(answering, config).await.expect("an upstream");
    let work = tempfile::tempdir().expect("a folder");
    let pair = pair_for(&upstream, work.path()).await;
    let schema = json!({ "type": "object", "properties": { "answer": { "type": "string" } },
        "required": ["answer"], "additionalProperties": false });
    let strict =
        json!({ "type": "json_schema", "json_schema": { "name": "a", "strict": true, "schema": schema } });
    for (format, sent) in [(strict, true), (json!({ "type": "json_object" }), false)] {
        let mut body = asking(DIRECT, "Answer in json.", false);
        body["response_format"] = format;
        let answer: Value = pair.chat(&body).await.expect("an answer").json().await.expect("JSON");
        assert_eq!(answer["choices"][0]["message"]["content"], "{\"answer\":\"seen\"}", "{answer}");
        let last = upstream.requests().pop().expect("a request");
        assert_eq!(last.json()["text"]["format"].is_object(), sent);
    }
    assert_eq!(upstream.totals().requests, 4);
}
