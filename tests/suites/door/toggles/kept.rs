//! The daemon keeps the toggles: over restarts of either side, for every front, without a disk, and without a daemon.

use super::{APP_SERVER, Door, MAINTENANCE, events, on};
use crate::door::{builder, start};
use futures_util::StreamExt as _;
use gateway_tests::pair::{Binary, Pair, Process, binary};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use shared::{
    codec::{Decoded, LineCodec},
    time::clock,
};
use std::path::Path;
use tokio::{
    io::AsyncWriteExt as _,
    net::{UnixListener, UnixStream},
};
use tokio_util::codec::FramedRead;

type Env = Vec<(String, String)>;

/// A pair that serves, and how to start its halves again.
async fn pair() -> (Pair, Env, Env) {
    let builder = builder();
    let (daemon, front) = (builder.daemon_env(), builder.front_env());
    (start(builder).await, daemon, front)
}

async fn kill(process: &mut Process) {
    process.signal(Signal::SIGKILL).expect("a process");
    process.wait().await.expect("its end");
}

fn daemon(env: &Env) -> Process {
    Process::start(binary(Binary::WorkerDaemon), env).expect("a daemon")
}

/// The front has lost the daemon, and knows it.
async fn away(pair: &Pair) {
    let lost = events(&pair.front, "daemon_lost").len();
    assert!(lost < 10);
    let url = pair.url("/readyz");
    let gone = pair.eventually("the loss of the daemon", || async {
        let health: Value = pair.client().get(&url).send().await.ok()?.json().await.ok()?;
        (health["worker_state"] == "unreachable").then_some(())
    });
    gone.await.expect("the loss is told");
}

#[tokio::test]
async fn a_toggle_outlives_the_daemon_and_the_front() {
    let (mut pair, daemon_env, front_env) = pair().await;
    let said = json!({ "enabled": true, "message": "Soon.", "retry_after_s": 9, "until": "2099-01-01T00:00:00+01:00" });
    let set = Door::of(&pair).set(MAINTENANCE, said).await;
    assert_eq!((&set["kept"], &set["until"]), (&json!(true), &json!("2098-12-31T23:00:00Z")));
    Door::of(&pair).set(APP_SERVER, on()).await;
    let held = async |door: &Door, pair: &Pair| {
        let state =
            door.shows(pair, MAINTENANCE, &[("source", json!("toggle")), ("kept", json!(true))]).await;
        assert_eq!(state, set);
        let other = door.shows(pair, APP_SERVER, &[("source", json!("toggle"))]).await;
        assert_eq!(other["enabled"], true);
        door.answers(pair, 503, json!("maintenance")).await;
    };

    kill(&mut pair.daemon).await;
    away(&pair).await;
    // While it is away, what it told holds: maintenance, and not that the daemon is missing.
    assert_eq!(Door::of(&pair).chat().await, (503, json!("maintenance")));
    pair.daemon = daemon(&daemon_env);
    held(&Door::of(&pair), &pair).await;

    kill(&mut pair.front).await;
    let (front, door) = Door::another(&front_env).await.expect("another front");
    (pair.front, pair.addr, pair.internal) = (front, door.public, door.internal);
    held(&door, &pair).await;

    kill(&mut pair.front).await;
    assert_eq!(pair.daemon.terminate().await.expect("an end"), Some(0));
    pair.daemon = daemon(&daemon_env);
    let (front, door) = Door::another(&front_env).await.expect("another front");
    (pair.front, pair.addr, pair.internal) = (front, door.public, door.internal);
    held(&door, &pair).await;

    door.clear(MAINTENANCE).await;
    kill(&mut pair.daemon).await;
    away(&pair).await;
    pair.daemon = daemon(&daemon_env);
    door.answers(&pair, 200, Value::Null).await;
    assert_eq!(door.state(MAINTENANCE).await["source"], "variable");
}

#[tokio::test]
async fn one_toggle_reaches_every_front_of_a_host() {
    let (pair, _, front_env) = pair().await;
    let first = Door::of(&pair);
    let (process, second) = Door::another(&front_env).await.expect("another front");
    second.answers(&pair, 200, Value::Null).await;
    first.set(MAINTENANCE, json!({ "enabled": true, "message": "From the first." })).await;
    second.answers(&pair, 503, json!("maintenance")).await;
    let state = second.shows(&pair, MAINTENANCE, &[("kept", json!(true))]).await;
    assert_eq!(state["message"], "From the first.");
    let told = process.logged("the change", |line| line["event"] == "maintenance_toggled").await;
    assert_eq!(told.expect("a line")["enabled"], true);
    second.clear(MAINTENANCE).await;
    first.answers(&pair, 200, Value::Null).await;
    second.set(APP_SERVER, json!({ "enabled": false })).await;
    first.answers(&pair, 503, json!("app_server_disabled")).await;
}

