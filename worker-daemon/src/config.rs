//! The daemon's configuration: one table, one typed struct. The only place that reads the environment.

mod table;

use self::table::OWN;
use crate::{
    home,
    policy::{Agent, Policy, Profiles, Sandbox, profile::lexical},
};
use handover::Origin;
use listenfd::ListenFd;
use shared::{
    backoff,
    settings::{COMMON, Invocation, Problem, Reader, Setting, Values},
    telemetry::LogConfig,
};
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

/// What the daemon does, for `--help`.
pub const ABOUT: &str =
    "Owns one `codex app-server` and serves its protocol to many clients over a Unix socket.";

/// The most bytes that a line or a queue may have: beyond it a size is a mistake.
const MOST_BYTES: u64 = 4 << 30;
/// The most connections; each takes a descriptor.
const MOST_CLIENTS: u64 = 1_000_000;

/// All settings of the daemon.
pub fn settings() -> Vec<Setting> {
    OWN.iter().chain(COMMON).chain(otel::SETTINGS).copied().collect()
}

/// The daemon's configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// `CODEX_BIN`.
    pub codex_bin: String,
    /// `CODEX_HOME`, absolute.
    pub codex_home: PathBuf,
    /// `WORKER_SOCKET`.
    pub socket: PathBuf,
    /// `WORKER_SOCKET_MODE`.
    pub socket_mode: u32,
    /// `WORKER_ALLOW_UIDS`.
    pub allow_uids: Option<Vec<u32>>,
    /// `WORKER_MAX_CONCURRENCY`.
    pub turns: usize,
    /// `WORKER_QUEUE_MAX`.
    pub waiting_turns: usize,
    /// `WORKER_RPC_WINDOW`.
    pub rpc_window: usize,
    /// `WORKER_MAX_CLIENTS`.
    pub clients: usize,
    /// `WORKER_CLIENT_REQUESTS_MAX`.
    pub client_requests: usize,
    /// `WORKER_CLIENT_THREADS_MAX`.
    pub client_threads: usize,
    /// `WORKER_REQUEST_TIMEOUT_MS`.
    pub request_timeout: Duration,
    /// `WORKER_TURN_TIMEOUT_MS`.
    pub turn_timeout: Duration,
    /// `WORKER_TURN_IDLE_TIMEOUT_MS`.
    pub turn_idle_timeout: Duration,
    /// `WORKER_PROBE_INTERVAL_MS`.
    pub probe_interval: Duration,
    /// `WORKER_PROBE_TIMEOUT_MS`.
    pub probe_timeout: Duration,
    /// `WORKER_MAX_RSS_BYTES`; `None`: off.
    pub max_rss: Option<u64>,
    /// `WORKER_HANDOVER_GRACE_MS`.
    pub handover_grace: Duration,
    /// `WORKER_STARTUP_TIMEOUT_MS`.
    pub startup_timeout: Duration,
    /// The three `WORKER_BACKOFF_*`.
    pub backoff: backoff::Policy,
    /// `WORKER_SHUTDOWN_GRACE_MS`.
    pub grace: Duration,
    /// `WORKER_MAX_LINE_BYTES`.
    pub max_line: usize,
    /// `WORKER_CLIENT_QUEUE_BYTES`.
    pub client_queue: usize,
    /// `WORKER_ALLOW_METHODS`, `WORKER_PROFILES`, `PROXY_SANDBOX_MODE` and `PROXY_CODEX_WORKDIR`.
    pub policy: Policy,
    /// `WORKER_CHILD_LOG`.
    pub child_log: String,
    /// `WORKER_CHILD_TRACES`.
    pub child_traces: bool,
    /// `WORKER_CA_BUNDLE`.
    pub ca_bundle: Option<PathBuf>,
    /// `CODE_SECURE_MODE`.
    pub secure_mode: bool,
    /// `CODEX_MODEL`.
    pub model: Option<String>,
    /// Models that `PROXY_MODEL_ALIASES` names.
    pub alias_models: Vec<String>,
    /// How logs are written.
    pub log: LogConfig,
    /// What is exported over OTLP.
    pub otel: otel::Config,
    /// The time within which systemd wants to hear that the daemon is well (`WATCHDOG_USEC`), if it asks.
    pub watchdog: Option<Duration>,
    /// Our environment, from which the child's is made.
    pub environment: Vec<(OsString, OsString)>,
}

