//! Start, a child that dies, a daemon that hangs, a configuration that can't be used.

use crate::{
    gateway::{FRONT, SOCKET, WORKER, ask, codex, installed, serves, started},
    machine::eventually,
};
use gateway_tests::pair::End;

#[tokio::test]
async fn a_start_waits_for_the_handshake_and_then_the_pair_answers() {
    let machine = installed().await;
    machine.systemctl(&["start", "upstream"]).await;
    machine.systemctl(&["start", WORKER]).await;
    // At once: systemctl has waited.
    let words = machine.show(WORKER, "StatusText").await;
    assert!(words.starts_with("Ready: codex 0.169.0, pid "), "{words}");
    machine.systemctl(&["start", FRONT]).await;
    serves(&machine).await;
    assert_eq!(machine.show(WORKER, "NRestarts").await, "0");
    assert_eq!(machine.show(FRONT, "NRestarts").await, "0");
}

#[tokio::test]
async fn a_killed_child_is_replaced_under_the_same_daemon() {
    let machine = started().await;
    serves(&machine).await;
    let (daemon, child) = (machine.show(WORKER, "MainPID").await, codex(&machine, WORKER).await);
    machine.ok(&["sh", "-c", &format!("kill -KILL {child}")]).await;
    eventually("another codex", async || {
        let words = machine.show(WORKER, "StatusText").await;
        (words.starts_with("Ready: ") && words.ends_with(", start 2")).then_some(())
    })
    .await;
    assert_ne!(codex(&machine, WORKER).await, child);
    assert_eq!(machine.show(WORKER, "MainPID").await, daemon);
    assert_eq!(machine.show(WORKER, "NRestarts").await, "0");
    serves(&machine).await;
}

/// An upgrade of codex: the daemon stays, and a fresh codex takes over.
#[tokio::test]
async fn a_reload_replaces_codex_under_the_same_daemon() {
    let machine = started().await;
    serves(&machine).await;
    let (daemon, child) = (machine.show(WORKER, "MainPID").await, codex(&machine, WORKER).await);
    machine.systemctl(&["reload", WORKER]).await;
    eventually("another codex, alone", async || {
        let words = machine.show(WORKER, "StatusText").await;
        (words.starts_with("Ready: ") && words.ends_with(", start 2")).then_some(())
    })
    .await;
    serves(&machine).await;
    eventually("the end of the old codex", async || (codex(&machine, WORKER).await != child).then_some(()))
        .await;
    assert_eq!(machine.show(WORKER, "MainPID").await, daemon);
    assert_eq!(machine.show(WORKER, "NRestarts").await, "0");
}

#[tokio::test]
async fn a_hanging_daemon_is_killed_by_the_watchdog_and_started_again() {
    let machine = installed().await;
    machine.write("/etc/systemd/system/codex-worker.service.d/short.conf", "[Service]\nWatchdogSec=4\n");
    machine.systemctl(&["daemon-reload"]).await;
    machine.systemctl(&["start", "upstream", WORKER, FRONT]).await;
    serves(&machine).await;
    let child = codex(&machine, WORKER).await;
    machine.systemctl(&["kill", "--kill-who=main", "--signal=STOP", WORKER]).await;
    eventually("another daemon", async || {
        let again = machine.show(WORKER, "NRestarts").await == "1";
        (again && machine.show(WORKER, "ActiveState").await == "active").then_some(())
    })
    .await;
    let journal = machine.journal(WORKER).await;
    assert!(journal.contains("Watchdog timeout (limit 4s)!"), "{journal}");
    assert_ne!(codex(&machine, WORKER).await, child);
    serves(&machine).await;
}

#[tokio::test]
async fn a_bad_configuration_is_not_tried_again_and_a_missing_codex_is() {
    let machine = installed().await;
    machine.write("/etc/codex/codex-worker.env", "WORKER_QUEUE_MAX=many\n");
    let ran = machine.run(&["systemctl", "start", WORKER]).await;
    assert_ne!(ran.code, Some(0), "{}", ran.said);
    // What is to be tried again would be in "auto-restart".
    assert_eq!(machine.show(WORKER, "SubState").await, "failed");
    assert_eq!(machine.show(WORKER, "ExecMainStatus").await, "2");
    let journal = machine.journal(WORKER).await;
    assert!(journal.contains("WORKER_QUEUE_MAX"), "{journal}");

    machine.write("/etc/codex/codex-worker.env", "CODEX_BIN=/no/such\n");
    // Long enough to be looked at.
    machine.write("/etc/systemd/system/codex-worker.service.d/later.conf", "[Service]\nRestartSec=10\n");
    machine.systemctl(&["daemon-reload"]).await;
    let ran = machine.run(&["systemctl", "start", WORKER]).await;
    assert_ne!(ran.code, Some(0), "{}", ran.said);
    assert_eq!(machine.show(WORKER, "SubState").await, "auto-restart");
    assert_eq!(machine.show(WORKER, "ExecMainStatus").await, "4");
    // Once it is there, nobody has to do anything.
    machine.write("/etc/codex/codex-worker.env", "");
    machine.systemctl(&["start", "upstream", FRONT]).await;
    serves(&machine).await;
}

#[tokio::test]
async fn a_client_that_insists_does_not_start_a_bad_configuration_for_ever() {
    let machine = installed().await;
    machine.write("/etc/codex/codex-worker.env", "WORKER_QUEUE_MAX=many\n");
    machine.systemctl(&["start", SOCKET]).await;
    // The front wants the daemon, and connects again and again.
    machine.run(&["systemctl", "start", FRONT]).await;
    eventually("the end of the tries", async || {
        (machine.show(SOCKET, "ActiveState").await == "failed").then_some(())
    })
    .await;
    assert_eq!(machine.show(WORKER, "ActiveState").await, "failed");
    let tries = machine.journal(WORKER).await.matches("status=2/INVALIDARGUMENT").count();
    assert!((1..=40).contains(&tries), "{tries} tries");
    assert!(matches!(ask(&machine, "hello", false).await.0, End::Refused { status: 503, .. }));
    // As the README says.
    machine.write("/etc/codex/codex-worker.env", "");
    machine.systemctl(&["reset-failed", WORKER, SOCKET]).await;
    machine.systemctl(&["start", "upstream", WORKER]).await;
    serves(&machine).await;
}
