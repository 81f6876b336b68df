//! Clients without a key: how much of what they send is read, and what a flood of them leaves behind.

use std::net::SocketAddr;

use gateway_tests::pair::{DEADLINE, Pair};

use crate::door::{asking, builder, chat, failure, once, said, start, stranger};
use crate::metrics::Page;
use crate::raw::Raw;

/// What may be read of a stranger's body.
const STRANGER: usize = 64 * 1024;
/// How it is sent: so little at a time that what the kernel holds is known.
const STEP: usize = 4 * 1024;

/// What the kernel knows of one end of a connection: the bytes that the other end has not acknowledged, and those that wait to
/// be read by the process. `None` where no process has it any more.
fn queues(from: SocketAddr, to: SocketAddr) -> Option<(usize, usize)> {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("the kernel's table");
    let (local, remote) = (format!(":{:04X}", from.port()), format!(":{:04X}", to.port()));
    let mut rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let row = rows.find(|row| row.len() > 9 && row[1].ends_with(&local) && row[2].ends_with(&remote))?;
    let (sending, waiting) = row[4].split_once(':').expect("two queues");
    let bytes = |hex| usize::from_str_radix(hex, 16).expect("a number");
    (row[9] != "0").then(|| (bytes(sending), bytes(waiting)))
}

/// Sends `head`, and then its body in steps, each when the one before was read; how much of the body the front's process has
/// read when it closes.
async fn read_of(pair: &Pair, head: &str, chunked: bool) -> usize {
    let mut raw = Raw::connect(pair.addr).await;
    let client = raw.local();
    raw.send(head).await;
    let mut read = 0;
    loop {
        let step = match chunked {
            true => format!("{:x}\r\n{}\r\n", STEP - 7, "x".repeat(STEP - 7)).into_bytes(),
            false => vec![b'x'; STEP],
        };
        if raw.try_send(&step).await.is_err() {
            return read;
        }
        let looking = pair.eventually("the step to be read, or the end", || async {
            // First all of it is at the front's end, and then none of it waits there.
            let Some((sending, _)) = queues(client, pair.addr) else { return Some(false) };
            let Some((_, waiting)) = queues(pair.addr, client) else { return Some(false) };
            (sending == 0 && waiting == 0).then_some(true)
        });
        if !looking.await.expect("one of them") {
            return read;
        }
        read += step.len();
        assert!(read < 4 * STRANGER, "{read} bytes of a stranger's body were read: {head}");
    }
}

#[tokio::test]
async fn at_most_64_kib_of_a_strangers_body_are_read() {
    let pair = start(builder().front("PROXY_PROTECT_MODELS", "true")).await;
    let wrong = "Host: front\r\nAuthorization: Bearer sk-wrong\r\n";
    let length = "Content-Length: 10000000\r\n\r\n";
    let chunked = "Transfer-Encoding: chunked\r\n\r\n";
    let before = stranger("GET", "/nowhere", &[], b"").repeat(40);
    let before = String::from_utf8(before).expect("ASCII");
    for (head, in_chunks) in [
        (format!("POST /v1/chat/completions HTTP/1.1\r\n{wrong}{length}"), false),
        (format!("POST /v1/chat/completions HTTP/1.1\r\n{wrong}{chunked}"), true),
        (format!("POST /v1/chat/completions/ HTTP/1.1\r\nHost: front\r\n{length}"), false),
        (format!("POST /v1/completions HTTP/1.0\r\n{wrong}{length}"), false),
        (format!("POST /v1/completions HTTP/1.1\r\n{wrong}Expect: 100-continue\r\n{length}"), false),
        (format!("HEAD /v1/chat/completions HTTP/1.1\r\n{wrong}{chunked}"), true),
        (format!("GET /v1/models HTTP/1.1\r\n{wrong}{length}"), false),
        (format!("OPTIONS /v1/chat/completions HTTP/1.1\r\n{wrong}{chunked}"), true),
        (format!("PUT /nowhere HTTP/1.1\r\n{wrong}{length}"), false),
        (format!("GET /livez HTTP/1.1\r\n{wrong}{length}"), false),
        (format!("GET /readyz HTTP/1.1\r\n{wrong}{chunked}"), true),
        (format!("{before}POST /v1/chat/completions HTTP/1.1\r\n{wrong}{length}"), false),
    ] {
        let read = read_of(&pair, &head, in_chunks).await;
        assert!(read <= STRANGER, "{read} bytes were read: {head}");
    }
}

#[tokio::test]
async fn answers_to_bodies_that_nobody_wants_arrive() {
    let pair = start(builder().front("PROXY_PROTECT_MODELS", "true")).await;
    let body = vec![b'x'; 60 * 1024];
    for (method, path, status) in [
        ("GET", "/livez", 200),
        ("GET", "/readyz", 200),
        ("GET", "/v1/models", 401),
        ("DELETE", "/nowhere", 404),
        ("POST", "/v1/completions/", 401),
    ] {
        let mut raw = Raw::connect(pair.addr).await;
        raw.send(stranger(method, path, &[], &body)).await;
        assert_eq!(raw.answer().await.status, status, "{method} {path}");
        raw.ends().await;
    }
}

