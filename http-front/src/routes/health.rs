//! Whether the front runs, and whether it can serve.

use crate::daemon::health::Health;
use serde::Serialize;
use shared::control::WorkerState;

/// Failures in a row from which on the worker counts as degraded.
const DEGRADED_AFTER: u32 = 5;

/// The body of health answers.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct Report {
    status: &'static str,
    worker_state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_exit_code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restart_streak: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backoff_ms: Option<u64>,
    maintenance_mode: bool,
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
        status,
        worker_state: health.worker_state(),
        last_exit_code: worker.and_then(|s| s.last_exit.as_ref()?.code),
        restart_streak: worker.map(|s| s.restart_streak),
        backoff_ms: worker.and_then(|s| s.backoff_ms),
        maintenance_mode,
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
            quota_back_at: None,
        };
        let status = |h: &Health, draining| {
            let (ready, report) = report(h, draining, false);
            (ready, report.status)
        };
        assert_eq!(status(&health(true, WorkerState::Ready, 0), false), (true, "ok"));
        assert_eq!(status(&health(false, WorkerState::Ready, 0), false), (false, "starting"));
        assert_eq!(status(&health(true, WorkerState::Ready, 0), true), (false, "draining"));
        assert_eq!(status(&health(true, WorkerState::Backoff, 1), false), (false, "down"));
        assert_eq!(status(&health(true, WorkerState::Backoff, 5), false), (false, "degraded"));
        let (is_ready, told) = report(&health(true, WorkerState::Ready, 0), false, true);
        assert_eq!((is_ready, told.status, told.maintenance_mode), (true, "ok", true));
        assert_eq!(status(&Health::default(), false), (false, "down"));
        let silent = Health { silent: true, ..health(true, WorkerState::Ready, 0) };
        assert_eq!(status(&silent, false), (false, "down"));
        assert_eq!(report(&silent, false, false).1.worker_state, "unreachable");
    }
}
