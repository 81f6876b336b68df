//! SIGUSR2: another process takes the place of one that serves, and nobody notices.

mod daemons;
mod grace;
mod workers;

use crate::support::{ask, get, runs};
use gateway_tests::{
    fake_child::{Script, Start},
    pair::{Answer, Binary, Builder, End, KEY, Pair, Process, SocketClient, asking, binary, load},
    wait,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};
use std::{cell::Cell, time::Duration};
use tokio::sync::watch;

/// A process that nobody waits for. It is killed with this, unless it was [seen to end](Self::gone): its number may be another's
/// by then.
struct Taken(u32, Cell<bool>);

impl Taken {
    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.0).expect("a pid")), signal).expect("a signal");
    }

    async fn gone(&self) {
        wait::until(Duration::from_millis(10), || async { (!runs(self.0)).then_some(()) })
            .await
            .expect("the process ends in time");
        self.1.set(true);
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if !self.1.get() {
            // It may be gone already.
            let _gone = kill(Pid::from_raw(i32::try_from(self.0).expect("a pid")), Signal::SIGKILL);
        }
    }
}

/// Has another process take over from `process`, after `times` others.
async fn hand_over(process: &Process, by: u32, times: usize) -> Taken {
    kill(Pid::from_raw(i32::try_from(by).expect("a pid")), Signal::SIGUSR2).expect("a signal");
    let done = |line: &Value| line["event"] == "handover_done" || line["event"] == "handover_failed";
    let found = wait::until(Duration::from_millis(10), || async {
        let lines = process.log();
        let lines = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(done).nth(times)
    });
    let found = found.await;
    assert!(found.is_some(), "nobody took over:\n{}", process.tail());
    let found = found.unwrap_or_default();
    assert_eq!(found["event"], "handover_done", "{found}");
    Taken(u32::try_from(found["pid"].as_u64().expect("a pid")).expect("a pid"), Cell::new(false))
}

fn builder() -> Builder {
    Builder::fake(&Script::default()).expect("a home")
}

