use super::*;
use crate::openai::usage::Tokens;
use proptest::prelude::*;
use std::{collections::BTreeMap, time::Duration};

const CHAT: &str = "/v1/chat/completions";

fn begin(metrics: &Arc<Metrics>) -> Counted {
    Counted::new(metrics, Side::Public, &Method::POST)
}

fn asked(stream: bool) -> Asked {
    Asked { model: Some("gpt-x".into()), stream, usage: true, choices: 1 }
}

fn end<'a>(outcome: Outcome, status: Option<u16>, error: Option<&'a ApiError>) -> Ended<'a> {
    let latency = Duration::from_millis(3);
    Ended { outcome, status, error, stream: false, usage: None, latency }
}

/// The series that are not 0, without those of durations but their counts.
fn counted(metrics: &Metrics) -> BTreeMap<String, f64> {
    let text = metrics.text();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| line.rsplit_once(' '));
    pairs
        .filter(|(name, _)| !name.contains("_bucket") && !name.contains("_sum"))
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .filter(|(_, value)| *value != 0.0)
        .collect()
}

/// The sum of the series with this name.
fn sum(metrics: &Metrics, name: &str) -> f64 {
    let all = counted(metrics);
    all.iter().filter(|(key, _)| key.split('{').next() == Some(name)).map(|(_, value)| value).sum()
}

fn names(metrics: &Metrics) -> Vec<String> {
    counted(metrics).into_iter().map(|(name, value)| format!("{name} {value}")).collect()
}

#[test]
fn an_answer_is_counted_once_at_its_head_and_once_at_its_end() {
    let metrics = Arc::new(Metrics::new());
    let request = begin(&metrics);
    request.routed(CHAT);
    assert_eq!(sum(&metrics, "codex_http_requests_active"), 1.0);
    request.asks(&asked(false));
    let usage = Some(Tokens { input: 5, cached: 2, output: 3, reasoning: 1, total: 8 });
    request.ended(&Ended { usage, ..end(Outcome::Ok, Some(200), None) });
    request.head(StatusCode::OK);
    request.ended(&end(Outcome::ClientDisconnect, None, None));
    request.head(StatusCode::BAD_GATEWAY);
    drop(request);
    let label = "route=\"/v1/chat/completions\"";
    assert_eq!(
        names(&metrics),
        [
            format!(
                "codex_http_latency_ms_count{{method=\"POST\",model=\"gpt-x\",{label},status_family=\"2xx\"}} 1"
            ),
            format!(
                "codex_http_requests_total{{method=\"POST\",model=\"gpt-x\",{label},status_family=\"2xx\"}} 1"
            ),
            "codex_tokens_total{model=\"gpt-x\",type=\"cached\"} 2".to_owned(),
            "codex_tokens_total{model=\"gpt-x\",type=\"completion\"} 3".to_owned(),
            "codex_tokens_total{model=\"gpt-x\",type=\"prompt\"} 5".to_owned(),
            "codex_tokens_total{model=\"gpt-x\",type=\"reasoning\"} 1".to_owned(),
            format!("http_request_duration_seconds_count{{method=\"POST\",{label}}} 1"),
            format!("http_requests_total{{method=\"POST\",{label},status=\"200\"}} 1"),
            format!("request_count{{{label},service_type=\"codex\",status_code=\"200\"}} 1"),
            format!("request_duration_seconds_count{{{label},service_type=\"codex\"}} 1"),
        ]
    );
}

#[test]
fn a_client_that_leaves_before_the_head_has_its_own_status() {
    let metrics = Arc::new(Metrics::new());
    let request = begin(&metrics);
    request.routed(CHAT);
    request.ended(&end(Outcome::ClientDisconnect, None, None));
    drop(request);
    // And one of which nobody says anything.
    let request = begin(&metrics);
    request.routed(CHAT);
    drop(request.clone());
    assert_eq!(sum(&metrics, "http_requests_total"), 1.0);
    drop(request);
    let all = counted(&metrics);
    let label = "route=\"/v1/chat/completions\"";
    assert_eq!(all[&format!("http_requests_total{{method=\"POST\",{label},status=\"499\"}}")], 2.0);
    assert_eq!(all[&format!("request_count{{{label},service_type=\"codex\",status_code=\"499\"}}")], 2.0);
    let family =
        format!("codex_http_requests_total{{method=\"POST\",model=\"none\",{label},status_family=\"4xx\"}}");
    assert_eq!(all[&family], 2.0);
    assert_eq!(sum(&metrics, "codex_http_requests_active"), 0.0);
}

