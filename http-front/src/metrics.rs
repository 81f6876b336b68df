//! What is counted, and how it is told to Prometheus (`GET /metrics` on the internal listener).
//!
//! Owns the series and their registry: one for each front, so that two in one process don't mix. Promises: a series is there
//! from the start, at 0 (what is switched is told as it is whenever it is asked for); a label's values are a closed set that the code names, never anything that a client sent. It never
//! waits, and nothing of a prompt, a completion, a key or an id is in it.
//!
//! A series is a field of [`Metrics`] that `Maker` makes, and a method that counts; its help says what one is, and the unit
//! where it has one. `docs/metrics.md` is made from that.

use crate::{
    auth,
    limits::LIMITS,
    records::Which,
    trace::prune::Reason,
    translate::{blocks::Counts, request::IGNORED},
};
use prometheus::{
    IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder, core::Collector,
};

mod connections;
pub mod request;

pub use connections::ConnectionCounts;

/// The content type of what [`Metrics::text`] gives.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Why a trace is not kept: too many wait for the disk, or the disk refuses it.
const TRACE_DROPS: &[&str] = &["queue", "disk"];

/// All series.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    ignored: IntCounterVec,
    tool_buffers_started: IntCounter,
    tool_buffers_flushed: IntCounter,
    tool_buffers_aborted: IntCounter,
    keys: IntGaugeVec,
    keys_file_ok: IntGauge,
    trace_files: IntGauge,
    trace_pruned: IntCounterVec,
    trace_dropped: IntCounterVec,
    log_lines_dropped: IntCounterVec,
    rate_limited: IntCounterVec,
    connections: ConnectionCounts,
    maintenance: IntGaugeVec,
    app_server: IntGauge,
}

/// What a key can be.
const KEY_STATES: [&str; 2] = ["valid", "expired"];

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All of them at 0.
    pub fn new() -> Self {
        let make = Maker { registry: Registry::new() };
        Self {
            ignored: make.counters(
                "codex_ignored_params_total",
                "Requests with a parameter that had no effect, by the parameter.",
                ("param", IGNORED),
            ),
            tool_buffers_started: make.counter(
                "codex_tool_buffer_started_total",
                "Calls as text that were begun: written (obsidian-xml), or held back because they may be calls (textual-tools).",
            ),
            tool_buffers_flushed: make.counter(
                "codex_tool_buffer_flushed_total",
                "Calls as text that were whole: written, or read as calls.",
            ),
            tool_buffers_aborted: make.counter(
                "codex_tool_buffer_aborted_total",
                "Texts that were held back and turned out to be no calls, or too long, or were cut off by the answer's end.",
            ),
            keys: make.gauges(
                "codex_keys",
                "API keys, those of the file and PROXY_API_KEY, by whether they have expired.",
                ("state", &KEY_STATES),
            ),
            keys_file_ok: make.gauge(
                "codex_keys_file_ok",
                "1 while the file of PROXY_API_KEYS_FILE can be used, or none is named; 0 while it can't, or is gone.",
            ),
            trace_files: make.gauge(
                "codex_trace_buffer_files",
                "Files in the trace buffer, as far as this front has seen.",
            ),
            trace_pruned: make.counters(
                "codex_trace_buffer_pruned_total",
                "Files that this front removed from the trace buffer: too old (ttl), too many (count), never finished (leftover).",
                ("reason", &Reason::ALL.map(Reason::as_str)),
            ),
            trace_dropped: make.counters(
                "codex_trace_buffer_dropped_total",
                "Traces that were not written: too many waited (queue), or the disk refused them (disk).",
                ("reason", TRACE_DROPS),
            ),
            log_lines_dropped: make.counters(
                "codex_log_lines_dropped_total",
                "Lines of the usage and access logs that were not written: too many waited, or the disk refused them.",
                ("log", &Which::ALL.map(Which::as_str)),
            ),
            rate_limited: make.counters(
                "codex_rate_limited_total",
                "Requests that met a limit of their key (429), by the limit.",
                ("limit", LIMITS),
            ),
            connections: ConnectionCounts::new(
                &make.gauges(
                    "codex_http_connections",
                    "Open connections of both listeners, by whether a request with a key is in progress on them (busy) or not (idle).",
                    ("state", connections::STATES),
                ),
                make.counter(
                    "codex_http_connections_evicted_total",
                    "Connections without a request that were closed to make room for new ones.",
                ),
            ),
            maintenance: make.gauges(
                "codex_maintenance_mode",
                "Maintenance as it holds in this front: 1 for the state that it is in, 0 for the other.",
                ("state", &["on", "off"]),
            ),
            app_server: make.gauge(
                "codex_app_server_enabled",
                "Whether the service is switched on in this front: 1, or 0 while the kill switch is off.",
            ),
            registry: make.registry,
        }
    }

    /// A request's parameters had no effect; a name outside of [`IGNORED`] is not counted.
    pub fn ignored(&self, names: &[&'static str]) {
        for name in names.iter().filter(|name| IGNORED.contains(name)) {
            self.ignored.with_label_values(&[name]).inc();
        }
    }

    /// What became of calls that are texts.
    pub fn tool_buffers(&self, counts: Counts) {
        let Counts { started, flushed, aborted } = counts;
        self.tool_buffers_started.inc_by(started);
        self.tool_buffers_flushed.inc_by(flushed);
        self.tool_buffers_aborted.inc_by(aborted);
    }

    /// How many keys there are, and whether their file can be used.
    pub fn keys(&self, counts: auth::Counts, file_ok: bool) {
        let [valid, expired] = KEY_STATES.map(|state| self.keys.with_label_values(&[state]));
        let number = |keys| i64::try_from(keys).unwrap_or(i64::MAX);
        valid.set(number(counts.valid));
        expired.set(number(counts.expired));
        self.keys_file_ok.set(i64::from(file_ok));
    }

    /// So many files are in the trace buffer.
    pub fn trace_files(&self, files: usize) {
        self.trace_files.set(i64::try_from(files).unwrap_or(i64::MAX));
    }

    /// A file of the trace buffer was removed.
    pub fn trace_pruned(&self, reason: Reason) {
        self.trace_pruned.with_label_values(&[reason.as_str()]).inc();
    }

    /// A trace was not written; a reason outside of the list is not counted.
    pub fn trace_dropped(&self, reason: &'static str) {
        if TRACE_DROPS.contains(&reason) {
            self.trace_dropped.with_label_values(&[reason]).inc();
        }
    }

    /// So many lines of a log were not written.
    pub fn log_lines_dropped(&self, log: Which, lines: u64) {
        self.log_lines_dropped.with_label_values(&[log.as_str()]).inc_by(lines);
    }

    /// A request met this limit of its key, one of [`LIMITS`].
    pub fn rate_limited(&self, limit: &'static str) {
        if LIMITS.contains(&limit) {
            self.rate_limited.with_label_values(&[limit]).inc();
        }
    }

    /// Where connections are counted.
    pub fn connections(&self) -> ConnectionCounts {
        self.connections.clone()
    }

    /// What an operator has switched, as it holds now.
    pub fn switched(&self, maintenance: bool, app_server: bool) {
        self.maintenance.with_label_values(&["on"]).set(i64::from(maintenance));
        self.maintenance.with_label_values(&["off"]).set(i64::from(!maintenance));
        self.app_server.set(i64::from(app_server));
    }

    /// All series in Prometheus's text format.
    pub fn text(&self) -> String {
        let families = self.registry.gather();
        TextEncoder::new()
            .encode_to_string(&families)
            .expect("names and labels are checked when they are made")
    }
}

