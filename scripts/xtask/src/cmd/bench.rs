//! `bench`: a benchmark of the tests crate, against release binaries and the pinned codex.

use clap::ArgMatches;

use super::fetch;
use crate::failure::Result;
use crate::paths::Paths;
use crate::steps::{Show, Steps};

pub(crate) fn run(matches: &ArgMatches, paths: &Paths, steps: &mut Steps<'_>) -> Result<()> {
    let codex = fetch::step(paths, steps)?;
    // The running program is one of the workspace's binaries: building it anew would replace it under our feet.
    let mut build = paths.cargo(&["build", "--release", "--workspace", "--exclude", "xtask", "--bins"]);
    steps.command("build the release binaries", &mut build, Show::OnFailure)?;

    let name = matches.get_one::<String>("name").map_or("pair", String::as_str);
    let mut bench = paths.cargo(&["bench", "-p", "gateway-tests", "--bench", name, "--"]);
    bench.args(matches.get_many::<String>("args").into_iter().flatten());
    bench.env("CODEX_BIN_REAL", codex);
    steps.command(&format!("benchmark {name}"), &mut bench, Show::Live)?;
    Ok(())
}
