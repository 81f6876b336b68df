use super::{
    keeper::{Keeper, Look, Told},
    *,
};
use ::http::{HeaderName, HeaderValue, header};
use proptest::prelude::*;
use shared::keys::{Entry, Limits, Name, Problem};
use std::time::{Duration, Instant};

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn entry(name: &str, key: &[u8], expires: Option<u64>) -> Entry {
    Entry {
        name: Name::parse(name).unwrap(),
        hash: Digest::of(key),
        created: at(0),
        expires: expires.map(at),
        models: None,
        agent: false,
        operator: false,
        limits: Limits::default(),
    }
}

fn environment(key: &str) -> Option<(Digest, Key)> {
    Some((Digest::of(key.as_bytes()), Key::of_environment(false)))
}

fn headers(values: &[&[u8]]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for value in values {
        map.append(header::AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
    }
    map
}

#[test]
fn only_the_key_passes() {
    let ring = Ring::new(environment("k"), &[]);
    let passes = |values: &[&str]| {
        check(&ring, &headers(&values.iter().map(|v| v.as_bytes()).collect::<Vec<_>>()), at(0)).is_ok()
    };
    assert!(passes(&["Bearer k"]) && passes(&["bearer  k "]));
    for wrong in [
        &[][..],
        &["Bearer"],
        &["Bearer "],
        &["Bearer kk"],
        &["Basic k"],
        &["k"],
        &["Bearer k", "Bearer x"],
        &["Bearer k", "Bearer k"],
    ] {
        assert!(!passes(wrong), "{wrong:?}");
    }
    let none = Ring::new(None, &[]);
    for sent in [&b"Bearer k"[..], b"Bearer "] {
        let error = check(&none, &headers(&[sent]), at(0)).unwrap_err().to_string();
        assert!(error.contains("PROXY_API_KEY,") && error.contains("codexctl key add"), "{error}");
    }
    // A file with the digest of nothing opens no door to nothing.
    let nothing = Ring::new(None, &[entry("nothing", b"", None)]);
    assert!(check(&nothing, &headers(&[b"Bearer "]), at(0)).is_err());
}

#[test]
fn a_key_passes_until_it_expires() {
    let ring = Ring::new(environment("own"), &[entry("a", b"a", Some(10)), entry("b", b"b", None)]);
    let told = |key: &str, now: u64| {
        let checked = check(&ring, &headers(&[format!("Bearer {key}").as_bytes()]), at(now));
        checked.map(|key| key.name.as_str().to_owned()).map_err(|error| error.to_string())
    };
    for (key, name) in [("own", ENVIRONMENT), ("a", "a"), ("b", "b")] {
        assert_eq!(told(key, 9), Ok(name.to_owned()));
    }
    assert!(told("a", 10).unwrap_err().contains("has expired"));
    assert!(told("x", 10).unwrap_err().contains("not valid"), "only a key of ours is said to have expired");
    assert_eq!(told("b", u64::from(u32::MAX)), Ok("b".to_owned()));
    assert_eq!(ring.count(at(9)), Counts { valid: 3, expired: 0 });
    assert_eq!(ring.count(at(10)), Counts { valid: 2, expired: 1 });
}

#[test]
fn a_key_is_what_its_entry_says() {
    let entry = Entry {
        models: Some(vec!["m".to_owned()]),
        agent: true,
        operator: true,
        limits: Limits {
            window: Some(Duration::from_secs(5)),
            requests: Some(1),
            tokens: Some(2),
            streams: Some(3),
        },
        ..entry("ci", b"k", None)
    };
    let ring = Ring::new(None, &[entry]);
    let key = check(&ring, &headers(&[b"Bearer k"]), at(0)).unwrap();
    assert_eq!((key.name.as_str(), key.may_agent, key.operator), ("ci", true, true));
    assert_eq!(key.models.as_deref(), Some(&["m".to_owned()][..]));
    let limits = KeyLimits {
        window: Some(Duration::from_secs(5)),
        requests: Some(1),
        tokens: Some(2),
        streams: Some(3),
    };
    assert_eq!(key.limits, limits);
}

#[test]
fn a_file_that_cannot_be_used_changes_nothing_and_is_told_once_a_minute() {
    let start = Instant::now();
    let after = |seconds| start + Duration::from_secs(seconds);
    let wrong = || vec![Problem::of_file("it is wrong")];
    let mut keeper = Keeper::new(vec![entry("a", b"a", None)]);
    assert!(keeper.look(Look::Same, false, after(0)).told.is_none() && keeper.is_good());
    let first = keeper.look(Look::Unusable(wrong()), false, after(1));
    assert_eq!((first.changed, first.told), (false, Some(Told::Failed(wrong()))));
    assert!(!keeper.is_good() && keeper.entries().len() == 1);
    for (look, seconds) in [(Look::Same, 2), (Look::Unusable(wrong()), 30), (Look::Same, 60)] {
        assert_eq!(keeper.look(look, false, after(seconds)).told, None);
    }
    assert_eq!(keeper.look(Look::Same, false, after(61)).told, Some(Told::Failed(wrong())));
    assert_eq!(keeper.look(Look::Same, false, after(62)).told, None);
    // Whoever asks is told.
    assert_eq!(keeper.look(Look::Same, true, after(63)).told, Some(Told::Failed(wrong())));
    // The same keys as before: they were in force all the time, and the file can be used again.
    let mended = keeper.look(Look::Read(vec![entry("a", b"a", None)]), false, after(64));
    assert_eq!((mended.changed, mended.told), (false, Some(Told::Loaded)));
    assert!(keeper.is_good());
    let again = keeper.look(Look::Unusable(wrong()), false, after(65));
    assert_eq!(again.told, Some(Told::Failed(wrong())), "another failure begins");
}

#[test]
fn a_file_that_is_gone_for_two_looks_closes_its_keys() {
    let now = Instant::now();
    let mut keeper = Keeper::new(vec![entry("a", b"a", None)]);
    let step = keeper.look(Look::Missing, false, now);
    assert_eq!((step.changed, step.told, keeper.entries().len()), (false, None, 1));
    assert!(keeper.is_good());
    // Somebody has only written it anew.
    let back = keeper.look(Look::Read(vec![entry("b", b"b", None)]), false, now);
    assert_eq!((back.changed, back.told), (true, Some(Told::Loaded)));
    keeper.look(Look::Missing, false, now);
    let step = keeper.look(Look::Missing, false, now);
    assert_eq!((step.changed, step.told), (true, Some(Told::Closed)));
    assert!(!keeper.is_good() && keeper.entries().is_empty());
    let step = keeper.look(Look::Missing, false, now + Duration::from_secs(59));
    assert_eq!((step.changed, step.told), (false, None));
    let step = keeper.look(Look::Missing, false, now + Duration::from_secs(60));
    assert_eq!((step.changed, step.told), (false, Some(Told::Closed)));
    // A broken one in its place brings nothing back.
    keeper.look(Look::Unusable(Vec::new()), false, now);
    assert!(keeper.entries().is_empty());
    assert!(keeper.look(Look::Read(vec![entry("a", b"a", None)]), false, now).changed);
}

/// A key as clients send it, and keys that are like it.
fn keys() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "[a-c]{1,3}".prop_map(String::into_bytes),
        prop::collection::vec(0x80u8.., 1..4),
        "sk-[a-c]{1,2}".prop_map(String::into_bytes),
    ]
}

