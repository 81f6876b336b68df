use super::*;
use std::{
    io::{BufRead, BufReader},
    os::unix::net::UnixListener,
    path::Path,
    thread,
};
use tempfile::TempDir;

/// How long is waited for what comes, and for what doesn't.
const PATIENCE: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(500);

fn worker(socket: &Path, patience: Duration) -> Worker {
    Worker { socket: socket.to_owned(), patience }
}

/// A socket in a folder of its own.
fn listening() -> (TempDir, PathBuf, UnixListener) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(NAME);
    let listener = UnixListener::bind(&path).unwrap();
    (folder, path, listener)
}

/// What one connection comes to that is answered so and closed, and what was asked.
fn asked(answer: impl Into<Vec<u8>>) -> (Result<Value, Failure>, String) {
    let (_folder, path, listener) = listening();
    let answer = answer.into();
    let served = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut line = String::new();
        BufReader::new(stream.try_clone().unwrap()).read_line(&mut line).unwrap();
        // What is too long for the client is not read to its end.
        let _unread = stream.write_all(&answer);
        line
    });
    let status = worker(&path, PATIENCE).status();
    (status, served.join().unwrap())
}

fn refused(answer: impl Into<Vec<u8>>) -> String {
    let failure = asked(answer).0.unwrap_err();
    assert_eq!(failure.code(), shared::exit::FAILURE, "{failure}");
    failure.to_string()
}

#[test]
fn the_status_is_asked_for_without_a_handshake() {
    let (status, line) = asked("{\"id\":1,\"result\":{\"state\":\"ready\"}}\n");
    assert_eq!(status.unwrap(), json!({ "state": "ready" }));
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line, json!({ "id": 1, "method": "daemon/status" }));
}

#[test]
fn what_is_no_answer_is_passed_over() {
    let lines = "\r\n\n{\"method\":\"daemon/status\",\"params\":{}}\n{\"id\":1,\"method\":\"x\"}\r\n\
                 {\"id\":1,\"result\":{\"state\":\"backoff\"}}\r\n{\"half";
    assert_eq!(asked(lines).0.unwrap(), json!({ "state": "backoff" }));
}

#[test]
fn an_answer_may_come_in_pieces() {
    let (_folder, path, listener) = listening();
    let served = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        for piece in ["{\"id\":1,\"result\"", ":{\"state\":\"ready\"}}", "\n"] {
            stream.write_all(piece.as_bytes()).unwrap();
            stream.flush().unwrap();
        }
    });
    assert_eq!(worker(&path, PATIENCE).status().unwrap(), json!({ "state": "ready" }));
    served.join().unwrap();
}

#[test]
fn a_refusal_is_told_in_the_daemons_words() {
    let said = refused("{\"id\":null,\"error\":{\"code\":-32014,\"message\":\"uid 7 may not connect\"}}\n");
    assert!(said.ends_with("refuses: uid 7 may not connect"), "{said}");
    // It says so without reading, and is gone before it is asked.
    let (_folder, path, listener) = listening();
    let served = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"{\"id\":null,\"error\":{\"message\":\"too many\"}}\n").unwrap();
    });
    let said = worker(&path, PATIENCE).status().unwrap_err().to_string();
    served.join().unwrap();
    assert!(said.ends_with("refuses: too many"), "{said}");
}

#[test]
fn what_no_daemon_says_is_not_taken_for_its_word() {
    for rubbish in [
        "",
        "HTTP/1.1 200 OK\r\n\r\n",
        "{\"id\":1,\"result\":",
        "{\"id\":2,\"result\":{}}\n",
        "{\"id\":1,\"result\":[]}\n",
        "{\"id\":1}\n",
        "{\"id\":1,\"error\":\"no\"}\n",
        "[]\n",
        "null\n",
        "\n\n",
    ] {
        let said = refused(rubbish);
        assert!(said.contains("doesn't answer as a worker-daemon"), "{rubbish:?}: {said}");
    }
    assert!(refused(b"\xff\xfe\n".to_vec()).contains("doesn't answer"));
}

#[test]
fn an_answer_without_an_end_is_read_to_a_bound() {
    let (_folder, path, listener) = listening();
    let served = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let begun = Instant::now();
        let mut sent = 0;
        while begun.elapsed() < PATIENCE && stream.write_all(&[b' '; 4096]).is_ok() {
            sent += 4096;
        }
        sent
    });
    let said = worker(&path, PATIENCE).status().unwrap_err().to_string();
    assert!(said.contains("doesn't answer as a worker-daemon"), "{said}");
    assert!(served.join().unwrap() >= MAX_ANSWER);
}

#[test]
fn nobody_there_is_said_so() {
    let (folder, path, listener) = listening();
    drop(listener);
    for path in [path, folder.path().join("none.sock")] {
        let failure = worker(&path, PATIENCE).status().unwrap_err();
        assert_eq!(failure.code(), shared::exit::FAILURE);
        let said = failure.to_string();
        assert!(said.contains(&format!("nothing serves {}", path.display())), "{said}");
        assert!(said.contains("WORKER_SOCKET"), "{said}");
    }
    let long = folder.path().join("x".repeat(200));
    let said = worker(&long, PATIENCE).status().unwrap_err().to_string();
    assert!(said.contains("can't ask the daemon"), "{said}");
}

#[test]
fn a_daemon_that_hangs_is_not_waited_for() {
    // Nobody accepts; the connection is in the kernel's line, and stays there.
    let (_folder, path, listener) = listening();
    let begun = Instant::now();
    let said = worker(&path, SHORT).status().unwrap_err().to_string();
    assert!(said.ends_with("within 500ms"), "{said}");
    // The line is full with that, and even the connecting waits.
    nix::sys::socket::listen(&listener, nix::sys::socket::Backlog::new(0).unwrap()).unwrap();
    let said = worker(&path, SHORT).status().unwrap_err().to_string();
    assert!(said.ends_with("within 500ms"), "{said}");
    assert!(begun.elapsed() < PATIENCE);
}

#[test]
fn a_daemon_that_says_a_little_now_and_then_is_not_waited_for() {
    let (_folder, path, listener) = listening();
    let served = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(SHORT / 5)).unwrap();
        let mut line = [0; 256];
        let begun = Instant::now();
        // Each is sooner than the patience, until the client hangs up.
        while begun.elapsed() < PATIENCE && stream.write_all(b" ").is_ok() {
            let _paused = stream.read(&mut line);
        }
    });
    let said = worker(&path, SHORT).status().unwrap_err().to_string();
    assert!(said.ends_with("within 500ms"), "{said}");
    served.join().unwrap();
}

#[test]
fn one_of_several_must_be_named() {
    assert_eq!(only("/run/a.sock".into()).unwrap(), PathBuf::from("/run/a.sock"));
    let failure = only("/run/a.sock,/run/b.sock".into()).unwrap_err();
    assert_eq!(failure.code(), shared::exit::USAGE);
    assert!(failure.to_string().contains("--socket"), "{failure}");
}
