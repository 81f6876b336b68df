//! Several workers behind one front: how turns are spread, what the loss of one costs, and what is told of each.

mod accounts;
mod conversations;
mod losses;
mod models;
mod told;

use gateway_tests::{
    fake_child::Script,
    pair::{Answer, Builder, End, KEY, Workers},
};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// So many, each with a child that does as it is told.
async fn workers(count: usize, places: usize) -> Workers {
    let builder = |_| {
        let builder = Builder::fake(&Script::default()).expect("a home");
        builder.daemon("WORKER_MAX_CONCURRENCY", places.to_string())
    };
    Workers::start(count, builder).await.expect("ready workers")
}

/// So many, the child of each as its script says.
async fn workers_as(count: usize, script: impl Fn(usize) -> Script) -> Workers {
    let builder = |number| Builder::fake(&script(number)).expect("a home");
    Workers::start(count, builder).await.expect("ready workers")
}

/// So many short turns of the same length, by so many clients at once, all of them another conversation. How they ended.
async fn turns(workers: &Workers, clients: usize, turns: usize) -> Vec<End> {
    turns_of(5, workers, clients, turns).await
}

/// The same; each pauses for so many milliseconds before each of its three deltas.
async fn turns_of(pause_ms: u32, workers: &Workers, clients: usize, turns: usize) -> Vec<End> {
    let url: Arc<str> = workers.pair.url("/v1/chat/completions").into();
    let next = AtomicUsize::new(0);
    let ends = (0..clients).map(|_| async {
        let (client, mut ends) = (reqwest::Client::new(), Vec::new());
        loop {
            let turn = next.fetch_add(1, Ordering::Relaxed);
            if turn >= turns {
                return ends;
            }
            let prompt = format!("!pause {pause_ms}\nturn {turn} of several words");
            let mut answer =
                Answer::of(&client, &url, &prompt, turn.is_multiple_of(2)).await.expect("a head");
            let end = answer.end().await.expect("an end");
            if end == End::Done {
                assert_eq!(answer.text(), format!("turn {turn} of several words"));
            }
            ends.push(end);
        }
    });
    futures_util::future::join_all(ends).await.concat()
}

/// A body with the key.
async fn post(workers: &Workers, body: &serde_json::Value) -> (u16, serde_json::Value) {
    let url = workers.pair.url("/v1/chat/completions");
    let answer = workers.pair.client().post(url).bearer_auth(KEY).json(body).send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

#[tokio::test]
async fn with_twice_the_workers_twice_the_turns_run_at_once() {
    const PLACES: usize = 2;
    for count in [1, 2, 4] {
        let workers = workers(count, PLACES).await;
        // More than all can take.
        let asked: Vec<Answer> = {
            let url = workers.pair.url("/v1/chat/completions");
            let ask = (0..12).map(|n| {
                let (url, client) = (url.clone(), reqwest::Client::new());
                async move { Answer::of(&client, &url, &format!("!chunks 2\n!hang\nfirst {n}"), true).await }
            });
            futures_util::future::try_join_all(ask).await.expect("heads")
        };
        let pair = &workers.pair;
        let full = pair.eventually("every place to be taken", || async {
            let (mut running, mut waiting) = (Vec::new(), 0.0);
            for name in workers.names() {
                running.push(workers.told("codex_worker_turns_active", name).await?);
                waiting += workers.told("codex_worker_queue_depth", name).await?;
            }
            let all = running.iter().sum::<f64>() + waiting;
            (all == asked.len() as f64).then_some((running, waiting))
        });
        let (running, waiting) = full.await.expect("all turns are somewhere");
        assert_eq!(running, vec![PLACES as f64; count], "{count} workers");
        assert_eq!(waiting, (asked.len() - count * PLACES) as f64, "{count} workers");
        for name in workers.names() {
            let in_flight = workers.told("codex_worker_turns_in_flight", name).await;
            assert_eq!(in_flight, Some((asked.len() / count) as f64), "{name} of {count}");
        }
    }
}

#[tokio::test]
async fn turns_are_spread_evenly() {
    const TURNS: usize = 200;
    // Where many ask at once the faster one gets more, so what a machine is busy with must be little beside a turn.
    for (count, clients, pause_ms) in [(2, 8, 50), (4, 16, 100), (4, 1, 5)] {
        let workers = workers(count, 4).await;
        let ends = turns_of(pause_ms, &workers, clients, TURNS).await;
        assert_eq!((ends.len(), ends.iter().filter(|end| **end == End::Done).count()), (TURNS, TURNS));
        let share = TURNS / count;
        let completed = workers.completed().await;
        let even = |turns: &u64| turns.abs_diff(share as u64) * 10 <= share as u64;
        assert!(completed.iter().all(even), "{count} workers, {clients} clients: {completed:?}");
        assert_eq!(completed.iter().sum::<u64>(), TURNS as u64);
        for name in workers.names() {
            assert_eq!(workers.told("codex_worker_turns_in_flight", name).await, Some(0.0), "{name}");
        }
    }
}
