//! What is needed to start a child: the native binary, checked, its environment and its catalog.

use crate::{
    catalog::{self, Catalog},
    child::{environment, exporter, locate, process::Launch, sandbox_link},
    config::Config,
};
use shared::build_info;
use std::{
    ffi::{OsStr, OsString},
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

/// How long `codex --version` may take.
const VERSION_LIMIT: Duration = Duration::from_secs(10);

/// How a child is started; without the arguments of [`crate::child::harness`].
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The program and its environment.
    pub launch: Launch,
    /// Its catalog.
    pub catalog: Catalog,
    /// Its version.
    pub version: String,
}

/// Why no child can be started.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// `config.toml` is no TOML.
    #[error("{}: {message}", path.display())]
    CodexConfig {
        /// The file.
        path: PathBuf,
        /// Where and what.
        message: String,
    },
    /// `config.toml` can't be read.
    #[error("CODEX_HOME: can't read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no codex.
    #[error(transparent)]
    Locate(#[from] locate::LocateError),
    /// It can't be run.
    #[error("CODEX_BIN: {} can't be run: {source}", path.display())]
    Run {
        /// The binary.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is older than what this build knows.
    #[error("CODEX_BIN: {} is codex {found}, this build needs {} or newer; run `npm install -g @openai/codex@{}`", path.display(), build_info::CODEX_VERSION, build_info::CODEX_VERSION)]
    TooOld {
        /// The binary.
        path: PathBuf,
        /// Its version.
        found: String,
    },
    /// It is no codex.
    #[error("CODEX_BIN: {} doesn't print a codex version", path.display())]
    NotCodex {
        /// The binary.
        path: PathBuf,
    },
    /// The link to the sandbox can't be made.
    #[error("CODEX_HOME: can't make {}: {source}", path.display())]
    Link {
        /// The link.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no catalog.
    #[error(transparent)]
    Catalog(#[from] catalog::CatalogError),
}

impl PrepareError {
    /// Whether the binary is to blame: missing, not to be run, too old.
    pub fn is_binary(&self) -> bool {
        match self {
            Self::Locate(_) | Self::Run { .. } | Self::TooOld { .. } | Self::NotCodex { .. } => true,
            Self::CodexConfig { .. } | Self::Unreadable { .. } | Self::Link { .. } | Self::Catalog(_) => {
                false
            }
        }
    }
}

/// Finds the native binary, checks its version, and prepares its catalog.
///
/// # Errors
/// [`PrepareError`], with a message that names the remedy. Cancel safe: what it started ends with it.
pub async fn prepare(config: &Config) -> Result<Prepared, PrepareError> {
    let path = config.environment.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value.as_os_str());
    let program = locate::locate(&config.codex_bin, path)?;
    let mut launch = Launch {
        environment: environment::build(
            config.environment.clone(),
            &config.codex_home,
            &config.child_log,
            config.ca_bundle.as_deref(),
            &environment::provider_keys(&read_codex_config(&config.codex_home)?),
        ),
        arguments: Vec::new(),
        directory: config.codex_home.clone(),
        program: program.clone(),
    };
    launch.environment.extend(exporter::environment(&config.otel, config.child_traces));
    let printed = launch
        .output(&[OsString::from("--version")], VERSION_LIMIT)
        .await
        .map_err(|source| PrepareError::Run { path: program.clone(), source })?;
    let printed = String::from_utf8_lossy(&printed);
    let version = printed.split_whitespace().last().unwrap_or_default().to_owned();
    match (parse_version(&version), parse_version(build_info::CODEX_VERSION)) {
        (None, _) => return Err(PrepareError::NotCodex { path: program }),
        (Some(have), Some(need)) if have < need => {
            return Err(PrepareError::TooOld { path: program, found: version });
        }
        (Some(_), _) => {}
    }
    // Only agents have commands.
    if config.policy.workdir().is_some() {
        let folder = sandbox_link::prepare(&config.codex_home, &program)
            .map_err(|(path, source)| PrepareError::Link { path, source })?;
        let path = launch.environment.get(OsStr::new("PATH")).map(OsString::as_os_str);
        if let Some(path) = sandbox_link::path_with(path, &folder) {
            launch.environment.insert("PATH".into(), path);
        }
    }
    let catalog = catalog::prepare(&launch, &config.codex_home, &version, &config.served_models()).await?;
    Ok(Prepared { launch, catalog, version })
}

fn parse_version(text: &str) -> Option<(u64, u64, u64)> {
    let core = text.split(['-', '+']).next()?;
    let mut parts = core.split('.').map(str::parse);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor)), Some(Ok(patch)), None) => Some((major, minor, patch)),
        _ => None,
    }
}

fn read_codex_config(home: &Path) -> Result<toml::Table, PrepareError> {
    let path = home.join("config.toml");
    match fs::read_to_string(&path) {
        Ok(text) => text.parse().map_err(|e: toml::de::Error| {
            // Its own words alone: a piece of the text could hold a key.
            let line =
                e.span().and_then(|at| text.get(..at.start)).map(|before| before.matches('\n').count() + 1);
            let line = line.map(|line| format!("line {line}: ")).unwrap_or_default();
            PrepareError::CodexConfig { path, message: format!("{line}{}", e.message()) }
        }),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(toml::Table::new()),
        Err(source) => Err(PrepareError::Unreadable { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(parse_version("0.169.0") > parse_version("0.99.12"));
        assert_eq!(parse_version("0.170.0-alpha.1"), Some((0, 170, 0)));
        for odd in ["", "x", "1.2", "1.2.3.4", "a.b.c"] {
            assert_eq!(parse_version(odd), None, "{odd}");
        }
    }
}
