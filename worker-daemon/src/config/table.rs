//! The daemon's own settings: names, kinds, defaults and what they are for.

use crate::policy;
use shared::settings::{Kind, Setting};

/// The daemon's own settings.
pub(super) const OWN: &[Setting] = &[
    Setting::new(
        "CODEX_BIN",
        Kind::Text,
        Some("codex"),
        "The codex program: a path, or a name to look up in PATH. npm's launcher is resolved to the native binary.",
    ),
    Setting::new(
        "CODEX_HOME",
        Kind::Path,
        Some(".codex-api"),
        "The child's state folder, made with mode 0700 when missing. Its config.toml and auth.json are yours; nothing here writes them.",
    ),
    Setting::new(
        "WORKER_SOCKET",
        Kind::Path,
        None,
        "The Unix socket to serve; `$CODEX_HOME/worker.sock` when unset. A socket that systemd passes wins over it.",
    ),
    Setting::new(
        "WORKER_SOCKET_MODE",
        Kind::Mode,
        Some("0660"),
        "File mode of the socket that is made here: who may connect.",
    ),
    Setting::new(
        "WORKER_ALLOW_UIDS",
        Kind::Text,
        None,
        "Comma-separated uids that may connect, besides root and the daemon's own, and nobody else. When unset, members of the socket's group may too.",
    ),
    Setting::new("WORKER_MAX_CONCURRENCY", Kind::Count, Some("128"), "Turns that may run at once."),
    Setting::new(
        "WORKER_QUEUE_MAX",
        Kind::Count,
        Some("512"),
        "Turns that may wait for a place; past it clients get -32001.",
    ),
    Setting::new(
        "WORKER_RPC_WINDOW",
        Kind::Count,
        Some("64"),
        "Requests that may be unanswered at the child; from about 150 on it loses some.",
    ),
    Setting::new("WORKER_MAX_CLIENTS", Kind::Count, Some("256"), "Connections to the socket."),
    Setting::new(
        "WORKER_CLIENT_REQUESTS_MAX",
        Kind::Count,
        Some("16384"),
        "Requests of one connection that may be unanswered.",
    ),
    Setting::new(
        "WORKER_CLIENT_THREADS_MAX",
        Kind::Count,
        Some("8192"),
        "Threads that one connection may have open at codex; each takes some of its memory.",
    ),
    Setting::new(
        "WORKER_REQUEST_TIMEOUT_MS",
        Kind::Millis,
        Some("120000"),
        "Deadline of one request, waiting included, in milliseconds.",
    ),
    Setting::new(
        "WORKER_TURN_TIMEOUT_MS",
        Kind::Millis,
        Some("1800000"),
        "Time that a turn has in all, in milliseconds; past it its client gets its end and it is interrupted.",
    ),
    Setting::new(
        "WORKER_TURN_IDLE_TIMEOUT_MS",
        Kind::Millis,
        Some("330000"),
        "Time that a turn may be silent, in milliseconds. codex itself gives up an upstream that is silent for 300 s: the inner limit speaks first.",
    ),
    Setting::new(
        "WORKER_PROBE_INTERVAL_MS",
        Kind::Millis,
        Some("5000"),
        "Time between two probes of codex, in milliseconds: a cheap request that tells whether it is well, its memory and its turns.",
    ),
    Setting::new(
        "WORKER_PROBE_TIMEOUT_MS",
        Kind::Millis,
        Some("10000"),
        "Time that codex has to answer a probe, in milliseconds. One that says nothing at all meanwhile is killed and started again.",
    ),
    Setting::new(
        "WORKER_MAX_RSS_BYTES",
        Kind::Bytes,
        Some("0"),
        "Memory of codex above which a fresh one takes over, and the old one finishes what it has; 0 turns this off.",
    ),
    Setting::new(
        "WORKER_STARTUP_TIMEOUT_MS",
        Kind::Millis,
        Some("8000"),
        "Time from the child's start to its handshake, in milliseconds.",
    ),
    Setting::new(
        "WORKER_BACKOFF_INITIAL_MS",
        Kind::Millis,
        Some("250"),
        "The first delay before a restart, in milliseconds; it doubles.",
    ),
    Setting::new(
        "WORKER_BACKOFF_MAX_MS",
        Kind::Millis,
        Some("5000"),
        "The longest delay before a restart, in milliseconds.",
    ),
    Setting::new(
        "WORKER_BACKOFF_RESET_MS",
        Kind::Millis,
        Some("30000"),
        "A child that was ready for so long, in milliseconds, is restarted at once.",
    ),
    Setting::new(
        "WORKER_SHUTDOWN_GRACE_MS",
        Kind::Millis,
        Some("10000"),
        "Time that running turns have after SIGTERM, in milliseconds.",
    ),
    Setting::new(
        "WORKER_HANDOVER_GRACE_MS",
        Kind::Millis,
        Some("1800000"),
        "Time that a replaced codex (SIGHUP, daemon/restart, WORKER_MAX_RSS_BYTES) and a replaced daemon (SIGUSR2) have to finish what they run, in milliseconds.",
    ),
    Setting::new(
        "WORKER_MAX_LINE_BYTES",
        Kind::Bytes,
        Some("64MiB"),
        "The longest line in either direction.",
    ),
    Setting::new(
        "WORKER_CLIENT_QUEUE_BYTES",
        Kind::Bytes,
        Some("96MiB"),
        "What one client may have waiting, in either direction; a client that reads too slowly is cut off past it.",
    ),
    Setting::new(
        "WORKER_ALLOW_METHODS",
        Kind::Text,
        Some(policy::SERVING_SET),
        "The app-server methods that clients may call. The parameters of the default ones are held to WORKER_PROFILES; those of any other are not.",
    ),
    Setting::new(
        "WORKER_PROFILES",
        Kind::Text,
        Some("completion"),
        "What clients may ask for: `completion`, or `completion,agent` for threads with codex's own tools.",
    ),
    Setting::new(
        "PROXY_SANDBOX_MODE",
        Kind::Text,
        Some("read-only"),
        "The most that commands of an agent may do: `read-only`, `workspace-write` or `danger-full-access`.",
    ),
    Setting::new(
        "PROXY_CODEX_WORKDIR",
        Kind::Path,
        Some("/tmp/codex-work"),
        "The folder that agents work in; clients may name it and what lies in it. An absolute path.",
    ),
    Setting::new(
        "WORKER_CHILD_TRACES",
        Kind::Bool,
        Some("true"),
        "Whether codex exports its own spans too, where the daemon's are exported: about 280 of a turn, without what clients and the model say but with the names of functions and the folder of agents.",
    ),
    Setting::new(
        "WORKER_CHILD_LOG",
        Kind::Text,
        Some("error"),
        "The child's RUST_LOG. Ours is never inherited. Its lines below `warn` may hold what clients said, so of them only the place in codex and the size are logged.",
    ),
    Setting::new(
        "WORKER_CA_BUNDLE",
        Kind::Path,
        None,
        "CA file for the child. It parses the system's whole store for every turn; a bundle of just the roots that its upstream needs halves the cost of a turn.",
    ),
    Setting::new(
        "CODE_SECURE_MODE",
        Kind::Bool,
        None,
        "No core dumps, also of the child, and no other process of the same user can look into the daemon.",
    ),
    Setting::new("CODEX_MODEL", Kind::Text, None, "The default model; the child's own default when unset."),
    Setting::new(
        "PROXY_MODEL_ALIASES",
        Kind::Text,
        Some("codex-5=,codev-5="),
        "Model aliases of the front, `alias=model[:effort]`; their models get catalog entries.",
    ),
];
