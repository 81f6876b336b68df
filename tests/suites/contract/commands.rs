//! The commands of the documents: each is run by a test, or is marked as one that a test can't run.

use crate::sources::root;
use gateway_tests::{
    blocks::blocks,
    pair::{Binary, binary},
};
use std::{fs, process::Command};

/// What a block of commands is fenced with: a test runs it, or it needs what no test has (the internet, a login, people, a whole build).
const RUN: &str = "sh";
const OUTSIDE: &str = "sh outside";
/// Fenced with another name of a shell a block would be seen by nobody.
const SHELLS: [&str; 5] = ["sh", "bash", "shell", "console", "zsh"];

/// Run here.
const KEYS: &str = "docs/keys.md";
/// Documents whose blocks are run elsewhere: by which test, and how it names each. The runbooks are run as a folder
/// (`suites::prometheus::commands`).
const RUNNERS: [(&str, &str, &str); 14] = [
    ("docs/scaling.md", "scripts/operating/test_scaling.py", "\"docs/scaling.md\""),
    ("docs/operations/compose.md", "tests/suites/compose/engine/scripts.rs", "\"compose\""),
    ("docs/operations/playbook.md", "tests/suites/compose/engine/scripts.rs", "\"playbook\""),
    ("docs/operations/readiness.md", "tests/suites/compose/engine/scripts.rs", "\"readiness\""),
    ("docs/operations/rollout.md", "tests/suites/compose/engine/scripts.rs", "\"rollout\""),
    ("docs/operations/login.md", "tests/suites/compose/engine/scripts.rs", "\"login\""),
    ("docs/operations/images.md", "tests/suites/compose/engine/scripts.rs", "\"images\""),
    (
        "docs/operations/kubernetes.md",
        "tests/suites/compose/kubernetes/manual.rs",
        "docs/operations/kubernetes.md",
    ),
    ("docs/operations/logs.md", "tests/suites/process/log/recipes.rs", "docs/operations/logs.md"),
    ("docs/operations/request-id.md", "tests/suites/prometheus/commands.rs", "docs/operations/request-id.md"),
    (
        "docs/operations/maintenance.md",
        "tests/suites/prometheus/commands.rs",
        "docs/operations/maintenance.md",
    ),
    ("docs/operations/systemd.md", "tests/suites/systemd/booted/documents.rs", "page(\"systemd.md\")"),
    ("docs/operations/upgrade.md", "tests/suites/systemd/booted/documents.rs", "page(\"upgrade.md\")"),
    ("docs/operations/faq.md", "tests/suites/systemd/booted/documents.rs", "page(\"faq.md\")"),
];

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect(path)
}

/// The documents that are held to this, with their texts.
fn pages() -> Vec<(String, String)> {
    let mut pages = vec!["README.md".to_owned(), "CONTRIBUTING.md".to_owned()];
    for folder in ["docs", "docs/operations"] {
        let entries = fs::read_dir(root().join(folder)).expect("a folder").flatten();
        let names = entries.map(|entry| format!("{folder}/{}", entry.file_name().to_string_lossy()));
        pages.extend(names.filter(|name| name.ends_with(".md")));
    }
    pages.sort();
    pages.into_iter().map(|page| (page.clone(), text(&page))).collect()
}

/// What is wrong with a document's blocks, `is_run` where a test runs those that aren't marked.
fn faults(page: &str, text: &str, is_run: bool) -> Vec<String> {
    let mut faults = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let fence = line.trim().strip_prefix("```").unwrap_or_default();
        let is_shell = fence.split_whitespace().next().is_some_and(|word| SHELLS.contains(&word));
        if is_shell && ![RUN, OUTSIDE].contains(&fence) {
            faults.push(format!("{page}:{number}: fence it with {RUN:?} or {OUTSIDE:?}, not with {fence:?}"));
        } else if fence == RUN && !is_run {
            faults.push(format!(
                "{page}:{number}: no test runs it; mark it with {OUTSIDE:?}, or have one run it"
            ));
        }
    }
    if is_run && blocks(text, RUN).is_empty() {
        faults.push(format!("{page} has no command that a test runs"));
    }
    faults
}

#[test]
fn every_command_is_run_by_a_test_or_marked() {
    let is_run = |page: &str| page == KEYS || RUNNERS.iter().any(|(run, ..)| *run == page);
    let found: Vec<String> =
        pages().iter().flat_map(|(page, text)| faults(page, text, is_run(page))).collect();
    assert!(found.is_empty(), "{found:#?}");
    for (page, runner, name) in RUNNERS {
        assert!(root().join(page).is_file(), "{page} is gone");
        assert!(text(runner).contains(name), "{runner} doesn't name {page} as {name} any more");
    }
}

#[test]
fn a_command_that_nobody_runs_is_found() {
    let block = |fence: &str| format!("# A page\n\n  ```{fence}\n  true\n  ```\n");
    assert_eq!(faults("p", &block(RUN), false).len(), 1);
    for odd in ["bash", "console", "sh  outside", "sh outsid"] {
        assert_eq!(faults("p", &(block(odd) + &block(RUN)), true).len(), 1, "{odd}");
    }
    assert_eq!(faults("p", &block(OUTSIDE), true).len(), 1, "a runner of nothing");
    for (fence, is_run) in [(RUN, true), (OUTSIDE, false), ("json", false), ("", false)] {
        assert_eq!(faults("p", &block(fence), is_run), Vec::<String>::new(), "{fence}");
    }
}

/// What no test runs is at least what a shell can read.
#[test]
fn commands_for_the_outside_can_be_read() {
    let mut read = 0;
    for (page, text) in pages() {
        for (line, block) in blocks(&text, OUTSIDE) {
            let done = Command::new("bash").args(["-n", "-c", &block]).output().expect("bash");
            let said = String::from_utf8_lossy(&done.stderr);
            assert!(done.status.success() && said.is_empty(), "{page}:{line}: {said}");
            read += 1;
        }
    }
    assert!(read >= 50, "{read} blocks");
}

/// The page of keys, beside a state folder.
#[test]
fn the_commands_for_keys_run() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join(".codex-api")).expect("a state folder");
    let codexctl = binary(Binary::Codexctl);
    let path = format!("{}:/usr/bin:/bin", codexctl.parent().expect("a folder").display());
    for (line, block) in blocks(&text(KEYS), RUN) {
        let mut shell = Command::new("bash");
        shell.args(["-euo", "pipefail", "-c", &block]).current_dir(folder.path());
        let done = shell.env_clear().env("PATH", &path).output().expect("bash");
        let said = String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned();
        assert!(done.status.success(), "{KEYS}:{line}\n{block}\n{said}");
        assert_eq!(said.matches("sk-codex-").count(), 2, "{said}");
    }
    let kept = fs::read_to_string(folder.path().join(".codex-api/keys.toml")).expect("a file of keys");
    assert!(kept.contains("\"web\"") && !kept.contains("sk-codex-"), "{kept}");
}
