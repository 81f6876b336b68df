//! The state folder of a daemon is its own.

use crate::{
    support::{around, ready},
    users::{STRANGER, can_be_others},
};
use gateway_tests::{
    fake_child::Script,
    pair::{Binary, Builder, Process, binary},
};
use nix::{sys::signal::Signal, unistd::chown};
use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
};

fn builder() -> Builder {
    Builder::fake(&Script::default()).expect("a home")
}

/// The environment of another daemon in `home`, with a socket of its own.
fn another(home: &Path) -> Vec<(String, String)> {
    let own = builder()
        .daemon("CODEX_HOME", home.to_str().expect("UTF-8"))
        .daemon("WORKER_SOCKET", home.join("other.sock").to_str().expect("UTF-8"));
    // In the home that goes with `own`.
    own.daemon_env().into_iter().filter(|(name, _)| name != "WORKER_CA_BUNDLE").collect()
}

fn daemon(env: &[(String, String)]) -> Process {
    Process::start(binary(Binary::WorkerDaemon), env).expect("a daemon")
}

/// Why a daemon did not start.
async fn reason(daemon: &Process) -> String {
    let failed = daemon.logged("a reason", |line| line["event"] == "start_failed").await.expect("a line");
    failed["error"].as_str().expect("words").to_owned()
}

async fn started(daemon: &Process) {
    daemon.logged("a start", |line| line["event"] == "daemon_started").await.expect("a line");
}

#[tokio::test]
async fn a_second_daemon_says_who_has_the_home_and_a_dead_one_leaves_no_lock() {
    let mut pair = ready(&Script::default()).await;
    let env = another(pair.home());
    let mut second = daemon(&env);
    assert_eq!(second.wait().await.expect("an end"), Some(3));
    let said = reason(&second).await;
    assert!(said.contains(&format!("pid {}", pair.daemon.pid())) && said.contains("CODEX_HOME"), "{said}");
    pair.ready().await.expect("the first one serves on");

    pair.daemon.signal(Signal::SIGKILL).expect("a signal");
    assert_eq!(pair.daemon.wait().await.expect("an end"), None);
    let lock = pair.home().join("worker.lock");
    assert!(lock.exists(), "the file stays");
    let mut third = daemon(&env);
    started(&third).await;
    assert_eq!(fs::read_to_string(&lock).expect("a pid").trim(), third.pid().to_string());
    assert_eq!(third.terminate().await.expect("an end"), Some(0));
    assert!(lock.exists(), "the file stays");
}

#[tokio::test]
async fn a_loose_home_is_tightened_and_a_missing_one_made() {
    let builder = around(&Script::default());
    let home = builder.home().to_owned();
    fs::set_permissions(&home, Permissions::from_mode(0o755)).expect("a mode");
    let mode = |path: &Path| fs::metadata(path).expect("a folder").permissions().mode() & 0o7777;
    let pair = builder.start().await.expect("a ready pair");
    assert_eq!(mode(&home), 0o700);
    let told = pair.daemon.logged("the change", |line| line["event"] == "home_tightened").await;
    assert_eq!(told.expect("a line")["mode"], "0755");

    let fresh = home.join("a/new/one");
    let mut second = daemon(&another(&fresh));
    started(&second).await;
    assert_eq!(mode(&fresh), 0o700);
    assert_eq!(second.terminate().await.expect("an end"), Some(0));
}

#[tokio::test]
async fn the_home_of_somebody_else_is_refused() {
    if !can_be_others("a home of somebody else") {
        return;
    }
    let builder = builder();
    chown(builder.home(), Some(STRANGER.into()), None).expect("another owner");
    let mut refused = daemon(&builder.daemon_env());
    assert_eq!(refused.wait().await.expect("an end"), Some(2));
    let said = reason(&refused).await;
    assert!(said.contains("CODEX_HOME") && said.contains(&format!("uid {STRANGER}")), "{said}");
}
