//! Whether the front runs, and whether it can serve.

use crate::daemon::{health::Health, pool};
use serde::Serialize;
use shared::control::WorkerState;

/// Failures in a row from which on the worker counts as degraded.
const DEGRADED_AFTER: u32 = 5;

/// How a worker is, or the best of several.
#[derive(Debug, Serialize, PartialEq, Eq)]
struct State {
    status: &'static str,
    worker_state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_exit_code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restart_streak: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backoff_ms: Option<u64>,
}

/// The body of health answers.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct Report {
    #[serde(flatten)]
    state: State,
    maintenance_mode: bool,
    /// Each worker, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    workers: Vec<Worker>,
}

/// What is told of one worker of several.
#[derive(Debug, Serialize, PartialEq, Eq)]
struct Worker {
    worker: String,
    #[serde(flatten)]
    state: State,
}

impl From<&pool::Report> for Worker {
    fn from(told: &pool::Report) -> Self {
        let (_, Report { state, .. }) = report(&told.health, false, false);
        Self { worker: told.name.as_ref().to_owned(), state }
    }
}

impl Report {
    /// The same with each worker, where there are several.
    pub fn listing(self, workers: &[pool::Report]) -> Self {
        let several = if workers.len() > 1 { workers } else { &[] };
        Self { workers: several.iter().map(Worker::from).collect(), ..self }
    }
}

/// What `/healthz` and `/readyz` say, and whether that is 200. Maintenance is told and changes nothing else: not
/// ready, a load balancer would answer in our place.
pub fn report(health: &Health, draining: bool, maintenance_mode: bool) -> (bool, Report) {
    let ready = health.is_ready() && !draining;
    let streak = health.status.as_ref().map_or(0, |s| s.restart_streak);
    let status = match health.status.as_ref().map(|s| s.state) {
        _ if draining => "draining",
        _ if ready => "ok",
        _ if health.silent => "down",
        Some(WorkerState::Draining) => "draining",
        Some(WorkerState::Backoff | WorkerState::Starting | WorkerState::Initializing)
            if streak >= DEGRADED_AFTER =>
        {
            "degraded"
        }
        Some(WorkerState::Starting | WorkerState::Initializing | WorkerState::Ready) => "starting",
        Some(WorkerState::Backoff | WorkerState::Stopped) | None => "down",
    };
    let worker = health.status.as_ref();
    let report = Report {
        state: State {
            status,
            worker_state: health.worker_state(),
            last_exit_code: worker.and_then(|s| s.last_exit.as_ref()?.code),
            restart_streak: worker.map(|s| s.restart_streak),
            backoff_ms: worker.and_then(|s| s.backoff_ms),
        },
        maintenance_mode,
        workers: Vec::new(),
    };
    (ready, report)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::translate::models::Served;
    use shared::control::Status;
    use std::sync::Arc;

    #[test]
    fn ready_needs_a_handshake_and_no_backoff() {
        let health = |connected, state, restart_streak| Health {
            connected,
            silent: false,
            models: Arc::new(Served {
                models: serde_json::from_str(r#"[{"model":"m"}]"#).unwrap(),
                ..Served::default()
            }),
            status: Some(Status { state, restart_streak, ..Status::default() }),
            ..Health::default()
        };
        let status = |h: &Health, draining| {
            let (ready, report) = report(h, draining, false);
            (ready, report.state.status)
        };
        assert_eq!(status(&health(true, WorkerState::Ready, 0), false), (true, "ok"));
        assert_eq!(status(&health(false, WorkerState::Ready, 0), false), (false, "starting"));
        assert_eq!(status(&health(true, WorkerState::Ready, 0), true), (false, "draining"));
        assert_eq!(status(&health(true, WorkerState::Backoff, 1), false), (false, "down"));
        assert_eq!(status(&health(true, WorkerState::Backoff, 5), false), (false, "degraded"));
        let (is_ready, told) = report(&health(true, WorkerState::Ready, 0), false, true);
        assert_eq!((is_ready, told.state.status, told.maintenance_mode), (true, "ok", true));
        assert_eq!(status(&Health::default(), false), (false, "down"));
        let silent = Health { silent: true, ..health(true, WorkerState::Ready, 0) };
        assert_eq!(status(&silent, false), (false, "down"));
        assert_eq!(report(&silent, false, false).1.state.worker_state, "unreachable");
    }

    #[test]
    fn several_workers_are_listed_and_one_is_not() {
        let one = |name: &str| pool::Report { name: name.into(), health: Health::default(), in_flight: 1 };
        let told = |workers: &[pool::Report]| {
            serde_json::to_value(report(&Health::default(), false, false).1.listing(workers)).unwrap()
        };
        assert!(told(&[one("a")]).get("workers").is_none());
        let listed = serde_json::json!({ "worker": "b", "status": "down", "worker_state": "unreachable" });
        assert_eq!(told(&[one("a"), one("b")])["workers"][1], listed);
    }
}
