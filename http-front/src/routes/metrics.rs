//! `GET /metrics`: what is counted here, with what the daemon and the system tell when somebody asks.

use super::dispatch::Call;
use crate::metrics::{self, Scraped};
use http::{HeaderValue, header};
use shared::process;
use std::time::Duration;
use warp::reply::Response;

/// How long a scrape waits for the system.
const SYSTEM: Duration = Duration::from_secs(1);

/// The page. It waits for the daemon and the system, for about a second at most, and is whole but for what they don't tell.
pub(super) async fn page(call: &Call<'_>) -> Response {
    let app = call.app;
    app.metrics.switched(app.board.maintenance().enabled, app.board.app_server().enabled);
    let own = app.shutdown.spawn_blocking(process::own);
    let (daemon, system) = tokio::join!(app.daemon.metrics(), tokio::time::timeout(SYSTEM, own));
    let scraped = Scraped {
        connected: daemon.is_ok(),
        ready: daemon.is_ok() && app.daemon.health().is_ready(),
        worker: daemon.unwrap_or_default(),
        front: metrics::front(system.ok().and_then(Result::ok), app.spans.otel().spans()),
    };
    let mut response = Response::new(app.metrics.page(&scraped).into());
    let kind = HeaderValue::from_static(metrics::CONTENT_TYPE);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
