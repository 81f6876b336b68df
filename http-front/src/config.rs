//! The front's configuration: one table, one typed struct. The only place that reads the environment.

mod door;
mod records;
mod table;

use self::table::{DOOR, OWN, RECORDS};
pub use self::{
    door::{CorsConfig, LimitConfig, Origins},
    records::RecordConfig,
};
use crate::{
    daemon::{
        affinity::Bounds,
        names::{self, Worker},
    },
    http::address::ListenAddress,
    images::{AllowedHost, ImageConfig},
    translate::{
        agent::AgentSettings,
        mode::{Injection, OutputMode, Profile, Reasoning, SandboxMode},
        models::Alias,
        profile::Rights,
        request::Options,
    },
};
use handover::Origin;
use listenfd::ListenFd;
use shared::{
    settings::{COMMON, Invocation, Problem, Reader, Setting, Values},
    telemetry::LogConfig,
};
use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// What the front does, for `--help`.
pub const ABOUT: &str = "Serves the OpenAI API from a worker-daemon.";

/// All settings of the front.
pub fn settings() -> Vec<Setting> {
    OWN.iter().chain(DOOR).chain(RECORDS).chain(COMMON).chain(otel::SETTINGS).copied().collect()
}

/// A key that can be compared and never printed.
#[derive(Clone)]
pub struct ApiKey(String);

impl ApiKey {
    /// The key as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl From<String> for ApiKey {
    fn from(key: String) -> Self {
        Self(key)
    }
}

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiKey(secret)")
    }
}

/// The front's configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// `PROXY_HOST` and `PORT`.
    pub public: SocketAddr,
    /// `PROXY_INTERNAL_ADDR`.
    pub internal: ListenAddress,
    /// `WORKER_SOCKET`.
    pub workers: Vec<Worker>,
    /// `PROXY_AFFINITY_MAX` and `PROXY_AFFINITY_TTL_S`.
    pub affinity: Bounds,
    /// `PROXY_API_KEY`.
    pub api_key: Option<ApiKey>,
    /// `PROXY_API_KEYS_FILE`.
    pub keys_file: Option<PathBuf>,
    /// `PROXY_RATE_LIMIT_*` and `PROXY_MAX_STREAMS`.
    pub limits: LimitConfig,
    /// `PROXY_ENABLE_CORS` and `PROXY_CORS_ALLOWED_ORIGINS`.
    pub cors: CorsConfig,
    /// `PROXY_TRACE_BUFFER_*` and the logs of usage and accesses.
    pub records: RecordConfig,
    /// `PROXY_PROTECT_MODELS`.
    pub protect_models: bool,
    /// `PROXY_USE_APP_SERVER` and `CODEX__ENABLED`: whether requests are served at all.
    pub app_server: bool,
    /// `PROXY_MAINTENANCE_MODE`.
    pub maintenance: bool,
    /// `PROXY_MAINTENANCE_RETRY_AFTER_S`.
    pub maintenance_retry_after: Duration,
    /// `CODEX_MODEL`.
    pub model: Option<String>,
    /// `PROXY_MODEL_ALIASES`.
    pub aliases: Vec<Alias>,
    /// `PROXY_MAX_SCHEMA_BYTES`.
    pub max_schemas: usize,
    /// `PROXY_MAX_CHAT_CHOICES`.
    pub max_choices: usize,
    /// `PROXY_STRICT_PARAMS` and `CODEX__PROPAGATE_UNSUPPORTED_PARAMS`: whether what can't be honoured is refused.
    pub strict_params: bool,
    /// `PROXY_OUTPUT_MODE`.
    pub output_mode: OutputMode,
    /// `PROXY_TOOL_BUFFER_BYTES`.
    pub tool_buffer: usize,
    /// `PROXY_REASONING`.
    pub reasoning: Reasoning,
    /// `PROXY_CODEX_METADATA`.
    pub codex_metadata: bool,
    /// `PROXY_PROFILE`.
    pub profile: Profile,
    /// `PROXY_API_KEY_PROFILES`: whether the key may ask for the profile `agent`.
    pub key_may_agent: bool,
    /// `PROXY_SANDBOX_MODE`.
    pub sandbox: SandboxMode,
    /// `PROXY_CODEX_WORKDIR`.
    pub workdir: PathBuf,
    /// `CODEX__SYSTEM_PROMPT_INJECTION_MODE`.
    pub injection: Injection,
    /// `CODEX__SYSTEM_PROMPT_FILE`.
    pub prompt_file: Option<PathBuf>,
    /// `CODEX__ENABLE_DYNAMIC_MODEL_INFO`.
    pub model_info: bool,
    /// `CODEX__MAX_OUTPUT_TOKENS_FALLBACK`.
    pub max_output_tokens: u64,
    /// `PROXY_ENABLE_METRICS`.
    pub metrics: bool,
    /// `PROXY_MAX_BODY_BYTES`.
    pub max_body: usize,
    /// `PROXY_IMAGE_*`.
    pub images: ImageConfig,
    /// `PROXY_BODY_TIMEOUT_MS`.
    pub body_timeout: Duration,
    /// `PROXY_HEADER_TIMEOUT_MS`.
    pub header_timeout: Duration,
    /// `PROXY_WRITE_TIMEOUT_MS`.
    pub write_timeout: Duration,
    /// `PROXY_MAX_CONNECTIONS`.
    pub max_connections: usize,
    /// `PROXY_THREADS`.
    pub threads: usize,
    /// `PROXY_TIMEOUT_MS`.
    pub timeout: Duration,
    /// `PROXY_IDLE_TIMEOUT_MS`.
    pub idle_timeout: Duration,
    /// `PROXY_STREAM_IDLE_TIMEOUT_MS`.
    pub stream_idle_timeout: Duration,
    /// `PROXY_STREAM_BUFFER_BYTES`.
    pub stream_buffer: usize,
    /// `PROXY_SSE_KEEPALIVE_MS`; `None` is off.
    pub keep_alive: Option<Duration>,
    /// `PROXY_MAX_LINE_BYTES`.
    pub max_line: usize,
    /// `PROXY_SHUTDOWN_GRACE_MS`.
    pub grace: Duration,
    /// `PROXY_HANDOVER_GRACE_MS`.
    pub handover_grace: Duration,
    /// How logs are written.
    pub log: LogConfig,
    /// What is exported over OTLP.
    pub otel: otel::Config,
}

