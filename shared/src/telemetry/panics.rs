//! A panic becomes one `panic` event, whatever `RUST_LOG` says. Its message may hold what a client sent, so only its place is
//! told, and the request that it concerns, where the task works for one ([`about`], [`within`]).

use super::WRITER;
use serde_json::Value;
use std::{
    panic::PanicHookInfo,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

tokio::task_local! {
    /// The request that is worked for.
    static REQUEST: Arc<str>;
}

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
        fields.extend(request().map(|request| ("request_id", (*request).into())));
        if let Some(writer) = WRITER.get() {
            writer.say("error", "panic", fields);
        }
    }));
}

/// Works for a request: a panic in it says for which. What it spawns does not.
pub fn about<F: Future>(request: Arc<str>, work: F) -> impl Future<Output = F::Output> {
    REQUEST.scope(request, work)
}

/// The same of what needs no wait.
pub fn within<R>(request: &Arc<str>, work: impl FnOnce() -> R) -> R {
    REQUEST.sync_scope(Arc::clone(request), work)
}

/// The request that is worked for here, where it is one.
pub fn request() -> Option<Arc<str>> {
    REQUEST.try_with(Arc::clone).ok()
}

/// How many panics there were in this process since [`super::init`].
pub(super) fn count() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

fn is_the_end(info: &PanicHookInfo<'_>) -> bool {
    info.location().is_some_and(|place| place.file().ends_with(NO_UNWINDING))
}
