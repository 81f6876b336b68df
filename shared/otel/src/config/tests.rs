use super::*;
use crate::SETTINGS;
use shared::settings::{Invocation, Problem, resolve};
use std::{collections::BTreeMap, ffi::OsString};

fn read(variables: &[(&str, &str)]) -> Result<Config, Vec<Problem>> {
    let env: BTreeMap<&str, &str> = variables.iter().copied().collect();
    let find = |name: &str| env.get(name).map(|value| (*value).to_owned());
    let none = |_: &std::path::Path| Err(std::io::ErrorKind::NotFound.into());
    let Ok(Invocation::Run(values)) = resolve("bin", "about", SETTINGS, [OsString::from("bin")], find, none)
    else {
        panic!("values")
    };
    let mut reader = Reader::new(SETTINGS, &values);
    let config = Config::read(&mut reader, "bin");
    reader.finish(config)
}

fn urls(variables: &[(&str, &str)]) -> (Option<String>, Option<String>) {
    let config = read(variables).unwrap();
    let url = |endpoint: Option<Endpoint>| endpoint.map(|endpoint| endpoint.url.to_string());
    (url(config.traces), url(config.metrics))
}

const ALL: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const HTTP: (&str, &str) = ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");

#[test]
fn nothing_is_exported_unless_there_is_an_endpoint() {
    assert_eq!(urls(&[]), (None, None));
    assert_eq!(urls(&[(ALL, "http://c:4317"), ("OTEL_SDK_DISABLED", "true")]), (None, None));
    assert_eq!(urls(&[(ALL, "http://c:4317"), ("OTEL_TRACES_EXPORTER", "none")]).0, None);
    assert_eq!(urls(&[(ALL, "http://c:4317"), ("OTEL_METRICS_EXPORTER", "none")]).1, None);
}

#[test]
fn the_addresses_are_the_standards() {
    let both = |a: &str, b: &str| (Some(a.to_owned()), Some(b.to_owned()));
    assert_eq!(urls(&[(ALL, "http://c:4317")]), both("http://c:4317/", "http://c:4317/"));
    assert_eq!(
        urls(&[(ALL, "http://c:4318"), HTTP]),
        both("http://c:4318/v1/traces", "http://c:4318/v1/metrics")
    );
    assert_eq!(
        urls(&[(ALL, "https://c/base/"), HTTP, (TRACES, "http://t/as/it/is")]),
        both("http://t/as/it/is", "https://c/base/v1/metrics")
    );
    assert_eq!(urls(&[(TRACES, "http://t/x"), HTTP]), (Some("http://t/x".to_owned()), None));
}

#[test]
fn headers_are_pairs_and_never_told() {
    let of = |text: &str| read(&[("OTEL_EXPORTER_OTLP_HEADERS", text)]);
    let config = of(" X-Api-Key = a%20b%2C , authorization=Bearer x==,").unwrap();
    let told: Vec<_> = config.headers.iter().map(|(n, v)| (n.as_str(), v.to_str().unwrap())).collect();
    assert_eq!(told, [("x-api-key", "a b,"), ("authorization", "Bearer x==")]);
    assert!(!format!("{config:?}").contains("Bearer"), "{config:?}");
    for wrong in
        ["hunter2", "=hunter2", "a b=hunter2", "a=hunter2%0a", "a=%ff", "host=hunter2", "grpc-x=hunter2"]
    {
        let problems = of(wrong).unwrap_err();
        assert_eq!((problems.len(), &*problems[0].setting), (1, "OTEL_EXPORTER_OTLP_HEADERS"), "{wrong}");
        assert!(!problems[0].message.contains("hunter2"), "{problems:?}");
    }
    let many: Vec<String> = (0..200).map(|n| format!("a{n}=1")).collect();
    assert!(of(&many.join(",")).is_err());
}

#[test]
fn the_checklists_variables_win_over_the_attributes() {
    let config = read(&[
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=a,deployment.environment.name=b,team=c"),
        ("OTEL_SERVICE_NAME", "d"),
        ("OTEL_ENVIRONMENT", "e"),
    ]);
    let resource = crate::resource::of(&config.unwrap());
    let of = |key: &'static str| resource.get(&key.into()).map(|value| value.to_string()).unwrap_or_default();
    assert_eq!(
        ["service.name", "deployment.environment.name", "deployment.environment", "team"].map(of),
        ["d", "e", "e", "c"]
    );
    assert!(!of("service.instance.id").is_empty() && !of("service.version").is_empty());
}

#[test]
fn samplers_have_the_standards_names() {
    let of = |sampler: &str, ratio: &str| {
        let config = read(&[("OTEL_TRACES_SAMPLER", sampler), ("OTEL_TRACES_SAMPLER_ARG", ratio)]);
        config.map(|config| format!("{:?}", config.sampler))
    };
    assert_eq!(of("", "").unwrap(), "ParentBased(AlwaysOn)");
    assert_eq!(of("traceidratio", "0.25").unwrap(), "TraceIdRatioBased(0.25)");
    assert_eq!(of("parentbased_traceidratio", "").unwrap(), "ParentBased(TraceIdRatioBased(1.0))");
    for (sampler, ratio) in [("sometimes", ""), ("", "1.1"), ("", "-1"), ("", "NaN"), ("", "x")] {
        assert!(of(sampler, ratio).is_err(), "{sampler} {ratio}");
    }
}

#[test]
fn an_address_has_no_place_for_a_secret() {
    for (name, protocol) in [(ALL, "grpc"), (ALL, HTTP.1), (TRACES, HTTP.1)] {
        for secret in
            ["http://c:4318/?token=hunter2", "http://c:4318/v1/traces?hunter2", "http://c:4318/#hunter2"]
        {
            let problems = read(&[(name, secret), (HTTP.0, protocol)]).unwrap_err();
            let Problem { setting, message } = &problems[0];
            assert_eq!((problems.len(), &**setting), (1, name), "{secret}");
            assert!(
                message.contains("OTEL_EXPORTER_OTLP_HEADERS") && !message.contains("hunter2"),
                "{message}"
            );
        }
    }
}

#[test]
fn contents_are_switched_by_a_word_or_a_mode() {
    let of = |text: &str| read(&[("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", text)]);
    for yes in ["true", "1", "SPAN_ONLY", "span_and_event"] {
        assert!(of(yes).unwrap().content, "{yes}");
    }
    for no in ["", "false", "off", "NO_CONTENT", "EVENT_ONLY"] {
        assert!(!of(no).unwrap().content, "{no}");
    }
    assert!(of("some").is_err());
}
