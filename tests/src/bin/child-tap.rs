//! A recorder between the daemon and its codex: passes every byte on as it comes and keeps the lines.
//!
//! `$CODEX_HOME/child-tap.json` names the command to start (with our own arguments and environment) and the log. There
//! a line to the child begins with `> `, one from it with `< `, in the order in which they ended here; a line is in the
//! log before it is passed on, so a request stands before its answer. Other calls than `app-server` are not logged.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

/// How long the rest of the child's output may take after its end: a grandchild can keep the pipe open.
const DRAIN: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    command: PathBuf,
    log: PathBuf,
}

fn main() -> ExitCode {
    match run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let _unheard = writeln!(io::stderr(), "child-tap: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> io::Result<u8> {
    #[expect(clippy::disallowed_methods, reason = "stands in for codex, which is told its home so")]
    let home = std::env::var_os("CODEX_HOME").ok_or_else(|| io::Error::other("CODEX_HOME is not set"))?;
    let settings = std::fs::read(Path::new(&home).join("child-tap.json"))?;
    let settings: Settings = serde_json::from_slice(&settings)?;
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "app-server") {
        return Err(std::process::Command::new(&settings.command).args(&arguments).exec());
    }
    let log = OpenOptions::new().create(true).append(true).open(&settings.log)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let status = runtime.block_on(async {
        let mut command = Command::new(&settings.command);
        command.args(&arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        tap(command.spawn()?, &log).await
    });
    // A blocked read of our stdin must not hold us.
    runtime.shutdown_background();
    Ok(exit_code(status?))
}

/// Copies both ways until the child has ended and its output is passed on.
async fn tap(mut child: Child, log: &File) -> io::Result<ExitStatus> {
    let missing = || io::Error::other("the child has no pipes");
    let to_child = child.stdin.take().ok_or_else(missing)?;
    let from_child = child.stdout.take().ok_or_else(missing)?;
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).map(Pid::from_raw);
    let mut terminate = signal(SignalKind::terminate())?;

    let mut input = std::pin::pin!(copy(tokio::io::stdin(), to_child, "> ", log));
    let mut output = std::pin::pin!(copy(from_child, tokio::io::stdout(), "< ", log));
    let (mut input_open, mut output_open) = (true, true);
    let status = loop {
        tokio::select! {
            // Its end closes the child's stdin: the writer is dropped with the copy.
            _ = &mut input, if input_open => input_open = false,
            _ = &mut output, if output_open => output_open = false,
            Some(()) = terminate.recv() => if let Some(pid) = pid {
                // It may have ended already.
                let _gone = kill(pid, Signal::SIGTERM);
            },
            status = child.wait() => break status?,
        }
    };
    if output_open {
        let _late = tokio::time::timeout(DRAIN, output).await;
    }
    Ok(status)
}

/// Copies bytes as they come; whole lines go into the log.
async fn copy<R, W>(mut from: R, mut to: W, mark: &str, mut log: &File) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut chunk = vec![0; 64 * 1024];
    let mut line = Vec::new();
    loop {
        let read = from.read(&mut chunk).await?;
        let Some(bytes) = chunk.get(..read).filter(|bytes| !bytes.is_empty()) else {
            return Ok(());
        };
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            line.extend_from_slice(piece);
            if line.ends_with(b"\n") {
                log.write_all(&[mark.as_bytes(), &line].concat())?;
                line.clear();
            }
        }
        to.write_all(bytes).await?;
        to.flush().await?;
    }
}

/// The child's own code; as a shell would say it where a signal ended the child.
fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
