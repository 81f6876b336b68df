//! The marks: one word that all share, and the place that each stands in.

/// What every mark begins with. No program, path or protocol says it.
pub(super) const WORD: &str = "hunted";

/// The mark of a place.
pub(super) fn mark(place: &str) -> String {
    format!("{WORD}_{place}")
}

/// The marks in a text, however they are written: with what follows them, for the report.
pub(super) fn found(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let at = lower.match_indices(WORD).map(|(at, _)| at);
    let mut found: Vec<String> = at
        .map(|at| {
            let (from, to) = (lower[..at].char_indices().rev().nth(80), lower[at..].char_indices().nth(60));
            let (from, to) = (from.map_or(0, |(from, _)| from), to.map_or(lower.len(), |(to, _)| at + to));
            lower[from..to].to_owned()
        })
        .collect();
    found.dedup();
    found.truncate(10);
    found
}
