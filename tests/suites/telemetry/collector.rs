//! A collector that is down, slow or wrong: requests and the end of the program don't wait for it.

use std::time::Duration;

use gateway_tests::{
    otlp::{Mode, Protocol, Receiver},
    pair::{Pair, binary},
};
use serde_json::Value;

use crate::ask::{ask, asking, both, builder, is_server, name, serving};

/// A header that is a secret.
const HEADERS: &str = "x-api-key=secret-of-the-operator,Authorization=Bearer%20secret-of-the-operator";

async fn asked_and_ended(pair: Pair, what: &str) {
    for _ in 0..3 {
        let answer = ask(&pair, &asking("hello"), &[]).await;
        assert_eq!(answer.status(), 200, "{what}");
    }
    let told = pair.front.logged("a line about the collector", |line| line["event"] == "otlp_failed").await;
    let told = told.expect("one line");
    assert_eq!(told["level"], "warn", "{told}");
    assert!(told["error"].is_string() && told["message"].is_string(), "{told}");
    // The line may have been of metrics.
    let failed = pair.eventually("failed spans", || async {
        let page = pair.client().get(format!("http://{}/metrics", pair.internal)).send().await.ok()?;
        let page = page.text().await.ok()?;
        let of = |line: &str| {
            let of = line.strip_prefix("codex_otlp_spans_total{component=\"front\",result=\"failed\"} ")?;
            of.parse::<u64>().ok().filter(|failed| *failed > 0)
        };
        page.lines().find_map(of)
    });
    failed.await.expect(what);
    let mut pair = pair;
    assert_eq!(pair.front.terminate().await.expect("the front ends"), Some(0), "{what}");
    let log = pair.front.log();
    let lines = log.iter().filter(|line| line.contains("otlp_failed")).count();
    assert_eq!(lines, 1, "{what}: {log:#?}");
    for line in &log {
        let read: Value = serde_json::from_str(line).expect("JSON");
        assert!(read["event"] != "panic", "{line}");
        assert!(!line.contains("secret-of"), "{what}: {line}");
    }
}

#[tokio::test]
async fn a_bad_collector_costs_one_line() {
    for protocol in Protocol::ALL {
        for mode in [Mode::Refusing, Mode::Hanging, Mode::Rubbish, Mode::Partial] {
            let receiver = Receiver::start(mode).expect("a receiver");
            let builder = receiver
                .told(builder(), protocol)
                .both("OTEL_EXPORTER_OTLP_HEADERS", HEADERS)
                .both("OTEL_EXPORTER_OTLP_TIMEOUT", "100");
            asked_and_ended(serving(builder).await, &format!("{mode:?} {protocol:?}")).await;
            assert!(!receiver.requests().is_empty());
        }
    }
}

#[tokio::test]
async fn a_collector_that_is_down_costs_one_line() {
    for protocol in Protocol::ALL {
        let receiver = Receiver::start(Mode::Normal).expect("a receiver");
        let builder = receiver.told(builder(), protocol).both("OTEL_EXPORTER_OTLP_HEADERS", HEADERS);
        // Nobody listens there any more.
        drop(receiver);
        asked_and_ended(serving(builder).await, &format!("{protocol:?}")).await;
    }
}

#[tokio::test]
async fn the_end_does_not_wait_for_a_collector_that_hangs() {
    let receiver = Receiver::start(Mode::Hanging).expect("a receiver");
    let builder = receiver
        .told(builder(), Protocol::Grpc)
        .both("OTEL_EXPORTER_OTLP_TIMEOUT", "3600000")
        .both("OTEL_BSP_MAX_QUEUE_SIZE", "4");
    let pair = serving(builder).await;
    for _ in 0..8 {
        assert_eq!(ask(&pair, &asking("hello"), &[]).await.status(), 200);
    }
    // An hour is far beyond the deadline of this.
    assert_eq!(pair.stop().await.expect("both end"), (Some(0), Some(0)));
}

#[tokio::test]
async fn a_collector_that_comes_back_gets_what_waited() {
    for protocol in Protocol::ALL {
        let receiver = Receiver::start(Mode::Normal).expect("a receiver");
        let pair = serving(receiver.told(builder(), protocol)).await;
        receiver.behave(Mode::Busy);
        let answer = ask(&pair, &asking("hello"), &[]).await;
        let request = name(&answer);
        both(&receiver, &request).await;
        receiver.behave(Mode::Normal);
        let again = |receiver: &Receiver| {
            let spans = receiver.spans();
            (spans.iter().filter(|span| is_server(span, &request)).count() > 1).then_some(())
        };
        receiver.until("the same span once more", again).await.expect("a second attempt");
    }
}

