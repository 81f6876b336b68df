//! Whether and how codex exports its own spans: to the collector of the daemon's, by arguments and environment.
//!
//! Where it goes to stands in the arguments, which everybody on the machine can read; what it shows to the collector
//! (headers, which may hold a key) stands in the environment alone, which its user can read. Its logs and metrics are
//! exported nowhere: its logs hold what clients say.

use super::harness::quoted;
use otel::config::{Endpoint, Protocol};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use std::{ffi::OsString, time::Duration};

/// What needs no escape in a list of headers or attributes.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');
/// Spans that codex keeps for a collector that is slow: a turn has about 280, and each takes about a kilobyte.
const QUEUE: &str = "16384";
/// Spans in one export.
const BATCH: &str = "1024";
/// How long they wait for company, in milliseconds. codex ends at once when it is told to, and what waits then is lost.
const DELAY: &str = "500";
/// The longest that one export may take. Over gRPC codex tries once more when it is told to end; it must be done with that
/// before it is killed.
const TIMEOUT: Duration = Duration::from_millis(1500);
/// Names of the resource that codex gives itself, whatever it is told.
const ITS_OWN: &[&str] = &["service.name", "service.version", "service.instance.id"];

/// The settings (`-c`) under which codex exports its spans; none where it shall not.
pub fn settings(otel: &otel::Config, wanted: bool) -> Vec<String> {
    let Some(endpoint) = otel.traces.as_ref().filter(|_| wanted) else { return Vec::new() };
    let Endpoint { protocol, url } = endpoint;
    let (name, protocol) = match protocol {
        Protocol::Grpc => ("otlp-grpc", ""),
        Protocol::HttpProtobuf => ("otlp-http", r#",protocol="binary""#),
    };
    let tls = match &otel.certificate {
        Some(file) => format!(",tls={{ca-certificate={}}}", quoted(&file.to_string_lossy())),
        None => String::new(),
    };
    let endpoint = quoted(url.as_str());
    let mut settings = vec![
        format!("otel.trace_exporter={{{name}={{endpoint={endpoint}{protocol}{tls}}}}}"),
        r#"otel.exporter="none""#.to_owned(),
        r#"otel.metrics_exporter="none""#.to_owned(),
        "otel.log_user_prompt=false".to_owned(),
    ];
    let named = otel.resource.iter().rev().find(|pair| pair.key.as_str() == "deployment.environment.name");
    if let Some(environment) = named {
        settings.push(format!("otel.environment={}", quoted(&environment.value.as_str())));
    }
    settings
}

/// The variables that go with it.
pub fn environment(otel: &otel::Config, wanted: bool) -> Vec<(OsString, OsString)> {
    if otel.traces.is_none() || !wanted {
        return Vec::new();
    }
    let headers = otel.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes().to_vec()));
    let resource = otel.resource.iter().filter(|pair| !ITS_OWN.contains(&pair.key.as_str()));
    let resource: Vec<_> =
        resource.map(|pair| (pair.key.as_str(), pair.value.as_str().into_owned().into_bytes())).collect();
    let timeout = otel.timeout.min(TIMEOUT).as_millis().to_string();
    let mut variables = vec![
        // Only what belongs to a trace that somebody keeps: what it does by itself would be a trace each.
        ("OTEL_TRACES_SAMPLER", "parentbased_always_off".to_owned()),
        ("OTEL_BSP_MAX_QUEUE_SIZE", QUEUE.to_owned()),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", BATCH.to_owned()),
        ("OTEL_BSP_SCHEDULE_DELAY", DELAY.to_owned()),
        ("OTEL_BSP_EXPORT_TIMEOUT", timeout.clone()),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", timeout),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", list(headers)),
        ("OTEL_RESOURCE_ATTRIBUTES", list(resource.into_iter())),
    ];
    variables.retain(|(_, value)| !value.is_empty());
    variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
}

/// `name=value,name=value`, the values percent-encoded.
fn list<'a>(pairs: impl Iterator<Item = (&'a str, Vec<u8>)>) -> String {
    let pairs: Vec<String> =
        pairs.map(|(name, value)| format!("{name}={}", percent_encode(&value, PLAIN))).collect();
    pairs.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};
    use opentelemetry::KeyValue;

    fn config(protocol: Protocol, url: &str) -> otel::Config {
        otel::Config {
            traces: Some(Endpoint::parse(url, protocol).unwrap()),
            headers: vec![(HeaderName::from_static("x-key"), HeaderValue::from_static("a secret, of=sorts"))],
            certificate: Some("/etc/ca \"x\".pem".into()),
            resource: vec![
                KeyValue::new("service.name", "ours"),
                KeyValue::new("team", "a,b"),
                KeyValue::new("deployment.environment.name", "prod"),
            ],
            ..otel::Config::off("worker-daemon")
        }
    }

    #[test]
    fn it_goes_where_the_daemons_go() {
        for (protocol, url, name) in [
            (Protocol::Grpc, "http://127.0.0.1:4317", "otlp-grpc"),
            (Protocol::HttpProtobuf, "https://collector.example/a/v1/traces", "otlp-http"),
        ] {
            let settings = settings(&config(protocol, url), true);
            let parsed: toml::Table = settings.join("\n").parse().unwrap();
            let otel = &parsed["otel"];
            let exporter = &otel["trace_exporter"][name];
            assert!(exporter["endpoint"].as_str().unwrap().starts_with(url), "{exporter}");
            assert_eq!(exporter["tls"]["ca-certificate"].as_str(), Some("/etc/ca \"x\".pem"));
            assert_eq!(exporter.get("protocol").is_some(), protocol == Protocol::HttpProtobuf);
            assert_eq!(
                (otel["exporter"].as_str(), otel["metrics_exporter"].as_str()),
                (Some("none"), Some("none"))
            );
            assert_eq!(otel["environment"].as_str(), Some("prod"));
            assert_eq!(otel["log_user_prompt"].as_bool(), Some(false));
        }
    }

    #[test]
    fn what_may_be_a_secret_is_in_the_environment_alone() {
        let config = config(Protocol::Grpc, "http://127.0.0.1:4317");
        assert!(settings(&config, true).iter().all(|setting| !setting.contains("secret")));
        let find = |name: &str| {
            let all = environment(&config, true);
            all.into_iter().find(|(key, _)| key == name).map(|(_, value)| value.into_string().unwrap())
        };
        assert_eq!(find("OTEL_EXPORTER_OTLP_TRACES_HEADERS").unwrap(), "x-key=a%20secret%2C%20of%3Dsorts");
        assert_eq!(find("OTEL_RESOURCE_ATTRIBUTES").unwrap(), "team=a%2Cb,deployment.environment.name=prod");
        assert_eq!(find("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT").unwrap(), "1500");
    }

    #[test]
    fn without_a_collector_or_unwanted_there_is_nothing() {
        let on = config(Protocol::Grpc, "http://127.0.0.1:4317");
        let off = otel::Config::off("worker-daemon");
        for (config, wanted) in [(&on, false), (&off, true)] {
            assert!(settings(config, wanted).is_empty() && environment(config, wanted).is_empty());
        }
    }
}
