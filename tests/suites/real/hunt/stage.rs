//! The pair with everything on that writes something down, and all that it wrote.

use super::{marks::mark, model};
use gateway_tests::{
    otlp::{Mode, Protocol, Receiver},
    pair::{Builder, Pair},
    upstream::{Config, Upstream},
};
use shared::keys::Digest;
use std::{fs, path::Path};
use tempfile::TempDir;

/// The pair, its upstream and where its records go.
pub(super) struct Stage {
    pub(super) pair: Pair,
    pub(super) key: String,
    /// A key of the keys file.
    pub(super) listed: String,
    _upstream: Upstream,
    records: TempDir,
    /// Where spans and metrics go.
    collector: Receiver,
}

impl Stage {
    pub(super) async fn new(ours: &str, of_codex: &str, protocol: Protocol) -> Self {
        let collector = Receiver::start(Mode::Normal).expect("a collector");
        let config = Config { strict: false, ..Config::default() };
        let upstream = Upstream::start_with(model::answer, config).await.expect("an upstream on loopback");
        let records = tempfile::Builder::new().prefix("records-").tempdir().expect("a folder");
        let at = |name: &str| records.path().join(name).to_str().expect("a path in UTF-8").to_owned();
        let (key, listed) = (format!("sk-{}", mark("key")), format!("sk-{}", mark("listed_key")));
        let work = at("work");
        let entry = format!(
            "[[keys]]\nname = \"listed\"\nhash = \"{}\"\ncreated = 2026-01-31T12:00:00Z\nmodels = [\"gpt-5.5\"]\n\
             limits = {{ requests = 3, tokens = 100000, streams = 2 }}\n",
            Digest::of(listed.as_bytes()).to_text()
        );
        fs::write(at("keys.toml"), entry).expect("a file of keys");
        let provider = format!(
            "request_max_retries = 1\nstream_max_retries = 1\nexperimental_bearer_token = \"{}\"\n",
            mark("login")
        );
        let builder = Builder::real_with(&upstream.base_url(), &provider).expect("a home");
        let pair = collector
            .told(builder, protocol)
            .both("OTEL_EXPORTER_OTLP_HEADERS", &format!("x-key={}", mark("collectors_key")))
            .both("RUST_LOG", ours)
            .both("PROXY_CODEX_WORKDIR", &work)
            .daemon("WORKER_CHILD_LOG", of_codex)
            .daemon("WORKER_PROFILES", "completion,agent")
            .front("PROXY_API_KEY", key.as_str())
            .front("PROXY_API_KEYS_FILE", at("keys.toml"))
            .front("PROXY_API_KEY_PROFILES", "completion,agent")
            .front("PROXY_PROTECT_MODELS", "true")
            .front("PROXY_CODEX_METADATA", "true")
            .front("PROXY_IMAGE_URLS", "true")
            .front("PROXY_CORS_ALLOWED_ORIGINS", "https://app.example.com")
            .front("PROXY_RATE_LIMIT_ENABLED", "true")
            .front("PROXY_RATE_LIMIT_MAX", "100000")
            .front("PROXY_STREAM_BUFFER_BYTES", "256KiB")
            .front("PROXY_MAX_BODY_BYTES", "8MiB")
            .front("PROXY_TRACE_BUFFER_ENABLED", "true")
            .front("PROXY_TRACE_BUFFER_MAX_FILES", "10000")
            .front("PROXY_TRACE_BUFFER_DIR", at("traces"))
            .front("TOKEN_LOG_PATH", at("usage.ndjson"))
            .front("ACCESS_LOG_PATH", at("access.ndjson"))
            .start()
            .await
            .expect("a pair that is ready");
        Self { pair, key, listed, _upstream: upstream, records, collector }
    }

    /// Every span and metric. codex names its spans by the functions that are called, which is known and told to operators.
    fn spans(&self) -> Vec<(String, String)> {
        let mut told = Vec::new();
        for span in self.collector.spans() {
            let service = span.resource["service.name"].as_str().unwrap_or_default().to_owned();
            let mut text = format!("{span:?}");
            if service == "codex-app-server" {
                text = text.replace(&mark("tool"), "");
            }
            told.push((format!("span of {service}: {text}"), text));
        }
        let metrics = self.collector.metrics().into_iter().map(|metric| format!("{metric:?}"));
        told.extend(metrics.map(|text| (format!("metric: {text}"), text)));
        told
    }

    /// Puts what is no file of keys, and then nothing, in the place of the file of keys.
    pub(super) async fn break_the_keys(&self) {
        let file = self.records.path().join("keys.toml");
        let wrong =
            format!("sk-{0} = \"{0}\"\n[[keys]]\nname = \"{0} {0}\"\nhash = \"{0}\"\n", mark("entry"));
        fs::write(&file, wrong).expect("a broken file");
        let front = &self.pair.front;
        let failed = front.logged("the broken file", |line| line["event"] == "keys_reload_failed").await;
        failed.expect("a broken file is told");
        fs::remove_file(&file).expect("the file goes");
        let gone = front.logged("the missing file", |line| line["event"] == "keys_file_missing").await;
        gone.expect("a missing file is told");
    }

    /// Ends the pair and gives everything that it told anybody but the clients, each with its place.
    pub(super) async fn end(mut self) -> Vec<(String, String)> {
        let mut written = Vec::new();
        for path in ["/metrics", "/healthz", "/readyz"] {
            let url = format!("http://{}{path}", self.pair.internal);
            let text =
                self.pair.client().get(url).send().await.expect("an answer").text().await.expect("a body");
            written.push((path.trim_start_matches('/').to_owned(), text));
        }
        let codex = self.pair.child_pid().expect("codex runs");
        for (name, pid) in
            [("front", self.pair.front.pid()), ("daemon", self.pair.daemon.pid()), ("codex", codex)]
        {
            let line = fs::read(format!("/proc/{pid}/cmdline")).expect("a command line");
            written.push((format!("command line of {name}"), String::from_utf8_lossy(&line).into_owned()));
        }
        assert_eq!(self.pair.front.terminate().await.expect("the front's end"), Some(0));
        assert_eq!(self.pair.daemon.terminate().await.expect("the daemon's end"), Some(0));
        for (place, log) in [("front log", self.pair.front.log()), ("daemon log", self.pair.daemon.log())] {
            written.extend(log.into_iter().map(|line| (format!("{place}: {line}"), line)));
        }
        written.extend(self.spans());
        let records = self.records.path();
        for (place, file) in [("usage log", "usage.ndjson"), ("access log", "access.ndjson")] {
            let text = fs::read_to_string(records.join(file)).expect("a log");
            written.push((place.to_owned(), text));
        }
        for file in files(&records.join("traces")) {
            let text = fs::read_to_string(records.join("traces").join(&file)).expect("a trace");
            written.push((format!("trace {file}: {text}"), format!("{file} {text}")));
        }
        // What codex keeps in its home, but the settings that a test put there.
        let home = self.pair.home();
        for file in files(home).into_iter().filter(|file| file != "config.toml") {
            let bytes = fs::read(home.join(&file)).unwrap_or_default();
            written.push((format!("file {file} of the home"), String::from_utf8_lossy(&bytes).into_owned()));
        }
        written
    }
}

/// All files below a folder, by their paths in it.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten().flatten() {
            let (path, kind) = (entry.path(), entry.file_type().expect("a kind"));
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() {
                found.push(path.strip_prefix(folder).expect("below it").to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}
