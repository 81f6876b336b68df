//! A line is for us what it is for a reader of all of it, whatever of it we read; and a replaced id changes nothing
//! else.

use crate::tree::Tree;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use shared::rpc::{Message, scope::Scope, splice, strict, text::Text};
use worker_daemon::mux::core::params::Params;

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Request,
    Notification,
    Response,
    Error,
}

/// What the daemon refuses when it comes twice.
const SCOPE: &[&str] = &["threadId", "turnId", "thread", "turn"];

/// Panics where a parser of ours and the model differ.
pub fn check(data: &[u8]) {
    let line = Bytes::copy_from_slice(data);
    let client = strict::parse::<Params<'_>>(&line).ok();
    let child = Message::<Scope<'_>, Scope<'_>>::parse(&line).ok();
    let all = Message::<&RawValue, &RawValue>::parse(&line).ok();
    let Ok(tree) = serde_json::from_slice::<Tree>(&line) else {
        // What is not JSON throughout must not go on to codex. From codex it doesn't come.
        return assert!(client.is_none(), "codex can't read it");
    };
    let kind = all.as_ref().map(kind);
    assert_eq!(kind, expected(&tree), "all of it");

    let (params, result) = (tree.get("params"), tree.get("result"));
    let repeats = |value: Option<&Tree>| value.is_some_and(|value| value.repeats(SCOPE));
    match &client {
        Some(client) => {
            assert_eq!(Some(self::kind(client)), kind.filter(|_| !repeats(params)), "as a client's")
        }
        None => assert!(kind.is_none() || repeats(params) || is_refused(&tree), "it can be read"),
    }
    let unclear = repeats(params) || repeats(result);
    assert_eq!(child.as_ref().map(self::kind), kind.filter(|_| !unclear), "as the child's");

    if let Some(Message::Request { params: read, .. } | Message::Notification { params: read, .. }) = &client
    {
        match read {
            Some(Params::Object(scope)) => same(scope, params),
            Some(Params::Other) => assert!(!matches!(params, Some(Tree::Object(_))), "an object"),
            None => assert!(matches!(params, None | Some(Tree::Null)), "{params:?} is lost"),
        }
    }
    match &child {
        Some(Message::Request { params: read, .. } | Message::Notification { params: read, .. }) => {
            if let Some(scope) = read {
                same(scope, params);
            }
        }
        Some(Message::Response { result: scope, .. }) => same(scope, result),
        Some(Message::Error { .. }) | None => {}
    }
    if let Some(Message::Request { id, .. } | Message::Response { id, .. } | Message::Error { id, .. }) = all
    {
        spliced(&line, id, &tree, kind);
    }
}

fn kind<'a, P: Deserialize<'a>, R: Deserialize<'a>>(message: &Message<'a, P, R>) -> Kind {
    match message {
        Message::Request { .. } => Kind::Request,
        Message::Notification { .. } => Kind::Notification,
        Message::Response { .. } => Kind::Response,
        Message::Error { .. } => Kind::Error,
    }
}

/// The model: what a JSON value is as a message.
fn expected(tree: &Tree) -> Option<Kind> {
    let Tree::Object(_) = tree else { return None };
    let there = |name: &str| tree.get(name).filter(|value| **value != Tree::Null);
    let method = match there("method") {
        Some(method) => Some(method.as_str()?),
        None => None,
    };
    if tree.repeats(&["id", "method", "params", "result", "error", "trace", "caller", "once"]) {
        return None;
    }
    // `null` is an id and a result, but neither a method nor an error.
    match (tree.get("id"), method, tree.get("result"), there("error")) {
        (Some(_), Some(_), None, None) => Some(Kind::Request),
        (None, Some(_), None, None) => Some(Kind::Notification),
        (Some(_), None, Some(_), None) => Some(Kind::Response),
        (Some(_), None, None, Some(_)) => Some(Kind::Error),
        _ => None,
    }
}

/// What codex doesn't answer although it is a message, or takes for something else.
fn is_refused(tree: &Tree) -> bool {
    let error = tree.get("error").filter(|error| **error != Tree::Null).is_some_and(|error| !is_error(error));
    error || !is_trace(tree.get("trace").filter(|trace| **trace != Tree::Null)) || has_private_name(tree)
}

fn is_error(error: &Tree) -> bool {
    let code = matches!(error.get("code"), Some(Tree::Number(code)) if code.as_i64().is_some());
    code && error.get("message").and_then(Tree::as_str).is_some() && !error.repeats(&["code", "message"])
}

/// An object by which serde_json talks to itself.
fn has_private_name(tree: &Tree) -> bool {
    match tree {
        Tree::Object(members) => members
            .iter()
            .any(|(name, value)| name.starts_with("$serde_json::private::") || has_private_name(value)),
        Tree::Array(items) => items.iter().any(has_private_name),
        Tree::Null | Tree::Bool(_) | Tree::Number(_) | Tree::String(_) => false,
    }
}

fn is_trace(trace: Option<&Tree>) -> bool {
    const NAMES: &[&str] = &["traceparent", "tracestate"];
    let text = |value: &Tree| matches!(value, Tree::Null | Tree::String(_));
    trace.is_none_or(|trace| {
        matches!(trace, Tree::Object(_))
            && !trace.repeats(NAMES)
            && trace.members().iter().all(|(name, _)| NAMES.contains(&name.as_str()))
            && NAMES.iter().all(|name| trace.get(name).is_none_or(text))
    })
}

/// The names that were read are those that are there.
fn same(scope: &Scope<'_>, value: Option<&Tree>) {
    let name = |id: &str, named: &str| {
        let (id, named) = (value?.get(id).and_then(Tree::as_str), value?.get(named));
        // Of an object with two ids either may be meant: nothing that codex takes has one.
        let unclear = named.is_some_and(|named| named.repeats(&["id"]));
        Some((id.or_else(|| named?.get("id")?.as_str()).map(str::to_owned), unclear && id.is_none()))
    };
    let check = |read: &Option<Text<'_>>, wanted: Option<(Option<String>, bool)>| match wanted {
        Some((_, true)) => {}
        Some((wanted, false)) => assert_eq!(read.as_deref(), wanted.as_deref()),
        None => assert_eq!(read.as_deref(), None),
    };
    check(&scope.thread, name("threadId", "thread"));
    check(&scope.turn, name("turnId", "turn"));
}

/// With another id it is the same line; with its own again, the same bytes.
fn spliced(line: &Bytes, id: &RawValue, tree: &Tree, kind: Option<Kind>) {
    const OURS: &str = "18446744073709551615";
    let changed = splice(line, id, OURS);
    assert_eq!(changed.len(), line.len() - id.get().len() + OURS.len());
    let changed = changed.to_bytes();
    let again = Message::<&RawValue, &RawValue>::parse(&changed).expect("still a message");
    assert_eq!(Some(self::kind(&again)), kind);
    let (Message::Request { id: ours, .. }
    | Message::Response { id: ours, .. }
    | Message::Error { id: ours, .. }) = again
    else {
        panic!("the id is gone")
    };
    assert_eq!(ours.get(), OURS);
    let without_id = |tree: &Tree| -> Vec<(String, Tree)> {
        tree.members().iter().filter(|(name, _)| name != "id").cloned().collect()
    };
    let changed_tree: Tree = serde_json::from_slice(&changed).expect("still JSON");
    assert_eq!(without_id(&changed_tree), without_id(tree));
    let id = Bytes::copy_from_slice(id.get().as_bytes());
    assert_eq!(splice(&changed, ours, id).to_bytes(), line);
}
