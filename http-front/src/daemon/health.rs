//! What is known of the daemon.

use crate::translate::models::Served;
use shared::control::{Status, WorkerState};
use std::{sync::Arc, time::Duration};

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
}

impl Health {
    /// Whether turns can be started. Before the models came once no name can be resolved.
    pub fn is_ready(&self) -> bool {
        self.connected
            && !self.silent
            && !self.models.models.is_empty()
            && self.status.as_ref().is_some_and(|s| s.state == WorkerState::Ready)
    }

    /// How long until it is worth another try, as far as the daemon says.
    pub fn retry_after(&self) -> Option<Duration> {
        self.status.as_ref()?.backoff_ms.map(Duration::from_millis)
    }
}
