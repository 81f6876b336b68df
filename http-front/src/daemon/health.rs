//! What is known of the daemon.

use crate::{
    error::{ApiError, Kind},
    translate::models::Served,
};
use shared::control::{Status, WorkerState};
use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// What the link knows of the daemon.
#[derive(Debug, Clone, Default)]
pub struct Health {
    /// Whether it is connected and the daemon answered the handshake.
    pub connected: bool,
    /// Whether the daemon is connected and says nothing, not even when it is asked.
    pub silent: bool,
    /// The daemon's own word.
    pub status: Option<Status>,
    /// The child's models; kept while it is down.
    pub models: Arc<Served>,
    /// When the account's used-up limits begin anew, in Unix seconds, as the upstream said last.
    pub quota_back_at: Option<u64>,
}

impl Health {
    /// Whether turns can be started. Before the models came once no name can be resolved.
    pub fn is_ready(&self) -> bool {
        self.connected
            && !self.silent
            && !self.models.models.is_empty()
            && self.status.as_ref().is_some_and(|s| s.state == WorkerState::Ready)
    }

    /// What the child does, as far as it is known: health answers and the log have the same word.
    pub fn worker_state(&self) -> &'static str {
        self.status.as_ref().filter(|_| !self.silent).map_or("unreachable", |status| status.state.as_str())
    }

    /// How long until it is worth another try, as far as the daemon says.
    pub fn retry_after(&self) -> Option<Duration> {
        self.status.as_ref()?.backoff_ms.map(Duration::from_millis)
    }

    /// The same error with the time to wait, where it has none and the daemon or the upstream has told one.
    pub fn advise(&self, error: ApiError, now: SystemTime) -> ApiError {
        let after = if error.kind() == Kind::WorkerUnavailable {
            self.retry_after()
        } else if error.kind() == Kind::InsufficientQuota {
            // Nothing is promised of a time that has passed: another limit holds then.
            let back_at = |at| UNIX_EPOCH.checked_add(Duration::from_secs(at));
            let wait = self.quota_back_at.and_then(back_at).and_then(|at| at.duration_since(now).ok());
            wait.filter(|wait| !wait.is_zero())
        } else {
            None
        };
        error.or_retry_after(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::RETRY_AFTER;

    #[test]
    fn a_used_up_limit_is_waited_for_and_a_time_that_has_passed_is_not_told() {
        let health = Health { quota_back_at: Some(1_000), ..Health::default() };
        let after = |kind, now| {
            let error = health.advise(ApiError::new(kind, "m"), UNIX_EPOCH + Duration::from_secs(now));
            error.headers().into_iter().find(|(name, _)| name == RETRY_AFTER).map(|(_, value)| value)
        };
        assert_eq!(after(Kind::InsufficientQuota, 100), Some(900.into()));
        assert_eq!(after(Kind::InsufficientQuota, 1_000), None);
        assert_eq!(after(Kind::InsufficientQuota, 5_000), None);
        assert_eq!(after(Kind::InvalidRequest, 100), None);
    }
}
