//! Comments that keep a line alive break no client, neither before the first token nor between tokens.

use std::{io, sync::Arc};

use futures_util::future::join_all;
use gateway_tests::{
    described,
    pair::{Builder, DEADLINE, KEY, Pair, asking},
    upstream::{Gate, Pieces, Recorded, Reply, Upstream},
};
use serde_json::json;

use crate::client::Client;

/// A stream like the clients', read as it is: what it has seen, they have been sent.
struct Witness {
    response: reqwest::Response,
    seen: String,
}

impl Witness {
    async fn to(pair: &Pair) -> Self {
        let request =
            pair.client().post(pair.url("/v1/chat/completions")).bearer_auth(KEY).json(&asking("slow", true));
        let response = tokio::time::timeout(DEADLINE, request.send()).await.expect("a head in time");
        Self { response: response.expect("an answer"), seen: String::new() }
    }

    fn comments(&self) -> usize {
        self.seen.matches(": keep-alive\n").count()
    }

    async fn until(&mut self, what: &str, wanted: impl Fn(&Self) -> bool) {
        let read = async {
            while !wanted(self) {
                let chunk = self.response.chunk().await.map_err(io::Error::other)?;
                let chunk = chunk.ok_or_else(|| io::Error::other("the stream ended"))?;
                self.seen.push_str(&String::from_utf8_lossy(&chunk));
            }
            Ok::<_, io::Error>(())
        };
        match tokio::time::timeout(DEADLINE, read).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => panic!("{error} before {what}: {}", self.seen),
            Err(_) => panic!("waited {DEADLINE:?} for {what}: {}", self.seen),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn comments_before_the_first_token_and_between_tokens_break_no_client() {
    let (first, second) = (Gate::new(), Gate::new());
    let pieces = Pieces::empty().wait(&first).delta("One").wait(&second).delta(" two");
    let reply = Reply::new().text(pieces);
    let upstream = Upstream::start(move |_: &Recorded| reply.clone()).await.expect("an upstream");
    let builder = Builder::real(&upstream.base_url()).expect("a home");
    let pair = builder.front("PROXY_SSE_KEEPALIVE_MS", "50").start().await.expect("a ready pair");
    let pair = Arc::new(pair);

    let answers = join_all(Client::ALL.map(|client| {
        let pair = Arc::clone(&pair);
        async move { client.run(&pair, "slow").await }
    }));
    let script = async {
        let clients = u64::try_from(Client::ALL.len()).expect("a small number");
        let all = upstream.wait_totals("every client's request", DEADLINE * 3, |t| t.requests == clients);
        all.await.expect("every client asks");
        let mut witness = Witness::to(&pair).await;
        witness.until("comments before the first token", |w| w.comments() >= 3).await;
        first.open();
        witness.until("the first token", |w| w.seen.contains("One")).await;
        let before = witness.comments();
        witness.until("comments between tokens", |w| w.comments() >= before + 3).await;
        second.open();
        witness.until("the end", |w| w.seen.ends_with("data: [DONE]\n\n")).await;
        described::check(200, Some("text/event-stream"), &witness.seen);
    };
    let (answers, ()) = tokio::join!(answers, script);
    for (client, answer) in Client::ALL.iter().zip(answers) {
        assert_eq!(answer, json!({"texts": ["One", " two"]}), "{client:?}");
    }
}
