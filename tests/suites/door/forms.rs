//! The bounds of a request hold in every form that it can have: HTTP/1.0, a trailing slash, behind another one on its
//! connection, HEAD.

use gateway_tests::pair::KEY;

use crate::door::{asking, builder, chat, failure, said, start, stranger};
use crate::raw::Raw;

/// The first lines of a request with the key, in every form; what comes before it in the same bytes, and the answers to that.
fn forms() -> [(&'static str, Vec<u8>, usize); 4] {
    let before = stranger("GET", "/livez", &[], b"").repeat(2);
    [
        ("POST /v1/chat/completions HTTP/1.1", Vec::new(), 0),
        ("POST /v1/chat/completions/ HTTP/1.1", Vec::new(), 0),
        ("POST /v1/completions HTTP/1.0", Vec::new(), 0),
        ("POST /v1/chat/completions HTTP/1.1", before, 2),
    ]
}

/// Sends `rest` of a request behind its first line in each form, and gives the connection when what came before is answered.
async fn sent(addr: std::net::SocketAddr, form: (&str, Vec<u8>, usize), rest: &str) -> Raw {
    let (line, mut bytes, before) = form;
    bytes.extend(format!("{line}\r\nHost: front\r\nAuthorization: Bearer {KEY}\r\n{rest}").as_bytes());
    let mut raw = Raw::connect(addr).await;
    raw.send(bytes).await;
    for _ in 0..before {
        assert_eq!(raw.answer().await.status, 200);
    }
    raw
}

#[tokio::test]
async fn half_a_head_is_cut_off_in_every_form() {
    let pair = start(builder().front("PROXY_HEADER_TIMEOUT_MS", "1000")).await;
    for form in forms() {
        sent(pair.addr, form, "Content-Length: 5\r\nX-").await.ends().await;
    }
    let mut raw = Raw::connect(pair.addr).await;
    raw.send("HEAD /v1/chat/completions HTTP/1.1\r\nHost: fr").await;
    raw.ends().await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_413_in_every_form() {
    let pair = start(builder().front("PROXY_MAX_BODY_BYTES", "4096")).await;
    for form in forms() {
        let mut raw = sent(pair.addr, form, "Content-Length: 4097\r\n\r\n").await;
        failure(&raw.answer().await, 413, Some("request_too_large"));
    }
    for form in forms().into_iter().filter(|(line, ..)| line.ends_with("1.1")) {
        let body = format!("Transfer-Encoding: chunked\r\n\r\n1001\r\n{}\r\n0\r\n\r\n", "x".repeat(4097));
        let mut raw = sent(pair.addr, form, &body).await;
        failure(&raw.answer().await, 413, Some("request_too_large"));
    }
}

#[tokio::test]
async fn a_body_that_stops_is_408_in_every_form() {
    let pair = start(builder().front("PROXY_BODY_TIMEOUT_MS", "300")).await;
    for form in forms() {
        let mut raw = sent(pair.addr, form, "Content-Length: 100\r\n\r\n{\"model\":").await;
        failure(&raw.answer().await, 408, Some("request_timeout"));
        raw.ends().await;
    }
    // A HEAD has no body to wait for.
    let head = ("HEAD /v1/chat/completions/ HTTP/1.1", Vec::new(), 0);
    let mut raw = sent(pair.addr, head, "Content-Length: 100\r\n\r\n").await;
    assert_eq!(raw.answer_to_head().await.status, 200);
}

#[tokio::test]
async fn a_head_of_any_sensible_size_is_taken_and_no_larger_one() {
    let pair = start(builder()).await;
    let body = asking("hi").to_string();
    let whole = String::from_utf8(chat(body.as_bytes())).expect("ASCII");
    let padded = |bytes: usize| whole.replacen("\r\n", &format!("\r\nX-Pad: {}\r\n", "p".repeat(bytes)), 1);
    let mut raw = Raw::connect(pair.addr).await;
    raw.send(padded(30 * 1024)).await;
    assert_eq!(said(&raw.answer().await), "hi");
    // There is no request yet, so hyper answers without our envelope.
    let mut raw = Raw::connect(pair.addr).await;
    raw.send(&padded(40 * 1024).as_bytes()[..36 * 1024]).await;
    assert_eq!(raw.answer().await.status, 431);
    raw.ends().await;
}
