//! A notification means the same to daemon and front, whether its strings could be borrowed from the line or not.

use crate::tree::Tree;
use bytes::Bytes;
use http_front::translate::event::{Delta, Params, delta};
use serde::de::IgnoredAny;
use shared::{
    id::{ConnId, Generation},
    rpc::{Message, scope::Scope},
};
use worker_daemon::mux::{
    route::{Route, route},
    threads::Threads,
};

/// The thread that is known, and whose it is.
const THREAD: &str = "t-1";
const OWNER: ConnId = ConnId(7);

/// Panics where a line and the same line with every character escaped differ.
pub fn check(data: &[u8]) {
    let line = Bytes::copy_from_slice(data);
    let tree = serde_json::from_slice::<Tree>(&line);
    // A float written again is not always read as the same one.
    let comparable = tree.as_ref().ok().filter(|tree| !tree.has_float());
    let escaped = comparable.map(|tree| Bytes::from(tree.escaped()));
    let (read, routed) = (read(&line, tree.is_ok()), routed(&line));
    if let Some((route, thread)) = &routed {
        let known = thread.as_deref() == Some(THREAD);
        match route {
            Route::To(owner) => assert!(known && *owner == OWNER, "{thread:?} is not theirs"),
            Route::Unknown => assert!(thread.is_some() && !known, "{thread:?} is known"),
            Route::All => assert_eq!(*thread, None),
            Route::Drop => {}
        }
    }
    if let Some(escaped) = escaped {
        assert_eq!(read, self::read(&escaped, true), "as the front reads it");
        assert_eq!(routed, self::routed(&escaped), "as the daemon routes it");
    }
}

/// What the front makes of it, in words; `None`: no notification to it. What is not JSON throughout doesn't come from
/// codex, which writes with serde_json: then it is enough that nothing panics.
fn read(line: &Bytes, json: bool) -> Option<String> {
    let Ok(Message::Notification { method, params }) = Message::<Params<'_>, IgnoredAny>::parse(line) else {
        return None;
    };
    let params = params.unwrap_or_default();
    let thread = params.thread_id.as_deref().map(str::to_owned);
    let said = match delta(&method, &params, line) {
        // Raw in the answer to the client, so they must be strings for it.
        Some(Delta::Text { item, text }) if json => {
            format!("{:?} says {:?}", string(&item), string(&text))
        }
        Some(Delta::Reasoning { item, part, text }) if json => {
            format!("{:?} thinks {:?} in part {part}", string(&item), string(&text))
        }
        said @ (Some(
            Delta::Alive
            | Delta::Text { .. }
            | Delta::Message { .. }
            | Delta::Reasoning { .. }
            | Delta::Reasoned { .. }
            | Delta::Thread(_)
            | Delta::Begun
            | Delta::Call { .. }
            | Delta::Foreign
            | Delta::Command(_)
            | Delta::Usage(_)
            | Delta::Retry
            | Delta::End(_),
        )
        | None) => format!("{said:?}"),
    };
    Some(format!("{thread:?}: {said}"))
}

fn string(raw: &Bytes) -> String {
    serde_json::from_slice(raw).expect("a JSON string")
}

/// To whom the daemon gives it, and the thread that it read.
fn routed(line: &Bytes) -> Option<(Route, Option<String>)> {
    let Ok(Message::Notification { method, params }) = Message::<Scope<'_>, Scope<'_>>::parse(line) else {
        return None;
    };
    let mut threads = Threads::default();
    threads.open(THREAD.into(), Some(OWNER), Generation(1));
    let Scope { thread, turn } = params.unwrap_or_default();
    let route = route(&method, thread.as_deref(), turn.as_deref(), &threads);
    Some((route, thread.map(|thread| thread.to_string())))
}
