//! schemathesis asks our own OpenAPI document's routes what chance makes of it.
//!
//! The model answers everything that may be asked, so that what isn't 200 is the front's doing. schemathesis holds each
//! answer against the document; here the answers are counted, and looked at once more as [`described`] does for all
//! suites (streams too, which OpenAPI can't describe).

mod long;
mod model;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use gateway_tests::{
    described,
    pair::{Builder, KEY, Pair},
    upstream::{Config, RecordMode, Upstream},
};
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

/// How long one run may take.
const DEADLINE: Duration = Duration::from_secs(1800);
/// It would hang up on a stream after 20 events.
const SETTINGS: &str = "max-stream-events = 10000\n";
/// What answers of the model must have shown, each at least once: a suite that asks for less is told apart.
const SHOWN: &[&str] = &[
    r#""object":"chat.completion""#,
    r#""object":"chat.completion.chunk""#,
    r#""object":"text_completion""#,
    r#""index":2"#,
    r#""tool_calls":[{"#,
    r#""custom":{"name""#,
    r#""function_call":{"#,
    r#""finish_reason":"length""#,
    r#""refusal":"The"#,
    r#""reasoning_content":"Weighing"#,
    r#""codex_metadata":{"#,
    r#""usage":{"#,
    "<use_tool>",
];

/// An answer, as `hooks.py` writes it down.
#[derive(Debug, Deserialize)]
struct Written {
    operation: String,
    /// That of the operation or, in a probe, another one.
    method: String,
    /// Whether the request was made as the document allows (`positive`) or against it.
    mode: String,
    status: u16,
    content_type: Option<String>,
    body: String,
    #[expect(dead_code, reason = "it is printed with what is wrong")]
    request: String,
    #[expect(dead_code, reason = "it is printed with what is wrong")]
    phase: String,
}

impl Written {
    /// What is wrong with it.
    fn faults(&self) -> Vec<String> {
        let kind = self.content_type.as_deref();
        let mut found = Vec::new();
        let expected = match (self.mode.as_str(), self.status) {
            ("positive", status) => status == 200,
            // Where the document is narrower than the service, or doesn't know what is ignored.
            (_, 200) => true,
            (_, 204) => self.method == "OPTIONS",
            (_, status) => (400..500).contains(&status),
        };
        if !expected {
            found.push(format!("status {} to a {} request", self.status, self.mode));
        }
        if self.operation.contains(" /v1/") && !self.body.is_empty() {
            found.extend(described::faults(self.status, kind, &self.body));
        }
        // Where the head had gone out before, a failure is the last frame.
        let stream = kind.is_some_and(|kind| kind.starts_with("text/event-stream"));
        if stream && !self.body.ends_with("data: [DONE]\n\n") {
            let last = self.body.trim_end().rsplit("\n\n").next();
            found.push(format!("a stream that fails: {last:?}"));
        }
        found
    }

    /// Whether it is the model's answer to a request that the document allows.
    fn is_completed(&self) -> bool {
        self.mode == "positive" && self.status == 200 && self.method == "POST"
    }

    /// Whether a request that the document doesn't allow was refused for what it asks.
    fn is_refused(&self) -> bool {
        self.mode == "negative" && self.status == 400 && self.method == "POST"
    }
}

/// A pair, and where schemathesis works.
struct Stage {
    pair: Pair,
    upstream: Upstream,
    folder: TempDir,
    seed: String,
}

