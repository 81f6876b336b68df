//! One of our binaries as a process, with its log.
//!
//! Each line that our binaries write to stdout is held to the table of events ([`crate::log`]); a bad one fails the test
//! when the process goes.

use super::DEADLINE;
use crate::log;
use command_fds::{CommandFdExt, FdMapping};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use std::{
    io::{self, BufRead, BufReader, PipeReader},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::Duration,
};
use tokio::{
    process::{Child, Command},
    sync::watch,
};

/// The programs whose stdout is a log of ours.
const OURS: [&str; 3] = ["worker-daemon", "http-front", "log-lines"];
/// Bad lines that are shown.
const SHOWN: usize = 5;
/// Lines that are kept of a process in a benchmark.
const FEW: usize = 1000;
/// How long the end of a process' output may take once it is gone.
const LAST_LINES: Duration = Duration::from_secs(5);

/// What a process wrote.
#[derive(Debug, Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    /// Bad lines of stdout, and what is wrong with them.
    faults: Mutex<Vec<String>>,
    /// Grows with the log.
    grow: watch::Sender<usize>,
    /// Whether the oldest lines go when there are [`FEW`].
    is_short: bool,
}

/// What is done with what a process writes.
#[derive(Debug, Clone, Copy)]
struct Reading {
    /// Whether its stdout has lines as our log has them.
    is_json: bool,
    is_short: bool,
}

/// A process and what it wrote.
pub struct Process {
    child: Child,
    pid: u32,
    log: Arc<Log>,
    /// Closed once its output has come to the end.
    open: Mutex<mpsc::Receiver<()>>,
}

impl Process {
    /// Starts `program` with exactly this environment (and `PATH`).
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start(program: PathBuf, env: &[(String, String)]) -> io::Result<Self> {
        Self::launch(program, &[], env, None, Vec::new())
    }

    /// The same, and its lines aren't held to the table of events, and only the last are kept: for benchmarks, whose
    /// machine has better to do.
    ///
    /// # Errors
    /// As [`Process::start`].
    pub fn start_unchecked(program: PathBuf, env: &[(String, String)]) -> io::Result<Self> {
        Self::launch_as(program, &[], env, None, Vec::new(), Reading { is_json: false, is_short: true })
    }

    /// The same with arguments.
    ///
    /// # Errors
    /// As [`Process::start`].
    pub fn start_to(program: PathBuf, arguments: &[&str], env: &[(String, String)]) -> io::Result<Self> {
        Self::launch(program, arguments, env, None, Vec::new())
    }

    /// The same as another user, with a group of the same number and no others. Only root can do that.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start_as(program: PathBuf, env: &[(String, String)], user: Option<u32>) -> io::Result<Self> {
        Self::launch(program, &[], env, user, Vec::new())
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
        Self::launch(program, &[], env, None, descriptors)
    }

    fn launch(
        program: PathBuf,
        arguments: &[&str],
        env: &[(String, String)],
        user: Option<u32>,
        descriptors: Vec<OwnedFd>,
    ) -> io::Result<Self> {
        let is_json =
            is_ours(&program) && !env.iter().any(|(name, format)| name == "LOG_FORMAT" && format == "text");
        Self::launch_as(program, arguments, env, user, descriptors, Reading { is_json, is_short: false })
    }

    #[expect(clippy::disallowed_methods, reason = "PATH is the one variable that is handed on")]
    fn launch_as(
        program: PathBuf,
        arguments: &[&str],
        env: &[(String, String)],
        user: Option<u32>,
        descriptors: Vec<OwnedFd>,
        reading: Reading,
    ) -> io::Result<Self> {
        let Reading { is_json, is_short } = reading;
        let mapped = (3..).zip(descriptors);
        let mapped = mapped.map(|(child_fd, parent_fd)| FdMapping { parent_fd, child_fd }).collect();
        let ((out, stdout), (err, stderr)) = (io::pipe()?, io::pipe()?);
        let mut command = Command::new(&program);
        if let Some(user) = user {
            command.uid(user).gid(user).current_dir("/");
        }
        let child = command
            .fd_mappings(mapped)
            .map_err(io::Error::other)?
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            // Tests look for lines behind what made them.
            .envs(is_json.then_some(("LOG_COLLECT_MS", "0")))
            .envs(env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .kill_on_drop(true)
            .spawn()?;
        // Its ends of the pipes: they close with the process.
        drop(command);
        let pid = child.id().ok_or_else(|| io::Error::other("it ended at once"))?;
        let log = Arc::new(Log { is_short, ..Log::default() });
        let (reading, open) = mpsc::channel();
        collect(out, &log, is_json, reading.clone())?;
        collect(err, &log, false, reading)?;
        Ok(Self { child, pid, log, open: Mutex::new(open) })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// What it wrote so far, a line each.
    pub fn log(&self) -> Vec<String> {
        self.log.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
        let mut lines = self.log.grow.subscribe();
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
            Ok(status) => {
                self.read_to_the_end();
                Ok(status?.code())
            }
            Err(_) => Err(io::Error::other(format!("process {} did not end:\n{}", self.pid, self.tail()))),
        }
    }

    /// Waits until all that it wrote is in the log, once it is gone. Where a process of its own still has its output, not
    /// for ever.
    fn read_to_the_end(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let _closed = open.recv_timeout(LAST_LINES);
    }

    /// The bad lines of its stdout so far, and what is wrong with them.
    pub fn faults(&self) -> Vec<String> {
        self.log.faults.lock().unwrap_or_else(PoisonError::into_inner).clone()
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

impl Drop for Process {
    fn drop(&mut self) {
        // It may be gone already.
        let _killed = self.child.start_kill();
        self.read_to_the_end();
        let faults = self.faults();
        if !std::thread::panicking() {
            assert!(
                faults.is_empty(),
                "lines of the log that are not as docs/operations/logs.md says:\n{}",
                faults.join("\n")
            );
        }
    }
}

fn is_ours(program: &Path) -> bool {
    program.file_name().and_then(|name| name.to_str()).is_some_and(|name| OURS.contains(&name))
}

/// Reads a pipe to its end in a thread of its own: the lines of a process that is killed come, too. Holds `reading` until
/// then.
fn collect(pipe: PipeReader, log: &Arc<Log>, is_json: bool, reading: mpsc::Sender<()>) -> io::Result<()> {
    let log = Arc::clone(log);
    let read = move || {
        read(pipe, &log, is_json);
        drop(reading);
    };
    std::thread::Builder::new().name("output".to_owned()).spawn(read).map(|_| ())
}

fn read(pipe: PipeReader, log: &Log, is_json: bool) {
    let mut pipe = BufReader::new(pipe);
    let mut bytes = Vec::new();
    while pipe.read_until(b'\n', &mut bytes).is_ok_and(|read| read > 0) {
        // The last line of a process that is killed may be half written.
        let whole = bytes.pop_if(|byte| *byte == b'\n').is_some();
        let line = String::from_utf8_lossy(&bytes).into_owned();
        if is_json && whole {
            let mut wrong = log::faults(&line);
            if std::str::from_utf8(&bytes).is_err() {
                wrong.push("it is no UTF-8".to_owned());
            }
            let mut faults = log.faults.lock().unwrap_or_else(PoisonError::into_inner);
            if !wrong.is_empty() && faults.len() < SHOWN {
                faults.push(format!("{line}\n  {}", wrong.join("; ")));
            }
        }
        let mut lines = log.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(line);
        if log.is_short && lines.len() == FEW {
            lines.drain(..FEW / 2);
        }
        drop(lines);
        log.grow.send_modify(|lines| *lines += 1);
        bytes.clear();
    }
}
