//! The faults: each is made, and its end waited for.

use super::{
    brain::{Mood, endless},
    stage::Stage,
};
use crate::crowd::{Account, Finish, ask};
use gateway_tests::{
    pair::{Answer, DEADLINE, KEY, SocketClient, asking, children},
    upstream::{Gate, Outcome},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::json;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{io::AsyncWriteExt, net::TcpSocket, task::JoinSet};

/// How long the upstream's bad moods last.
const MOOD: Duration = Duration::from_secs(1);
/// Deltas of each flood, and floods at once.
const DELTAS: usize = 3000;
const FLOODS: usize = 3;
/// Clients that vanish at once.
const VANISHING: u64 = 10;
/// What clients that don't read are sent: far more than what the kernel and our queues keep.
const PIECE: usize = 64 * 1024;
const HTTP_PIECES: usize = 12 * 16;
const SOCKET_PIECES: usize = 24 * 16;

/// Something that goes wrong, or that is done to the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// The child gets SIGKILL.
    Kill,
    /// The child gets SIGTERM.
    Term,
    /// The child gets SIGSTOP.
    Stop,
    /// The upstream cuts answers in their middle.
    Cut,
    /// The upstream hangs in the middle of answers, and then goes on or cuts them.
    Stall,
    /// The upstream says thousands of deltas at once.
    Flood,
    /// HTTP clients vanish in the middle of their answers.
    Vanish,
    /// An HTTP client stops reading.
    SlowHttp,
    /// A client of the socket stops reading.
    SlowSocket,
    /// The daemon gets SIGHUP.
    Hangup,
    /// The daemon is asked for a fresh child.
    Restart,
    /// The daemon gets SIGHUP, and at once the running child SIGKILL.
    KillOld,
    /// The daemon gets SIGHUP, and the fresh child SIGKILL as soon as it is seen.
    KillFresh,
}

impl Fault {
    /// Whether requests of others may fail by it.
    pub(super) fn hurts(self) -> bool {
        match self {
            Self::Kill | Self::Term | Self::Cut | Self::Stall | Self::KillOld | Self::KillFresh => true,
            Self::Stop | Self::Flood | Self::Vanish | Self::SlowHttp | Self::SlowSocket => false,
            Self::Hangup | Self::Restart => false,
        }
    }
}

/// A fault that was.
#[derive(Debug, Clone, Copy)]
pub(super) struct Happened {
    pub(super) fault: Fault,
    pub(super) begin: Instant,
    pub(super) end: Instant,
}

/// Makes a fault and waits for its end.
pub(super) async fn happen(fault: Fault, stage: &Stage, account: &Arc<Account>) -> Happened {
    let begin = Instant::now();
    match fault {
        Fault::Kill => end_child(stage, Signal::SIGKILL).await,
        Fault::Term => end_child(stage, Signal::SIGTERM).await,
        Fault::Stop => stop_child(stage).await,
        Fault::Cut => in_mood(stage, Mood::Cutting).await,
        Fault::Stall => {
            let gate = Gate::new();
            in_mood(stage, Mood::Hanging(gate.clone())).await;
            gate.open();
        }
        Fault::Flood => flood(stage, account).await,
        Fault::Vanish => vanish(stage).await,
        Fault::SlowHttp => slow_http(stage).await,
        Fault::SlowSocket => slow_socket(stage).await,
        Fault::Hangup => {
            let old = stage.child().await;
            stage.pair.daemon.signal(Signal::SIGHUP).expect("a daemon");
            stage.another_child(old).await;
        }
        Fault::Restart => {
            let old = stage.child().await;
            let mut socket = SocketClient::connect(&stage.pair.socket).await.expect("a connection");
            let status = socket.call("daemon/restart", &json!({})).await.expect("a fresh child");
            assert_ne!(status["pid"], old, "{status}");
        }
        Fault::KillOld => {
            stage.pair.daemon.signal(Signal::SIGHUP).expect("a daemon");
            end_child(stage, Signal::SIGKILL).await;
        }
        Fault::KillFresh => kill_fresh(stage).await,
    }
    Happened { fault, begin, end: Instant::now() }
}

fn signal_child(pid: u64, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).expect("a process id"));
    kill(pid, signal).expect("a child to signal");
}

async fn end_child(stage: &Stage, signal: Signal) {
    let old = stage.child().await;
    signal_child(old, signal);
    stage.another_child(old).await;
}

/// Whether the fresh one is killed before or after it took over is left to chance.
async fn kill_fresh(stage: &Stage) {
    let (daemon, old) = (stage.pair.daemon.pid(), stage.child().await);
    stage.pair.daemon.signal(Signal::SIGHUP).expect("a daemon");
    let other = || async { children(daemon).into_iter().map(u64::from).find(|pid| *pid != old) };
    let fresh = stage.pair.eventually("a fresh child", other).await.expect("a fresh child");
    // What is seen first may be `codex --version`, and gone by now.
    let _gone = kill(Pid::from_raw(i32::try_from(fresh).expect("a process id")), Signal::SIGKILL);
    let settled = || async {
        let status = stage.status().await;
        (status["state"] == "ready" && children(daemon).len() == 1 && status["pid"] != fresh).then_some(())
    };
    stage.pair.eventually("one child again", settled).await.expect("one child that is ready");
}

