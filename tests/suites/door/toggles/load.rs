//! Maintenance under load loses no request: each is served whole, or refused as maintenance with all that belongs to it.

use super::{Door, MAINTENANCE, on};
use crate::door::{builder, start};
use futures_util::future::join_all;
use gateway_tests::pair::{Answer, End, Pair};
use std::sync::atomic::{AtomicBool, Ordering};

/// Requests that are asked one after the other until the toggling is over.
const ASKERS: usize = 12;
/// Times that maintenance is switched on and off.
const ROUNDS: usize = 30;

/// What one asker saw: answers that were served, and those that were refused.
async fn ask(pair: &Pair, which: usize, over: &AtomicBool) -> (usize, usize) {
    let (mut served, mut refused) = (0, 0);
    while !over.load(Ordering::Relaxed) || served == 0 {
        let stream = (which + served + refused).is_multiple_of(2);
        let text = format!("number {which} {served} {refused}");
        // Streams that take a while: they begin before a toggle and end behind it.
        let prompt = format!("!chunks 8\n!pause 5\n{text}");
        let mut answer = Answer::to(pair, &prompt, stream).await.expect("the head of an answer");
        let head = (answer.status(), answer.header("retry-after").map(str::to_owned));
        let again = answer.header("x-should-retry").map(str::to_owned);
        let end = answer.end().await.expect("the end of an answer");
        if end == End::Done {
            assert_eq!(answer.text(), text, "whole, and its own");
            served += 1;
        } else {
            assert_eq!(end, End::Refused { status: 503, code: "maintenance".into() }, "a request was lost");
            assert_eq!(head, (503, Some("2".to_owned())));
            assert_eq!(again.as_deref(), Some("true"));
            refused += 1;
        }
    }
    (served, refused)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn maintenance_under_load_loses_no_request() {
    let pair = start(builder().front("PROXY_MAINTENANCE_RETRY_AFTER_S", "2")).await;
    let door = Door::of(&pair);
    let over = AtomicBool::new(false);
    let toggling = async {
        for round in 0..ROUNDS {
            let state = door.set(MAINTENANCE, on()).await;
            assert_eq!(state["kept"], true, "round {round}: {state}");
            // A request of this door's own is refused, and served again behind it.
            assert_eq!(door.chat().await.0, 503);
            if round % 2 == 0 {
                door.clear(MAINTENANCE).await;
            } else {
                door.set(MAINTENANCE, serde_json::json!({ "enabled": false })).await;
            }
            assert_eq!(door.chat().await.0, 200);
        }
        over.store(true, Ordering::Relaxed);
    };
    let asking = join_all((0..ASKERS).map(|which| ask(&pair, which, &over)));
    let ((), counts) = tokio::join!(toggling, asking);
    let served: usize = counts.iter().map(|(served, _)| served).sum();
    let refused: usize = counts.iter().map(|(_, refused)| refused).sum();
    assert!(served >= ASKERS && refused >= ASKERS, "{served} served, {refused} refused: nothing was shown");
}

#[tokio::test]
async fn a_stream_that_runs_finishes_under_either_switch() {
    let pair = start(builder()).await;
    let door = Door::of(&pair);
    for path in [MAINTENANCE, super::APP_SERVER] {
        let text = "x ".repeat(40);
        let mut answer =
            Answer::to(&pair, &format!("!chunks 40\n!pause 10\n{text}end"), true).await.expect("a head");
        assert!(answer.until("the first text", |text| !text.is_empty()).await.expect("a text"));
        door.set(path, serde_json::json!({ "enabled": path == MAINTENANCE })).await;
        assert_eq!(door.chat().await.0, 503);
        assert_eq!(answer.end().await.expect("an end"), End::Done);
        assert_eq!(answer.text(), format!("{text}end"));
        door.clear(path).await;
    }
}
