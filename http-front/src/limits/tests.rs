use super::*;
use crate::auth::KeyLimits;

fn limits(config: impl FnOnce(&mut LimitConfig)) -> Arc<Limits> {
    let mut settings = LimitConfig {
        enabled: false,
        window: Duration::from_secs(600),
        requests: 60,
        tokens: None,
        streams: 100,
    };
    config(&mut settings);
    Arc::new(Limits::new(settings, Arc::default()))
}

fn key(limits: KeyLimits) -> Key {
    Key { name: "a".into(), may_agent: false, operator: false, models: None, limits }
}

fn after(error: &ApiError) -> u64 {
    let headers = error.headers();
    let value = headers.iter().find(|(name, _)| name.as_str() == "retry-after").unwrap().1.to_str();
    value.unwrap().parse().unwrap()
}

fn told(limits: &Limits, key: &Key, name: &str) -> String {
    let mut headers = HeaderMap::new();
    limits.tell(key, &mut headers);
    headers.get(name).map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
}

#[test]
fn without_limits_nothing_is_told_and_nothing_refused() {
    let (limits, key) = (limits(|_| {}), key(KeyLimits::default()));
    let _all: Vec<Permit> = (0..100).map(|_| limits.enter(&key).unwrap()).collect();
    let mut headers = HeaderMap::new();
    limits.tell(&key, &mut headers);
    assert!(headers.is_empty());
    let error = limits.enter(&key).unwrap_err();
    assert_eq!((error.kind(), after(&error)), (Kind::Overloaded, 1), "PROXY_MAX_STREAMS");
}

#[test]
fn what_is_refused_says_which_limit_and_when_exactly() {
    let limits = limits(|_| {});
    let own = KeyLimits { requests: Some(2), streams: Some(1), ..KeyLimits::default() };
    let key = key(own);
    let open = limits.enter(&key).unwrap();
    let error = limits.enter(&key).unwrap_err();
    assert!(error.to_string().contains("may have 1 request open at once"), "{error}");
    assert_eq!((error.kind(), after(&error)), (Kind::RateLimited, 1));
    drop(open);
    drop(limits.enter(&key).unwrap());
    let error = limits.enter(&key).unwrap_err();
    assert!(error.to_string().contains("2 requests within 10m0s"), "{error}");
    // Longer than what SDKs wait for, and true: a shorter time would only be refused again.
    assert!((590..=610).contains(&after(&error)), "{}", after(&error));
    assert_eq!(told(&limits, &key, "x-ratelimit-limit-requests"), "2");
    assert_eq!(told(&limits, &key, "x-ratelimit-remaining-requests"), "0");
    let counted = limits.metrics.text();
    assert!(counted.contains("codex_rate_limited_total{limit=\"requests\"} 1"), "{counted}");
    assert!(counted.contains("codex_rate_limited_total{limit=\"streams\"} 1"), "{counted}");
}

#[test]
fn tokens_are_estimated_while_it_runs_and_exact_at_the_end() {
    let limits = limits(|config| (config.enabled, config.tokens) = (true, Some(1_000)));
    let key = key(KeyLimits::default());
    let left = || told(&limits, &key, "x-ratelimit-remaining-tokens");
    let mut permit = limits.enter(&key).unwrap();
    permit.body(401).unwrap();
    assert_eq!(left(), "899");
    permit.asked(3);
    assert_eq!(left(), "697", "each run reads it");
    permit.told(Some(Tokens { total: 1_000, ..Tokens::default() }));
    permit.ended(Ok(()));
    drop(permit);
    assert_eq!(left(), "0");
    let error = limits.enter(&key).unwrap_err();
    assert!(error.to_string().contains("1000 tokens within 10m0s"), "{error}");
}

#[test]
fn a_permit_leaves_whichever_way_its_request_ends() {
    let limits = limits(|config| config.streams = 1);
    let key = key(KeyLimits::default());
    let taken = limits.enter(&key).unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _taken = taken;
        panic!("a fault of ours");
    }));
    assert!(panicked.is_err());
    drop(limits.enter(&key).unwrap());
}
