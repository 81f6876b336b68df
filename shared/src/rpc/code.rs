//! Every JSON-RPC error code that crosses the worker socket, the child's and ours, with its message.

use super::ErrorObject;
use serde_json::json;
use std::time::Duration;

/// The line is no JSON. (JSON-RPC 2.0)
pub const PARSE_ERROR: i64 = -32700;
/// The line is no request, or the child doesn't know its method. (JSON-RPC 2.0; the child uses it for both)
pub const INVALID_REQUEST: i64 = -32600;
/// Nobody here answers that method. (JSON-RPC 2.0)
pub const METHOD_NOT_FOUND: i64 = -32601;
/// The parameters are wrong. (JSON-RPC 2.0)
pub const INVALID_PARAMS: i64 = -32602;
/// The child or the daemon failed. (JSON-RPC 2.0)
pub const INTERNAL: i64 = -32603;
/// Too much work: try again later. The child's own code, and ours for a full waiting line.
pub const OVERLOADED: i64 = -32001;
/// The child is down; nothing was sent to it.
pub const WORKER_UNAVAILABLE: i64 = -32010;
/// The child died with this request in flight, or the daemon was forced to end with it.
pub const WORKER_RESTARTED: i64 = -32011;
/// No answer within the deadline.
pub const TIMEOUT: i64 = -32012;
/// The daemon is going down and takes no new work.
pub const DRAINING: i64 = -32013;
/// The daemon doesn't let clients call this method, or not with these parameters.
pub const FORBIDDEN: i64 = -32014;
/// A fresh child was asked for and did not come up; the old one goes on.
pub const NOT_REPLACED: i64 = -32015;
/// The request was withdrawn by its own client before it was sent.
pub const CANCELLED: i64 = -32800;

/// Every one of them.
pub const ALL: [i64; 13] = [
    PARSE_ERROR,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    INVALID_PARAMS,
    INTERNAL,
    OVERLOADED,
    WORKER_UNAVAILABLE,
    WORKER_RESTARTED,
    TIMEOUT,
    DRAINING,
    FORBIDDEN,
    NOT_REPLACED,
    CANCELLED,
];

fn plain(code: i64, message: impl Into<String>) -> ErrorObject {
    ErrorObject { code, message: message.into(), data: None }
}

fn retry(code: i64, message: &str, after: Duration) -> ErrorObject {
    let after = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
    ErrorObject { code, message: message.to_owned(), data: Some(json!({ "retryAfterMs": after })) }
}

/// The answer to a line that is no message.
pub fn malformed(why: &super::Malformed) -> ErrorObject {
    let code = match why {
        super::Malformed::Syntax { .. }
        | super::Malformed::Encoding { .. }
        | super::Malformed::Depth { .. } => PARSE_ERROR,
        super::Malformed::Shape(_) => INVALID_REQUEST,
    };
    plain(code, why.to_string())
}

/// The answer to a line over the limit.
pub fn overlong(limit: usize) -> ErrorObject {
    plain(INVALID_REQUEST, format!("the line is longer than {limit} bytes; it was skipped"))
}

/// The answer to a request whose id is no string or number.
pub fn bad_id() -> ErrorObject {
    plain(INVALID_REQUEST, "the id of a request must be a string or a number")
}

/// The answer to a request whose id is in flight already.
pub fn duplicate_id() -> ErrorObject {
    plain(INVALID_REQUEST, "a request with this id is in flight already")
}

/// The answer to a request before `initialize`.
pub fn not_initialized() -> ErrorObject {
    plain(INVALID_REQUEST, "Not initialized")
}

/// The answer to a second `initialize`.
pub fn already_initialized() -> ErrorObject {
    plain(INVALID_REQUEST, "Already initialized")
}

/// The answer to parameters that can't be used.
pub fn invalid_params(why: &str) -> ErrorObject {
    plain(INVALID_PARAMS, format!("Invalid params: {why}"))
}

/// The answer to a method that nobody serves.
pub fn method_not_found(method: &str) -> ErrorObject {
    plain(METHOD_NOT_FOUND, format!("method not found: {}", shown(method)))
}

