//! A real run is scraped, and every query of dashboards, alerts, recording rules and documents is asked.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::{dashboards, documents, expression, server::Prometheus, traffic::Run};

/// How long queries may take to have data, with traffic going on.
const PATIENCE: Duration = Duration::from_secs(120);
/// Queries without data in a run where all is well, and why.
const EMPTY: [(&str, &str); 2] = [
    ("absent(up{job=\"codex-front\"})", "there is a front"),
    (
        "max without (instance) (increase(codex_worker_queue_wait_ms_count[2m]) - ",
        "the model answers; its runbook's queries ask for each of the series",
    ),
];

/// Every query that must have data, and where it is.
async fn asked(prometheus: &Prometheus) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut add = |at: String, expression: &str| {
        for operand in expression::operands(expression) {
            all.insert(operand, at.clone());
        }
    };
    for rule in prometheus.rules().await {
        let word = |name: &str| rule[name].as_str().unwrap_or_default();
        if rule["type"] == "recording" {
            all_in(&mut add, format!("recording rule {}", word("name")), &[word("query"), word("name")]);
        } else {
            all_in(&mut add, format!("alert {}", word("name")), &[word("query")]);
        }
    }
    for (at, query) in dashboards::queries() {
        add(at, &query);
    }
    for (at, query) in documents::queries() {
        add(at, &query);
    }
    all.retain(|query, _| !EMPTY.iter().any(|(empty, _)| query.starts_with(empty)));
    all
}

fn all_in(add: &mut impl FnMut(String, &str), at: String, expressions: &[&str]) {
    for expression in expressions {
        add(at.clone(), expression);
    }
}

/// Prometheus understands it; whether it has data.
async fn answered(prometheus: &Prometheus, at: &str, query: &str) -> bool {
    let result = prometheus.query(query).await;
    let result = result.unwrap_or_else(|error| panic!("{at}: {query}: {error}"));
    Prometheus::has_data(&result)
}

#[tokio::test]
async fn every_query_has_data_from_a_real_run() {
    let run = Run::start().await;
    let prometheus = Prometheus::start(Some(run.pair.internal)).await;
    let up = || async { answered(&prometheus, "here", "up == 1").await.then_some(()) };
    prometheus.eventually("a scrape", up).await;
    let mut missing = asked(&prometheus).await;
    assert!(missing.len() > 150, "{} queries", missing.len());
    let rounds = async {
        run.restart().await;
        loop {
            run.round().await;
            let mut still = BTreeMap::new();
            for (query, at) in &missing {
                if !answered(&prometheus, at, query).await {
                    still.insert(query.clone(), at.clone());
                }
            }
            missing = still;
            if missing.is_empty() {
                return;
            }
        }
    };
    // Each round is a second of requests: that, and not a sleep, is what is waited with.
    if tokio::time::timeout(PATIENCE, rounds).await.is_err() {
        let list: Vec<String> = missing.iter().map(|(query, at)| format!("{at}: {query}")).collect();
        panic!("{} queries have no data:\n{}", list.len(), list.join("\n"));
    }
    for (at, query) in documents::queries() {
        answered(&prometheus, &at, &query).await;
    }
    sound(&prometheus).await;
}

/// No rule fails on what a real run tells, and the error ratio counts what went wrong alone.
async fn sound(prometheus: &Prometheus) {
    for rule in prometheus.rules().await {
        assert_eq!(rule["health"], "ok", "{}: {}", rule["name"], rule["lastError"]);
    }
    let result = prometheus.query("codex:http_error_ratio:rate5m").await.expect("a ratio");
    let value: Option<f64> =
        result.first().and_then(|sample: &Value| sample["value"][1].as_str()?.parse().ok());
    assert!(value.is_some_and(|ratio| ratio > 0.0 && ratio < 1.0), "{value:?}");
}
