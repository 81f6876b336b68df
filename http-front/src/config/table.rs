//! The front's own settings: names, kinds, defaults and what they are for.

mod door;
mod records;

pub(super) use self::{door::DOOR, records::RECORDS};

use shared::settings::{Kind, Setting};

/// The front's own settings.
pub(super) const OWN: &[Setting] = &[
    Setting::new(
        "PORT",
        Kind::Count,
        Some("11435"),
        "Port of the public listener; 0 takes a free one and logs it. A socket that systemd passes wins.",
    ),
    Setting::new("PROXY_HOST", Kind::Text, Some("127.0.0.1"), "Address of the public listener. A socket that systemd passes wins."),
    Setting::new(
        "PROXY_INTERNAL_ADDR",
        Kind::Address,
        Some("127.0.0.1:18080"),
        "Address of the internal listener, or a name that stands for one address and is looked up at the start; port 0 takes a free one.",
    ),
    Setting::new(
        "WORKER_SOCKET",
        Kind::Path,
        Some(".codex-api/worker.sock"),
        "The daemon's Unix socket, or those of up to 16 daemons with commas between them: turns go to the one that has the least.",
    ),
    Setting::new(
        "PROXY_AFFINITY_MAX",
        Kind::Count,
        Some("10000"),
        "With several daemons: conversations of which it is known where they were last; 0 knows none.",
    ),
    Setting::new(
        "PROXY_AFFINITY_TTL_S",
        Kind::Count,
        Some("3600"),
        "How long that is known since the conversation's last turn, in seconds.",
    ),
    Setting::new(
        "PROXY_API_KEY",
        Kind::Text,
        None,
        "A bearer key that may do everything. Without it and without PROXY_API_KEYS_FILE every /v1 route answers 401.",
    )
    .secret(),
    Setting::new("PROXY_PROTECT_MODELS", Kind::Bool, Some("false"), "Whether /v1/models needs the key, too."),
    Setting::new(
        "PROXY_USE_APP_SERVER",
        Kind::Bool,
        Some("true"),
        "The kill switch: false answers every /v1 route with 503 app_server_disabled. A toggle (codexctl app-server) wins.",
    ),
    Setting::new(
        "CODEX__ENABLED",
        Kind::Bool,
        Some("true"),
        "The kill switch under its other name: false in either switches off.",
    ),
    Setting::new(
        "PROXY_MAINTENANCE_MODE",
        Kind::Bool,
        Some("false"),
        "Whether every /v1 route answers 503 maintenance; health stays as it is. A toggle (codexctl maintenance) wins.",
    ),
    Setting::new(
        "PROXY_MAINTENANCE_RETRY_AFTER_S",
        Kind::Count,
        Some("30"),
        "Retry-After under maintenance, in seconds; 120 at most is sent.",
    ),
    Setting::new("CODEX_MODEL", Kind::Text, None, "The default model; the child's own default when unset."),
    Setting::new(
        "PROXY_MODEL_ALIASES",
        Kind::Text,
        Some("codex-5=,codev-5="),
        "Model aliases, `alias=model[:effort]`; an empty model is the default one.",
    ),
    Setting::new(
        "PROXY_MAX_CHAT_CHOICES",
        Kind::Count,
        Some("5"),
        "The most answers that a request may ask for (`n`; of completions, for each prompt), and the most of its turns that run at a time.",
    ),
    Setting::new(
        "PROXY_STRICT_PARAMS",
        Kind::Bool,
        Some("false"),
        "Whether parameters that codex can't honour are refused; otherwise they are ignored, and the answer names them.",
    ),
    Setting::new(
        "CODEX__PROPAGATE_UNSUPPORTED_PARAMS",
        Kind::Bool,
        Some("true"),
        "The opposite of PROXY_STRICT_PARAMS under its other name: false refuses, too.",
    ),
    Setting::new(
        "PROXY_OUTPUT_MODE",
        Kind::Text,
        Some("openai-json"),
        "How calls are told: `openai-json`, `obsidian-xml` (as `<use_tool>` blocks in the text) or `textual-tools` (such blocks in the model's text become calls). The header `x-proxy-output-mode` of a request wins.",
    ),
    Setting::new(
        "PROXY_TOOL_BUFFER_BYTES",
        Kind::Bytes,
        Some("1MiB"),
        "The longest `<use_tool>` block that is waited for with `textual-tools`; a longer one stays text.",
    ),
    Setting::new(
        "PROXY_REASONING",
        Kind::Text,
        Some("auto"),
        "Whether answers have `reasoning_content`: `auto` (where the request names a reasoning effort or summary), `always` or `never`.",
    ),
    Setting::new(
        "PROXY_CODEX_METADATA",
        Kind::Bool,
        Some("false"),
        "Whether answers have `codex_metadata`. The header `x-codex-metadata: true` of a request asks for it, too.",
    ),
    Setting::new(
        "PROXY_PROFILE",
        Kind::Text,
        Some("completion"),
        "What requests run as: `completion`, or `agent` with codex's own tools. The daemon must allow it (WORKER_PROFILES).",
    ),
    Setting::new(
        "PROXY_API_KEY_PROFILES",
        Kind::Text,
        Some("completion"),
        "What PROXY_API_KEY may ask for with the header `x-codex-profile`: `completion`, or `completion,agent`.",
    ),
    Setting::new(
        "PROXY_SANDBOX_MODE",
        Kind::Text,
        Some("read-only"),
        "What commands of an agent may do: `read-only`, `workspace-write` or `danger-full-access`. The daemon must allow as much.",
    ),
    Setting::new(
        "PROXY_CODEX_WORKDIR",
        Kind::Path,
        Some("/tmp/codex-work"),
        "The folder that agents work in, as the daemon has it; made by the daemon when it is missing.",
    ),
    Setting::new(
        "CODEX__SYSTEM_PROMPT_INJECTION_MODE",
        Kind::Text,
        Some("disabled"),
        "What becomes of the operator's prompt: `override` (it replaces the request's first system message), `append` (it stands behind it) or `disabled`.",
    ),
    Setting::new(
        "CODEX__SYSTEM_PROMPT_FILE",
        Kind::Path,
        None,
        "The file with the operator's prompt; `{model}` in it is the model that the request names. Without one, or with an empty one, nothing is changed.",
    ),
    Setting::new(
        "CODEX__ENABLE_DYNAMIC_MODEL_INFO",
        Kind::Bool,
        Some("true"),
        "Whether model cards tell context windows, limits, efforts and modalities.",
    ),
    Setting::new(
        "CODEX__MAX_OUTPUT_TOKENS_FALLBACK",
        Kind::Count,
        Some("8192"),
        "The most output tokens that a model card tells where codex doesn't know the limit.",
    ),
    Setting::new(
        "PROXY_ENABLE_METRICS",
        Kind::Bool,
        Some("true"),
        "Whether the internal listener serves /metrics.",
    ),
    Setting::new("PROXY_MAX_BODY_BYTES", Kind::Bytes, Some("32MiB"), "The largest request body."),
    Setting::new(
        "PROXY_MAX_SCHEMA_BYTES",
        Kind::Bytes,
        Some("1MiB"),
        "All JSON Schemas of a request together, as compact JSON: their conversion takes time.",
    ),
    Setting::new(
        "PROXY_IMAGE_URLS",
        Kind::Bool,
        Some("false"),
        "Whether images are fetched from https URLs; otherwise clients must send them as data URLs.",
    ),
    Setting::new(
        "PROXY_IMAGE_HOSTS",
        Kind::Text,
        None,
        "Comma-separated `host[:port]` that images may be fetched from although they are in a private network or on another port than 443. The public internet is open without it.",
    ),
    Setting::new(
        "PROXY_IMAGE_MAX_BYTES",
        Kind::Bytes,
        Some("20MiB"),
        "The largest image, decoded from base64.",
    ),
    Setting::new(
        "PROXY_IMAGE_MAX_COUNT",
        Kind::Count,
        Some("50"),
        "The most images in a request; 0 refuses all.",
    ),
    Setting::new(
        "PROXY_IMAGE_TIMEOUT_MS",
        Kind::Millis,
        Some("10000"),
        "Time to fetch the images of a request, all together, in milliseconds.",
    ),
    Setting::new(
        "PROXY_IMAGE_CA_BUNDLE",
        Kind::Path,
        None,
        "PEM file with the CA certificates to trust when images are fetched, instead of the system's.",
    ),
    Setting::new(
        "PROXY_BODY_TIMEOUT_MS",
        Kind::Millis,
        Some("60000"),
        "Time to send a request body, in milliseconds.",
    ),
    Setting::new(
        "PROXY_HEADER_TIMEOUT_MS",
        Kind::Millis,
        Some("60000"),
        "Time to send a request head, and the longest a connection may be idle, in milliseconds.",
    ),
    Setting::new(
        "PROXY_WRITE_TIMEOUT_MS",
        Kind::Millis,
        Some("60000"),
        "How long a client may take next to nothing of what waits for it, in milliseconds; past it its connection is closed.",
    ),
    Setting::new(
        "PROXY_MAX_CONNECTIONS",
        Kind::Count,
        Some("4096"),
        "Open connections of a listener (at most 1024 of the internal one); for a new one the one that has been without a request the longest is closed.",
    ),
    Setting::new(
        "PROXY_THREADS",
        Kind::Count,
        None,
        "Threads that serve requests; half of the cores when unset, because the child needs the others.",
    ),
    Setting::new(
        "PROXY_TIMEOUT_MS",
        Kind::Millis,
        Some("1830000"),
        "Time of a request in all, in milliseconds.",
    ),
    Setting::new(
        "PROXY_IDLE_TIMEOUT_MS",
        Kind::Millis,
        Some("360000"),
        "Time without an event, for answers in JSON, in milliseconds.",
    ),
    Setting::new(
        "PROXY_STREAM_IDLE_TIMEOUT_MS",
        Kind::Millis,
        Some("360000"),
        "Time without an event, for streams, in milliseconds.",
    ),
    Setting::new(
        "PROXY_STREAM_BUFFER_BYTES",
        Kind::Bytes,
        Some("8MiB"),
        "What a slow reader may have waiting; past it the stream is cut and its turn interrupted.",
    ),
    Setting::new(
        "PROXY_SSE_KEEPALIVE_MS",
        Kind::Millis,
        Some("15000"),
        "Comment frames while nothing else is sent, also before the first token, in milliseconds; 0 is off.",
    ),
    Setting::new(
        "PROXY_MAX_LINE_BYTES",
        Kind::Bytes,
        Some("64MiB"),
        "The longest line from the daemon; WORKER_MAX_LINE_BYTES there.",
    ),
    Setting::new(
        "PROXY_SHUTDOWN_GRACE_MS",
        Kind::Millis,
        Some("10000"),
        "Time that running requests have after SIGTERM, in milliseconds.",
    )
    .with_aliases(&["WORKER_SHUTDOWN_GRACE_MS"]),
    Setting::new(
        "PROXY_HANDOVER_GRACE_MS",
        Kind::Millis,
        Some("1800000"),
        "Time that a replaced front (SIGUSR2) has to finish its running requests, in milliseconds.",
    )
    .with_aliases(&["WORKER_HANDOVER_GRACE_MS"]),
];
