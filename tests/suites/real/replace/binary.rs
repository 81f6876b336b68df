//! A codex that is upgraded badly, and one that is gone.

use super::{active, alone, builder, hang_up, restart, upstream};
use crate::crowd::{Crowd, Dice, Finish};
use gateway_tests::{
    pair::{Builder, Pair, SocketClient, real_codex},
    upstream::Gate,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

/// `CODEX_BIN` as an installation's link.
fn link(builder: &Builder) -> PathBuf {
    builder.home().join("codex-link")
}

/// Lets the link name another program, in one step as package managers do.
fn switch(home: &Path, program: &Path) {
    let (fresh, link) = (home.join("codex-link.new"), home.join("codex-link"));
    symlink(program, &fresh).expect("a link");
    fs::rename(fresh, link).expect("a link in the place of another");
}

/// A program of the shell.
fn script(home: &Path, name: &str, text: &str) -> PathBuf {
    let path = home.join(name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("an executable file");
    path
}

async fn not_replaced(pair: &Pair, times: usize) {
    let logged = || async {
        let log = pair.daemon.log();
        (log.iter().filter(|line| line.contains("worker_not_replaced")).count() == times).then_some(())
    };
    pair.eventually("that the log tells it", logged).await.expect("worker_not_replaced");
}

/// While a codex that is too old, and ones that don't come up, are to replace the good one, nobody notices.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_codex_that_does_not_come_up_replaces_nobody() {
    let upstream = upstream(&Gate::new()).await;
    let builder = builder(&upstream).daemon("WORKER_STARTUP_TIMEOUT_MS", "6000");
    let link = link(&builder);
    switch(builder.home(), &real_codex());
    let pair = builder.child(link.clone()).start().await.expect("a ready pair");
    let good = active(&pair).await;
    let crowd = Crowd::start(&pair, 3, 1, &mut Dice::new(12)).await;
    let version = "test \"$1\" = --version && echo codex-cli 99.0.0 && exit\n";
    let real = real_codex();
    let no_server =
        |then: &str| format!("{version}test $1 = debug && exec {} \"$@\"\n{then}", real.display());
    let bad = [
        ("0.169.0 or newer", script(pair.home(), "too-old", "echo codex-cli 0.1.0")),
        ("exit status: 1", script(pair.home(), "no-codex", "exit 1")),
        ("exited with code 3", script(pair.home(), "dies", &no_server("exit 3"))),
        ("WORKER_STARTUP_TIMEOUT_MS", script(pair.home(), "hangs", &no_server("exec sleep 600"))),
        ("there is no", PathBuf::from("/no/such/codex")),
    ];
    for (times, (why, bad)) in bad.iter().enumerate() {
        switch(pair.home(), bad);
        let error = restart(&pair).await.expect_err("an error").to_string();
        assert!(error.contains("-32015") && error.contains(why), "{}: {error}", bad.display());
        not_replaced(&pair, 2 * times + 1).await;
        pair.daemon.signal(Signal::SIGHUP).expect("a daemon");
        not_replaced(&pair, 2 * times + 2).await;
        assert_eq!(active(&pair).await, good, "the old child goes on");
    }
    switch(pair.home(), &real_codex());
    let fresh = hang_up(&pair).await;
    let status = restart(&pair).await.expect("a fresh child");
    let last = status["pid"].as_u64().expect("a child");
    assert_ne!(last, fresh);
    let sent = crowd.finish().await;
    let failed: Vec<_> = sent.iter().filter(|sent| sent.finish != Finish::Done).collect();
    assert!(failed.is_empty(), "of {}: {failed:#?}\n{}", sent.len(), pair.daemon.tail());
    alone(&pair, last).await;
    assert_eq!(pair.stop().await.expect("a clean stop"), (Some(0), Some(0)));
}

/// The binary is gone and the child dies: five starts fail, and the daemon says so and ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_codex_that_is_lost_ends_the_daemon() {
    let upstream = upstream(&Gate::new()).await;
    let builder = builder(&upstream);
    let bin = script(builder.home(), "codex", &format!("exec {} \"$@\"", real_codex().display()));
    let mut pair = builder.child(bin.clone()).start().await.expect("a ready pair");
    let child = active(&pair).await;
    let mut watcher = SocketClient::connect(&pair.socket).await.expect("a connection");
    watcher.call("daemon/subscribe", &json!({})).await.expect("a status");
    fs::remove_file(bin).expect("a file to remove");
    kill(Pid::from_raw(i32::try_from(child).expect("a pid")), Signal::SIGKILL).expect("a child to kill");
    let mut states: Vec<Value> = Vec::new();
    // Until it closes the socket.
    while let Ok(line) = watcher.next().await {
        states.push(line["params"].clone());
    }
    let delays: Vec<u64> = states.iter().filter_map(|status| status["backoffMs"].as_u64()).collect();
    assert_eq!(delays, [250, 500, 1000, 2000, 4000], "{states:#?}");
    assert_eq!(states.last().expect("a last status")["state"], "stopped");
    assert_eq!(pair.daemon.wait().await.expect("the daemon's end"), Some(5), "{}", pair.daemon.tail());
    let words = "worker-daemon: codex was lost and can't be started again";
    pair.eventually("the words on stderr", || async {
        pair.daemon.log().iter().any(|line| line.contains(words) && line.contains("CODEX_BIN")).then_some(())
    })
    .await
    .expect("the words");
    let lost = pair.daemon.logged("the loss", |line| line["event"] == "worker_lost").await.expect("a line");
    assert_eq!(lost["level"], "critical");
    assert!(!pair.socket.exists(), "a stale socket");
}
