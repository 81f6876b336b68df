use super::*;
use clap::Parser;
use serde_json::json;
use shared::control::{self, WorkerState};

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
    for wrong in [
        "--socket /run/codex/worker.sock",
        "--worker --url 127.0.0.1:1",
        "--timeout 0s",
        "--timeout 11m",
        "--timeout soon",
        "--timeout 3",
        "now",
    ] {
        assert!(parsed(wrong).is_err(), "{wrong}");
    }
}
