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

const MEMORY: Series =
    Series::gauge("codex_memory_bytes", &[Label::Component], "Resident memory of a process.");
const LIMIT: Series = Series::gauge(
    "codex_memory_limit_bytes",
    &[Label::Component],
    "The memory that a process may have: the least limit of its cgroup and those around it, else the machine's memory.",
);
const CPU: Series = Series::counter(
    "codex_cpu_seconds_total",
    &[Label::Component],
    "Processor time that a process has used, in user and kernel mode.",
);
const OPEN: Series = Series::gauge("codex_open_fds", &[Label::OwnComponent], "Open files of a process.");
const MOST: Series = Series::gauge(
    "codex_max_fds",
    &[Label::OwnComponent],
    "Files that a process may have open (RLIMIT_NOFILE).",
);
const PANICS: Series = Series::counter(
    "codex_panics_total",
    &[Label::Component],
    "Panics in our processes, and those that codex has told of on its stderr.",
);
const BUILD: Series =
    Series::gauge("codex_build_info", &[Label::Component, Label::Version], "1, with the version.");
const START: Series = Series::gauge(
    "codex_process_start_time_seconds",
    &[Label::OwnComponent],
    "When a process began, in seconds since 1970.",
);
const LINES_DROPPED: Series = Series::counter(
    "codex_log_lines_dropped_total",
    &[Label::OwnComponent, Label::Log],
    "Lines of a log that were not written: too many waited, or the disk, the pipe or whatever stdout is refused them. The daemon has a stdout alone.",
);
const SPANS: Series = Series::counter(
    "codex_otlp_spans_total",
    &[Label::OwnComponent, Label::Export],
    "Spans by what became of them: exported; dropped, because too many waited; failed, because the collector didn't take them.",
);

/// Of the processes.
pub(super) const ALL: &[&Series] =
    &[&MEMORY, &LIMIT, &CPU, &OPEN, &MOST, &PANICS, &BUILD, &START, &LINES_DROPPED, &SPANS];

/// The longest version that is told, in bytes.
const MAX_VERSION: usize = 64;

/// Writes them, with the lines of the front's other logs that were not written.
pub(super) fn write(page: &mut Page, scraped: &Scraped, records_dropped: [(Which, u64); Which::ALL.len()]) {
    let worker = scraped.worker.as_ref();
    let all: Vec<(&'static str, &Process)> = [("front", Some(&scraped.front))]
        .into_iter()
        .chain([("daemon", worker.map(|told| &told.daemon)), ("codex", worker.map(|told| &told.codex))])
        .filter_map(|(component, process)| Some((component, process?)))
        .collect();
    let own: Vec<_> = all.iter().copied().filter(|(component, _)| *component != "codex").collect();
    each(page, &MEMORY, &all, |process| process.memory_bytes);
    each(page, &LIMIT, &all, |process| process.memory_limit_bytes);
    each(page, &CPU, &all, |process| process.cpu_seconds);
    each(page, &OPEN, &own, |process| process.open_fds);
    each(page, &MOST, &own, |process| process.max_fds);
    each(page, &PANICS, &all, |process| Some(process.panics));
    let versions = all.iter().filter_map(|(component, process)| {
        let version = process.version.as_deref().filter(|version| version.len() <= MAX_VERSION)?;
        Some((vec![(*component).to_owned(), version.to_owned()], 1))
    });
    page.series(&BUILD, versions);
    each(page, &START, &own, |process| process.started_at);
    let records = records_dropped.map(|(log, lines)| ("front", log.as_str(), lines));
    let stdout = own.iter().map(|(component, process)| (*component, STDOUT, process.log_lines_dropped));
    let lines = records.into_iter().chain(stdout);
    page.series(
        &LINES_DROPPED,
        lines.map(|(component, log, lines)| (vec![component.to_owned(), log.to_owned()], lines)),
    );
    let spans = own.iter().flat_map(|(component, process)| {
        let Spans { exported, dropped, failed } = process.spans;
        EXPORTS
            .into_iter()
            .zip([exported, dropped, failed])
            .map(|(result, count)| (vec![(*component).to_owned(), result.to_owned()], count))
    });
    page.series(&SPANS, spans);
}

fn each<V: Display>(
    page: &mut Page,
    series: &Series,
    processes: &[(&'static str, &Process)],
    value: impl Fn(&Process) -> Option<V>,
) {
    page.series(
        series,
        processes
            .iter()
            .filter_map(|(component, process)| Some((vec![(*component).to_owned()], value(process)?))),
    );
}
