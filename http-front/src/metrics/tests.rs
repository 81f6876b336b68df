use super::*;
use crate::{limits::LIMITS, translate::request::IGNORED};
use std::collections::{BTreeMap, BTreeSet};

fn lines(metrics: &Metrics) -> Vec<String> {
    metrics.text().lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

fn measured() -> Process {
    front(Some(shared::process::own()), Spans::default())
}

#[test]
fn a_counter_does_not_fall_where_the_system_does_not_answer() {
    let spans = Spans { exported: 5, dropped: 6, failed: 7 };
    let page = Metrics::new().page(&Scraped { front: front(None, spans), ..Scraped::default() });
    for line in [
        format!("codex_panics_total{{component=\"front\"}} {}\n", telemetry::panics()),
        "codex_otlp_spans_total{component=\"front\",result=\"exported\"} 5\n".to_owned(),
        "codex_otlp_spans_total{component=\"front\",result=\"failed\"} 7\n".to_owned(),
    ] {
        assert!(page.contains(&line), "{line}: {page}");
    }
    assert!(!page.contains("codex_memory_bytes{component=\"front\"}"), "{page}");
}

#[test]
fn what_rates_are_asked_of_is_there_from_the_start() {
    let metrics = Metrics::new();
    let lines = lines(&metrics);
    assert!(lines.iter().all(|line| line.ends_with(" 0")), "{lines:?}");
    for name in IGNORED {
        assert!(lines.contains(&format!("codex_ignored_params_total{{param=\"{name}\"}} 0")), "{name}");
    }
    for limit in LIMITS {
        assert!(lines.contains(&format!("codex_rate_limited_total{{limit=\"{limit}\"}} 0")), "{limit}");
    }
    let chat = "route=\"/v1/chat/completions\"";
    for line in [
        format!("codex_http_requests_total{{method=\"POST\",model=\"none\",{chat},status_family=\"5xx\"}} 0"),
        format!("codex_http_errors_total{{code=\"upstream_error\",{chat},source=\"provider\"}} 0"),
        format!("codex_http_errors_total{{code=\"overloaded\",{chat},source=\"worker\"}} 0"),
        format!("http_requests_total{{method=\"POST\",{chat},status=\"503\"}} 0"),
        format!("request_count{{{chat},service_type=\"codex\",status_code=\"499\"}} 0"),
        "codex_stream_end_total{outcome=\"slow_reader\"} 0".to_owned(),
        "codex_tokens_total{model=\"default\",type=\"reasoning\"} 0".to_owned(),
    ] {
        assert!(lines.contains(&line), "{line}: {}", metrics.text());
    }
    assert!(metrics.text().contains("# TYPE request_count untyped\n"));
}

#[test]
fn what_is_counted_is_told() {
    let (metrics, other) = (Metrics::new(), Metrics::new());
    metrics.ignored(&["seed", "name", "seed"]);
    metrics.ignored(&["sent by a client"]);
    metrics.tool_buffers(Counts { started: 2, flushed: 1, aborted: 1 });
    metrics.keys(auth::Counts { valid: 3, expired: 1 }, true);
    metrics.switched(false, true);
    let mut counted = lines(&metrics);
    counted.retain(|line| !line.ends_with(" 0"));
    assert_eq!(
        counted,
        [
            "codex_app_server_enabled 1",
            "codex_ignored_params_total{param=\"name\"} 1",
            "codex_ignored_params_total{param=\"seed\"} 2",
            "codex_keys{state=\"expired\"} 1",
            "codex_keys{state=\"valid\"} 3",
            "codex_keys_file_ok 1",
            "codex_maintenance_mode{state=\"off\"} 1",
            "codex_tool_buffer_aborted_total 1",
            "codex_tool_buffer_flushed_total 1",
            "codex_tool_buffer_started_total 2",
        ]
    );
    assert!(!metrics.text().contains("sent by"), "no label but those of the code");
    assert!(lines(&other).iter().all(|line| line.ends_with(" 0")), "each front counts for itself");
}

/// What the daemon tells, with every series in it.
fn told() -> Told {
    let histogram = |count| shared::control::metrics::Histogram { counts: vec![count; 17], sum_ms: 1.5 };
    Told {
        restarts: 3,
        uptime_ms: Some(1500),
        load: shared::control::Load { turns: 2, rss_bytes: Some(7), ..Default::default() },
        latency: BTreeMap::from([
            ("turn/start".into(), histogram(1)),
            ("said by a newer one".into(), histogram(1)),
        ]),
        queue_wait: histogram(0),
        turns: BTreeMap::from([("lost".into(), 4), ("said by a newer one".into(), 1)]),
        rpc_errors: BTreeMap::from([("-32001".into(), 5), ("-1".into(), 6)]),
        daemon: Process { log_lines_dropped: 8, ..measured() },
        codex: Process { memory_bytes: Some(9), version: Some("0.169.0".into()), ..Process::default() },
        ..Told::default()
    }
}

#[test]
fn the_page_has_the_series_of_the_documents_and_nothing_else() {
    let metrics = Arc::new(Metrics::new());
    // Series with models are there once one was asked.
    let counted = request::Counted::new(&metrics, crate::routes::table::Side::Public, &::http::Method::POST);
    counted.routed("/v1/chat/completions");
    let asked = crate::records::usage::Asked { model: None, stream: true, usage: true, choices: 1 };
    counted.asks(&asked);
    counted.opened();
    counted.heard(Some(&crate::translate::event::Delta::Message { text: "x".into() }));
    drop(counted);
    let scraped = Scraped { workers: vec![worker("worker", Some(told()))], front: measured() };
    metrics.log_lines_dropped(Which::Access, 2);
    let page = metrics.page(&scraped);
    let mut heads: Vec<(String, String)> = Vec::new();
    for line in page.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, form) = line.split_once(' ').unwrap();
        heads.push((name.to_owned(), form.to_owned()));
    }
    let told: BTreeSet<_> = heads.iter().cloned().collect();
    assert_eq!(told.len(), heads.len(), "each is there once");
    let known: BTreeSet<_> =
        series().iter().map(|s| (s.name.to_owned(), s.form.as_str().to_owned())).collect();
    assert_eq!(told, known);
    assert!(!page.contains("newer"), "labels of another version are not taken");
    for line in [
        "codex_worker_connected{worker=\"worker\"} 1",
        "codex_worker_restarts_total{worker=\"worker\"} 3",
        "codex_worker_uptime_seconds{worker=\"worker\"} 1.5",
        "codex_worker_rss_bytes{worker=\"worker\"} 7",
        "codex_worker_latency_ms_count{worker=\"worker\",method=\"turn/start\"} 17",
        "codex_worker_turns_total{worker=\"worker\",outcome=\"lost\"} 4",
        "codex_worker_rpc_errors_total{worker=\"worker\",code=\"-32001\"} 5",
        "codex_memory_bytes{component=\"codex\"} 9",
        "codex_build_info{component=\"codex\",version=\"0.169.0\"} 1",
        "codex_log_lines_dropped_total{component=\"front\",log=\"usage\"} 0",
        "codex_log_lines_dropped_total{component=\"front\",log=\"access\"} 2",
        "codex_log_lines_dropped_total{component=\"front\",log=\"stdout\"} 0",
        "codex_log_lines_dropped_total{component=\"daemon\",log=\"stdout\"} 8",
    ] {
        assert!(page.lines().any(|told| told == line), "{line}: {page}");
    }
}