#[tokio::test]
async fn a_slow_collector_slows_nobody() {
    let receiver = Receiver::start(Mode::Slow).expect("a receiver");
    let pair = serving(receiver.told(builder(), Protocol::Http)).await;
    let mut names = Vec::new();
    for _ in 0..20 {
        names.push(name(&ask(&pair, &asking("hello"), &[]).await));
    }
    for name in &names {
        both(&receiver, name).await;
    }
}

#[tokio::test]
async fn headers_reach_the_collector_and_no_log() {
    for protocol in Protocol::ALL {
        let receiver = Receiver::start(Mode::Normal).expect("a receiver");
        let builder = receiver
            .told(builder(), protocol)
            .both("OTEL_EXPORTER_OTLP_HEADERS", HEADERS)
            .both("RUST_LOG", "trace");
        let pair = serving(builder).await;
        let answer = ask(&pair, &asking("hello"), &[]).await;
        both(&receiver, &name(&answer)).await;
        for request in receiver.requests() {
            assert_eq!(request.headers["x-api-key"], "secret-of-the-operator");
            assert_eq!(request.headers["authorization"], "Bearer secret-of-the-operator");
        }
        for log in [pair.front.log(), pair.daemon.log()] {
            let told = log.iter().find(|line| line.contains("secret-of"));
            assert_eq!(told, None);
        }
    }
}

#[tokio::test]
async fn a_collector_behind_tls_is_trusted_by_its_ca_alone() {
    for protocol in Protocol::ALL {
        let receiver = Receiver::start_tls(Mode::Normal).expect("a receiver");
        let pair = serving(receiver.told(builder(), protocol)).await;
        let answer = ask(&pair, &asking("hello"), &[]).await;
        both(&receiver, &name(&answer)).await;
        drop(pair);

        let strange = Receiver::start_tls(Mode::Normal).expect("a receiver");
        let other = Receiver::start_tls(Mode::Normal).expect("a receiver");
        let stranger = strange
            .told(builder(), protocol)
            .both("OTEL_EXPORTER_OTLP_CERTIFICATE", &other.ca().expect("a file").to_string_lossy());
        asked_and_ended(serving(stranger).await, &format!("{protocol:?}")).await;
        assert_eq!(strange.requests().len(), 0);
    }
}

#[tokio::test]
async fn every_problem_of_the_settings_is_told_at_once() {
    for which in [gateway_tests::pair::Binary::HttpFront, gateway_tests::pair::Binary::WorkerDaemon] {
        let check = tokio::process::Command::new(binary(which))
            .arg("--check-config")
            .env_clear()
            .envs([
                ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:secret-of-the-operator@collector:4317"),
                ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector:4317"),
                (
                    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
                    "http://collector:4317/?token=secret-of-the-operator",
                ),
                ("OTEL_EXPORTER_OTLP_HEADERS", "secret-of-the-operator"),
                ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nowhere/ca.pem"),
                ("OTEL_TRACES_SAMPLER", "sometimes"),
                ("OTEL_TRACES_SAMPLER_ARG", "2"),
                ("OTEL_TRACES_EXPORTER", "zipkin"),
                ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
                ("OTEL_RESOURCE_ATTRIBUTES", "team"),
            ])
            .output();
        let check =
            tokio::time::timeout(Duration::from_secs(30), check).await.expect("an end").expect("a process");
        let told = String::from_utf8_lossy(&check.stderr).into_owned();
        assert_eq!(check.status.code(), Some(2), "{told}");
        for setting in [
            "OTEL_EXPORTER_OTLP_ENDPOINT: must have no user and password",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: must be an address",
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: must have no query",
            "OTEL_EXPORTER_OTLP_HEADERS: entry 1 has no `=`",
            "OTEL_EXPORTER_OTLP_CERTIFICATE: /nowhere/ca.pem can't be read",
            "OTEL_TRACES_SAMPLER: must be always_on",
            "OTEL_TRACES_SAMPLER_ARG: must be a number",
            "OTEL_TRACES_EXPORTER: must be otlp or none",
            "OTEL_BSP_MAX_QUEUE_SIZE: must be at least 1",
            "OTEL_RESOURCE_ATTRIBUTES: entry 1 has no `=`",
        ] {
            assert!(told.contains(setting), "{setting}: {told}");
        }
        assert!(!told.contains("secret-of"), "{told}");
    }
}
