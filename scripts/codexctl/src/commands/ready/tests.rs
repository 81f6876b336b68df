use super::*;
use clap::Parser;
use serde_json::json;
use shared::control::{self, WorkerState};
use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    os::unix::net::UnixListener,
    thread,
};

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    command: Command,
}

fn parsed(line: &str) -> Result<Command, String> {
    let words = std::iter::once("ready").chain(line.split_whitespace());
    Line::try_parse_from(words).map(|line| line.command).map_err(|error| error.to_string())
}

fn word(is_ready: bool, text: &str) -> Option<Word> {
    Some(Word { is_ready, text: text.to_owned() })
}

#[test]
fn the_fronts_word_is_told_in_a_line() {
    let told = |status, health: &str, worker: &str, backoff: Value| {
        let body = json!({ "status": health, "worker_state": worker, "backoff_ms": backoff, "maintenance_mode": false });
        of_front(status, &body)
    };
    let none = Value::Null;
    assert_eq!(told(200, "ok", "ready", none.clone()), word(true, "ready: worker ready"));
    assert_eq!(told(503, "down", "backoff", json!(500)), word(false, "not ready: worker backoff, 500 ms"));
    assert_eq!(
        told(503, "degraded", "backoff", json!(5000)),
        word(false, "not ready: worker backoff, 5000 ms, degraded")
    );
    assert_eq!(told(503, "down", "unreachable", none.clone()), word(false, "not ready: worker unreachable"));
    assert_eq!(told(503, "starting", "starting", none.clone()), word(false, "not ready: worker starting"));
    // The front hasn't shaken hands, or goes down itself.
    assert_eq!(
        told(503, "starting", "ready", none.clone()),
        word(false, "not ready: worker ready, starting")
    );
    assert_eq!(told(503, "draining", "ready", none), word(false, "not ready: worker ready, draining"));
    let closed = json!({ "status": "ok", "worker_state": "ready", "maintenance_mode": true });
    assert_eq!(of_front(200, &closed), word(true, "ready: worker ready, maintenance is on"));
}

#[test]
fn what_no_front_says_is_not_taken_for_its_word() {
    let ready = json!({ "status": "ok", "worker_state": "ready" });
    for (status, body) in [
        (503, ready.clone()),
        (204, ready.clone()),
        (404, ready),
        (200, json!({ "status": "down", "worker_state": "backoff" })),
        (200, json!({ "status": "ok" })),
        (200, json!({})),
        (200, json!([])),
        (200, Value::Null),
        (503, json!({ "error": { "message": "overloaded" } })),
        (503, json!({ "status": "down", "worker_state": "" })),
        (503, json!({ "status": "down", "worker_state": "\u{1b}[2J" })),
        (503, json!({ "status": "down", "worker_state": "x".repeat(33) })),
        (503, json!({ "status": "down", "worker_state": 1 })),
    ] {
        assert_eq!(of_front(status, &body), None, "{status} {body}");
    }
}

#[test]
fn the_daemons_word_is_told_in_a_line() {
    let status = |state, backoff_ms| control::Status { state, backoff_ms, ..control::Status::default() };
    for (status, wanted) in [
        (status(WorkerState::Ready, None), word(true, "ready: worker ready")),
        (status(WorkerState::Initializing, None), word(false, "not ready: worker initializing")),
        (status(WorkerState::Backoff, Some(250)), word(false, "not ready: worker backoff, 250 ms")),
        (status(WorkerState::Draining, None), word(false, "not ready: worker draining")),
        (status(WorkerState::Stopped, None), word(false, "not ready: worker stopped")),
    ] {
        assert_eq!(of_worker(&serde_json::to_value(status).unwrap()), wanted);
    }
    for odd in [json!({}), json!({ "state": null }), json!({ "state": "Ready!" })] {
        assert_eq!(of_worker(&odd), None, "{odd}");
    }
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    let plain = parsed("").unwrap();
    assert!(!plain.worker && !plain.json && plain.timeout == Duration::from_secs(3));
    let worker = parsed("--worker --socket /run/codex/worker.sock --timeout 500ms --json").unwrap();
    assert!(worker.worker && worker.json && worker.timeout == Duration::from_millis(500));
    assert_eq!(worker.socket, Some("/run/codex/worker.sock".into()));
    assert_eq!(parsed("--url 127.0.0.1:1 --timeout 10m").unwrap().place.url, Some("127.0.0.1:1".into()));
    assert_eq!(
        (plain.wait, parsed("--worker --wait 1m").unwrap().wait),
        (None, Some(Duration::from_secs(60)))
    );
    for wrong in [
        "--socket /run/codex/worker.sock",
        "--worker --url 127.0.0.1:1",
        "--timeout 0s",
        "--timeout 11m",
        "--timeout soon",
        "--timeout 3",
        "--wait",
        "--wait 0s",
        "--wait 11m",
        "--wait 60",
        "now",
    ] {
        assert!(parsed(wrong).is_err(), "{wrong}");
    }
}

