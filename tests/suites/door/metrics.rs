//! What is counted: told on the internal listener alone, to whoever asks, and of nothing that a client has sent.

mod cardinality;
mod counts;
mod page;
mod promtool;
mod worker;

use gateway_tests::pair::Pair;
use serde_json::{Value, json};

use crate::door::{asking, builder, chat, failure, named, once, request, start};
pub(crate) use page::Page;
use page::get;

/// The ignored parameters that were counted.
async fn counted(pair: &Pair) -> Vec<String> {
    Page::of(pair).await.ignored()
}

#[tokio::test]
async fn metrics_are_told_on_the_internal_listener_alone() {
    let pair = start(builder()).await;
    let answer = get(pair.internal, "GET").await;
    named(&answer);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    for line in [
        "# TYPE codex_ignored_params_total counter",
        "codex_ignored_params_total{param=\"temperature\"} 0",
        "codex_tool_buffer_started_total 0",
        "codex_tool_buffer_flushed_total 0",
        "codex_tool_buffer_aborted_total 0",
        "# TYPE codex_keys gauge",
        "codex_keys{state=\"valid\"} 1",
        "codex_keys{state=\"expired\"} 0",
        "codex_keys_file_ok 1",
    ] {
        assert!(answer.text().lines().any(|told| told == line), "{line}: {}", answer.text());
    }
    assert_eq!(get(pair.internal, "HEAD").await.status, 200);
    let refused = get(pair.internal, "POST").await;
    failure(&refused, 405, Some("method_not_allowed"));
    assert_eq!(refused.header("allow"), Some("GET, HEAD, OPTIONS"));
    failure(&get(pair.addr, "GET").await, 404, Some("not_found"));
    failure(&once(&pair, &request("GET", "/metrics", &[], b"")).await, 404, Some("not_found"));
}

#[tokio::test]
async fn an_operator_can_switch_them_off() {
    let pair = start(builder().front("PROXY_ENABLE_METRICS", "false")).await;
    for method in ["GET", "POST", "OPTIONS"] {
        failure(&get(pair.internal, method).await, 404, Some("not_found"));
    }
}

#[tokio::test]
async fn ignored_parameters_are_counted_and_logged_by_name() {
    let pair = start(builder()).await;
    assert_eq!(counted(&pair).await, [""; 0]);
    let secret = "hunter2";
    for stream in [false, true] {
        let mut body = asking("hi");
        body["stream"] = json!(stream);
        body["temperature"] = json!(0.25);
        body["prompt_cache_key"] = json!(secret);
        let answer = once(&pair, &chat(body.to_string().as_bytes())).await;
        assert_eq!(answer.header("x-codex-ignored-params"), Some("temperature,prompt_cache_key"));
        let id = answer.header("x-request-id").unwrap_or_default().to_owned();
        let line = pair
            .front
            .logged("what is ignored", |line| line["event"] == "params_ignored" && line["request_id"] == *id);
        let line: Value = line.await.expect("a line");
        assert_eq!(line["params"], "temperature,prompt_cache_key");
        assert_eq!(line["level"].as_str().map(str::to_lowercase).as_deref(), Some("info"), "{line}");
    }
    let completion = json!({"model": "codex-5", "prompt": "hi", "seed": 1}).to_string();
    let answer = once(&pair, &request("POST", "/v1/completions", &[], completion.as_bytes())).await;
    assert_eq!(answer.header("x-codex-ignored-params"), Some("seed"), "{}", answer.text());
    assert_eq!(
        counted(&pair).await,
        [
            "codex_ignored_params_total{param=\"prompt_cache_key\"} 2",
            "codex_ignored_params_total{param=\"seed\"} 1",
            "codex_ignored_params_total{param=\"temperature\"} 2",
        ]
    );
    // What asks for nothing else, and what is refused, was not ignored.
    let usual = json!({"temperature": 1, "store": false, "n": 1});
    let mut body = asking("hi");
    body.as_object_mut().expect("an object").extend(usual.as_object().expect("members").clone());
    assert_eq!(once(&pair, &chat(body.to_string().as_bytes())).await.status, 200);
    body["temperature"] = json!(7);
    failure(&once(&pair, &chat(body.to_string().as_bytes())).await, 400, None);
    assert_eq!(counted(&pair).await.len(), 3);
    assert!(!pair.front.log().iter().any(|line| line.contains(secret)), "values are never logged");
}

#[tokio::test]
async fn strict_refuses_what_would_have_no_effect() {
    for (name, value) in [("PROXY_STRICT_PARAMS", "true"), ("CODEX__PROPAGATE_UNSUPPORTED_PARAMS", "false")] {
        let pair = start(builder().front(name, value)).await;
        let mut body = asking("hi");
        body["top_p"] = json!(1);
        assert_eq!(once(&pair, &chat(body.to_string().as_bytes())).await.status, 200, "that is done anyway");
        body["top_p"] = json!(0.5);
        let answer = once(&pair, &chat(body.to_string().as_bytes())).await;
        let error = failure(&answer, 400, Some("unsupported_parameter"));
        assert_eq!(error["param"], "top_p");
        assert!(
            error["message"].as_str().is_some_and(|text| text.contains("PROXY_STRICT_PARAMS")),
            "{error}"
        );
        assert_eq!(counted(&pair).await, [""; 0]);
    }
}