#[tokio::test]
async fn a_new_front_takes_over_under_load_and_the_old_one_finishes_its_streams() {
    let mut pair = builder().start().await.expect("a ready pair");
    let old = pair.front.pid();
    let mut open = Answer::to(&pair, "!chunks 2\n!pause 3000\nfirst second", true).await.expect("a head");
    open.until("the first word", |text| text.contains("first")).await.expect("a word");
    let (stop, stopped) = watch::channel(false);
    let switch = async {
        let taken = hand_over(&pair.front, old, 0).await;
        // What comes now comes to the new one.
        for n in 0..20 {
            assert_eq!(
                ask(&pair, &format!("!echo after {n}"), n % 2 == 0).await,
                (End::Done, format!("after {n}"))
            );
        }
        assert!(runs(old), "a stream is open");
        assert_eq!(open.end().await.expect("an end"), End::Done);
        assert_eq!(open.text(), "first second");
        stop.send(true).expect("clients");
        taken
    };
    let url = pair.url("/v1/chat/completions");
    let (taken, answers) = tokio::join!(switch, load(&url, 8, stopped));
    assert!(answers.iter().all(|answers| *answers > 0), "{answers:?}");
    assert_ne!(taken.0, old);
    // The clients have gone, and with them their connections.
    pair.forget_connections().expect("a client");
    assert_eq!(pair.front.wait().await.expect("an end"), Some(0));
    assert_eq!(get(&pair, "/readyz").await.0, 200);
    assert_eq!(ask(&pair, "!echo alone", true).await, (End::Done, "alone".to_owned()));
    taken.signal(Signal::SIGTERM);
    taken.gone().await;
    assert!(pair.client().get(pair.url("/livez")).send().await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_new_front_that_cannot_serve_takes_nothing() {
    let home = tempfile::tempdir().expect("a folder");
    let config = home.path().join("front.toml");
    std::fs::write(&config, "proxy_timeout_ms = 1000\n").expect("a file");
    let builder = builder();
    let _daemon = Process::start(binary(Binary::WorkerDaemon), &builder.daemon_env()).expect("a daemon");
    let flag = config.to_string_lossy().into_owned();
    let front = Process::start_to(binary(Binary::HttpFront), &["--config", &flag], &builder.front_env());
    let mut front = front.expect("a front");
    let started = front.logged("a start", |line| line["event"] == "front_started").await.expect("a line");
    let url = format!("http://{}/readyz", started["public"].as_str().expect("an address"));
    // One that leaves no connection behind: the old one would wait for another request on it.
    let client = reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("a client");
    let ready =
        || async { client.get(&url).send().await.ok().filter(|answer| answer.status() == 200).map(drop) };
    wait::until(Duration::from_millis(10), ready).await.expect("a ready front");
    // A mistake that the running one doesn't know of.
    std::fs::write(&config, "proxy_timeout_ms = \"soon\"\n").expect("a file");
    front.signal(Signal::SIGUSR2).expect("a signal");
    let failed = front.logged("a failure", |line| line["event"] == "handover_failed").await.expect("a line");
    assert!(failed["error"].as_str().expect("words").contains("ended before it could serve"), "{failed}");
    assert_eq!(ready().await, Some(()), "the old one serves as before");
    // And it can be tried again.
    std::fs::write(&config, "proxy_timeout_ms = 2000\n").expect("a file");
    let taken = hand_over(&front, front.pid(), 1).await;
    assert_eq!(front.wait().await.expect("an end"), Some(0));
    assert_eq!(ready().await, Some(()));
    drop(taken);
}

#[tokio::test]
async fn the_end_of_the_new_one_is_the_end_of_those_behind_it() {
    let mut pair = builder().front("PROXY_SHUTDOWN_GRACE_MS", "100").start().await.expect("a ready pair");
    let old = pair.front.pid();
    let mut open = Answer::to(&pair, "!chunks 2\n!hang\nfirst second", true).await.expect("a head");
    open.until("the first word", |text| text.contains("first")).await.expect("a word");
    let second = hand_over(&pair.front, old, 0).await;
    let mut more = Answer::to(&pair, "!chunks 2\n!hang\nthird fourth", true).await.expect("a head");
    more.until("the first word", |text| text.contains("third")).await.expect("a word");
    // And again: the first two stay for their streams.
    let third = hand_over(&pair.front, second.0, 1).await;
    assert!(runs(old) && runs(second.0) && runs(third.0));
    third.signal(Signal::SIGTERM);
    for open in [&mut open, &mut more] {
        let end = open.end().await.expect("an end");
        assert!(matches!(end, End::Broken { .. }), "a terminal frame: {end:?}");
    }
    assert_eq!(pair.front.wait().await.expect("an end"), Some(0));
    second.gone().await;
    third.gone().await;
}

#[tokio::test]
async fn requests_without_a_key_stay_out() {
    let mut pair = builder().start().await.expect("a ready pair");
    let taken = hand_over(&pair.front, pair.front.pid(), 0).await;
    pair.forget_connections().expect("a client");
    assert_eq!(pair.front.wait().await.expect("an end"), Some(0));
    let asked = |key: &'static str| {
        let body = asking("!echo in", false);
        pair.client().post(pair.url("/v1/chat/completions")).bearer_auth(key).json(&body).send()
    };
    assert_eq!(asked("wrong").await.expect("an answer").status(), 401);
    assert_eq!(asked(KEY).await.expect("an answer").status(), 200);
    drop(taken);
}

/// What a daemon says of itself to a new connection.
async fn status(pair: &Pair) -> Value {
    let mut client = SocketClient::connect(&pair.socket).await.expect("a connection");
    client.call("daemon/status", &json!({})).await.expect("a status")
}

#[tokio::test]
async fn a_new_daemon_takes_over_with_all_that_is_the_daemons() {
    let mut pair = builder().start().await.expect("a ready pair");
    let first = status(&pair).await;
    let mut client = SocketClient::connect(&pair.socket).await.expect("a connection");
    client.call("daemon/subscribe", &json!({})).await.expect("a status");
    let set = json!({ "maintenance": { "enabled": false, "message": "kept" } });
    client.call("daemon/toggles/set", &set).await.expect("a status");
    let mut open = Answer::to(&pair, "!chunks 2\n!pause 3000\nfirst second", true).await.expect("a head");
    open.until("the first word", |text| text.contains("first")).await.expect("a word");

    let taken = hand_over(&pair.daemon, pair.daemon.pid(), 0).await;
    // Whoever is connected hears of it, is served, and can't change what is the younger one's.
    loop {
        if client.notified("daemon/status").await.expect("a status")["superseded"] == true {
            break;
        }
    }
    assert_eq!(client.call("daemon/status", &json!({})).await.expect("a status")["pid"], first["pid"]);
    let refused = client.call("daemon/toggles/set", &set).await.expect_err("a refusal").to_string();
    assert!(refused.contains("younger daemon"), "{refused}");
    // Whoever connects comes to the other one, which knows what was switched.
    let second = status(&pair).await;
    assert_ne!(second["pid"], first["pid"]);
    assert_eq!(second["toggles"]["maintenance"]["set"], set["maintenance"], "{second}");
    assert!(second.get("superseded").is_none(), "{second}");
    // The folder is still nobody else's.
    let lock = pair.home().join("worker.lock");
    assert_eq!(std::fs::read_to_string(&lock).expect("the lock").trim(), taken.0.to_string());
    let free = || {
        let file = std::fs::File::options().write(true).open(&lock).expect("the lock");
        nix::fcntl::Flock::lock(file, nix::fcntl::FlockArg::LockExclusiveNonblock).is_ok()
    };
    assert!(!free());

    assert_eq!(open.end().await.expect("an end"), End::Done);
    assert_eq!(open.text(), "first second");
    drop(client);
    assert_eq!(pair.daemon.wait().await.expect("an end"), Some(0));
    assert!(!free(), "the lock stays with the younger one");
    assert!(pair.socket.exists(), "and the socket");
    pair.ready().await.expect("the front has found the new one");
    assert_eq!(ask(&pair, "!echo alone", true).await, (End::Done, "alone".to_owned()));
    assert_eq!(status(&pair).await["pid"], second["pid"]);
    taken.signal(Signal::SIGTERM);
    taken.gone().await;
    assert!(free(), "the lock is given back");
    assert!(!pair.socket.exists(), "and the socket's file");
}

/// A daemon without clients has nothing to wait for: it ends at once, and what is the younger one's stays.
#[tokio::test]
async fn daemons_follow_one_another_without_a_client_between() {
    let builder = builder();
    let mut daemon = Process::start(binary(Binary::WorkerDaemon), &builder.daemon_env()).expect("a daemon");
    let socket = builder.home().join("worker.sock");
    let connected = || async { SocketClient::connect(&socket).await.ok() };
    wait::until(Duration::from_millis(10), connected).await.expect("a daemon");
    let mut last: Option<Taken> = None;
    for times in 0..3 {
        let older = last.as_ref().map_or(daemon.pid(), |last| last.0);
        let taken = hand_over(&daemon, older, times).await;
        let lock = std::fs::read_to_string(builder.home().join("worker.lock")).expect("the lock");
        assert_eq!(lock.trim(), taken.0.to_string());
        match &last {
            Some(last) => last.gone().await,
            // What the others say comes by its output: it is not waited for before they have ended.
            None => wait::until(Duration::from_millis(10), || async { (!runs(older)).then_some(()) })
                .await
                .expect("the older one ends"),
        }
        assert!(socket.exists());
        assert!(connected().await.is_some());
        last = Some(taken);
    }
    let last = last.expect("the third");
    last.signal(Signal::SIGTERM);
    last.gone().await;
    assert_eq!(daemon.wait().await.expect("an end"), Some(0));
    assert!(!socket.exists());
}

/// Who waits for its codex heeds a signal: the older one never let go.
#[tokio::test]
async fn a_new_daemon_that_is_ended_before_it_serves_takes_nothing() {
    let pair = builder().start().await.expect("a ready pair");
    let slow =
        Script { start: Start { delay_handshake_ms: 600_000, ..Start::default() }, ..Script::default() };
    let slow = serde_json::to_string(&slow).expect("JSON");
    std::fs::write(pair.home().join("fake-codex.json"), slow).expect("a script");
    pair.daemon.signal(Signal::SIGUSR2).expect("a signal");
    let second = || async {
        let lines = pair.daemon.log();
        let lines = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["event"] == "worker_started").nth(1)
    };
    let second = wait::until(Duration::from_millis(10), second).await.expect("another codex");
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", second["pid"])).expect("it runs");
    let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1));
    let starting = Taken(parent.and_then(|pid| pid.parse().ok()).expect("a parent"), Cell::new(false));
    assert_ne!(starting.0, pair.daemon.pid());
    starting.signal(Signal::SIGTERM);
    let failed =
        pair.daemon.logged("a failure", |line| line["event"] == "handover_failed").await.expect("a line");
    assert!(failed["error"].as_str().expect("words").contains("ended before it could serve"), "{failed}");
    starting.gone().await;
    assert_eq!(ask(&pair, "!echo as before", true).await, (End::Done, "as before".to_owned()));
    let lock = std::fs::read_to_string(pair.home().join("worker.lock")).expect("the lock");
    assert_eq!(lock.trim(), pair.daemon.pid().to_string(), "it names who serves");
}

