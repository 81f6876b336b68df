use super::*;
use proptest::prelude::*;

const ORIGIN: &str = "https://app.example.com";

fn listed(origins: &[&str]) -> CorsConfig {
    let origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
    CorsConfig { origins: Some(Origins::Listed(origins)) }
}

fn all() -> CorsConfig {
    CorsConfig { origins: Some(Origins::All) }
}

fn map(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    map
}

/// What any answer has, as text.
fn told(config: &CorsConfig, request: &[(&'static str, &str)]) -> Vec<String> {
    let mut answer = HeaderMap::new();
    tell(config, &map(request), &mut answer);
    shown(&answer)
}

/// What the answer to a preflight has besides [`told`].
fn told_preflight(config: &CorsConfig, request: &[(&'static str, &str)]) -> Vec<String> {
    let mut answer = HeaderMap::new();
    tell_preflight(config, &map(request), "POST", &mut answer);
    shown(&answer)
}

fn shown(answer: &HeaderMap) -> Vec<String> {
    let mut lines: Vec<String> =
        answer.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort_unstable();
    lines
}

fn exposed() -> String {
    format!("access-control-expose-headers: {EXPOSED}")
}

fn names(request: &str) -> Option<String> {
    asked_headers(&map(&[("access-control-request-headers", request)]))
        .map(|value| value.to_str().unwrap().to_owned())
}

#[test]
fn every_origin_is_told_a_star_and_never_of_credentials() {
    let any = ["access-control-allow-origin: *".to_owned(), exposed()];
    for origin in [ORIGIN, "null", "app://obsidian.md"] {
        assert_eq!(told(&all(), &[("origin", origin), ("cookie", "a=b")]), any, "{origin}");
    }
    assert!(told(&all(), &[]).is_empty());
}

#[test]
fn a_listed_origin_is_told_by_its_name() {
    let config = listed(&["http://localhost:5173", ORIGIN]);
    assert_eq!(
        told(&config, &[("origin", ORIGIN)]),
        [
            "access-control-allow-credentials: true".to_owned(),
            format!("access-control-allow-origin: {ORIGIN}"),
            exposed(),
            "vary: Origin".to_owned()
        ]
    );
}

#[test]
fn another_origin_is_told_of_no_permission() {
    for origin in [
        "null",
        "",
        "*",
        "https://app.example.com.evil.example",
        "https://evil.example",
        "http://app.example.com",
        "https://app.example.com:443",
        "https://app.example.com/",
        "https://App.example.com",
        "https://xapp.example.com",
        "https://app.example.com, https://evil.example",
        "https://schl\u{fc}ssel.example",
    ] {
        assert_eq!(told(&listed(&[ORIGIN]), &[("origin", origin)]), ["vary: Origin"], "{origin}");
        assert_eq!(told(&listed(&[]), &[("origin", origin)]), ["vary: Origin"], "{origin}");
        let asks = [("origin", origin), ("access-control-request-method", "POST")];
        assert_eq!(
            told_preflight(&listed(&[ORIGIN]), &asks),
            ["vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers"],
            "{origin}"
        );
    }
    assert_eq!(told(&listed(&[ORIGIN]), &[]), ["vary: Origin"]);
    assert_eq!(told(&listed(&[ORIGIN]), &[("origin", ORIGIN), ("origin", ORIGIN)]), ["vary: Origin"]);
}

#[test]
fn switched_off_nothing_is_told() {
    let off = CorsConfig { origins: None };
    let asks = [("origin", ORIGIN), ("access-control-request-method", "POST")];
    assert!(told(&off, &asks).is_empty());
    assert!(told_preflight(&off, &asks).is_empty());
}

#[test]
fn a_preflight_is_told_methods_headers_and_for_how_long() {
    for config in [all(), listed(&[ORIGIN])] {
        let asks = [
            ("origin", ORIGIN),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization,content-type,x-stainless-os"),
        ];
        assert_eq!(
            told_preflight(&config, &asks),
            [
                "access-control-allow-headers: authorization, content-type, x-stainless-os",
                "access-control-allow-methods: POST",
                "access-control-max-age: 7200",
                "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
            ]
        );
        // What is no preflight is told nothing of it.
        for at in 0..2 {
            assert!(told_preflight(&config, &asks[at..=at]).is_empty());
        }
    }
}

#[test]
fn vary_is_said_once() {
    let asks = [("origin", ORIGIN), ("access-control-request-method", "POST")];
    let (config, mut answer) = (listed(&[ORIGIN]), HeaderMap::new());
    tell_preflight(&config, &map(&asks), "POST", &mut answer);
    tell(&config, &map(&asks), &mut answer);
    assert_eq!(answer.get_all("vary").iter().count(), 1);
    // What another part says stays.
    let mut answer = map(&[("vary", "Accept, X-Origin")]);
    tell(&config, &map(&asks), &mut answer);
    assert_eq!(answer.get_all("vary").iter().collect::<Vec<_>>(), ["Accept, X-Origin", "Origin"]);
}

#[test]
fn the_headers_asked_for_come_back_all_or_none() {
    assert_eq!(names("X-One , x-two,,").as_deref(), Some("x-one, x-two"));
    for odd in
        ["", " , ", "x-one, x two", "x-one, <script>", "x-one, schl\u{fc}ssel", "a:b", "\"x\"", "x\u{9}y"]
    {
        assert_eq!(names(odd), None, "{odd}");
    }
    let many = |count| vec!["x"; count].join(",");
    assert!(names(&many(MAX_NAMES)).is_some() && names(&many(MAX_NAMES + 1)).is_none());
    let long = |length| format!("{},y", "x".repeat(length - 1));
    assert!(names(&long(MAX_NAMES_BYTES)).is_some() && names(&long(MAX_NAMES_BYTES + 1)).is_none());
    // Lines of a list are one list.
    let lines = map(&[("access-control-request-headers", "a"), ("access-control-request-headers", "b,c")]);
    assert_eq!(asked_headers(&lines).unwrap(), "a, b, c");
}

proptest! {
    /// Whatever is asked, nothing comes back but names and listed origins, and credentials never go with a star.
    #[test]
    fn nothing_of_a_client_is_reflected(
        origin in "[ -~\u{80}-\u{ff}]{0,20}|https://app\\.example\\.com|null",
        asked in "[ -~]{0,40}|([a-z-]{1,6},){0,5}",
        is_all: bool,
    ) {
        let config = if is_all { all() } else { listed(&[ORIGIN]) };
        let asks = [
            ("origin", origin.as_str()),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", asked.as_str()),
        ];
        let mut answer = HeaderMap::new();
        tell_preflight(&config, &map(&asks), "POST", &mut answer);
        tell(&config, &map(&asks), &mut answer);
        let allowed = answer.get("access-control-allow-origin").map(|value| value.to_str().unwrap());
        prop_assert_eq!(allowed, if is_all { Some("*") } else { (origin == ORIGIN).then_some(ORIGIN) });
        prop_assert_eq!(answer.contains_key(CREDENTIALS), allowed == Some(ORIGIN));
        if let Some(headers) = answer.get("access-control-allow-headers") {
            for name in headers.to_str().unwrap().split(", ") {
                prop_assert!(HeaderName::from_bytes(name.as_bytes()).is_ok(), "{}", name);
                prop_assert!(asked.to_ascii_lowercase().contains(name));
            }
        }
    }
}
