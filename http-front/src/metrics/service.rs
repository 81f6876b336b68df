//! Series of the service itself: its keys, limits, switches, connections and records, and what requests ask in vain.

use super::{
    connections::ConnectionCounts,
    labels::{KEY_STATES, Label},
    series::{Maker, Series},
};
use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

const IGNORED: Series = Series::counter(
    "codex_ignored_params_total",
    &[Label::Param],
    "Requests with a parameter that had no effect, by the parameter.",
);
const STARTED: Series = Series::counter(
    "codex_tool_buffer_started_total",
    &[],
    "Calls as text that were begun: written (obsidian-xml), or held back because they may be calls (textual-tools).",
);
const FLUSHED: Series = Series::counter(
    "codex_tool_buffer_flushed_total",
    &[],
    "Calls as text that were whole: written, or read as calls.",
);
const ABORTED: Series = Series::counter(
    "codex_tool_buffer_aborted_total",
    &[],
    "Texts that were held back and turned out to be no calls, or too long, or were cut off by the answer's end.",
);
const KEYS: Series = Series::gauge(
    "codex_keys",
    &[Label::KeyState],
    "API keys, those of the file and PROXY_API_KEY, by whether they have expired.",
);
const KEYS_FILE: Series = Series::gauge(
    "codex_keys_file_ok",
    &[],
    "1 while the file of PROXY_API_KEYS_FILE can be used, or none is named; 0 while it can't, or is gone.",
);
const TRACE_FILES: Series = Series::gauge(
    "codex_trace_buffer_files",
    &[],
    "Files in the trace buffer, as far as this front has seen.",
);
const TRACE_PRUNED: Series = Series::counter(
    "codex_trace_buffer_pruned_total",
    &[Label::Pruned],
    "Files that this front removed from the trace buffer: too old (ttl), too many (count), never finished (leftover).",
);
const TRACE_DROPPED: Series = Series::counter(
    "codex_trace_buffer_dropped_total",
    &[Label::Dropped],
    "Traces that were not written: too many waited (queue), or the disk refused them (disk).",
);
const RATE_LIMITED: Series = Series::counter(
    "codex_rate_limited_total",
    &[Label::Limit],
    "Requests that met a limit of their key (429), by the limit.",
);
const CONNECTIONS: Series = Series::gauge(
    "codex_http_connections",
    &[Label::Connection],
    "Open connections of both listeners, by whether a request with a key is in progress on them (busy) or not (idle).",
);
const EVICTED: Series = Series::counter(
    "codex_http_connections_evicted_total",
    &[],
    "Connections without a request that were closed to make room for new ones.",
);
const MAINTENANCE: Series = Series::gauge(
    "codex_maintenance_mode",
    &[Label::Switch],
    "Maintenance as it holds in this front: 1 for the state that it is in, 0 for the other.",
);
const APP_SERVER: Series = Series::gauge(
    "codex_app_server_enabled",
    &[],
    "Whether the service is switched on in this front: 1, or 0 while the kill switch is off.",
);

/// Of the service.
pub(super) const ALL: &[&Series] = &[
    &IGNORED,
    &STARTED,
    &FLUSHED,
    &ABORTED,
    &KEYS,
    &KEYS_FILE,
    &TRACE_FILES,
    &TRACE_PRUNED,
    &TRACE_DROPPED,
    &RATE_LIMITED,
    &CONNECTIONS,
    &EVICTED,
    &MAINTENANCE,
    &APP_SERVER,
];

/// Series of the service.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) ignored: IntCounterVec,
    pub(super) tool_buffers_started: IntCounter,
    pub(super) tool_buffers_flushed: IntCounter,
    pub(super) tool_buffers_aborted: IntCounter,
    pub(super) keys_valid: IntGauge,
    pub(super) keys_expired: IntGauge,
    pub(super) keys_file_ok: IntGauge,
    pub(super) trace_files: IntGauge,
    pub(super) trace_pruned: IntCounterVec,
    pub(super) trace_dropped: IntCounterVec,
    pub(super) rate_limited: IntCounterVec,
    pub(super) connections: ConnectionCounts,
    pub(super) maintenance: IntGaugeVec,
    pub(super) app_server: IntGauge,
}

impl Service {
    pub(super) fn new(make: &Maker) -> Self {
        let keys = make.each_gauge(&KEYS);
        let [keys_valid, keys_expired] = KEY_STATES.map(|state| keys.with_label_values(&[state]));
        Self {
            ignored: make.each_counter(&IGNORED),
            tool_buffers_started: make.counter(&STARTED),
            tool_buffers_flushed: make.counter(&FLUSHED),
            tool_buffers_aborted: make.counter(&ABORTED),
            keys_valid,
            keys_expired,
            keys_file_ok: make.gauge(&KEYS_FILE),
            trace_files: make.gauge(&TRACE_FILES),
            trace_pruned: make.each_counter(&TRACE_PRUNED),
            trace_dropped: make.each_counter(&TRACE_DROPPED),
            rate_limited: make.each_counter(&RATE_LIMITED),
            connections: ConnectionCounts::new(&make.each_gauge(&CONNECTIONS), make.counter(&EVICTED)),
            maintenance: make.each_gauge(&MAINTENANCE),
            app_server: make.gauge(&APP_SERVER),
        }
    }
}