impl Config {
    /// Reads the typed configuration.
    ///
    /// # Errors
    /// Every problem at once.
    pub fn read(values: &Values) -> Result<Self, Vec<Problem>> {
        let settings = settings();
        let mut r = Reader::new(&settings, values);
        let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let codex_home = r.path("CODEX_HOME").unwrap_or_default();
        let codex_home = std::path::absolute(&codex_home).unwrap_or(codex_home);
        let backoff = backoff::Policy {
            initial: r.millis("WORKER_BACKOFF_INITIAL_MS"),
            max: r.millis("WORKER_BACKOFF_MAX_MS"),
            stable_after: r.millis("WORKER_BACKOFF_RESET_MS"),
        };
        if backoff.initial.is_zero() || backoff.initial > backoff.max {
            r.problem("WORKER_BACKOFF_INITIAL_MS", "must be at least 1 and at most WORKER_BACKOFF_MAX_MS");
        }
        let ca_bundle = r.path("WORKER_CA_BUNDLE");
        if let Some(bundle) = ca_bundle.as_ref().filter(|b| !b.is_file()) {
            r.problem("WORKER_CA_BUNDLE", format!("there is no file {}", bundle.display()));
        }
        if let Some(file) = home::instructions(&codex_home) {
            let why =
                "codex would put it before every request; remove it, or give the gateway a home of its own";
            r.problem("CODEX_HOME", format!("{} holds instructions: {why}", file.display()));
        }
        let profiles = profiles(&mut r, &codex_home);
        let max_line = r.bytes_from("WORKER_MAX_LINE_BYTES", 64 * 1024);
        r.at_most("WORKER_MAX_LINE_BYTES", max_line as u64, MOST_BYTES);
        let client_queue = r.bytes_from("WORKER_CLIENT_QUEUE_BYTES", 64 * 1024);
        r.at_most("WORKER_CLIENT_QUEUE_BYTES", client_queue as u64, MOST_BYTES);
        let clients = r.count_from("WORKER_MAX_CLIENTS", 1);
        r.at_most("WORKER_MAX_CLIENTS", clients, MOST_CLIENTS);
        let socket = r.path("WORKER_SOCKET").unwrap_or_else(|| codex_home.join("worker.sock"));
        let config = Self {
            codex_bin: r.text("CODEX_BIN").unwrap_or_default(),
            socket,
            codex_home,
            socket_mode: r.mode("WORKER_SOCKET_MODE"),
            allow_uids: uids(&mut r),
            turns: size(r.count_from("WORKER_MAX_CONCURRENCY", 1)),
            waiting_turns: size(r.count("WORKER_QUEUE_MAX")),
            rpc_window: size(r.count_from("WORKER_RPC_WINDOW", 1)),
            clients: size(clients),
            client_requests: size(r.count_from("WORKER_CLIENT_REQUESTS_MAX", 1)),
            client_threads: size(r.count_from("WORKER_CLIENT_THREADS_MAX", 1)),
            request_timeout: r.millis("WORKER_REQUEST_TIMEOUT_MS"),
            turn_timeout: r.millis_from("WORKER_TURN_TIMEOUT_MS", 1),
            turn_idle_timeout: r.millis_from("WORKER_TURN_IDLE_TIMEOUT_MS", 1),
            probe_interval: r.millis_from("WORKER_PROBE_INTERVAL_MS", 100),
            probe_timeout: r.millis_from("WORKER_PROBE_TIMEOUT_MS", 100),
            max_rss: Some(r.bytes_from("WORKER_MAX_RSS_BYTES", 0) as u64).filter(|max| *max > 0),
            handover_grace: r.millis("WORKER_HANDOVER_GRACE_MS"),
            startup_timeout: r.millis_from("WORKER_STARTUP_TIMEOUT_MS", 100),
            backoff,
            grace: r.millis("WORKER_SHUTDOWN_GRACE_MS"),
            max_line,
            client_queue,
            policy: Policy::new(r.list("WORKER_ALLOW_METHODS"), profiles),
            child_log: r.text("WORKER_CHILD_LOG").unwrap_or_default(),
            child_traces: r.boolean("WORKER_CHILD_TRACES"),
            ca_bundle,
            secure_mode: r.boolean("CODE_SECURE_MODE"),
            model: r.text("CODEX_MODEL"),
            alias_models: alias_models(&r.list("PROXY_MODEL_ALIASES")),
            log: LogConfig::read(&mut r),
            otel: otel::Config::read(&mut r, "worker-daemon"),
            watchdog: watchdog(),
            environment: own_environment(),
        };
        r.finish(config)
    }

