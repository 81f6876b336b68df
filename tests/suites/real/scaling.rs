//! `scripts/scaling measure`, from which the costs in `docs/scaling.md` come: that it runs and tells of each program. Its numbers
//! here are of few streams and of programs without optimization, and nobody's.

use std::{path::Path, process::Command};

use gateway_tests::pair::{Binary, binary, real_codex};

/// The numbers of a line, in their order.
fn numbers(line: &str) -> Vec<f64> {
    let words = line.split(|c: char| !c.is_ascii_digit() && c != '.' && c != '-');
    words.filter_map(|word| word.trim_end_matches('.').parse().ok()).collect()
}

#[test]
fn what_a_stream_and_a_key_cost_is_measured() {
    let programs = binary(Binary::HttpFront).parent().expect("a folder").to_owned();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace");
    let mut command = Command::new("python3");
    command.current_dir(root).args(["-B", "scripts/scaling", "measure", "--bin"]).arg(&programs);
    command.arg("--codex").arg(real_codex()).arg("--upstream").arg(programs.join("scripted-upstream"));
    command.args(["--streams", "3", "--deltas", "15", "--pause", "40", "--keys", "1,8", "--requests", "200"]);
    let output = command.output().expect("it starts");
    let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}{wrong}");
    let line = |begin: &str| {
        let found = said.lines().find(|line| line.trim_start().starts_with(begin));
        numbers(found.unwrap_or_else(|| panic!("no {begin} in {said}")))
    };
    assert_eq!(line("1 keys").last(), line("8 keys").last(), "no key has series of its own");
    for keys in ["1 keys", "8 keys"] {
        let [_, cost, within, memory, series] = line(keys)[..] else { panic!("{keys} in {said}") };
        assert!(cost > 0.0 && within > 0.0 && memory > 1.0 && series > 50.0, "{keys}: {said}");
    }
    let [streams, few, many, pause, frame] = line("3 streams")[..] else { panic!("{said}") };
    assert_eq!([streams, few, many, pause], [3.0, 15.0, 30.0, 40.0]);
    assert!((100.0..1000.0).contains(&frame), "bytes of a frame: {said}");
    for program in ["front", "daemon", "codex"] {
        // Memory may be less than before, and in so few ticks processor time may be nothing.
        let [memory, files, _, _, _, _, _] = line(program)[..] else { panic!("{program} in {said}") };
        assert!(memory > 1.0 && files >= 5.0, "{program}: {said}");
    }
    // One of the three, if any, may not have been closed or taken when it was looked at.
    let [_, _, _, _, each, ..] = line("front")[..] else { panic!("{said}") };
    assert!((0.5..1.5).contains(&each), "a file of each stream: {said}");
}
