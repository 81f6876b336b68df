//! Series of the daemon and its codex, as the daemon has counted them.

use super::{Scraped, Worker, labels::Label, page::Page, series::Series};
use shared::control::metrics::{Histogram, METHODS, OTHER, Told, TurnOutcome, codes};
use std::collections::BTreeMap;

const CONNECTED: Series = Series::gauge(
    "codex_worker_connected",
    &[Label::Worker],
    "Whether the front is connected to the daemon and hears of it: 1 or 0.",
);
const READY: Series =
    Series::gauge("codex_worker_ready", &[Label::Worker], "Whether turns can be started: 1 or 0.");
const IN_FLIGHT: Series = Series::gauge(
    "codex_worker_turns_in_flight",
    &[Label::Worker],
    "Turns of this front that the worker has, waiting ones too: by these the workers are balanced.",
);
const RESTARTS: Series = Series::counter(
    "codex_worker_restarts_total",
    &[Label::Worker],
    "Starts of codex after the first one of this daemon, failed ones too; not those that replaced a codex that was well.",
);
const STREAK: Series = Series::gauge(
    "codex_worker_restart_streak",
    &[Label::Worker],
    "Failures of codex in a row; 0 again once it has been ready for WORKER_BACKOFF_RESET_MS.",
);
const BACKOFF: Series = Series::gauge(
    "codex_worker_backoff_ms",
    &[Label::Worker],
    "The delay before the next start of codex in milliseconds, while it waits; else 0.",
);
const UPTIME: Series = Series::gauge(
    "codex_worker_uptime_seconds",
    &[Label::Worker],
    "How long the codex that serves has been ready; not there while none is.",
);
const RSS: Series = Series::gauge(
    "codex_worker_rss_bytes",
    &[Label::Worker],
    "Resident memory of the codex that serves, as it said last; not there until it has.",
);
const TURNS_ACTIVE: Series =
    Series::gauge("codex_worker_turns_active", &[Label::Worker], "Turns that run or are being started.");
const TURNS_MAX: Series = Series::gauge(
    "codex_worker_turns_max",
    &[Label::Worker],
    "Turns that may run at once (WORKER_MAX_CONCURRENCY).",
);
const QUEUE_DEPTH: Series =
    Series::gauge("codex_worker_queue_depth", &[Label::Worker], "Turns that wait for one of those places.");
const QUEUE_MAX: Series = Series::gauge(
    "codex_worker_queue_max",
    &[Label::Worker],
    "Turns that may wait (WORKER_QUEUE_MAX); past that they are refused.",
);
const CLIENTS: Series =
    Series::gauge("codex_worker_clients", &[Label::Worker], "Connections to the daemon's socket.");
const THREADS: Series = Series::gauge(
    "codex_worker_threads",
    &[Label::Worker],
    "Threads that some client has or that are being let go.",
);
const UNANSWERED: Series = Series::gauge(
    "codex_worker_unanswered",
    &[Label::Worker],
    "Requests without an answer, those that wait too.",
);
const TOMBSTONES: Series = Series::gauge(
    "codex_worker_tombstones",
    &[Label::Worker],
    "Late answers of codex that are still awaited, to let go of what they made.",
);
const RETIRING: Series = Series::gauge(
    "codex_worker_retiring",
    &[Label::Worker],
    "Replaced codex processes that finish what they have.",
);
const CUT: Series = Series::counter(
    "codex_worker_clients_cut_total",
    &[Label::Worker],
    "Connections to the daemon's socket that were cut off because they read too slowly.",
);
const LATENCY: Series = Series::histogram(
    "codex_worker_latency_ms",
    &[Label::Worker, Label::RpcMethod],
    "Milliseconds from writing a request to codex to its answer, or until none is awaited any more.",
);
const QUEUE_WAIT: Series = Series::histogram(
    "codex_worker_queue_wait_ms",
    &[Label::Worker],
    "Milliseconds from the arrival of a turn/start at the daemon to its writing to codex.",
);
const FIRST_EVENT: Series = Series::histogram(
    "codex_worker_first_event_ms",
    &[Label::Worker],
    "Milliseconds from writing a turn/start to codex to the model's first item.",
);
const TURN_DURATION: Series = Series::histogram(
    "codex_worker_turn_duration_ms",
    &[Label::Worker],
    "Milliseconds from writing a turn/start to codex to the end of its turn.",
);
const TURNS: Series = Series::counter(
    "codex_worker_turns_total",
    &[Label::Worker, Label::TurnOutcome],
    "Turns that ended, by how: lost ones with their codex, by a timeout those that the daemon ended.",
);
const RPC_ERRORS: Series = Series::counter(
    "codex_worker_rpc_errors_total",
    &[Label::Worker, Label::RpcCode],
    "Errors that clients of the daemon's socket were answered with, by their JSON-RPC code.",
);

