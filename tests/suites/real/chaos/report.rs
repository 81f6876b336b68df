//! Requests against faults: who ran beside which, who failed, and whether he might.

use super::faults::{Fault, Happened, is_right};
use crate::crowd::{Finish, Sent};
use comfy_table::{Table, presets};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// After a fault's end service has to be back within this time.
const BACK: Duration = Duration::from_secs(1);
/// Failures that are shown.
const SHOWN: usize = 30;

impl Happened {
    /// Whether the request ran beside it, or within [`BACK`] after it where it hurts.
    fn met(&self, sent: &Sent) -> bool {
        let end = if self.fault.hurts() { self.end + BACK } else { self.end };
        sent.ran_within(self.begin, end)
    }
}

#[derive(Default)]
struct Row {
    sent: usize,
    done: usize,
    failed: BTreeMap<String, usize>,
    longest: Duration,
}

impl Row {
    fn add(&mut self, sent: &Sent) {
        self.sent += 1;
        self.longest = self.longest.max(sent.took());
        match &sent.finish {
            Finish::Done => self.done += 1,
            Finish::Failed(code) => *self.failed.entry(code.clone()).or_default() += 1,
            Finish::Wrong(_) => *self.failed.entry("WRONG".to_owned()).or_default() += 1,
        }
    }
}

/// A table by fault; a request that met several counts for each.
pub(super) fn table(sent: &[Sent], happened: &[Happened]) -> Table {
    let mut rows: BTreeMap<Option<Fault>, (usize, Row)> = BTreeMap::new();
    for one in happened {
        rows.entry(Some(one.fault)).or_default().0 += 1;
    }
    for sent in sent {
        let mut met: Vec<Fault> = happened.iter().filter(|h| h.met(sent)).map(|h| h.fault).collect();
        met.sort_unstable();
        met.dedup();
        for fault in &met {
            rows.entry(Some(*fault)).or_default().1.add(sent);
        }
        if met.is_empty() {
            rows.entry(None).or_default().1.add(sent);
        }
    }
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["beside", "times", "sent", "ok", "failed", "longest, ms"]);
    for (fault, (times, row)) in rows {
        let failed: Vec<String> = row.failed.iter().map(|(code, count)| format!("{count} {code}")).collect();
        let name = fault.map_or("nothing".to_owned(), |fault| format!("{fault:?}"));
        let numbers = [times, row.sent, row.done].map(|n| n.to_string());
        let longest = row.longest.as_millis().to_string();
        table.add_row([vec![name], numbers.to_vec(), vec![failed.join(", "), longest]].concat());
    }
    table
}

/// When each fault was, in seconds since `start`.
pub(super) fn timeline(happened: &[Happened], start: Instant) -> String {
    let seconds = |at: Instant| at.saturating_duration_since(start).as_secs_f64();
    let one = |h: &Happened| format!("{:?} {:.1}-{:.1}", h.fault, seconds(h.begin), seconds(h.end));
    happened.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The requests that broke a promise, in words.
pub(super) fn offenders(sent: &[Sent], happened: &[Happened], start: Instant) -> Vec<String> {
    let mut found = Vec::new();
    let (mut quiet, mut failed) = (0_usize, 0_usize);
    let mut lonely = Vec::new();
    for sent in sent {
        let hurt = happened.iter().any(|h| h.fault.hurts() && h.met(sent));
        let beside: Vec<&Happened> = happened.iter().filter(|h| h.met(sent)).collect();
        if !hurt {
            quiet += 1;
        }
        if is_right(&sent.finish, hurt) {
            continue;
        }
        let words = words(sent, happened, start);
        // Beside nothing at all one in a hundred may fail; beside what must not hurt nobody may.
        let alone = !hurt && beside.is_empty() && matches!(sent.finish, Finish::Failed(_));
        if alone {
            failed += 1;
            lonely.push(words);
        } else {
            found.push(words);
        }
    }
    assert!(quiet > 0, "every request met a fault");
    if failed * 100 > quiet {
        found.push(format!("{failed} of {quiet} failed beside no fault:"));
        found.extend(lonely);
    }
    found.truncate(SHOWN);
    found
}

fn words(sent: &Sent, happened: &[Happened], start: Instant) -> String {
    let seconds = |at: Instant| at.saturating_duration_since(start).as_secs_f64();
    let nearest = happened.iter().min_by_key(|h| {
        let before = sent.begun.saturating_duration_since(h.end);
        before.max(h.begin.saturating_duration_since(sent.ended))
    });
    let near = nearest.map(|h| {
        format!("; the nearest: {:?} from {:.3} to {:.3}", h.fault, seconds(h.begin), seconds(h.end))
    });
    format!(
        "{} from {:.3} to {:.3}: {:?}{}",
        sent.name,
        seconds(sent.begun),
        seconds(sent.ended),
        sent.finish,
        near.unwrap_or_default()
    )
}