/// A front that answers its clients with these, one after another, each on a connection of its own.
fn front(answers: &'static [(&'static str, &'static str)]) -> (String, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let served = thread::spawn(move || {
        for (status, body) in answers {
            let (stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(&stream).lines();
            while !lines.next().unwrap().unwrap().is_empty() {}
            let length = body.len();
            write!(
                &stream,
                "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
            )
            .unwrap();
        }
    });
    (address, served)
}

const STARTING: (&str, &str) =
    ("503 Service Unavailable", r#"{"status":"starting","worker_state":"starting"}"#);
const READY: (&str, &str) = ("200 OK", r#"{"status":"ok","worker_state":"ready"}"#);

#[test]
fn a_front_that_becomes_ready_is_waited_for() {
    let (address, served) = front(&[STARTING, ("502 Bad Gateway", ""), READY]);
    let command = parsed(&format!("--url {address} --timeout 20s --wait 20s")).unwrap();
    assert_eq!(run(command).unwrap(), exit::OK);
    served.join().unwrap();
}

#[test]
fn a_worker_that_becomes_ready_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("worker.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let served = thread::spawn(move || {
        for state in ["backoff", "initializing", "ready"] {
            let (stream, _) = listener.accept().unwrap();
            let _asked = BufReader::new(&stream).lines().next().unwrap().unwrap();
            writeln!(&stream, "{}", json!({ "id": 1, "result": { "state": state } })).unwrap();
        }
    });
    let command = format!("--worker --socket {} --timeout 20s --wait 20s", path.display());
    assert_eq!(run(parsed(&command).unwrap()).unwrap(), exit::OK);
    served.join().unwrap();
}

#[test]
fn what_does_not_become_ready_in_time_is_told_with_its_last_word() {
    // The first question takes longer than may be waited in all, so it is the only one.
    let (address, served) = front(&[STARTING]);
    let failure = run(parsed(&format!("--url {address} --timeout 20s --wait 1us")).unwrap()).unwrap_err();
    served.join().unwrap();
    assert_eq!((failure.code(), &*failure.to_string()), (exit::FAILURE, "not ready within 1us"));
    let failure = run(parsed("--url 127.0.0.1:1 --wait 1us").unwrap()).unwrap_err();
    assert_eq!(failure.code(), exit::FAILURE);
    let told = failure.to_string();
    assert!(told.starts_with("not ready within 1us: nothing listens at http://127.0.0.1:1"), "{told}");
    let failure = run(parsed("--url https://127.0.0.1:1 --wait 60s").unwrap()).unwrap_err();
    assert_eq!(failure.code(), exit::USAGE);
    assert!(failure.to_string().contains("http:// alone"), "{failure}");
    // Once, as ever, where nobody asks for more.
    let (address, served) = front(&[STARTING]);
    assert_eq!(run(parsed(&format!("--url {address} --timeout 20s")).unwrap()).unwrap(), exit::FAILURE);
    served.join().unwrap();
}