/// A value of the header: well-formed with one of these keys, or anything.
fn sent() -> impl Strategy<Value = Vec<u8>> {
    let around = |scheme: &'static str| {
        (keys(), "[ ]{0,2}", "[ ]{0,2}").prop_map(move |(key, before, behind)| {
            [scheme.as_bytes(), before.as_bytes(), &key, behind.as_bytes()].concat()
        })
    };
    prop_oneof![
        4 => around("Bearer "), 1 => around("bEARER "), 1 => around("Bearer"), 1 => around("Basic "), 1 => around(""),
        1 => prop::collection::vec(prop_oneof![Just(b' '), Just(b'\t'), 0x21u8..0x7f, 0x80u8..], 0..40),
    ]
}

proptest! {
    /// Exactly one header with a stored key that hasn't expired passes, by its own name; nothing else does, and the
    /// refusal never has what was sent.
    #[test]
    fn a_stored_key_passes_and_nothing_else(
        stored in prop::collection::btree_map(keys(), prop::option::of(0u64..20), 0..6),
        own in prop::option::of("[a-c]{1,3}"),
        values in prop::collection::vec(sent(), 0..3),
        other in prop::option::of(sent()),
        now in 0u64..20,
    ) {
        let entries: Vec<Entry> = stored.iter().enumerate()
            .filter(|(_, (key, _))| own.as_ref().is_none_or(|own| own.as_bytes() != key.as_slice()))
            .map(|(n, (key, expires))| entry(&format!("k{n}"), key, *expires))
            .collect();
        let ring = Ring::new(own.as_deref().and_then(environment), &entries);
        let mut map = headers(&values.iter().map(Vec::as_slice).collect::<Vec<_>>());
        if let Some(other) = other {
            map.append(HeaderName::from_static("x-api-key"), HeaderValue::from_bytes(&other).unwrap());
        }
        // Written anew, from the sentence above.
        let wanted = match &values[..] {
            [value] if value.len() > 7 && value[..7].eq_ignore_ascii_case(b"bearer ") => {
                let token = value[7..].trim_ascii();
                let named = own.as_ref().filter(|own| own.as_bytes() == token).map(|_| ENVIRONMENT.to_owned());
                named.or_else(|| {
                    let found = entries.iter().find(|entry| entry.hash == Digest::of(token));
                    found.filter(|entry| !entry.is_expired(at(now))).map(|entry| entry.name.to_string())
                })
            }
            _ => None,
        };
        match check(&ring, &map, at(now)) {
            Ok(key) => prop_assert_eq!(Some(key.name.as_str().to_owned()), wanted),
            Err(error) => {
                prop_assert_eq!(None, wanted);
                let told = error.to_string();
                let known = ["No API key is configured", "No API key was given", "The API key must be sent as",
                    "The API key has expired", "The API key is not valid"];
                prop_assert!(known.iter().any(|known| told.starts_with(known)), "{}", told);
                prop_assert_eq!(error.status().as_u16(), 401);
            }
        }
    }

    /// Any bytes that a header can have.
    #[test]
    fn no_header_makes_it_panic(value in prop::collection::vec(any::<u8>(), 0..64), twice in any::<bool>()) {
        let ring = Ring::new(environment("own"), &[entry("a", b"a", Some(1))]);
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            let mut map = HeaderMap::new();
            map.append(header::AUTHORIZATION, value.clone());
            if twice {
                map.append(header::AUTHORIZATION, value);
            }
            let _any = check(&ring, &map, at(5));
        }
    }
}
