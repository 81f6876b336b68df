//! A client that hangs up: the upstream sees its connection close, and the child keeps nothing of it.

use gateway_tests::{
    pair::{Answer, Builder, DEADLINE, End, KEY, Pair, SocketClient, asking},
    upstream::{Directives, Gate, Outcome, Pieces, Recorded, Reply, Upstream, Usage},
};
use std::time::Duration;
use tokio::{io::AsyncWriteExt, net::TcpStream};

const METHODS: &str = "thread/start,thread/inject_items,thread/unsubscribe,turn/start,turn/interrupt,model/list,\
thread/loaded/list";

async fn pair_for(upstream: &Upstream, settings: &[(&str, &str)]) -> Pair {
    let builder = Builder::real(&upstream.base_url()).expect("a home");
    let builder = settings.iter().fold(builder, |builder, (name, value)| builder.daemon(name, *value));
    let builder = builder.daemon("WORKER_ALLOW_METHODS", METHODS);
    builder.start().await.expect("a ready pair")
}

async fn loaded(pair: &Pair) -> Option<usize> {
    let mut socket = SocketClient::connect(&pair.socket).await.ok()?;
    Some(socket.loaded().await.ok()?.len())
}

async fn wait_loaded(pair: &Pair, threads: usize) {
    let what = format!("{threads} loaded threads");
    pair.eventually(&what, || async { (loaded(pair).await? == threads).then_some(()) })
        .await
        .expect("as many threads as requests");
}

/// The upstream saw the peer close.
async fn closed(upstream: &Upstream, seq: u64) {
    let outcome = upstream.wait_outcome(seq, DEADLINE).await.expect("an end");
    assert!(matches!(outcome, Outcome::PeerClosed { .. }), "{outcome:?}");
}

/// Nothing is left of anybody: no thread, no turn, and a drain has nothing to wait for.
async fn idle(mut pair: Pair) {
    wait_loaded(&pair, 0).await;
    assert_eq!(pair.front.terminate().await.expect("the front's end"), Some(0));
    assert_eq!(pair.daemon.terminate().await.expect("the daemon's end"), Some(0));
    let drain = pair.daemon.logged("the drain", |line| line["event"] == "worker_drain").await;
    assert_eq!(drain.expect("a line")["turns"], 0);
    let stopped = pair
        .daemon
        .logged("the daemon's end", |line| line["event"] == "daemon_stopped")
        .await
        .expect("a line");
    assert_eq!((&stopped["drained"], &stopped["clean"]), (&true.into(), &true.into()));
}

/// Hangs up once the upstream has handed over a part of the answer.
async fn after_the_first_token(stream: bool) {
    let gate = Gate::new();
    let said = gate.clone();
    let brain = move |_: &Recorded| Reply::new().text(Pieces::new("hello").signal(&said).stall());
    let upstream = Upstream::start(brain).await.expect("an upstream");
    let pair = pair_for(&upstream, &[]).await;
    let request = async {
        let mut answer = Answer::to(&pair, "say hello", stream).await.expect("a head");
        assert!(answer.until("hello", |text| text == "hello").await.expect("text"));
    };
    if stream {
        request.await;
    } else {
        tokio::select! {
            () = request => unreachable!("an answer in JSON that never ends was answered"),
            opened = gate.opened("a part of the answer", DEADLINE) => opened.expect("a part of the answer"),
        }
    }
    closed(&upstream, 0).await;
    idle(pair).await;
}

#[tokio::test]
async fn a_hang_up_during_a_stream_closes_the_upstream_connection() {
    after_the_first_token(true).await;
}

#[tokio::test]
async fn a_hang_up_during_an_answer_in_json_closes_the_upstream_connection() {
    after_the_first_token(false).await;
}

/// Hangs up while the upstream has not said anything. `head`: whether it has sent its status.
async fn before_the_first_token(stream: bool, head: bool) {
    let brain = move |_: &Recorded| {
        if head { Reply::new().stall() } else { Reply::new().held(&Gate::new()) }
    };
    let upstream = Upstream::start(brain).await.expect("an upstream");
    let pair = pair_for(&upstream, &[]).await;
    tokio::select! {
        answer = Answer::to(&pair, "say hello", stream) => {
            unreachable!("no token, but a head: {:?}", answer.map(|a| a.status()))
        }
        request = upstream.wait_request(0, DEADLINE) => { request.expect("a request"); }
    }
    closed(&upstream, 0).await;
    idle(pair).await;
}

#[tokio::test]
async fn a_hang_up_before_the_first_token_of_a_stream_closes_the_upstream_connection() {
    before_the_first_token(true, true).await;
}

#[tokio::test]
async fn a_hang_up_before_the_first_token_of_json_closes_the_upstream_connection() {
    before_the_first_token(false, true).await;
}

#[tokio::test]
async fn a_hang_up_before_the_upstreams_head_closes_the_upstream_connection() {
    before_the_first_token(true, false).await;
}

/// The answer's head went out with the keep-alive, and then the client left.
#[tokio::test]
async fn a_hang_up_during_keep_alives_closes_the_upstream_connection() {
    let upstream = Upstream::start(|_: &Recorded| Reply::new().stall()).await.expect("an upstream");
    let builder = Builder::real(&upstream.base_url()).expect("a home");
    let builder = builder.daemon("WORKER_ALLOW_METHODS", METHODS);
    let pair = builder.front("PROXY_SSE_KEEPALIVE_MS", "50").start().await;
    let pair = pair.expect("a ready pair");
    let answer = Answer::to(&pair, "say hello", true).await.expect("a head");
    assert!(answer.is_stream(), "status {}", answer.status());
    upstream.wait_request(0, DEADLINE).await.expect("a request");
    drop(answer);
    closed(&upstream, 0).await;
    idle(pair).await;
}

