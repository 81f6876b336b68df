//! The libraries under the export read the environment themselves. What counts is the configuration alone.

use std::collections::BTreeSet;

use gateway_tests::{
    otlp::{Body, Mode, Protocol, Receiver, Request},
    pair::{Binary, KEY, Process, binary},
};
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, metric::Data};

use crate::ask::{ask, asking, both, builder, name, serving};

/// The headers that are sent where the configuration has this one.
fn expected(protocol: Protocol) -> BTreeSet<String> {
    let transport = match protocol {
        Protocol::Grpc => ["te", "content-type", "user-agent"],
        Protocol::Http => ["host", "content-type", "user-agent"],
    };
    let length = (protocol == Protocol::Http).then_some("content-length");
    transport.into_iter().chain(length).chain(["x-from"]).map(str::to_owned).collect()
}

fn names(request: &Request) -> BTreeSet<String> {
    request.headers.keys().map(ToString::to_string).collect()
}

#[tokio::test]
async fn flags_win_over_the_environment() {
    for (protocol, other) in [(Protocol::Grpc, Protocol::Http), (Protocol::Http, Protocol::Grpc)] {
        let (right, wrong) = (Receiver::start(Mode::Normal).unwrap(), Receiver::start(Mode::Normal).unwrap());
        let flags = [
            format!("--otel-exporter-otlp-endpoint={}", right.endpoint()),
            format!("--otel-exporter-otlp-protocol={}", protocol.as_str()),
            "--otel-exporter-otlp-headers=x-from=flag".to_owned(),
            "--otel-exporter-otlp-timeout=10000".to_owned(),
            "--otel-bsp-schedule-delay=20".to_owned(),
            "--otel-bsp-max-queue-size=2048".to_owned(),
            "--otel-traces-sampler=always_on".to_owned(),
        ];
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let home = tempfile::tempdir().unwrap();
        let env = [
            ("WORKER_SOCKET", home.path().join("worker.sock").to_string_lossy().into_owned()),
            ("PORT", "0".to_owned()),
            ("PROXY_INTERNAL_ADDR", "127.0.0.1:0".to_owned()),
            ("PROXY_API_KEY", KEY.to_owned()),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", wrong.endpoint()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", other.as_str().to_owned()),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-from=environment,x-more=environment".to_owned()),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "1".to_owned()),
            ("OTEL_BSP_SCHEDULE_DELAY", "3600000".to_owned()),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "1".to_owned()),
            ("OTEL_TRACES_SAMPLER", "always_off".to_owned()),
        ];
        let env = env.map(|(name, value)| (name.to_owned(), value));
        let front = Process::start_to(binary(Binary::HttpFront), &flags, &env).expect("a front");
        let started = front.logged("its addresses", |line| line["event"] == "front_started").await.unwrap();
        let url = format!("http://{}/v1/chat/completions", started["public"].as_str().expect("an address"));
        // There is no daemon: the answer is an error, and its span is one as well.
        let client = reqwest::Client::new();
        let answer =
            client.post(url).bearer_auth(KEY).json(&asking("hello")).send().await.expect("an answer");
        let request = name(&answer);
        right.span("its span", |span| span.of("codex.request.id") == request.as_str()).await.expect("a span");
        for request in right.requests() {
            assert_eq!(request.headers["x-from"], "flag");
            assert_eq!(names(&request), expected(protocol));
        }
        assert!(wrong.requests().is_empty());
    }
}

#[tokio::test]
async fn a_variable_that_is_no_setting_does_nothing() {
    for protocol in Protocol::ALL {
        let (receiver, wrong) =
            (Receiver::start(Mode::Normal).unwrap(), Receiver::start(Mode::Normal).unwrap());
        let mut builder =
            receiver.told(builder(), protocol).both("OTEL_EXPORTER_OTLP_HEADERS", "x-from=setting");
        let other = Protocol::ALL.into_iter().find(|other| *other != protocol).unwrap().as_str();
        for signal in ["TRACES", "METRICS"] {
            for (name, value) in [
                ("HEADERS", "x-from=signal,x-more=signal,content-type=text/plain,host=elsewhere"),
                ("COMPRESSION", "gzip"),
                ("PROTOCOL", other),
                ("TIMEOUT", "1"),
                ("INSECURE", "true"),
            ] {
                builder = builder.both(&format!("OTEL_EXPORTER_OTLP_{signal}_{name}"), value);
            }
        }
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_INSECURE", "true"),
            ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1"),
            ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "1"),
            ("OTEL_SPAN_EVENT_COUNT_LIMIT", "0"),
            ("http_proxy", &wrong.endpoint()),
            ("HTTP_PROXY", &wrong.endpoint()),
            ("ALL_PROXY", &wrong.endpoint()),
        ] {
            builder = builder.both(name, value);
        }
        let mut pair = serving(builder).await;
        let answer = ask(&pair, &asking("hello"), &[]).await;
        let (server, _) = both(&receiver, &name(&answer)).await;
        assert!(server.attributes.len() > 1, "{server:#?}");
        let histogram = receiver.until("a histogram", |receiver| {
            receiver.requests().iter().find_map(|request| {
                let Body::Metrics(export) = &request.body else { return None };
                let scopes = export.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
                scopes.flat_map(|scope| &scope.metrics).find_map(|metric| {
                    let Some(Data::Histogram(histogram)) = &metric.data else { return None };
                    Some(histogram.aggregation_temporality())
                })
            })
        });
        assert_eq!(histogram.await.expect("one"), AggregationTemporality::Cumulative);
        for request in receiver.requests() {
            assert_eq!(request.headers["x-from"], "setting");
            assert_eq!(names(&request), expected(protocol), "{protocol:?}");
        }
        assert!(wrong.requests().is_empty());
        assert_eq!(pair.front.terminate().await.expect("the front ends"), Some(0));
        for log in [pair.front.log(), pair.daemon.log()] {
            assert_eq!(log.iter().find(|line| line.contains("opentelemetry")), None);
        }
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let receiver = Receiver::start(Mode::Redirecting).expect("a receiver");
    let pair = serving(receiver.told(builder(), Protocol::Http)).await;
    assert_eq!(ask(&pair, &asking("hello"), &[]).await.status(), 200);
    let told = pair.front.logged("that it isn't taken", |line| line["event"] == "otlp_failed").await;
    assert_eq!(told.expect("one line")["error"], "the collector answered with status 307");
    let followed = receiver.requests().into_iter().find(|request| request.path.contains("elsewhere"));
    assert!(followed.is_none(), "{followed:?}");
}
