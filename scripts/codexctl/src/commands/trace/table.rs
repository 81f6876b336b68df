//! Traces as tables. Pure.
//!
//! What stands in a file is not believed to be harmless for a terminal: control characters are shown as `?`.

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets::NOTHING};
use shared::{
    time,
    trace::{FileName, Frame, Tokens, Trace},
};
use std::fmt::Write;

/// One trace: what is known of the request, then what went over the socket.
pub(super) fn shown(trace: &Trace) -> String {
    let mut out = String::new();
    let dash = || "-".to_owned();
    let rows = [
        ("request", trace.req_id.clone()),
        ("began", trace.timestamp.clone()),
        ("route", trace.route.to_string()),
        ("model", trace.model.clone().unwrap_or_else(dash)),
        ("status", trace.status.map_or_else(dash, |status| status.to_string())),
        ("outcome", trace.outcome.to_string()),
        ("error code", trace.error_code.clone().unwrap_or_else(dash)),
        ("latency", format!("{} ms", trace.latency_ms)),
        ("tokens", trace.usage.map_or_else(|| "not known".to_owned(), tokens)),
    ];
    for (name, value) in rows {
        // Writing to a String can't fail.
        let _written = writeln!(out, "{name:<11}{}", clean(&value));
    }
    if trace.frames.is_empty() {
        out.push_str("\nnothing went to the daemon\n");
        return out;
    }
    let mut table = table(&["ms", "", "turn", "kind", "method", "id", "count", "bytes", "what"]);
    for frame in &trace.frames {
        table.add_row(row(frame));
    }
    for right in [0, 2, 6, 7] {
        if let Some(column) = table.column_mut(right) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let _written = writeln!(out, "\n{}", table.trim_fmt());
    if trace.frames_dropped > 0 {
        let _written =
            writeln!(out, "\n{} entries between the first and the last were left out", trace.frames_dropped);
    }
    out
}

/// What there is, a line each; `None` for what can't be read.
pub(super) fn listed(traces: &[(FileName, Option<Trace>)]) -> String {
    let mut table = table(&["began", "request", "route", "status", "outcome", "error code", "ms"]);
    for (name, trace) in traces {
        let began = time::utc(name.at);
        let request = name.request.to_string();
        table.add_row(match trace {
            Some(trace) => vec![
                began,
                request,
                clean(&trace.route),
                trace.status.map_or_else(|| "-".to_owned(), |status| status.to_string()),
                clean(&trace.outcome),
                clean(trace.error_code.as_deref().unwrap_or("-")),
                trace.latency_ms.to_string(),
            ],
            None => vec![began, request, "can't be read".to_owned()],
        });
    }
    table.trim_fmt() + "\n"
}

fn table(heads: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(heads);
    table
}

fn row(frame: &Frame) -> Vec<Cell> {
    let Frame { turn, direction, kind, method, id, thread_id, turn_id, count, bytes, at_ms, last_ms, .. } =
        frame;
    let ms = if at_ms == last_ms || *last_ms == 0 { at_ms.to_string() } else { format!("{at_ms}-{last_ms}") };
    let arrow = match direction.as_ref() {
        "to_daemon" => "->",
        "from_daemon" => "<-",
        _ => "?",
    };
    let mut what = Vec::new();
    let mut tell = |name: &str, value: Option<String>| {
        what.extend(value.map(|value| format!("{name}={value}")));
    };
    tell("status", frame.status.as_deref().map(str::to_owned));
    tell("code", frame.code.map(|code| code.to_string()));
    tell("error", frame.error_info.as_deref().map(str::to_owned));
    tell("http", frame.http_status.map(|status| status.to_string()));
    tell("reason", frame.reason.as_deref().map(str::to_owned));
    tell("will_retry", frame.will_retry.map(|again| again.to_string()));
    tell("tokens", frame.tokens.map(tokens));
    tell("thread", thread_id.clone());
    tell("turn", turn_id.clone());
    let texts = [
        ms,
        arrow.to_owned(),
        turn.to_string(),
        kind.to_string(),
        method.as_deref().unwrap_or("-").to_owned(),
        id.clone().unwrap_or_default(),
        count.to_string(),
        bytes.to_string(),
        what.join(" "),
    ];
    texts.iter().map(|text| Cell::new(clean(text))).collect()
}

fn tokens(used: Tokens) -> String {
    let Tokens { prompt, completion, total, cached, reasoning } = used;
    format!("{prompt}+{completion}={total} (cached {cached}, reasoning {reasoning})")
}

fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}
