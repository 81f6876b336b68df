//! `test`: everything that CI runs, cheap checks first. With filters, only the tests whose names contain them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use clap::ArgMatches;
use comfy_table::{Table, presets};

use super::{fetch, fuzz};
use crate::booted;
use crate::browser;
use crate::engine;
use crate::env;
use crate::failure::{Result, While};
use crate::paths::Paths;
use crate::prometheus;
use crate::steps::{Show, Steps, Tail};
use crate::tools;
use crate::ui::{Ui, seconds};

pub(crate) struct Options {
    long: bool,
    filters: Vec<String>,
}

impl From<&ArgMatches> for Options {
    fn from(matches: &ArgMatches) -> Self {
        Self {
            long: matches.get_flag("long"),
            filters: matches.get_many("filter").into_iter().flatten().cloned().collect(),
        }
    }
}

pub(crate) fn run(options: &Options, paths: &Paths, steps: &mut Steps<'_>, ui: &Ui) -> Result<()> {
    let outcome = everything(options, paths, steps, ui);
    ui.say(format_args!("\n{}\n", table(steps)));
    let summary = outcome?;
    ui.say(summary);
    Ok(())
}

/// Gives nextest's own summary line.
fn everything(options: &Options, paths: &Paths, steps: &mut Steps<'_>, ui: &Ui) -> Result<String> {
    let all = options.filters.is_empty();
    if all {
        lint(paths, steps)?;
    }
    // The tests start our binaries, and cargo builds those of other crates only when asked. This program is left
    // out: it runs, and building it anew would replace it under our feet.
    let mut build = paths.cargo(&["build", "--workspace", "--exclude", "xtask", "--bins"]);
    steps.command("build the binaries", &mut build, Show::OnFailure)?;
    let codex = fetch::step(paths, steps)?;
    let clients = fetch::clients(paths, options.long, steps)?;
    let nextest = tools::nextest(paths, steps)?;
    tools::jq(steps)?;
    // What needs a booted machine, a Docker Engine or a browser has a step of its own, also when it is asked for by name.
    let filters = options.filters.iter().map(String::as_str);
    let (in_machines, others): (Vec<&str>, Vec<&str>) = filters.partition(|filter| filter.contains("booted"));
    let (in_browsers, others): (Vec<&str>, Vec<&str>) =
        others.into_iter().partition(|filter| filter.contains("browser"));
    let (in_engines, others): (Vec<&str>, Vec<&str>) =
        others.into_iter().partition(|filter| filter.contains("engine"));
    let mut summary = "no tests were run besides those in a machine, an engine or a browser".to_owned();
    if all || !others.is_empty() {
        prometheus::ensure(steps)?;
        let mut tests = nextest_command(options, paths, &nextest, &codex, ui);
        tests.envs(clients.variables());
        let tail = steps.command("tests", tests.arg("--workspace").args(others), Show::Live)?;
        summary = summarized(&tail).unwrap_or_else(|| "nextest printed no summary".to_owned());
    }
    if all || !in_browsers.is_empty() {
        let tests = nextest_command(options, paths, &nextest, &codex, ui);
        browser::step(&clients, steps, tests, &in_browsers)?;
    }
    if all || !in_engines.is_empty() {
        prometheus::ensure(steps)?;
        let tests = nextest_command(options, paths, &nextest, &codex, ui);
        engine::step(paths, &clients, options.long, steps, tests, &in_engines)?;
    }
    if all || !in_machines.is_empty() {
        let tests = nextest_command(options, paths, &nextest, &codex, ui);
        booted::step(paths, steps, tests, &in_machines)?;
    }
    if all {
        let mut doc_tests = paths.cargo(&["test", "--workspace", "--doc"]);
        steps.command("doc tests", &mut doc_tests, Show::OnFailure)?;
        let mut docs = paths.cargo(&["doc", "--workspace", "--no-deps", "--document-private-items"]);
        steps.command("rustdoc", docs.env("RUSTDOCFLAGS", "-D warnings"), Show::OnFailure)?;
        deny(paths, steps)?;
        smoke(paths, steps)?;
        let minutes = if options.long { 15 } else { 1 };
        fuzz::search(Duration::from_secs(minutes * 60), paths, steps)?;
    }
    if options.long {
        long_suites(paths, steps, &codex)?;
    }
    Ok(summary)
}

