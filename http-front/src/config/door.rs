//! What the settings of the door come to.

use shared::settings::Reader;
use std::time::Duration;

/// The limits of the front, and of keys that have none of their own.
#[derive(Debug, Clone)]
pub struct LimitConfig {
    /// `PROXY_RATE_LIMIT_ENABLED`.
    pub enabled: bool,
    /// `PROXY_RATE_LIMIT_WINDOW_MS`; at least 1 s.
    pub window: Duration,
    /// `PROXY_RATE_LIMIT_MAX`: requests within a window.
    pub requests: u64,
    /// `PROXY_RATE_LIMIT_TOKENS`: tokens within a window.
    pub tokens: Option<u64>,
    /// `PROXY_MAX_STREAMS`: requests to the model that may be open at once, of all keys together.
    pub streams: usize,
}

impl LimitConfig {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        let tokens = r.text("PROXY_RATE_LIMIT_TOKENS").map(|_| r.count_from("PROXY_RATE_LIMIT_TOKENS", 1));
        Self {
            enabled: r.boolean("PROXY_RATE_LIMIT_ENABLED"),
            window: r.millis_from("PROXY_RATE_LIMIT_WINDOW_MS", 1000),
            requests: r.count_from("PROXY_RATE_LIMIT_MAX", 1),
            tokens,
            streams: usize::try_from(r.count_from("PROXY_MAX_STREAMS", 1)).unwrap_or(usize::MAX),
        }
    }
}

/// Which web pages may use the public listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// Those of every origin.
    All,
    /// Those of these origins.
    Listed(Vec<String>),
}

/// What browsers are told.
#[derive(Debug, Clone)]
pub struct CorsConfig {
    /// Which origins are allowed; `None`: browsers are told nothing (`PROXY_ENABLE_CORS` is off).
    pub origins: Option<Origins>,
}

impl CorsConfig {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        const NAME: &str = "PROXY_CORS_ALLOWED_ORIGINS";
        let listed = r.list(NAME);
        let origins = if listed.iter().any(|origin| origin == "*") {
            if listed.len() > 1 {
                r.problem(NAME, "must be `*` alone or a list of origins: `*` allows them all");
            }
            Origins::All
        } else {
            Origins::Listed(listed.iter().map(|origin| normal(origin, r)).collect())
        };
        Self { origins: r.boolean("PROXY_ENABLE_CORS").then_some(origins) }
    }
}

/// An origin as browsers send it: scheme, host in lower case and a port that is not the scheme's own.
fn normal(origin: &str, r: &mut Reader<'_>) -> String {
    let parsed = url::Url::parse(origin).ok().filter(|url| {
        !origin.contains('*')
            && url.has_host()
            && matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    });
    match parsed {
        // An origin of another scheme (`app://obsidian.md`) is opaque to the library, and sent as it is written.
        Some(url) if url.origin().is_tuple() => url.origin().ascii_serialization(),
        Some(url) => url.as_str().trim_end_matches('/').to_owned(),
        None => {
            r.problem(
                "PROXY_CORS_ALLOWED_ORIGINS",
                "must be `*` or origins such as https://app.example.com or http://localhost:5173, without a path",
            );
            String::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings;
    use super::*;
    use shared::settings::{Invocation, resolve};

    fn read(origins: &str) -> Result<Option<Origins>, String> {
        let settings = settings();
        let args = ["http-front", "--proxy-cors-allowed-origins", origins].map(Into::into);
        let Ok(Invocation::Run(values)) = resolve("f", "", &settings, args, |_| None, |_| Ok(String::new()))
        else {
            return Err("the command line".to_owned());
        };
        let mut r = Reader::new(&settings, &values);
        let cors = CorsConfig::read(&mut r);
        r.finish(cors.origins).map_err(|problems| problems[0].message.clone())
    }

    #[test]
    fn origins_are_read_as_browsers_send_them() {
        assert_eq!(read("*"), Ok(Some(Origins::All)));
        let listed =
            |origins: &[&str]| Ok(Some(Origins::Listed(origins.iter().map(|o| (*o).to_owned()).collect())));
        assert_eq!(
            read("https://App.Example.com:443/, http://localhost:5173,app://obsidian.md"),
            listed(&["https://app.example.com", "http://localhost:5173", "app://obsidian.md"])
        );
        for wrong in [
            "*,https://a.example",
            "a.example",
            "https://a.example/x",
            "https://u:p@a.example",
            "https://*.example.com",
            "null",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
