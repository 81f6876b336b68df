//! Keys that are changed while requests run: none is lost, and who is revoked is refused.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::future::{join, join_all};
use gateway_tests::pair::{KEY, Pair};
use nix::sys::signal::Signal;
use serde_json::json;

use crate::codexctl::Keys;
use crate::door::{asking, builder, start};
use crate::keys_file::{nothing_is_told, refused};

/// Asks again and again over kept connections until `done`; every answer is whole. The number of them.
async fn keeps_asking(pair: &Pair, key: &str, done: &AtomicBool) -> usize {
    let mut answered = 0;
    while !done.load(Ordering::Relaxed) {
        let mut body = asking("hi");
        let stream = answered % 2 == 1;
        body["stream"] = json!(stream);
        let request = pair.client().post(pair.url("/v1/chat/completions")).bearer_auth(key).json(&body);
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("a whole answer");
        assert_eq!(status, 200, "{text}");
        assert!(text.contains(if stream { "data: [DONE]" } else { "\"hi\"" }), "{text}");
        answered += 1;
    }
    answered
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_under_load_lose_no_request() {
    const CHANGES: usize = 12;
    let keys = Keys::new();
    let stay = [keys.add(&["a"]).await, keys.add(&["b"]).await, keys.add(&["c", "--model", "codex-5"]).await];
    let leaves = keys.add(&["leaves"]).await;
    let pair = start(builder().front("PROXY_API_KEYS_FILE", keys.setting())).await;
    let (done, looks) = (AtomicBool::new(false), AtomicUsize::new(0));
    let asking = stay.iter().map(String::as_str).chain([KEY]).flat_map(|key| [key, key]);
    let asking = join_all(asking.map(|key| keeps_asking(&pair, key, &done)));
    let changing = async {
        let loaded = || pair.front.log().iter().filter(|line| line.contains("\"keys_loaded\"")).count();
        for n in 0..CHANGES {
            let (name, before) = (format!("k{n}"), loaded());
            keys.add(&[&name]).await;
            if n % 3 == 0 {
                keys.revoke(&name).await;
            }
            if n == CHANGES / 2 {
                keys.revoke("leaves").await;
                refused(&pair, &leaves).await;
            }
            // By the signal, so that every change is taken while others ask.
            pair.front.signal(Signal::SIGHUP).expect("a signal");
            let taken =
                pair.eventually("the change to be taken", || async { (loaded() > before).then_some(()) });
            taken.await.expect("a line");
            looks.fetch_add(1, Ordering::Relaxed);
        }
        done.store(true, Ordering::Relaxed);
    };
    let (answered, ()) = join(asking, changing).await;
    assert_eq!(looks.into_inner(), CHANGES);
    assert!(answered.iter().all(|answered| *answered > 0), "{answered:?}");
    refused(&pair, &leaves).await;
    let all: Vec<&str> = stay.iter().map(String::as_str).chain([KEY, &leaves]).collect();
    nothing_is_told(&pair, &all);
}
