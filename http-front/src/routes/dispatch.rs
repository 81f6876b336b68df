//! From a request to its route, and from what comes back to an answer with the headers that every answer has.

use super::{
    chat, completions, cors,
    health::report,
    metrics, models,
    table::{NotServed, Resolved, Route, Side, resolve},
    toggles,
};
use crate::{
    app::App,
    auth::Key,
    error::{ApiError, Kind},
    http::listener::{Name, Peer},
    metrics::request::Counted,
    observe::Observe,
    record::{Around, Record},
    records::access::Access,
};
use ::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};
use bytes::{Buf, Bytes};
use futures_util::Stream;
use serde::Serialize;
use shared::telemetry;
use std::{convert::Infallible, sync::Arc, time::SystemTime};
use warp::{Filter, Reply, path::FullPath, reply::Response};

/// What is read of the body of a client that showed no key, all in all: what came with the head is part of it.
pub(super) const STRANGER_BYTES: u64 = 64 * 1024;
/// What is read away beyond the bound for bodies, of a client that showed its key.
const KNOWN_BYTES: u64 = 8 * 1024 * 1024;

/// The same request with a path. A target without one (`CONNECT host:port`) would make warp panic; there is no route for it
/// either.
pub fn with_path<B>(mut request: Request<B>) -> Request<B> {
    if request.uri().path_and_query().is_none() {
        *request.uri_mut() = Uri::from_static("/");
    }
    request
}

/// The service of one listener. Its requests have a path: [`with_path`].
pub fn routes(
    app: Arc<App>,
    side: Side,
) -> impl Filter<Extract = (Response,), Error = Infallible> + Clone + Send + Sync + 'static {
    warp::any()
        .and(warp::method())
        .and(warp::path::full())
        .and(warp::header::headers_cloned())
        .and(warp::ext::get::<Peer>())
        .and(warp::ext::optional::<Access>())
        .and(warp::body::stream())
        .then(move |method: Method, path: FullPath, headers: HeaderMap, peer: Peer, access, body| {
            let app = app.clone();
            async move {
                let counted = Counted::new(&app.metrics, side, &method);
                let span = app.spans.begin(side, &method, &headers);
                let observe = Observe { counted, span };
                let around =
                    Around { health: app.daemon.watch(), board: app.board.clone(), peer: peer.clone() };
                let record = Record::of(&headers, observe.clone()).by(&method, around).accessed(access);
                let id = record.id().to_owned();
                let mut call = Call { app: &app, peer: &peer, headers: &headers, key: None };
                let name: Arc<str> = id.as_str().into();
                let answering = call.answer(side, &method, path.as_str(), body, record);
                let mut response = telemetry::about(name.clone(), answering).await;
                response.extensions_mut().insert(Name(name));
                if let Some(key) = &call.key {
                    app.limits.tell(key, response.headers_mut());
                }
                finish(&mut response, &id);
                observe.head(response.status());
                if side == Side::Public {
                    cors::tell(&app.config.cors, &headers, response.headers_mut());
                }
                response
            }
        })
        // None of the filters above refuses anything; should one ever do so, it is a fault of ours.
        .recover(|_| async {
            let error = ApiError::new(Kind::Internal, "The request could not be routed.");
            Ok::<_, Infallible>(failed(&error))
        })
        .unify()
}

/// One request, as its route needs it.
pub struct Call<'a> {
    /// Everything that is shared.
    pub app: &'a Arc<App>,
    /// The connection.
    pub peer: &'a Peer,
    /// The request's headers.
    pub headers: &'a HeaderMap,
    /// The key that it showed, where its route needs one; of the models, also where they need none.
    pub key: Option<Arc<Key>>,
}

