//! Each request is counted once, whichever way it ends.

use gateway_tests::pair::{Answer, DEADLINE, End};
use tokio::{io::AsyncWriteExt as _, net::TcpSocket, time::timeout};

use super::page::Page;
use crate::door::{asking, builder, chat, failure, once, request, start, stranger};
use crate::raw::Raw;

const CHAT: &str = "route=\"/v1/chat/completions\"";

#[tokio::test]
async fn each_request_is_counted_once_whichever_way_it_ends() {
    let builder =
        builder().front("PROXY_STREAM_BUFFER_BYTES", "64KiB").front("PROXY_STREAM_IDLE_TIMEOUT_MS", "3000");
    let pair = start(builder).await;
    let before = Page::of(&pair).await;
    let hi = asking("hi").to_string();

    // Answered, as an object and as a stream.
    assert_eq!(once(&pair, &chat(hi.as_bytes())).await.status, 200);
    let mut answer = Answer::to(&pair, "hi", true).await.expect("a head");
    assert_eq!(answer.end().await.expect("an end"), End::Done);
    // Refused before the body, because of the body, and without a route.
    failure(
        &once(&pair, &stranger("POST", "/v1/chat/completions", &[], hi.as_bytes())).await,
        401,
        Some("invalid_api_key"),
    );
    failure(&once(&pair, &chat(b"{")).await, 400, None);
    failure(&once(&pair, &request("GET", "/v1/secret-path", &[], b"")).await, 404, Some("not_found"));
    failure(&once(&pair, &request("BREW", "/v1/models", &[], b"")).await, 405, Some("method_not_allowed"));
    // The client leaves before the head, and behind it.
    let mut early = Raw::connect(pair.addr).await;
    early.send(chat(asking("!hang").to_string().as_bytes())).await;
    pair.eventually("its turn", || async {
        (Page::of(&pair).await.sum("codex_worker_turns_active", &[]) > 0.0).then_some(())
    })
    .await
    .expect("a turn that runs");
    drop(early);
    let late = Answer::to(&pair, "!hang\n!reasoning x\ny", true).await.expect("a head");
    drop(late);
    // A deadline passes inside of a stream.
    let mut answer = Answer::to(&pair, "!hang\nhello", true).await.expect("a head");
    assert_eq!(answer.end().await.expect("an end"), End::Broken { code: "timeout".to_owned() });

    let requests = 9.0;
    let page = pair.eventually("every request to be over", || async {
        let page = Page::of(&pair).await;
        let more = |name: &str| page.sum(name, &[]) - before.sum(name, &[]);
        (more("codex_http_requests_total") >= requests && more("http_requests_total") >= requests)
            .then_some(page)
    });
    let page = page.await.expect("all of them are counted");
    let more = |name: &str, labels: &[&str]| page.sum(name, labels) - before.sum(name, labels);
    for name in [
        "codex_http_requests_total",
        "codex_http_latency_ms_count",
        "http_requests_total",
        "http_request_duration_seconds_count",
        "request_count",
        "request_duration_seconds_count",
    ] {
        assert_eq!(more(name, &[]), requests, "{name}: {}", page.text);
    }
    for (status, count) in
        [("200", 4.0), ("401", 1.0), ("400", 1.0), ("404", 1.0), ("405", 1.0), ("499", 1.0)]
    {
        assert_eq!(more("http_requests_total", &[&format!("status=\"{status}\"")]), count, "{status}");
        assert_eq!(more("request_count", &[&format!("status_code=\"{status}\"")]), count, "{status}");
    }
    assert_eq!(more("http_requests_total", &["method=\"other\"", "route=\"none\"", "status=\"405\""]), 1.0);
    for (code, source) in [
        ("invalid_api_key", "client"),
        ("invalid_request_error", "client"),
        ("not_found", "client"),
        ("timeout", "provider"),
    ] {
        let labels = [format!("code=\"{code}\""), format!("source=\"{source}\"")];
        assert_eq!(more("codex_http_errors_total", &[&labels[0], &labels[1]]), 1.0, "{code}");
    }
    assert_eq!(more("codex_http_errors_total", &[]), 5.0, "{}", page.text);
    for (outcome, count) in [("ok", 1.0), ("client_disconnect", 1.0), ("timeout", 1.0), ("error", 0.0)] {
        assert_eq!(
            more("codex_stream_end_total", &[&format!("\"{outcome}\"")]),
            count,
            "{outcome}: {}",
            page.text
        );
    }
    assert_eq!(more("codex_stream_duration_ms_count", &[CHAT]), 3.0);
    assert!(more("codex_stream_ttfb_ms_count", &[CHAT]) >= 2.0, "{}", page.text);
    for gauge in ["codex_http_requests_active", "codex_streams_active"] {
        assert_eq!(page.sum(gauge, &[]), 0.0, "{gauge}");
    }
    // Two answers of eleven and seven tokens, of which three were cached and two of reasoning.
    let tokens = ["prompt", "completion", "cached", "reasoning"]
        .map(|kind| more("codex_tokens_total", &[&format!("type=\"{kind}\"")]));
    assert_eq!(tokens, [22.0, 14.0, 6.0, 4.0]);
    assert!(!page.text.contains("secret-path") && !page.text.contains("BREW"));
}

#[tokio::test]
async fn a_stream_that_is_read_too_slowly_ends_as_one() {
    let pair = start(builder().front("PROXY_STREAM_BUFFER_BYTES", "64KiB")).await;
    // What the kernel takes is next to nothing, and half of the deltas come at once.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    let mut slow =
        timeout(DEADLINE, socket.connect(pair.addr)).await.expect("in time").expect("a connection");
    let mut body = asking("!hang\n!flood 60000");
    body["stream"] = serde_json::json!(true);
    slow.write_all(&chat(body.to_string().as_bytes())).await.expect("the front reads");
    let ended = pair.eventually("its end", || async {
        let page = Page::of(&pair).await;
        (page.sum("codex_stream_end_total", &["slow_reader"]) == 1.0).then_some(page)
    });
    let page = ended.await.expect("it is cut off");
    assert_eq!(page.sum("codex_http_errors_total", &["slow_reader", "source=\"client\""]), 1.0);
    assert_eq!(page.sum("codex_streams_active", &[]), 0.0);
    drop(slow);
}

#[tokio::test]
async fn probes_and_scrapes_are_not_counted_and_operators_are_no_api() {
    let pair = start(builder()).await;
    let before = Page::of(&pair).await;
    for path in ["/healthz", "/readyz", "/livez", "/health"] {
        assert_eq!(once(&pair, &stranger("GET", path, &[], b"")).await.status, 200, "{path}");
    }
    assert_eq!(once(&pair, &stranger("OPTIONS", "/v1/models", &[], b"")).await.status, 204);
    let page = Page::of(&pair).await;
    for name in ["codex_http_requests_total", "http_requests_total", "request_count"] {
        assert_eq!(page.sum(name, &[]), before.sum(name, &[]), "{name}");
    }
    let mut raw = Raw::connect(pair.internal).await;
    raw.send(request("GET", "/internal/maintenance", &[], b"")).await;
    assert_eq!(raw.answer().await.status, 200);
    let page = Page::of(&pair).await;
    assert_eq!(page.sum("codex_http_requests_total", &["/internal/maintenance"]), 1.0);
    assert_eq!(
        page.begin("http_requests_total{").iter().filter(|name| name.contains("/internal")).count(),
        0
    );
}
