//! The incident drill, as an operator starts it.

use std::{path::PathBuf, process::Command};

use gateway_tests::pair::{Binary, binary, real_codex};
use serde_json::Value;

use crate::{files, root, run, text};

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
    run("python3", &["-B", "-m", "unittest", "discover", "-s", "scripts"])
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
    assert!(not_made <= 2, "{not_made} alerts were not made:\n{said}");
}
