//! Series of the daemon and its codex, as the daemon has counted them.

use super::{Scraped, labels::Label, page::Page, series::Series};
use shared::control::metrics::{METHODS, OTHER, Told, TurnOutcome, codes};

const CONNECTED: Series = Series::gauge(
    "codex_worker_connected",
    &[],
    "Whether the front is connected to the daemon and hears of it: 1 or 0.",
);
const READY: Series = Series::gauge("codex_worker_ready", &[], "Whether turns can be started: 1 or 0.");
const RESTARTS: Series = Series::counter(
    "codex_worker_restarts_total",
    &[],
    "Starts of codex after the first one of this daemon, failed ones too; not those that replaced a codex that was well.",
);
const STREAK: Series = Series::gauge(
    "codex_worker_restart_streak",
    &[],
    "Failures of codex in a row; 0 again once it has been ready for WORKER_BACKOFF_RESET_MS.",
);
const BACKOFF: Series = Series::gauge(
    "codex_worker_backoff_ms",
    &[],
    "The delay before the next start of codex in milliseconds, while it waits; else 0.",
);
const UPTIME: Series = Series::gauge(
    "codex_worker_uptime_seconds",
    &[],
    "How long the codex that serves has been ready; not there while none is.",
);
const RSS: Series = Series::gauge(
    "codex_worker_rss_bytes",
    &[],
    "Resident memory of the codex that serves, as it said last; not there until it has.",
);
const TURNS_ACTIVE: Series =
    Series::gauge("codex_worker_turns_active", &[], "Turns that run or are being started.");
const TURNS_MAX: Series =
    Series::gauge("codex_worker_turns_max", &[], "Turns that may run at once (WORKER_MAX_CONCURRENCY).");
const QUEUE_DEPTH: Series =
    Series::gauge("codex_worker_queue_depth", &[], "Turns that wait for one of those places.");
const QUEUE_MAX: Series = Series::gauge(
    "codex_worker_queue_max",
    &[],
    "Turns that may wait (WORKER_QUEUE_MAX); past that they are refused.",
);
const CLIENTS: Series = Series::gauge("codex_worker_clients", &[], "Connections to the daemon's socket.");
const THREADS: Series =
    Series::gauge("codex_worker_threads", &[], "Threads that some client has or that are being let go.");
const UNANSWERED: Series =
    Series::gauge("codex_worker_unanswered", &[], "Requests without an answer, those that wait too.");
const TOMBSTONES: Series = Series::gauge(
    "codex_worker_tombstones",
    &[],
    "Late answers of codex that are still awaited, to let go of what they made.",
);
const RETIRING: Series =
    Series::gauge("codex_worker_retiring", &[], "Replaced codex processes that finish what they have.");
const CUT: Series = Series::counter(
    "codex_worker_clients_cut_total",
    &[],
    "Connections to the daemon's socket that were cut off because they read too slowly.",
);
const LATENCY: Series = Series::histogram(
    "codex_worker_latency_ms",
    &[Label::RpcMethod],
    "Milliseconds from writing a request to codex to its answer, or until none is awaited any more.",
);
const QUEUE_WAIT: Series = Series::histogram(
    "codex_worker_queue_wait_ms",
    &[],
    "Milliseconds from the arrival of a turn/start at the daemon to its writing to codex.",
);
const FIRST_EVENT: Series = Series::histogram(
    "codex_worker_first_event_ms",
    &[],
    "Milliseconds from writing a turn/start to codex to the model's first item.",
);
const TURN_DURATION: Series = Series::histogram(
    "codex_worker_turn_duration_ms",
    &[],
    "Milliseconds from writing a turn/start to codex to the end of its turn.",
);
const TURNS: Series = Series::counter(
    "codex_worker_turns_total",
    &[Label::TurnOutcome],
    "Turns that ended, by how: lost ones with their codex, by a timeout those that the daemon ended.",
);
const RPC_ERRORS: Series = Series::counter(
    "codex_worker_rpc_errors_total",
    &[Label::RpcCode],
    "Errors that clients of the daemon's socket were answered with, by their JSON-RPC code.",
);

/// Of the daemon and its codex.
pub(super) const ALL: &[&Series] = &[
    &CONNECTED,
    &READY,
    &RESTARTS,
    &STREAK,
    &BACKOFF,
    &UPTIME,
    &RSS,
    &TURNS_ACTIVE,
    &TURNS_MAX,
    &QUEUE_DEPTH,
    &QUEUE_MAX,
    &CLIENTS,
    &THREADS,
    &UNANSWERED,
    &TOMBSTONES,
    &RETIRING,
    &CUT,
    &LATENCY,
    &QUEUE_WAIT,
    &FIRST_EVENT,
    &TURN_DURATION,
    &TURNS,
    &RPC_ERRORS,
];

/// Writes them.
pub(super) fn write(page: &mut Page, scraped: &Scraped) {
    page.one(&CONNECTED, u8::from(scraped.connected));
    page.one(&READY, u8::from(scraped.ready));
    if let Some(told) = &scraped.worker {
        write_told(page, told);
    }
}

fn write_told(page: &mut Page, told: &Told) {
    let load = &told.load;
    page.one(&RESTARTS, told.restarts);
    page.one(&STREAK, told.restart_streak);
    page.one(&BACKOFF, told.backoff_ms);
    let seconds = told.uptime_ms.map(|ms| (Vec::new(), ms as f64 / 1000.0));
    page.series(&UPTIME, seconds);
    page.series(&RSS, load.rss_bytes.map(|bytes| (Vec::new(), bytes)));
    for (series, value) in [
        (&TURNS_ACTIVE, load.turns),
        (&TURNS_MAX, told.turns_max),
        (&QUEUE_DEPTH, load.waiting_turns),
        (&QUEUE_MAX, told.queue_max),
        (&CLIENTS, load.clients),
        (&THREADS, load.threads),
        (&UNANSWERED, load.unanswered),
        (&TOMBSTONES, load.tombstones),
        (&RETIRING, load.retiring),
    ] {
        page.one(series, value);
    }
    page.one(&CUT, told.clients_cut);
    // By the names that are known here: another version of the daemon adds none.
    let methods = METHODS.into_iter().chain([OTHER]);
    page.durations(&LATENCY, methods.filter_map(|m| Some((vec![m.to_owned()], told.latency.get(m)?))));
    page.durations(&QUEUE_WAIT, [(Vec::new(), &told.queue_wait)]);
    page.durations(&FIRST_EVENT, [(Vec::new(), &told.first_event)]);
    page.durations(&TURN_DURATION, [(Vec::new(), &told.turn_duration)]);
    let count = |counts: &std::collections::BTreeMap<String, u64>, name: &str| counts.get(name).copied();
    let outcomes = TurnOutcome::ALL.map(TurnOutcome::as_str);
    page.series(&TURNS, outcomes.map(|o| (vec![o.to_owned()], count(&told.turns, o).unwrap_or_default())));
    page.series(
        &RPC_ERRORS,
        codes().map(|code| {
            let errors = count(&told.rpc_errors, &code).unwrap_or_default();
            (vec![code], errors)
        }),
    );
}
