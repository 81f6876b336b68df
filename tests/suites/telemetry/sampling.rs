//! Which requests are traced.

use gateway_tests::otlp::{Mode, Protocol, Receiver};

use crate::ask::{PARENT, TRACE, ask, asking, both, builder, name, parent, serving, spans_of};

#[tokio::test]
async fn an_unsampled_parent_is_believed_by_the_parentbased_samplers_alone() {
    for (sampler, argument, traced) in [
        ("parentbased_always_on", "", [true, false, true]),
        ("always_on", "", [true, true, true]),
        ("parentbased_always_off", "", [true, false, false]),
        ("always_off", "", [false, false, false]),
        ("parentbased_traceidratio", "0", [true, false, false]),
        ("traceidratio", "1", [true, true, true]),
    ] {
        let receiver = Receiver::start(Mode::Normal).expect("a receiver");
        let builder = receiver
            .told(builder(), Protocol::Grpc)
            .front("OTEL_TRACES_SAMPLER", sampler)
            .front("OTEL_TRACES_SAMPLER_ARG", argument);
        let mut pair = serving(builder).await;
        let unsampled = format!("00-{TRACE}-{PARENT}-00");
        let mut names = Vec::new();
        for parent in [Some(&*parent()), Some(&*unsampled), None] {
            let headers: Vec<_> = parent.iter().map(|parent| ("traceparent", *parent)).collect();
            let answer = ask(&pair, &asking("hello"), &headers).await;
            assert_eq!(answer.status(), 200);
            names.push(name(&answer));
        }
        // Its end sends all that there is.
        assert_eq!(pair.front.terminate().await.expect("the front ends"), Some(0));
        for (name, traced) in names.iter().zip(traced) {
            let found = receiver.spans().iter().any(|span| span.of("codex.request.id") == name.as_str());
            assert_eq!(found, traced, "{sampler} {argument}: {names:?}");
        }
    }
}

#[tokio::test]
async fn nothing_is_exported_where_it_is_switched_off() {
    let receiver = Receiver::start(Mode::Normal).expect("a receiver");
    let off = receiver.told(builder(), Protocol::Grpc).front("OTEL_SDK_DISABLED", "true");
    let mut pair = serving(off).await;
    ask(&pair, &asking("hello"), &[]).await;
    assert_eq!(pair.front.terminate().await.expect("the front ends"), Some(0));
    let ours = |receiver: &Receiver| {
        receiver.spans().iter().filter(|span| span.resource["service.name"] == "http-front").count()
    };
    assert_eq!(ours(&receiver), 0);

    let receiver = Receiver::start(Mode::Normal).expect("a receiver");
    let spans_alone = receiver.told(builder(), Protocol::Http).both("OTEL_METRICS_EXPORTER", "none");
    let pair = serving(spans_alone).await;
    let answer = ask(&pair, &asking("hello"), &[]).await;
    spans_of(&receiver, &name(&answer)).await;
    assert_eq!(pair.stop().await.expect("an end"), (Some(0), Some(0)));
    assert!(receiver.metrics().is_empty());
}

#[tokio::test]
async fn a_signals_own_address_is_used_as_it_is() {
    let receiver = Receiver::start(Mode::Normal).expect("a receiver");
    let builder = builder()
        .front("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        .front("OTEL_BSP_SCHEDULE_DELAY", "20")
        .front("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", format!("{}/a/path/traces", receiver.endpoint()));
    let pair = serving(builder).await;
    let answer = ask(&pair, &asking("hello"), &[]).await;
    both(&receiver, &name(&answer)).await;
    assert!(receiver.requests().iter().all(|request| request.path == "/a/path/traces"));
}