#[tokio::test]
async fn without_the_daemon_a_toggle_holds_here_and_the_newest_is_kept_later() {
    let (mut pair, daemon_env, front_env) = pair().await;
    let first = Door::of(&pair);
    let (_process, second) = Door::another(&front_env).await.expect("another front");
    second.answers(&pair, 200, Value::Null).await;
    kill(&mut pair.daemon).await;
    away(&pair).await;
    second.answers(&pair, 503, json!("worker_unavailable")).await;
    let state = first.set(MAINTENANCE, json!({ "enabled": true, "message": "Old." })).await;
    assert_eq!((&state["enabled"], &state["kept"]), (&json!(true), &json!(false)));
    assert_eq!(first.chat().await, (503, json!("maintenance")));
    assert_eq!(second.chat().await, (503, json!("worker_unavailable")), "the other front can't know");
    let told = pair.front.logged("that it isn't kept", |line| line["event"] == "toggle_not_kept").await;
    let told = told.expect("a line");
    assert_eq!((&told["level"], &told["reason"]), (&json!("warn"), &json!("daemon_away")));
    let state = second.set(MAINTENANCE, json!({ "enabled": true, "message": "New." })).await;
    assert_eq!(state["kept"], false);
    pair.daemon = daemon(&daemon_env);
    for door in [&first, &second] {
        let state =
            door.shows(&pair, MAINTENANCE, &[("message", json!("New.")), ("kept", json!(true))]).await;
        assert_eq!(state["source"], "toggle");
    }
}

#[tokio::test]
async fn a_toggle_ends_at_its_time_with_the_daemon_and_without() {
    let (mut pair, _, _) = pair().await;
    let door = Door::of(&pair);
    let soon = || json!({ "enabled": true, "until": clock::now_ms() / 1000 + 5, "retry_after_s": 60 });
    door.set(MAINTENANCE, soon()).await;
    let answer = crate::switches::closed(&pair, "maintenance").await;
    let wait: Option<u8> = answer.header("retry-after").and_then(|wait| wait.parse().ok());
    assert!(wait.is_some_and(|wait| (1..=5).contains(&wait)), "never beyond the end: {}", answer.head);
    door.answers(&pair, 200, Value::Null).await;
    assert_eq!(door.state(MAINTENANCE).await["source"], "variable");
    // The daemon removes it, and the front tells the log, once.
    let ended = |line: &Value| line["event"] == "maintenance_toggled" && line["source"] == "variable";
    pair.daemon.logged("the end of the toggle", ended).await.expect("the daemon's word");
    pair.front.logged("the end of the toggle", ended).await.expect("the front's word");

    door.set(MAINTENANCE, soon()).await;
    kill(&mut pair.daemon).await;
    away(&pair).await;
    door.answers(&pair, 503, json!("worker_unavailable")).await;
    assert_eq!(door.state(MAINTENANCE).await["enabled"], false);
}

/// A daemon that hangs holds up an operator for a bounded time, and gets the toggle when it goes on.
#[tokio::test]
async fn a_daemon_that_hangs_holds_up_no_toggle() {
    let (pair, _, _) = pair().await;
    let door = Door::of(&pair);
    pair.daemon.signal(Signal::SIGSTOP).expect("a daemon");
    let state = door.set(MAINTENANCE, on()).await;
    assert_eq!((&state["enabled"], &state["kept"]), (&json!(true), &json!(false)));
    assert_eq!(door.chat().await, (503, json!("maintenance")));
    pair.daemon.signal(Signal::SIGCONT).expect("a daemon");
    door.shows(&pair, MAINTENANCE, &[("enabled", json!(true)), ("kept", json!(true))]).await;
}

/// Of changes that come at once all but one are replaced on their way. Each is answered when the newest is on disk.
#[tokio::test]
async fn many_changes_at_once_are_all_kept() {
    let (pair, _, _) = pair().await;
    let door = Door::of(&pair);
    for round in 0..4 {
        let sets = (0..12).map(|n| {
            let path = if n % 4 == 0 { APP_SERVER } else { MAINTENANCE };
            let body = json!({ "enabled": (n + round) % 2 == 0 });
            door.set(path, body)
        });
        for state in futures_util::future::join_all(sets).await {
            assert_eq!((&state["kept"], &state["source"]), (&json!(true), &json!("toggle")), "{state}");
        }
    }
    assert_eq!(events(&pair.front, "toggle_not_kept"), Vec::<Value>::new());
}

/// Where nothing was set there is nothing to lose, also without the daemon.
#[tokio::test]
async fn without_a_toggle_and_a_daemon_nothing_is_not_kept() {
    let (mut pair, _, _) = pair().await;
    kill(&mut pair.daemon).await;
    away(&pair).await;
    for path in [MAINTENANCE, APP_SERVER] {
        let state = Door::of(&pair).state(path).await;
        assert_eq!((&state["kept"], &state["source"]), (&json!(true), &json!("variable")), "{path}");
    }
}