impl Config {
    /// How requests are translated.
    pub fn options(&self) -> Options<'_> {
        Options {
            aliases: &self.aliases,
            max_schemas: self.max_schemas,
            max_choices: self.max_choices,
            strict: self.strict_params,
            reasoning: self.reasoning,
            output: self.output_mode,
            tool_buffer: self.tool_buffer,
        }
    }

    /// What the operator has settled for the profile of the key's requests.
    pub fn rights(&self) -> Rights {
        Rights { default: self.profile, may_agent: self.key_may_agent }
    }

    /// How agents are to work.
    pub fn agent(&self) -> AgentSettings {
        AgentSettings { sandbox: self.sandbox, workdir: self.workdir.to_string_lossy().into_owned() }
    }

    /// Reads the typed configuration.
    ///
    /// # Errors
    /// Every problem at once.
    pub fn read(values: &Values) -> Result<Self, Vec<Problem>> {
        let settings = settings();
        let mut r = Reader::new(&settings, values);
        let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let host = r.text("PROXY_HOST").unwrap_or_default();
        let port = u16::try_from(r.count("PORT")).unwrap_or_else(|_| {
            r.problem("PORT", "must be at most 65535");
            0
        });
        let public = host.parse().map(|ip| SocketAddr::new(ip, port)).unwrap_or_else(|_| {
            r.problem("PROXY_HOST", "must be an IP address such as 127.0.0.1, 0.0.0.0 or ::");
            any
        });
        let internal = r.text("PROXY_INTERNAL_ADDR").unwrap_or_default();
        let internal = ListenAddress::parse(&internal).unwrap_or_else(|| {
            r.problem(
                "PROXY_INTERNAL_ADDR",
                "must be an address and a port such as 127.0.0.1:18080, or a name and a port such as localhost:18080",
            );
            ListenAddress::Address(any)
        });
        let mut aliases = Vec::new();
        for entry in r.list("PROXY_MODEL_ALIASES") {
            match Alias::parse(&entry) {
                Ok(alias) => aliases.push(alias),
                Err(message) => r.problem("PROXY_MODEL_ALIASES", message),
            }
        }
        let api_key = r.text("PROXY_API_KEY");
        if api_key.as_ref().is_some_and(|k| k.bytes().any(|b| b.is_ascii_control() || b == b' ')) {
            r.problem("PROXY_API_KEY", "must not hold spaces or control characters");
        }
        let keep_alive = Some(r.millis("PROXY_SSE_KEEPALIVE_MS")).filter(|d| !d.is_zero());
        let max_body = r.bytes_from("PROXY_MAX_BODY_BYTES", 1024);
        let threads = match r.text("PROXY_THREADS") {
            Some(_) => size(r.count_from("PROXY_THREADS", 1)),
            None => std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1)),
        };
        let images = images(&mut r, max_body, threads);
        let key_profiles = r.list("PROXY_API_KEY_PROFILES");
        if key_profiles.iter().any(|name| Profile::named(name).is_none()) {
            r.problem("PROXY_API_KEY_PROFILES", "must be `completion` or `completion,agent`");
        }
        let workers =
            names::workers(&r.text("WORKER_SOCKET").unwrap_or_default()).unwrap_or_else(|problem| {
                r.problem("WORKER_SOCKET", problem);
                Vec::new()
            });
        let workdir = r.path("PROXY_CODEX_WORKDIR").unwrap_or_default();
        if !workdir.is_absolute() {
            r.problem("PROXY_CODEX_WORKDIR", "must be an absolute path");
        }
        let config = Self {
            public,
            internal,
            workers,
            affinity: Bounds {
                most: size(r.count("PROXY_AFFINITY_MAX")),
                ttl: Duration::from_secs(r.count("PROXY_AFFINITY_TTL_S")),
            },
            api_key: api_key.map(ApiKey),
            keys_file: r.path("PROXY_API_KEYS_FILE"),
            limits: LimitConfig::read(&mut r),
            cors: CorsConfig::read(&mut r),
            records: RecordConfig::read(&mut r),
            protect_models: r.boolean("PROXY_PROTECT_MODELS"),
            app_server: r.boolean("PROXY_USE_APP_SERVER") && r.boolean("CODEX__ENABLED"),
            maintenance: r.boolean("PROXY_MAINTENANCE_MODE"),
            maintenance_retry_after: Duration::from_secs(r.count("PROXY_MAINTENANCE_RETRY_AFTER_S")),
            model: r.text("CODEX_MODEL"),
            aliases,
            max_schemas: r.bytes_from("PROXY_MAX_SCHEMA_BYTES", 1024),
            max_choices: size(r.count_from("PROXY_MAX_CHAT_CHOICES", 1)),
            strict_params: r.boolean("PROXY_STRICT_PARAMS")
                || !r.boolean("CODEX__PROPAGATE_UNSUPPORTED_PARAMS"),
            output_mode: word(
                &mut r,
                "PROXY_OUTPUT_MODE",
                OutputMode::named,
                "must be `openai-json`, `obsidian-xml` or `textual-tools`",
            ),
            tool_buffer: r.bytes_from("PROXY_TOOL_BUFFER_BYTES", 1024),
            reasoning: word(
                &mut r,
                "PROXY_REASONING",
                Reasoning::named,
                "must be `auto`, `always` or `never`",
            ),
            codex_metadata: r.boolean("PROXY_CODEX_METADATA"),
            profile: word(&mut r, "PROXY_PROFILE", Profile::named, "must be `completion` or `agent`"),
            key_may_agent: key_profiles.iter().any(|name| name == Profile::Agent.as_str()),
            sandbox: word(
                &mut r,
                "PROXY_SANDBOX_MODE",
                SandboxMode::named,
                "must be `read-only`, `workspace-write` or `danger-full-access`",
            ),
            workdir,
            injection: word(
                &mut r,
                "CODEX__SYSTEM_PROMPT_INJECTION_MODE",
                Injection::named,
                "must be `override`, `append` or `disabled`",
            ),
            prompt_file: r.path("CODEX__SYSTEM_PROMPT_FILE"),
            model_info: r.boolean("CODEX__ENABLE_DYNAMIC_MODEL_INFO"),
            max_output_tokens: r.count_from("CODEX__MAX_OUTPUT_TOKENS_FALLBACK", 1),
            metrics: r.boolean("PROXY_ENABLE_METRICS"),
            max_body,
            images,
            body_timeout: r.millis("PROXY_BODY_TIMEOUT_MS"),
            header_timeout: r.millis("PROXY_HEADER_TIMEOUT_MS"),
            write_timeout: r.millis_from("PROXY_WRITE_TIMEOUT_MS", 1),
            max_connections: size(r.count_from("PROXY_MAX_CONNECTIONS", 1)),
            threads,
            timeout: r.millis("PROXY_TIMEOUT_MS"),
            idle_timeout: r.millis("PROXY_IDLE_TIMEOUT_MS"),
            stream_idle_timeout: r.millis("PROXY_STREAM_IDLE_TIMEOUT_MS"),
            stream_buffer: r.bytes_from("PROXY_STREAM_BUFFER_BYTES", 64 * 1024),
            keep_alive,
            max_line: r.bytes_from("PROXY_MAX_LINE_BYTES", 64 * 1024),
            grace: r.millis("PROXY_SHUTDOWN_GRACE_MS"),
            handover_grace: r.millis("PROXY_HANDOVER_GRACE_MS"),
            log: LogConfig::read(&mut r),
            otel: otel::Config::read(&mut r, "http-front"),
        };
        r.finish(config)
    }
}

