//! A conversation goes on where it began.

use super::{post, workers};
use gateway_tests::pair::Workers;
use serde_json::{Value, json};

/// The worker that has completed a turn more than before.
async fn served(workers: &Workers, before: &mut Vec<u64>) -> usize {
    let now = workers.completed().await;
    let at = now.iter().zip(before.iter()).position(|(now, before)| now > before).expect("one has served it");
    *before = now;
    at
}

#[tokio::test]
async fn a_conversation_stays_with_its_worker() {
    let workers = workers(4, 4).await;
    let mut before = workers.completed().await;
    let mut all: Vec<(Vec<Value>, usize)> = Vec::new();
    for n in 0..12 {
        let messages = vec![json!({ "role": "user", "content": format!("beginning {n}") })];
        assert_eq!(post(&workers, &json!({ "model": "codex-5", "messages": messages })).await.0, 200);
        all.push((messages, served(&workers, &mut before).await));
    }
    let homes: Vec<usize> = all.iter().map(|(_, home)| *home).collect();
    assert!((0..4).all(|worker| homes.contains(&worker)), "all of them have some: {homes:?}");
    for round in 0..3 {
        for (messages, home) in &mut all {
            messages.push(json!({ "role": "assistant", "content": "an answer" }));
            messages.push(json!({ "role": "user", "content": format!("more {round}") }));
            assert_eq!(post(&workers, &json!({ "model": "codex-5", "messages": messages })).await.0, 200);
            assert_eq!(served(&workers, &mut before).await, *home, "round {round}");
        }
    }
}

#[tokio::test]
async fn the_clients_name_for_a_conversation_is_enough() {
    let workers = workers(4, 4).await;
    let mut before = workers.completed().await;
    let mut homes = [None; 6];
    for round in 0..3 {
        for (n, home) in homes.iter_mut().enumerate() {
            let messages = [json!({ "role": "user", "content": format!("{round} {n}") })];
            let body =
                json!({ "model": "codex-5", "messages": messages, "prompt_cache_key": format!("c{n}") });
            assert_eq!(post(&workers, &body).await.0, 200);
            let at = served(&workers, &mut before).await;
            assert_eq!(*home.get_or_insert(at), at, "round {round}");
        }
    }
}
