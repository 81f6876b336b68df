//! `/internal/maintenance` and `/internal/app-server`: what an operator switches while the front runs.
//!
//! Each change is answered with the state that holds then, always 200: a toggle that the daemon doesn't have yet holds in
//! this front and says so (`kept: false`).

mod body;

use super::{
    dispatch::{Call, failed, json},
    table::Route,
};
use crate::{
    auth::Key,
    body::BodyLimits,
    error::{ApiError, Kind},
    record::Record,
    state::toggles::{AppServerNow, Asked, MaintenanceNow, Panel, Which},
};
use ::http::Method;
use bytes::{Buf, Bytes};
use futures_util::Stream;
use serde::Serialize;
use shared::time::clock;
use warp::reply::Response;

/// The largest body, in bytes.
const MAX_BODY: usize = 16 * 1024;

/// Maintenance, as answers show it.
#[derive(Debug, Serialize)]
struct Maintenance {
    enabled: bool,
    source: &'static str,
    retry_after_s: u64,
    message: Option<String>,
    until: Option<String>,
    since: Option<String>,
    kept: bool,
}

/// The kill switch, as answers show it.
#[derive(Debug, Serialize)]
struct AppServer {
    enabled: bool,
    source: &'static str,
    since: Option<String>,
    kept: bool,
}

impl Which {
    /// The toggle behind a route.
    pub(super) fn of(route: &Route) -> Option<Self> {
        match route {
            Route::Maintenance => Some(Self::Maintenance),
            Route::AppServer => Some(Self::AppServer),
            Route::Chat
            | Route::Completions
            | Route::Models
            | Route::Model(_)
            | Route::Ready
            | Route::Live
            | Route::Metrics
            | Route::Verify => None,
        }
    }

    fn state(self, panel: &Panel) -> Response {
        let now_ms = clock::now_ms();
        let time = |ms: Option<u64>| ms.and_then(clock::rfc3339);
        match self {
            Self::Maintenance => {
                let MaintenanceNow { enabled, source, retry_after, message, until_ms, since_ms, kept } =
                    panel.maintenance(now_ms);
                json(&Maintenance {
                    enabled,
                    source: source.as_str(),
                    retry_after_s: retry_after.as_secs(),
                    message,
                    until: time(until_ms),
                    since: time(since_ms),
                    kept,
                })
            }
            Self::AppServer => {
                let AppServerNow { enabled, source, since_ms, kept } = panel.app_server(now_ms);
                json(&AppServer { enabled, source: source.as_str(), since: time(since_ms), kept })
            }
        }
    }

    /// What a body asks for.
    fn read(self, body: &[u8]) -> Result<Asked, ApiError> {
        match self {
            Self::Maintenance => {
                body::maintenance(body, clock::now_ms()).map(|set| Asked::Maintenance(Some(set)))
            }
            Self::AppServer => body::app_server(body).map(|set| Asked::AppServer(Some(set))),
        }
    }

    /// What the end of the toggle asks for.
    fn removed(self) -> Asked {
        match self {
            Self::Maintenance => Asked::Maintenance(None),
            Self::AppServer => Asked::AppServer(None),
        }
    }
}

/// Whether a key opens a route: those for operators want one of theirs.
///
/// # Errors
/// `operator_only`.
pub(super) fn open(route: &Route, key: Option<&Key>) -> Result<(), ApiError> {
    if !route.is_for_operators() || key.is_some_and(|key| key.operator) {
        return Ok(());
    }
    let message = "This key is not an operator's. Ask with one that is, such as PROXY_API_KEY.";
    Err(ApiError::new(Kind::OperatorOnly, message))
}

/// Shows a toggle, or changes it first. The key was checked.
pub(super) async fn serve<S, B, E>(
    call: &Call<'_>,
    which: Which,
    method: &Method,
    body: S,
    mut record: Record,
) -> Response
where
    S: Stream<Item = Result<B, E>> + Send,
    B: Buf + Send,
    E: Send,
{
    let board = &call.app.board;
    let asked = match *method {
        Method::POST | Method::PUT => match read(call, body).await.map(|body| {
            record.read(body.len());
            which.read(&body)
        }) {
            Ok(Ok(asked)) => Some(asked),
            Ok(Err(error)) => {
                record.ended(&error);
                return failed(&error);
            }
            Err(error) => {
                record.ended(&error);
                return call.hang_up_unread(failed(&error), call.unread());
            }
        },
        Method::DELETE => Some(which.removed()),
        // The table lets nothing else pass but GET and HEAD.
        _ => None,
    };
    let panel = match asked {
        Some(asked) => {
            let panel = board.ask(asked).await;
            if let Some(why) = panel.not_kept(which) {
                tracing::warn!(
                    event = "toggle_not_kept",
                    request_id = record.id().as_str(),
                    route = record.route(),
                    reason = why.as_str(),
                    "{}",
                    why.text()
                );
            }
            panel
        }
        None => board.now(),
    };
    record.served();
    let state = which.state(&panel);
    if matches!(*method, Method::POST | Method::PUT) {
        state
    } else {
        call.hang_up_unread(state, call.unread())
    }
}

async fn read<S, B, E>(call: &Call<'_>, body: S) -> Result<Bytes, ApiError>
where
    S: Stream<Item = Result<B, E>>,
    B: Buf,
{
    let limits = BodyLimits { bytes: MAX_BODY, time: call.app.config.body_timeout };
    crate::body::read(body, call.headers, limits).await.map_err(|error| {
        if error.kind() == Kind::TooLarge {
            error.reworded(|_| format!("The body of this route may have {MAX_BODY} bytes."))
        } else {
            error
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::KeyLimits;

    #[test]
    fn a_key_that_is_no_operators_opens_everything_else() {
        let key = |operator| Key {
            name: "k".into(),
            may_agent: true,
            operator,
            models: None,
            limits: KeyLimits::default(),
        };
        for route in [Route::Maintenance, Route::AppServer] {
            for refused in [None, Some(&key(false))] {
                let error = open(&route, refused).unwrap_err();
                assert_eq!((error.status().as_u16(), error.code()), (403, Some("operator_only")));
            }
            assert!(open(&route, Some(&key(true))).is_ok());
        }
        for route in [Route::Chat, Route::Models, Route::Metrics, Route::Ready] {
            assert!(open(&route, Some(&key(false))).is_ok() && open(&route, None).is_ok());
        }
    }
}
