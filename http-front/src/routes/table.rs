//! Paths and methods to routes. Pure: the one table of what is served.
//!
//! A trailing slash is the same route. A path that is not here is 404, a method that is not here 405 with `Allow`.

use crate::error::{ApiError, Kind};
use http::Method;

/// Which listener a request came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The listener for clients.
    Public,
    /// The listener for operators.
    Internal {
        /// Whether it tells what is counted.
        metrics: bool,
    },
}

/// One route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// `POST /v1/chat/completions`.
    Chat,
    /// `POST /v1/completions`.
    Completions,
    /// `GET /v1/models`.
    Models,
    /// `GET /v1/models/{id}`.
    Model(String),
    /// `GET /healthz`, `GET /readyz`: whether requests can be served.
    Ready,
    /// `GET /livez`, `GET /health`: whether the front runs.
    Live,
    /// `GET /metrics`: what is counted.
    Metrics,
    /// `/verify` with any method: whether a request may pass, for the proxy in front.
    Verify,
    /// `/internal/maintenance`: an operator's toggle.
    Maintenance,
    /// `/internal/app-server`: the kill switch.
    AppServer,
}

/// What is to be done with a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Resolved {
    /// Serve it.
    Serve(Route),
    /// Serve it, and leave the body of the answer out (`HEAD`).
    Head(Route),
    /// Say which methods there are (`OPTIONS`).
    Options(&'static str),
}

impl Route {
    /// The name for logs and labels: never what a client sent.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Completions => "/v1/completions",
            Self::Models => "/v1/models",
            Self::Model(_) => "/v1/models/{id}",
            Self::Ready => "/readyz",
            Self::Live => "/livez",
            Self::Metrics => "/metrics",
            Self::Verify => "/verify",
            Self::Maintenance => "/internal/maintenance",
            Self::AppServer => "/internal/app-server",
        }
    }

    /// Whether its requests are counted against the limits of their key.
    pub fn reaches_the_model(&self) -> bool {
        match self {
            Self::Chat | Self::Completions => true,
            Self::Models
            | Self::Model(_)
            | Self::Ready
            | Self::Live
            | Self::Metrics
            | Self::Verify
            | Self::Maintenance
            | Self::AppServer => false,
        }
    }

    fn allow(&self) -> &'static str {
        match self {
            Self::Chat | Self::Completions => "POST, HEAD, OPTIONS",
            Self::Models | Self::Model(_) | Self::Ready | Self::Live | Self::Metrics => "GET, HEAD, OPTIONS",
            Self::Verify => "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
            Self::Maintenance | Self::AppServer => "GET, HEAD, POST, PUT, DELETE, OPTIONS",
        }
    }

    /// Whether it is for operators: for keys that open `/internal/*`.
    pub fn is_for_operators(&self) -> bool {
        match self {
            Self::Maintenance | Self::AppServer => true,
            Self::Chat
            | Self::Completions
            | Self::Models
            | Self::Model(_)
            | Self::Ready
            | Self::Live
            | Self::Metrics
            | Self::Verify => false,
        }
    }
}

/// A path or method that is not served.
#[derive(Debug)]
pub struct NotServed {
    /// The error.
    pub error: ApiError,
    /// The methods that there are, for 405.
    pub allow: Option<&'static str>,
}