#[test]
fn a_stream_ends_in_one_way() {
    let kinds = [
        (Outcome::Ok, None, "ok"),
        (Outcome::ClientDisconnect, None, "client_disconnect"),
        (Outcome::Error, Some(Kind::Upstream), "error"),
        (Outcome::Error, Some(Kind::SlowReader), "slow_reader"),
        (Outcome::Error, Some(Kind::Timeout), "timeout"),
        (Outcome::Error, Some(Kind::Draining), "shutdown"),
    ];
    for (outcome, kind, wanted) in kinds {
        let metrics = Arc::new(Metrics::new());
        let request = begin(&metrics);
        request.routed(CHAT);
        request.asks(&asked(true));
        request.opened();
        request.head(StatusCode::OK);
        assert_eq!(sum(&metrics, "codex_streams_active"), 1.0);
        let text = Delta::Message { text: "x".into() };
        request.heard(None);
        request.heard(Some(&Delta::Begun));
        assert_eq!(sum(&metrics, "codex_stream_ttfb_ms_count"), 0.0);
        request.heard(Some(&text));
        request.heard(Some(&text));
        let error = kind.map(|kind| ApiError::new(kind, "m"));
        request.ended(&end(outcome, Some(200), error.as_ref()));
        drop(request);
        let all = counted(&metrics);
        assert_eq!(all[&format!("codex_stream_end_total{{outcome=\"{wanted}\"}}")], 1.0, "{all:?}");
        assert_eq!(sum(&metrics, "codex_stream_end_total"), 1.0);
        for (name, count) in [
            ("codex_stream_ttfb_ms_count", 1.0),
            ("codex_stream_duration_ms_count", 1.0),
            ("codex_streams_active", 0.0),
            ("codex_tokens_unknown_total", 1.0),
            ("codex_http_errors_total", if kind.is_some() { 1.0 } else { 0.0 }),
        ] {
            assert_eq!(sum(&metrics, name), count, "{name} of {wanted}");
        }
    }
}

#[test]
fn an_error_in_front_of_a_stream_is_no_end_of_one() {
    let metrics = Arc::new(Metrics::new());
    let request = begin(&metrics);
    request.routed(CHAT);
    request.asks(&asked(true));
    let error = ApiError::new(Kind::Overloaded, "m").caused_by(crate::error::Source::Provider);
    request.ended(&Ended { stream: true, ..end(Outcome::Error, Some(503), Some(&error)) });
    request.head(StatusCode::SERVICE_UNAVAILABLE);
    drop(request);
    let all = counted(&metrics);
    let errors =
        "codex_http_errors_total{code=\"overloaded\",route=\"/v1/chat/completions\",source=\"provider\"}";
    assert_eq!((all[errors], sum(&metrics, "codex_stream_end_total")), (1.0, 0.0));
    assert_eq!(sum(&metrics, "codex_tokens_unknown_total"), 0.0, "the model has not answered");
}

