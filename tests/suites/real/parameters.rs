//! What the parameters of a request make of what goes up, and of the answer.

use super::support::{Got, Stage, asking};
use gateway_tests::{
    pair::Builder,
    upstream::{Pieces, Reply, Usage},
};
use serde_json::{Value, json};

fn said(text: &str) -> Reply {
    Reply::new().text(Pieces::new(text).chars(3)).completed(Usage::default())
}

/// The request with these members, its answer, and the upstream's last request.
async fn asked(stage: &Stage, members: Value, reply: Reply) -> (Got, Value) {
    let mut body = asking(false);
    body.as_object_mut().expect("an object").extend(members.as_object().expect("members").clone());
    let got = stage.ask([reply], &body).await;
    let recorded = stage.upstream.requests();
    (got, recorded.last().expect("a request").json().clone())
}

/// What can be carried goes up as it was asked for; codex itself leaves `priority` out for a model without it, so the
/// client is told.
#[tokio::test(flavor = "multi_thread")]
async fn verbosity_tier_and_summary_go_up() {
    let aliases = "own=own-model-1,hidden=gpt-daybreak-blue-latest";
    let stage =
        Stage::with(|url| Builder::real(url).expect("a home").both("PROXY_MODEL_ALIASES", aliases)).await;
    for (model, tier, goes_up) in [
        ("gpt-5.5", "priority", json!("priority")),
        ("gpt-5.5", "fast", json!("priority")),
        ("gpt-5.5", "flex", json!("flex")),
        ("gpt-5.5", "auto", Value::Null),
        ("gpt-5.5", "scale", Value::Null),
        ("own", "priority", json!("priority")),
        ("hidden", "priority", Value::Null),
        ("hidden", "flex", json!("flex")),
    ] {
        let members = json!({"model": model, "service_tier": tier, "verbosity": "high", "reasoning": {"summary": "detailed"}});
        let (got, up) = asked(&stage, members, said("ok")).await;
        assert_eq!(got.content(), "ok");
        assert_eq!(up["service_tier"], goes_up, "{tier} of {model}");
        assert_eq!(
            (&up["text"]["verbosity"], &up["reasoning"]["summary"]),
            (&json!("high"), &json!("detailed"))
        );
        let lost = goes_up.is_null() && tier != "auto";
        assert_eq!(got.header("x-codex-ignored-params"), lost.then_some("service_tier"), "{tier} of {model}");
    }
    let (_, up) = asked(&stage, json!({"model": "gpt-5.5"}), said("ok")).await;
    assert_eq!(
        (&up["service_tier"], &up["text"], &up["reasoning"]),
        (&Value::Null, &Value::Null, &json!({}))
    );
    stage.check_upstream();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_ends_at_a_stop_text_or_at_its_limit() {
    let stage = Stage::new().await;
    let text = "One, two, three. Four, five.";
    for (members, content, reason) in [
        (json!({"stop": "three"}), "One, two, ", "stop"),
        (json!({"stop": ["Six", " two"], "max_tokens": 100}), "One,", "stop"),
        (json!({"max_tokens": 3}), "One, two", "length"),
        (json!({"max_completion_tokens": 3, "stop": ["three"]}), "One, two", "length"),
        (json!({"max_tokens": 100, "stop": ["Six"]}), text, "stop"),
    ] {
        let (got, _) = asked(&stage, members.clone(), said(text)).await;
        assert_eq!(got.content(), content, "{members}");
        assert_eq!(got.json()["choices"][0]["finish_reason"], reason, "{members}");
    }
}
