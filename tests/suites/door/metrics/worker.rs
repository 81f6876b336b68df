//! What the daemon counts reaches the page, and what doesn't reach it breaks nothing.

use gateway_tests::{
    fake_child::{Script, Start},
    pair::{Binary, Builder, KEY, Process, binary},
};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::UnixListener,
};

use super::page::Page;
use crate::door::{asking, builder, chat, failure, once, start};

/// What the front tells of a worker of which it hears nothing.
const ALONE: [&str; 3] = [
    "codex_worker_connected{worker=\"worker\"}",
    "codex_worker_ready{worker=\"worker\"}",
    "codex_worker_turns_in_flight{worker=\"worker\"}",
];

#[tokio::test]
async fn what_the_daemon_counts_is_told() {
    let pair = start(builder()).await;
    for _ in 0..3 {
        assert_eq!(once(&pair, &chat(asking("hi").to_string().as_bytes())).await.status, 200);
    }
    let page = Page::whole(&pair).await;
    for (name, labels, value) in [
        ("codex_worker_connected", &[][..], 1.0),
        ("codex_worker_ready", &[], 1.0),
        ("codex_worker_restarts_total", &[], 0.0),
        ("codex_worker_turns_total", &["completed"], 3.0),
        ("codex_worker_turns_total", &[], 3.0),
        ("codex_worker_queue_wait_ms_count", &[], 3.0),
        ("codex_worker_first_event_ms_count", &[], 3.0),
        ("codex_worker_turn_duration_ms_count", &[], 3.0),
        ("codex_worker_latency_ms_count", &["\"turn/start\""], 3.0),
        ("codex_worker_latency_ms_count", &["\"other\""], 0.0),
        ("codex_worker_turns_max", &[], 128.0),
        ("codex_worker_queue_max", &[], 512.0),
        ("codex_worker_clients", &[], 1.0),
        ("codex_panics_total", &[], 0.0),
    ] {
        assert_eq!(page.sum(name, labels), value, "{name} {labels:?}: {}", page.text);
    }
    for component in ["front", "daemon", "codex"] {
        let label = format!("component=\"{component}\"");
        assert!(page.sum("codex_memory_bytes", &[&label]) > 1_000_000.0, "{component}: {}", page.text);
        assert!(page.sum("codex_memory_limit_bytes", &[&label]) > 1_000_000.0, "{component}");
        assert_eq!(page.sum("codex_build_info", &[&label]), 1.0, "{component}");
    }
    assert!(page.sum("codex_open_fds", &["daemon"]) > 3.0);
    assert!(page.sum("codex_process_start_time_seconds", &["daemon"]) > 1e9);
}

#[tokio::test]
async fn a_codex_that_dies_is_a_restart_and_its_turn_is_lost() {
    let pair = start(builder()).await;
    failure(
        &once(&pair, &chat(asking("!exit 1").to_string().as_bytes())).await,
        502,
        Some("worker_restarted"),
    );
    let page = pair.eventually("the restart to be told", || async {
        let page = Page::of(&pair).await;
        (page.sum("codex_worker_ready", &[]) == 1.0 && page.sum("codex_worker_restarts_total", &[]) == 1.0)
            .then_some(page)
    });
    let page = page.await.expect("a restart");
    assert_eq!(page.sum("codex_worker_turns_total", &["lost"]), 1.0, "{}", page.text);
    assert_eq!(page.sum("codex_http_errors_total", &["worker_restarted", "source=\"worker\""]), 1.0);
    // A replacement is none.
    pair.daemon.signal(Signal::SIGHUP).expect("the daemon runs");
    let replaced = pair.daemon.logged("a replacement", |line| line["event"] == "worker_replaced");
    replaced.await.expect("a fresh codex");
    assert_eq!(Page::whole(&pair).await.sum("codex_worker_restarts_total", &[]), 1.0);
}

#[tokio::test]
async fn panics_that_codex_tells_of_are_counted() {
    let panic = "thread 'tokio-runtime-worker' (7) panicked at core/src/session.rs:10:5:".to_owned();
    let stderr = vec![panic, "a message that may hold anything".to_owned()];
    let script = Script { start: Start { stderr, ..Start::default() }, ..Script::default() };
    let pair = start(Builder::fake(&script).expect("a home")).await;
    let told = pair.eventually("the panic", || async {
        (Page::of(&pair).await.sum("codex_panics_total", &["component=\"codex\""]) == 1.0).then_some(())
    });
    told.await.expect("it is counted");
}

