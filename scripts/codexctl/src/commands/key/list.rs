//! `codexctl key list`.

use super::store::Store;
use crate::{
    failure::Failure,
    print::{answer, note},
};
use comfy_table::{Table, presets::NOTHING};
use serde_json::{Value, json};
use shared::keys::{Entry, time};
use std::time::{Duration, SystemTime};

/// What follows `codexctl key list`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, store: &Store) -> Result<(), Failure> {
    let entries = store.read()?;
    let now = SystemTime::now();
    if args.json {
        let keys: Vec<Value> = entries.iter().map(|entry| object(entry, now)).collect();
        return answer(&format!("{:#}", Value::from(keys)));
    }
    answer(&table(&entries, now))?;
    if entries.is_empty() {
        note("There is no key yet; `codexctl key add NAME` makes one.");
    }
    Ok(())
}

fn table(entries: &[Entry], now: SystemTime) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["NAME", "STATE", "MODELS", "LIMITS", "PROFILES", "OPERATOR"]);
    for entry in entries {
        table.add_row([
            entry.name.to_string(),
            state(entry, now),
            entry.models.as_ref().map_or("all".to_owned(), |models| models.join(", ")),
            limits(entry),
            profiles(entry).join(", "),
            if entry.operator { "yes" } else { "no" }.to_owned(),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    // The last column is filled up with spaces.
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

fn state(entry: &Entry, now: SystemTime) -> String {
    match entry.expires.map(|expires| expires.duration_since(now)) {
        None => "valid".to_owned(),
        Some(Ok(left)) if !left.is_zero() => format!("valid, expires in {}", about(left)),
        Some(Ok(_)) => "expired".to_owned(),
        Some(Err(past)) => format!("expired {} ago", about(past.duration())),
    }
}

/// A span in the largest unit that there are two of.
fn about(span: Duration) -> String {
    let seconds = span.as_secs().max(1);
    let units = [(86_400, "days"), (3600, "hours"), (60, "minutes")];
    match units.into_iter().find(|(unit, _)| seconds >= 2 * unit) {
        Some((unit, name)) => format!("{} {name}", seconds / unit),
        None => format!("{seconds} s"),
    }
}

fn limits(entry: &Entry) -> String {
    let limits = &entry.limits;
    let count = |count: Option<u64>, what: &str| count.map(|count| format!("{count} {what}"));
    let window = limits.window.map(|window| format!("in {}", time::shown(window)));
    let told = [count(limits.requests, "requests"), count(limits.tokens, "tokens"), window];
    let rates = told.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let all = [Some(rates).filter(|rates| !rates.is_empty()), count(limits.streams, "at once")];
    let all = all.into_iter().flatten().collect::<Vec<_>>().join(", ");
    if all.is_empty() { "the front's".to_owned() } else { all }
}

fn profiles(entry: &Entry) -> &'static [&'static str] {
    if entry.agent { &["completion", "agent"] } else { &["completion"] }
}

fn object(entry: &Entry, now: SystemTime) -> Value {
    let limits = &entry.limits;
    json!({
        "name": entry.name.as_str(),
        "state": if entry.is_expired(now) { "expired" } else { "valid" },
        "created": time::rfc3339(entry.created),
        "expires": entry.expires.and_then(time::rfc3339),
        "models": entry.models,
        "limits": {
            "window_ms": limits.window.map(|window| u64::try_from(window.as_millis()).unwrap_or(u64::MAX)),
            "requests": limits.requests,
            "tokens": limits.tokens,
            "streams": limits.streams,
        },
        "profiles": profiles(entry),
        "operator": entry.operator,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::keys::{Digest, Limits, Name};

    fn entry(expires: Option<u64>, limits: Limits) -> Entry {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        Entry {
            name: Name::parse("ci").unwrap(),
            hash: Digest::of(b"k"),
            created: at(0),
            expires: expires.map(at),
            models: None,
            agent: false,
            operator: false,
            limits,
        }
    }

    #[test]
    fn a_state_is_told_in_round_numbers() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let state = |expires| state(&entry(expires, Limits::default()), now);
        assert_eq!(state(None), "valid");
        assert_eq!(state(Some(1_000_000)), "expired");
        assert_eq!(state(Some(1_000_001)), "valid, expires in 1 s");
        assert_eq!(state(Some(1_000_000 + 90 * 86_400 - 1)), "valid, expires in 89 days");
        assert_eq!(state(Some(1_000_000 - 7200)), "expired 2 hours ago");
        assert_eq!(state(Some(1_000_000 - 7199)), "expired 119 minutes ago");
    }

    #[test]
    fn a_table_has_a_line_for_each_key_and_no_hash() {
        let limits = Limits {
            window: Some(Duration::from_secs(60)),
            requests: Some(5),
            tokens: None,
            streams: Some(2),
        };
        let shown = table(&[entry(None, limits), entry(None, Limits::default())], SystemTime::UNIX_EPOCH);
        assert_eq!(
            shown,
            "NAME  STATE  MODELS  LIMITS                       PROFILES    OPERATOR\n\
             ci    valid  all     5 requests in 1m, 2 at once  completion  no\n\
             ci    valid  all     the front's                  completion  no"
        );
    }
}
