//! A client that has closed its own half has said all that it wants to say, and still reads.

use super::Stage;
use crate::raw::Raw;
use serde_json::{Value, json};

#[tokio::test]
async fn a_half_closed_connection_gets_its_answers_and_then_the_end() {
    let stage = Stage::new().await;
    stage
        .beside(async {
            for _ in 0..20 {
                let mut client = Raw::connect(&stage.pair.socket).await;
                client.hello().await;
                for id in 0..100 {
                    client.say(&json!({ "id": id, "method": "thread/loaded/list", "params": {} })).await;
                }
                client.finish().await;
                let lines = client.rest().await;
                let answered: Vec<u64> = lines.iter().filter_map(|line| line["id"].as_u64()).collect();
                assert_eq!(answered, (0..100).collect::<Vec<u64>>());
                assert!(lines.iter().all(|line| line.get("error").is_none()), "{lines:?}");
            }
        })
        .await;
    stage.is_clean().await;
}

#[tokio::test]
async fn a_half_closed_connection_sees_its_turn_to_the_end() {
    let stage = Stage::new().await;
    let mut client = Raw::greeted(&stage.pair).await;
    let thread = client.thread("!chunks 5\n!pause 20\n!echo to the end").await;
    client.turn(&thread).await;
    client.finish().await;
    let lines = stage.beside(client.rest()).await;
    let text: String = lines
        .iter()
        .filter(|line| line["method"] == "item/agentMessage/delta")
        .filter_map(|line| line["params"]["delta"].as_str())
        .collect();
    assert_eq!(text, "to the end");
    let completed = lines.iter().find(|line| line["method"] == "turn/completed").expect("an end of the turn");
    assert_eq!(completed["params"]["turn"]["status"], "completed", "{completed}");
    drop(client);
    stage.is_clean().await;
}

/// With a turn that never ends: its end is the client's own.
#[tokio::test]
async fn a_half_closed_connection_that_goes_is_noticed() {
    let stage = Stage::new().await;
    let mut waiting = Raw::greeted(&stage.pair).await;
    let thread = waiting.thread("!hang\n!echo never").await;
    waiting.turn(&thread).await;
    waiting.finish().await;
    waiting.until("a turn that runs", |line: &Value| line["method"] == "turn/started").await;
    let mut subscribed = Raw::connect(&stage.pair.socket).await;
    let status = subscribed.ask("daemon/subscribe", &json!({})).await;
    assert!(status["result"].is_object(), "{status}");
    subscribed.finish().await;
    stage.beside(async { drop((waiting, subscribed)) }).await;
    stage.is_clean().await;
}
