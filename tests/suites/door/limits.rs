//! The limits by key, as a client meets them.

use gateway_tests::pair::{Builder, KEY, Pair};
use serde_json::{Value, json};

use crate::door::{asking, builder, chat, failure, once, request, said, start, stranger};
use crate::raw::{Answer, Raw};

/// A front with limits in a window that outlasts every test.
fn limited(settings: &[(&str, &str)]) -> Builder {
    let builder =
        builder().front("PROXY_RATE_LIMIT_ENABLED", "true").front("PROXY_RATE_LIMIT_WINDOW_MS", "3600000");
    settings.iter().fold(builder, |builder, (name, value)| builder.front(name, *value))
}

fn number(answer: &Answer, name: &str) -> u64 {
    let value = answer.header(name).and_then(|value| value.parse().ok());
    assert!(value.is_some(), "{name}: {}", answer.head);
    value.unwrap_or_default()
}

/// What is left of the requests.
fn left(answer: &Answer) -> u64 {
    assert_eq!(number(answer, "x-ratelimit-limit-requests"), 6, "{}", answer.head);
    let reset = answer.header("x-ratelimit-reset-requests").unwrap_or_default();
    assert!(reset == "0s" || reset.starts_with("1h") || reset.contains('m'), "{reset}");
    number(answer, "x-ratelimit-remaining-requests")
}

async fn metrics(pair: &Pair) -> String {
    let mut raw = Raw::connect(pair.internal).await;
    raw.send(stranger("GET", "/metrics", &[], b"")).await;
    raw.answer().await.text().to_owned()
}

#[tokio::test]
async fn requests_are_counted_alike_in_every_form_and_the_next_is_429() {
    let pair = start(limited(&[("PROXY_RATE_LIMIT_MAX", "6"), ("PROXY_PROTECT_MODELS", "true")])).await;
    let body = asking("hi").to_string();
    let plain = chat(body.as_bytes());
    let slash = request("POST", "/v1/chat/completions/", &[], body.as_bytes());
    let old = String::from_utf8(plain.clone()).expect("ASCII").replace("HTTP/1.1", "HTTP/1.0").into_bytes();
    let mut streamed = asking("hi");
    streamed["stream"] = json!(true);

    for (what, bytes, expected) in [("plain", &plain, 5), ("a slash", &slash, 4), ("HTTP/1.0", &old, 3)] {
        let answer = once(&pair, bytes).await;
        assert_eq!((said(&answer).as_str(), left(&answer)), ("hi", expected), "{what}");
    }
    let mut raw = Raw::connect(pair.addr).await;
    raw.send(request("HEAD", "/v1/chat/completions", &[], b"")).await;
    let head = raw.answer_to_head().await;
    assert_eq!((head.status, left(&head)), (200, 2), "HEAD");
    // The rest comes in one write, and what is too much with it.
    let mut pipelined = chat(streamed.to_string().as_bytes());
    pipelined.extend(chat(b"{"));
    pipelined.extend(&plain);
    raw.send(pipelined).await;
    let stream = raw.answer().await;
    assert_eq!((stream.status, left(&stream)), (200, 1), "the head of a stream");
    let bad = raw.answer().await;
    failure(&bad, 400, None);
    assert_eq!(left(&bad), 0, "one that is wrong counts, too");
    let mut refusals = vec![raw.answer().await];
    for bytes in [&plain, &slash, &old] {
        refusals.push(once(&pair, bytes).await);
    }
    for refused in &refusals {
        let error = failure(refused, 429, Some("rate_limit_exceeded"));
        assert_eq!(error["type"], "rate_limit_error");
        assert!(error["message"].as_str().is_some_and(|m| m.contains("6 requests within 1h0m0s")), "{error}");
        assert_eq!(left(refused), 0);
        // The exact time, not one after which it would be refused again.
        assert!((3_000..=3_661).contains(&number(refused, "retry-after")), "{}", refused.head);
    }
    let mut raw = Raw::connect(pair.addr).await;
    raw.send(request("HEAD", "/v1/chat/completions", &[], b"")).await;
    assert_eq!(raw.answer_to_head().await.status, 429, "HEAD");
    // What reaches no model isn't counted, and a stranger is told nothing of anybody's limits.
    for _ in 0..3 {
        let models = once(&pair, &request("GET", "/v1/models", &[], b"")).await;
        assert_eq!((models.status, left(&models)), (200, 0));
    }
    let unknown = once(&pair, &stranger("POST", "/v1/chat/completions", &[], b"{}")).await;
    failure(&unknown, 401, Some("invalid_api_key"));
    assert_eq!(unknown.header("x-ratelimit-limit-requests"), None);
    let counted = metrics(&pair).await;
    let line = format!("codex_rate_limited_total{{limit=\"requests\"}} {}", refusals.len() + 1);
    assert!(counted.lines().any(|told| told == line), "{counted}");
}

