//! The tests in a real browser: Chromium is found or installed, or it is said why it can't be.

use std::path::PathBuf;
use std::process::Command;

use crate::clients::Clients;
use crate::failure::Result;
use crate::steps::{Show, Steps};
use crate::{apt, tools};

const NAME: &str = "pages in a real browser";
/// What the program is called, here and there.
const PROGRAMS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
const PACKAGES: [&str; 1] = ["chromium"];

/// The step, or a skipped one that says why. `tests` is nextest with what every run of it gets.
pub(crate) fn step(
    clients: &Clients,
    steps: &mut Steps<'_>,
    mut tests: Command,
    filters: &[&str],
) -> Result<()> {
    let browser = match find(steps) {
        Ok(browser) => browser,
        Err(why) => {
            steps.skip(NAME, &why);
            return Ok(());
        }
    };
    tests.args(["--package", "gateway-tests", "--test", "edge", "--ignore-default-filter"]);
    tests.args(["-E", "test(/^browser::/)"]).args(filters);
    tests.envs(clients.variables()).env("BROWSER_BIN", browser);
    steps.command(NAME, &mut tests, Show::Live)?;
    Ok(())
}

fn find(steps: &mut Steps<'_>) -> std::result::Result<PathBuf, String> {
    let here = || PROGRAMS.iter().find_map(|program| tools::on_path(program));
    if let Some(found) = here() {
        return Ok(found);
    }
    apt::install("Chromium", &PACKAGES, steps)?;
    here().ok_or_else(|| "apt-get has installed Chromium under a name that is not known".to_owned())
}
