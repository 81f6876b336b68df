use super::*;
use serde_json::json;
use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    thread,
};

/// How long is waited for what comes, and for what doesn't.
const PATIENCE: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(500);

fn front(address: &str) -> Front {
    Front { listener: at(address, PATIENCE), key: "sk-secret".into() }
}

fn at(address: &str, patience: Duration) -> Listener {
    Listener::new(&place(address), patience).unwrap()
}

fn place(address: &str) -> Place {
    Place { url: Some(address.into()) }
}

/// Serves one connection with this answer, and gives what was asked.
fn serve(answer: &'static str) -> (String, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let served = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let asked = read_request(&mut stream);
        stream.write_all(answer.as_bytes()).unwrap();
        asked
    });
    (address, served)
}

fn read_request(stream: &mut TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let (mut text, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(n) = line.to_lowercase().strip_prefix("content-length:") {
            length = n.trim().parse().unwrap();
        }
        text.push_str(&line);
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    text + &String::from_utf8(body).unwrap()
}

#[test]
fn a_change_is_put_with_the_key_and_its_answer_given() {
    let (address, served) = serve("HTTP/1.1 200 OK\r\ncontent-length: 16\r\n\r\n{\"enabled\":true}");
    let state = front(&address).ask("/internal/maintenance", &Ask::Set(json!({"enabled": true}))).unwrap();
    assert_eq!(state, json!({"enabled": true}));
    let asked = served.join().unwrap();
    assert!(asked.starts_with("PUT /internal/maintenance HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("authorization: Bearer sk-secret\r\n"), "{asked}");
    assert!(asked.ends_with("\r\n\r\n{\"enabled\":true}"), "{asked}");
    let (address, served) = serve("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
    front(&address).ask("/internal/app-server", &Ask::Clear).unwrap();
    assert!(served.join().unwrap().starts_with("DELETE /internal/app-server "));
}

#[test]
fn refusals_say_what_to_do_and_never_the_key() {
    for (answer, code, said) in [
        (
            "HTTP/1.1 401 Unauthorized\r\ncontent-length: 34\r\n\r\n{\"error\":{\"message\":\"Not valid.\"}}",
            2,
            "Not valid. Give it in PROXY_API_KEY",
        ),
        ("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n", 2, "(403): it says nothing of why"),
        (
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 34\r\n\r\n{\"error\":{\"message\":\"`until` is\"}}",
            2,
            "`until` is",
        ),
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", 1, "internal listener"),
        ("HTTP/1.1 302 Found\r\nlocation: http://elsewhere/\r\ncontent-length: 0\r\n\r\n", 1, "answers 302"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nhey", 1, "answers 200"),
        ("rubbish\r\n\r\n", 1, "can't ask the front"),
        ("", 1, "can't ask the front"),
    ] {
        let (address, served) = serve(answer);
        let failure = front(&address).ask("/internal/maintenance", &Ask::Show).unwrap_err();
        served.join().unwrap();
        assert!(failure.to_string().contains(said), "{answer}: {failure}");
        assert_eq!(failure.code(), code, "{failure}");
        assert!(!failure.to_string().contains("sk-secret"), "{failure}");
    }
}

#[test]
fn nobody_there_and_nobody_answering_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let silent = Front { listener: at(&address, SHORT), key: "sk-secret".into() };
    let silent = silent.ask("/x", &Ask::Show).unwrap_err().to_string();
    assert!(silent.contains("no answer from"), "{silent}");
    assert!(silent.contains("within 500ms; whether a change holds"), "{silent}");
    drop(listener);
    let refused = front(&address).ask("/x", &Ask::Show).unwrap_err().to_string();
    assert!(refused.contains("nothing listens at") && refused.contains(&address), "{refused}");
}

#[test]
fn keys_come_from_files_that_hold_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    let reach = Reach { place: place("127.0.0.1:1"), key_file: Some(path.clone()), json: false };
    assert!(Front::new(&reach).unwrap_err().to_string().contains("--key-file"));
    std::fs::write(&path, "sk-secret\n").unwrap();
    assert_eq!(Front::new(&reach).unwrap().key, "sk-secret");
    for odd in ["", "\n", "two words", "a\nb", &"x".repeat(5000)] {
        std::fs::write(&path, odd).unwrap();
        assert_eq!(Front::new(&reach).unwrap_err().code(), shared::exit::USAGE);
    }
}

#[test]
fn a_path_is_got_without_a_key_whatever_its_status() {
    for (answer, wanted) in [
        ("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\n{}", (503, Some(json!({})))),
        ("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nhey", (200, None)),
        ("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n", (302, None)),
    ] {
        let (address, served) = serve(answer);
        assert_eq!(at(&address, PATIENCE).get("/readyz").unwrap(), wanted);
        let asked = served.join().unwrap();
        assert!(asked.starts_with("GET /readyz HTTP/1.1\r\n"), "{asked}");
        assert!(!asked.to_lowercase().contains("authorization"), "{asked}");
    }
}

#[test]
fn an_answer_is_read_to_its_end_in_time_and_no_further_than_its_bound() {
    // It is not ended, and nothing more comes.
    let (address, served) = serve("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{");
    let failure = at(&address, PATIENCE).get("/readyz").unwrap_err();
    served.join().unwrap();
    assert_eq!(failure.code(), shared::exit::FAILURE, "{failure}");
    let long = format!("HTTP/1.1 200 OK\r\ncontent-length: 70000\r\n\r\n{}", " ".repeat(70_000));
    let (address, served) = serve(long.leak());
    let failure = at(&address, PATIENCE).get("/readyz").unwrap_err();
    // It may find the connection closed.
    let _served = served.join();
    assert!(
        failure.code() == shared::exit::FAILURE && failure.to_string().contains("can't ask"),
        "{failure}"
    );
}
