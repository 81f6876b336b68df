//! What the upstream remembers, and how soon it sees that somebody left.

use std::time::Duration;

use gateway_tests::upstream::{Config, Gate, Outcome, Pieces, Queue, RecordMode, Recorded, Reply};
use serde_json::json;

use crate::harness::{SOON, ask, asking, read, send, upstream, upstream_with};

#[tokio::test]
async fn a_cut_loses_the_end_but_nothing_before_it() {
    let upstream = upstream(Queue::new([Reply::new().text(Pieces::new("abc").chars(1).cut_after(2))])).await;
    let got = ask(&upstream, "hi").await;
    assert!(!got.whole);
    assert_eq!(got.deltas("response.output_text.delta"), ["a", "b"]);
    assert_eq!(upstream.wait_outcome(0, SOON).await.expect("it ends"), Outcome::Cut { after_events: 6 });
}

#[tokio::test]
async fn a_hangup_gives_no_answer() {
    let upstream = upstream(Queue::new([Reply::hangup()])).await;
    send(&upstream, &asking("hi")).await.expect_err("no answer");
    assert_eq!(upstream.wait_outcome(0, SOON).await.expect("it ends"), Outcome::Cut { after_events: 0 });
}

#[tokio::test]
async fn a_peer_that_leaves_is_noticed_whatever_the_stream_does() {
    let closed = Gate::new();
    let replies = [
        Reply::new().text("x").stall(),
        Reply::new().text("x").pause(Duration::from_secs(3600)),
        Reply::new().text("x").wait(&closed),
    ];
    let upstream = upstream(Queue::new(replies)).await;
    for seq in 0..3 {
        let mut response = send(&upstream, &asking("hi")).await.expect("an answer");
        let first = tokio::time::timeout(SOON, response.chunk()).await.expect("in time");
        assert!(first.expect("no break").is_some());
        drop(response);
        let outcome = upstream.wait_outcome(seq, SOON).await.expect("it ends");
        assert_eq!(outcome, Outcome::PeerClosed { after_events: 8 });
    }
    assert_eq!(upstream.totals().peer_closed, 3);
    assert_eq!(upstream.totals().running(), 0);
}

#[tokio::test]
async fn a_peer_that_leaves_before_the_head_is_noticed() {
    let upstream = upstream(Queue::new([Reply::silence()])).await;
    let body = asking("hi");
    tokio::select! {
        early = send(&upstream, &body) => panic!("answered: {early:?}"),
        seen = upstream.wait_request(0, SOON) => { seen.expect("the request comes"); }
    }
    let outcome = upstream.wait_outcome(0, SOON).await.expect("it ends");
    assert_eq!(outcome, Outcome::PeerClosed { after_events: 0 });
}

#[tokio::test]
async fn requests_are_remembered_whole() {
    let upstream =
        upstream(|request: &Recorded| Reply::new().text(request.last_user_text().unwrap_or_default())).await;
    ask(&upstream, "first").await;
    ask(&upstream, "second").await;
    let second = upstream
        .wait_for("the second", SOON, |request| request.last_user_text().as_deref() == Some("second"))
        .await
        .expect("it came");
    assert_eq!(second.seq, 1);
    assert_eq!(second.json(), &asking("second"));
    assert_eq!(second.header("content-type"), Some("application/json"));
    assert_eq!(second.cache_key(), Some("thread-1"));
    assert_eq!(second.body.len().to_string(), second.header("content-length").expect("a length"));
    assert!(upstream.problems().is_empty());
    assert_eq!(upstream.requests().len(), 2);
}

#[tokio::test]
async fn a_vain_wait_says_what_for_and_what_came() {
    let upstream = upstream(|_: &_| Reply::new().text("x")).await;
    ask(&upstream, "hello there").await;
    let brief = Duration::from_millis(5);
    let error = upstream.wait_for("a request from Mars", brief, |_| false).await.expect_err("none");
    let text = error.to_string();
    assert!(text.contains("a request from Mars") && text.contains("hello there"), "{text}");
    let error = upstream.wait_outcome(9, brief).await.expect_err("none");
    assert!(error.to_string().contains("request #9"), "{error}");
}

#[tokio::test]
async fn memory_is_bounded_where_asked() {
    let last = Config { record: RecordMode::Last(2), ..Config::default() };
    let upstream = upstream_with(|_: &_| Reply::new().text("x"), last).await;
    for _ in 0..3 {
        ask(&upstream, "hi").await;
    }
    let kept = upstream.requests();
    assert_eq!(kept.iter().map(|request| request.seq).collect::<Vec<_>>(), [1, 2]);
    assert!(kept.iter().all(|request| request.body.is_empty() && !request.headers.is_empty()));

    let upstream = upstream_with(|_: &_| Reply::new().text("x"), Config::bench()).await;
    ask(&upstream, "hi").await;
    let totals = upstream.wait_totals("one answer", SOON, |totals| totals.answered == 1).await;
    assert_eq!(totals.expect("it is counted").requests, 1);
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn other_paths_are_no_model_calls() {
    let upstream = upstream(|_: &_| Reply::new()).await;
    let base = upstream.base_url();
    let models = read(reqwest::get(format!("{base}/models")).await.expect("an answer")).await;
    assert_eq!((models.status, models.json()["object"].clone()), (200, json!("list")));
    let other = read(reqwest::get(format!("{base}/other")).await.expect("an answer")).await;
    assert_eq!((other.status, other.json()["error"]["type"].clone()), (404, json!("invalid_request_error")));
    assert_eq!(upstream.strays(), ["GET /v1/models", "GET /v1/other"]);
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn a_shutdown_closes_every_stream_and_the_port() {
    let upstream = upstream(Queue::new([Reply::new().stall()])).await;
    let response = send(&upstream, &asking("hi")).await.expect("an answer");
    let addr = upstream.addr();
    tokio::time::timeout(SOON, upstream.shutdown()).await.expect("it ends in time");
    assert!(!read(response).await.whole);
    tokio::net::TcpStream::connect(addr).await.expect_err("the port is closed");
}

#[tokio::test]
async fn a_drop_closes_every_stream() {
    let upstream = upstream(Queue::new([Reply::new().stall()])).await;
    let response = send(&upstream, &asking("hi")).await.expect("an answer");
    drop(upstream);
    assert!(!read(response).await.whole);
}
