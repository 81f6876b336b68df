//! A panic becomes one `panic` event, whatever `RUST_LOG` says. Its message may hold what a client sent, so only its place is
//! told.

use super::WRITER;
use serde_json::Value;
use std::{
    panic::PanicHookInfo,
    sync::atomic::{AtomicU64, Ordering},
};

/// Panics of this process.
static PANICS: AtomicU64 = AtomicU64::new(0);

/// Where the standard library says that a process can't unwind and ends: a second panic while one unwinds, or one where
/// nothing may unwind. Each of them was reported before.
const NO_UNWINDING: &str = "core/src/panicking.rs";

/// From here on panics are told in the log, and nowhere else.
pub(super) fn report() {
    std::panic::set_hook(Box::new(|info| {
        if is_the_end(info) {
            // The process is aborted behind this: what waits would be lost.
            if let Some(writer) = WRITER.get() {
                writer.flush();
            }
            return;
        }
        PANICS.fetch_add(1, Ordering::Relaxed);
        let place = info.location().map_or_else(|| "unknown".to_owned(), ToString::to_string);
        let current = std::thread::current();
        let mut fields = vec![("message", Value::from("Panic occurred")), ("place", place.into())];
        fields.extend(current.name().map(|name| ("thread", name.into())));
        if let Some(writer) = WRITER.get() {
            writer.say("error", "panic", fields);
        }
    }));
}

/// How many panics there were in this process since [`super::init`].
pub(super) fn count() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

fn is_the_end(info: &PanicHookInfo<'_>) -> bool {
    info.location().is_some_and(|place| place.file().ends_with(NO_UNWINDING))
}
