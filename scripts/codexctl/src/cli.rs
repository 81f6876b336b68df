//! The command line.

use crate::{
    commands::{app_server, maintenance},
    failure::Failure,
};
use clap::{Parser, Subcommand};
use shared::{build_info, exit};
use std::process::ExitCode;

/// The operator's command for http-front and worker-daemon.
#[derive(Debug, Parser)]
#[command(name = "codexctl", version = build_info::VERSION, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Maintenance(maintenance::Command),
    AppServer(app_server::Command),
}

/// Parses the command line and does what it says.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(told) => {
            let code = if told.use_stderr() { exit::USAGE } else { exit::OK };
            let _nowhere_to_tell = told.print();
            return code.into();
        }
    };
    match run(cli.command) {
        Ok(()) => exit::OK.into(),
        Err(failure) => {
            eprint(&failure);
            failure.code().into()
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Maintenance(command) => maintenance::run(command),
        Command::AppServer(command) => app_server::run(&command),
    }
}

#[expect(clippy::print_stderr, reason = "this is where an operator reads it")]
fn eprint(failure: &Failure) {
    eprintln!("codexctl: {failure}");
}
