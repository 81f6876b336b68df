//! A pair around the real codex with a queue of replies, and answers read to their end.

use std::sync::Arc;

use gateway_tests::{
    described,
    pair::{Builder, DEADLINE, KEY, Pair},
    upstream::{Queue, Reply, Upstream},
};
use serde_json::{Value, json};

/// A pair, its upstream, and what that one will say.
pub(crate) struct Stage {
    pub(crate) pair: Pair,
    pub(crate) upstream: Upstream,
    replies: Arc<Queue>,
}

impl Stage {
    /// A child without retries of its own.
    pub(crate) async fn new() -> Self {
        Self::with(|url| Builder::real(url).expect("a home")).await
    }

    /// As `build` makes it for the upstream's URL.
    pub(crate) async fn with(build: impl FnOnce(&str) -> Builder) -> Self {
        let replies = Arc::new(Queue::default());
        let upstream = Upstream::start(Arc::clone(&replies)).await.expect("an upstream on loopback");
        let pair = build(&upstream.base_url()).start().await.expect("a pair that is ready");
        Self { pair, upstream, replies }
    }

    /// The whole answer to `body`, for which the upstream says `replies`: all of them, and no request more.
    pub(crate) async fn ask(&self, replies: impl IntoIterator<Item = Reply>, body: &Value) -> Got {
        let before = self.upstream.totals().requests;
        let mut count = 0;
        for reply in replies {
            self.replies.push(reply);
            count += 1;
        }
        let got = Got::read(self.send(body).await).await;
        let after = self.upstream.totals().requests;
        assert_eq!(
            (after - before, self.replies.left()),
            (count, 0),
            "upstream requests and replies left over after {}",
            got.shown()
        );
        got
    }

    /// The whole answer to a `body` that is posted to `path` with more headers. The upstream says what it was told to say.
    pub(crate) async fn post(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Got {
        let mut request = self.pair.client().post(self.pair.url(path)).bearer_auth(KEY).json(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = tokio::time::timeout(DEADLINE, request.send());
        Got::read(response.await.expect("the head of an answer in time").expect("an answer")).await
    }

    /// The upstream's next reply, behind those that wait.
    pub(crate) fn will_say(&self, reply: Reply) {
        self.replies.push(reply);
    }

    /// The head of the answer to `body`, for which the upstream says `reply`.
    pub(crate) async fn begin(&self, reply: Reply, body: &Value) -> reqwest::Response {
        self.replies.push(reply);
        self.send(body).await
    }

    /// Nothing went up that OpenAI would refuse, and nothing but completions.
    pub(crate) fn check_upstream(&self) {
        assert_eq!((self.upstream.problems(), self.upstream.strays()), (vec![], vec![]));
    }

    /// The head of the answer to `body`.
    pub(crate) async fn send(&self, body: &Value) -> reqwest::Response {
        tokio::time::timeout(DEADLINE, self.pair.chat(body))
            .await
            .expect("the head of an answer in time")
            .expect("an answer")
    }
}

/// An answer that was read to its end, and found as OpenAI describes it, to the last chunk.
pub(crate) struct Got {
    pub(crate) status: u16,
    headers: reqwest::header::HeaderMap,
    body: String,
}

impl Got {
    pub(crate) async fn read(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = tokio::time::timeout(DEADLINE, response.bytes())
            .await
            .expect("the end of an answer in time")
            .expect("a body that comes to its end");
        let body = String::from_utf8(body.to_vec()).expect("UTF-8");
        let got = Self { status, headers, body };
        described::check(status, got.header("content-type"), &got.body);
        got
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.shown()))
    }

    /// The content of a complete object.
    pub(crate) fn content(&self) -> String {
        assert_eq!(self.status, 200, "{}", self.shown());
        let object = self.json();
        assert_eq!(object["object"], "chat.completion");
        let content = object["choices"][0]["message"]["content"].as_str();
        content.expect("a content").to_owned()
    }

    /// The frames of a stream, after checking that each of them has the form that clients read.
    pub(crate) fn stream(&self) -> Stream {
        assert_eq!(self.status, 200, "{}", self.shown());
        assert_eq!(self.header("content-type"), Some("text/event-stream; charset=utf-8"));
        Stream::parsed(&self.body)
    }

