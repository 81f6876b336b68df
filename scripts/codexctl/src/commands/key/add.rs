//! `codexctl key add`.

use super::{edit, name, store::Store};
use crate::{
    failure::Failure,
    print::{note, once},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use shared::keys::{Digest, Entry, Limits, MAX_MODEL, time};
use std::{
    io::Read,
    time::{Duration, SystemTime},
};

/// How our keys begin.
const PREFIX: &str = "sk-codex-";
/// The shortest key that is taken from stdin: below it, guessing comes into reach.
const SHORTEST: usize = 24;
/// The longest key that is taken from stdin; a header has to hold it.
const LONGEST: usize = 4096;
/// A key that lives longer than this was mistyped.
const LONGEST_LIFE: Duration = Duration::from_secs(100 * 366 * 86_400);

/// What follows `codexctl key add`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Its name, for logs and limits: letters, digits, dots, underscores and hyphens
    name: String,
    /// A model or an alias that it may use, several times for several; every one without
    #[arg(long = "model", value_name = "MODEL")]
    models: Vec<String>,
    /// When it expires: after a time such as 90d or 12h, or at one such as 2026-12-31T23:59:59Z
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
    /// Requests to the model within any window
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=i64::MAX as u64))]
    requests: Option<u64>,
    /// Tokens within any window
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=i64::MAX as u64))]
    tokens: Option<u64>,
    /// The window of both, such as 60s or 1h; the front's own without
    #[arg(long, value_name = "TIME", value_parser = time::window)]
    window: Option<Duration>,
    /// Requests to the model that may be open at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=i64::MAX as u64))]
    streams: Option<u64>,
    /// What it may ask for besides plain completions
    #[arg(long = "profile", value_name = "PROFILE", value_parser = ["completion", "agent"])]
    profiles: Vec<String>,
    /// Let it open /internal/*: maintenance and the kill switch
    #[arg(long)]
    operator: bool,
    /// Take a key that there is already from stdin, and don't print it
    #[arg(long)]
    stdin: bool,
}

pub(super) fn run(args: Args, store: &Store) -> Result<(), Failure> {
    let name = name(&args.name)?;
    let now = whole_seconds(SystemTime::now());
    let fits =
        |model: &String| !model.is_empty() && model.len() <= MAX_MODEL && !model.contains(char::is_control);
    if !args.models.iter().all(fits) {
        return Err(Failure::usage(format!("--model must be a name of 1 to {MAX_MODEL} bytes")));
    }
    let expires = args.expires.as_deref().map(|text| expiry(text, now)).transpose()?;
    let key = if args.stdin { given()? } else { made()? };
    let entry = Entry {
        name,
        hash: Digest::of(key.as_bytes()),
        created: now,
        expires,
        models: Some(args.models).filter(|models| !models.is_empty()),
        agent: args.profiles.iter().any(|profile| profile == "agent"),
        operator: args.operator,
        limits: Limits {
            window: args.window,
            requests: args.requests,
            tokens: args.tokens,
            streams: args.streams,
        },
    };
    let path = store.change(true, |text, entries| {
        if entries.iter().any(|other| other.name == entry.name) {
            let name = &entry.name;
            return Err(Failure::usage(format!(
                "there is a key `{name}` already: choose another name, or `codexctl key revoke {name}` first"
            )));
        }
        if let Some(other) = entries.iter().find(|other| other.hash == entry.hash) {
            return Err(Failure::usage(format!("that key is there already, as `{}`", other.name)));
        }
        let expected: Vec<Entry> = entries.iter().chain([&entry]).cloned().collect();
        let named = |key: &Entry| expected.iter().any(|other| other.name_digest() == key.hash);
        if expected.iter().any(named) {
            return Err(Failure::usage(
                "a NAME is that of a key itself, and names are told to others: choose another one",
            ));
        }
        Ok((edit::added(text, &entry).map_err(Failure::failed)?, expected))
    })?;
    if args.stdin {
        note(&format!("`{}` is in {}.", entry.name, path.display()));
    } else {
        let lost = |failure| {
            let name = &entry.name;
            Failure::failed(format!(
                "{failure}; the key is lost: `codexctl key revoke {name}`, then make another"
            ))
        };
        once(&key).map_err(lost)?;
        note(&format!("`{}` is in {}. The key is shown this once.", entry.name, path.display()));
    }
    note(&format!("A front with {}={} takes it within about a second.", super::VARIABLE, path.display()));
    Ok(())
}

