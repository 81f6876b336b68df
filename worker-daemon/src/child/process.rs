//! The process itself: started in a group of its own, ended by a ladder, always waited for.

use nix::{
    errno::Errno,
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use shared::control::LastExit;
use std::{
    collections::BTreeMap,
    ffi::OsString,
    io,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

/// How long the child has after its stdin was closed, and again after SIGTERM. It was seen to need 8 and 30 ms.
const STEP: Duration = Duration::from_secs(2);

/// What is needed to start the child.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The native binary.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Its whole environment.
    pub environment: BTreeMap<OsString, OsString>,
    /// Its working directory.
    pub directory: PathBuf,
}

/// The three pipes of a started child.
#[derive(Debug)]
pub struct Pipes {
    /// Where requests go.
    pub stdin: ChildStdin,
    /// Where answers come from.
    pub stdout: ChildStdout,
    /// Its log.
    pub stderr: ChildStderr,
}

/// A running child and its process group.
#[derive(Debug)]
pub struct Process {
    child: Child,
    group: Pid,
}

impl Launch {
    /// Starts the child.
    ///
    /// # Errors
    /// What the system said: the binary is gone, or no process can be made.
    pub fn spawn(&self) -> io::Result<(Process, Pipes)> {
        let mut child = self
            .command(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let gone = || io::Error::other("the child ended before it was looked at");
        let pipes = Pipes {
            stdin: child.stdin.take().ok_or_else(gone)?,
            stdout: child.stdout.take().ok_or_else(gone)?,
            stderr: child.stderr.take().ok_or_else(gone)?,
        };
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).ok_or_else(gone)?;
        Ok((Process { child, group: Pid::from_raw(pid) }, pipes))
    }

    /// Runs the binary with other arguments to its end, for at most `limit`, and gives what it printed.
    ///
    /// # Errors
    /// When it can't be started, fails, or takes longer.
    pub async fn output(&self, arguments: &[OsString], limit: Duration) -> io::Result<Vec<u8>> {
        let child = self
            .command(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        // Past the limit the child is dropped, and killed by that; what it started must go too.
        let output = tokio::time::timeout(limit, child.wait_with_output()).await.map_err(|_| {
            if let Some(group) = group {
                signal_group(group, Signal::SIGKILL);
            }
            io::Error::new(io::ErrorKind::TimedOut, format!("no end within {} ms", limit.as_millis()))
        })??;
        if output.status.success() {
            Ok(output.stdout)
        } else {
            Err(io::Error::other(format!("it ended with {}", output.status)))
        }
    }

    fn command(&self, arguments: &[OsString]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .env_clear()
            .envs(&self.environment)
            .current_dir(&self.directory)
            .process_group(0)
            .kill_on_drop(true);
        command
    }

    /// The folder in which the binary is started.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

impl Process {
    /// The child's process id.
    pub fn pid(&self) -> u32 {
        self.group.as_raw().unsigned_abs()
    }

    /// Waits for the child's end, then ends what it left behind in its group. Cancel safe.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        self.signal(Signal::SIGKILL);
        Ok(status)
    }

    /// Ends the child: its stdin must be closed already; then SIGTERM, then SIGKILL, each to the whole group.
    pub async fn end(&mut self) -> io::Result<ExitStatus> {
        for signal in [Signal::SIGTERM, Signal::SIGKILL] {
            if let Ok(status) = tokio::time::timeout(STEP, self.wait()).await {
                return status;
            }
            self.signal(signal);
        }
        self.wait().await
    }

    /// Kills the child and its group; [`Process::end`] sees the end of it.
    pub fn kill(&self) {
        self.signal(Signal::SIGKILL);
    }

    fn signal(&self, signal: Signal) {
        signal_group(self.group, signal);
    }
}

fn signal_group(group: Pid, signal: Signal) {
    match killpg(group, signal) {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(error) => {
            let pid = group.as_raw();
            tracing::warn!(event = "signal_failed", pid, %error, "can't signal the child's group")
        }
    }
}

/// Whether a signal has stopped this process.
pub fn is_stopped(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name before it may hold anything, also a parenthesis.
    stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T'))
}

/// Lets a stopped child that leads a group go on, with its group.
pub fn resume(pid: u32) {
    if let Ok(pid) = i32::try_from(pid) {
        signal_group(Pid::from_raw(pid), Signal::SIGCONT);
    }
}

impl Drop for Process {
    /// `kill_on_drop` ends the child alone; its group must not outlive it either.
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
    }
}

/// How a child ended, as the status tells it.
pub fn last_exit(status: ExitStatus) -> LastExit {
    LastExit { code: status.code(), signal: status.signal() }
}
