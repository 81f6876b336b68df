//! `codexctl ready` as a health check asks it: without a key, of a pair that is ready, failing and gone.

use super::{Said, run};
use crate::door::{builder, never_up};
use gateway_tests::pair::{KEY, Pair};
use nix::sys::signal::Signal;
use serde_json::Value;

/// The front's word and the daemon's.
async fn asked(pair: &Pair, args: &[&str]) -> [Said; 2] {
    let (internal, socket) = (pair.internal.to_string(), pair.socket.to_string_lossy().into_owned());
    let args = [&["ready", "--timeout", "20s"], args].concat();
    let front = run(&args, &[("PROXY_INTERNAL_ADDR", &internal)], "").await;
    let args = [&args[..], &["--worker"]].concat();
    let worker = run(&args, &[("WORKER_SOCKET", &socket)], "").await;
    for said in [&front, &worker] {
        assert!(!said.out.contains(KEY) && !said.err.contains(KEY), "{said:?}");
    }
    [front, worker]
}

fn told(said: &Said, code: i32, line: &str) {
    assert_eq!((said.code, &*said.out, &*said.err), (Some(code), line, ""), "{said:?}");
}

/// A failure that is told on stderr, in one line with these words.
fn failed(said: &Said, code: i32, words: &str) {
    assert_eq!((said.code, &*said.out), (Some(code), ""), "{said:?}");
    assert!(said.err.starts_with("codexctl: ") && said.err.lines().count() == 1, "{said:?}");
    assert!(said.err.contains(words), "{said:?}");
}

#[tokio::test]
async fn a_pair_that_serves_is_ready() {
    let pair = builder().front("PROXY_MAINTENANCE_MODE", "true").start().await.expect("a ready pair");
    let [front, worker] = asked(&pair, &[]).await;
    told(&front, 0, "ready: worker ready, maintenance is on\n");
    told(&worker, 0, "ready: worker ready\n");
    let [front, worker] = asked(&pair, &["--json"]).await.map(|said| {
        assert_eq!(said.code, Some(0), "{said:?}");
        serde_json::from_str::<Value>(&said.out).expect("JSON")
    });
    assert_eq!((&front["status"], &front["worker_state"]), (&"ok".into(), &"ready".into()));
    assert_eq!(worker["state"], "ready", "{worker}");
    assert!(worker["pid"].as_u64().is_some(), "{worker}");
    // The public listener tells the same, and options win over variables.
    let public = format!("http://{}/", pair.addr);
    let at = ["ready", "--url", &public, "--timeout", "20s"];
    let said = run(&at, &[("PROXY_INTERNAL_ADDR", "127.0.0.1:1")], "").await;
    told(&said, 0, "ready: worker ready, maintenance is on\n");
    let socket = pair.socket.to_string_lossy().into_owned();
    let at = ["ready", "--worker", "--socket", &socket];
    told(&run(&at, &[("WORKER_SOCKET", "/none.sock")], "").await, 0, "ready: worker ready\n");
    // Without its variable the socket is in the daemon's state folder.
    let home = pair.home().to_string_lossy().into_owned();
    let said = run(&["ready", "--worker"], &[("CODEX_HOME", &home), ("WORKER_SOCKET", "")], "").await;
    told(&said, 0, "ready: worker ready\n");
}

#[tokio::test]
async fn a_child_that_never_comes_up_is_not_ready() {
    let pair = never_up().start_unready().await.expect("the pair starts");
    pair.eventually("the backoff to be told", || async {
        let said = asked(&pair, &[]).await;
        let told = |said: &Said| said.out.starts_with("not ready: worker backoff");
        said.iter().all(told).then_some(())
    })
    .await
    .expect("the backoff is told");
    for said in asked(&pair, &[]).await {
        told(&said, 1, "not ready: worker backoff, 60000 ms\n");
    }
    for said in asked(&pair, &["--json"]).await {
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(serde_json::from_str::<Value>(&said.out).is_ok_and(|answer| answer.is_object()), "{said:?}");
    }
}

#[tokio::test]
async fn a_pair_that_is_gone_or_hangs_is_not_ready() {
    let mut pair = builder().start().await.expect("a ready pair");
    pair.daemon.signal(Signal::SIGSTOP).expect("the daemon runs");
    let socket = pair.socket.to_string_lossy().into_owned();
    let hanging = run(&["ready", "--worker", "--timeout", "200ms"], &[("WORKER_SOCKET", &socket)], "").await;
    failed(&hanging, 1, "within 200ms");
    pair.daemon.signal(Signal::SIGKILL).expect("the daemon is there");
    pair.daemon.wait().await.expect("the daemon ends");
    let gone = pair.eventually("the loss to be told", || async {
        let [front, worker] = asked(&pair, &[]).await;
        (front.code == Some(1)).then_some([front, worker])
    });
    let [front, worker] = gone.await.expect("the loss is told");
    told(&front, 1, "not ready: worker unreachable\n");
    failed(&worker, 1, "is worker-daemon running?");
    pair.front.signal(Signal::SIGKILL).expect("the front runs");
    pair.front.wait().await.expect("the front ends");
    let [front, _] = asked(&pair, &[]).await;
    failed(&front, 1, "is http-front running?");
}

#[tokio::test]
async fn what_cannot_be_asked_ends_with_2() {
    for (args, words) in [
        (&["ready", "--url", "https://127.0.0.1:1"][..], "http:// alone"),
        (&["ready", "--socket", "/x"], "--worker"),
        (&["ready", "--worker", "--url", "127.0.0.1:1"], "--url"),
        (&["ready", "--timeout", "0s"], "--timeout"),
    ] {
        let said = run(args, &[], "").await;
        assert!(said.code == Some(2) && said.out.is_empty() && said.err.contains(words), "{said:?}");
    }
    let help = run(&["ready", "--help"], &[], "").await;
    assert!(help.code == Some(0) && help.out.contains("Exit codes: 0 ready; 1 not"), "{help:?}");
}
