//! What an agent does is in the span of the model's work.

use super::stage::{DIRECT, Stage, asking, commands};
use gateway_tests::otlp::{Mode, Protocol, Receiver, Span};

#[tokio::test]
async fn each_command_of_an_agent_is_an_event() {
    let receiver = Receiver::start(Mode::Normal).expect("a receiver");
    let stage = Stage::with(|builder| {
        receiver
            .told(builder, Protocol::Grpc)
            .daemon("WORKER_PROFILES", "completion,agent")
            .both("PROXY_SANDBOX_MODE", "danger-full-access")
            .front("PROXY_API_KEY_PROFILES", "completion,agent")
    })
    .await;
    for stream in [false, true] {
        let body = asking(DIRECT, &commands(&["pwd", "false"]), stream);
        let got = stage.send(&[("x-codex-profile", "agent")], &body).await;
        assert_eq!(got.status, 200, "{got:?}");
        let mine = |span: &Span| {
            span.name.starts_with("chat ")
                && span.resource["service.name"] == "http-front"
                && span.attributes.get("gen_ai.request.stream").is_some() == stream
        };
        let span = receiver.span("the model's span", mine).await.expect("a span");
        let told = span.event_names().iter().filter(|name| **name == "codex.agent_command").count();
        assert_eq!((told, &span.attributes["codex.agent_command.count"]), (2, &2.into()), "{span:?}");
    }
    assert_eq!(stage.logged(4).await.len(), 4, "and as many lines");
}
