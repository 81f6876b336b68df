//! Answers that are given before the body was read: a client that sends everything first still reads them whole.

use gateway_tests::pair::{KEY, Pair};

use crate::door::{asking, builder, failure, once, request, said, start};
use crate::raw::{Answer, Raw};

const MIB: usize = 1024 * 1024;
/// More than a body may have.
const TOO_LARGE: usize = 33 * MIB;
/// What is read of the body of a client without a key.
const STRANGER: usize = 64 * 1024;

/// How a client says how much it sends.
#[derive(Debug, Clone, Copy)]
enum Framing {
    Length,
    Chunked,
}

const BOTH: [Framing; 2] = [Framing::Length, Framing::Chunked];

fn head(framing: Framing, key: &str, length: usize) -> String {
    let framing = match framing {
        Framing::Length => format!("Content-Length: {length}"),
        Framing::Chunked => "Transfer-Encoding: chunked".to_owned(),
    };
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: front\r\nAuthorization: Bearer {key}\r\n{framing}\r\n\r\n"
    )
}

/// A body of `length` bytes as it goes over the wire, in pieces.
fn pieces(framing: Framing, length: usize) -> impl Iterator<Item = Vec<u8>> {
    const PIECE: usize = 16 * 1024;
    let sizes = (0..length).step_by(PIECE).map(move |at| PIECE.min(length - at));
    let whole = sizes.map(move |size| match framing {
        Framing::Length => vec![b'x'; size],
        Framing::Chunked => {
            let mut chunk = format!("{size:x}\r\n").into_bytes();
            chunk.resize(chunk.len() + size, b'x');
            chunk.extend_from_slice(b"\r\n");
            chunk
        }
    });
    let end = match framing {
        Framing::Length => Vec::new(),
        Framing::Chunked => b"0\r\n\r\n".to_vec(),
    };
    whole.chain([end])
}

/// Sends everything, and only then reads.
async fn send_then_read(pair: &Pair, framing: Framing, key: &str, length: usize) -> Answer {
    let mut raw = Raw::connect(pair.addr).await;
    raw.send(head(framing, key, length)).await;
    for piece in pieces(framing, length) {
        raw.send(piece).await;
    }
    let answer = raw.answer().await;
    assert_eq!(answer.header("connection"), Some("close"), "{framing:?}");
    raw.ends().await;
    answer
}

#[tokio::test]
async fn a_413_reaches_a_client_that_sends_everything_first() {
    let pair = start(builder()).await;
    for framing in BOTH {
        let answer = send_then_read(&pair, framing, KEY, TOO_LARGE).await;
        let error = failure(&answer, 413, Some("request_too_large"));
        assert!(
            error["message"].as_str().is_some_and(|m| m.contains("33554432")),
            "the bound is told: {error}"
        );
    }
}

#[tokio::test]
async fn a_401_reaches_a_client_that_sends_64_kib_first() {
    let pair = start(builder()).await;
    for framing in BOTH {
        // Below the bound by what the chunks' own lines take.
        let answer = send_then_read(&pair, framing, "sk-wrong", STRANGER - 256).await;
        failure(&answer, 401, Some("invalid_api_key"));
    }
}

#[tokio::test]
async fn a_large_body_of_a_stranger_is_not_read() {
    let pair = start(builder()).await;
    for framing in BOTH {
        let mut raw = Raw::connect_small(pair.addr, 16 * 1024).await;
        raw.send(head(framing, "sk-wrong", TOO_LARGE)).await;
        failure(&raw.answer().await, 401, Some("invalid_api_key"));
        let mut taken = 0;
        for piece in pieces(framing, TOO_LARGE) {
            if raw.try_send(&piece).await.is_err() {
                break;
            }
            taken += piece.len();
        }
        // Beyond what is read away, only what the kernel holds for a socket that nobody reads.
        assert!(taken < STRANGER + MIB, "{framing:?}: {taken} bytes were taken");
    }
}

#[tokio::test]
async fn answers_that_need_no_body_reach_a_client_that_sends_one() {
    let pair = start(builder()).await;
    let body = vec![b'x'; 60 * 1024];
    for (method, path, status) in [
        ("POST", "/nowhere", 404),
        ("PUT", "/v1/chat/completions", 405),
        ("OPTIONS", "/v1/chat/completions", 204),
    ] {
        let mut raw = Raw::connect(pair.addr).await;
        raw.send(request(method, path, &[], &body)).await;
        assert_eq!(raw.answer().await.status, status, "{method} {path}");
        raw.ends().await;
    }
}

#[tokio::test]
async fn the_bound_is_exact() {
    let pair = start(builder().front("PROXY_MAX_BODY_BYTES", "4096")).await;
    let mut body = asking("hi").to_string().into_bytes();
    body.resize(4096, b' ');
    let chat = |body: &[u8]| request("POST", "/v1/chat/completions", &[], body);
    assert_eq!(said(&once(&pair, &chat(&body)).await), "hi");
    let chunked = |body: &[u8]| {
        let mut bytes = head(Framing::Chunked, KEY, 0).into_bytes();
        bytes.extend_from_slice(format!("{:x}\r\n", body.len()).as_bytes());
        bytes.extend_from_slice(body);
        bytes.extend_from_slice(b"\r\n0\r\n\r\n");
        bytes
    };
    assert_eq!(said(&once(&pair, &chunked(&body)).await), "hi");
    body.push(b' ');
    for bytes in [chat(&body), chunked(&body)] {
        failure(&once(&pair, &bytes).await, 413, Some("request_too_large"));
    }
    // A length that no memory holds is refused by its number alone.
    let mut raw = Raw::connect(pair.addr).await;
    raw.send(head(Framing::Length, KEY, usize::MAX >> 1)).await;
    failure(&raw.answer().await, 413, Some("request_too_large"));
}
