//! Waiting for what another process does, with a deadline.

use crate::pair::DEADLINE;
use std::time::Duration;

/// Looks again and again, with `pause` between, until there is something; `None` after [`DEADLINE`].
///
/// Safe to cancel: nothing is kept but what `look` keeps.
pub async fn until<T, F: Future<Output = Option<T>>>(pause: Duration, look: impl Fn() -> F) -> Option<T> {
    let mut tick = tokio::time::interval(pause);
    let search = async {
        loop {
            tick.tick().await;
            if let Some(found) = look().await {
                return found;
            }
        }
    };
    tokio::time::timeout(DEADLINE, search).await.ok()
}
