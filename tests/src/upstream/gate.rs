//! A latch between a test and a stream, so that neither has to sleep.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::record::Expired;

/// Closed at first, open for good once opened. Clones are the same gate.
#[derive(Clone, Debug, Default)]
pub struct Gate(CancellationToken);

impl Gate {
    /// A closed gate.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets everybody through, now and later.
    pub fn open(&self) {
        self.0.cancel();
    }

    /// Whether it has been opened.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits until it is open, however long that takes.
    pub async fn wait(&self) {
        self.0.cancelled().await;
    }

    /// Waits until it is open, at most for `deadline`.
    ///
    /// # Errors
    /// Says `what` was waited for when the deadline passes first.
    pub async fn opened(&self, what: &str, deadline: Duration) -> Result<(), Expired> {
        tokio::time::timeout(deadline, self.wait())
            .await
            .map_err(|_elapsed| Expired::new(what, deadline, "the gate is closed"))
    }
}