    /// The models that are served by name although the catalog may not have them.
    pub fn served_models(&self) -> Vec<String> {
        self.model.iter().chain(&self.alias_models).cloned().collect()
    }
}

/// The profiles that clients may use.
fn profiles(r: &mut Reader<'_>, codex_home: &Path) -> Profiles {
    let names = r.list("WORKER_PROFILES");
    let agent = names.iter().any(|name| name == "agent");
    let known = names.iter().all(|name| name == "completion" || name == "agent");
    if !known || !names.iter().any(|name| name == "completion") {
        r.problem("WORKER_PROFILES", "must be `completion` or `completion,agent`");
    }
    let sandbox = r.text("PROXY_SANDBOX_MODE").and_then(|name| Sandbox::named(&name));
    if sandbox.is_none() {
        r.problem("PROXY_SANDBOX_MODE", "must be `read-only`, `workspace-write` or `danger-full-access`");
    }
    let workdir = r.path("PROXY_CODEX_WORKDIR").and_then(|path| lexical(&path));
    let workdir = workdir.filter(|path| path.parent().is_some()).unwrap_or_else(|| {
        r.problem("PROXY_CODEX_WORKDIR", "must be an absolute path other than `/`");
        PathBuf::new()
    });
    // The login and the configuration would be an agent's to read and write.
    let home = lexical(codex_home).unwrap_or_default();
    if agent && (home.starts_with(&workdir) || workdir.starts_with(&home)) {
        r.problem("PROXY_CODEX_WORKDIR", "must not hold CODEX_HOME, nor lie in it");
    }
    let agent = agent.then_some(Agent { sandbox: sandbox.unwrap_or(Sandbox::ReadOnly), workdir });
    Profiles { agent }
}

/// The uids of `WORKER_ALLOW_UIDS`; `None` where it is unset.
fn uids(r: &mut Reader<'_>) -> Option<Vec<u32>> {
    r.text("WORKER_ALLOW_UIDS")?;
    let mut uids = Vec::new();
    for entry in r.list("WORKER_ALLOW_UIDS") {
        match entry.parse() {
            Ok(uid) => uids.push(uid),
            // A name isn't looked up: that could block, and change under a running daemon.
            Err(_) => r.problem("WORKER_ALLOW_UIDS", format!("`{}` is no uid", entry.escape_debug())),
        }
    }
    Some(uids)
}

/// The models of `alias=model[:effort]` entries; the front tells what is wrong with them.
fn alias_models(entries: &[String]) -> Vec<String> {
    let targets = entries.iter().filter_map(|e| e.split_once('=')).map(|(_, target)| target.trim());
    let models = targets.map(|t| t.rsplit_once(':').map_or(t, |(model, _)| model));
    models.filter(|m| !m.is_empty()).map(str::to_owned).collect()
}

/// Resolves the process's own command line and environment.
///
/// # Errors
/// Every problem of the configuration file at once.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn from_process() -> Result<Invocation, Vec<Problem>> {
    shared::settings::resolve(
        "worker-daemon",
        ABOUT,
        &settings(),
        std::env::args_os(),
        |name| std::env::var(name).ok(),
        shared::settings::read_text,
    )
}