/// Nothing can be written. The toggle holds, the log says so, no request fails for it, and the next daemon hears of it.
#[tokio::test]
async fn a_disk_that_takes_nothing_fails_no_request() {
    let (mut pair, daemon_env, _) = pair().await;
    let door = Door::of(&pair);
    door.set(APP_SERVER, on()).await;
    let blocker = pair.home().join("toggles.json.new");
    std::fs::create_dir(&blocker).expect("a folder in the way");
    let state = door.set(MAINTENANCE, on()).await;
    assert_eq!((&state["enabled"], &state["kept"]), (&json!(true), &json!(false)));
    assert_eq!(door.state(APP_SERVER).await["kept"], true, "the other one is on disk");
    let told = pair.front.logged("that it isn't kept", |line| line["event"] == "toggle_not_kept").await;
    assert_eq!(told.expect("a line")["reason"], "disk");
    assert_eq!(door.chat().await, (503, json!("maintenance")));
    let told = pair.daemon.logged("the disk", |line| line["event"] == "toggles_not_kept").await;
    assert_eq!(told.expect("a line")["level"], "error");
    let state = door.set(MAINTENANCE, json!({ "enabled": false })).await;
    assert_eq!(state["kept"], false);
    assert_eq!(door.chat().await, (200, Value::Null));
    door.set(MAINTENANCE, on()).await;
    kill(&mut pair.daemon).await;
    away(&pair).await;
    std::fs::remove_dir(&blocker).expect("room again");
    pair.daemon = daemon(&daemon_env);
    pair.ready().await.expect("a pair that serves");
    door.shows(&pair, MAINTENANCE, &[("enabled", json!(true)), ("kept", json!(true))]).await;
    assert_eq!(door.chat().await, (503, json!("maintenance")));
    kill(&mut pair.daemon).await;
    away(&pair).await;
    pair.daemon = daemon(&daemon_env);
    pair.ready().await.expect("a pair that serves");
    assert_eq!(door.chat().await, (503, json!("maintenance")), "it was kept");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_closes_the_service_until_an_operator_opens_it() {
    let builder = builder();
    std::fs::write(builder.home().join("toggles.json"), "{\"maintenance\":").expect("half a file");
    let daemon_env = builder.daemon_env();
    let mut pair = builder.start().await.expect("a pair that is ready");
    let door = Door::of(&pair);
    door.answers(&pair, 503, json!("maintenance")).await;
    let told = pair.daemon.logged("the file", |line| line["event"] == "toggles_unreadable").await;
    assert_eq!(told.expect("a line")["level"], "error");
    let state = door.state(MAINTENANCE).await;
    assert_eq!((&state["source"], &state["kept"]), (&json!("toggle"), &json!(false)));
    assert_eq!(door.clear(MAINTENANCE).await["kept"], true);
    assert_eq!(door.chat().await, (200, Value::Null));
    kill(&mut pair.daemon).await;
    pair.daemon = daemon(&daemon_env);
    door.answers(&pair, 200, Value::Null).await;
}

/// A daemon from before there were toggles, as far as a front can tell: its status has none.
async fn older(socket: &Path, daemon: &Path) {
    let listener = UnixListener::bind(socket).expect("a socket");
    while let Ok((front, _)) = listener.accept().await {
        let Ok(daemon) = UnixStream::connect(daemon).await else { continue };
        let (from_front, mut to_front) = front.into_split();
        let (from_daemon, mut to_daemon) = daemon.into_split();
        let mut lines = FramedRead::new(from_daemon, LineCodec::new(1 << 20));
        let down = async {
            while let Some(Ok(Decoded::Line(line))) = lines.next().await {
                let mut message: Value = serde_json::from_slice(&line).expect("a message");
                for part in ["params", "result"] {
                    if let Some(status) = message.get_mut(part).and_then(Value::as_object_mut) {
                        status.remove("toggles");
                    }
                }
                to_front.write_all(format!("{message}\n").as_bytes()).await?;
            }
            std::io::Result::Ok(())
        };
        let up = async {
            let mut lines = FramedRead::new(from_front, LineCodec::new(1 << 20));
            while let Some(Ok(Decoded::Line(line))) = lines.next().await {
                let text = String::from_utf8(line.to_vec()).expect("a message");
                assert!(
                    !text.contains("daemon/toggles"),
                    "an older daemon is asked nothing that it doesn't know"
                );
                to_daemon.write_all(format!("{text}\n").as_bytes()).await?;
            }
            std::io::Result::Ok(())
        };
        tokio::select! { _ = up => {}, _ = down => {} }
    }
}

#[tokio::test]
async fn with_an_older_daemon_a_toggle_holds_in_its_front() {
    let (pair, _, mut front_env) = pair().await;
    let relay = pair.home().join("older.sock");
    front_env.push(("WORKER_SOCKET".to_owned(), relay.to_string_lossy().into_owned()));
    let test = async {
        let (_process, door) = Door::another(&front_env).await.expect("another front");
        door.answers(&pair, 200, Value::Null).await;
        let state = door.set(MAINTENANCE, on()).await;
        assert_eq!((&state["enabled"], &state["kept"]), (&json!(true), &json!(false)));
        assert_eq!(door.chat().await, (503, json!("maintenance")));
        assert_eq!(Door::of(&pair).chat().await.0, 200);
        door.clear(MAINTENANCE).await;
        assert_eq!(door.chat().await, (200, Value::Null));
    };
    tokio::select! {
        () = older(&relay, &pair.socket) => panic!("the relay ended"),
        () = test => {}
    }
}
