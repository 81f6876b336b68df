//! The documents say what the tables of the front say. `UPDATE_DOCS=1` rewrites them instead.

use http_front::{config, error::Kind};
use shared::settings::{COMMON, Setting, document};
use std::{collections::HashSet, fmt::Write, path::Path};

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    std::fs::read_to_string(path).expect("the document is there")
}

/// What stands between `begin` and `end` in the file is `wanted`.
fn compare(file: &str, begin: &str, end: &str, wanted: &str) {
    let text = read(file);
    let start = text.find(begin).expect("it has the marker of the beginning") + begin.len();
    let stop = start + text[start..].find(end).expect("it has the marker of the end");
    if text[start..stop] == *wanted {
        return;
    }
    assert!(
        update(),
        "{file} is not what the code says behind `{}`: run this test with UPDATE_DOCS=1",
        begin.trim_end()
    );
    let text = format!("{}{wanted}{}", &text[..start], &text[stop..]);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    std::fs::write(path, text).expect("the document can be written");
}

#[expect(clippy::disallowed_methods, reason = "a switch of this test, not a setting")]
fn update() -> bool {
    std::env::var_os("UPDATE_DOCS").is_some_and(|v| v == "1")
}

#[test]
fn the_settings_are_documented() {
    compare(
        "docs/configuration.md",
        "<!-- begin http-front -->\n",
        "<!-- end http-front -->",
        &document::markdown(&config::settings()),
    );
}

#[test]
fn the_kinds_of_errors_are_documented() {
    let mut table = String::from("| kind | status | type | code | retryable |\n|---|---|---|---|---|\n");
    for kind in Kind::ALL {
        writeln!(table, "{}", kind.documented()).unwrap();
    }
    compare("docs/errors.md", "<!-- begin kinds -->\n", "<!-- end kinds -->", &table);
}

/// A setting of both binaries stands once: where the daemon's part has it (its own test compares that part), it is
/// not repeated.
#[test]
fn the_sample_has_the_settings() {
    let sample = read(".env.example");
    let (_, rest) = sample.split_once("# --- worker-daemon\n").expect("the daemon's part");
    let (daemon, _) = rest.split_once("# --- end of worker-daemon").expect("the end of the daemon's part");
    let theirs: HashSet<&str> =
        daemon.lines().filter_map(|line| Some(line.strip_prefix('#')?.split_once('=')?.0)).collect();
    let own: Vec<Setting> = config::settings()
        .into_iter()
        .filter(|s| !theirs.contains(s.name) && COMMON.iter().all(|common| common.name != s.name))
        .collect();
    let part = |name: &str, settings: &[Setting]| {
        compare(
            ".env.example",
            &format!("# --- {name}\n"),
            &format!("# --- end of {name}"),
            &document::env_sample(settings),
        );
    };
    part("http-front", &own);
    part("both", COMMON);
}
