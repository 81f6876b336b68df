//! Lines that codex can't read: some would end it for everybody, some would get no answer.

use gateway_tests::pair::{Pair, SocketClient};
use serde_json::{Value, json};

use crate::support::{Stage, asking};

/// Beyond the depth at which codex stops reading.
const DEEP: usize = 126;

/// Requests with the id `"h"` that codex can't read, each with what is said of it.
fn hostile() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let injected = |items: &str| {
        let params = format!(r#"{{"threadId":"t","items":{items}}}"#);
        format!(r#"{{"id":"h","method":"thread/inject_items","params":{params}}}"#).into_bytes()
    };
    let listed =
        |more: &str| format!(r#"{{"id":"h","method":"model/list","params":{{}},{more}}}"#).into_bytes();
    let nested = format!("{}{}", "[".repeat(DEEP), "]".repeat(DEEP));
    let mut torn = injected(r#"["?"]"#);
    let at = torn.iter().position(|b| *b == b'?').expect("a place to tear");
    torn[at] = 0xff;
    vec![
        ("a byte that is no UTF-8", torn, "not UTF-8 at column"),
        ("a lone surrogate", injected(r#"["\ud800"]"#), "not valid JSON at column"),
        ("a lone surrogate in a name", injected(r#"[{"\udfff":1}]"#), "not valid JSON at column"),
        ("a lone surrogate beside the params", listed(r#""x":"\ud800""#), "not valid JSON at column"),
        ("too deep nesting", injected(&nested), "nested deeper than 127 levels at column"),
        ("a number as trace", listed(r#""trace":5"#), "`trace` is no object"),
        ("a private number", injected(r#"[{"$serde_json::private::Number":"x"}]"#), "a member name begins"),
        ("a private value", listed(r#""$serde_json::private::RawValue":"{""#), "a member name begins"),
    ]
}

async fn served(pair: &Pair) {
    let mut other = SocketClient::connect(&pair.socket).await.expect("another connection");
    let models = other.call("model/list", &json!({})).await.expect("an answer");
    assert!(models["data"].is_array(), "{models}");
}

#[tokio::test]
async fn lines_that_codex_cannot_read_are_answered_at_once_and_harm_nobody() {
    let stage = Stage::new().await;
    let child = stage.pair.child_pid().expect("a child");
    let mut client = SocketClient::connect(&stage.pair.socket).await.expect("a connection");
    // More than codex may have unanswered: were they forwarded, they would block everybody's requests.
    for round in 0..20 {
        for (what, line, wanted) in hostile() {
            client.send_raw(&line).await.expect("a line sent");
            let answer = client.next().await.unwrap_or_else(|e| panic!("{what} in round {round}: {e}"));
            assert_eq!(answer["id"], "h", "{what}: {answer}");
            let said = answer["error"]["message"].as_str().unwrap_or_default();
            assert!(said.starts_with(wanted), "{what}: {answer}");
        }
    }
    client.call("model/list", &json!({})).await.expect("the connection goes on");
    served(&stage.pair).await;
    assert_eq!(stage.pair.child_pid(), Some(child), "codex was replaced");
    let reply = gateway_tests::upstream::Reply::new()
        .text("still here")
        .completed(gateway_tests::upstream::Usage::new(1, 0, 1, 0));
    assert_eq!(stage.ask([reply], &asking(false)).await.content(), "still here");
}

/// What just passes here is read by codex: the limit is codex's own, not one below it.
#[tokio::test]
async fn what_passes_is_answered_by_codex() {
    let stage = Stage::new().await;
    let mut client = SocketClient::connect(&stage.pair.socket).await.expect("a connection");
    let nested = format!("{}{}", "[".repeat(DEEP - 1), "]".repeat(DEEP - 1));
    for more in [
        format!(r#""params":{{"limit":{nested}}}"#),
        r#""params":{},"x":"\ud83d\ude00 \u0000""#.to_owned(),
        r#""params":{},"trace":{"traceparent":null}"#.to_owned(),
        r#""params":{},"x":18446744073709551616,"y":{"$serde":1}"#.to_owned(),
    ] {
        client
            .send_raw(format!(r#"{{"id":"h","method":"model/list",{more}}}"#).as_bytes())
            .await
            .expect("a line sent");
        let answer: Value = client.next().await.unwrap_or_else(|e| panic!("{more}: {e}"));
        assert_eq!(answer["id"], "h", "{answer}");
        let said = answer["error"]["message"].as_str().unwrap_or("Invalid request");
        assert!(said.starts_with("Invalid request"), "not codex's words: {answer}");
    }
}
