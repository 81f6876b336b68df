//! Whose notification is this?

use super::threads::Threads;
use shared::{
    app_server::method,
    id::{ConnId, TurnId},
};

/// Where a notification of the child goes.
#[derive(Debug, PartialEq, Eq)]
pub enum Route {
    /// To the owner of its thread.
    To(ConnId),
    /// To every client: it is about the child as a whole.
    All,
    /// Its thread is not known; it may be one that is just being made.
    Unknown,
    /// To nobody.
    Drop,
}

/// Notifications without a thread that every client may see. All others without a thread go to nobody: what the
/// child adds one day might hold what some other client sent.
const GLOBAL: &[&str] = &[
    "account/updated",
    "account/rateLimits/updated",
    "configWarning",
    "deprecationNotice",
    "model/rerouted",
    "skills/changed",
];

/// Routes the notification `name` with the ids that its params hold.
pub fn route(name: &str, thread: Option<&str>, turn: Option<&str>, threads: &Threads) -> Route {
    let Some(id) = thread else {
        return if GLOBAL.contains(&name) { Route::All } else { Route::Drop };
    };
    let Some(thread) = threads.get(id) else {
        return Route::Unknown;
    };
    // Injected items come back as raw items of a turn that is none of the thread's: not the model's output.
    if name == method::RAW_ITEM_COMPLETED
        && thread.running().map(TurnId::as_str) != Some(turn.unwrap_or_default())
    {
        return Route::Drop;
    }
    thread.owner.map_or(Route::Drop, Route::To)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::id::Generation;

    #[test]
    fn goes_to_the_owner_and_to_nobody_else() {
        let mut threads = Threads::default();
        let (a, b) = (ConnId(1), ConnId(2));
        threads.open("ta".into(), Some(a), Generation(1));
        threads.open("tb".into(), Some(b), Generation(1));
        threads.open("tc".into(), None, Generation(1));
        let to = |name, thread| route(name, thread, None, &threads);
        assert_eq!(to("item/agentMessage/delta", Some("ta")), Route::To(a));
        assert_eq!(to("item/agentMessage/delta", Some("tb")), Route::To(b));
        assert_eq!(to("item/agentMessage/delta", Some("tc")), Route::Drop);
        assert_eq!(to("item/agentMessage/delta", Some("td")), Route::Unknown);
        assert_eq!(to("account/rateLimits/updated", None), Route::All);
        assert_eq!(to("warning", None), Route::Drop);
    }

    #[test]
    fn echoes_of_injected_items_are_dropped() {
        let mut threads = Threads::default();
        let a = ConnId(1);
        threads.open("t".into(), Some(a), Generation(1));
        let raw = |turn, threads: &Threads| route(method::RAW_ITEM_COMPLETED, Some("t"), turn, threads);
        assert_eq!(raw(Some("auto-compact-0"), &threads), Route::Drop);
        threads.starting("t");
        threads.began("t", "u", std::time::Instant::now());
        assert_eq!(raw(Some("auto-compact-0"), &threads), Route::Drop);
        assert_eq!(raw(Some("u"), &threads), Route::To(a));
    }
}
