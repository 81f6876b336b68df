//! A Chromium without a window, with a profile of its own that goes with it.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::Stdio,
};

use gateway_tests::pair::DEADLINE;
use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// A browser with one page. Dropping it ends it with all its processes.
pub(crate) struct Chromium {
    child: Child,
    /// The process group that it leads.
    group: Pid,
    folder: TempDir,
}

impl Chromium {
    /// Opens a page; `host` is a name for loopback.
    #[expect(clippy::disallowed_methods, reason = "the browser is a script that looks for its tools in PATH")]
    pub(crate) fn open(page: &str, host: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let said = File::create(folder.path().join("said")).expect("a file");
        let program = program();
        let child = Command::new(&program)
            .args(["--headless=new", "--no-first-run", "--disable-gpu", "--disable-extensions"])
            // Nothing that it does by itself: no updates, no look-ups, no reports.
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            // Root has no sandbox, and containers have little shared memory. The page is ours.
            .args(["--no-sandbox", "--disable-dev-shm-usage", "--no-proxy-server"])
            // What a page's developer would see in the console.
            .args(["--enable-logging=stderr", "--log-level=0"])
            .arg(format!("--host-resolver-rules=MAP {host} 127.0.0.1"))
            .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
            .arg(page)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said)
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{} can't be started: {error}", program.display()));
        let group = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        Self { group: group.expect("it runs"), child, folder }
    }

    /// What it has written.
    pub(crate) fn said(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.path().join("said")).unwrap_or_default()).into_owned()
    }

    /// Ends it, and gives all that it has written.
    pub(crate) async fn close(mut self) -> String {
        kill(self.group, Signal::SIGTERM).expect("it runs");
        let ended = tokio::time::timeout(DEADLINE, self.child.wait()).await;
        let _status = ended.unwrap_or_else(|_| panic!("the browser does not end\n{}", self.said()));
        self.said()
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Its helpers, too. Once all have ended there is no such group.
        let _ = killpg(self.group, Signal::SIGKILL);
    }
}

/// What `BROWSER_BIN` names, or else Debian's.
#[expect(clippy::disallowed_methods, reason = "tests are told where the browser is by the environment")]
fn program() -> PathBuf {
    let path = std::env::var_os("BROWSER_BIN").map_or_else(|| "/usr/bin/chromium".into(), PathBuf::from);
    assert!(
        path.exists(),
        "{} is not there; run `cargo xtask test browser`, or set BROWSER_BIN",
        path.display()
    );
    path
}
