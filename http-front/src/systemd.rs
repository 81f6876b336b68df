//! What systemd is told: that the front serves, and again and again that it is well. Without systemd nothing is sent.

use sd_notify::NotifyState;
use shared::shutdown::Shutdown;
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// Says that both listeners are served, and three times within `watchdog` that the runtime turns, until the end is forced or another
/// process serves.
/// Without the daemon requests get their 503: that is no fault of the front.
pub async fn report(watchdog: Option<Duration>, shutdown: Shutdown) {
    tell(&NotifyState::Ready);
    let Some(watchdog) = watchdog else { return };
    let mut tick = tokio::time::interval(watchdog / 3);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => tell(&NotifyState::Watchdog),
            // Of a process that is replaced systemd takes no word.
            () = shutdown.replaced() => return,
            () = shutdown.forced() => return,
        }
    }
}

/// Says that the end has begun.
pub fn stopping() {
    tell(&NotifyState::Stopping);
}

fn tell(state: &NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(std::slice::from_ref(state)) {
        tracing::warn!(event = "notify_failed", %error, "can't tell systemd how the front is");
    }
}