/// A fresh key: 256 bits from the system's random source.
fn made() -> Result<String, Failure> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::failed(format!("the system gives no random bytes: {error}")))?;
    Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// The key on stdin, without the end of its line.
fn given() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(LONGEST as u64 + 3)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::failed(format!("stdin can't be read: {error}")))?;
    checked(bytes)
}

fn checked(bytes: Vec<u8>) -> Result<String, Failure> {
    let text = String::from_utf8(bytes).unwrap_or_default();
    let key = text.strip_suffix('\n').map_or(&*text, |line| line.strip_suffix('\r').unwrap_or(line));
    if !(SHORTEST..=LONGEST).contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure::usage(format!(
            "the key on stdin must be {SHORTEST} to {LONGEST} letters, digits and signs of ASCII, without spaces; \
             without --stdin a random one is made"
        )));
    }
    Ok(key.to_owned())
}

fn expiry(text: &str, now: SystemTime) -> Result<SystemTime, Failure> {
    let span = time::span(text).and_then(|span| now.checked_add(span));
    let Some(expires) = time::moment(text).or(span) else {
        return Err(Failure::usage(
            "--expires must be a time from now such as 90d or 12h, or one with an offset such as 2026-12-31T23:59:59Z",
        ));
    };
    match expires.duration_since(now) {
        Ok(life) if life.is_zero() => Err(Failure::usage("--expires must be in the future")),
        Ok(life) if life > LONGEST_LIFE => Err(Failure::usage("--expires must be within 100 years")),
        Ok(_) => Ok(whole_seconds(expires)),
        Err(_) => Err(Failure::usage("--expires must be in the future")),
    }
}

/// What the file can say of a moment.
fn whole_seconds(moment: SystemTime) -> SystemTime {
    let since = moment.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn keys_are_random_and_fit_into_a_header() {
        let keys: BTreeSet<String> = (0..100).map(|_| made().unwrap()).collect();
        assert_eq!(keys.len(), 100);
        for key in keys {
            assert!(key.starts_with("sk-codex-") && key.len() == 9 + 43, "{key}");
            assert_eq!(checked(key.clone().into_bytes()).unwrap(), key);
        }
    }

    #[test]
    fn a_given_key_is_long_and_one_word() {
        let key = "k".repeat(24);
        for good in [key.clone(), format!("{key}\n"), format!("{key}\r\n")] {
            assert_eq!(checked(good.into_bytes()).unwrap(), key);
        }
        for wrong in
            [&key[1..], "", &format!("{key}\n\n"), &format!("a {key}"), &format!("ü{key}"), &"k".repeat(4097)]
        {
            let told = checked(wrong.as_bytes().to_vec()).unwrap_err().to_string();
            assert!(!told.contains("kkk"), "{told}");
        }
        assert!(checked([&[0xff], key.as_bytes()].concat()).is_err());
    }

    #[test]
    fn a_key_expires_in_the_future() {
        let now = time::moment("2026-01-31T12:00:00Z").unwrap();
        let read = |text: &str| expiry(text, now).map(|time| time::rfc3339(time).unwrap()).ok();
        assert_eq!(read("90d").as_deref(), Some("2026-05-01T12:00:00Z"));
        assert_eq!(read("1h 30m").as_deref(), Some("2026-01-31T13:30:00Z"));
        assert_eq!(read("2026-12-31T23:59:59.9+01:00").as_deref(), Some("2026-12-31T22:59:59Z"));
        for wrong in
            ["", "0s", "-1d", "soon", "2026-12-31", "2025-01-01T00:00:00Z", "200y", "99999999999999y"]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