/// Logs that are rotated are opened again by all: SIGHUP goes to the one that serves, and from there to those behind it.
#[tokio::test]
async fn those_behind_open_their_logs_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("usage.jsonl");
    let builder = builder().front("TOKEN_LOG_PATH", file.to_string_lossy());
    let pair = builder.front("PROXY_SHUTDOWN_GRACE_MS", "100").start().await.expect("a ready pair");
    let mut open = Answer::to(&pair, "!chunks 2\n!hang\nfirst second", true).await.expect("a head");
    open.until("the first word", |text| text.contains("first")).await.expect("a word");
    let taken = hand_over(&pair.front, pair.front.pid(), 0).await;
    std::fs::rename(&file, folder.path().join("usage.1")).expect("the log");
    taken.signal(Signal::SIGHUP);
    let reloads = || async {
        let lines = pair.front.log();
        (lines.iter().filter(|line| line.contains("front_reload")).count() == 2).then_some(())
    };
    wait::until(Duration::from_millis(10), reloads).await.expect("both have read them again");
    taken.signal(Signal::SIGTERM);
    assert!(matches!(open.end().await.expect("an end"), End::Broken { .. }));
    taken.gone().await;
    let written = || async { std::fs::read_to_string(&file).ok().filter(|text| text.contains("req_")) };
    wait::until(Duration::from_millis(10), written).await.expect("the stream's line is in the new file");
}

