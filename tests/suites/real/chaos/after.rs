//! What must be left when the load is gone: nothing.

use super::stage::Stage;
use gateway_tests::pair::{DEADLINE, Process, SocketClient, children};
use serde_json::{Value, json};

/// Descriptors that may come and go: connections that are kept.
const SLACK: usize = 4;
/// What the resident memory of each may grow by from before the load to after it: what an allocator keeps, and not what
/// a thousand requests or the floods would leave.
const GROWTH: u64 = 16 << 20;

/// Descriptors of the daemon and of the front.
pub(super) fn descriptors(stage: &Stage) -> [usize; 2] {
    both(stage).map(|process| process.descriptors().expect("a living process"))
}

/// Resident memory of the daemon and of the front, in bytes.
pub(super) fn memory(stage: &Stage) -> [u64; 2] {
    both(stage).map(|process| process.resident().expect("a living process"))
}

fn both(stage: &Stage) -> [&Process; 2] {
    [&stage.pair.daemon, &stage.pair.front]
}

/// Memory is flat.
pub(super) fn check_memory(before: [u64; 2], after: [u64; 2]) {
    for (name, (before, after)) in ["daemon", "front"].iter().zip(before.into_iter().zip(after)) {
        println!("{name}: {} -> {} KiB", before >> 10, after >> 10);
        assert!(after < before + GROWTH, "the {name} grew from {before} to {after} bytes");
    }
}

/// The load is gone: so is everything of it.
pub(super) async fn check_empty(stage: &Stage, descriptors_before: [usize; 2]) {
    let pair = &stage.pair;
    let zero = ["threads", "turns", "waitingTurns", "unanswered", "tombstones", "retiring"];
    let idle = || async {
        let mut socket = SocketClient::connect(&pair.socket).await.ok()?;
        let load = socket.call("daemon/status", &json!({})).await.ok()?["load"].clone();
        println!("{load}");
        zero.iter().all(|name| load[name] == 0).then_some(())
    };
    pair.eventually("empty tables in the daemon", idle).await.expect("nothing left in the daemon");
    pair.eventually("no loaded thread", || async {
        let mut socket = SocketClient::connect(&pair.socket).await.ok()?;
        socket.loaded().await.ok()?.is_empty().then_some(())
    })
    .await
    .expect("no thread in the child");
    stage
        .upstream
        .wait_totals("no request left upstream", DEADLINE, |t| t.running() == 0)
        .await
        .expect("every upstream request to end");
    pair.eventually("as many descriptors as before", || async {
        let now = descriptors(stage);
        println!("descriptors {descriptors_before:?} -> {now:?}");
        descriptors_before.iter().zip(now).all(|(before, now)| now <= before + SLACK).then_some(())
    })
    .await
    .expect("no more descriptors than before (daemon, front)");
    assert_eq!(stage.upstream.problems(), Vec::<String>::new());
    let left = children(pair.daemon.pid());
    assert_eq!(left.len(), 1, "children of the daemon, dead ones counted: {left:?}");
    // The system begins its numbers anew after so many, so a child's may be the smaller one.
    let mut expected = [pair.daemon.pid(), left[0]];
    expected.sort_unstable();
    assert_eq!(with_home(stage), expected, "processes with this CODEX_HOME");
}

/// Ends the pair, and nothing is left of it.
pub(super) async fn check_stop(stage: Stage) {
    let Stage { mut pair, .. } = stage;
    assert_eq!(pair.front.terminate().await.expect("the front's end"), Some(0));
    assert_eq!(pair.daemon.terminate().await.expect("the daemon's end"), Some(0));
    let stopped = pair.daemon.logged("its end", |line| line["event"] == "daemon_stopped").await;
    let stopped = stopped.expect("a line");
    assert_eq!((&stopped["drained"], &stopped["clean"]), (&Value::from(true), &Value::from(true)));
    let home = pair.home().to_path_buf();
    assert_eq!(processes(&home), Vec::<u32>::new(), "processes that outlived the daemon");
    assert!(!pair.socket.exists(), "a stale socket");
}

fn with_home(stage: &Stage) -> Vec<u32> {
    processes(stage.pair.home())
}

/// Processes whose environment names this `CODEX_HOME`, in order.
fn processes(home: &std::path::Path) -> Vec<u32> {
    let wanted = format!("CODEX_HOME={}", home.display());
    let all = std::fs::read_dir("/proc").expect("processes").flatten();
    let mut found: Vec<u32> = all
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let environment = std::fs::read(entry.path().join("environ")).ok()?;
            environment.split(|byte| *byte == 0).any(|line| line == wanted.as_bytes()).then_some(pid)
        })
        .collect();
    found.sort_unstable();
    found
}