/// A worker that has told this.
fn worker(name: &str, told: Option<Told>) -> Worker {
    let there = told.is_some();
    Worker { name: name.into(), connected: there, ready: there, in_flight: 3, told: told.map(Arc::new) }
}

#[test]
fn each_of_several_workers_is_told() {
    let workers = vec![worker("a", Some(told())), worker("b", None), worker("c", Some(told()))];
    let page = Metrics::new().page(&Scraped { workers, front: measured() });
    for line in [
        "codex_worker_ready{worker=\"a\"} 1",
        "codex_worker_ready{worker=\"b\"} 0",
        "codex_worker_turns_in_flight{worker=\"b\"} 3",
        "codex_worker_turns_active{worker=\"c\"} 2",
        "codex_memory_bytes{component=\"codex\",worker=\"a\"} 9",
        "codex_memory_bytes{component=\"codex\",worker=\"c\"} 9",
        "codex_build_info{component=\"codex\",version=\"0.169.0\",worker=\"a\"} 1",
        "codex_log_lines_dropped_total{component=\"daemon\",log=\"stdout\",worker=\"c\"} 8",
        "codex_log_lines_dropped_total{component=\"front\",log=\"usage\"} 0",
    ] {
        assert!(page.lines().any(|told| told == line), "{line}: {page}");
    }
    assert_eq!(page.matches("# TYPE codex_worker_latency_ms ").count(), 1);
    assert!(!page.contains("codex_worker_turns_active{worker=\"b\"}"), "it has told nothing");
}

#[test]
fn without_a_daemon_only_that_is_told_of_it() {
    let page = Metrics::new().page(&Scraped { workers: vec![worker("w", None)], front: measured() });
    let worker: Vec<&str> = page.lines().filter(|line| line.starts_with("codex_worker_")).collect();
    let zero = ["codex_worker_connected{worker=\"w\"} 0", "codex_worker_ready{worker=\"w\"} 0"];
    assert_eq!(worker, [zero[0], zero[1], "codex_worker_turns_in_flight{worker=\"w\"} 3"]);
    assert!(page.contains("codex_memory_bytes{component=\"front\"} "), "{page}");
    assert!(!page.contains("component=\"daemon\"") && !page.contains("component=\"codex\""), "{page}");
}
