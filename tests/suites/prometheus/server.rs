//! A Prometheus of a test's own.

use std::{io, net::SocketAddr, path::Path, process::Stdio, time::Duration};

use gateway_tests::{pair::DEADLINE, wait};
use serde_json::Value;
use tempfile::TempDir;

use crate::root;

/// A running Prometheus with the repository's rules.
pub(crate) struct Prometheus {
    _process: tokio::process::Child,
    pub(crate) addr: SocketAddr,
    client: reqwest::Client,
    folder: TempDir,
}

/// An address that is free just now, and none that the system gives to whoever asks for any port: Prometheus needs a while
/// until it listens there.
fn free() -> SocketAddr {
    let begin = std::process::id() % 10_000;
    let mut ports = (0..10_000).map(|n| 20_000 + (begin + n) % 10_000);
    let address = ports.find_map(|port| {
        let address = SocketAddr::from(([127, 0, 0, 1], u16::try_from(port).ok()?));
        std::net::TcpListener::bind(address).ok().map(|_| address)
    });
    address.expect("a free port")
}

impl Prometheus {
    /// Starts one that scrapes `target` five times a second.
    pub(crate) async fn start(target: Option<SocketAddr>) -> Self {
        let folder = tempfile::Builder::new().prefix("prometheus-").tempdir().expect("a folder");
        let targets = target.map_or_else(String::new, |target| format!("\"{target}\""));
        let rules = root().join("compose/prometheus/rules/*.yml");
        let config = format!(
            "global:\n  scrape_interval: 200ms\n  evaluation_interval: 200ms\n  external_labels: {{runbooks: docs/operations/runbooks}}\n\
             rule_files: [\"{}\"]\nscrape_configs:\n  - job_name: codex-front\n    static_configs: [{{targets: [{targets}]}}]\n",
            rules.display()
        );
        let path = folder.path().join("prometheus.yml");
        std::fs::write(&path, config).expect("written");
        let addr = free();
        let process = spawn(&path, folder.path(), addr).expect("prometheus is installed");
        let started = Self { _process: process, addr, client: reqwest::Client::new(), folder };
        let ready = || async { started.ask("/-/ready", &[]).await.is_ok().then_some(()) };
        started.eventually("Prometheus to be ready", ready).await;
        started
    }

    /// Asks until there is something.
    pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(
        &self,
        what: &str,
        look: impl Fn() -> F,
    ) -> T {
        let found = wait::until(Duration::from_millis(50), look).await;
        found.unwrap_or_else(|| {
            let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            panic!("waited {DEADLINE:?} for {what}\n{log}")
        })
    }

    async fn ask(&self, path: &str, query: &[(&str, &str)]) -> Result<String, String> {
        let pairs: Vec<String> =
            query.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        let url = format!("http://{}{path}?{}", self.addr, pairs.join("&"));
        let asked = self.client.get(url).send().await;
        let answer = asked.map_err(|error| error.to_string())?;
        let good = answer.status().is_success();
        let body = answer.text().await.map_err(|error| error.to_string())?;
        if good { Ok(body) } else { Err(body) }
    }

    /// The result of an instant query, or what Prometheus says against it.
    pub(crate) async fn query(&self, expression: &str) -> Result<Vec<Value>, String> {
        let body = self.ask("/api/v1/query", &[("query", expression)]).await?;
        let answer: Value = serde_json::from_str(&body).map_err(|error| error.to_string())?;
        let data = answer.get("data").cloned().unwrap_or_default();
        if data["resultType"] == "scalar" {
            return Ok(vec![data["result"].clone()]);
        }
        Ok(data["result"].as_array().cloned().unwrap_or_default())
    }

    /// Whether a result has a value that is a number.
    pub(crate) fn has_data(result: &[Value]) -> bool {
        let value = |sample: &Value| sample["value"][1].as_str().and_then(|text| text.parse::<f64>().ok());
        result.iter().filter_map(value).any(|value| !value.is_nan())
    }

    /// What is scraped, as JSON; the list is made some seconds after the start.
    pub(crate) async fn targets(&self) -> String {
        self.ask("/api/v1/targets", &[]).await.unwrap_or_default()
    }

    /// The rules, as Prometheus has understood them.
    pub(crate) async fn rules(&self) -> Vec<Value> {
        let body = self.ask("/api/v1/rules", &[]).await.expect("the rules");
        let answer: Value = serde_json::from_str(&body).expect("JSON");
        let groups = answer["data"]["groups"].as_array().cloned().unwrap_or_default();
        groups.iter().flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default()).collect()
    }
}

/// As it stands in the query of a URL.
fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

fn spawn(config: &Path, folder: &Path, addr: SocketAddr) -> io::Result<tokio::process::Child> {
    let log = std::fs::File::create(folder.join("log"))?;
    tokio::process::Command::new("prometheus")
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
        .arg(format!("--web.listen-address={addr}"))
        .arg("--log.level=warn")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
}
