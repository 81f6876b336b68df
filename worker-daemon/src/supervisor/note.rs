//! The supervisor's log.

use super::machine::{Ended, Note};
use crate::mux::action::Reason;
use shared::control::{Status, WorkerState};

/// Logs what the state machine notes; `status` is the one of now.
pub(super) fn log(note: &Note, status: &Status, forced: bool) {
    let restart_count = status.starts.saturating_sub(1);
    match note {
        Note::Started(pid) => {
            let worker_state = WorkerState::Initializing.as_str();
            tracing::info!(event = "worker_started", pid, restart_count, worker_state);
        }
        Note::Ready(pid) => {
            let codex = status.version.as_deref();
            let worker_state = WorkerState::Ready.as_str();
            tracing::info!(event = "worker_ready", pid, codex, restart_count, worker_state);
        }
        Note::Exited { pid, ended, wanted } => exited(*pid, ended, *wanted, restart_count, forced),
        Note::Backoff(backoff_ms) => {
            let restart_streak = status.restart_streak;
            let worker_state = WorkerState::Backoff.as_str();
            tracing::warn!(event = "worker_backoff", backoff_ms, restart_count, restart_streak, worker_state);
        }
        Note::Degraded => tracing::error!(
            event = "worker_degraded",
            critical = true,
            restart_count,
            restart_streak = status.restart_streak,
            worker_state = WorkerState::Backoff.as_str(),
            "the codex app-server failed {} times in a row",
            shared::control::DEGRADED_AFTER
        ),
        Note::Replacing(Reason::Memory { bytes }) => tracing::warn!(
            event = "worker_replacing",
            reason = "memory",
            bytes,
            "codex is over WORKER_MAX_RSS_BYTES: a fresh one is started"
        ),
        Note::Replacing(reason @ (Reason::Signal | Reason::Request | Reason::Deaf)) => {
            let reason = reason.as_str();
            tracing::info!(event = "worker_replacing", reason, "a fresh codex is started");
        }
        Note::Replaced { old, new } => {
            tracing::info!(
                event = "worker_replaced",
                old,
                new,
                restart_count,
                "new work goes to the fresh codex"
            );
        }
        Note::NotReplaced(why) => {
            tracing::error!(event = "worker_not_replaced", "no fresh codex came up: {why}");
        }
        Note::GraceOver(pid) => tracing::warn!(
            event = "worker_grace_over",
            pid,
            "a replaced codex is ended with work in it (WORKER_HANDOVER_GRACE_MS)"
        ),
        Note::Unresponsive(pid) => tracing::error!(
            event = "worker_unresponsive",
            pid,
            "codex answers nothing (WORKER_PROBE_TIMEOUT_MS) and is killed"
        ),
    }
}

fn exited(pid: Option<u32>, ended: &Ended, wanted: bool, restart_count: u64, forced: bool) {
    match ended {
        Ended::Exit(exit) | Ended::Unready { exit, .. } => {
            let (exit_code, signal) = (exit.code, exit.signal);
            // Asked for, it is no news.
            if wanted {
                let worker_state = if forced { WorkerState::Stopped } else { WorkerState::Ready }.as_str();
                tracing::info!(event = "worker_exited", pid, exit_code, signal, restart_count, worker_state);
            } else {
                let worker_state = WorkerState::Backoff.as_str();
                tracing::warn!(event = "worker_exited", pid, exit_code, signal, restart_count, worker_state);
            }
        }
        Ended::Failed { why, .. } => {
            let worker_state = WorkerState::Backoff.as_str();
            tracing::error!(event = "worker_exited", pid, restart_count, worker_state, "{why}");
        }
    }
}