/// The answer to a method that clients may not call here.
pub fn forbidden(method: &str) -> ErrorObject {
    plain(
        FORBIDDEN,
        format!("clients may not call {}; WORKER_ALLOW_METHODS lists what they may", shown(method)),
    )
}

/// The answer to a method of the daemon that is for operators.
pub fn operators_only(method: &str) -> ErrorObject {
    plain(FORBIDDEN, format!("{} is for root and the daemon's own user", shown(method)))
}

/// The answer to a request whose `caller` can't be used.
pub fn bad_caller(max: usize) -> ErrorObject {
    plain(INVALID_REQUEST, format!("caller must be a string of at most {max} bytes"))
}

/// The answer to `daemon/restart` where the fresh child did not come up.
pub fn not_replaced(why: &str) -> ErrorObject {
    plain(NOT_REPLACED, format!("no fresh codex app-server came up, nothing has changed: {why}"))
}

/// The answer to a parameter that clients may not set, or not so. `member` is cut: a client wrote it.
pub fn closed_member(member: &str, why: &str) -> ErrorObject {
    let member: String = member.chars().take(100).collect();
    let member = member.escape_debug().to_string();
    ErrorObject {
        code: FORBIDDEN,
        message: format!("`{member}` is not open to clients of this socket: {why}"),
        data: Some(json!({ "member": member })),
    }
}

/// The answer to a request about a thread that another connection owns.
pub fn not_owner() -> ErrorObject {
    plain(FORBIDDEN, "this thread belongs to another connection")
}

/// The answer while the waiting line is full.
pub fn overloaded(after: Duration) -> ErrorObject {
    retry(OVERLOADED, "Server overloaded; retry later.", after)
}

/// What a connection past the bound is told.
pub fn too_many_clients(max: usize, after: Duration) -> ErrorObject {
    let message = format!("too many connections; WORKER_MAX_CLIENTS allows {max}; retry later");
    retry(OVERLOADED, &message, after)
}

/// What a connection of a user who may not connect is told.
pub fn uid_refused(uid: u32) -> ErrorObject {
    plain(FORBIDDEN, format!("uid {uid} may not connect; WORKER_ALLOW_UIDS says who may"))
}

/// The answer to a connection that has as many threads as it may.
pub fn too_many_threads(max: usize) -> ErrorObject {
    let message = format!("this connection has {max} threads; let some go (WORKER_CLIENT_THREADS_MAX)");
    retry(OVERLOADED, &message, Duration::from_secs(1))
}

/// The answer while the child is down.
pub fn unavailable(after: Duration) -> ErrorObject {
    retry(WORKER_UNAVAILABLE, "the codex app-server is not running; retry later", after)
}

/// The answer to what was in flight when the child died.
pub fn restarted() -> ErrorObject {
    retry(WORKER_RESTARTED, "the codex app-server exited with this request in flight", Duration::ZERO)
}

/// The answer to what was in flight when the daemon was forced to end. It may have been done: whoever asks again, asks twice.
pub fn forced() -> ErrorObject {
    retry(WORKER_RESTARTED, "the daemon ended with this request in flight", Duration::ZERO)
}

/// The answer to what the child did not answer in time.
pub fn timeout(after: Duration) -> ErrorObject {
    plain(TIMEOUT, format!("no answer from the codex app-server within {} ms", after.as_millis()))
}

/// The answer while the daemon goes down.
pub fn draining(after: Duration) -> ErrorObject {
    retry(DRAINING, "the daemon is shutting down; retry later", after)
}

/// The answer to what only the daemon that serves the socket now can do.
pub fn superseded(after: Duration) -> ErrorObject {
    retry(DRAINING, "a younger daemon serves the socket now; connect again", after)
}

/// The answer to a request that its client withdrew.
pub fn cancelled() -> ErrorObject {
    plain(CANCELLED, "withdrawn before it was sent")
}

/// A method name for a message: cut, so that an answer can't be made to carry a flood.
fn shown(method: &str) -> String {
    let cut: String = method.chars().take(64).collect();
    format!("`{}`", cut.escape_debug())
}
