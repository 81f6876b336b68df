//! The real codex loses requests when it has too many of them. Behind the daemon a client may pipeline as it likes,
//! and others don't notice.

use futures_util::future::try_join_all;
use gateway_tests::{
    pair::{Answer, End, Pair, pipeline},
    upstream::{Directives, Upstream},
};
use std::io;

const REQUESTS: usize = 5000;
/// Turns of another client meanwhile: so many one after the other, of so many users.
const TURNS: usize = 10;
const USERS: usize = 10;

async fn started() -> (Pair, Upstream) {
    let upstream = Upstream::start(Directives::new()).await.expect("an upstream");
    let pair = Pair::real(&upstream).await.expect("a ready pair");
    (pair, upstream)
}

/// One user's turns, each with a text of its own.
async fn turns(pair: &Pair, user: usize) -> io::Result<()> {
    for turn in 0..TURNS {
        let text = format!("turn {turn} of user {user}");
        let mut answer = Answer::to(pair, &format!("!echo {text}"), turn % 2 == 0).await?;
        assert_eq!((answer.end().await?, answer.text()), (End::Done, text));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_requests_get_their_answers_while_another_client_has_a_hundred_turns() {
    let (pair, upstream) = started().await;
    let users = try_join_all((0..USERS).map(|user| turns(&pair, user)));
    let both = tokio::try_join!(pipeline(&pair.socket, "account/read", REQUESTS), users);
    both.expect("all answers and all turns");
    assert_eq!(upstream.totals().requests, (USERS * TURNS) as u64);
    assert_eq!(upstream.problems(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_clients_that_pipeline_at_once_both_finish() {
    let (pair, _upstream) = started().await;
    let both = tokio::try_join!(
        pipeline(&pair.socket, "model/list", REQUESTS),
        pipeline(&pair.socket, "account/read", REQUESTS),
    );
    both.expect("all answers of both");
}
