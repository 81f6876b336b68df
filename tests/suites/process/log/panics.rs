//! A panic is one line, wherever it happens, and tells its place alone.

use gateway_tests::pair::{Binary, Process, binary};
use serde_json::Value;

/// What a program that panics in this way leaves: its exit code and its log.
async fn panicked(way: &str) -> (Option<i32>, Vec<String>) {
    panicked_with(&[way]).await
}

async fn panicked_with(way: &[&str]) -> (Option<i32>, Vec<String>) {
    let mut process = Process::start_to(binary(Binary::LogLines), way, &[]).expect("a process");
    let code = process.wait().await.expect("an end");
    assert_eq!(process.faults(), Vec::<String>::new(), "{way:?}");
    (code, process.log())
}

#[tokio::test]
async fn a_panic_is_one_event_wherever_it_happens() {
    for (way, code, threads) in [
        ("task", Some(0), &["tokio-rt-worker", "tokio-rt-worker", "tokio-rt-worker"][..]),
        ("current", Some(0), &["main", "main", "tokio-rt-worker"]),
        ("root", Some(101), &["main"]),
        ("thread", Some(0), &["of-ours"]),
        ("main", Some(101), &["main"]),
        // The second one while the first unwinds, so that the process is aborted: both are told before.
        ("nested", None, &["main", "main"]),
    ] {
        let (ended, lines) = panicked(way).await;
        assert_eq!(ended, code, "{way}: {lines:?}");
        // On stderr the standard library says that it aborts.
        let (lines, words): (Vec<&String>, Vec<&String>) =
            lines.iter().partition(|line| line.starts_with('{'));
        assert_eq!(words.is_empty(), way != "nested", "{way}: {words:?}");
        assert!(!words.iter().any(|line| line.contains("said by")), "{way}: {words:?}");
        let lines = lines.into_iter().map(|line| serde_json::from_str(line).expect("JSON"));
        let lines: Vec<Value> = lines.collect();
        let found: Vec<&str> = lines.iter().filter_map(|line| line["thread"].as_str()).collect();
        assert_eq!(found, threads, "{way}: {lines:?}");
        let requests: Vec<&str> = lines.iter().filter_map(|line| line["request_id"].as_str()).collect();
        let for_one = matches!(way, "task" | "current");
        assert_eq!(requests.len(), usize::from(for_one), "{way}: {lines:?}");
        assert_eq!(lines[0]["request_id"].is_string(), for_one, "{way}: {lines:?}");
        for line in lines {
            assert_eq!((&line["event"], &line["level"]), (&"panic".into(), &"error".into()), "{way}");
            assert_eq!(
                (&line["component"], &line["message"]),
                (&"http-front".into(), &"Panic occurred".into())
            );
            assert!(line["place"].as_str().expect("a place").contains("log-lines.rs:"), "{line}");
            assert!(!line.to_string().contains("said by"), "{line}");
        }
    }
}

#[tokio::test]
async fn no_filter_leaves_a_panic_out() {
    for filter in ["http_front=info", "hyper=off", "off"] {
        let (_, lines) = panicked_with(&["main", filter]).await;
        assert!(matches!(&lines[..], [line] if line.contains(r#""event":"panic""#)), "{filter}: {lines:?}");
    }
}

/// No code of ours runs when the stack is at its end: the standard library says so on stderr, and the process is aborted.
#[tokio::test]
async fn a_stack_overflow_is_told_on_stderr() {
    let (code, lines) = panicked("overflow").await;
    assert_eq!(code, None, "a signal ends it");
    assert!(lines.iter().any(|line| line.contains("has overflowed its stack")), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("\"panic\"")), "{lines:?}");
}
