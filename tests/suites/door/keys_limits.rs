//! The limits of keys in a file: each key has its own, and a page may read what it is told of them.

use gateway_tests::pair::Pair;
use serde_json::json;

use crate::codexctl::Keys;
use crate::door::{asking, builder, failure, once, said, start, stranger};
use crate::keys_file::chat_as;
use crate::raw::{Answer, Raw};

async fn started(keys: &Keys) -> Pair {
    start(builder().front("PROXY_API_KEYS_FILE", keys.setting())).await
}

fn told(answer: &Answer, name: &str) -> String {
    let value = answer.header(name);
    assert!(value.is_some(), "no {name}: {}", answer.head);
    value.unwrap_or_default().to_owned()
}

#[tokio::test]
async fn each_key_has_the_limits_of_its_entry() {
    let keys = Keys::new();
    let two = keys.add(&["two", "--requests", "2", "--tokens", "100000", "--window", "1h"]).await;
    let free = keys.add(&["free"]).await;
    let pair = started(&keys).await;
    for left in ["1", "0"] {
        let answer = chat_as(&pair, &two).await;
        said(&answer);
        assert_eq!(told(&answer, "x-ratelimit-remaining-requests"), left);
        assert_eq!(told(&answer, "x-ratelimit-limit-tokens"), "100000");
    }
    let origin = "Origin: https://app.example.com";
    let bearer = format!("Authorization: Bearer {two}");
    let body = asking("hi").to_string();
    let refused =
        once(&pair, &stranger("POST", "/v1/chat/completions", &[&bearer, origin], body.as_bytes())).await;
    let error = failure(&refused, 429, Some("rate_limit_exceeded"));
    assert!(error["message"].as_str().is_some_and(|text| text.contains("2 requests")), "{error}");
    // A page reads it, and when to come again.
    assert_eq!(told(&refused, "access-control-allow-origin"), "*");
    let exposed = told(&refused, "access-control-expose-headers");
    for name in ["x-ratelimit-reset-requests", "retry-after", "retry-after-ms", "x-should-retry"] {
        assert!(refused.header(name).is_some(), "{name}: {}", refused.head);
        assert!(exposed.split(", ").any(|told| told == name), "{name}: {exposed}");
    }
    let other = chat_as(&pair, &free).await;
    said(&other);
    assert_eq!(other.header("x-ratelimit-limit-requests"), None, "{}", other.head);
}

#[tokio::test]
async fn a_key_has_so_many_requests_open_and_others_have_theirs() {
    let keys = Keys::new();
    let one = keys.add(&["one", "--streams", "1"]).await;
    let other = keys.add(&["other", "--streams", "1"]).await;
    let pair = started(&keys).await;
    let mut hanging = asking("hi\n!hang");
    hanging["stream"] = json!(true);
    let bearer = format!("Authorization: Bearer {one}");
    let mut raw = Raw::connect(pair.addr).await;
    raw.send(stranger("POST", "/v1/chat/completions", &[&bearer], hanging.to_string().as_bytes())).await;
    raw.seen("\"role\":\"assistant\"").await;
    let full = pair.eventually("the key's one place to be taken", || async {
        let answer = chat_as(&pair, &one).await;
        (answer.status == 429).then_some(answer)
    });
    let full = full.await.expect("a refusal");
    let error = failure(&full, 429, Some("rate_limit_exceeded"));
    assert!(error["message"].as_str().is_some_and(|text| text.contains("open at once")), "{error}");
    said(&chat_as(&pair, &other).await);
    drop(raw);
    let free = pair.eventually("the place to be given back", || async {
        (chat_as(&pair, &one).await.status == 200).then_some(())
    });
    free.await.expect("an answer");
}
