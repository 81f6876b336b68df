//! `GET /metrics`: what is counted here, with what the daemon and the system tell when somebody asks.

use super::dispatch::Call;
use crate::metrics::{self, Scraped, Worker};
use http::{HeaderValue, header};
use shared::process;
use std::time::Duration;
use warp::reply::Response;

/// How long a scrape waits for the system.
const SYSTEM: Duration = Duration::from_secs(1);

/// The page. It waits for the daemons and the system at the same time, for about a second at most, and is whole but for what they don't tell.
pub(super) async fn page(call: &Call<'_>) -> Response {
    let app = call.app;
    app.metrics.switched(app.board.maintenance().enabled, app.board.app_server().enabled);
    let own = app.shutdown.spawn_blocking(process::own);
    let (told, system) = tokio::join!(app.daemon.metrics(), tokio::time::timeout(SYSTEM, own));
    let workers = app.daemon.reports().into_iter().zip(told).map(|(report, told)| Worker {
        connected: told.is_ok(),
        ready: told.is_ok() && report.health.is_ready(),
        in_flight: report.in_flight,
        told: told.unwrap_or_default(),
        name: report.name,
    });
    let scraped = Scraped {
        workers: workers.collect(),
        front: metrics::front(system.ok().and_then(Result::ok), app.spans.otel().spans()),
    };
    let mut response = Response::new(app.metrics.page(&scraped).into());
    let kind = HeaderValue::from_static(metrics::CONTENT_TYPE);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
