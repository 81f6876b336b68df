//! Series of the processes: front, daemon and codex.

use super::{
    Scraped,
    labels::{EXPORTS, Label, STDOUT},
    page::Page,
    series::Series,
};
use crate::records::Which;
use shared::control::metrics::{Process, Spans};
use std::fmt::Display;

const MEMORY: Series = Series::gauge(
    "codex_memory_bytes",
    &[Label::Component, Label::ProcessWorker],
    "Resident memory of a process.",
);
const LIMIT: Series = Series::gauge(
    "codex_memory_limit_bytes",
    &[Label::Component, Label::ProcessWorker],
    "The memory that a process may have: the least limit of its cgroup and those around it, else the machine's memory.",
);
const CPU: Series = Series::counter(
    "codex_cpu_seconds_total",
    &[Label::Component, Label::ProcessWorker],
    "Processor time that a process has used, in user and kernel mode.",
);
const OPEN: Series =
    Series::gauge("codex_open_fds", &[Label::OwnComponent, Label::ProcessWorker], "Open files of a process.");
const MOST: Series = Series::gauge(
    "codex_max_fds",
    &[Label::OwnComponent, Label::ProcessWorker],
    "Files that a process may have open (RLIMIT_NOFILE).",
);
const PANICS: Series = Series::counter(
    "codex_panics_total",
    &[Label::Component, Label::ProcessWorker],
    "Panics in our processes, and those that codex has told of on its stderr.",
);
const BUILD: Series = Series::gauge(
    "codex_build_info",
    &[Label::Component, Label::Version, Label::ProcessWorker],
    "1, with the version.",
);
const START: Series = Series::gauge(
    "codex_process_start_time_seconds",
    &[Label::OwnComponent, Label::ProcessWorker],
    "When a process began, in seconds since 1970.",
);
const LINES_DROPPED: Series = Series::counter(
    "codex_log_lines_dropped_total",
    &[Label::OwnComponent, Label::Log, Label::ProcessWorker],
    "Lines of a log that were not written: too many waited, or the disk, the pipe or whatever stdout is refused them. The daemon has a stdout alone.",
);
const SPANS: Series = Series::counter(
    "codex_otlp_spans_total",
    &[Label::OwnComponent, Label::Export, Label::ProcessWorker],
    "Spans by what became of them: exported; dropped, because too many waited; failed, because the collector didn't take them.",
);

/// Of the processes.
pub(super) const ALL: &[&Series] =
    &[&MEMORY, &LIMIT, &CPU, &OPEN, &MOST, &PANICS, &BUILD, &START, &LINES_DROPPED, &SPANS];

/// The longest version that is told, in bytes.
const MAX_VERSION: usize = 64;

/// A process: which one, and of which worker where there are several.
#[derive(Clone, Copy)]
struct One<'a> {
    component: &'static str,
    worker: &'a str,
    process: &'a Process,
}

impl One<'_> {
    /// The labels, with another's value where there is one.
    fn labels(&self, value: Option<&str>) -> Vec<String> {
        [Some(self.component), value, Some(self.worker)].into_iter().flatten().map(str::to_owned).collect()
    }
}

/// Writes them, with the lines of the front's other logs that were not written.
pub(super) fn write(page: &mut Page, scraped: &Scraped, records_dropped: [(Which, u64); Which::ALL.len()]) {
    let several = scraped.workers.len() > 1;
    let front = One { component: "front", worker: "", process: &scraped.front };
    let workers = scraped.workers.iter().flat_map(|worker| {
        let name: &str = if several { &worker.name } else { "" };
        let of = |component, process| One { component, worker: name, process };
        worker.told.iter().flat_map(move |told| [of("daemon", &told.daemon), of("codex", &told.codex)])
    });
    let all: Vec<One<'_>> = std::iter::once(front).chain(workers).collect();
    let own: Vec<_> = all.iter().copied().filter(|one| one.component != "codex").collect();
    each(page, &MEMORY, &all, |process| process.memory_bytes);
    each(page, &LIMIT, &all, |process| process.memory_limit_bytes);
    each(page, &CPU, &all, |process| process.cpu_seconds);
    each(page, &OPEN, &own, |process| process.open_fds);
    each(page, &MOST, &own, |process| process.max_fds);
    each(page, &PANICS, &all, |process| Some(process.panics));
    let versions = all.iter().filter_map(|one| {
        let version = one.process.version.as_deref().filter(|version| version.len() <= MAX_VERSION)?;
        Some((one.labels(Some(version)), 1))
    });
    page.series(&BUILD, versions);
    each(page, &START, &own, |process| process.started_at);
    let records = records_dropped.map(|(log, lines)| (front.labels(Some(log.as_str())), lines));
    let stdout = own.iter().map(|one| (one.labels(Some(STDOUT)), one.process.log_lines_dropped));
    page.series(&LINES_DROPPED, records.into_iter().chain(stdout));
    let spans = own.iter().flat_map(|one| {
        let Spans { exported, dropped, failed } = one.process.spans;
        EXPORTS
            .into_iter()
            .zip([exported, dropped, failed])
            .map(|(result, count)| (one.labels(Some(result)), count))
    });
    page.series(&SPANS, spans);
}

fn each<V: Display>(
    page: &mut Page,
    series: &Series,
    processes: &[One<'_>],
    value: impl Fn(&Process) -> Option<V>,
) {
    let values = processes.iter().filter_map(|one| Some((one.labels(None), value(one.process)?)));
    page.series(series, values);
}
