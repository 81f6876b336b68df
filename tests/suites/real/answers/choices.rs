//! `n`: independent runs side by side.

use super::{asking, choices};
use crate::support::{Got, Stage};
use gateway_tests::{
    pair::DEADLINE,
    upstream::{Gate, Pieces, Reply, Usage},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn several(n: usize, stream: bool) -> Value {
    let mut body = asking(&json!({"n": n, "stream": stream}));
    if stream {
        body["stream_options"] = json!({"include_usage": true});
    }
    body
}

fn usage(got: &Got, stream: bool) -> Value {
    if stream {
        got.stream().chunks().last().expect("a chunk")["usage"].clone()
    } else {
        got.json()["usage"].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_choice_is_a_run_of_its_own_and_usage_is_summed_as_billed() {
    let stage = Stage::new().await;
    for stream in [false, true] {
        let replies = (1..=3).map(|at| {
            let text = format!("answer {at} of three");
            Reply::new().text(Pieces::new(&text).chars(3)).completed(Usage::new(100, 10 * at, at, 0))
        });
        let got = stage.ask(replies, &several(3, stream)).await;
        let texts: BTreeSet<String> =
            choices(&got, stream, 3).into_iter().map(|(text, reason)| format!("{text} {reason}")).collect();
        let expected = (1..=3).map(|at| format!("answer {at} of three stop"));
        assert_eq!(texts, expected.collect());
        let usage = usage(&got, stream);
        assert_eq!(
            (&usage["prompt_tokens"], &usage["completion_tokens"], &usage["total_tokens"]),
            (&json!(300), &json!(6), &json!(306)),
            "{usage}"
        );
        assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], 60);
    }
    let requests = stage.upstream.requests();
    let asked: BTreeSet<_> = requests.iter().map(|request| request.last_user_text()).collect();
    assert_eq!(asked, BTreeSet::from([Some("Go.".to_owned())]), "the same for each");
    let keys: BTreeSet<_> = requests.iter().map(|request| request.cache_key().map(str::to_owned)).collect();
    assert_eq!(keys.len(), 6, "each in a thread of its own");
    stage.check_upstream();
}

/// Each waits for the other in mid-answer, so one after the other they would never end.
#[tokio::test(flavor = "multi_thread")]
async fn choices_are_interleaved() {
    let stage = Stage::new().await;
    let (first, second) = (Gate::new(), Gate::new());
    let replies = [
        Reply::new().text("one").signal(&first).wait(&second).text("two"),
        Reply::new().wait(&first).text("three").signal(&second),
    ];
    let got = stage.ask(replies, &several(2, true)).await;
    let mut texts = choices(&got, true, 2);
    texts.sort();
    let stop = |text: &str| (text.to_owned(), "stop".to_owned());
    assert_eq!(texts, [stop("one\n\ntwo"), stop("three")]);
    stage.check_upstream();
}

/// Half of what was asked for is no answer: the request fails with that one's error, and the others are interrupted.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_fails_fails_them_all() {
    let stage = Stage::new().await;
    for _ in 0..4 {
        stage.will_say(Reply::new().stall());
    }
    stage.will_say(Reply::new().failed("server_error", "No."));
    let got = Got::read(stage.send(&several(5, false)).await).await;
    assert_eq!(
        (got.status, &got.json()["error"]["code"]),
        (502, &json!("upstream_error")),
        "{}",
        got.shown()
    );
    interrupted(&stage).await;

    let begun = Gate::new();
    for _ in 0..4 {
        stage.will_say(Reply::new().text(Pieces::new("begun").stall()));
    }
    stage.will_say(Reply::new().wait(&begun).failed("server_error", "No."));
    let response = stage.send(&several(5, true)).await;
    // The head came with the first sign of life.
    begun.open();
    let got = Got::read(response).await;
    let (_, error) = got.stream().broken();
    assert_eq!((&error["code"], &error["type"]), (&json!("upstream_error"), &json!("server_error")));
    interrupted(&stage).await;
    stage.check_upstream();
}

/// What a policy refuses ends its own choice in a stream that has begun; as one object it is a failure.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_ends_its_own_choice_of_a_stream() {
    let stage = Stage::new().await;
    let begun = Gate::new();
    stage.will_say(Reply::new().text("begun").completed(Usage::new(1, 0, 1, 0)));
    stage.will_say(Reply::new().wait(&begun).failed("cyber_policy", "No."));
    let response = stage.send(&several(2, true)).await;
    // The head came with the first sign of life.
    begun.open();
    let got = Got::read(response).await;
    let mut ends = choices(&got, true, 2);
    ends.sort();
    let end = |text: &str, reason: &str| (text.to_owned(), reason.to_owned());
    assert_eq!(ends, [end("", "content_filter"), end("begun", "stop")]);
    assert!(usage(&got, true).is_null(), "one of them didn't tell");
    let replies = [Reply::new().text("a"), Reply::new().failed("cyber_policy", "No.")];
    for reply in replies {
        stage.will_say(reply);
    }
    let got = Got::read(stage.send(&several(2, false)).await).await;
    assert_eq!((got.status, &got.json()["error"]["code"]), (400, &json!("content_policy_violation")));
    stage.check_upstream();
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_no_more_than_the_operator_allows() {
    let stage = Stage::with(|url| {
        let builder = gateway_tests::pair::Builder::real(url).expect("a home");
        builder.front("PROXY_MAX_CHAT_CHOICES", "2")
    })
    .await;
    let got = stage.ask([], &several(3, false)).await;
    assert_eq!((got.status, &got.json()["error"]["param"]), (400, &json!("n")));
    let got = stage.ask([Reply::new().text("a"), Reply::new().text("a")], &several(2, false)).await;
    assert_eq!(choices(&got, false, 2).len(), 2);
}

/// Every request to the upstream has come to its end.
async fn interrupted(stage: &Stage) {
    stage
        .pair
        .eventually("the end of every run", || async {
            (stage.upstream.totals().running() == 0).then_some(())
        })
        .await
        .unwrap_or_else(|error| panic!("{error} in {DEADLINE:?}"));
}
