//! A booted machine: started, asked, and gone when it is dropped.

use gateway_tests::pair::{DEADLINE, children};
use nix::{
    sched::{CloneFlags, setns},
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// What a command in the machine did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    /// What it wrote to stdout and stderr.
    pub(crate) said: String,
}

/// A machine whose systemd is up.
pub(crate) struct Machine {
    shell: Child,
    init: u32,
    _dir: TempDir,
}

impl Machine {
    /// Boots the root folder that `SYSTEMD_ROOT` names, with these folders (outside, inside) to be read.
    pub(crate) async fn boot(read: &[(&Path, &str)]) -> Self {
        let dir = tempfile::Builder::new().prefix("machine-").tempdir().expect("a folder");
        let name = dir.path().file_name().and_then(|name| name.to_str()).expect("a name").replace('.', "");
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh"]);
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("suites/systemd/boot.sh"));
        command.arg(name.to_lowercase()).arg(root()).arg(dir.path());
        command
            .args(read.iter().map(|(outside, inside)| format!("--bind-ro={}:{inside}", outside.display())));
        let shell = command.arg("--boot").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
        let mut machine = Self { shell: shell.spawn().expect("unshare"), init: 0, _dir: dir };
        machine.up().await;
        machine
    }

    /// Waits until its systemd is up, another one than before.
    async fn up(&mut self) {
        let before = self.init;
        self.init = eventually("a machine", async || {
            let ended = self.shell.try_wait().expect("a shell");
            assert_eq!(ended, None, "the machine didn't start");
            self.find_init().filter(|init| *init != before)
        })
        .await;
        eventually("systemd to be up", async || {
            self.run(&["systemctl", "is-system-running"]).await.said.starts_with("running").then_some(())
        })
        .await;
    }

    /// Has the machine end everything and start anew; what is on its disk stays.
    pub(crate) async fn reboot(&mut self) {
        // It may end before systemctl has heard that it is on its way.
        self.run(&["systemctl", "reboot"]).await;
        self.up().await;
    }

    /// The first process of the machine: systemd, in a pid namespace of its own.
    fn find_init(&self) -> Option<u32> {
        let shells = children(self.shell.id());
        let spawned = shells.into_iter().flat_map(children);
        spawned
            .into_iter()
            .find(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm == "systemd\n"))
    }

    /// The same file as seen from outside.
    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{inside}", self.init))
    }

    /// Writes a file, and the folder that it is in.
    pub(crate) fn write(&self, inside: &str, text: &str) {
        let path = self.path(inside);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect(inside);
    }

    /// Runs a command to its end.
    pub(crate) async fn run(&self, command: &[&str]) -> Ran {
        let mut enter = tokio::process::Command::new("nsenter");
        enter.args(["-t", &self.init.to_string(), "-m", "-u", "-i", "-n", "-p", "-C", "--"]).args(command);
        enter.env_clear().env("PATH", "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        ran(&mut enter, command).await
    }

    /// Runs a command that must succeed, and gives what it said.
    pub(crate) async fn ok(&self, command: &[&str]) -> String {
        let ran = self.run(command).await;
        if ran.code != Some(0) {
            let journal =
                self.run(&["journalctl", "--no-pager", "--lines=60", "--output=short-precise"]).await;
            assert_eq!(ran.code, Some(0), "{command:?}: {}\n{}", ran.said, journal.said);
        }
        ran.said
    }

    /// `systemctl` with these arguments; it must succeed.
    pub(crate) async fn systemctl(&self, arguments: &[&str]) -> String {
        self.ok(&[&["systemctl"], arguments].concat()).await
    }

    /// A property of a unit.
    pub(crate) async fn show(&self, unit: &str, property: &str) -> String {
        let said = self.systemctl(&["show", unit, "--value", "--property", property]).await;
        said.trim_end().to_owned()
    }

    /// What a unit has in the journal. The lines of our programs among it are as they should be.
    pub(crate) async fn journal(&self, unit: &str) -> String {
        // What was written before is in it.
        self.ok(&["journalctl", "--sync"]).await;
        let journal = self.ok(&["journalctl", "--no-pager", "--output=cat", "--unit", unit]).await;
        for line in journal.lines().filter(|line| line.starts_with('{')) {
            let faults = gateway_tests::log::faults(line);
            assert!(faults.is_empty(), "{line}: {faults:?}");
        }
        journal
    }

    /// Runs a command of this host in the machine's network, with these variables.
    pub(crate) async fn run_beside(&self, command: &[&str], variables: &[(&str, &str)]) -> Ran {
        let mut enter = tokio::process::Command::new("nsenter");
        enter.args(["-t", &self.init.to_string(), "-n", "--"]).args(command);
        ran(enter.envs(variables.iter().copied()), command).await
    }

    /// Runs `work` on a thread that is in the machine's network, with a runtime of its own.
    pub(crate) async fn in_network<T, F>(&self, work: impl FnOnce() -> F + Send + 'static) -> T
    where
        T: Send + 'static,
        F: Future<Output = T>,
    {
        let network = File::open(format!("/proc/{}/ns/net", self.init)).expect("a network");
        let (done, result) = tokio::sync::oneshot::channel();
        let thread = std::thread::spawn(move || {
            setns(network, CloneFlags::CLONE_NEWNET).expect("to enter the network");
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            done.send(runtime.block_on(work())).ok();
        });
        match result.await {
            Ok(result) => result,
            // It panicked: so does this.
            Err(_) => std::panic::resume_unwind(thread.join().expect_err("a panic")),
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // With its first process a machine ends, and the shell cleans up behind it.
        let init = self.find_init().or(Some(self.init).filter(|init| *init > 0));
        if let Some(init) = init.and_then(|init| i32::try_from(init).ok()) {
            kill(Pid::from_raw(init), Signal::SIGKILL).ok();
        } else {
            self.shell.kill().ok();
        }
        self.shell.wait().ok();
    }
}

/// Runs it to its end; `shown` is what a failure names.
async fn ran(command: &mut tokio::process::Command, shown: &[&str]) -> Ran {
    let output = tokio::time::timeout(4 * DEADLINE, command.kill_on_drop(true).output()).await;
    let output = output.unwrap_or_else(|_| unreachable!("{shown:?} takes too long")).expect("nsenter");
    let said = [output.stdout, output.stderr].concat();
    Ran { code: output.status.code(), said: String::from_utf8_lossy(&said).into_owned() }
}

/// The root folder to boot.
#[expect(clippy::disallowed_methods, reason = "tests are told where the root is by the environment")]
fn root() -> PathBuf {
    std::env::var_os("SYSTEMD_ROOT").map(PathBuf::from).expect("SYSTEMD_ROOT; `cargo xtask test` sets it")
}

/// Looks again and again until there is something.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    loop {
        tick.tick().await;
        if let Some(found) = look().await {
            return found;
        }
        assert!(start.elapsed() < DEADLINE, "waited {DEADLINE:?} for {what}");
    }
}

/// Whether a call failed because nobody listens there.
pub(crate) fn is_refused(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound)
}