/// Of the daemon and its codex.
pub(super) const ALL: &[&Series] = &[
    &CONNECTED,
    &READY,
    &IN_FLIGHT,
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
    let each = |value: fn(&Worker) -> usize| scraped.workers.iter().map(move |one| (named(one), value(one)));
    page.series(&CONNECTED, each(|one| one.connected.into()));
    page.series(&READY, each(|one| one.ready.into()));
    page.series(&IN_FLIGHT, each(|one| one.in_flight));
    let told: Vec<(&Worker, &Told)> =
        scraped.workers.iter().filter_map(|one| Some((one, one.told.as_deref()?))).collect();
    write_told(page, &told);
}

fn named(worker: &Worker) -> Vec<String> {
    vec![worker.name.as_ref().to_owned()]
}

/// The name with another label's value.
fn with(worker: &Worker, value: &str) -> Vec<String> {
    vec![worker.name.as_ref().to_owned(), value.to_owned()]
}

type Number = fn(&Told) -> Option<u64>;

/// What is one number of each.
const NUMBERS: [(&Series, Number); 15] = [
    (&RESTARTS, |told| Some(told.restarts)),
    (&STREAK, |told| Some(told.restart_streak.into())),
    (&BACKOFF, |told| Some(told.backoff_ms)),
    (&RSS, |told| told.load.rss_bytes),
    (&TURNS_ACTIVE, |told| count(told.load.turns)),
    (&TURNS_MAX, |told| count(told.turns_max)),
    (&QUEUE_DEPTH, |told| count(told.load.waiting_turns)),
    (&QUEUE_MAX, |told| count(told.queue_max)),
    (&CLIENTS, |told| count(told.load.clients)),
    (&THREADS, |told| count(told.load.threads)),
    (&UNANSWERED, |told| count(told.load.unanswered)),
    (&TOMBSTONES, |told| count(told.load.tombstones)),
    (&RETIRING, |told| count(told.load.retiring)),
    (&CUT, |told| Some(told.clients_cut)),
    (&UPTIME, |told| told.uptime_ms),
];

fn count(count: usize) -> Option<u64> {
    u64::try_from(count).ok()
}

fn write_told(page: &mut Page, workers: &[(&Worker, &Told)]) {
    for (series, number) in NUMBERS {
        let numbers = workers.iter().filter_map(|(one, told)| Some((named(one), number(told)?)));
        if series.unit() == "seconds" {
            page.series(series, numbers.map(|(name, ms)| (name, ms as f64 / 1000.0)));
        } else {
            page.series(series, numbers);
        }
    }
    // By the names that are known here: another version of the daemon adds none.
    let methods = || METHODS.into_iter().chain([OTHER]);
    let latency = workers
        .iter()
        .flat_map(|(one, told)| methods().filter_map(|m| Some((with(one, m), told.latency.get(m)?))));
    page.durations(&LATENCY, latency);
    let times =
        |time: fn(&Told) -> &Histogram| workers.iter().map(move |(one, told)| (named(one), time(told)));
    page.durations(&QUEUE_WAIT, times(|told| &told.queue_wait));
    page.durations(&FIRST_EVENT, times(|told| &told.first_event));
    page.durations(&TURN_DURATION, times(|told| &told.turn_duration));
    let count = |counts: &BTreeMap<String, u64>, name: &str| counts.get(name).copied().unwrap_or_default();
    let outcomes = TurnOutcome::ALL.map(TurnOutcome::as_str);
    let turns =
        workers.iter().flat_map(|(one, told)| outcomes.map(|o| (with(one, o), count(&told.turns, o))));
    page.series(&TURNS, turns);
    let errors = workers
        .iter()
        .flat_map(|(one, told)| codes().map(|code| (with(one, &code), count(&told.rpc_errors, &code))));
    page.series(&RPC_ERRORS, errors);
}
