//! `reasoning_content`: what codex tells of the reasoning, where it is asked for.

use super::asking;
use crate::support::{Got, Stage};
use gateway_tests::{
    pair::Builder,
    upstream::{Pieces, Reasoning, Reply},
};
use serde_json::{Value, json};

fn thinking() -> Reply {
    let reasoning = Reasoning::new()
        .summary(Pieces::new("**First** I look.").chars(4))
        .summary(Pieces::new("Then I say."));
    Reply::new().reasoning(reasoning).text("Done.")
}

/// The reasoning and the text of an answer.
fn told(got: &Got, stream: bool) -> (Option<String>, String) {
    if stream {
        let stream = got.stream();
        let reasoning = stream.of(0, "reasoning_content");
        (Some(reasoning).filter(|text| !text.is_empty()), stream.complete("stop"))
    } else {
        let message = got.json()["choices"][0]["message"].take();
        (message["reasoning_content"].as_str().map(str::to_owned), got.content())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_told_where_the_request_names_an_effort_or_a_summary() {
    let stage = Stage::new().await;
    for stream in [false, true] {
        for (more, summary, tells) in [
            (json!({}), Value::Null, false),
            (json!({"reasoning_effort": "low"}), json!("auto"), true),
            (json!({"reasoning": {"effort": "low", "summary": "detailed"}}), json!("detailed"), true),
            (json!({"reasoning": {"summary": "concise"}}), json!("concise"), true),
        ] {
            let mut body = asking(&more);
            body["stream"] = stream.into();
            let got = stage.ask([thinking()], &body).await;
            let (reasoning, text) = told(&got, stream);
            assert_eq!(text, "Done.");
            let expected = tells.then(|| "**First** I look.\n\nThen I say.".to_owned());
            assert_eq!(reasoning, expected, "{more} {}", got.shown());
            let requests = stage.upstream.requests();
            let asked = requests.last().expect("a request").json()["reasoning"]["summary"].clone();
            assert_eq!(asked, summary, "{more}");
        }
    }
    stage.check_upstream();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_can_have_it_always_or_never() {
    for (mode, more, tells) in
        [("always", json!({}), true), ("never", json!({"reasoning_effort": "low"}), false)]
    {
        let stage =
            Stage::with(|url| Builder::real(url).expect("a home").front("PROXY_REASONING", mode)).await;
        let got = stage.ask([thinking()], &asking(&more)).await;
        assert_eq!(told(&got, false).0.is_some(), tells, "{mode}");
        stage.check_upstream();
    }
}

/// What was told of the reasoning isn't told again when codex begins a broken stream anew; the text is whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_broke_in_its_reasoning_goes_on() {
    let stage = Stage::with(|url| {
        let provider = "request_max_retries = 0\nstream_max_retries = 2\n";
        Builder::real_with(url, provider).expect("a home")
    })
    .await;
    let broken =
        Reply::new().reasoning(Reasoning::new().summary(Pieces::new("I look.").chars(3).cut_after(2)));
    let body = asking(&json!({"reasoning_effort": "low", "stream": true}));
    let got = stage.ask([broken, thinking()], &body).await;
    let (reasoning, text) = told(&got, true);
    assert_eq!((reasoning.as_deref(), text.as_str()), (Some("I look"), "Done."));
    stage.check_upstream();
}
