//! `/verify`: what Traefik's ForwardAuth asks before it lets a request through. Pure.
//!
//! Promises: a request passes with a valid key, by the key's name in [`KEY_NAME`], or as a browser's preflight, without a
//! name; no other does. Nothing that the client sent comes back. It never trusts what it tells: the public listener
//! checks the key again, and reads [`KEY_NAME`] nowhere.

use super::cors;
use crate::{
    auth::Key,
    error::{ApiError, Kind},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

/// The name of the key, for what is behind Traefik: `authResponseHeaders` puts it in the place of whatever the client
/// sent under this name.
pub const KEY_NAME: HeaderName = HeaderName::from_static("x-auth-key-name");
/// The method of the client's request, as Traefik tells it.
const METHOD: &str = "x-forwarded-method";

/// Decides whether a request with these `headers` passes, `key` being what they come to. `Some` is the value of
/// [`KEY_NAME`]; a preflight has none.
///
/// # Errors
/// The error of `key`; or a fault of ours, where the key has a name that no header can hold.
pub fn verify(key: Result<&Key, ApiError>, headers: &HeaderMap) -> Result<Option<HeaderValue>, ApiError> {
    match key {
        Ok(key) => HeaderValue::from_str(key.name.as_str())
            .map(Some)
            .map_err(|_| ApiError::new(Kind::Internal, "The key has a name that can't be told.")),
        Err(_) if is_preflight(headers) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the client's request is a preflight. Traefik writes the method itself, so a client that could name another
/// one has found a proxy that trusts it: exactly one value counts, as Traefik writes it.
fn is_preflight(headers: &HeaderMap) -> bool {
    let mut methods = headers.get_all(METHOD).iter();
    let (method, more) = (methods.next(), methods.next());
    let is_options = method.is_some_and(|method| method.as_bytes() == Method::OPTIONS.as_str().as_bytes());
    is_options && more.is_none() && cors::is_preflight(headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::KeyLimits;
    use proptest::prelude::*;

    const PREFLIGHT: [(&str, &str); 3] =
        [(METHOD, "OPTIONS"), ("origin", "https://a.example"), ("access-control-request-method", "POST")];

    fn map<'a>(pairs: impl IntoIterator<Item = &'a (&'a str, &'a str)>) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        map
    }

    fn refused() -> Result<&'static Key, ApiError> {
        Err(ApiError::new(Kind::InvalidApiKey, "no"))
    }

    fn passes(headers: &HeaderMap) -> bool {
        verify(refused(), headers).is_ok()
    }

    fn key(name: &str) -> Key {
        let limits = KeyLimits::default();
        Key { name: name.into(), may_agent: false, operator: false, models: None, limits }
    }

    #[test]
    fn a_key_passes_by_its_name() {
        for headers in [map(&[]), map(&PREFLIGHT), map(&[("x-auth-key-name", "admin")])] {
            let passed = verify(Ok(&key("team-a")), &headers).unwrap().unwrap();
            assert_eq!(passed, "team-a");
        }
        for odd in ["line\nbreak", "schl\u{fc}ssel\u{7f}"] {
            let error = verify(Ok(&key(odd)), &map(&[])).unwrap_err();
            assert_eq!(error.status(), 500, "{odd:?}");
        }
    }

    #[test]
    fn a_preflight_passes_without_a_name() {
        assert_eq!(verify(refused(), &map(&PREFLIGHT)).unwrap(), None);
    }

    #[test]
    fn what_is_nearly_a_preflight_does_not_pass() {
        for missing in 0..3 {
            let rest: Vec<_> = PREFLIGHT.iter().enumerate().filter(|(at, _)| *at != missing).collect();
            assert!(!passes(&map(rest.iter().map(|(_, pair)| *pair))), "{rest:?}");
        }
        // Each of them twice.
        for more in PREFLIGHT {
            assert!(!passes(&map(PREFLIGHT.iter().chain([&more]))), "{more:?}");
        }
        for method in [
            "",
            "options",
            "Options",
            "GET",
            "GET, OPTIONS",
            "OPTIONS, GET",
            "OPTIONS,",
            "OPTIONSX",
            "XOPTIONS",
        ] {
            let [_, origin, asked] = PREFLIGHT;
            assert!(!passes(&map(&[(METHOD, method), origin, asked])), "{method:?}");
        }
        for name in
            ["x_forwarded_method", "x-forwarded_method", "x-http-method-override", "x-original-method"]
        {
            let [_, origin, asked] = PREFLIGHT;
            assert!(!passes(&map(&[(name, "OPTIONS"), origin, asked])), "{name}");
        }
    }

    proptest! {
        /// Without a key nothing passes that is no preflight, whatever else is said.
        #[test]
        fn nothing_else_passes(
            lines in proptest::collection::vec(
                (
                    prop_oneof![
                        Just(METHOD), Just("origin"), Just("access-control-request-method"),
                        Just("x_forwarded_method"), Just("x-auth-key-name"), Just("x-forwarded-uri"),
                        Just("access-control-request-headers"), Just("x-forwarded-for"),
                    ],
                    prop_oneof![Just("OPTIONS"), Just("options"), Just("GET"), Just("GET, OPTIONS"), Just("null"), Just("")],
                ),
                0..6,
            ),
        ) {
            let of = |name: &str| -> Vec<&str> {
                lines.iter().filter(|(n, _)| *n == name).map(|(_, value)| *value).collect()
            };
            let wanted = of(METHOD) == ["OPTIONS"]
                && of("origin").len() == 1
                && of("access-control-request-method").len() == 1;
            prop_assert_eq!(passes(&map(&lines)), wanted);
        }
    }
}