#[tokio::test]
async fn a_429_reaches_a_client_that_is_still_sending_and_its_body_is_not_waited_for() {
    let pair = start(limited(&[("PROXY_RATE_LIMIT_MAX", "1")])).await;
    said(&once(&pair, &chat(asking("hi").to_string().as_bytes())).await);
    let head = |length: usize| {
        format!(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: front\r\nAuthorization: Bearer {KEY}\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    let mut raw = Raw::connect(pair.addr).await;
    raw.send(head(1 << 20)).await;
    failure(&raw.answer().await, 429, Some("rate_limit_exceeded"));
    let mut raw = Raw::connect(pair.addr).await;
    raw.send(head(4 << 20)).await;
    raw.send(vec![b'x'; 4 << 20]).await;
    failure(&raw.answer().await, 429, Some("rate_limit_exceeded"));
}

#[tokio::test]
async fn tokens_count_as_the_provider_told_them_and_nothing_is_cut() {
    let pair = start(limited(&[("PROXY_RATE_LIMIT_MAX", "100"), ("PROXY_RATE_LIMIT_TOKENS", "60")])).await;
    let ask = async |body: &Value| once(&pair, &chat(body.to_string().as_bytes())).await;
    let first = ask(&asking("hi\n!usage 11 3 7 2")).await;
    let used = first.json()["usage"]["total_tokens"].as_u64().expect("a usage");
    assert_eq!(number(&first, "x-ratelimit-limit-tokens"), 60);
    // Errors that reach no model cost nothing.
    let bad = ask(&json!({ "model": "codex-5" })).await;
    failure(&bad, 400, None);
    assert_eq!(number(&bad, "x-ratelimit-remaining-tokens"), 60 - used);
    let mut spent = used;
    while spent < 60 {
        let answer = ask(&asking("hi")).await;
        said(&answer);
        spent += answer.json()["usage"]["total_tokens"].as_u64().expect("a usage");
    }
    let refused = ask(&asking("hi")).await;
    let error = failure(&refused, 429, Some("rate_limit_exceeded"));
    assert!(error["message"].as_str().is_some_and(|m| m.contains("60 tokens within 1h0m0s")), "{error}");
    assert_eq!(number(&refused, "x-ratelimit-remaining-tokens"), 0);
    assert!(metrics(&pair).await.contains("codex_rate_limited_total{limit=\"tokens\"} 1"));
}

#[tokio::test]
async fn a_stream_holds_its_place_until_it_ends_whichever_way() {
    let pair = start(builder().front("PROXY_MAX_STREAMS", "1")).await;
    let plain = chat(asking("hi").to_string().as_bytes());
    let mut hanging = asking("hi\n!hang");
    for stream in [true, false] {
        hanging["stream"] = json!(stream);
        let mut raw = Raw::connect(pair.addr).await;
        raw.send(chat(hanging.to_string().as_bytes())).await;
        let runs = "codex_worker_turns_active{worker=\"worker\"} 1\n";
        let turn =
            pair.eventually("its turn", || async { metrics(&pair).await.contains(runs).then_some(()) });
        turn.await.expect("it has the place");
        pair.eventually("a turn that takes the one place", || async {
            let refused = once(&pair, &plain).await;
            (refused.status == 503).then(|| failure(&refused, 503, Some("overloaded")))
        })
        .await
        .expect("the place is taken");
        // The client hangs up: a stream that began, an answer that did not.
        drop(raw);
        pair.eventually("the place to be free", || async {
            (once(&pair, &plain).await.status == 200).then_some(())
        })
        .await
        .expect("the place is given back");
    }
    // A body that breaks off, one that is wrong, a HEAD: none keeps it.
    let mut raw = Raw::connect(pair.addr).await;
    raw.send(&plain[..plain.len() - 5]).await;
    drop(raw);
    let mut raw = Raw::connect(pair.addr).await;
    raw.send(request("HEAD", "/v1/completions", &[], b"")).await;
    raw.answer_to_head().await;
    pair.eventually("the place to be free", || async {
        (once(&pair, &plain).await.status == 200).then_some(())
    })
    .await
    .expect("the place is given back");
    failure(&once(&pair, &chat(b"{")).await, 400, None);
    said(&once(&pair, &plain).await);
}