fn lint(paths: &Paths, steps: &mut Steps<'_>) -> Result<()> {
    steps.command("format", &mut paths.cargo(&["fmt", "--all", "--check"]), Show::OnFailure)?;
    let mut clippy = paths.cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]);
    steps.command("clippy", &mut clippy, Show::OnFailure)?;
    Ok(())
}

fn nextest_command(options: &Options, paths: &Paths, nextest: &Path, codex: &Path, ui: &Ui) -> Command {
    let mut command = Command::new(nextest);
    command.current_dir(&paths.root).args(["nextest", "run", "--profile"]);
    command.arg(match (options.long, env::in_ci()) {
        (true, _) => "long",
        (false, true) => "ci",
        (false, false) => "default",
    });
    command.env("CODEX_BIN_REAL", codex);
    if !ui.is_plain() {
        // It writes to our pipe, and would take that for no terminal.
        command.arg("--color=always");
    }
    command
}

fn deny(paths: &Paths, steps: &mut Steps<'_>) -> Result<()> {
    match tools::deny(paths, steps) {
        Ok(deny) => {
            // It looks at the crates of every platform, also those that this one doesn't build.
            steps.command(
                "fetch the crates of every platform",
                &mut paths.cargo(&["fetch", "--locked"]),
                Show::OnFailure,
            )?;
            let mut command = Command::new(deny);
            command.current_dir(&paths.root).args(["--offline", "check", "licenses", "bans", "sources"]);
            steps.command("licences, bans, sources", &mut command, Show::OnFailure)?;
        }
        Err(why) => steps.skip("licences, bans, sources", &why),
    }
    Ok(())
}

/// The main job of a developer's first day, with the binaries that were built above.
fn smoke(paths: &Paths, steps: &mut Steps<'_>) -> Result<()> {
    let dir = paths.target.join("up-check");
    let mut up = Command::new(paths.binary("debug", "xtask"));
    up.current_dir(&paths.root).args(["up", "--check", "--no-build", "--port", "0", "--dir"]).arg(dir);
    steps.command("cargo xtask up", &mut up, Show::OnFailure)?;
    Ok(())
}

/// Every program in `scripts/long` is a suite. They find the binaries in `target` and codex in `CODEX_BIN_REAL`.
fn long_suites(paths: &Paths, steps: &mut Steps<'_>, codex: &Path) -> Result<()> {
    let dir = paths.root.join("scripts/long");
    let mut suites: Vec<PathBuf> = if dir.is_dir() {
        let entries = fs::read_dir(&dir).during(format_args!("cannot list {}", dir.display()))?;
        entries.flatten().map(|entry| entry.path()).filter(|path| tools::is_executable(path)).collect()
    } else {
        Vec::new()
    };
    suites.sort();
    if suites.is_empty() {
        steps.skip("long suites", "there is no program in scripts/long");
    }
    for suite in suites {
        let mut command = Command::new(&suite);
        command.current_dir(&paths.root).env("CODEX_BIN_REAL", codex);
        steps.command(&paths.shown(&suite).to_string(), &mut command, Show::Live)?;
    }
    Ok(())
}

fn table(steps: &Steps<'_>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(["step", "result", "time"]);
    for done in &steps.done {
        table.add_row([done.name.clone(), done.outcome.clone(), seconds(done.took)]);
    }
    table
}

fn summarized(tail: &Tail) -> Option<String> {
    tail.lines().rev().map(without_colour).find(|line| line.trim_start().starts_with("Summary ["))
}

/// Takes the escape sequences of colours (`ESC [ … m`) out.
fn without_colour(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').map_or(part, |(_, rest)| rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_found_under_its_colours() {
        let mut tail = Tail::default();
        tail.push("------------");
        tail.push(
            "\u{1b}[32;1m     Summary\u{1b}[0m [   0.1s] \u{1b}[1m2\u{1b}[0m tests run: 2 passed, 0 skipped",
        );
        tail.push("warning: something after it");
        assert_eq!(
            summarized(&tail).as_deref(),
            Some("     Summary [   0.1s] 2 tests run: 2 passed, 0 skipped")
        );
    }

    #[test]
    fn no_summary_is_none() {
        let mut tail = Tail::default();
        tail.push("error: no tests to run");
        assert_eq!(summarized(&tail), None);
    }
}