#[tokio::test]
async fn a_hang_up_while_the_body_is_sent_reaches_nobody() {
    let upstream = Upstream::start(Directives::new()).await.expect("an upstream");
    let pair = pair_for(&upstream, &[]).await;
    let before = pair.front.descriptors().expect("descriptors");
    let body = asking("!echo hello", false).to_string();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut leaving = TcpStream::connect(pair.addr).await.expect("a connection");
    let part = format!("{head}{}", &body[..body.len() - 1]);
    leaving.write_all(part.as_bytes()).await.expect("a part of a body");
    let descriptors = || async { pair.front.descriptors().ok() };
    pair.eventually("the front to hold the connection", || async {
        (descriptors().await? > before).then_some(())
    })
    .await
    .expect("a connection");
    drop(leaving);
    pair.eventually("the front to let the connection go", || async {
        (descriptors().await? <= before).then_some(())
    })
    .await
    .expect("no connection");
    assert_eq!(upstream.totals().requests, 0);
    idle(pair).await;
}

#[tokio::test]
async fn a_hang_up_while_the_turn_waits_for_a_permit_reaches_nobody() {
    let brain = |request: &Recorded| match request.last_user_text().as_deref() {
        Some("first") => Reply::new().text(Pieces::new("one").stall()),
        text => Reply::new().text(text.unwrap_or_default()).completed(Usage::new(1, 0, 1, 0)),
    };
    let upstream = Upstream::start(brain).await.expect("an upstream");
    let pair = pair_for(&upstream, &[("WORKER_MAX_CONCURRENCY", "1")]).await;
    let mut first = Answer::to(&pair, "first", true).await.expect("a head");
    assert!(first.until("its text", |text| text == "one").await.expect("text"));
    for stream in [true, false] {
        // Its thread is there, and its turn waits for the first one's.
        tokio::select! {
            answer = Answer::to(&pair, "waiting", stream) => {
                unreachable!("the permit was taken, but there is a head: {:?}", answer.map(|a| a.status()))
            }
            () = wait_loaded(&pair, 2) => {}
        }
        wait_loaded(&pair, 1).await;
    }
    assert_eq!(upstream.totals().requests, 1, "a turn without a permit ran");
    drop(first);
    closed(&upstream, 0).await;
    let mut next = Answer::to(&pair, "next", false).await.expect("a head");
    assert_eq!(next.end().await.expect("an end"), End::Done);
    assert_eq!(next.text(), "next");
    assert_eq!(upstream.totals().requests, 2, "what was hung up ran later");
    idle(pair).await;
}

/// The whole text is there, and the upstream has not said that this was all.
#[tokio::test]
async fn a_hang_up_between_the_last_token_and_the_end_closes_the_upstream_connection() {
    let brain = |_: &Recorded| Reply::new().text("All of it.").stall();
    let upstream = Upstream::start(brain).await.expect("an upstream");
    let pair = pair_for(&upstream, &[]).await;
    let mut answer = Answer::to(&pair, "say hello", true).await.expect("a head");
    assert!(answer.until("the whole text", |text| text == "All of it.").await.expect("text"));
    drop(answer);
    closed(&upstream, 0).await;
    idle(pair).await;
}

/// The upstream refuses, and the child waits to ask it again: it doesn't once the client has left.
#[tokio::test]
async fn a_hang_up_while_the_child_waits_for_a_retry_ends_the_retries() {
    let brain = |_: &Recorded| Reply::error(500, "oops");
    let upstream = Upstream::start(brain).await.expect("an upstream");
    // So many that without an end they would go on for minutes.
    let builder = Builder::real_with(&upstream.base_url(), "request_max_retries = 50\n").expect("a home");
    let pair = builder.daemon("WORKER_ALLOW_METHODS", METHODS).start().await.expect("a ready pair");
    for stream in [true, false] {
        let asked = upstream.totals().requests;
        tokio::select! {
            answer = Answer::to(&pair, "say hello", stream) => {
                unreachable!("refused, but a head: {:?}", answer.map(|a| a.status()))
            }
            request = upstream.wait_request(asked + 1, DEADLINE) => { request.expect("a second try"); }
        }
        wait_loaded(&pair, 0).await;
    }
    idle(pair).await;
    // With the child gone nobody can ask any more; the last pause was longer than the two before it together.
    assert!(upstream.totals().requests < 8, "{:?}", upstream.totals());
}

/// Clients that leave at once, at every moment of the way in.
#[tokio::test]
async fn hang_ups_at_any_moment_leave_nothing() {
    let upstream = Upstream::start(|_: &Recorded| Reply::new().stall()).await.expect("an upstream");
    let pair = pair_for(&upstream, &[]).await;
    for round in 0..60_u64 {
        let early = Answer::to(&pair, "say hello", round % 2 == 0);
        // The way of a request takes some milliseconds; the rounds cover it in steps.
        let moment = Duration::from_micros(round * 250);
        let left = tokio::time::timeout(moment, early).await;
        if let Ok(head) = left {
            panic!("a head without a token in round {round}: {:?}", head.map(|answer| answer.status()));
        }
    }
    wait_loaded(&pair, 0).await;
    upstream
        .wait_totals("no request left upstream", DEADLINE, |t| t.running() == 0)
        .await
        .expect("every upstream request to be closed");
    idle(pair).await;
}
