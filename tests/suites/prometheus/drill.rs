//! The incident drill, as an operator starts it.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use gateway_tests::pair::{Binary, KEY, binary, real_codex};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

use crate::{files, root, run, text, traffic::Run};

/// The folder with the programs that the drill starts.
fn programs() -> PathBuf {
    binary(Binary::HttpFront).parent().expect("a folder").to_owned()
}

fn drill(arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(root().join("scripts/drill"));
    command.args(arguments).arg("--bin-dir").arg(programs()).arg("--codex").arg(real_codex());
    let output = command.current_dir(root()).output().expect("python3 is installed");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

/// The names of all alerts.
fn alerts() -> Vec<String> {
    let rules = text("compose/prometheus/rules/alerts.yml");
    rules.lines().filter_map(|line| Some(line.trim().strip_prefix("- alert: ")?.to_owned())).collect()
}

#[test]
fn its_parser_of_durations_is_right() {
    run("python3", &["-B", "-m", "unittest", "discover", "-s", "scripts/drilling", "-t", "scripts"])
        .unwrap_or_else(|said| panic!("{said}"));
}

#[test]
fn a_dry_run_names_every_alert_once() {
    let out = tempfile::tempdir().expect("a folder");
    let (code, said) = drill(&["--dry-run", "--out", &out.path().to_string_lossy()]);
    assert_eq!(code, Some(0), "{said}");
    for alert in alerts() {
        assert!(said.contains(&alert), "{alert} is neither made nor said not to be:\n{said}");
    }
    for rules in files("compose/prometheus/rules", ".yml") {
        let rendered = out.path().join("prometheus-usual/rules").join(rules.file_name().expect("a name"));
        assert!(rendered.is_file(), "{}", rendered.display());
    }
}

#[test]
fn wrong_options_are_told_with_their_exit_code() {
    for arguments in [&["--only", "nothing"][..], &["--factor", "0"], &["--public", "http://127.0.0.1:1"]] {
        assert_eq!(drill(arguments).0, Some(2), "{arguments:?}");
    }
    let output =
        Command::new(root().join("scripts/drill")).args(["--bin-dir", "/nowhere"]).output().expect("run");
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn every_alert_that_can_be_made_fires_and_ends() {
    let out = root().join("test-results/drill-test");
    // Old evidence proves nothing; there may be none.
    let _none = std::fs::remove_dir_all(&out);
    let (code, said) = drill(&["--out", &out.to_string_lossy()]);
    assert_eq!(code, Some(0), "{said}");
    let report = std::fs::read_to_string(out.join("drill.json")).expect("a report");
    let report: Value = serde_json::from_str(&report).expect("JSON");
    let rows = report["rows"].as_array().expect("rows");
    for alert in alerts() {
        let made = rows.iter().any(|row| {
            row["alert"] == alert.as_str()
                && row["problem"] == ""
                && row["fired_after"].is_number()
                && row["ended_after"].is_number()
        });
        assert!(made || report["not_made"][&alert].is_string(), "{alert}:\n{said}");
    }
    let not_made = report["not_made"].as_object().expect("a list").len();
    // Two, and without root the memory's.
    assert!(not_made <= 3, "{not_made} alerts were not made:\n{said}");
}

/// A drill on a pair that is there already.
fn on_given(run: &Run, arguments: &[&str]) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(root().join("scripts/drill"));
    command.args(arguments).args(["--public", &format!("http://{}", run.pair.addr)]);
    command.args(["--internal", &format!("http://{}", run.pair.internal), "--scripted"]);
    command.env("DRILL_KEY", KEY).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.kill_on_drop(true);
    command
}

#[tokio::test]
async fn on_a_given_pair_late_first_tokens_are_told() {
    let run = Run::start().await;
    let out = tempfile::tempdir().expect("a folder");
    let arguments = ["--only", "first-token-is-late", "--out", &out.path().to_string_lossy()];
    let output = on_given(&run, &arguments).output().await.expect("python3 is installed");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("CodexFirstTokenP95 fires") && said.contains("CodexFirstTokenP99 fires"), "{said}");
}

#[tokio::test]
async fn a_drill_that_is_interrupted_leaves_the_pair_open() {
    let run = Run::start().await;
    for (incident, toggle, held) in
        [("maintenance-is-left-on", "maintenance", true), ("kill-switch-is-left-off", "app-server", false)]
    {
        let out = tempfile::tempdir().expect("a folder");
        let arguments = ["--only", incident, "--out", &out.path().to_string_lossy()];
        let drill = on_given(&run, &arguments).spawn().expect("python3 is installed");
        let before = (!held, "variable");
        let set = || async { (run.toggle(toggle).await == Some((held, "toggle".to_owned()))).then_some(()) };
        run.pair.eventually("the drill to close the pair", set).await.expect("in time");
        let pid = Pid::from_raw(i32::try_from(drill.id().expect("it runs")).expect("a pid"));
        // As impatient people do.
        for _ in 0..2 {
            kill(pid, Signal::SIGINT).expect("sent");
        }
        let output = drill.wait_with_output().await.expect("its end");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("interrupted"), "{said}");
        let after = run.toggle(toggle).await.expect("an answer");
        assert_eq!((after.0, after.1.as_str()), before, "{incident}");
    }
}
