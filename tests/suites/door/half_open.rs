//! Half-open connections, more than there are places: the service answers all the while.

use gateway_tests::pair::{DEADLINE, Pair};
use serde_json::json;

use crate::crowd::{half_open, open_files, still_open};
use crate::door::{asking, builder, chat, once, said, start, stranger};
use crate::raw::Raw;

/// What they send before they fall silent: nothing, part of a head, a head without its last byte.
fn halves(number: usize) -> Vec<u8> {
    let halves: [&[u8]; 4] = [
        b"",
        b"POST /v1/chat",
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: front\r\nAuthorization: Bearer sk-te",
        b"GET /livez HTTP/1.1\r\nHost: front\r\n\r",
    ];
    halves[number % halves.len()].to_vec()
}

async fn gauge(pair: &Pair, series: &str) -> u64 {
    let mut raw = Raw::connect(pair.internal).await;
    raw.send(stranger("GET", "/metrics", &["Connection: close"], b"")).await;
    let answer = raw.answer().await;
    let line = answer.text().lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    let value = line.and_then(|value| value.parse().ok());
    assert!(value.is_some(), "no {series}: {}", answer.text());
    value.unwrap_or_default()
}

/// Opens `crowd` half-open connections around a front with so many places, in so many waves.
async fn crowded(places: usize, waves: usize, crowd: usize) {
    assert!(open_files() > crowd as u64 + 1_000, "too few open files for this test");
    let pair = start(builder().front("PROXY_MAX_CONNECTIONS", places.to_string())).await;
    // A stream that runs, a request whose body is still coming, a connection that was used and is idle.
    let mut hanging = asking("hi\n!hang");
    hanging["stream"] = json!(true);
    let mut streaming = Raw::connect(pair.addr).await;
    streaming.send(chat(hanging.to_string().as_bytes())).await;
    streaming.seen("\"role\":\"assistant\"").await;
    let whole = chat(asking("slowly").to_string().as_bytes());
    let mut sending = Raw::connect(pair.addr).await;
    sending.send(&whole[..whole.len() - 10]).await;
    let mut kept = Raw::connect(pair.addr).await;
    kept.send(chat(asking("before").to_string().as_bytes())).await;
    assert_eq!(said(&kept.answer().await), "before");

    let mut streams = Vec::new();
    for wave in 1..=waves {
        streams.extend(half_open(pair.addr, crowd / waves, halves).await);
        // A stranger's sockets are no reason to keep anybody waiting: new clients, probes, the operator.
        let body = asking(&format!("wave {wave}")).to_string();
        assert_eq!(said(&once(&pair, &chat(body.as_bytes())).await), format!("wave {wave}"));
        assert_eq!(once(&pair, &stranger("GET", "/readyz", &[], b"")).await.status, 200);
        let taken = gauge(&pair, "codex_http_connections{state=\"idle\"}").await
            + gauge(&pair, "codex_http_connections{state=\"busy\"}").await;
        // The operator's own connections count, too.
        assert!(taken <= places as u64 + 4, "{taken} connections in {places} places");
        let files = pair.front.descriptors().expect("the front runs");
        assert!(files < places + 100, "{files} open files for {places} places");
    }
    // The oldest ones went, the youngest are there.
    let evicted = gauge(&pair, "codex_http_connections_evicted_total").await;
    assert!(evicted >= (crowd - places) as u64, "{evicted} were closed");
    pair.eventually("the oldest to be closed", || async {
        (still_open(&streams[..crowd - places]) == 0).then_some(())
    })
    .await
    .expect("they are closed");
    assert!(still_open(&streams[crowd - places / 2..]) == places / 2, "the youngest stay");
    // Nobody with a request in progress was touched; who was idle longer than all of them was closed.
    sending.send(&whole[whole.len() - 10..]).await;
    assert_eq!(said(&sending.answer().await), "slowly");
    assert!(!streaming.has_ended(), "the stream runs on");
    tokio::time::timeout(DEADLINE, kept.ends()).await.expect("the idle one is closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_half_open_connections_leave_the_service_answering() {
    crowded(1_000, 4, 10_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_few_places_are_enough() {
    crowded(16, 2, 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_everybody_has_a_request_a_new_one_waits_for_its_turn() {
    let pair = start(builder().front("PROXY_MAX_CONNECTIONS", "2")).await;
    let mut hanging = asking("hi\n!hang");
    hanging["stream"] = json!(true);
    let mut busy = Vec::new();
    // What went before them were idle ones of the start.
    for _ in 0..2 {
        let mut raw = Raw::connect(pair.addr).await;
        raw.send(chat(hanging.to_string().as_bytes())).await;
        raw.seen("\"role\":\"assistant\"").await;
        busy.push(raw);
    }
    let evicted = gauge(&pair, "codex_http_connections_evicted_total").await;
    let mut waiting = Raw::connect(pair.addr).await;
    waiting.send(chat(asking("hi").to_string().as_bytes())).await;
    // The internal listener has places of its own.
    assert_eq!(gauge(&pair, "codex_http_connections_evicted_total").await, evicted);
    assert!(busy.iter_mut().all(|raw| !raw.has_ended()));
    busy.pop();
    assert_eq!(said(&waiting.answer().await), "hi");
}

mod long {
    /// With the places that there are by default, three times over.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn fifteen_thousand_half_open_connections_in_the_default_places() {
        super::crowded(4_096, 15, 15_000).await;
    }
}