/// Makes series and registers them.
struct Maker {
    registry: Registry,
}

impl Maker {
    /// One that only grows.
    fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.register(IntCounter::new(name, help))
    }

    /// One for each value of a label.
    fn counters(&self, name: &str, help: &str, (label, values): (&str, &[&str])) -> IntCounterVec {
        let counters = self.register(IntCounterVec::new(Opts::new(name, help), &[label]));
        for value in values {
            // Asked for once, it is there.
            let _at_zero = counters.with_label_values(&[value]);
        }
        counters
    }

    /// One that goes up and down.
    fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.register(IntGauge::new(name, help))
    }

    /// One that goes up and down for each value of a label.
    fn gauges(&self, name: &str, help: &str, (label, values): (&str, &[&str])) -> IntGaugeVec {
        let gauges = self.register(IntGaugeVec::new(Opts::new(name, help), &[label]));
        for value in values {
            let _at_zero = gauges.with_label_values(&[value]);
        }
        gauges
    }

    fn register<C: Collector + Clone + 'static>(&self, made: prometheus::Result<C>) -> C {
        let made = made.expect("names and labels are constants that fit");
        self.registry.register(Box::new(made.clone())).expect("each name is a constant and there once");
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the trace buffer and the logs.
    const SERIES: usize = 1 + Reason::ALL.len() + TRACE_DROPS.len() + Which::ALL.len();

    fn lines(metrics: &Metrics) -> Vec<String> {
        metrics.text().lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    }

    #[test]
    fn every_series_is_there_from_the_start() {
        let metrics = Metrics::new();
        let lines = lines(&metrics);
        assert_eq!(lines.len(), IGNORED.len() + 6 + SERIES + LIMITS.len() + connections::STATES.len() + 4);
        assert!(lines.iter().all(|line| line.ends_with(" 0")), "{lines:?}");
        for name in IGNORED {
            assert!(lines.contains(&format!("codex_ignored_params_total{{param=\"{name}\"}} 0")), "{name}");
        }
    }

    #[test]
    fn what_is_counted_is_told() {
        let (metrics, other) = (Metrics::new(), Metrics::new());
        metrics.ignored(&["seed", "name", "seed"]);
        metrics.ignored(&["sent by a client"]);
        metrics.tool_buffers(Counts { started: 2, flushed: 1, aborted: 1 });
        metrics.keys(auth::Counts { valid: 3, expired: 1 }, true);
        metrics.switched(false, true);
        let mut counted = lines(&metrics);
        counted.retain(|line| !line.ends_with(" 0"));
        assert_eq!(
            counted,
            [
                "codex_app_server_enabled 1",
                "codex_ignored_params_total{param=\"name\"} 1",
                "codex_ignored_params_total{param=\"seed\"} 2",
                "codex_keys{state=\"expired\"} 1",
                "codex_keys{state=\"valid\"} 3",
                "codex_keys_file_ok 1",
                "codex_maintenance_mode{state=\"off\"} 1",
                "codex_tool_buffer_aborted_total 1",
                "codex_tool_buffer_flushed_total 1",
                "codex_tool_buffer_started_total 2",
            ]
        );
        assert!(!metrics.text().contains("client"), "no label but those of the code");
        assert!(lines(&other).iter().all(|line| line.ends_with(" 0")), "each front counts for itself");
    }
}
