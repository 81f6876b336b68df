//! A pair with a recorder on every lane, and the transcript of what was played on it.

use std::path::PathBuf;

use gateway_tests::{
    fake_child::Script,
    pair::{Binary, Builder, KEY, Pair, binary, real_codex},
};
use serde_json::{Value, json};
use shared::build_info;

use crate::order::{self, id, is};
use crate::raw::{Answer, Raw};
use crate::redact::redact;
use crate::relay::Relay;

/// A running pair with its recorders.
pub(crate) struct Stage {
    pub(crate) pair: Pair,
    relay: Relay,
    tap: PathBuf,
    /// How long the lanes were when the scenario began.
    from: (usize, usize),
    http: String,
    /// Whether lines without a fixed place are sorted out.
    racing: bool,
}

impl Stage {
    /// Around the scripted child.
    pub(crate) async fn fake() -> Self {
        let builder = Builder::fake(&Script::default()).expect("a home for the pair");
        Self::start(builder, binary(Binary::FakeCodex), false).await
    }

    /// Around the real child of this builder.
    pub(crate) async fn real(builder: Builder) -> Self {
        Self::start(builder, real_codex(), true).await
    }

    async fn start(builder: Builder, child: PathBuf, racing: bool) -> Self {
        let (home, socket) = (builder.home().to_owned(), builder.socket());
        let tap = home.join("tap.log");
        let settings = json!({ "command": child, "log": tap }).to_string();
        std::fs::write(home.join("child-tap.json"), settings).expect("the tap's settings are written");
        let between = home.join("relay.sock");
        let builder =
            builder.child(binary(Binary::ChildTap)).front("WORKER_SOCKET", between.to_string_lossy());
        let pair = builder.start_unready().await.expect("the pair starts");
        // The front is let in only now, so that its handshake is the same in every run.
        pair.daemon
            .logged("the worker to be ready", |line| line["event"] == "worker_ready")
            .await
            .expect("the worker is ready");
        let relay = Relay::start(&between, socket).expect("the relay serves");
        let known = pair.eventually("the models to be known", || async {
            let models = pair.client().get(pair.url("/v1/models")).send().await.ok()?;
            models.status().is_success().then_some(())
        });
        known.await.expect("the pair serves");
        let mut stage = Self { pair, relay, tap, from: (0, 0), http: String::new(), racing };
        stage.from = (stage.socket().len(), stage.child().len());
        stage
    }

    /// The same with everything from the handshake on.
    pub(crate) fn with_handshake(mut self) -> Self {
        self.from = (0, 0);
        self
    }

    fn socket(&self) -> Vec<String> {
        self.relay.lines()
    }

    /// The whole lines on the child's pipes so far.
    fn child(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.tap).unwrap_or_default();
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        text[..whole].lines().map(str::to_owned).collect()
    }

    /// Posts a chat completion and reads its whole answer.
    pub(crate) async fn chat(&mut self, body: &Value) -> Answer {
        let mut raw = self.send(body).await;
        let answer = raw.answer().await;
        self.heard(&answer.head, answer.text());
        self.quiet().await;
        answer
    }

    /// Gets a path.
    pub(crate) async fn get(&mut self, path: &str) {
        let mut raw = Raw::connect(self.pair.addr).await;
        let request = format!("GET {path} HTTP/1.1\r\nHost: front\r\n\r\n");
        raw.send(&request).await;
        self.http.push_str(&marked("> ", &request));
        let answer = raw.answer().await;
        self.heard(&answer.head, answer.text());
    }

    /// Posts a chat completion, reads until `text` was seen, and hangs up.
    pub(crate) async fn hang_up_at(&mut self, body: &Value, text: &str) {
        let mut raw = self.send(body).await;
        let head = raw.head().await;
        raw.seen(text).await;
        self.heard(&head, &format!("(read up to {text:?}, then hung up)"));
        drop(raw);
        self.quiet().await;
    }

    async fn send(&mut self, body: &Value) -> Raw {
        let body = body.to_string();
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: front\r\nAuthorization: Bearer {KEY}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.http.push_str(&marked("> ", &head));
        self.http.push_str(&marked("> ", &body));
        let mut raw = Raw::connect(self.pair.addr).await;
        raw.send(head + &body).await;
        raw
    }

    fn heard(&mut self, head: &str, body: &str) {
        self.http.push_str(&marked("< ", head));
        self.http.push_str(&marked("< ", body));
    }

    /// Waits until every thread is let go and the front has heard so: nothing follows then.
    async fn quiet(&self) {
        let let_go = self.pair.eventually("the threads to be let go", || async {
            let socket = self.socket().split_off(self.from.0);
            let asked = |method: &str| -> Vec<Value> {
                socket.iter().filter(|line| is(line, method)).filter_map(|line| id(line)).collect()
            };
            let answers: Vec<Value> =
                socket.iter().filter(|line| line.starts_with("< ")).filter_map(|line| id(line)).collect();
            let begun = asked("thread/start").len();
            let gone = asked("thread/unsubscribe").iter().filter(|id| answers.contains(id)).count();
            let still = asked("turn/interrupt").iter().any(|id| !answers.contains(id));
            let child = self.child().split_off(self.from.1);
            let closed = child.iter().filter(|l| is(l, "thread/closed")).count();
            (gone == begun && closed == begun && !still).then_some(())
        });
        let_go.await.expect("the threads are let go");
    }

    /// The three lanes as text.
    pub(crate) fn transcript(&self) -> String {
        let lane = |lines: Vec<String>, from: usize, certain| {
            let lines = lines[from..].to_vec();
            if self.racing { order::settled(lines, certain) } else { order::scripted(lines) }
        };
        let text = format!(
            "=== HTTP (> request, < answer)\n{}\n=== socket (> to the daemon, < from it)\n{}\n\n\
             === child (> to the child, < from it)\n{}\n",
            self.http,
            lane(self.socket(), self.from.0, order::CERTAIN_ON_THE_SOCKET),
            lane(self.child(), self.from.1, order::CERTAIN_AT_THE_CHILD),
        );
        let version = |name: &str| format!("\"version\":\"{name}\"");
        let known = [
            (self.pair.home().to_string_lossy().into_owned(), "<home>"),
            (version(build_info::VERSION), "\"version\":\"<ours>\""),
        ];
        redact(&text, &known)
    }
}

/// Each line with a mark; what ends a line is shown.
fn marked(mark: &str, text: &str) -> String {
    let lines = text.split_inclusive('\n');
    lines
        .map(|line| {
            let shown = line.replace('\r', "\\r").replace('\n', "\\n");
            format!("{mark}{shown}\n")
        })
        .collect()
}
