//! Streams through Traefik, around the real codex: every event arrives when it is written, and a hang-up arrives, too.

use std::io;

use gateway_tests::{
    described,
    pair::{DEADLINE, KEY, Pair, asking},
    upstream::{Gate, Outcome, Pieces, Recorded, Reply, Upstream},
};

use crate::traefik::{Setup, Traefik};

/// A stream that is being read.
struct Stream {
    response: reqwest::Response,
    seen: String,
}

impl Stream {
    async fn open(traefik: &Traefik) -> Self {
        let request = traefik.request("POST", "/v1/chat/completions").bearer_auth(KEY);
        let response = traefik.ask(request.json(&asking("slow", true))).await;
        assert_eq!(response.status(), 200);
        Self { response, seen: String::new() }
    }

    /// Reads until `wanted` has been seen; false at the end.
    async fn until(&mut self, wanted: &str) -> bool {
        let read = async {
            while !self.seen.contains(wanted) {
                let Some(chunk) = self.response.chunk().await.map_err(io::Error::other)? else {
                    return Ok::<_, io::Error>(false);
                };
                self.seen.push_str(&String::from_utf8_lossy(&chunk));
            }
            Ok(true)
        };
        match tokio::time::timeout(DEADLINE, read).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => panic!("{error} before {wanted}: {}", self.seen),
            Err(_) => panic!("waited {DEADLINE:?} for {wanted}: {}", self.seen),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_arrives_before_the_next_is_written() {
    let gates: [Gate; 3] = std::array::from_fn(|_| Gate::new());
    let words = ["one ", "two ", "three ", "four"];
    let pieces = gates
        .iter()
        .zip(&words[1..])
        .fold(Pieces::new(words[0]), |p, (gate, word)| p.wait(gate).delta(*word));
    let reply = Reply::new().text(pieces);
    let upstream = Upstream::start(move |_: &Recorded| reply.clone()).await.expect("an upstream");
    let pair = Pair::real(&upstream).await.expect("a ready pair");
    let traefik = Setup::before(&pair).start().await;
    let mut stream = Stream::open(&traefik).await;
    for (word, gate) in words.iter().zip(&gates) {
        assert!(stream.until(word).await, "{word} comes while the next waits: {}", stream.seen);
        gate.open();
    }
    assert!(stream.until("data: [DONE]\n\n").await, "{}", stream.seen);
    assert!(!stream.until("anything else").await, "{}", stream.seen);
    described::check(200, Some("text/event-stream"), &stream.seen);
    assert_eq!(upstream.problems(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_at_traefik_ends_its_turn() {
    let never = Gate::new();
    let reply = Reply::new().text(Pieces::new("one ").wait(&never).delta("two"));
    let upstream = Upstream::start(move |_: &Recorded| reply.clone()).await.expect("an upstream");
    let pair = Pair::real(&upstream).await.expect("a ready pair");
    let traefik = Setup::before(&pair).start().await;
    let mut stream = Stream::open(&traefik).await;
    assert!(stream.until("one ").await, "{}", stream.seen);
    drop(stream);
    let request = upstream.requests().pop().expect("one request");
    let outcome = upstream.wait_outcome(request.seq, DEADLINE).await.expect("the turn ends");
    assert!(matches!(outcome, Outcome::PeerClosed { .. }), "{outcome:?}");
}
