use super::*;
use proptest::prelude::*;
use shared::keys::{Digest, Limits, Name, parse as read};
use std::time::{Duration, SystemTime};

/// The digest of the key of this name.
fn digest(name: &str) -> Digest {
    Digest::of(format!("the key of {name}").as_bytes())
}

fn plain(name: &str) -> Entry {
    Entry {
        name: Name::parse(name).unwrap(),
        hash: digest(name),
        created: time::moment("2026-01-31T12:00:00Z").unwrap(),
        expires: None,
        models: None,
        agent: false,
        operator: false,
        limits: Limits::default(),
    }
}

#[test]
fn a_file_is_as_people_would_write_it() {
    let limits =
        Limits { window: Some(Duration::from_secs(60)), requests: Some(10), tokens: None, streams: Some(2) };
    let whole = Entry {
        expires: time::moment("2026-12-31T23:59:59Z"),
        models: Some(vec!["gpt-5.5".into(), "a \"b\"".into()]),
        agent: true,
        operator: true,
        limits,
        ..plain("whole")
    };
    let text = added(&added("", &plain("a")).unwrap(), &whole).unwrap();
    let hash = |name: &str| digest(name).to_text();
    assert_eq!(
        text,
        format!(
            "{HEAD}\n[[keys]]\nname = \"a\"\nhash = \"{}\"\ncreated = 2026-01-31T12:00:00Z\n\n\
             [[keys]]\nname = \"whole\"\nhash = \"{}\"\ncreated = 2026-01-31T12:00:00Z\n\
             expires = 2026-12-31T23:59:59Z\nmodels = [\"gpt-5.5\", 'a \"b\"']\nprofiles = [\"completion\", \"agent\"]\n\
             operator = true\nlimits = {{ window = \"1m\", requests = 10, streams = 2 }}\n",
            hash("a"),
            hash("whole")
        )
    );
    assert_eq!(read(&text), Ok(vec![plain("a"), whole]));
}

#[test]
fn comments_stay_but_for_those_of_the_key() {
    let mut text = added("# mine\n\n# of all\n", &plain("a")).unwrap();
    assert!(text.starts_with("# mine\n\n# of all\n\n[[keys]]\n"), "{text}");
    text = text.replace("created", "# in here\ncreated");
    text.push_str("\n# of b\n");
    text = added(&text, &plain("b")).unwrap();
    text.push_str("# the end\n");
    assert_eq!(read(&text), Ok(vec![plain("a"), plain("b")]));
    let less = revoked(&text, "a").unwrap().unwrap();
    assert!(less.contains("# mine\n\n# of all\n") && less.contains("# the end"), "{less}");
    assert!(!less.contains("# in here"), "{less}");
    assert_eq!(read(&less), Ok(vec![plain("b")]));
    let none = revoked(&less, "b").unwrap().unwrap();
    assert!(none.contains("# mine\n\n# of all\n") && none.contains("# the end"), "{none}");
    assert_eq!(read(&none), Ok(Vec::new()));
    assert_eq!(revoked(&none, "b"), Ok(None));
    let again = added(&none, &plain("c")).unwrap();
    assert!(again.contains("# mine") && again.contains("# the end"), "{again}");
    assert_eq!(read(&again), Ok(vec![plain("c")]));
}

#[test]
fn a_list_of_inline_tables_is_one_too() {
    let hash = digest("a").to_text();
    let text = format!(
        "keys = [\n  # of a\n  {{ name = \"a\", hash = \"{hash}\", created = \"2026-01-31T12:00:00Z\" }}, # still\n]\n"
    );
    assert_eq!(read(&text), Ok(vec![plain("a")]));
    let more = added(&text, &plain("b")).unwrap();
    assert_eq!(read(&more), Ok(vec![plain("a"), plain("b")]));
    let less = revoked(&more, "a").unwrap().unwrap();
    assert_eq!(read(&less), Ok(vec![plain("b")]));
    assert_eq!(read(&added("keys = []\n", &plain("a")).unwrap()), Ok(vec![plain("a")]));
}

fn entry() -> impl Strategy<Value = Entry> {
    let seconds = 0u64..(1 << 37);
    let moment = seconds.prop_map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
    let count = || prop::option::of(1u64..=(i64::MAX as u64));
    let window = prop::option::of((1u64..=31 * 86_400).prop_map(Duration::from_secs));
    let models = prop::option::of(prop::collection::vec("[ -~ü]{1,20}", 1..4));
    (
        "[A-Za-z0-9._-]{1,6}",
        (moment.clone(), prop::option::of(moment), models),
        any::<(bool, bool)>(),
        (window, count(), count(), count()),
    )
        .prop_filter_map(
            "a name",
            |(name, (created, expires, models), (agent, operator), (window, requests, tokens, streams))| {
                let name = Name::parse(&name).ok()?;
                let hash = digest(name.as_str());
                let limits = Limits { window, requests, tokens, streams };
                Some(Entry { name, hash, created, expires, models, agent, operator, limits })
            },
        )
}

proptest! {
    /// Whatever is added and revoked, the file has what is left, in order, and the comments that stand apart.
    #[test]
    fn what_is_written_is_read_again(
        entries in prop::collection::vec(entry(), 1..6),
        gone in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        comment in prop::option::of("# [a-z]{1,8}\n"),
    ) {
        let mut text = comment.clone().unwrap_or_default();
        let mut wanted: Vec<Entry> = Vec::new();
        for entry in entries {
            if wanted.iter().all(|known| known.name != entry.name) {
                text = added(&text, &entry).unwrap();
                wanted.push(entry);
            }
            prop_assert_eq!(read(&text), Ok(wanted.clone()), "{}", text);
        }
        for index in gone {
            if wanted.is_empty() {
                break;
            }
            let entry = wanted.remove(index.index(wanted.len()));
            text = revoked(&text, entry.name.as_str()).unwrap().unwrap();
            prop_assert_eq!(read(&text), Ok(wanted.clone()), "{}", text);
            if let Some(comment) = &comment {
                prop_assert!(text.contains(comment), "{}", text);
            }
        }
    }

    /// No text makes it panic, and what it can't read it says without repeating it.
    #[test]
    fn no_text_is_too_hostile(text in "[\\[\\]{}=\"'#a-c\n ]{0,60}", keys in any::<bool>()) {
        let text = if keys { format!("keys = {text}") } else { text };
        for told in [added(&text, &plain("x")).err(), revoked(&text, "x").err()].into_iter().flatten() {
            prop_assert!(told.len() < 400);
        }
    }
}
