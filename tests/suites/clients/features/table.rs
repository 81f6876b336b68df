//! The rows of the table in `docs/compatibility.md`.
//!
//! Each client's test looks at its own row alone: they run in processes of their own, in any order. `UPDATE_DOCS=1`
//! writes the row, under a lock of the file.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use super::{
    feature::Feature,
    judge::Cell,
    subject::{self, Subject},
};

const BEGIN: &str = "<!-- begin clients -->\n";
const END: &str = "<!-- end clients -->";

/// The row says what was seen.
pub(super) fn check(subject: &Subject, cells: &[Cell]) {
    let row = row(subject, cells);
    if update() {
        let guard = File::open(document()).expect("the document");
        guard.lock().expect("a lock");
        let (before, mut rows, after) = parts();
        rows.retain(|row| !is_of(row, subject));
        rows.push(row);
        rows.sort_by_key(|row| subject::ALL.iter().position(|subject| is_of(row, subject)));
        let table = format!("{before}{}{}\n{after}", head(), rows.join("\n"));
        fs::write(document(), table).expect("the document can be written");
        return;
    }
    let (_, rows, _) = parts();
    let found = rows.iter().find(|row| is_of(row, subject));
    assert_eq!(
        found,
        Some(&row),
        "docs/compatibility.md: run this test with UPDATE_DOCS=1 and look at the difference"
    );
}

fn row(subject: &Subject, cells: &[Cell]) -> String {
    let mut shown = Vec::new();
    let mut remarks = Vec::new();
    for (feature, cell) in Feature::ALL.into_iter().zip(cells) {
        shown.push(match cell {
            Cell::Works(what) => what.as_str(),
            Cell::NotOffered(reason) => {
                remarks.push(format!("{}: {reason}", feature.title()));
                "–"
            }
        });
    }
    format!("{}{} | {} |", start(subject), shown.join(" | "), remarks.join("; "))
}

/// What a row begins with: two majors of a client differ in the version alone.
fn start(subject: &Subject) -> String {
    format!("| {} | {} | ", subject.title, subject.versions())
}

fn is_of(row: &str, subject: &Subject) -> bool {
    // Not by the version: a row of the version before is to be replaced.
    row.starts_with(&format!("| {} | ", subject.title))
}

fn head() -> String {
    let titles = Feature::ALL.map(Feature::title).join(" | ");
    let line = "---|".repeat(Feature::ALL.len() + 3);
    format!("| client | pinned | {titles} | why not |\n|{line}\n")
}

/// What stands before the table, its rows, and what stands behind.
fn parts() -> (String, Vec<String>, String) {
    let text = fs::read_to_string(document()).expect("the document");
    let start = text.find(BEGIN).expect("the marker of the beginning") + BEGIN.len();
    let stop = start + text[start..].find(END).expect("the marker of the end");
    let rows = text[start..stop].lines().skip(2).map(str::to_owned).collect();
    (text[..start].to_owned(), rows, text[stop..].to_owned())
}

fn document() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/compatibility.md")
}

#[expect(clippy::disallowed_methods, reason = "a switch of this test, not a setting")]
fn update() -> bool {
    std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1")
}

/// Also for those that only a long run starts.
#[test]
fn every_client_has_a_row_with_its_pinned_version() {
    let (before, rows, _) = parts();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let text = fs::read_to_string(document()).expect("the document");
    assert!(text[before.len()..].starts_with(&head()), "the head of the table");
    assert_eq!(rows.len(), subject::ALL.len(), "{rows:#?}");
    for (row, subject) in rows.iter().zip(subject::ALL) {
        assert!(row.starts_with(&start(subject)), "{row}\nshould begin with {}", start(subject));
    }
}
