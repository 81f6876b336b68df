//! One of our binaries as a process, with its log.

use super::DEADLINE;
use command_fds::{CommandFdExt, FdMapping};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use std::{
    io,
    os::fd::OwnedFd,
    path::PathBuf,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::watch,
};

/// A process and what it wrote.
pub struct Process {
    child: Child,
    pid: u32,
    log: Arc<Mutex<Vec<String>>>,
    /// Grows with the log.
    lines: watch::Receiver<usize>,
}

impl Process {
    /// Starts `program` with exactly this environment (and `PATH`).
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start(program: PathBuf, env: &[(String, String)]) -> io::Result<Self> {
        Self::launch(program, env, None, Vec::new())
    }

    /// The same as another user, with a group of the same number and no others. Only root can do that.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start_as(program: PathBuf, env: &[(String, String)], user: Option<u32>) -> io::Result<Self> {
        Self::launch(program, env, user, Vec::new())
    }

    /// The same with these descriptors, from 3 on, as systemd passes them.
    ///
    /// # Errors
    /// As [`Process::start`].
    pub fn start_with(
        program: PathBuf,
        env: &[(String, String)],
        descriptors: Vec<OwnedFd>,
    ) -> io::Result<Self> {
        Self::launch(program, env, None, descriptors)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "PATH is the one variable that is handed on; a test's reader tasks"
    )]
    fn launch(
        program: PathBuf,
        env: &[(String, String)],
        user: Option<u32>,
        descriptors: Vec<OwnedFd>,
    ) -> io::Result<Self> {
        let mapped = (3..).zip(descriptors);
        let mapped = mapped.map(|(child_fd, parent_fd)| FdMapping { parent_fd, child_fd }).collect();
        let mut command = Command::new(&program);
        if let Some(user) = user {
            command.uid(user).gid(user).current_dir("/");
        }
        let mut child = command
            .fd_mappings(mapped)
            .map_err(io::Error::other)?
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id().ok_or_else(|| io::Error::other("it ended at once"))?;
        let log = Arc::new(Mutex::new(Vec::new()));
        let (grow, lines) = watch::channel(0);
        let grow = Arc::new(grow);
        if let Some(out) = child.stdout.take() {
            tokio::spawn(collect(out, log.clone(), grow.clone()));
        }
        if let Some(err) = child.stderr.take() {
            tokio::spawn(collect(err, log.clone(), grow));
        }
        Ok(Self { child, pid, log, lines })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// What it wrote so far, a line each.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The end of what it wrote.
    pub fn tail(&self) -> String {
        let log = self.log();
        log[log.len().saturating_sub(30)..].join("\n")
    }

    /// Waits for a line of its log that is JSON and that `wanted` picks.
    ///
    /// # Errors
    /// When none comes in time; says what was waited for.
    pub async fn logged(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> io::Result<Value> {
        let mut lines = self.lines.clone();
        let search = async {
            loop {
                let found =
                    self.log().iter().filter_map(|l| serde_json::from_str(l).ok()).find(|l| wanted(l));
                if found.is_some() || lines.changed().await.is_err() {
                    return found;
                }
            }
        };
        let found = tokio::time::timeout(DEADLINE, search).await.ok().flatten();
        found.ok_or_else(|| io::Error::other(format!("waited for {what} in the log:\n{}", self.tail())))
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// When it is gone.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(kill(Pid::from_raw(i32::try_from(self.pid).map_err(io::Error::other)?), signal)?)
    }

    /// Waits for its end and gives its exit code; `None` when a signal ended it.
    ///
    /// # Errors
    /// When it doesn't end in time.
    pub async fn wait(&mut self) -> io::Result<Option<i32>> {
        let ended = tokio::time::timeout(DEADLINE, self.child.wait()).await;
        match ended {
            Ok(status) => Ok(status?.code()),
            Err(_) => Err(io::Error::other(format!("process {} did not end:\n{}", self.pid, self.tail()))),
        }
    }

    /// Ends it as an operator does.
    ///
    /// # Errors
    /// When it doesn't end in time.
    pub async fn terminate(&mut self) -> io::Result<Option<i32>> {
        self.signal(Signal::SIGTERM)?;
        self.wait().await
    }

    /// Open file descriptors.
    ///
    /// # Errors
    /// When it is gone.
    pub fn descriptors(&self) -> io::Result<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.pid))?.count())
    }

    /// Processor time that it has used.
    ///
    /// # Errors
    /// When it is gone.
    pub fn cpu(&self) -> io::Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid))?;
        // The name may hold spaces; user and system time are the 14th and 15th field, in ticks of 10 ms.
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
        let ticks: u64 = fields.filter_map(|n| n.parse::<u64>().ok()).sum();
        Ok(Duration::from_millis(ticks * 10))
    }

    /// Resident memory in bytes.
    ///
    /// # Errors
    /// When it is gone.
    pub fn resident(&self) -> io::Result<u64> {
        resident(self.pid)
    }
}

/// Resident memory of a process, in bytes.
///
/// # Errors
/// When it is gone.
pub fn resident(pid: u32) -> io::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap_or_default();
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().map_err(io::Error::other)?;
    Ok(kilobytes * 1024)
}

/// The direct children of a process.
pub fn children(pid: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    tasks
        .filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok())
        .flat_map(|text| text.split_whitespace().filter_map(|n| n.parse().ok()).collect::<Vec<u32>>())
        .collect()
}

#[expect(clippy::disallowed_methods, reason = "what our own programs write is bounded by the test")]
async fn collect(
    pipe: impl AsyncRead + Unpin,
    log: Arc<Mutex<Vec<String>>>,
    grow: Arc<watch::Sender<usize>>,
) {
    let mut lines = BufReader::new(pipe).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        log.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        grow.send_modify(|n| *n += 1);
    }
}
