//! The pair as an operator runs it: both binaries as processes, with a home of their own in a temporary folder.
//!
//! `Pair::real(&upstream)` runs the real codex against a scripted upstream, `Pair::fake(&script)` the scripted
//! child. Everything is waited for with a deadline, and everything is gone when the pair is dropped.

mod answer;
mod binaries;
mod load;
mod pipeline;
mod process;
mod socket;
mod workers;

pub use answer::{Answer, End, asking};
pub use binaries::{Binary, binary, ca_bundle, real_codex};
pub use load::load;
pub use pipeline::pipeline;
pub use process::{Process, children, resident};
pub use socket::SocketClient;
pub use workers::{Worker, Workers};

use crate::{
    fake_child::{Home, Script},
    wait,
};
use serde_json::Value;
use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;

/// The key of every pair.
pub const KEY: &str = "sk-test-key";
/// How long anything may take before a test fails.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// How a pair is to be.
pub struct Builder {
    child: PathBuf,
    home: TempDir,
    daemon: Vec<(String, String)>,
    front: Vec<(String, String)>,
    /// Whether each line of a log is held to the table of events.
    checked: bool,
}

/// A running pair.
pub struct Pair {
    /// The daemon's process.
    pub daemon: Process,
    /// The front's process.
    pub front: Process,
    /// The public listener.
    pub addr: SocketAddr,
    /// The internal listener.
    pub internal: SocketAddr,
    /// The daemon's socket.
    pub socket: PathBuf,
    home: TempDir,
    client: reqwest::Client,
}

/// Settings of a provider: codex asks it once.
pub const NO_RETRIES: &str = "request_max_retries = 0\nstream_max_retries = 0\n";

/// A `config.toml` for the real codex: its provider is the scripted upstream at `base_url`, with these settings more.
pub fn scripted_provider(base_url: &str, provider: &str) -> String {
    format!(
        "model = \"gpt-5.5\"\nmodel_provider = \"scripted\"\n\n[model_providers.scripted]\nname = \"scripted\"\n\
         base_url = \"{base_url}\"\nwire_api = \"responses\"\n{provider}supports_websockets = false\n"
    )
}

impl Builder {
    /// The real codex with a scripted upstream at `base_url`, without retries of its own.
    pub fn real(base_url: &str) -> io::Result<Self> {
        Self::real_with(base_url, NO_RETRIES)
    }

    /// The same with other settings of the provider (`""`: the child's default retries).
    pub fn real_with(base_url: &str, provider: &str) -> io::Result<Self> {
        let builder = Self::new(real_codex())?;
        std::fs::write(builder.home().join("config.toml"), scripted_provider(base_url, provider))?;
        Ok(builder)
    }

    /// The scripted child.
    pub fn fake(script: &Script) -> io::Result<Self> {
        let builder = Self::new(binary(Binary::FakeCodex))?;
        Home::at(builder.home()).write_script(script)?;
        Ok(builder)
    }

    fn new(child: PathBuf) -> io::Result<Self> {
        let home = tempfile::Builder::new().prefix("pair-").tempdir()?;
        let mut builder = Self { child, home, daemon: Vec::new(), front: Vec::new(), checked: true };
        if let Some(bundle) = ca_bundle(builder.home())? {
            builder = builder.daemon("WORKER_CA_BUNDLE", bundle.to_string_lossy());
        }
        Ok(builder)
    }

    /// `CODEX_HOME` of this pair.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The codex binary of this pair, to be replaced by one around it.
    #[must_use]
    pub fn child(mut self, child: PathBuf) -> Self {
        self.child = child;
        self
    }

    /// The same without a look at each line of a log, which costs processor time.
    #[must_use]
    pub fn unchecked(mut self) -> Self {
        self.checked = false;
        self
    }

    /// A variable of the daemon.
    #[must_use]
    pub fn daemon(mut self, name: &str, value: impl Into<String>) -> Self {
        self.daemon.push((name.to_owned(), value.into()));
        self
    }

    /// A variable of the front.
    #[must_use]
    pub fn front(mut self, name: &str, value: impl Into<String>) -> Self {
        self.front.push((name.to_owned(), value.into()));
        self
    }

    /// A variable of both.
    #[must_use]
    pub fn both(self, name: &str, value: &str) -> Self {
        self.daemon(name, value).front(name, value)
    }

    /// The environment of the daemon.
    pub fn daemon_env(&self) -> Vec<(String, String)> {
        let mut env = vec![
            ("CODEX_BIN".to_owned(), self.child.to_string_lossy().into_owned()),
            ("CODEX_HOME".to_owned(), self.home().to_string_lossy().into_owned()),
            ("WORKER_SOCKET".to_owned(), self.socket().to_string_lossy().into_owned()),
        ];
        env.extend(self.daemon.iter().cloned());
        env
    }

