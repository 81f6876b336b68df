//! What a request asks for by its headers, and the headers that say what was done with it.

use gateway_tests::pair::{Builder, KEY, Pair};
use serde_json::{Value, json};

use crate::door::{asking, builder, chat, failure, once, request, said, start, stranger};
use crate::raw::{Answer, Raw};

const CHAT: &str = "/v1/chat/completions";
const ROUTES: [&str; 2] = [CHAT, "/v1/completions"];

/// A body that is right for both routes.
fn body() -> String {
    let mut body = asking("hi");
    body["prompt"] = json!("hi");
    body.to_string()
}

async fn post(pair: &Pair, path: &str, headers: &[&str], body: &str) -> Answer {
    once(pair, &request("POST", path, headers, body.as_bytes())).await
}

/// The front with a prompt that is put into requests.
fn prompted(mode: &str) -> Builder {
    let builder = builder();
    let path = builder.home().join("prompt.txt");
    std::fs::write(&path, "Be brief.").expect("a prompt");
    builder
        .front("CODEX__SYSTEM_PROMPT_FILE", path.to_string_lossy())
        .front("CODEX__SYSTEM_PROMPT_INJECTION_MODE", mode)
}

/// What an answer says of the prompt and of the profile.
fn told(answer: &Answer) -> (Option<&str>, Option<&str>) {
    (answer.header("x-codex-injection-mode"), answer.header("x-codex-profile"))
}

#[tokio::test]
async fn every_header_is_read_by_the_same_rules() {
    let pair = start(builder()).await;
    for (name, value) in [
        ("x-codex-metadata", "true"),
        ("x-proxy-output-mode", "openai-json"),
        ("x-codex-profile", "completion"),
    ] {
        let (one, empty, odd) = (format!("{name}: {value}"), format!("{name}: "), format!("{name}: odd"));
        for path in ROUTES {
            for fine in [&[][..], &[&*one], &[&*empty]] {
                assert_eq!(post(&pair, path, fine, &body()).await.status, 200, "{path} {fine:?}");
            }
            for bad in [&[&*odd][..], &[&one, &one], &[&one, &odd], &[&one, &empty]] {
                let error = failure(&post(&pair, path, bad, &body()).await, 400, None);
                assert_eq!(error["param"], name, "{path} {bad:?}");
            }
        }
    }
}

/// Every answer to a request of a known client whose body was read; also where nothing came of it.
#[tokio::test]
async fn an_answer_to_a_body_says_what_was_done_with_the_prompt_and_what_ran() {
    let pair = start(prompted("append")).await;
    let unknown = asking("hi").to_string().replace("codex-5", "nope");
    for path in ROUTES {
        for (headers, body, status) in [
            (&[][..], &*body(), 200),
            (&[], "{", 400),
            (&[], "{}", 400),
            (&[], &unknown.replace("\"messages\"", "\"prompt\":\"hi\",\"messages\""), 404),
            (&["x-codex-metadata: odd"], "{}", 400),
            (&["x-proxy-output-mode: odd"], "{}", 400),
        ] {
            let answer = post(&pair, path, headers, body).await;
            assert_eq!(answer.status, status, "{path} {headers:?} {body}: {}", answer.text());
            assert_eq!(told(&answer), (Some("append"), Some("completion")), "{path} {headers:?} {body}");
        }
        // Nothing ran as anything.
        for (word, status) in [("odd", 400), ("agent", 403)] {
            let answer = post(&pair, path, &[&format!("x-codex-profile: {word}")], &body()).await;
            assert_eq!((answer.status, told(&answer)), (status, (Some("append"), None)), "{path} {word}");
        }
        let asked = post(&pair, path, &["x-codex-profile: completion"], "{").await;
        assert_eq!(told(&asked), (Some("append"), Some("completion")));
    }
}

#[tokio::test]
async fn an_answer_before_the_body_says_nothing_of_it() {
    let pair = start(prompted("override").front("PROXY_MAX_BODY_BYTES", "4096")).await;
    for bytes in [
        stranger("POST", CHAT, &["Authorization: Bearer sk-wrong"], body().as_bytes()),
        request("POST", CHAT, &[], &[b' '; 5000]),
        request("GET", CHAT, &[], b""),
        request("OPTIONS", CHAT, &[], b""),
        request("GET", "/v1/models", &[], b""),
    ] {
        let answer = once(&pair, &bytes).await;
        assert_eq!(told(&answer), (None, None), "{}", answer.head);
    }
    let mut raw = Raw::connect(pair.addr).await;
    raw.send(request("HEAD", CHAT, &[], b"")).await;
    let head = raw.answer_to_head().await;
    assert_eq!((head.status, told(&head)), (200, (None, None)), "{}", head.head);
    assert!(!pair.front.log().iter().any(|line| line.contains(KEY)));
}

/// What is refused without a prompt is refused with one that would take its place.
#[tokio::test]
async fn a_prompt_does_not_hide_a_bad_message() {
    let image = json!({ "type": "image_url", "image_url": { "url": "data:image/png;base64,AA==" } });
    let mut outcomes: Vec<Vec<Value>> = Vec::new();
    for mode in ["disabled", "append", "override"] {
        let pair = start(prompted(mode)).await;
        let mut errors = Vec::new();
        for first in [
            json!({ "role": "system" }),
            json!({ "role": "system", "content": null }),
            json!({ "role": "developer", "content": [] }),
            json!({ "role": "developer", "content": [image] }),
            json!({ "role": "system", "content": [{ "type": "text" }] }),
        ] {
            let mut body = asking("hi");
            body["messages"].as_array_mut().expect("messages").insert(0, first);
            let answer = once(&pair, &chat(body.to_string().as_bytes())).await;
            assert_eq!(answer.status, 400, "{mode}: {body}");
            errors.push(answer.json());
        }
        outcomes.push(errors);
        let mut body = asking("hi");
        body["messages"]
            .as_array_mut()
            .expect("messages")
            .insert(0, json!({ "role": "system", "content": "S" }));
        said(&once(&pair, &chat(body.to_string().as_bytes())).await);
    }
    assert_eq!(outcomes[0], outcomes[1]);
    assert_eq!(outcomes[0], outcomes[2]);
}