#[tokio::test]
async fn a_daemon_that_hangs_or_is_gone_breaks_no_scrape() {
    let mut pair = start(builder()).await;
    pair.daemon.signal(Signal::SIGSTOP).expect("the daemon runs");
    let alone = |page: &Page| {
        assert_eq!(page.begin("codex_worker_"), ALONE);
        assert_eq!(page.sum("codex_worker_connected", &[]) + page.sum("codex_worker_ready", &[]), 0.0);
        assert_eq!(page.sum("codex_build_info", &["front"]), 1.0);
        assert!(page.begin("codex_memory_bytes").iter().all(|name| name.contains("front")), "{}", page.text);
    };
    // Many at once, too: each is bounded, and none leaves anything behind.
    let pages = futures_util::future::join_all((0..20).map(|_| Page::of(&pair))).await;
    pages.iter().for_each(alone);
    pair.daemon.signal(Signal::SIGCONT).expect("the daemon is there");
    let back = pair.eventually("it to be told again", || async {
        (Page::of(&pair).await.sum("codex_worker_connected", &[]) == 1.0).then_some(())
    });
    back.await.expect("the daemon answers again");
    pair.daemon.signal(Signal::SIGKILL).expect("the daemon runs");
    pair.daemon.wait().await.expect("the daemon ends");
    let gone = pair.eventually("its end to be told", || async {
        let page = Page::of(&pair).await;
        (page.sum("codex_worker_connected", &[]) == 0.0).then_some(page)
    });
    alone(&gone.await.expect("it is gone"));
}

/// A daemon from before there were counts.
#[tokio::test]
async fn an_older_daemon_breaks_no_scrape() {
    let home = tempfile::tempdir().expect("a folder");
    let socket = home.path().join("worker.sock");
    let listener = UnixListener::bind(&socket).expect("a socket");
    let env = [
        ("WORKER_SOCKET", socket.to_string_lossy().into_owned()),
        ("PORT", "0".to_owned()),
        ("PROXY_INTERNAL_ADDR", "127.0.0.1:0".to_owned()),
        ("PROXY_API_KEY", KEY.to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value));
    let mut front = Process::start(binary(Binary::HttpFront), &env).expect("a front");
    let started =
        front.logged("its addresses", |line| line["event"] == "front_started").await.expect("it starts");
    let internal = started["internal"].as_str().and_then(|addr| addr.parse().ok()).expect("an address");
    let daemon = async {
        let (stream, _) = listener.accept().await.expect("the front connects");
        let (reader, mut writer) = stream.into_split();
        let mut reader = BufReader::new(reader);
        let mut line = String::new();
        while reader.read_line(&mut line).await.is_ok_and(|n| n > 0) {
            let message: Value = serde_json::from_str(&line).expect("JSON");
            line.clear();
            let Some(id) = message.get("id") else { continue };
            let status = json!({"state": "ready", "starts": 1, "restartStreak": 0, "seq": 1});
            let answer = match message["method"].as_str() {
                Some("initialize") => json!({"id": id, "result": {"userAgent": "older"}}),
                Some("daemon/subscribe" | "daemon/status") => json!({"id": id, "result": status}),
                Some("model/list") => json!({"id": id, "result": {"data": [], "nextCursor": null}}),
                _ => json!({"id": id, "error": {"code": -32014, "message": "clients may not call it"}}),
            };
            writer.write_all(format!("{answer}\n").as_bytes()).await.expect("the front reads");
        }
    };
    let scrapes = async {
        loop {
            let page = Page::at(internal).await;
            if page.sum("codex_worker_connected", &[]) == 1.0 {
                return page;
            }
        }
    };
    let page = tokio::select! {
        () = daemon => panic!("the front hung up"),
        page = tokio::time::timeout(gateway_tests::pair::DEADLINE, scrapes) => page.expect("it is connected in time"),
    };
    assert_eq!(page.begin("codex_worker_"), ALONE);
    front.terminate().await.expect("the front ends");
}
