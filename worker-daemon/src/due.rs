//! Waiting for a time that there may not be.

use tokio::time::Instant;

/// Resolves at `due`; never, without one. Cancel safe.
pub async fn due(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
