//! The directives in a prompt.

use gateway_tests::upstream::{Directives, Outcome};
use serde_json::json;

use crate::harness::{SOON, ask, asking, read, send, upstream};

const TEXT: &str = "response.output_text.delta";

#[tokio::test]
async fn a_plain_prompt_is_echoed() {
    let upstream = upstream(Directives::new()).await;
    assert_eq!(ask(&upstream, "hi\nyou !").await.deltas(TEXT), ["hi\nyou !"]);
    let mut body = asking("unused");
    body["input"] = json!("as a string");
    let got = read(send(&upstream, &body).await.expect("an answer")).await;
    assert_eq!(got.deltas(TEXT), ["as a string"]);
}

#[tokio::test]
async fn directives_say_what_comes() {
    let upstream = upstream(Directives::new()).await;
    for (prompt, expected) in [
        ("ignored\n!echo one\\ntwo \\\\n", vec!["one\ntwo \\n"]),
        ("!repeat 3 ab", vec!["ababab"]),
        ("!chunks 2\n!echo abcde", vec!["ab", "cd", "e"]),
        ("!messages 2", vec!["message 1 of 2", "message 2 of 2"]),
        ("!delay 1\n!pause 1\n!chunks 1\n!echo ab", vec!["a", "b"]),
        ("!usage 1 2 3 4", vec!["ok"]),
    ] {
        assert_eq!(ask(&upstream, prompt).await.deltas(TEXT), expected, "{prompt}");
    }
    let bytes = ask(&upstream, "!bytes 1001").await.deltas(TEXT).concat();
    assert_eq!(bytes.len(), 1001);
    assert!(bytes.contains('🦊') && bytes.contains('\n'));
    let usage = ask(&upstream, "!usage 1 2 3 4").await.events();
    assert_eq!(
        usage.last().expect("an end")["response"]["usage"]["input_tokens_details"]["cached_tokens"],
        2
    );
}

#[tokio::test]
async fn reasoning_and_calls() {
    let upstream = upstream(Directives::new()).await;
    let prompt = "!reasoning hm\n!call get {\"a\":1}\n!call put {}";
    let got = ask(&upstream, prompt).await;
    let items = got.items();
    assert_eq!(items[0]["summary"][0]["text"], "hm");
    assert_eq!((items[1]["name"].clone(), items[1]["arguments"].clone()), (json!("get"), json!("{\"a\":1}")));
    assert_ne!(items[1]["call_id"], items[2]["call_id"]);

    let mut body = asking(prompt);
    let input = body["input"].as_array_mut().expect("items");
    for (place, call) in items.into_iter().enumerate() {
        let call_id = call["call_id"].clone();
        input.push(call);
        if place > 0 {
            input.push(
                json!({"type": "function_call_output", "call_id": call_id, "output": format!("out {place}")}),
            );
        }
    }
    let got = read(send(&upstream, &body).await.expect("an answer")).await;
    assert_eq!(got.deltas(TEXT), ["out 1\nout 2"], "it does not call again");
    assert_eq!(upstream.problems(), [""; 0]);
}

#[tokio::test]
async fn failures() {
    let upstream = upstream(Directives::new()).await;
    assert_eq!(ask(&upstream, "!status 503").await.status, 503);
    assert_eq!(ask(&upstream, "!usage_limit").await.json()["error"]["type"], "usage_limit_reached");
    let failed = ask(&upstream, "!fail context_length_exceeded too long").await.events();
    assert_eq!(failed.last().expect("an end")["response"]["error"]["message"], "too long");
    let cut = ask(&upstream, "!chunks 1\n!echo abc\n!cut 2").await;
    assert_eq!((cut.whole, cut.deltas(TEXT)), (false, vec!["a".to_owned(), "b".to_owned()]));
    for (prompt, problem) in [("!nonsense", "unknown directive"), ("!chunks x", "'x' is not a number")] {
        let got = ask(&upstream, prompt).await;
        assert_eq!(got.status, 400);
        assert!(got.text().contains(problem), "{}", got.text());
    }
}

#[tokio::test]
async fn cut_once_lets_the_retry_through() {
    let upstream = upstream(Directives::new()).await;
    let prompt = "!chunks 1\n!echo abc\n!cut_once 1";
    assert!(!ask(&upstream, prompt).await.whole);
    let retry = ask(&upstream, prompt).await;
    assert_eq!((retry.whole, retry.deltas(TEXT).concat()), (true, "abc".to_owned()));
    let mut other = asking(prompt);
    other["prompt_cache_key"] = json!("thread-2");
    assert!(!read(send(&upstream, &other).await.expect("an answer")).await.whole, "another thread is cut");
}

#[tokio::test]
async fn stall_waits_for_the_peer() {
    let upstream = upstream(Directives::new()).await;
    let response = send(&upstream, &asking("!echo x\n!stall")).await.expect("an answer");
    drop(response);
    let outcome = upstream.wait_outcome(0, SOON).await.expect("it ends");
    assert!(matches!(outcome, Outcome::PeerClosed { .. }), "{outcome:?}");
}

#[tokio::test]
async fn an_answer_waits_at_its_gate_and_at_no_other() {
    let upstream = upstream(Directives::new()).await;
    let held = send(&upstream, &asking("!echo held\n!wait one")).await.expect("an answer");
    assert!(ask(&upstream, "!open two").await.whole);
    assert!(ask(&upstream, "!wait two").await.whole, "one that is open stays open");
    assert_eq!(upstream.outcome(0), Some(Outcome::Running), "it was let through");
    assert!(ask(&upstream, "!open one").await.whole);
    let held = read(held).await;
    assert_eq!((held.whole, held.deltas(TEXT).concat()), (true, "held".to_owned()));
}