/// It lasts until the child runs again, which nobody but the daemon sees to.
async fn stop_child(stage: &Stage) {
    let child = stage.child().await;
    signal_child(child, Signal::SIGSTOP);
    let stopped = || async {
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).ok()?;
        let state = stat.rsplit(") ").next()?.chars().next()?;
        (state != 'T').then_some(())
    };
    stage.pair.eventually("the child to be continued", stopped).await.expect("a child that runs");
}

async fn in_mood(stage: &Stage, mood: Mood) {
    stage.brain.set(mood);
    tokio::time::sleep(MOOD).await;
    stage.brain.set(Mood::Good);
}

/// The floods are requests like any other: they must come whole.
async fn flood(stage: &Stage, account: &Arc<Account>) {
    let mut floods = JoinSet::new();
    for number in 0..FLOODS {
        let (client, url) = (stage.pair.client().clone(), stage.pair.url("/v1/chat/completions"));
        let account = account.clone();
        floods.spawn(async move {
            let text = format!("[{number:04}]").repeat(DELTAS);
            let begun = Instant::now();
            let prompt = format!("!chunks 6\n!echo {text}");
            let finish = ask(&client, &url, &prompt, &text, number > 0).await;
            account.note(format!("flood:{number}"), begun, finish);
        });
    }
    floods.join_all().await;
}

/// Each leaves at another moment of its answer; the upstream sees all of them go.
async fn vanish(stage: &Stage) {
    let mut leaving = JoinSet::new();
    for number in 0..VANISHING {
        let (client, url) = (stage.pair.client().clone(), stage.pair.url("/v1/chat/completions"));
        leaving.spawn(async move {
            let prompt = endless(2, 100, "vanishing");
            let stream = number % 2 == 0;
            let answer = async {
                let Ok(mut answer) = Answer::of(&client, &url, &prompt, stream).await else { return };
                // An answer in JSON has no beginning, and this one no end.
                let _part = answer.until("a part", |text| text.len() >= 100).await;
            };
            let _gone = tokio::time::timeout(Duration::from_millis(number * 15), answer).await;
        });
    }
    leaving.join_all().await;
}

/// Waits until the endless answer `name` is closed from below.
async fn closed(stage: &Stage, name: &str) {
    let ends = |request: &gateway_tests::upstream::Recorded| {
        request.last_user_text().is_some_and(|text| text.ends_with(name))
    };
    let request = stage.upstream.wait_for(name, DEADLINE, ends).await.expect("a request for it");
    let outcome = stage.upstream.wait_outcome(request.seq, DEADLINE).await.expect("an end of it");
    assert!(matches!(outcome, Outcome::PeerClosed { .. }), "{name}: {outcome:?}");
}

fn name_now(what: &str, stage: &Stage) -> String {
    format!("{what} after {}", stage.upstream.totals().requests)
}

/// The client keeps its connection until its turn has been interrupted.
async fn slow_http(stage: &Stage) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    let mut slow = socket.connect(stage.pair.addr).await.expect("a connection");
    let name = name_now("a client that doesn't read", stage);
    let body = asking(&endless(HTTP_PIECES, PIECE, &name), true).to_string();
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    slow.write_all(request.as_bytes()).await.expect("a sent request");
    closed(stage, &name).await;
}

/// As [`slow_http`], on the socket.
async fn slow_socket(stage: &Stage) {
    let mut slow = SocketClient::connect(&stage.pair.socket).await.expect("a connection");
    let start = json!({ "ephemeral": true, "cwd": "/", "environments": [], "baseInstructions": "",
        "experimentalRawEvents": true });
    let opened = slow.call("thread/start", &start).await;
    let opened = opened.expect("a thread");
    let thread = &opened["thread"]["id"];
    let name = name_now("a socket that isn't read", stage);
    let content = json!([{ "type": "input_text", "text": endless(SOCKET_PIECES, PIECE, &name) }]);
    let item = json!({ "type": "message", "role": "user", "content": content });
    slow.call("thread/inject_items", &json!({ "threadId": thread, "items": [item] }))
        .await
        .expect("an injected message");
    let turn = json!({ "id": 99, "method": "turn/start",
        "params": { "threadId": thread, "environments": [], "input": [] } });
    slow.send(&turn).await.expect("a sent request");
    closed(stage, &name).await;
}

/// The finishes that a fault may bring about.
pub(super) fn is_right(finish: &Finish, hurt: bool) -> bool {
    match finish {
        Finish::Done => true,
        Finish::Wrong(_) => false,
        Finish::Failed(code) => hurt && CODES.contains(&code.as_str()),
    }
}

/// Codes of the front; of the socket; and what a failed turn says there.
const CODES: &[&str] = &[
    "worker_restarted",
    "worker_unavailable",
    "upstream_error",
    "-32010",
    "-32011",
    "\"other\"",
    "{\"responseStreamDisconnected\":{\"httpStatusCode\":null}}",
];
