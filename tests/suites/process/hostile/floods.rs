//! More of everything than anybody needs.

use super::Stage;
use crate::{
    raw::{Raw, within},
    support::around,
};
use gateway_tests::fake_child::Script;
use serde_json::json;
use std::collections::HashSet;

/// Each request gets one answer; those past `WORKER_CLIENT_REQUESTS_MAX` are told to come again.
#[tokio::test]
async fn a_flood_of_requests_is_answered_one_by_one() {
    const REQUESTS: u64 = 20_000;
    let stage = Stage::of(around(&Script::default()).daemon("WORKER_CLIENT_REQUESTS_MAX", "50")).await;
    stage
        .beside(async {
            let mut client = Raw::greeted(&stage.pair).await;
            let mut flood = String::new();
            for id in 0..REQUESTS {
                flood
                    .push_str(&json!({ "id": id, "method": "thread/loaded/list", "params": {} }).to_string());
                flood.push('\n');
            }
            client.send(flood.as_bytes()).await;
            let (mut unanswered, mut refused) = ((0..REQUESTS).collect::<HashSet<u64>>(), 0);
            while !unanswered.is_empty() {
                let line = client.line().await.expect("an answer");
                let id = line["id"].as_u64().expect("an id of ours");
                assert!(unanswered.remove(&id), "a second answer: {line}");
                if line.get("error").is_some() {
                    assert_eq!(line["error"]["code"], -32001, "{line}");
                    assert!(line["error"]["data"]["retryAfterMs"].as_u64().is_some(), "{line}");
                    refused += 1;
                }
            }
            assert!(refused > 0 && refused < REQUESTS, "{refused} of {REQUESTS} refused");
            client.is_served().await;
        })
        .await;
    stage.is_clean().await;
}

#[tokio::test]
async fn a_flood_of_notifications_changes_nothing() {
    let stage = Stage::new().await;
    stage
        .beside(async {
            let mut client = Raw::greeted(&stage.pair).await;
            let some = "{\"method\":\"initialized\"}\n{\"method\":\"turn/completed\",\"params\":{\"threadId\":\"x\"}}\n";
            for _ in 0..100 {
                client.send(some.repeat(1000).as_bytes()).await;
            }
            client.say(&json!({ "id": 1, "method": "daemon/status" })).await;
            assert_eq!(client.line().await.expect("an answer")["id"], 1);
        })
        .await;
    stage.is_clean().await;
}

#[tokio::test]
async fn a_thousand_connections_come_and_go() {
    let stage = Stage::new().await;
    stage
        .beside(async {
            for n in 0..10 {
                let mut open = Vec::new();
                for _ in 0..100 {
                    let mut client = Raw::connect(&stage.pair.socket).await;
                    match n % 3 {
                        0 => {}
                        1 => client.hello().await,
                        _ => client.is_served().await,
                    }
                    open.push(client);
                }
            }
        })
        .await;
    stage.is_clean().await;
}

/// Connections that say nothing hold a place each, and nothing else.
#[tokio::test]
async fn silent_connections_disturb_nobody() {
    let stage = Stage::new().await;
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(Raw::connect(&stage.pair.socket).await);
    }
    stage.beside(async { Raw::greeted(&stage.pair).await.is_served().await }).await;
    for client in &mut silent {
        client.is_served().await;
    }
    drop(silent);
    stage.is_clean().await;
}

/// One too many is told so, gets the time to wait, and is closed; the log doesn't grow with each of them.
#[tokio::test]
async fn connections_past_the_bound_are_told_so() {
    // The front has one of the three.
    let stage = Stage::of(around(&Script::default()).daemon("WORKER_MAX_CLIENTS", "3")).await;
    let first = Raw::greeted(&stage.pair).await;
    let second = Raw::greeted(&stage.pair).await;
    stage
        .beside(async {
            for _ in 0..200 {
                let mut third = Raw::connect(&stage.pair.socket).await;
                // It may be closed before this is read.
                third.try_send(b"{\"id\":1,\"method\":\"daemon/status\"}\n").await;
                let told = within("the end of a refused connection", third.rest()).await;
                let [told] = &told[..] else { panic!("one line was expected: {told:?}") };
                assert_eq!((&told["id"], &told["error"]["code"]), (&json!(null), &json!(-32001)), "{told}");
                assert!(told["error"]["data"]["retryAfterMs"].as_u64() > Some(0), "{told}");
                assert!(told["error"]["message"].as_str().is_some_and(|m| m.contains("WORKER_MAX_CLIENTS")));
            }
        })
        .await;
    let logged = stage.pair.daemon.log().iter().filter(|line| line.contains("client_refused")).count();
    assert!((1..=60).contains(&logged), "{logged} lines about 200 refusals");
    drop((first, second));
    stage.is_clean().await;
    Raw::greeted(&stage.pair).await.is_served().await;
}