#[expect(clippy::print_stdout, reason = "what was asked is read where a run fails")]
impl Stage {
    async fn new() -> Self {
        let seed = seed();
        println!("SCHEMATHESIS_SEED={seed}");
        let config = Config { record: RecordMode::Last(8), ..Config::default() };
        let upstream = Upstream::start_with(model::Model, config).await.expect("an upstream");
        // The document says that the models need a key.
        let builder =
            Builder::real(&upstream.base_url()).expect("a home").front("PROXY_PROTECT_MODELS", "true");
        let pair = builder.start().await.expect("a pair that is ready");
        let folder = tempfile::tempdir().expect("a folder");
        let models = pair.client().get(pair.url("/v1/models")).bearer_auth(KEY).send().await;
        let models = models.expect("an answer").text().await.expect("a body");
        let models: Value = serde_json::from_str(&models).expect("JSON");
        let document = described::openapi(models["data"].as_array().expect("models"));
        fs::write(folder.path().join("openapi.json"), document.to_string()).expect("a file");
        fs::write(folder.path().join("schemathesis.toml"), SETTINGS).expect("a file");
        Self { pair, upstream, folder, seed }
    }

    /// Runs it with these options besides those of every run.
    async fn run(&self, options: &[&str]) {
        let hooks = Path::new(env!("CARGO_MANIFEST_DIR")).join("suites/real/schemathesis/hooks.py");
        let mut command = Command::new(python());
        command
            .args(["-m", "schemathesis.cli", "run", "openapi.json", "--url", &self.pair.url("")])
            .args(["--header", &format!("Authorization: Bearer {KEY}")])
            .args(["--seed", &self.seed, "--workers", "4", "--warnings", "off", "--continue-on-failure"])
            .args(["--suppress-health-check", "all", "--request-timeout", "60"])
            .args(options)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("PYTHONIOENCODING", "utf-8")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("SCHEMATHESIS_HOOKS", hooks)
            .env("ANSWERS", self.answers())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = tokio::time::timeout(DEADLINE, command.output()).await;
        let output = output.expect("an end in time").expect("a program that starts");
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        println!("{out}");
        assert!(output.status.success(), "{options:?}, {}, see above\n{err}", output.status);
    }

    fn answers(&self) -> PathBuf {
        self.folder.path().join("answers.ndjson")
    }

    /// Looks at every answer, and gives how many requests the model has answered, and how many were refused.
    fn judged(&self) -> (usize, usize) {
        let text = fs::read_to_string(self.answers()).expect("the answers");
        let answers: Vec<Written> =
            text.lines().map(|line| serde_json::from_str(line).expect("an answer")).collect();
        let mut count = BTreeMap::<(&str, &str, u16), usize>::new();
        let mut missing: BTreeSet<&str> = SHOWN.iter().copied().collect();
        let mut faults = Vec::new();
        for answer in &answers {
            *count.entry((&answer.operation, &answer.mode, answer.status)).or_default() += 1;
            let found = answer.faults();
            if !found.is_empty() {
                faults.push(format!("{answer:#?}: {found:#?}"));
            }
            if answer.is_completed() {
                missing.retain(|what| !answer.body.contains(what));
            }
        }
        println!("{count:#?}");
        assert!(faults.is_empty(), "{} answers, the first: {}", faults.len(), faults[0]);
        assert!(missing.is_empty(), "no answer has {missing:?}");
        let completed = answers.iter().filter(|answer| answer.is_completed()).count();
        (completed, answers.iter().filter(|answer| answer.is_refused()).count())
    }
}

/// Another one each time, unless `SCHEMATHESIS_SEED` names one. The order in which answers come is of chance even so.
#[expect(clippy::disallowed_methods, reason = "a run that failed is done again by its seed")]
fn seed() -> String {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock behind 1970").as_secs();
    std::env::var("SCHEMATHESIS_SEED").unwrap_or_else(|_| now().to_string())
}

/// What `cargo xtask fetch-clients --long` installs: where the variable says, or else at its usual place.
#[expect(clippy::disallowed_methods, reason = "tests are told where schemathesis is by the environment")]
fn python() -> PathBuf {
    let usual =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/clients-schemathesis/venv/bin/python");
    let path = std::env::var_os("CLIENTS_SCHEMATHESIS").map_or(usual, PathBuf::from);
    assert!(path.exists(), "{} is not there; run `cargo xtask fetch-clients --long`", path.display());
    path
}
