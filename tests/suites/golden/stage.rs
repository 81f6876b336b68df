//! A pair with a recorder on every lane, and the transcript of what was played on it.

use std::path::PathBuf;

use gateway_tests::{
    fake_child::Script,
    pair::{Binary, Builder, KEY, Pair, binary, real_codex},
};
use serde_json::{Value, json};
use shared::build_info;

use crate::raw::{Answer, Raw};
use crate::redact::redact;
use crate::relay::Relay;

/// Notifications whose place among others is not fixed: the real child tells them from tasks of their own.
const RACING: [&str; 3] = ["thread/started", "turn/started", "account/rateLimits/updated"];

/// A running pair with its recorders.
pub(crate) struct Stage {
    pub(crate) pair: Pair,
    relay: Relay,
    tap: PathBuf,
    /// How long the lanes were when the scenario began.
    from: (usize, usize),
    http: String,
    /// Whether [`RACING`] lines are sorted out.
    racing: bool,
}

impl Stage {
    /// Around the scripted child.
    pub(crate) async fn fake() -> Self {
        let builder = Builder::fake(&Script::default()).expect("a home for the pair");
        Self::start(builder, binary(Binary::FakeCodex), false).await
    }

    /// Around the real child with this upstream.
    pub(crate) async fn real(base_url: &str) -> Self {
        let builder = Builder::real(base_url).expect("a home for the pair");
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

    /// Waits until the thread is let go and the front has heard so: nothing follows then.
    async fn quiet(&self) {
        let let_go = self.pair.eventually("the thread to be let go", || async {
            let socket = self.socket().split_off(self.from.0);
            let asked = socket.iter().find(|l| l.contains("\"thread/unsubscribe\""))?;
            let id = id(asked)?;
            let answered = socket.iter().any(|l| l.starts_with("< ") && self::id(l).as_ref() == Some(&id));
            let child = self.child().split_off(self.from.1);
            let closed = child.iter().any(|l| l.contains("\"thread/closed\""));
            (answered && closed).then_some(())
        });
        let_go.await.expect("the thread is let go");
    }

    /// The three lanes as text.
    pub(crate) fn transcript(&self) -> String {
        let lane = |lines: Vec<String>, from: usize| {
            let lines = by_direction(lines[from..].to_vec());
            if self.racing { apart(lines) } else { lines.join("\n") }
        };
        let text = format!(
            "=== HTTP (> request, < answer)\n{}\n=== socket (> to the daemon, < from it)\n{}\n\n\
             === child (> to the child, < from it)\n{}\n",
            self.http,
            lane(self.socket(), self.from.0),
            lane(self.child(), self.from.1),
        );
        let version = |name: &str| format!("\"version\":\"{name}\"");
        let known = [
            (self.pair.home().to_string_lossy().into_owned(), "<home>"),
            (version(build_info::VERSION), "\"version\":\"<ours>\""),
        ];
        redact(&text, &known)
    }
}

/// From an interrupt on both sides write at once: what goes to the child is shown before what comes from it.
fn by_direction(mut lines: Vec<String>) -> Vec<String> {
    if let Some(at) = lines.iter().position(|l| l.contains("\"turn/interrupt\"")) {
        lines[at..].sort_by_key(|l| l.starts_with("< "));
        lines.insert(at, "(from here on all that goes there stands before all that comes)".to_owned());
    }
    lines
}

/// [`RACING`] lines behind the others.
fn apart(lines: Vec<String>) -> String {
    let is = |line: &str, method: &str| line.contains(&format!("\"method\":\"{method}\""));
    let place = |line: &str| RACING.iter().position(|method| is(line, method));
    let (mut racing, fixed): (Vec<String>, Vec<String>) = lines.into_iter().partition(|l| place(l).is_some());
    racing.sort_by_key(|line| place(line));
    let mut text = fixed.join("\n");
    if !racing.is_empty() {
        text.push_str("\n(in no fixed place among the lines above)\n");
        text.push_str(&racing.join("\n"));
    }
    text
}

/// The id of a JSON-RPC line with its mark.
fn id(line: &str) -> Option<Value> {
    let message: Value = serde_json::from_str(line.get(2..)?).ok()?;
    message.get("id").cloned()
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
