//! Tests of `codexctl trace`, on real folders.

use super::*;
use serde_json::json;
use std::os::unix::fs::symlink;

const ID: &str = "req_0192f0c1a2b37c4d8e5f60718293a4b5";

fn folder(dir: &Path) -> Folder {
    Folder { dir: Some(dir.to_owned()) }
}

fn show(dir: &Path, request: &str, json: bool) -> Result<String, Failure> {
    told(&Show { request: request.to_owned(), json, folder: folder(dir) })
}

fn put(dir: &Path, name: &str, outcome: &str) -> String {
    let text = json!({
        "format": 1, "req_id": ID, "timestamp": "2026-11-21T19:30:01.123Z", "route": "/v1/chat/completions",
        "model": "gpt-5.5", "status": 503, "outcome": outcome, "error_code": "overloaded", "latency_ms": 41,
        "frames_dropped": 2, "usage": {"prompt": 5, "completion": 3, "total": 8},
        "frames": [
            {"turn": 0, "direction": "to_daemon", "kind": "request", "method": "thread/start", "id": "7", "bytes": 300, "at_ms": 1, "last_ms": 1},
            {"turn": 0, "direction": "from_daemon", "kind": "notification", "method": "item/agentMessage/delta", "count": 12, "bytes": 900, "at_ms": 4, "last_ms": 40, "newer": true},
            {"turn": 0, "direction": "from_daemon", "kind": "error", "code": -32001, "bytes": 90, "at_ms": 41, "last_ms": 41},
        ],
    })
    .to_string();
    std::fs::write(dir.join(name), &text).unwrap();
    text
}

fn message<T: std::fmt::Debug>(result: Result<T, Failure>) -> (u8, String) {
    let failure = result.unwrap_err();
    (failure.code(), failure.to_string())
}

#[test]
fn a_trace_is_shown_as_a_table_or_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let text = put(dir.path(), &format!("20261121T193001.123Z-{ID}.json"), "error");
    assert_eq!(show(dir.path(), ID, true).unwrap(), text);
    let shown = show(dir.path(), ID, false).unwrap();
    for line in [
        "request    req_0192f0c1a2b37c4d8e5f60718293a4b5",
        "status     503",
        "tokens     5+3=8 (cached 0, reasoning 0)",
    ] {
        assert!(shown.lines().any(|told| told == line), "{line}: {shown}");
    }
    let row = |words: &[&str]| shown.lines().any(|line| line.split_whitespace().collect::<Vec<_>>() == words);
    assert!(row(&["1", "->", "0", "request", "thread/start", "7", "1", "300"]), "{shown}");
    assert!(row(&["4-40", "<-", "0", "notification", "item/agentMessage/delta", "12", "900"]), "{shown}");
    assert!(row(&["41", "<-", "0", "error", "-", "1", "90", "code=-32001"]), "{shown}");
    assert!(shown.contains("2 entries"), "{shown}");
}

#[test]
fn a_list_has_what_is_there_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let empty = listed(&folder(dir.path())).unwrap();
    assert!(empty.starts_with("no traces in "), "{empty}");
    put(dir.path(), &format!("20261121T193001.123Z-{ID}.json"), "error\u{1b}[31m");
    put(dir.path(), "notes.json", "ok");
    std::fs::write(dir.path().join(format!("20261121T193000.000Z-{}6.json", &ID[..35])), "{").unwrap();
    symlink("/etc/passwd", dir.path().join(format!("20261121T193002.123Z-{}7.json", &ID[..35]))).unwrap();
    let told = listed(&folder(dir.path())).unwrap();
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 3, "{told}");
    assert!(lines[1].contains("can't be read") && lines[2].contains("error?[31m"), "{told}");
}

#[test]
fn what_is_asked_wrongly_is_said_with_the_remedy() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("secret.json"), "{}").unwrap();
    for odd in ["", "../secret", "secret", "req_", "/etc/passwd", &ID.to_uppercase()] {
        let (code, text) = message(show(dir.path(), odd, false));
        assert_eq!(code, 2, "{text}");
        assert!(text.contains("REQ_ID"), "{text}");
    }
    let (code, text) = message(show(dir.path(), ID, false));
    assert!(code == 1 && text.contains("PROXY_TRACE_BUFFER_ENABLED"), "{text}");
    let (code, text) = message(show(&dir.path().join("none"), ID, false));
    assert!(code == 1 && text.contains("--dir"), "{text}");
    std::fs::write(dir.path().join(format!("20261121T193001.123Z-{ID}.json")), "{\"format\":").unwrap();
    let (code, text) = message(show(dir.path(), ID, false));
    assert!(code == 1 && text.contains("no trace that this version understands"), "{text}");
}
