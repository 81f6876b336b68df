//! `codexctl trace`: reads the trace buffer of http-front. It writes nothing and asks nobody.
//!
//! Only regular files whose names are those of traces are read, at most `MAX_BYTES` of each; links are not followed.

mod table;

use crate::{environment, failure::Failure, print};
use clap::{Args, Subcommand};
use shared::trace::{FileName, RequestName, Trace};
use std::{
    fs::OpenOptions,
    io::{ErrorKind, Read},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// The longest file that is read; the front writes none that is nearly so long.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// What to do with traces.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Prints the trace of a request.
    Show(Show),
    /// Lists the traces that are there, the newest last.
    List(Folder),
}

/// One request's trace.
#[derive(Debug, Args)]
pub struct Show {
    /// The request, as `x-request-id` and the logs have it: `req_` and 32 hexadecimal digits.
    #[arg(value_name = "REQ_ID")]
    request: String,
    /// Prints the file itself.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    folder: Folder,
}

/// Where traces are.
#[derive(Debug, Args)]
pub struct Folder {
    /// The folder with the traces [default: PROXY_TRACE_BUFFER_DIR, else trace-buffer in PROXY_STATE_DIR or .codex-api].
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Folder {
    fn path(&self) -> PathBuf {
        let named = self.dir.clone().or_else(|| environment::path(environment::TRACES));
        named.unwrap_or_else(|| {
            environment::path(environment::STATE)
                .unwrap_or_else(|| PathBuf::from(".codex-api"))
                .join("trace-buffer")
        })
    }

    /// The traces, in the order in which their requests began.
    fn files(&self) -> Result<Vec<(FileName, PathBuf)>, Failure> {
        let path = self.path();
        let entries = std::fs::read_dir(&path).map_err(|error| no_folder(&path, &error))?;
        let mut files: Vec<(FileName, PathBuf)> = entries
            .filter_map(Result::ok)
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
            .filter_map(|entry| Some((FileName::read(entry.file_name().to_str()?)?, entry.path())))
            .collect();
        files.sort_by_key(|(name, _)| name.to_string());
        Ok(files)
    }
}

/// Does it, and prints the answer.
///
/// # Errors
/// [`Failure`], with what to do about it.
pub fn run(command: Command) -> Result<(), Failure> {
    print::answer(&match command {
        Command::Show(show) => told(&show)?,
        Command::List(folder) => listed(&folder)?,
    })
}

fn told(show: &Show) -> Result<String, Failure> {
    let request = RequestName::read(&show.request).ok_or_else(|| {
        Failure::usage(
            "REQ_ID must be `req_` and 32 small hexadecimal digits, as `x-request-id` of the answer has it",
        )
    })?;
    let found = show.folder.files()?.into_iter().find(|(name, _)| name.request == request);
    let (_, path) = found.ok_or_else(|| {
        Failure::failed(format!(
            "there is no trace of {request} in {}: it ended before the model was asked, was pruned (PROXY_TRACE_BUFFER_TTL_S, \
             PROXY_TRACE_BUFFER_MAX_FILES), still runs, or PROXY_TRACE_BUFFER_ENABLED is off; `codexctl trace list` shows what there is",
            show.folder.path().display()
        ))
    })?;
    let text = read(&path)?;
    let trace = parse(&path, &text)?;
    Ok(if show.json { text } else { table::shown(&trace) })
}

fn listed(folder: &Folder) -> Result<String, Failure> {
    let mut traces = Vec::new();
    for (name, path) in folder.files()? {
        // One that was pruned meanwhile, or that nobody can read, must not hide the others.
        let trace = read(&path).and_then(|text| parse(&path, &text)).ok();
        traces.push((name, trace));
    }
    if traces.is_empty() {
        return Ok(format!("no traces in {}\n", folder.path().display()));
    }
    Ok(table::listed(&traces))
}

fn read(path: &Path) -> Result<String, Failure> {
    let read = || {
        let options =
            OpenOptions::new().read(true).custom_flags(nix::fcntl::OFlag::O_NOFOLLOW.bits()).open(path)?;
        let mut text = String::new();
        options.take(MAX_BYTES).read_to_string(&mut text)?;
        Ok::<String, std::io::Error>(text)
    };
    read().map_err(|error| {
        let remedy = if error.kind() == ErrorKind::PermissionDenied {
            "; run this as the user of http-front"
        } else {
            ""
        };
        Failure::failed(format!("can't read {}: {error}{remedy}", path.display()))
    })
}

fn parse(path: &Path, text: &str) -> Result<Trace, Failure> {
    serde_json::from_str(text).map_err(|error| {
        Failure::failed(format!("{} is no trace that this version understands: {error}", path.display()))
    })
}

fn no_folder(path: &Path, error: &std::io::Error) -> Failure {
    let remedy = if error.kind() == ErrorKind::NotFound {
        ": PROXY_TRACE_BUFFER_ENABLED was never on here, or traces are elsewhere; name the folder with --dir"
    } else if error.kind() == ErrorKind::PermissionDenied {
        "; run this as the user of http-front"
    } else {
        ""
    };
    Failure::failed(format!("the folder {} can't be read: {error}{remedy}", path.display()))
}

#[cfg(test)]
mod tests;