/// Finds the route of a request.
///
/// # Errors
/// [`NotServed`]: 404, or 405 with the methods that there are.
pub fn resolve(side: Side, method: &Method, path: &str) -> Result<Resolved, NotServed> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let route = match (side, path) {
        (Side::Public, "/v1/chat/completions") => Some(Route::Chat),
        (Side::Public, "/v1/completions") => Some(Route::Completions),
        (Side::Public, "/v1/models") => Some(Route::Models),
        (_, "/healthz" | "/readyz") => Some(Route::Ready),
        (_, "/livez" | "/health") => Some(Route::Live),
        (Side::Public, path) => {
            path.strip_prefix("/v1/models/").filter(|id| !id.is_empty()).map(|id| Route::Model(decoded(id)))
        }
        (Side::Internal { .. }, "/internal/maintenance") => Some(Route::Maintenance),
        (Side::Internal { .. }, "/internal/app-server") => Some(Route::AppServer),
        (Side::Internal { metrics: true }, "/metrics") => Some(Route::Metrics),
        (Side::Internal { .. }, "/verify") => Some(Route::Verify),
        (Side::Internal { .. }, _) => None,
    };
    let Some(route) = route else {
        let error = ApiError::new(Kind::NotFound, "There is no such route here.");
        return Err(NotServed { error, allow: None });
    };
    let allow = route.allow();
    match (method, &route) {
        // The proxy may ask with the method of the request that it asks about.
        (_, Route::Verify) => Ok(Resolved::Serve(route)),
        (&Method::OPTIONS, _) => Ok(Resolved::Options(allow)),
        (&Method::HEAD, _) => Ok(Resolved::Head(route)),
        (&Method::POST, Route::Chat | Route::Completions) => Ok(Resolved::Serve(route)),
        (&Method::GET, Route::Models | Route::Model(_) | Route::Ready | Route::Live | Route::Metrics) => {
            Ok(Resolved::Serve(route))
        }
        (
            &Method::GET | &Method::POST | &Method::PUT | &Method::DELETE,
            Route::Maintenance | Route::AppServer,
        ) => Ok(Resolved::Serve(route)),
        _ => {
            let error =
                ApiError::new(Kind::MethodNotAllowed, format!("This route is served for {allow} alone."));
            Err(NotServed { error, allow: Some(allow) })
        }
    }
}

/// A path segment with its percent signs resolved: model names may hold a slash or a colon.
fn decoded(segment: &str) -> String {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|h| u8::from_str_radix(std::str::from_utf8(h).ok()?, 16).ok());
        match (byte, hex) {
            (b'%', Some(value)) => {
                bytes.push(value);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(method: Method, path: &str) -> Result<Resolved, (u16, Option<&'static str>)> {
        resolve(Side::Public, &method, path).map_err(|e| (e.error.status().as_u16(), e.allow))
    }

    #[test]
    fn routes_methods_and_the_rest() {
        assert_eq!(public(Method::POST, "/v1/chat/completions"), Ok(Resolved::Serve(Route::Chat)));
        assert_eq!(public(Method::POST, "/v1/chat/completions/"), Ok(Resolved::Serve(Route::Chat)));
        assert_eq!(public(Method::POST, "/v1/completions/"), Ok(Resolved::Serve(Route::Completions)));
        assert_eq!(public(Method::HEAD, "/v1/chat/completions"), Ok(Resolved::Head(Route::Chat)));
        assert_eq!(public(Method::GET, "/v1/chat/completions"), Err((405, Some("POST, HEAD, OPTIONS"))));
        assert_eq!(
            public(Method::GET, "/v1/models/a%2Fb%3a%"),
            Ok(Resolved::Serve(Route::Model("a/b:%".into())))
        );
        assert_eq!(public(Method::GET, "/v1/models/"), Ok(Resolved::Serve(Route::Models)));
        assert_eq!(public(Method::DELETE, "/v1/models"), Err((405, Some("GET, HEAD, OPTIONS"))));
        for path in
            ["", "/", "/v1", "/v1/modelsx", "//v1/models", "/v1/chat", "/metrics", "/internal/maintenance"]
        {
            assert_eq!(public(Method::GET, path), Err((404, None)), "{path}");
        }
        let internal = |metrics, method, path| {
            resolve(Side::Internal { metrics }, &method, path).map_err(|e| e.error.status().as_u16())
        };
        assert_eq!(internal(true, Method::GET, "/v1/models"), Err(404));
        assert!(internal(false, Method::GET, "/readyz").is_ok());
        assert_eq!(internal(true, Method::GET, "/metrics/"), Ok(Resolved::Serve(Route::Metrics)));
        assert_eq!(internal(true, Method::POST, "/metrics"), Err(405));
        for (path, route) in
            [("/internal/maintenance", Route::Maintenance), ("/internal/app-server/", Route::AppServer)]
        {
            for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE] {
                assert_eq!(internal(false, method, path), Ok(Resolved::Serve(route.clone())));
            }
            assert_eq!(internal(false, Method::HEAD, path), Ok(Resolved::Head(route.clone())));
            assert_eq!(internal(false, Method::PATCH, path), Err(405));
            assert!(route.is_for_operators());
        }
        for method in [Method::GET, Method::HEAD, Method::POST, Method::OPTIONS] {
            assert_eq!(internal(false, method.clone(), "/metrics"), Err(404));
            assert_eq!(internal(false, method.clone(), "/verify/"), Ok(Resolved::Serve(Route::Verify)));
            assert_eq!(public(method, "/verify"), Err((404, None)));
        }
    }
}
