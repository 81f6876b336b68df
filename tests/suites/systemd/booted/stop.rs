//! The end: within its bound, with nothing left.

use crate::{
    gateway::{FRONT, PATH, SOCKET, WORKER, ask, installed, replaced, serves},
    machine::{Machine, eventually},
};
use gateway_tests::pair::{End, KEY};
use std::time::{Duration, Instant};

/// Processes of the worker's user.
async fn left(machine: &Machine) -> String {
    let user = machine.ok(&["id", "-u", "codex-worker"]).await;
    let own = format!(
        "for p in /proc/[0-9]*; do [ \"$(stat -c %u $p)\" = {} ] && cat $p/comm; done; :",
        user.trim()
    );
    machine.ok(&["sh", "-c", &own]).await
}

#[tokio::test]
async fn a_stop_ends_everything_within_the_bound() {
    let machine = installed().await;
    machine
        .write("/etc/codex/codex-front.env", &format!("PROXY_API_KEY={KEY}\nPROXY_SHUTDOWN_GRACE_MS=1500\n"));
    machine.systemctl(&["start", "upstream", WORKER, FRONT]).await;
    serves(&machine).await;
    let group = machine.show(WORKER, "ControlGroup").await;
    let group = machine.path(&format!("/sys/fs/cgroup{group}"));
    assert!(group.join("cgroup.procs").exists(), "no {}", group.display());
    assert_ne!(left(&machine).await, "");
    // A turn that never ends uses up the front's grace.
    let hanging = ask(&machine, "!stall\n!echo half", false);
    let stop = async {
        eventually("a turn that runs", async || {
            // An established connection to port 9999, codex's to the upstream.
            machine.ok(&["cat", "/proc/net/tcp"]).await.contains(":270F 01 ").then_some(())
        })
        .await;
        // What runs is with those that were replaced; a stop ends them, too.
        for unit in [WORKER, FRONT] {
            replaced(&machine, unit).await;
        }
        let began = Instant::now();
        machine.systemctl(&["stop", FRONT, SOCKET, WORKER]).await;
        began.elapsed()
    };
    let (answer, took) = tokio::join!(hanging, stop);
    assert!(matches!(&answer.0, End::Refused { status: 503, .. }), "{answer:?}");
    // The front's grace and 5 s to end what is left; the daemon has nothing left then.
    assert!(took < Duration::from_secs(10), "{took:?}");
    for unit in [WORKER, FRONT] {
        assert_eq!(machine.show(unit, "Result").await, "success", "{unit}");
        assert_eq!(machine.show(unit, "ExecMainStatus").await, "0", "{unit}");
    }
    assert!(!group.exists(), "{} is left", group.display());
    assert_eq!(left(&machine).await, "");
    assert!(!machine.path(PATH).exists(), "the socket's file is left");
    let journal = machine.journal(WORKER).await;
    assert!(!journal.contains("Killing process"), "{journal}");
}