    /// The environment of the front.
    pub fn front_env(&self) -> Vec<(String, String)> {
        let mut env = vec![
            ("WORKER_SOCKET".to_owned(), self.socket().to_string_lossy().into_owned()),
            ("PORT".to_owned(), "0".to_owned()),
            ("PROXY_INTERNAL_ADDR".to_owned(), "127.0.0.1:0".to_owned()),
            ("PROXY_API_KEY".to_owned(), KEY.to_owned()),
        ];
        env.extend(self.front.iter().cloned());
        env
    }

    /// Where the daemon's socket is.
    pub fn socket(&self) -> PathBuf {
        self.home().join("worker.sock")
    }

    /// Starts both and waits until requests are served.
    ///
    /// # Errors
    /// What did not happen in time, with the logs.
    pub async fn start(self) -> io::Result<Pair> {
        let pair = self.start_unready().await?;
        pair.ready().await?;
        Ok(pair)
    }

    /// Starts both and waits until the front listens; the child may still be starting, or failing.
    ///
    /// # Errors
    /// As [`Builder::start`].
    pub async fn start_unready(self) -> io::Result<Pair> {
        let start = if self.checked { Process::start } else { Process::start_unchecked };
        let daemon = start(binary(Binary::WorkerDaemon), &self.daemon_env())?;
        let front = start(binary(Binary::HttpFront), &self.front_env())?;
        let started = front.logged("the front's addresses", |line| line["event"] == "front_started").await?;
        let addr = |name: &str| {
            started[name]
                .as_str()
                .and_then(|a| a.parse().ok())
                .ok_or_else(|| io::Error::other("no address in the log"))
        };
        Ok(Pair {
            addr: addr("public")?,
            internal: addr("internal")?,
            socket: self.socket(),
            daemon,
            front,
            home: self.home,
            client: reqwest::Client::builder().build().map_err(io::Error::other)?,
        })
    }
}

impl Pair {
    /// A pair around the real codex.
    ///
    /// # Errors
    /// What did not happen in time, with the logs.
    pub async fn real(upstream: &crate::upstream::Upstream) -> io::Result<Self> {
        Builder::real(&upstream.base_url())?.start().await
    }

    /// A pair around the scripted child.
    ///
    /// # Errors
    /// As [`Pair::real`].
    pub async fn fake(script: &Script) -> io::Result<Self> {
        Builder::fake(script)?.start().await
    }

    /// Waits until `/readyz` is 200.
    ///
    /// # Errors
    /// When it is not in time, with the logs.
    pub async fn ready(&self) -> io::Result<()> {
        let url = self.url("/readyz");
        self.eventually("the pair to be ready", || async {
            let answer = self.client.get(&url).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await
    }

    /// Asks again and again until `look` finds something.
    ///
    /// # Errors
    /// When it finds nothing within [`DEADLINE`]; says what was waited for.
    pub async fn eventually<T, F: Future<Output = Option<T>>>(
        &self,
        what: &str,
        look: impl Fn() -> F,
    ) -> io::Result<T> {
        wait::until(Duration::from_millis(10), look).await.ok_or_else(|| {
            let logs = format!("daemon:\n{}\nfront:\n{}", self.daemon.tail(), self.front.tail());
            io::Error::other(format!("waited {DEADLINE:?} for {what}\n{logs}"))
        })
    }

    /// `CODEX_HOME` of this pair.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// A URL of the public listener.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// Closes the connections that the client has kept.
    ///
    /// # Errors
    /// As the first client's.
    pub fn forget_connections(&mut self) -> io::Result<()> {
        self.client = reqwest::Client::builder().build().map_err(io::Error::other)?;
        Ok(())
    }

    /// An HTTP client that keeps connections.
    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// Posts a chat completion with the key.
    ///
    /// # Errors
    /// When there is no answer at all.
    pub async fn chat(&self, body: &Value) -> reqwest::Result<reqwest::Response> {
        self.client.post(self.url("/v1/chat/completions")).bearer_auth(KEY).json(body).send().await
    }

    /// The child's process id, once there is one.
    pub fn child_pid(&self) -> Option<u32> {
        children(self.daemon.pid()).first().copied()
    }

    /// Ends both as an operator does, and gives their exit codes: the front's, the daemon's.
    ///
    /// # Errors
    /// When one doesn't end in time.
    pub async fn stop(mut self) -> io::Result<(Option<i32>, Option<i32>)> {
        let front = self.front.terminate().await?;
        let daemon = self.daemon.terminate().await?;
        Ok((front, daemon))
    }
}
