//! `/v1/completions`.

use crate::support::{Got, Stage};
use gateway_tests::{
    pair::{Builder, KEY},
    upstream::{Gate, Pieces, Recorded, Reply, Upstream, Usage},
};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};

const PATH: &str = "/v1/completions";

fn asking(more: &Value) -> Value {
    let mut body = json!({"model": "codex-5"});
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    body
}

/// The texts by their indexes, each with its reason.
fn texts(got: &Got, stream: bool, count: usize) -> Vec<(String, String)> {
    assert_eq!(got.status, 200, "{}", got.shown());
    let owned = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all: Vec<Value> = if stream {
        let stream = got.stream();
        assert_eq!(stream.frames.last(), Some(&crate::support::Frame::Done));
        stream.chunks().into_iter().filter_map(|chunk| chunk["choices"].get(0).cloned()).collect()
    } else {
        got.json()["choices"].as_array().expect("choices").clone()
    };
    (0..count)
        .map(|index| {
            let mine: Vec<&Value> = all.iter().filter(|choice| choice["index"] == index).collect();
            let text = mine.iter().map(|choice| owned(&choice["text"])).collect();
            (text, mine.iter().map(|choice| owned(&choice["finish_reason"])).collect())
        })
        .collect()
}

fn owned(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(text, reason)| ((*text).to_owned(), (*reason).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_is_the_users_message_and_nothing_else() {
    let stage = Stage::new().await;
    for stream in [false, true] {
        for (echo, text) in [(false, " there."), (true, "Hello there.")] {
            let reply = Reply::new().text(Pieces::new(" there.").chars(2)).completed(Usage::new(5, 1, 2, 0));
            stage.will_say(reply);
            let mut body =
                asking(&json!({"prompt": "Hello", "echo": echo, "stream": stream, "max_tokens": 100}));
            if stream {
                body["stream_options"] = json!({"include_usage": true});
            }
            let got = stage.post(PATH, &[], &body).await;
            assert_eq!(texts(&got, stream, 1), owned(&[(text, "stop")]), "{}", got.shown());
            let last = if stream {
                got.stream().chunks().last().copied().cloned().expect("a chunk")
            } else {
                got.json()
            };
            assert_eq!(last["usage"]["total_tokens"], 7);
            assert!(last["id"].as_str().is_some_and(|id| id.starts_with("cmpl-")), "{last}");
        }
    }
    for request in stage.upstream.requests() {
        let [item] = request.input() else { panic!("one message: {:?}", request.input()) };
        let said = json!([{"type": "input_text", "text": "Hello"}]);
        assert_eq!((&item["role"], &item["content"]), (&json!("user"), &said));
    }
    stage.check_upstream();
}

#[tokio::test(flavor = "multi_thread")]
async fn several_prompts_have_their_choices_one_after_the_other() {
    let brain = |request: &Recorded| {
        let prompt = request.last_user_text().unwrap_or_default();
        Reply::new().text(format!("{prompt}!")).completed(Usage::new(1, 0, 1, 0))
    };
    let upstream = Upstream::start(brain).await.expect("an upstream");
    let builder = Builder::real(&upstream.base_url()).expect("a home");
    let pair = builder.start().await.expect("a pair");
    for stream in [false, true] {
        let body = asking(&json!({"prompt": ["a", "b"], "n": 2, "echo": true, "stream": stream}));
        let sent = pair.client().post(pair.url(PATH)).bearer_auth(KEY).json(&body);
        let got = Got::read(sent.send().await.expect("an answer")).await;
        let expected = [("aa!", "stop"), ("aa!", "stop"), ("bb!", "stop"), ("bb!", "stop")];
        assert_eq!(texts(&got, stream, 4), owned(&expected), "{}", got.shown());
    }
    assert_eq!((upstream.problems(), upstream.strays()), (vec![], vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_suffix_and_what_is_refused() {
    let stage = Stage::new().await;
    stage.will_say(Reply::new().text(Pieces::new("x = 1\n\n# end").chars(3).stall()));
    let got = stage.post(PATH, &[], &asking(&json!({"prompt": "p", "stop": ["\n\n"]}))).await;
    assert_eq!(texts(&got, false, 1), owned(&[("x = 1", "stop")]));
    stage.will_say(Reply::new().text("in between"));
    let got = stage
        .post(PATH, &[], &asking(&json!({"prompt": "p", "suffix": "s", "temperature": 0, "best_of": 2})))
        .await;
    assert_eq!(texts(&got, false, 1), owned(&[("in between", "stop")]));
    assert_eq!(got.header("x-codex-ignored-params"), Some("best_of,temperature"));
    let requests = stage.upstream.requests();
    let content = requests[1].input()[0]["content"].as_array().expect("parts").clone();
    assert_eq!((content.len(), &content[1]["text"], &content[2]["text"]), (3, &json!("p"), &json!("s")));
    for (more, param) in [
        (json!({"prompt": [1, 2, 3]}), "prompt"),
        (json!({}), "prompt"),
        (json!({"prompt": "p", "logprobs": 3}), "logprobs"),
        (json!({"prompt": "p", "n": 6}), "n"),
        (json!({"prompt": "p", "stop": ["a", "b", "c", "d", "e"]}), "stop"),
        (json!({"prompt": "p", "max_tokens": -1}), "max_tokens"),
    ] {
        let got = stage.post(PATH, &[], &asking(&more)).await;
        assert_eq!((got.status, &got.json()["error"]["param"]), (400, &json!(param)), "{}", got.shown());
    }
    stage.check_upstream();
}

/// A request takes no more of the daemon at a time than it may have choices, and leaves the rest to others.
#[tokio::test(flavor = "multi_thread")]
async fn many_prompts_are_run_a_few_at_a_time() {
    const PROMPTS: usize = 8;
    const AT_ONCE: usize = 3;
    let gates: Vec<Gate> = (0..PROMPTS).map(|_| Gate::new()).collect();
    let (held, asked) = (gates.clone(), AtomicUsize::new(0));
    let brain = move |request: &Recorded| {
        let prompt = request.last_user_text().unwrap_or_default();
        let text = Pieces::new(format!("{prompt}!"));
        if prompt == "me?" {
            return Reply::new().text(text);
        }
        let gate = &held[asked.fetch_add(1, Ordering::Relaxed)];
        Reply::new().text(Pieces::empty().wait(gate).delta(text.whole())).completed(Usage::new(2, 0, 1, 0))
    };
    let upstream = Upstream::start(brain).await.expect("an upstream");
    let builder = Builder::real(&upstream.base_url()).expect("a home");
    let builder = builder.front("PROXY_MAX_CHAT_CHOICES", AT_ONCE.to_string());
    let builder = builder.daemon("WORKER_MAX_CONCURRENCY", (AT_ONCE + 1).to_string());
    let pair = builder.start().await.expect("a pair");
    let prompts: Vec<String> = (0..PROMPTS).map(|at| at.to_string()).collect();
    let post = |path: &str, body: Value| {
        let sent = pair.client().post(pair.url(path)).bearer_auth(KEY).json(&body).send();
        async move { Got::read(sent.await.expect("an answer")).await }
    };
    let all = post(PATH, asking(&json!({"prompt": prompts, "stream": false})));
    let one = async {
        let running = |count: usize| {
            let upstream = &upstream;
            move || async move {
                let begun = upstream.totals().requests;
                (begun == count as u64).then_some(())
            }
        };
        pair.eventually("the first turns", running(AT_ONCE)).await.expect("as many as there may be");
        let body = json!({"model": "codex-5", "messages": [{"role": "user", "content": "me?"}]});
        assert_eq!(post("/v1/chat/completions", body).await.content(), "me?!");
        for (at, gate) in gates.iter().enumerate() {
            let begun = (at + AT_ONCE).min(PROMPTS) + 1;
            pair.eventually("the next turn", running(begun)).await.expect("one for each that ended");
            gate.open();
        }
    };
    let (got, ()) = tokio::join!(all, one);
    let expected: Vec<(String, String)> =
        prompts.iter().map(|prompt| (format!("{prompt}!"), "stop".to_owned())).collect();
    assert_eq!(texts(&got, false, PROMPTS), expected, "{}", got.shown());
    assert_eq!(got.json()["usage"]["total_tokens"], 24);
    assert_eq!((upstream.problems(), upstream.strays()), (vec![], vec![]));
}