impl Call<'_> {
    async fn answer<S, B, E>(
        &mut self,
        side: Side,
        method: &Method,
        path: &str,
        body: S,
        mut record: Record,
    ) -> Response
    where
        S: Stream<Item = Result<B, E>> + Send,
        B: Buf + Send,
        E: Send,
    {
        let (route, head) = match resolve(side, method, path) {
            Ok(Resolved::Serve(route)) => (route, false),
            Ok(Resolved::Head(route)) => (route, true),
            Ok(Resolved::Options(allow)) => {
                record.quiet();
                let mut response = StatusCode::NO_CONTENT.into_response();
                response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
                if side == Side::Public {
                    cors::tell_preflight(&self.app.config.cors, self.headers, allow, response.headers_mut());
                }
                return self.hang_up_unread(response, STRANGER_BYTES);
            }
            Err(NotServed { error, allow }) => {
                record.ended(&error);
                let mut response = failed(&error);
                if let Some(allow) = allow {
                    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
                }
                return self.hang_up_unread(response, STRANGER_BYTES);
            }
        };
        record.routed(route.name());
        self.key = match self.shown_key(&route) {
            Ok(key) => key,
            Err(error) => {
                record.ended(&error);
                return self.hang_up_unread(failed(&error), STRANGER_BYTES);
            }
        };
        if let Some(key) = &self.key {
            self.peer.known();
            let asks = !head && matches!(route, Route::Chat | Route::Completions);
            record.showed(&key.name, self.app.records.usage.as_ref().filter(|_| asks));
        }
        if let Err(error) = toggles::open(&route, self.key.as_deref()) {
            record.ended(&error);
            return self.hang_up_unread(failed(&error), STRANGER_BYTES);
        }
        if let Some(which) = crate::state::toggles::Which::of(&route) {
            record.let_in();
            return toggles::serve(self, which, method, body, record).await;
        }
        let unread = self.unread();
        if let Err(error) = self.admit(&route) {
            return self.hang_up_unread(self.refuse(error, record), unread);
        }
        if route.reaches_the_model()
            && let Some(key) = &self.key
        {
            match self.app.limits.enter(key) {
                Ok(permit) => record.permit = Some(permit),
                Err(error) => return self.hang_up_unread(self.refuse(error, record), unread),
            }
        }
        // Where the model is asked, its name is told, too, so this waits until that is known.
        if head || !route.reaches_the_model() {
            record.let_in();
        }
        let served = match route {
            Route::Chat | Route::Completions if head => Ok(StatusCode::OK.into_response()),
            Route::Chat | Route::Completions => match self.body(body).await {
                Ok(body) => {
                    record.read(body.len());
                    if let Err(error) = record.permit.as_mut().map_or(Ok(()), |p| p.body(body.len())) {
                        return self.refuse(error, record);
                    }
                    return if route == Route::Chat {
                        chat::serve(self, &body, record).await
                    } else {
                        completions::serve(self, &body, record).await
                    };
                }
                Err(error) => {
                    record.ended(&error);
                    return self.hang_up_unread(failed(&error), unread);
                }
            },
            Route::Models => {
                let served = self.app.daemon.health().models;
                models::list(&served, &self.app.config, self.allowed_models()).map(|list| json(&list))
            }
            Route::Model(id) => {
                let served = self.app.daemon.health().models;
                models::one(&served, &self.app.config, self.allowed_models(), &id).map(|one| json(&one))
            }
            Route::Ready => {
                let (draining, maintenance) =
                    (self.app.shutdown.is_draining(), self.app.board.maintenance().enabled);
                let (ready, report) = report(&self.app.daemon.health(), draining, maintenance);
                let mut response = json(&report.listing(&self.app.daemon.reports()));
                if !ready {
                    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                }
                record.quiet();
                return self.hang_up_unread(response, unread);
            }
            Route::Live => {
                record.quiet();
                Ok(json(&serde_json::json!({ "status": "ok" })))
            }
            Route::Metrics => {
                record.quiet();
                Ok(metrics::page(self).await)
            }
            Route::Verify => return self.verified(record),
            Route::Maintenance | Route::AppServer => {
                Err(ApiError::new(Kind::Internal, "The request could not be routed."))
            }
        };
        match served {
            Ok(response) => {
                record.served();
                self.hang_up_unread(response, unread)
            }
            Err(error) => self.hang_up_unread(self.refuse(error, record), unread),
        }
    }

    /// The answer for an error, with the time to wait as far as the daemon or the upstream has told it.
    pub(super) fn refuse(&self, error: ApiError, mut record: Record) -> Response {
        let error = self.app.daemon.health().advise(error, SystemTime::now());
        record.ended(&error);
        failed(&error)
    }

    async fn body<S, B, E>(&self, body: S) -> Result<Bytes, ApiError>
    where
        S: Stream<Item = Result<B, E>>,
        B: Buf,
    {
        let limits =
            crate::body::BodyLimits { bytes: self.app.config.max_body, time: self.app.config.body_timeout };
        crate::body::read(body, self.headers, limits).await
    }

    /// What is read away of a body that nobody wants.
    pub(super) fn unread(&self) -> u64 {
        if self.key.is_some() { self.app.config.max_body as u64 + KNOWN_BYTES } else { STRANGER_BYTES }
    }

    /// An answer that is given before the body was read: the connection ends with it, but not before the client
    /// could read it.
    pub(super) fn hang_up_unread(&self, mut response: Response, bytes: u64) -> Response {
        let length = self.headers.get(header::CONTENT_LENGTH);
        if self.headers.contains_key(header::TRANSFER_ENCODING) || length.is_some_and(|n| n != "0") {
            match self.key {
                Some(_) => self.peer.linger.allow(bytes),
                None => self.peer.linger.allow_in_all(bytes),
            }
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// An answer with a JSON body.
pub fn json<T: Serialize>(value: &T) -> Response {
    raw_json(serde_json::to_vec(value).expect("own types serialize"))
}

/// An answer whose body is JSON already.
pub fn raw_json(body: Vec<u8>) -> Response {
    as_json(Response::new(body.into()))
}

/// The same answer, whose body is JSON.
pub(super) fn as_json(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The answer for an error.
pub fn failed(error: &ApiError) -> Response {
    let mut response = raw_json(error.body());
    *response.status_mut() = error.status();
    response.headers_mut().extend(error.headers());
    response
}

/// The headers that every answer has.
fn finish(response: &mut Response, id: &crate::record::RequestId) {
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        headers.insert("x-request-id", value);
    }
    headers.insert("openai-processing-ms", HeaderValue::from(id.elapsed_ms()));
    headers.insert("openai-version", HeaderValue::from_static("2020-10-01"));
}