#[tokio::test]
async fn a_new_daemon_whose_codex_does_not_come_up_takes_nothing() {
    let builder = builder().daemon("WORKER_STARTUP_TIMEOUT_MS", "1000");
    let codex = builder.home().join("codex");
    let real = builder.daemon_env().into_iter().find(|(name, _)| name == "CODEX_BIN").expect("codex").1;
    std::os::unix::fs::symlink(&real, &codex).expect("a link");
    let pair = builder.child(codex.clone()).start().await.expect("a ready pair");
    let first = status(&pair).await;
    std::fs::remove_file(&codex).expect("the link");
    pair.daemon.signal(Signal::SIGUSR2).expect("a signal");
    let failed =
        pair.daemon.logged("a failure", |line| line["event"] == "handover_failed").await.expect("a line");
    assert!(failed["error"].as_str().expect("words").contains("ended before it could serve"), "{failed}");
    // Neither the socket nor the lock has gone with it.
    let now = status(&pair).await;
    assert_eq!((&now["pid"], now.get("superseded")), (&first["pid"], None), "{now}");
    let file = std::fs::File::options().write(true).open(pair.home().join("worker.lock")).expect("the lock");
    assert!(nix::fcntl::Flock::lock(file, nix::fcntl::FlockArg::LockExclusiveNonblock).is_err());
    assert_eq!(ask(&pair, "!echo as before", false).await, (End::Done, "as before".to_owned()));
    // A child that dies now comes back by the link; without it the daemon would give up.
    std::os::unix::fs::symlink(&real, &codex).expect("a link");
    let taken = hand_over(&pair.daemon, pair.daemon.pid(), 1).await;
    assert_ne!(status(&pair).await["pid"], first["pid"]);
    drop(taken);
    drop(pair);
}
