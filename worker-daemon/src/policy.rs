//! Which methods of the app-server clients may call.
//!
//! An allow-list: what a later codex adds is closed until an operator opens it (`WORKER_ALLOW_METHODS`).

use std::collections::HashSet;

/// The serving set, as `WORKER_ALLOW_METHODS` defaults to it.
pub const SERVING_SET: &str = "thread/start,thread/fork,thread/resume,thread/read,thread/inject_items,\
thread/unsubscribe,thread/delete,thread/turns/list,thread/items/list,thread/compact/start,turn/start,\
turn/interrupt,turn/steer,model/list,account/read,account/rateLimits/read";

/// The methods that clients may call.
#[derive(Debug, Clone)]
pub struct Policy {
    allowed: HashSet<String>,
}

impl Policy {
    /// A policy that allows exactly these methods.
    pub fn new(methods: impl IntoIterator<Item = String>) -> Self {
        Self { allowed: methods.into_iter().collect() }
    }

    /// The serving set.
    pub fn serving() -> Self {
        Self::new(SERVING_SET.split(',').map(str::to_owned))
    }

    /// Whether clients may call `method`.
    pub fn allows(&self, method: &str) -> bool {
        self.allowed.contains(method)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_listed_is_closed() {
        let policy = Policy::serving();
        assert!(policy.allows("thread/start") && policy.allows("thread/compact/start"));
        for method in
            ["fs/readFile", "command/exec", "config/value/write", "account/logout", "new/method", ""]
        {
            assert!(!policy.allows(method), "{method}");
        }
    }
}