    /// The beginning of the body, for a test's message.
    pub(crate) fn shown(&self) -> String {
        let start: String = self.body.chars().take(600).collect();
        format!("status {} and {start}", self.status)
    }
}

/// One frame of a stream.
#[derive(Debug, PartialEq)]
pub(crate) enum Frame {
    Comment(String),
    Data(Value),
    Done,
}

/// What a stream says.
pub(crate) struct Stream {
    pub(crate) frames: Vec<Frame>,
}

impl Stream {
    /// The frames, each found as OpenAI describes it.
    pub(crate) fn read(text: &str) -> Self {
        described::check(200, Some("text/event-stream"), text);
        Self::parsed(text)
    }

    fn parsed(text: &str) -> Self {
        assert!(text.ends_with("\n\n"), "the last frame is whole");
        let mut frames = Vec::new();
        for frame in text.split_terminator("\n\n") {
            // A comment is a line of the frame behind it: an empty line of its own is an event to some clients.
            let (comments, data) = frame.rsplit_once('\n').unwrap_or(("", frame));
            for comment in comments.lines() {
                assert!(comment.starts_with(": "), "one line of data in a frame: {frame}");
                frames.push(Frame::Comment(comment.to_owned()));
            }
            frames.push(match data.strip_prefix("data: ") {
                Some("[DONE]") => Frame::Done,
                Some(data) => Frame::Data(serde_json::from_str(data).expect("JSON in a frame")),
                None => panic!("an empty line without data before it: {frame}"),
            });
        }
        Self { frames }
    }

    /// The frames with data, in order.
    pub(crate) fn chunks(&self) -> Vec<&Value> {
        let data = self.frames.iter().filter_map(|frame| match frame {
            Frame::Data(data) => Some(data),
            Frame::Comment(_) | Frame::Done => None,
        });
        data.collect()
    }

    /// The text of all chunks.
    pub(crate) fn text(&self) -> String {
        let chunks = self.chunks().into_iter();
        chunks.filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect()
    }

    /// The text of all chunks of one choice, which `member` of its delta holds.
    pub(crate) fn of(&self, index: usize, member: &str) -> String {
        let choices = self.chunks().into_iter().filter_map(|chunk| chunk["choices"][0].as_object());
        let mine = choices.filter(|choice| choice["index"] == index);
        mine.filter_map(|choice| choice["delta"][member].as_str()).collect()
    }

    /// The text of a stream that came to its proper end: one reason, and `[DONE]` once and last.
    pub(crate) fn complete(&self, reason: &str) -> String {
        let chunks = self.chunks();
        let reasons: Vec<&str> =
            chunks.iter().filter_map(|c| c["choices"][0]["finish_reason"].as_str()).collect();
        assert_eq!(reasons, [reason], "{:?}", chunks.last());
        let done = self.frames.iter().filter(|frame| **frame == Frame::Done).count();
        assert_eq!((done, self.frames.last()), (1, Some(&Frame::Done)));
        assert!(chunks.iter().all(|chunk| chunk.get("error").is_none()));
        self.text()
    }

    /// The text and the error of a stream that broke: one error, last, with neither a reason nor `[DONE]`.
    pub(crate) fn broken(&self) -> (String, Value) {
        let chunks = self.chunks();
        assert!(!self.frames.contains(&Frame::Done), "no [DONE] after an error");
        let finished = chunks.iter().any(|c| c["choices"][0]["finish_reason"].is_string());
        assert!(!finished, "no reason before an error");
        let errors = chunks.iter().filter(|chunk| chunk.get("error").is_some()).count();
        assert_eq!(errors, 1, "{:?}", chunks.last());
        let Some(Frame::Data(last)) = self.frames.last() else { panic!("no error at the end") };
        (self.text(), last["error"].clone())
    }
}

/// A message.
pub(crate) fn message(role: &str, text: &str) -> Value {
    json!({"role": role, "content": text})
}

/// A request with one user message.
pub(crate) fn asking(stream: bool) -> Value {
    request("codex-5", &[message("user", "Go.")], stream)
}

/// A request.
pub(crate) fn request(model: &str, messages: &[Value], stream: bool) -> Value {
    json!({"model": model, "messages": messages, "stream": stream})
}
