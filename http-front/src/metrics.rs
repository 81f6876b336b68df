//! What is counted, and how it is told to Prometheus (`GET /metrics` on the internal listener).
//!
//! Owns the series and their registry: one for each front, so that two in one process don't mix. Promises: what rates are
//! asked of is there from the start, at 0 (what is switched is told as it is whenever it is asked for); a label's values are
//! a closed set that the code names, never anything that a client sent. It never waits, and nothing of a prompt, a
//! completion, a key or an id is in it.
//!
//! A series is a [`series::Series`] in the file of its kind: what it is called and what one is stands there, and
//! `docs/metrics.md` is made from that. What the daemon counts comes with each scrape ([`Scraped`]) and is written beside it.

use crate::{auth, records::Which, trace::prune::Reason, translate::blocks::Counts};
use prometheus::{Registry, TextEncoder};
use shared::{
    build_info,
    control::metrics::{Process, Spans, Told},
    telemetry,
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

mod connections;
mod http;
pub mod labels;
pub(crate) mod models;
mod page;
mod process;
pub mod request;
pub mod series;
mod service;
mod stream;
mod worker;

pub use connections::ConnectionCounts;

use models::{Model, Models};
use series::{Maker, Series};

/// The content type of what [`Metrics::page`] gives.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All series that are counted here.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    http: http::Http,
    streams: stream::Streams,
    service: service::Service,
    models: Models,
    /// Lines of the usage log that were not written.
    usage_dropped: AtomicU64,
    /// The same of the access log.
    access_dropped: AtomicU64,
}

/// What is told beside that, as it is when somebody asks.
#[derive(Debug, Clone, Default)]
pub struct Scraped {
    /// The workers, in the order of `WORKER_SOCKET`.
    pub workers: Vec<Worker>,
    /// The front's own process.
    pub front: Process,
}

/// A worker, as it is when somebody asks.
#[derive(Debug, Clone)]
pub struct Worker {
    /// What it is called.
    pub name: Arc<str>,
    /// Whether its daemon is connected and answers.
    pub connected: bool,
    /// Whether turns can be started.
    pub ready: bool,
    /// Turns of this front that it has.
    pub in_flight: usize,
    /// What its daemon has counted, where it has told.
    pub told: Option<Arc<Told>>,
}

/// The front's own process: what it has counted, with what the system says, where it does. A counter never falls because
/// the system doesn't answer.
pub fn front(system: Option<Process>, spans: Spans) -> Process {
    let version = Some(build_info::VERSION.to_owned());
    Process {
        version,
        panics: telemetry::panics(),
        log_lines_dropped: telemetry::lines_dropped(),
        spans,
        ..system.unwrap_or_default()
    }
}

/// Every series of the page, in the order of its names.
pub fn series() -> Vec<&'static Series> {
    let all = [http::ALL, stream::ALL, service::ALL, worker::ALL, process::ALL];
    let mut all: Vec<&'static Series> = all.concat();
    all.sort_unstable_by_key(|series| series.name);
    all
}

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
            http: http::Http::new(&make),
            streams: stream::Streams::new(&make),
            service: service::Service::new(&make),
            models: Models::default(),
            usage_dropped: AtomicU64::default(),
            access_dropped: AtomicU64::default(),
            registry: make.registry,
        }
    }

    /// The name by which a model is told.
    fn model(&self, model: Option<&str>) -> Model {
        let (model, new) = self.models.name(model);
        if new {
            self.http.model(model.as_str());
            self.streams.model(model.as_str());
        }
        model
    }

    /// A request's parameters had no effect; a name outside of the list is not counted.
    pub fn ignored(&self, names: &[&'static str]) {
        let known = crate::translate::request::IGNORED;
        for name in names.iter().filter(|name| known.contains(name)) {
            self.service.ignored.with_label_values(&[name]).inc();
        }
    }

    /// What became of calls that are texts.
    pub fn tool_buffers(&self, counts: Counts) {
        let Counts { started, flushed, aborted } = counts;
        self.service.tool_buffers_started.inc_by(started);
        self.service.tool_buffers_flushed.inc_by(flushed);
        self.service.tool_buffers_aborted.inc_by(aborted);
    }

    /// How many keys there are, and whether their file can be used.
    pub fn keys(&self, counts: auth::Counts, file_ok: bool) {
        let number = |keys| i64::try_from(keys).unwrap_or(i64::MAX);
        self.service.keys_valid.set(number(counts.valid));
        self.service.keys_expired.set(number(counts.expired));
        self.service.keys_file_ok.set(i64::from(file_ok));
    }

    /// So many files are in the trace buffer.
    pub fn trace_files(&self, files: usize) {
        self.service.trace_files.set(i64::try_from(files).unwrap_or(i64::MAX));
    }

    /// A file of the trace buffer was removed.
    pub fn trace_pruned(&self, reason: Reason) {
        self.service.trace_pruned.with_label_values(&[reason.as_str()]).inc();
    }

    /// A trace was not written; a reason outside of the list is not counted.
    pub fn trace_dropped(&self, reason: &'static str) {
        if labels::TRACE_DROPS.contains(&reason) {
            self.service.trace_dropped.with_label_values(&[reason]).inc();
        }
    }

    /// So many lines of a log were not written.
    pub fn log_lines_dropped(&self, log: Which, lines: u64) {
        self.records_dropped(log).fetch_add(lines, Ordering::Relaxed);
    }

    fn records_dropped(&self, log: Which) -> &AtomicU64 {
        match log {
            Which::Usage => &self.usage_dropped,
            Which::Access => &self.access_dropped,
        }
    }

    /// A request met this limit of its key, one of [`crate::limits::LIMITS`].
    pub fn rate_limited(&self, limit: &'static str) {
        if crate::limits::LIMITS.contains(&limit) {
            self.service.rate_limited.with_label_values(&[limit]).inc();
        }
    }

    /// Where connections are counted.
    pub fn connections(&self) -> ConnectionCounts {
        self.service.connections.clone()
    }

    /// What an operator has switched, as it holds now.
    pub fn switched(&self, maintenance: bool, app_server: bool) {
        self.service.maintenance.with_label_values(&["on"]).set(i64::from(maintenance));
        self.service.maintenance.with_label_values(&["off"]).set(i64::from(!maintenance));
        self.service.app_server.set(i64::from(app_server));
    }

    /// What is counted here, in Prometheus's text format.
    pub fn text(&self) -> String {
        let families = self.registry.gather();
        let text = TextEncoder::new()
            .encode_to_string(&families)
            .expect("names and labels are checked when they are made");
        page::untyped(text, http::ALL)
    }

    /// All series in Prometheus's text format.
    pub fn page(&self, scraped: &Scraped) -> String {
        let mut page = page::Page::behind(self.text());
        worker::write(&mut page, scraped);
        let records = Which::ALL.map(|log| (log, self.records_dropped(log).load(Ordering::Relaxed)));
        process::write(&mut page, scraped, records);
        page.into_text()
    }
}

#[cfg(test)]
mod tests;