/// How this process was started: by itself, or to take over from an older daemon.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn origin() -> Origin {
    Origin::read(|name| std::env::var(name).ok())
}

/// What the child's environment is made from.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn own_environment() -> Vec<(OsString, OsString)> {
    std::env::vars_os().collect()
}

/// The sockets that systemd passed (`LISTEN_FDS`). They are there once: the variables are gone after this.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn passed_sockets() -> ListenFd {
    ListenFd::from_env()
}

/// What `WATCHDOG_USEC` says, if it is meant for this process.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(env: &[(&str, &str)]) -> Result<Config, Vec<Problem>> {
        let find = |name: &str| env.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        let none = |_: &Path| Ok(String::new());
        let args = [OsString::from("worker-daemon")];
        let Ok(Invocation::Run(values)) = shared::settings::resolve("d", "", &settings(), args, find, none)
        else {
            panic!("defaults run")
        };
        Config::read(&values)
    }

    #[test]
    fn the_defaults_are_usable() {
        let config = read(&[("CODEX_HOME", "/state")]).unwrap();
        assert_eq!(config.socket, PathBuf::from("/state/worker.sock"));
        assert_eq!((config.turns, config.waiting_turns, config.rpc_window), (128, 512, 64));
        assert_eq!(config.max_line, 64 << 20);
        assert!(config.served_models().is_empty());
    }

    #[test]
    fn every_problem_is_told() {
        let problems = read(&[
            ("WORKER_MAX_CONCURRENCY", "0"),
            ("WORKER_QUEUE_MAX", "many"),
            ("WORKER_BACKOFF_INITIAL_MS", "9999"),
            ("WORKER_CA_BUNDLE", "/no/such"),
            ("WORKER_SOCKET_MODE", "rw"),
            ("WORKER_ALLOW_UIDS", "0, root"),
            ("CODE_SECURE_MODE", "perhaps"),
            ("LOG_FORMAT", "xml"),
            ("WORKER_PROFILES", "agent"),
            ("PROXY_SANDBOX_MODE", "none"),
            ("PROXY_CODEX_WORKDIR", "work"),
        ])
        .unwrap_err();
        assert_eq!(problems.len(), 11, "{problems:?}");
    }

    #[test]
    fn profiles_are_read() {
        let agent = [("WORKER_PROFILES", "completion, agent"), ("CODEX_HOME", "/state")];
        assert!(read(&agent).is_ok());
        for workdir in ["/", "/state", "/state/work", "/x/../state/work"] {
            let settings = [agent[0], agent[1], ("PROXY_CODEX_WORKDIR", workdir)];
            assert_eq!(read(&settings).unwrap_err().len(), 1, "{workdir}");
        }
        for names in ["agent", "completion,admin"] {
            assert_eq!(read(&[("WORKER_PROFILES", names)]).unwrap_err().len(), 1, "{names}");
        }
    }

    #[test]
    fn instructions_in_the_home_are_a_problem() {
        let home = tempfile::tempdir().unwrap();
        let env = [("CODEX_HOME", home.path().to_str().unwrap())];
        assert!(read(&env).is_ok());
        std::fs::write(home.path().join("AGENTS.md"), "Say yes.").unwrap();
        let problems = read(&env).unwrap_err();
        let said = format!("{problems:?}");
        assert!(problems.len() == 1 && said.contains("AGENTS.md") && !said.contains("Say yes"), "{said}");
    }

    #[test]
    fn uids_are_numbers_or_unset() {
        assert_eq!(read(&[]).unwrap().allow_uids, None);
        let config = read(&[("WORKER_ALLOW_UIDS", "1000, 1001,")]).unwrap();
        assert_eq!(config.allow_uids, Some(vec![1000, 1001]));
    }

    #[test]
    fn aliases_name_models() {
        let config = read(&[("CODEX_MODEL", "m"), ("PROXY_MODEL_ALIASES", "a=,b=x:high, c=y")]).unwrap();
        assert_eq!(config.served_models(), ["m", "x", "y"]);
    }
}
