//! A client that doesn't read is cut off, and finds out why when it does.

use super::Stage;
use crate::{raw::Raw, support::around};
use gateway_tests::fake_child::Script;
use serde_json::{Value, json};

const LIMIT: u64 = 1 << 20;

async fn stage() -> Stage {
    let builder = around(&Script::default());
    Stage::of(builder.daemon("WORKER_CLIENT_QUEUE_BYTES", LIMIT.to_string())).await
}

async fn is_cut(stage: &Stage) {
    let cut = stage.pair.daemon.logged("a client that is cut", |line| line["event"] == "client_cut").await;
    cut.expect("a line");
}

/// The last line says why; those before it are whole.
fn told(lines: &[Value]) {
    let last = lines.last().expect("a line");
    assert_eq!(last["method"], "daemon/closed", "{last}");
    assert_eq!(last["params"]["reason"], "slow_reader", "{last}");
    assert_eq!(last["params"]["limitBytes"], LIMIT, "{last}");
    assert!(last["params"]["waitingBytes"].as_u64() > Some(0), "{last}");
    let earlier = lines.iter().filter(|line| line["method"] == "daemon/closed").count();
    assert_eq!(earlier, 1);
}

#[tokio::test]
async fn one_whose_answers_pile_up_is_cut_and_told() {
    let stage = stage().await;
    let mut client = Raw::greeted(&stage.pair).await;
    stage
        .beside(async {
            let some = "{\"id\":1,\"method\":\"daemon/status\"}\n".repeat(1000);
            // Once it is cut nothing is read from it any more, so the sending may not come to its end.
            let sending = async { while client.try_send(some.as_bytes()).await {} };
            tokio::select! {
                () = sending => {}
                () = is_cut(&stage) => {}
            }
            is_cut(&stage).await;
            told(&client.rest().await);
        })
        .await;
    drop(client);
    stage.is_clean().await;
}

/// The line that it was in the middle of is finished first.
#[tokio::test]
async fn a_line_that_is_half_written_comes_whole() {
    const BIG: usize = 3 << 20;
    let stage = stage().await;
    let mut client = Raw::greeted(&stage.pair).await;
    let thread = client.thread(&format!("!big {BIG}")).await;
    stage
        .beside(async {
            client.turn(&thread).await;
            is_cut(&stage).await;
            let lines = client.rest().await;
            told(&lines);
            let big = lines.iter().filter(|line| line.to_string().len() > BIG).count();
            assert_eq!(big, 1, "the one that was being written, and not the one behind it");
        })
        .await;
    drop(client);
    stage.is_clean().await;
}

/// One that never reads at all doesn't keep its connection open.
#[tokio::test]
async fn one_that_never_reads_is_closed_all_the_same() {
    let stage = stage().await;
    let mut client = Raw::greeted(&stage.pair).await;
    let thread = client.thread(&format!("!big {}", 3 << 20)).await;
    client.turn(&thread).await;
    stage.beside(is_cut(&stage)).await;
    // It is still there.
    stage.is_clean().await;
    let whole = json!("daemon/closed");
    let mut lines = Vec::new();
    while let Some(text) = client.text().await {
        lines.extend(serde_json::from_str::<Value>(&text).ok());
    }
    assert!(!lines.is_empty() && lines.iter().all(|line| line["method"] != whole), "nobody waited for it");
}
