//! The daemon under a parent that speaks systemd's protocols: a notify socket, a watchdog, a passed socket.

use crate::support::runs;
use gateway_tests::{
    fake_child::Script,
    pair::{Binary, Builder, DEADLINE, Process, SocketClient, binary, children},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::json;
use std::os::{
    fd::{AsRawFd, OwnedFd},
    unix::net::UnixListener,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpStream, UnixDatagram, UnixStream},
};

fn builder() -> Builder {
    Builder::fake(&Script::default()).expect("a home")
}

/// The daemon of this home with these descriptors.
fn daemon(builder: &Builder, env: &[(&str, &str)], descriptors: Vec<OwnedFd>) -> Process {
    let mut all = builder.daemon_env();
    all.extend(env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Process::start_with(binary(Binary::WorkerDaemon), &all, descriptors).expect("a daemon")
}

/// Lines of the notify socket, up to the one that is wanted.
async fn told(socket: &UnixDatagram, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let mut lines = Vec::new();
    let mut buffer = [0; 4096];
    let read = async {
        loop {
            let length = socket.recv(&mut buffer).await.expect("a message");
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            lines.extend(text.lines().map(str::to_owned));
            if lines.iter().any(|line| wanted(line)) {
                return;
            }
        }
    };
    let in_time = tokio::time::timeout(DEADLINE, read).await;
    assert!(in_time.is_ok(), "waited {DEADLINE:?} for a message, got {lines:?}");
    lines
}

fn count(lines: &[String], wanted: &str) -> usize {
    lines.iter().filter(|line| *line == wanted).count()
}

#[tokio::test]
async fn systemd_is_told_how_the_daemon_is() {
    let builder = builder();
    let path = builder.home().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a notify socket");
    let notify = [("NOTIFY_SOCKET", path.to_str().expect("UTF-8")), ("WATCHDOG_USEC", "300000")];
    let mut daemon = daemon(&builder, &notify, Vec::new());

    let lines = told(&socket, |line| line.starts_with("STATUS=Ready: codex ")).await;
    let child = children(daemon.pid())[0];
    let ready = lines.iter().position(|line| line == "READY=1").expect("READY=1");
    let handshake =
        lines.iter().position(|line| line.starts_with("STATUS=Waiting for the handshake of codex"));
    assert!(handshake.expect("a handshake") < ready, "{lines:?}");
    assert!(lines.iter().any(|line| line.ends_with(&format!(", pid {child}"))), "no {child} in {lines:?}");
    assert!(count(&lines, "WATCHDOG=1") > 0, "{lines:?}");
    let environment = std::fs::read(format!("/proc/{child}/environ")).expect("an environment");
    let environment = String::from_utf8_lossy(&environment);
    for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC"] {
        assert!(!environment.contains(name), "{environment}");
    }

    // What becomes of the child is told, too, and is no reason to be ready twice.
    kill(Pid::from_raw(i32::try_from(child).expect("a pid")), Signal::SIGKILL).expect("a signal");
    let lines = told(&socket, |line| line.starts_with("STATUS=Ready: ") && line.ends_with(", start 2")).await;
    assert!(lines.iter().any(|line| line.ends_with(" before start 2 of codex after signal 9")), "{lines:?}");
    assert_eq!(count(&lines, "READY=1"), 0);

    // A daemon that hangs says nothing.
    daemon.signal(Signal::SIGSTOP).expect("a signal");
    let quiet = async {
        let mut buffer = [0; 4096];
        // What was on its way is read; then no message comes for the time within which one is due.
        let silence = std::time::Duration::from_millis(300);
        while tokio::time::timeout(silence, socket.recv(&mut buffer)).await.is_ok() {}
    };
    tokio::time::timeout(DEADLINE, quiet).await.expect("a stopped daemon falls silent");
    daemon.signal(Signal::SIGCONT).expect("a signal");
    told(&socket, |line| line == "WATCHDOG=1").await;

    daemon.signal(Signal::SIGTERM).expect("a signal");
    let lines = told(&socket, |line| line.starts_with("STATUS=Draining: ")).await;
    assert_eq!(count(&lines, "STOPPING=1"), 1, "{lines:?}");
    assert_eq!(daemon.wait().await.expect("an end"), Some(0));
}