/// One of a few words.
fn word<T: Default>(
    r: &mut Reader<'_>,
    name: &'static str,
    named: fn(&str) -> Option<T>,
    problem: &'static str,
) -> T {
    r.text(name).and_then(|word| named(word.trim())).unwrap_or_else(|| {
        r.problem(name, problem);
        T::default()
    })
}

fn images(r: &mut Reader<'_>, max_body: usize, threads: usize) -> ImageConfig {
    let mut hosts = Vec::new();
    for entry in r.list("PROXY_IMAGE_HOSTS") {
        match AllowedHost::parse(&entry) {
            Ok(host) => hosts.push(host),
            Err(message) => r.problem("PROXY_IMAGE_HOSTS", message),
        }
    }
    ImageConfig {
        urls: r.boolean("PROXY_IMAGE_URLS"),
        hosts,
        max_bytes: r.bytes_from("PROXY_IMAGE_MAX_BYTES", 1024),
        max_count: usize::try_from(r.count("PROXY_IMAGE_MAX_COUNT")).unwrap_or(usize::MAX),
        timeout: r.millis_from("PROXY_IMAGE_TIMEOUT_MS", 1),
        ca_bundle: r.path("PROXY_IMAGE_CA_BUNDLE"),
        max_fetched: max_body,
        threads,
    }
}

/// How this process was started: by itself, or to take over from an older front.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn origin() -> Origin {
    Origin::read(|name| std::env::var(name).ok())
}

/// The sockets that systemd passed (`LISTEN_FDS`). They are there once: the variables are gone after this.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn passed_sockets() -> ListenFd {
    ListenFd::from_env()
}

/// What `WATCHDOG_USEC` says, if it is meant for this process.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero())
}

/// Resolves the process's own command line and environment.
///
/// # Errors
/// Every problem of the configuration file at once.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn from_process() -> Result<Invocation, Vec<Problem>> {
    shared::settings::resolve(
        "http-front",
        ABOUT,
        &settings(),
        std::env::args_os(),
        |name| std::env::var(name).ok(),
        shared::settings::read_text,
    )
}
