//! One trace a request: from the front's client through front, daemon and the real codex on to the upstream.

mod ends;
mod stage;
mod tokens;

use gateway_tests::otlp::Protocol;
use stage::{Stage, parent_of};
use std::collections::HashSet;

/// A request with a parent, and one without.
async fn one_connected_trace(protocol: Protocol) {
    let stage = Stage::new(protocol).await;
    let (trace, parent) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    let header = format!("00-{trace}-{parent}-01");
    stage.ask("hello", &[("traceparent", &header), ("tracestate", "vendor=1")]).await;
    let spans = stage.whole(trace, 1).await;
    assert_eq!(spans.front().parent, parent);
    assert_eq!(stage.upstreams_trace("hello"), trace, "what the upstream saw");
    let seen = stage.upstream.requests()[0].header("tracestate").map(str::to_owned);
    assert_eq!(seen.as_deref(), Some("vendor=1"));
    assert!(spans.all.iter().all(|span| span.state == "vendor=1"), "the state of all spans");

    stage.ask("again", &[]).await;
    let trace = stage.upstreams_trace("again");
    let spans = stage.whole(&trace, 1).await;
    assert_eq!(spans.front().parent, "", "a trace that begins here");
}

#[tokio::test]
async fn one_connected_trace_over_grpc() {
    one_connected_trace(Protocol::Grpc).await;
}

#[tokio::test]
async fn one_connected_trace_over_http() {
    one_connected_trace(Protocol::Http).await;
}

#[tokio::test]
async fn requests_at_once_do_not_mix() {
    let stage = Stage::new(Protocol::Grpc).await;
    let numbers = 1..=8_u64;
    let asked = numbers.clone().map(|n| {
        let (text, header) = (format!("number{n}"), format!("00-{n:032x}-{n:016x}-01"));
        let stage = &stage;
        async move { stage.ask(&text, &[("traceparent", header.as_str())]).await }
    });
    futures_util::future::join_all(asked).await;
    let mut threads = HashSet::new();
    for n in numbers {
        let trace = format!("{n:032x}");
        assert_eq!(stage.upstreams_trace(&format!("number{n}")), trace);
        let spans = stage.whole(&trace, 1).await;
        assert_eq!(spans.front().parent, format!("{n:016x}"));
        let thread =
            spans.daemon("turn/start")[0].of("codex.thread.id").as_str().expect("a thread").to_owned();
        assert!(threads.insert(thread), "a thread in two traces");
    }
}

#[tokio::test]
async fn choices_are_turns_of_one_trace() {
    let stage = Stage::new(Protocol::Http).await;
    let trace = "1af7651916cd43dd8448eb211c80319c";
    let header = format!("00-{trace}-b7ad6b7169203331-01");
    let body = serde_json::json!({
        "model": "gpt-5.5", "n": 2, "messages": [{ "role": "user", "content": "two" }],
    });
    stage.post(&body, &[("traceparent", &header)]).await;
    let spans = stage.whole(trace, 2).await;
    let threads: HashSet<_> =
        spans.daemon("turn/start").iter().map(|s| s.of("codex.thread.id").to_string()).collect();
    assert_eq!(threads.len(), 2);
    let saw: Vec<_> = stage.upstream.requests().iter().map(|seen| parent_of(seen)).collect();
    assert!(saw.len() == 2 && saw.iter().all(|(seen, _)| seen == trace), "{saw:?}");
}

/// What nobody keeps goes through nevertheless: the upstream sees whose it is, and that nobody keeps it.
#[tokio::test]
async fn a_trace_that_is_not_sampled_has_no_spans() {
    let stage = Stage::new(Protocol::Grpc).await;
    let trace = "2af7651916cd43dd8448eb211c80319c";
    stage.ask("unsampled", &[("traceparent", &format!("00-{trace}-b7ad6b7169203331-00"))]).await;
    assert_eq!(stage.upstreams_trace("unsampled"), trace);
    let seen = stage.upstream.requests()[0].header("traceparent").map(str::to_owned);
    assert!(seen.as_deref().is_some_and(|seen| seen.ends_with("-00")), "{seen:?}");
    // What comes behind it has come, so it would have.
    let later = "3af7651916cd43dd8448eb211c80319c";
    stage.ask("sampled", &[("traceparent", &format!("00-{later}-b7ad6b7169203331-01"))]).await;
    stage.whole(later, 1).await;
    let strangers: Vec<_> = stage.receiver.spans().into_iter().filter(|span| span.trace != later).collect();
    assert!(strangers.is_empty(), "spans of no kept trace: {strangers:#?}");
}

/// The key of a collector behind TLS reaches it from all three processes, and is told to nobody else.
async fn a_private_collector(protocol: Protocol) {
    let secret = "collector-secret";
    let stage = Stage::private(protocol, secret).await;
    let trace = "4af7651916cd43dd8448eb211c80319c";
    stage.ask("private", &[("traceparent", &format!("00-{trace}-b7ad6b7169203331-01"))]).await;
    stage.whole(trace, 1).await;
    for request in stage.receiver.requests() {
        assert_eq!(request.headers["x-key"], secret);
    }
    let (front, daemon) = (stage.pair.front.pid(), stage.pair.daemon.pid());
    let codex = stage.pair.child_pid().expect("codex runs");
    for pid in [front, daemon, codex] {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).expect("a command line");
        assert!(!String::from_utf8_lossy(&line).contains(secret), "the command line of {pid}");
    }
    for log in [stage.pair.front.log(), stage.pair.daemon.log()] {
        assert!(log.iter().all(|line| !line.contains(secret)), "{log:#?}");
    }
}

#[tokio::test]
async fn a_private_collector_over_grpc() {
    a_private_collector(Protocol::Grpc).await;
}

#[tokio::test]
async fn a_private_collector_over_http() {
    a_private_collector(Protocol::Http).await;
}

#[tokio::test]
async fn codex_exports_nothing_where_it_shall_not() {
    let stage = Stage::with(Protocol::Grpc, |builder| builder.daemon("WORKER_CHILD_TRACES", "false")).await;
    let trace = "5af7651916cd43dd8448eb211c80319c";
    stage.ask("alone", &[("traceparent", &format!("00-{trace}-b7ad6b7169203331-01"))]).await;
    let ended =
        stage.receiver.span("the daemon's span", |span| span.trace == trace && span.name == "turn/start");
    ended.await.expect("the daemon's span");
    assert_eq!(stage.upstream.requests()[0].header("traceparent"), None);
    assert!(stage.receiver.spans().iter().all(|span| span.resource["service.name"] != stage::CODEX));
}
