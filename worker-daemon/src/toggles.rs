//! The file of the toggles: `$CODEX_HOME/toggles.json`, read at the start, written whenever a toggle changes.
//!
//! Promises: what is answered as kept is on disk before the answer (written beside the file, synchronized, renamed), with
//! mode 0600. The disk is written to on a thread of its own, so that a slow one holds up no request. A file that can't be
//! read closes the service (maintenance) instead of opening what an operator had closed; see `docs/decisions/0027`. A file
//! that can't be written is told to the log and to whoever asked, and the toggle holds for as long as the daemon runs.

use crate::mux::core::Core;
use nix::fcntl::OFlag;
use serde::{Deserialize, Deserializer, Serialize};
use shared::{
    control::toggles::{
        AppServer, Maintenance, Setting, Toggle, Toggles,
        strict::{self, Object, Strict},
    },
    shutdown::Shutdown,
};
use std::{
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};
use tokio::sync::{mpsc, watch};

/// The file's name in the state folder.
pub const FILE: &str = "toggles.json";
/// What is written before it takes the file's place.
const FRESH: &str = "toggles.json.new";
/// The largest file that is read, in bytes. What is written is far below.
const MOST: u64 = 64 * 1024;

/// The file. No member may be missing, and nothing in a toggle be unknown: what is lost or misspelt could be what had closed
/// the service. Beside the toggles a later version may have written more.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    #[serde(deserialize_with = "strict::object")]
    maintenance: Toggle<Maintenance>,
    #[serde(deserialize_with = "strict::object")]
    app_server: Toggle<AppServer>,
    revision: u64,
}

impl Strict for Written {
    fn read<'de, D: Deserializer<'de>>(members: D) -> Result<Self, D::Error> {
        Self::deserialize(members)
    }
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// What was to be written.
    pub revision: u64,
    /// Whether it is on disk.
    pub written: bool,
}

/// Gives the core what an earlier daemon kept, and starts the task that writes what goes into the sender; `kept` hears
/// how that went.
pub fn keeper(
    core: &mut Core,
    home: &Path,
    kept: mpsc::Sender<Kept>,
    shutdown: &Shutdown,
) -> watch::Sender<Toggles> {
    let toggles = load(home);
    core.on_toggles(toggles.clone());
    let (keep, wanted) = watch::channel(toggles);
    shutdown.spawn(run(home.to_path_buf(), wanted, kept, shutdown.clone()));
    keep
}

/// Writes until the sender is gone, and what was sent last before it ends.
async fn run(
    home: PathBuf,
    mut wanted: watch::Receiver<Toggles>,
    kept: mpsc::Sender<Kept>,
    shutdown: Shutdown,
) {
    let mut failing = false;
    while wanted.changed().await.is_ok() {
        let toggles = wanted.borrow_and_update().clone();
        let (revision, folder) = (toggles.revision, home.clone());
        let stored = shutdown.spawn_blocking(move || store(&folder, &toggles)).await;
        let stored =
            stored.unwrap_or_else(|_| Err(io::Error::other("the thread that writes it has panicked")));
        match &stored {
            // Tried again and again: once is enough for the log.
            Err(error) if !std::mem::replace(&mut failing, true) => tracing::error!(
                event = "toggles_not_kept",
                path = %home.join(FILE).display(),
                %error,
                "what was switched holds until the daemon ends, but is not on disk; make room or mend the folder"
            ),
            Ok(()) if std::mem::take(&mut failing) => {
                tracing::info!(event = "toggles_kept", "what was switched is on disk now");
            }
            Ok(()) | Err(_) => {}
        }
        // The actor is gone: so is everybody who would hear of it.
        let _gone = kept.send(Kept { revision, written: stored.is_ok() }).await;
    }
}

/// What an earlier daemon kept. With a file that can't be read the service is under maintenance until an operator ends it.
pub fn load(home: &Path) -> Toggles {
    let path = home.join(FILE);
    let why = match open(&path) {
        Ok(bytes) => match parse(&bytes) {
            Ok(toggles) => return toggles,
            Err(why) => why,
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Toggles { persisted: true, ..Toggles::default() };
        }
        Err(error) => error.to_string(),
    };
    tracing::error!(
        event = "toggles_unreadable",
        path = %path.display(),
        error = why,
        "what an operator had switched is not known, so maintenance is on; `codexctl maintenance off` or `clear` ends it"
    );
    closed()
}

/// What holds where it isn't known what an operator had switched. Any change of an operator's is newer.
fn closed() -> Toggles {
    let set = Maintenance { enabled: true, ..Maintenance::default() };
    Toggles { maintenance: Toggle { set: Some(set), changed_ms: None }, ..Toggles::default() }
}

fn open(path: &Path) -> io::Result<Vec<u8>> {
    // A pipe in its place must not hold up the start.
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let file = File::options().read(true).custom_flags(flags.bits()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut bytes = Vec::new();
    file.take(MOST + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads the file. Pure.
///
/// # Errors
/// Why it can't be one of ours; nothing of its text.
pub fn parse(bytes: &[u8]) -> Result<Toggles, String> {
    if bytes.len() as u64 > MOST {
        return Err(format!("it has more than {MOST} bytes"));
    }
    let Object(Written { maintenance, app_server, revision }) = serde_json::from_slice(bytes)
        .map_err(|error| format!("it can't be read at line {}, column {}", error.line(), error.column()))?;
    let fit = maintenance.set.as_ref().map_or(Ok(()), Setting::check);
    fit.map_err(|unfit| format!("`maintenance.set.{}` {}", unfit.member, unfit.must))?;
    Ok(Toggles { maintenance, app_server, revision, persisted: true })
}

/// Writes the file: all of it or nothing.
///
/// # Errors
/// What the system said; the file is as it was then.
pub fn store(home: &Path, toggles: &Toggles) -> io::Result<()> {
    let Toggles { maintenance, app_server, revision, persisted: _ } = toggles.clone();
    let mut text = serde_json::to_vec_pretty(&Written { maintenance, app_server, revision })?;
    text.push(b'\n');
    let fresh = home.join(FRESH);
    let write = || {
        // What a daemon that was killed left there has a mode of its own, and may be a link or a pipe.
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&fresh)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&fresh, home.join(FILE))?;
        File::open(home)?.sync_all()
    };
    write().inspect_err(|_| {
        // Half a file would take room that is missing.
        let _not_there = fs::remove_file(&fresh);
    })
}

#[cfg(test)]
mod tests;