/// A word that was never sent before.
fn odd(number: usize) -> String {
    format!("{:x}", (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

/// So many requests, each with another path, key and headers; every second one on a connection that it shares with others.
async fn flood(pair: &Pair, first: usize, count: usize) {
    const PIPELINED: usize = 50;
    let mut sent = 0;
    while sent < count {
        let mut raw = Raw::connect(pair.addr).await;
        let mut bytes = Vec::new();
        for number in first + sent..first + sent + PIPELINED {
            let word = odd(number);
            let key = format!("Authorization: Bearer sk-{word}");
            let header = format!("x-{word}: {word}");
            let id = format!("X-Client-Request-Id: {word}");
            let path = match number % 4 {
                0 => format!("/{word}"),
                1 => format!("/v1/models/{word}"),
                2 => "/v1/chat/completions".to_owned(),
                _ => format!("/v1/responses/{word}?{word}={word}"),
            };
            let method = ["GET", "POST", "DELETE", &word.to_ascii_uppercase()][number / 4 % 4].to_owned();
            bytes.extend(stranger(&method, &path, &[&key, &header, &id], b""));
        }
        raw.send(bytes).await;
        for _ in 0..PIPELINED {
            let status = raw.answer().await.status;
            assert!(matches!(status, 401 | 404 | 405), "{status}");
        }
        sent += PIPELINED;
    }
}

/// How many the front tells, with those of the daemon and of codex: of one that is busy for a second it tells nothing.
async fn series(pair: &Pair) -> usize {
    let page = Page::whole(pair).await;
    // It is there once codex has told it.
    page.names().iter().filter(|name| !name.starts_with("codex_worker_rss_bytes")).count()
}

/// A flood of strangers grows neither memory nor metrics.
async fn flooded(requests: usize) {
    let pair = start(builder().front("PROXY_PROTECT_MODELS", "true")).await;
    // What is allocated once is allocated.
    flood(&pair, 0, 2_000).await;
    let (resident, counted) = (pair.front.resident().expect("the front runs"), series(&pair).await);
    let mut tasks = tokio::task::JoinSet::new();
    let pair = std::sync::Arc::new(pair);
    for task in 1..=4 {
        let pair = pair.clone();
        tasks.spawn(async move { flood(&pair, task * 1_000_000, requests / 4).await });
    }
    while let Some(ended) =
        tokio::time::timeout(10 * DEADLINE, tasks.join_next()).await.expect("the flood ends")
    {
        ended.expect("every stranger is answered");
    }
    assert_eq!(series(&pair).await, counted, "no new series");
    let grown = pair.front.resident().expect("the front runs").saturating_sub(resident);
    // A kept path, key or label of each would be more.
    assert!(grown < 8 << 20, "{grown} bytes more after {requests} requests");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_strangers_grows_nothing() {
    flooded(20_000).await;
}

#[tokio::test]
async fn a_pipeline_of_a_stranger_that_reads_nothing_is_not_kept() {
    const CLIENTS: usize = 8;
    const ENDLESS: usize = 32 << 20;
    let pair = start(builder()).await;
    let resident = pair.front.resident().expect("the front runs");
    let request = stranger("POST", "/v1/chat/completions", &["Authorization: Bearer sk-wrong"], b"");
    let bytes = request.repeat(1_000);
    // Clients that send without end and never read: each stops at what the kernel keeps.
    let clients = (0..CLIENTS).map(|_| async {
        let mut raw = Raw::connect_small(pair.addr, 16 * 1024).await;
        let sent = raw.send_until_stuck(&bytes, ENDLESS).await;
        assert!(sent < ENDLESS, "{sent} bytes of a pipeline were taken that nobody reads the answers of");
        raw
    });
    let clients = futures_util::future::join_all(clients).await;
    let grown = pair.front.resident().expect("the front runs").saturating_sub(resident);
    assert!(grown < 8 << 20, "{grown} bytes more for {} clients", clients.len());
    let mut raw = Raw::connect(pair.addr).await;
    raw.send(request).await;
    failure(&raw.answer().await, 401, Some("invalid_api_key"));
}

/// A stranger that never reads keeps nobody out: as many of them as there are places, each with an answer that waits for it.
#[tokio::test]
async fn strangers_that_read_nothing_take_no_place() {
    const PLACES: usize = 20;
    let pair = start(builder().front("PROXY_MAX_CONNECTIONS", PLACES.to_string())).await;
    let bytes = stranger("GET", "/v1/models", &[], b"").repeat(1_000);
    let mut clients = Vec::new();
    for _ in 0..PLACES {
        let mut raw = Raw::connect_small(pair.addr, 16 * 1024).await;
        raw.send_until_stuck(&bytes, 32 << 20).await;
        clients.push(raw);
    }
    for _ in 0..3 {
        said(&once(&pair, &chat(asking("hi").to_string().as_bytes())).await);
        assert_eq!(once(&pair, &stranger("GET", "/livez", &[], b"")).await.status, 200);
    }
    drop(clients);
}

mod long {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_million_strangers_grow_nothing() {
        super::flooded(1_000_000).await;
    }
}
