//! A front that is killed leaves nothing half.

use std::time::{Duration, SystemTime};

use gateway_tests::pair::{Answer, Binary, Process, binary};
use nix::sys::signal::Signal;
use serde_json::Value;

use super::{Kept, files, pair};
use crate::door;

#[tokio::test(flavor = "multi_thread")]
async fn a_front_that_is_killed_leaves_no_half_file() {
    let kept = Kept::new();
    let mut pair = pair(&kept).await;
    let (client, url) = (pair.client().clone(), pair.url("/v1/chat/completions"));
    let asking = (0..4).map(|_| async {
        // Until the front is gone.
        while let Ok(mut answer) = Answer::of(&client, &url, "!chunks 20\nhello", true).await {
            if answer.end().await.is_err() {
                break;
            }
        }
    });
    let kill = async {
        let some =
            pair.eventually("some traces", || async { (files(&kept.traces()).len() >= 20).then_some(()) });
        some.await.expect("traces");
        pair.front.signal(Signal::SIGKILL).expect("a signal");
    };
    tokio::join!(futures_util::future::join_all(asking), kill);
    pair.front.wait().await.expect("its end");
    let there = files(&kept.traces());
    for path in &there {
        let text = std::fs::read_to_string(path).expect("a file");
        let trace: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {}", path.display()));
        assert_eq!(trace["format"], 1);
    }
    // What another one left long ago in the middle of a write goes with the next start.
    let name = there[0].file_name().expect("a name").to_string_lossy().into_owned();
    let part = kept.traces().join(format!(".{name}.part"));
    std::fs::write(&part, "{").expect("a leftover");
    let old = std::fs::File::options().append(true).open(&part).expect("the leftover");
    old.set_modified(SystemTime::now() - Duration::from_secs(3600)).expect("an age");
    let env = kept.everything(door::builder()).front_env();
    let mut front = Process::start(binary(Binary::HttpFront), &env).expect("it starts");
    let pruned = front.logged("the leftover to go", |line| {
        line["event"] == "trace_buffer_pruned" && line["reason"] == "leftover" && line["files"] == 1
    });
    pruned.await.expect("a line");
    assert!(!part.exists());
    assert_eq!(files(&kept.traces()), there, "whole ones stay");
    assert_eq!(front.terminate().await.expect("its end"), Some(0));
}