#[tokio::test]
async fn systemd_is_told_that_the_front_listens_and_that_it_stops() {
    let builder = builder();
    let path = builder.home().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a notify socket");
    let mut env = builder.front_env();
    env.push(("NOTIFY_SOCKET".to_owned(), path.to_str().expect("UTF-8").to_owned()));
    let mut front = Process::start(binary(Binary::HttpFront), &env).expect("a front");
    // Without a daemon: its requests get their 503.
    told(&socket, |line| line == "READY=1").await;
    let started =
        front.logged("its addresses", |line| line["event"] == "front_started").await.expect("a line");
    TcpStream::connect(started["public"].as_str().expect("an address")).await.expect("it listens");
    front.signal(Signal::SIGTERM).expect("a signal");
    told(&socket, |line| line == "STOPPING=1").await;
    assert_eq!(front.wait().await.expect("an end"), Some(0));
}

#[tokio::test]
async fn a_passed_socket_is_served_and_outlives_the_daemon() {
    let builder = builder();
    let path = builder.home().join("passed.sock");
    let listener = UnixListener::bind(&path).expect("a socket");
    let passed = || vec![OwnedFd::from(listener.try_clone().expect("a descriptor"))];
    let mut first = daemon(&builder, &[("LISTEN_FDS", "1")], passed());
    let mut client = SocketClient::connect(&path).await.expect("a client");
    let status = client.call("daemon/status", &json!({})).await.expect("a status");
    assert_eq!(status["starts"], 1, "{status}");
    assert!(!builder.socket().exists(), "WORKER_SOCKET was bound beside the passed socket");
    let started = first.logged("its start", |line| line["event"] == "daemon_started").await.expect("a line");
    assert_eq!(started["socket"], path.to_str().expect("UTF-8"));
    let child = children(first.pid())[0];
    let ours = std::fs::read_link(format!("/proc/self/fd/{}", listener.as_raw_fd())).expect("a socket");
    let held = std::fs::read_dir(format!("/proc/{child}/fd")).expect("descriptors").flatten();
    let held: Vec<_> = held.filter_map(|fd| std::fs::read_link(fd.path()).ok()).collect();
    assert!(!held.contains(&ours), "the child has the socket: {held:?}");

    // While no daemon runs, a client waits in the queue and is served by the next one.
    assert_eq!(first.terminate().await.expect("an end"), Some(0));
    assert!(!runs(child), "child {child} still runs");
    let mut waiting = BufReader::new(UnixStream::connect(&path).await.expect("not refused"));
    waiting.write_all(b"{\"id\":1,\"method\":\"daemon/status\"}\n").await.expect("a request");
    let second = daemon(&builder, &[("LISTEN_FDS", "1")], passed());
    let mut answer = String::new();
    let read = tokio::time::timeout(DEADLINE, waiting.read_line(&mut answer)).await;
    read.expect("an answer in time").expect("an answer");
    assert!(answer.contains("\"state\""), "{answer}");
    drop(second);
    assert!(path.exists(), "the socket's file belongs to whoever passed it");
}

/// The exit code of a daemon that was passed this, and what it said.
async fn refused(count: &str, descriptors: Vec<OwnedFd>) -> (Option<i32>, String) {
    let builder = builder();
    let mut daemon = daemon(&builder, &[("LISTEN_FDS", count)], descriptors);
    let code = daemon.wait().await.expect("an end");
    let line = daemon.logged("the reason", |line| line["event"] == "start_failed").await.expect("a line");
    (code, line["error"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn anything_but_one_listening_unix_socket_is_refused() {
    let home = tempfile::tempdir().expect("a folder");
    let bound = |name: &str| OwnedFd::from(UnixListener::bind(home.path().join(name)).expect("a socket"));
    let (code, error) = refused("2", vec![bound("a"), bound("b")]).await;
    assert_eq!(code, Some(3));
    assert!(error.contains("2 sockets were passed"), "{error}");

    let (connected, _other) = std::os::unix::net::UnixStream::pair().expect("a connection");
    let (code, error) = refused("1", vec![connected.into()]).await;
    assert_eq!(code, Some(3));
    assert!(error.contains("doesn't listen"), "{error}");

    let tcp = std::net::TcpListener::bind("127.0.0.1:0").expect("a listener");
    let datagram = std::os::unix::net::UnixDatagram::unbound().expect("a socket");
    let file = std::fs::File::open("/dev/null").expect("a file");
    for unfit in [tcp.into(), datagram.into(), file.into()] {
        let (code, error) = refused("1", vec![unfit]).await;
        assert_eq!(code, Some(3));
        assert!(error.contains("a listening Unix stream socket is needed"), "{error}");
    }
}
