//! The labels and their values: closed sets, all of them. What a client sends chooses among them and adds none.

use super::connections;
use crate::{
    error::{Kind, Source},
    limits::LIMITS,
    records::Which,
    routes::table::Route,
    trace::prune::Reason,
    translate::request::IGNORED,
};
use http::Method;
use shared::control::metrics::{METHODS, OTHER, TurnOutcome, codes};
use std::borrow::Cow;

/// What a request without a route has as its route, and one that asks no model as its model.
pub const NONE: &str = "none";
/// The model that codex chooses where the request names none.
pub const DEFAULT_MODEL: &str = "default";
/// Names of models that are told apart; more are [`OTHER`].
pub const MOST_MODELS: usize = 64;
/// The status of a request whose client left before there was one.
pub const CLIENT_LEFT: u16 = 499;
/// Statuses that are no error's: what was asked for, and `OPTIONS`, which isn't counted.
const OK: u16 = 200;

/// One label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Label {
    /// The route's pattern.
    Route,
    /// The same of the public listener alone.
    ApiRoute,
    /// The method of HTTP.
    Method,
    /// The first digit of the status.
    StatusFamily,
    /// The status.
    Status,
    /// The same under another name.
    StatusCode,
    /// The service, for queries over several.
    Service,
    /// The model that was asked.
    Model,
    /// What went wrong.
    Code,
    /// Whose fault it was.
    Source,
    /// How a stream ended.
    StreamOutcome,
    /// Which tokens.
    TokenType,
    /// A request parameter.
    Param,
    /// What a key is.
    KeyState,
    /// Why a file was removed.
    Pruned,
    /// Why a trace was not written.
    Dropped,
    /// Which log.
    Log,
    /// A limit of a key.
    Limit,
    /// What a connection is doing.
    Connection,
    /// On or off.
    Switch,
    /// The method by which codex is asked.
    RpcMethod,
    /// How a turn ended.
    TurnOutcome,
    /// The code of an error on the socket.
    RpcCode,
    /// A process: front, daemon, codex.
    Component,
    /// One of our own two.
    OwnComponent,
    /// A version.
    Version,
    /// What became of a span.
    Export,
    /// A worker.
    Worker,
    /// The same of a process, where there are several workers.
    ProcessWorker,
}

impl Label {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Route | Self::ApiRoute => "route",
            Self::Method | Self::RpcMethod => "method",
            Self::StatusFamily => "status_family",
            Self::Status => "status",
            Self::StatusCode => "status_code",
            Self::Service => "service_type",
            Self::Model => "model",
            Self::Code | Self::RpcCode => "code",
            Self::Source => "source",
            Self::StreamOutcome | Self::TurnOutcome => "outcome",
            Self::TokenType => "type",
            Self::Param => "param",
            Self::KeyState | Self::Connection | Self::Switch => "state",
            Self::Pruned | Self::Dropped => "reason",
            Self::Log => "log",
            Self::Limit => "limit",
            Self::Component | Self::OwnComponent => "component",
            Self::Version => "version",
            Self::Export => "result",
            Self::Worker | Self::ProcessWorker => "worker",
        }
    }

    /// All of its values, but the names of models and versions: [`Self::more`] says which those are.
    pub fn values(self) -> Vec<Cow<'static, str>> {
        fn of<const N: usize>(values: [&'static str; N]) -> Vec<Cow<'static, str>> {
            values.map(Cow::Borrowed).to_vec()
        }
        fn all(values: &[&'static str]) -> Vec<Cow<'static, str>> {
            values.iter().copied().map(Cow::Borrowed).collect()
        }
        match self {
            Self::Route => routes(|_| true),
            Self::ApiRoute => routes(is_api),
            Self::Method => of(METHOD_NAMES),
            Self::StatusFamily => of(FAMILIES),
            Self::Status | Self::StatusCode => {
                statuses().into_iter().map(|s| Cow::Owned(s.to_string())).collect()
            }
            Self::Service => of(["codex"]),
            Self::Model => of([DEFAULT_MODEL, NONE, OTHER]),
            Self::Code => Kind::ALL.iter().map(|kind| Cow::Borrowed(kind.label())).collect(),
            Self::Source => of(Source::ALL.map(Source::as_str)),
            Self::StreamOutcome => of(StreamOutcome::ALL.map(StreamOutcome::as_str)),
            Self::TokenType => of(TOKEN_TYPES),
            Self::Param => all(IGNORED),
            Self::KeyState => of(KEY_STATES),
            Self::Pruned => of(Reason::ALL.map(Reason::as_str)),
            Self::Dropped => all(TRACE_DROPS),
            Self::Log => of(Which::ALL.map(Which::as_str)).into_iter().chain(of([STDOUT])).collect(),
            Self::Limit => all(LIMITS),
            Self::Connection => all(connections::STATES),
            Self::Switch => of(["on", "off"]),
            Self::RpcMethod => METHODS.into_iter().chain([OTHER]).map(Cow::Borrowed).collect(),
            Self::TurnOutcome => of(TurnOutcome::ALL.map(TurnOutcome::as_str)),
            Self::RpcCode => codes().map(Cow::Owned).collect(),
            Self::Component => of(["front", "daemon", "codex"]),
            Self::OwnComponent => of(["front", "daemon"]),
            Self::Version | Self::Worker | Self::ProcessWorker => Vec::new(),
            Self::Export => of(EXPORTS),
        }
    }

    /// Which values there are beside those, in words; they are bounded all the same.
    pub fn more(self) -> Option<&'static str> {
        match self {
            Self::Model => Some("the models that are served, 64 at most"),
            Self::Version => Some("the versions that run"),
            Self::Worker => Some("the workers, as `WORKER_SOCKET` names them, 16 at most"),
            Self::ProcessWorker => Some(
                "with several workers: that of a daemon or its codex; not there with one, nor for the front",
            ),
            Self::Route
            | Self::ApiRoute
            | Self::Method
            | Self::StatusFamily
            | Self::Status
            | Self::StatusCode
            | Self::Service
            | Self::Code
            | Self::Source
            | Self::StreamOutcome
            | Self::TokenType
            | Self::Param
            | Self::KeyState
            | Self::Pruned
            | Self::Dropped
            | Self::Log
            | Self::Limit
            | Self::Connection
            | Self::Switch
            | Self::RpcMethod
            | Self::TurnOutcome
            | Self::RpcCode
            | Self::Component
            | Self::OwnComponent
            | Self::Export => None,
        }
    }
}

/// The log that a process writes to its stdout.
pub(super) const STDOUT: &str = "stdout";
/// What becomes of a span.
pub(super) const EXPORTS: [&str; 3] = ["exported", "dropped", "failed"];
/// What a key can be.
pub(super) const KEY_STATES: [&str; 2] = ["valid", "expired"];
/// Why a trace is not kept: too many wait for the disk, or the disk refuses it.
pub(super) const TRACE_DROPS: &[&str] = &["queue", "disk"];
/// Which tokens: cached ones are a part of the prompt's, those of reasoning a part of the completion's.
pub(super) const TOKEN_TYPES: [&str; 4] = ["prompt", "completion", "cached", "reasoning"];
const FAMILIES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
const METHOD_NAMES: [&str; 8] = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", OTHER];

/// The routes whose requests are counted.
static ROUTES: [Route; 7] = [
    Route::Chat,
    Route::Completions,
    Route::Models,
    Route::Model(String::new()),
    Route::Verify,
    Route::Maintenance,
    Route::AppServer,
];

/// A route's name, of those that are counted: probes and scrapes are none.
pub(super) fn route(name: &'static str) -> Option<&'static str> {
    ROUTES.iter().map(Route::name).find(|known| *known == name)
}

/// Those of the model.
pub(super) fn model_routes() -> impl Iterator<Item = &'static str> {
    ROUTES.iter().filter(|route| route.reaches_the_model()).map(Route::name)
}

fn is_api(route: &Route) -> bool {
    !route.is_for_operators() && *route != Route::Verify
}

fn routes(wanted: impl Fn(&Route) -> bool) -> Vec<Cow<'static, str>> {
    let named = ROUTES.iter().filter(|route| wanted(route)).map(|route| Cow::Borrowed(route.name()));
    named.chain([Cow::Borrowed(NONE)]).collect()
}

