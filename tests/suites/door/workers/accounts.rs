//! Workers whose account the upstream refuses, or has nothing left: they fail at once, and must not draw what the others could do.

use super::{post, turns, workers_as};
use crate::door::asking;
use gateway_tests::{
    fake_child::Script,
    pair::{End, SocketClient},
};
use serde_json::json;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Turns that are asked for; a worker that always has nothing to do would draw most of them.
const TURNS: usize = 200;
const CLIENTS: usize = 8;

#[tokio::test]
async fn one_that_the_upstream_refuses_draws_no_turns() {
    // What was refused for the account alone goes to another; what may have been more than that fails.
    let kinds = [
        (r#"{"httpConnectionFailed":{"httpStatusCode":401}}"#, true),
        ("unauthorized", true),
        ("rateLimitExceeded", false),
    ];
    // codex itself tries again before it gives up: that is no sign of life, and may have been more than a refusal.
    let again = kinds.map(|(kind, _)| (format!("!retry_early\n!fail {kind}"), false));
    let once = kinds.map(|(kind, moved)| (format!("!fail {kind}"), moved));
    for (prompt, moved) in once.into_iter().chain(again) {
        let workers = workers_as(2, |number| Script {
            prompt: (number == 1).then(|| prompt.clone()),
            ..Script::default()
        });
        let workers = workers.await;
        let ends = turns(&workers, CLIENTS, TURNS).await;
        let failed = ends.iter().filter(|end| **end != End::Done).count();
        let refused = workers.turns("b", "failed").await;
        assert!((1..TURNS as u64 / 4).contains(&refused), "{prompt}: {refused} at the one that fails");
        assert_eq!(failed as u64, if moved { 0 } else { refused }, "{prompt}: {ends:?}");
    }
}

#[tokio::test]
async fn another_codex_may_have_another_login() {
    let tomorrow = SystemTime::now() + Duration::from_secs(86_400);
    let tomorrow = tomorrow.duration_since(UNIX_EPOCH).expect("a time").as_secs();
    // The last turn that the account had says that nothing is left; or there was nothing left.
    let told = Script { used_up_until: Some(tomorrow), first_start_only: true, ..Script::default() };
    let prompt = Some("!fail usageLimitExceeded".to_owned());
    let refused = Script { prompt, first_start_only: true, ..Script::default() };
    for (script, completed) in [(told, [9, 1]), (refused, [10, 0])] {
        let script = |number| if number == 1 { script.clone() } else { Script::default() };
        let workers = workers_as(2, script).await;
        let ask = |n| asking(&format!("question {n}"));
        for n in 0..10 {
            assert_eq!(post(&workers, &ask(n)).await.0, 200);
        }
        assert_eq!(workers.completed().await, completed);
        let mut client = SocketClient::connect(&workers.others[0].socket).await.expect("a connection");
        client.call("daemon/restart", &json!({})).await.expect("a restart");
        for n in 10..30 {
            assert_eq!(post(&workers, &ask(n)).await.0, 200);
        }
        // It gets its share at once, and not what it missed.
        let gained = workers.turns("b", "completed").await - completed[1];
        assert!((5..=13).contains(&gained), "{gained} of 20");
    }
}