#[test]
fn probes_and_the_internal_listener() {
    let metrics = Arc::new(Metrics::new());
    let probe = begin(&metrics);
    probe.routed("/metrics");
    probe.quiet();
    probe.head(StatusCode::OK);
    drop(probe);
    assert_eq!(names(&metrics), [""; 0]);
    assert!(!metrics.text().contains("/metrics"), "not even at 0");
    let internal = Counted::new(&metrics, Side::Internal { metrics: true }, &Method::GET);
    internal.routed("/internal/maintenance");
    internal.ended(&end(Outcome::Ok, Some(200), None));
    internal.head(StatusCode::OK);
    drop(internal);
    assert_eq!(sum(&metrics, "codex_http_requests_total"), 1.0);
    for public in ["http_requests_total", "request_count", "request_duration_seconds_count"] {
        assert_eq!(sum(&metrics, public), 0.0, "{public}");
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Routed(bool),
    Asks(bool),
    Heard,
    Opened,
    Head(u16),
    Ended(u8),
    Quiet,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        any::<bool>().prop_map(Step::Routed),
        any::<bool>().prop_map(Step::Asks),
        Just(Step::Heard),
        Just(Step::Opened),
        (100..600_u16).prop_map(Step::Head),
        any::<u8>().prop_map(Step::Ended),
        Just(Step::Quiet),
    ]
}

proptest! {
    /// Whatever is told in whatever order: each request ends once, gauges come back to 0 and never go below, and the
    /// sums of what is counted of one moment are equal.
    #[test]
    fn any_sequence_counts_each_request_once(requests in prop::collection::vec(prop::collection::vec(step(), 0..12), 1..8)) {
        let metrics = Arc::new(Metrics::new());
        let mut loud = 0.0;
        for steps in &requests {
            let request = begin(&metrics);
            let (mut quiet, mut seen) = (false, false);
            for step in steps {
                match step {
                    Step::Routed(chat) => request.routed(if *chat { CHAT } else { "/v1/models" }),
                    Step::Asks(stream) => request.asks(&asked(*stream)),
                    Step::Heard => request.heard(Some(&Delta::Message { text: "x".into() })),
                    Step::Opened => request.opened(),
                    Step::Head(status) => request.head(StatusCode::from_u16(*status).unwrap()),
                    Step::Ended(n) => {
                        seen |= !quiet;
                        let error = ApiError::new(Kind::ALL[usize::from(*n) % Kind::ALL.len()], "m");
                        let ended = match n % 3 {
                            0 => end(Outcome::Ok, Some(200), None),
                            1 => end(Outcome::Error, Some(500), Some(&error)),
                            _ => end(Outcome::ClientDisconnect, None, None),
                        };
                        request.ended(&ended);
                    }
                    Step::Quiet => {
                        quiet = true;
                        request.quiet();
                    }
                }
                let active = |route| metrics.http.active.with_label_values(&[route]).get();
                prop_assert!(active(CHAT) >= 0 && active("/v1/models") >= 0 && metrics.streams.active.get() >= 0);
            }
            drop(request);
            loud += if seen || !quiet { 1.0 } else { 0.0 };
        }
        let all = counted(&metrics);
        let sum = |name: &str| -> f64 {
            all.iter().filter(|(key, _)| key.split('{').next() == Some(name)).map(|(_, value)| value).sum()
        };
        prop_assert_eq!(sum("codex_http_requests_active"), 0.0);
        prop_assert_eq!(sum("codex_streams_active"), 0.0);
        for name in
            ["codex_http_requests_total", "codex_http_latency_ms_count", "request_count", "request_duration_seconds_count"]
        {
            prop_assert_eq!(sum(name), loud, "{}", name);
        }
        prop_assert_eq!(sum("http_requests_total"), sum("http_request_duration_seconds_count"));
        prop_assert!(sum("http_requests_total") <= requests.len() as f64);
        prop_assert_eq!(sum("codex_stream_end_total"), sum("codex_stream_duration_ms_count"));
    }
}

#[test]
fn a_stream_of_calls_alone_has_a_first_token() {
    let metrics = Arc::new(Metrics::new());
    let request = begin(&metrics);
    request.routed(CHAT);
    request.asks(&asked(true));
    request.opened();
    request.heard(None);
    assert_eq!(sum(&metrics, "codex_stream_ttfb_ms_count"), 0.0);
    request.spoke();
    request.spoke();
    request.heard(Some(&Delta::Message { text: "x".into() }));
    assert_eq!(sum(&metrics, "codex_stream_ttfb_ms_count"), 1.0, "once");
}
