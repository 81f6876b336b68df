//! The catalog's files under `CODEX_HOME`, made anew when they are missing and refreshed behind the start.
//!
//! With a login and no network `codex debug models` takes seconds, so a start uses what the last one left for the
//! same codex version, and the refresh is for the next start.

use super::{
    info::models,
    shape::{ShapeError, shape},
};
use crate::child::process::Launch;
use serde_json::Value;
use shared::control::Models;
use std::{
    ffi::OsString,
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// How long `codex debug models` may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Where the catalog lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalog {
    /// As codex prints it.
    pub raw: PathBuf,
    /// As the child gets it.
    pub shaped: PathBuf,
    /// Whether the raw one was there already and wants a refresh.
    pub cached: bool,
    /// What the raw one says of the models that are served.
    pub models: Arc<Models>,
}

/// Why there is no catalog.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// codex didn't print it.
    #[error("`codex debug models` failed: {0}")]
    Codex(io::Error),
    /// It printed something else.
    #[error("`codex debug models` printed no JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// There is nothing in it.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// It can't be kept.
    #[error("CODEX_HOME: can't write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Prepares the files for `codex` of `version`, in `home`, with an entry for each of `served`.
///
/// # Errors
/// [`CatalogError`], when neither the cache nor codex has a usable catalog.
pub async fn prepare(
    codex: &Launch,
    home: &Path,
    version: &str,
    served: &[String],
) -> Result<Catalog, CatalogError> {
    let folder = home.join("model-catalog");
    let file = |kind| folder.join(format!("{kind}-{version}.json"));
    let (raw_file, shaped_file) = (file("raw"), file("shaped"));
    let kept = fs::read(&raw_file).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
    if let Some((raw, shaped)) = kept.and_then(|raw| shape(&raw, served).ok().map(|shaped| (raw, shaped))) {
        write(&shaped_file, &shaped)?;
        let models = Arc::new(models(&raw, served));
        return Ok(Catalog { raw: raw_file, shaped: shaped_file, cached: true, models });
    }
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .map_err(|source| CatalogError::Write { path: folder, source })?;
    let raw = fetch(codex).await?;
    let shaped = shape(&raw, served)?;
    write(&raw_file, &raw)?;
    write(&shaped_file, &shaped)?;
    let models = Arc::new(models(&raw, served));
    Ok(Catalog { raw: raw_file, shaped: shaped_file, cached: false, models })
}

/// Fetches the raw catalog again, for the next start.
///
/// # Errors
/// [`CatalogError`]; the old file stays then.
pub async fn refresh(codex: &Launch, catalog: &Catalog) -> Result<(), CatalogError> {
    let raw = fetch(codex).await?;
    shape(&raw, &[])?;
    write(&catalog.raw, &raw)
}

/// The catalog as codex has it, or the one that is built into the binary.
async fn fetch(codex: &Launch) -> Result<Value, CatalogError> {
    let arguments: [OsString; 3] = ["debug".into(), "models".into(), "--bundled".into()];
    let text = match codex.output(&arguments[..2], LIMIT).await {
        Ok(text) => text,
        Err(_) => codex.output(&arguments, LIMIT).await.map_err(CatalogError::Codex)?,
    };
    Ok(serde_json::from_slice(&text)?)
}

/// Writes through a temporary name: a crash leaves the old file or the new one, never half of one.
fn write(path: &Path, value: &Value) -> Result<(), CatalogError> {
    let text = serde_json::to_vec(value)?;
    // What is there already needs no room on a disk that is full.
    if fs::read(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    // Another daemon may do the same, while it hands over.
    let part = path.with_extension(format!("{}.part", std::process::id()));
    fs::write(&part, text)
        .and_then(|()| fs::rename(&part, path))
        .map_err(|source| CatalogError::Write { path: path.to_path_buf(), source })
}
