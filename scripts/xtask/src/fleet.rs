//! The processes that `up` runs, and their end.
//!
//! It promises that none outlives it: dropping the fleet stops them in reverse order, each with SIGTERM, time to
//! drain, and SIGKILL. Each is in a process group of its own: a Ctrl-C reaches only us, so the front can drain through
//! a daemon that still runs, and nobody gets two signals.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::env;
use crate::failure::{Failure, Result, While};
use crate::steps::Tail;
use crate::wait;

/// Above the pair's own grace (10 s): it ends by itself unless something is wrong.
const STOP_LIMIT: Duration = Duration::from_secs(15);

pub(crate) struct Fleet {
    members: Vec<Member>,
    stop: Arc<AtomicBool>,
}

struct Member {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Fleet {
    /// From here on a Ctrl-C only asks; somebody has to look at [`Fleet::health`].
    pub(crate) fn new() -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&stop)).during("cannot listen to signals")?;
        }
        Ok(Self { members: Vec::new(), stop })
    }

    /// Starts one, its output going to `log`.
    pub(crate) fn start(
        &mut self,
        name: &'static str,
        binary: &Path,
        args: &[&str],
        own_env: &[(&str, OsString)],
        log: &Path,
    ) -> Result<()> {
        let output = File::create(log).during(format_args!("cannot write {}", log.display()))?;
        let errors = output.try_clone().during("cannot share a log file")?;
        let child = Command::new(binary)
            .args(args)
            .env_clear()
            .envs(env::for_child(own_env))
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .during(format_args!("cannot start {name} ({})", binary.display()))?;
        self.members.push(Member { name, child, log: log.to_owned() });
        Ok(())
    }

    /// Whether somebody asked us to end.
    pub(crate) fn asked_to_stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Fails when a process has died, with the end of its log, or when somebody asked us to end.
    pub(crate) fn health(&mut self) -> Result<()> {
        for member in &mut self.members {
            if let Some(status) = member.child.try_wait().during("cannot look after a process")? {
                return Err(member.died(status));
            }
        }
        if self.asked_to_stop() {
            return Err(Failure::new("interrupted"));
        }
        Ok(())
    }

    /// The end of each log, for a failure that nobody owned up to.
    pub(crate) fn log_tails(&self) -> String {
        self.members.iter().map(Member::log_tail).collect::<Vec<_>>().join("\n")
    }

    /// Stops all, the last one first. A second Ctrl-C ends the waiting.
    pub(crate) fn stop(&mut self) {
        self.stop.store(false, Ordering::Relaxed);
        while let Some(mut member) = self.members.pop() {
            member.stop(&self.stop);
        }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Member {
    fn died(&self, status: ExitStatus) -> Failure {
        Failure::new(format!("{} has ended ({status}).\n{}", self.name, self.log_tail()))
    }

    fn log_tail(&self) -> String {
        let mut tail = Tail::default();
        // A log that can't be read says less, and that is all.
        let text = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&text).lines().for_each(|line| tail.push(line));
        format!("--- the end of {} ---\n{}", self.log.display(), tail.text())
    }

    fn stop(&mut self, at_once: &AtomicBool) {
        let Ok(id) = i32::try_from(self.child.id()) else {
            return;
        };
        let pid = Pid::from_raw(id);
        // Until we have waited for it its pid can't belong to anybody else, so neither signal can hit a stranger.
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        let _ = kill(pid, Signal::SIGTERM);
        let ended = wait::until(STOP_LIMIT, || {
            let ended = self.child.try_wait()?.is_some();
            Ok::<_, std::io::Error>((ended || at_once.load(Ordering::Relaxed)).then_some(ended))
        });
        if !matches!(ended, Ok(Some(true))) {
            let _ = killpg(pid, Signal::SIGKILL);
            let _ = self.child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet() -> Fleet {
        Fleet { members: Vec::new(), stop: Arc::default() }
    }

    fn log(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("xtask-fleet-{}-{name}.log", std::process::id()))
    }

    fn sh(fleet: &mut Fleet, script: &str, log: &Path) {
        fleet.start("the script", Path::new("/bin/sh"), &["-c", script], &[], log).expect("sh starts");
    }

    #[test]
    fn a_death_is_reported_with_the_end_of_the_log() {
        let (mut fleet, log) = (fleet(), log("death"));
        sh(&mut fleet, "echo no such socket >&2; exit 3", &log);
        let failure = wait::until(Duration::from_secs(10), || Ok::<_, ()>(fleet.health().err()))
            .expect("polled")
            .expect("it died")
            .to_string();
        fs::remove_file(&log).expect("removed");
        assert!(failure.contains("the script has ended (exit status: 3)"), "{failure}");
        assert!(failure.ends_with("no such socket"), "{failure}");
    }

    #[test]
    fn nothing_outlives_the_fleet() {
        let (mut fleet, log) = (fleet(), log("stop"));
        sh(&mut fleet, "exec sleep 600", &log);
        let pid = Pid::from_raw(i32::try_from(fleet.members[0].child.id()).expect("a pid"));
        drop(fleet);
        fs::remove_file(&log).expect("removed");
        assert!(kill(pid, None).is_err(), "it is gone and has been waited for");
    }

    #[test]
    fn a_second_ctrl_c_ends_the_waiting() {
        let (mut fleet, log) = (fleet(), log("deaf"));
        sh(&mut fleet, "trap '' TERM; echo deaf; while :; do sleep 600; done", &log);
        let deaf = || Ok::<_, ()>(fs::read_to_string(&log).is_ok_and(|text| text == "deaf\n").then_some(()));
        wait::until(Duration::from_secs(10), deaf).expect("polled").expect("the trap is set");
        let impatient = AtomicBool::new(true);
        fleet.members[0].stop(&impatient);
        assert!(!fleet.members[0].child.wait().expect("waited").success());
        fs::remove_file(&log).expect("removed");
    }
}
