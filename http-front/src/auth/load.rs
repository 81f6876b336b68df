//! The keys as the front starts with them.

use super::{Auth, Key, Watcher, keeper::Keeper, ring::Ring};
use crate::config::Config;
use shared::{
    keys::{
        self, Digest, Entry, Problem,
        file::{self, Loaded},
    },
    settings,
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};
use tokio::sync::watch;

/// From how many characters on a key of the environment passes without a word: random ones can't be guessed then.
const ENOUGH: usize = 24;
/// The setting that names the file.
const SETTING: &str = "PROXY_API_KEYS_FILE";

/// The file of keys can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{SETTING}: {}: {}", path.display(), keys::join(problems))]
pub struct KeysError {
    path: PathBuf,
    problems: Vec<Problem>,
}

/// The key of the environment, as far as it may be known.
pub(super) type Environment = Option<(Digest, Key)>;

/// Reads the keys of the configuration. Blocks, for as long as the disk does. What it gives besides [`Auth`] watches
/// the file, where there is one, and has to be run.
///
/// # Errors
/// [`KeysError`]: a file is named and can't be used.
pub fn load(config: &Config) -> Result<(Auth, Option<Watcher>), KeysError> {
    let environment = environment(config);
    if config.api_key.as_ref().is_some_and(|key| key.as_bytes().len() < ENOUGH) {
        tracing::warn!(
            event = "weak_api_key",
            "PROXY_API_KEY has less than {ENOUGH} characters and opens everything; take one that nobody can guess, as \
             `openssl rand -hex 24` makes it"
        );
    }
    let loaded = match &config.keys_file {
        None => None,
        Some(path) => Some((path.clone(), read(path, environment.as_ref())?)),
    };
    let entries = loaded.as_ref().map_or(&[][..], |(_, loaded)| &loaded.entries);
    let ring = Ring::new(environment.clone(), entries);
    tell(&ring, loaded.as_ref().map(|(_, loaded)| loaded.entries.as_slice()));
    let (sender, receiver) = watch::channel(Arc::new(ring));
    let watcher = loaded
        .map(|(path, Loaded { entries, .. })| Watcher::new(path, Keeper::new(entries), environment, sender));
    Ok((Auth { ring: receiver }, watcher))
}

/// What is wrong with the file of keys, one by one, for those who check a configuration.
pub fn problems(config: &Config) -> Vec<settings::Problem> {
    let path = config.keys_file.as_ref();
    let wrong = path.and_then(|path| read(path, environment(config).as_ref()).err());
    let KeysError { path, problems } = match wrong {
        Some(wrong) => wrong,
        None => return Vec::new(),
    };
    let told = |problem| settings::Problem {
        setting: SETTING.to_owned(),
        message: format!("{}: {problem}", path.display()),
    };
    problems.into_iter().map(told).collect()
}

fn environment(config: &Config) -> Environment {
    let key = config.api_key.as_ref()?;
    Some((Digest::of(key.as_bytes()), Key::of_environment(config.key_may_agent)))
}

fn read(path: &Path, environment: Option<&(Digest, Key)>) -> Result<Loaded, KeysError> {
    let wrong = |problems| KeysError { path: path.to_owned(), problems };
    let loaded = file::read(path).map_err(|unread| wrong(unread.problems()))?;
    let twice = twice(&loaded.entries, environment);
    if twice.is_empty() { Ok(loaded) } else { Err(wrong(twice)) }
}

/// The entries with the key of the environment: which limits hold for it, nobody has said.
pub(super) fn twice(entries: &[Entry], environment: Option<&(Digest, Key)>) -> Vec<Problem> {
    let own = environment.map(|(digest, _)| *digest);
    let same = entries.iter().filter(|entry| own == Some(entry.hash));
    let told = |entry: &Entry| {
        Problem::of_file(format!("key `{}` is PROXY_API_KEY itself; take one of both away", entry.name))
    };
    let named = entries.iter().filter(|entry| own == Some(entry.name_digest()));
    let told_to_others = |_: &Entry| {
        Problem::of_file(
            "a `name` is PROXY_API_KEY itself, and names are told to others; give that key another one"
                .to_owned(),
        )
    };
    same.map(told).chain(named.map(told_to_others)).collect()
}

/// Logs which keys are in force, and how to open a door that nobody can pass.
pub(super) fn tell(ring: &Ring, entries: Option<&[Entry]>) {
    let now = SystemTime::now();
    if let Some(entries) = entries {
        let expired = entries.iter().filter(|entry| entry.is_expired(now)).count();
        tracing::info!(
            event = "keys_loaded",
            keys = entries.len(),
            expired,
            "the keys of the file are in force"
        );
    }
    if ring.count(now).valid == 0 {
        tracing::warn!(
            event = "no_api_key",
            "there is no key that can pass, so every /v1 route answers 401: set PROXY_API_KEY, or set \
             PROXY_API_KEYS_FILE to a file and make a key in it with `codexctl key add NAME`",
        );
    }
}
