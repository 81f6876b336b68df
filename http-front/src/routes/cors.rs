//! What browsers are told of an answer, so that pages of other origins may read it (CORS). Pure.
//!
//! Owns the headers `Access-Control-*` and the `Vary` that belongs to them. Promises: an origin that is not allowed is
//! told of no permission; credentials go with a listed origin alone, never with `*`; nothing that a client sent comes
//! back but an origin that the operator has listed, and names of headers that are such. It decides nothing about who may
//! pass: that is the key's part, and a client that is no browser never asks here.

use crate::config::{CorsConfig, Origins};
use http::{
    HeaderMap,
    header::{self, HeaderName, HeaderValue},
};

#[cfg(test)]
mod tests;

/// The headers of answers that pages may read besides those that they always may: the names are in
/// `docs/browsers.md`, too.
pub const EXPOSED: &str = "x-request-id, openai-processing-ms, openai-version, retry-after, retry-after-ms, \
     x-should-retry, x-ratelimit-limit-requests, x-ratelimit-remaining-requests, x-ratelimit-reset-requests, \
     x-ratelimit-limit-tokens, x-ratelimit-remaining-tokens, x-ratelimit-reset-tokens, x-codex-ignored-params, \
     x-codex-repairs, x-codex-injection-mode, x-codex-profile";
/// Seconds for which a browser keeps what a preflight told: no browser of Chromium's kind keeps it longer.
const MAX_AGE: &str = "7200";
/// The most names of headers that a preflight may ask for. OpenAI's SDK asks for a dozen.
const MAX_NAMES: usize = 64;
/// The most bytes of these names together.
const MAX_NAMES_BYTES: usize = 4096;

const CREDENTIALS: HeaderName = header::ACCESS_CONTROL_ALLOW_CREDENTIALS;

/// Whether a request is a browser's question before the request itself, by its headers; its method is `OPTIONS`.
pub fn is_preflight(request: &HeaderMap) -> bool {
    let once = |name| request.get_all(name).iter().count() == 1;
    once(header::ORIGIN) && once(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Puts what a browser must know into any answer to `request`. With [`CorsConfig::origins`] unset that is nothing.
pub fn tell(config: &CorsConfig, request: &HeaderMap, answer: &mut HeaderMap) {
    let Some(origins) = &config.origins else { return };
    if matches!(origins, Origins::Listed(_)) && !varies_by_origin(answer) {
        // Also where nothing is allowed: a cache must not give this answer to a page of another origin.
        answer.append(header::VARY, HeaderValue::from_static("Origin"));
    }
    let Some(allowed) = allowed(origins, request) else { return };
    if matches!(origins, Origins::Listed(_)) {
        answer.insert(CREDENTIALS, HeaderValue::from_static("true"));
    }
    answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
    answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
}

/// Puts what a preflight asks for into the answer to it, where `request` is one: the `methods` of the route and the
/// headers that it names. The answer needs [`tell`], too.
pub fn tell_preflight(
    config: &CorsConfig,
    request: &HeaderMap,
    methods: &'static str,
    answer: &mut HeaderMap,
) {
    let Some(origins) = config.origins.as_ref().filter(|_| is_preflight(request)) else { return };
    answer.append(
        header::VARY,
        HeaderValue::from_static("Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
    );
    if allowed(origins, request).is_none() {
        return;
    }
    answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
    answer.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
    if let Some(names) = asked_headers(request) {
        answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names);
    }
}

/// The value of `Access-Control-Allow-Origin`, where the request's origin is allowed. A request without one is no
/// browser's, or of our own origin.
fn allowed(origins: &Origins, request: &HeaderMap) -> Option<HeaderValue> {
    let mut sent = request.get_all(header::ORIGIN).iter();
    let (origin, more) = (sent.next()?, sent.next());
    match origins {
        Origins::All => Some(HeaderValue::from_static("*")),
        Origins::Listed(listed) => {
            let known = listed.iter().find(|known| known.as_bytes() == origin.as_bytes())?;
            // What goes out is the operator's text.
            HeaderValue::from_str(known).ok().filter(|_| more.is_none())
        }
    }
}

/// The headers that a preflight asks for, if all of them are names and they are no more than is sensible. `*` in their
/// place would not cover `Authorization`.
fn asked_headers(request: &HeaderMap) -> Option<HeaderValue> {
    let mut names: Vec<HeaderName> = Vec::new();
    let mut bytes = 0;
    for line in request.get_all(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        for name in line.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if name.is_empty() {
                continue;
            }
            bytes += name.len();
            if names.len() == MAX_NAMES || bytes > MAX_NAMES_BYTES {
                return None;
            }
            names.push(HeaderName::from_bytes(name).ok()?);
        }
    }
    let names: Vec<&str> = names.iter().map(HeaderName::as_str).collect();
    (!names.is_empty()).then(|| HeaderValue::from_str(&names.join(", ")).ok()).flatten()
}

fn varies_by_origin(answer: &HeaderMap) -> bool {
    let values = answer.get_all(header::VARY).iter();
    let mut names =
        values.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    names.any(|name| name.eq_ignore_ascii_case(b"origin"))
}
