//! `cargo xtask`: the commands of people who develop. `cargo xtask --help` lists them.

mod apt;
mod booted;
mod browser;
mod cli;
mod client;
mod clients;
mod cmd;
mod codex;
mod debian;
mod engine;
mod env;
mod exec;
mod failure;
mod fleet;
mod home;
mod npm;
mod paths;
mod pinned;
mod prometheus;
mod python;
mod sse;
mod steps;
mod tools;
mod ui;
mod wait;

use std::process::ExitCode;

fn main() -> ExitCode {
    let ui = ui::Ui::new(env::plain_output());
    match cmd::run(&cli::parse(), &ui) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            ui.error(&failure);
            ExitCode::FAILURE
        }
    }
}
