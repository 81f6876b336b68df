//! The commands, one module each.

mod ask;
mod bench;
mod fetch;
mod fuzz;
mod test;
mod up;

use clap::ArgMatches;

use crate::failure::{Failure, Result};
use crate::paths::Paths;
use crate::steps::Steps;
use crate::ui::Ui;

pub(crate) fn run(matches: &ArgMatches, ui: &Ui) -> Result<()> {
    let paths = Paths::find()?;
    let mut steps = Steps::new(ui, paths.logs());
    match matches.subcommand() {
        Some(("up", matches)) => up::run(&up::Options::from(matches), &paths, &mut steps, ui),
        Some(("test", matches)) => test::run(&test::Options::from(matches), &paths, &mut steps, ui),
        Some(("bench", matches)) => bench::run(matches, &paths, &mut steps),
        Some(("fuzz", matches)) => fuzz::run(matches, &paths, &mut steps),
        Some(("fetch-codex", _)) => {
            let binary = fetch::step(&paths, &mut steps)?;
            ui.say(binary.display());
            Ok(())
        }
        Some(("fetch-clients", matches)) => {
            let clients = fetch::clients(&paths, matches.get_flag("long"), &mut steps)?;
            for (name, value) in clients.variables() {
                ui.say(format_args!("{name}={}", value.display()));
            }
            Ok(())
        }
        _ => Err(Failure::new("no such command; `cargo xtask --help` lists them")),
    }
}
