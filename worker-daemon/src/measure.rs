//! What the system says of our process and codex's, measured when the core asks for it: on a thread that may wait, one
//! measurement at a time. What the process counts itself needs no measurement: [`counters`].

use crate::{
    child,
    mux::core::metrics::{Counted, Counters, Measured},
};
use otel::Otel;
use shared::{process, shutdown::Shutdown, telemetry};
use tokio::sync::mpsc;

/// Starts the task that measures; what it finds goes to `measured`. The sender takes the process id of the codex that
/// serves, where there is one.
pub fn start(measured: mpsc::Sender<Measured>, shutdown: &Shutdown) -> mpsc::Sender<Option<u32>> {
    let (ask, asked) = mpsc::channel(1);
    shutdown.spawn(run(asked, measured, shutdown.clone()));
    ask
}

/// Measures until the sender is gone.
async fn run(mut asked: mpsc::Receiver<Option<u32>>, measured: mpsc::Sender<Measured>, shutdown: Shutdown) {
    while let Some(codex) = asked.recv().await {
        let found = shutdown.spawn_blocking(move || measure(codex)).await;
        // The actor is gone: so is everybody who would hear of it.
        let _gone = measured.send(found.unwrap_or_default()).await;
    }
}

fn measure(codex: Option<u32>) -> Measured {
    Measured { daemon: process::own(), codex: codex.map(process::of).unwrap_or_default() }
}

/// What this process counts and knows itself; reading it never waits.
pub fn counters(otel: Otel) -> Counters {
    let started_at = process::own().started_at;
    Counters::new(move || Counted {
        started_at,
        daemon_panics: telemetry::panics(),
        codex_panics: child::log::panics(),
        log_lines_dropped: telemetry::lines_dropped(),
        spans: otel.spans(),
    })
}
