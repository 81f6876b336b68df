//! Every seed, and every input that was ever found to break something, through the checks of its fuzz target.
#![expect(clippy::print_stderr, reason = "a failing test names the seed")]

use gateway_fuzz::{codec, message, notification, request};
use std::{fs, path::Path};

/// Checks each file of a target's corpus, also cut short.
fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut seeds = 0;
    for entry in fs::read_dir(&folder).expect("a corpus") {
        let path = entry.expect("an entry").path();
        let data = fs::read(&path).expect("a readable seed");
        let told = format!("{target}: {}", path.display());
        run(&told, &data, check);
        for length in 0..data.len().min(64) {
            run(&told, &data[..length], check);
        }
        seeds += 1;
    }
    assert!(seeds > 9, "{} holds only {seeds} seeds", folder.display());
}

/// Names the seed before its panic goes on.
fn run(told: &str, data: &[u8], check: fn(&[u8])) {
    if let Err(panic) = std::panic::catch_unwind(|| check(data)) {
        eprintln!("{told}, {} bytes of it", data.len());
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn the_codec_gives_the_lines_of_the_model() {
    replay("codec", codec::check);
}

#[test]
fn messages_are_what_a_reader_of_all_of_them_takes_them_for() {
    replay("message", message::check);
}

#[test]
fn notifications_mean_the_same_borrowed_and_owned() {
    replay("notification", notification::check);
}

#[test]
fn requests_are_served_or_refused_well() {
    replay("request", request::check);
}
