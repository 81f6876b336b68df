//! The documents say what the daemon's table of settings says. `UPDATE_DOCS=1` rewrites them instead.

use shared::settings::{COMMON, Setting, document};
use std::path::Path;

/// What stands between `begin` and `end` in the file is `wanted`.
fn compare(file: &str, begin: &str, end: &str, wanted: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    let text = std::fs::read_to_string(&path).expect("the document is there");
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
    std::fs::write(&path, text).expect("the document can be written");
}

#[expect(clippy::disallowed_methods, reason = "a switch of this test, not a setting")]
fn update() -> bool {
    std::env::var_os("UPDATE_DOCS").is_some_and(|v| v == "1")
}

#[test]
fn the_settings_are_documented() {
    compare(
        "docs/configuration.md",
        "<!-- begin worker-daemon -->\n",
        "<!-- end worker-daemon -->",
        &document::markdown(&worker_daemon::config::settings()),
    );
}

/// The sample has three parts: the daemon's settings, those that the front alone has, and what stands in both tables.
#[test]
fn the_sample_has_the_settings() {
    let own: Vec<Setting> = worker_daemon::config::settings()
        .into_iter()
        .filter(|setting| COMMON.iter().chain(otel::SETTINGS).all(|common| common.name != setting.name))
        .collect();
    compare(
        ".env.example",
        "# --- worker-daemon\n",
        "# --- end of worker-daemon",
        &document::env_sample(&own),
    );
}

#[test]
fn the_parameters_are_documented() {
    compare(
        "docs/protocol.md",
        "<!-- begin parameters -->\n",
        "<!-- end parameters -->",
        &worker_daemon::policy::document::markdown(),
    );
}