/// A method's name, of those that are told apart: any other is a text of the client's.
pub fn method(method: &Method) -> &'static str {
    METHOD_NAMES.into_iter().find(|known| *known == method.as_str()).unwrap_or(OTHER)
}

/// A status by its first digit.
pub(super) fn family(status: u16) -> &'static str {
    FAMILIES[usize::from((status / 100).clamp(1, 5)) - 1]
}

/// Every status that a request can end with, in their order.
pub(super) fn statuses() -> Vec<u16> {
    // What an upstream refuses keeps its own status.
    let upstream = [400, 403, 404, 422];
    let mut all: Vec<u16> = Kind::ALL.iter().map(|kind| kind.status()).chain(upstream).collect();
    all.extend([OK, CLIENT_LEFT]);
    all.sort_unstable();
    all.dedup();
    all
}

/// How a stream ended whose head had gone out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamOutcome {
    /// As it should.
    Ok,
    /// With an error of any other kind.
    Error,
    /// Its client left.
    ClientDisconnect,
    /// Its client read too slowly.
    SlowReader,
    /// A deadline passed.
    Timeout,
    /// The service went down.
    Shutdown,
}

impl StreamOutcome {
    /// Every one.
    pub const ALL: [Self; 6] =
        [Self::Ok, Self::Error, Self::ClientDisconnect, Self::SlowReader, Self::Timeout, Self::Shutdown];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::ClientDisconnect => "client_disconnect",
            Self::SlowReader => "slow_reader",
            Self::Timeout => "timeout",
            Self::Shutdown => "shutdown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_clients_are_other() {
        assert_eq!(method(&Method::PATCH), "PATCH");
        assert_eq!(method(&Method::from_bytes(b"SECRET").unwrap()), OTHER);
        assert_eq!(method(&Method::TRACE), OTHER);
        for (status, wanted) in
            [(0, "1xx"), (100, "1xx"), (200, "2xx"), (499, "4xx"), (599, "5xx"), (999, "5xx")]
        {
            assert_eq!(family(status), wanted);
        }
    }

    #[test]
    fn each_value_is_there_once() {
        for label in
            [Label::Route, Label::Method, Label::Status, Label::Code, Label::RpcCode, Label::RpcMethod]
        {
            let mut values = label.values();
            let all = values.len();
            values.sort_unstable();
            values.dedup();
            assert_eq!(values.len(), all, "{label:?}");
        }
        assert!(statuses().iter().all(|status| (200..600).contains(status)), "{:?}", statuses());
    }
}
