//! The command line.

use crate::{
    commands::{app_server, maintenance},
    failure::Failure,
    key, trace,
};
use clap::{Parser, Subcommand};
use shared::{build_info, exit};
use std::{io::Write, process::ExitCode};

/// The operator's command for http-front and worker-daemon.
#[derive(Debug, Parser)]
#[command(name = "codexctl", version = build_info::VERSION, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make, list and revoke the keys that http-front takes.
    Key(key::Args),
    /// Shows what went between http-front and worker-daemon for a request, without its content.
    #[command(subcommand)]
    Trace(trace::Command),
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
        Command::Key(args) => key::run(args),
        Command::Trace(command) => trace::run(command),
        Command::Maintenance(command) => maintenance::run(command),
        Command::AppServer(command) => app_server::run(&command),
    }
}

#[expect(clippy::print_stderr, reason = "this is where an operator reads it")]
fn eprint(failure: &Failure) {
    eprintln!("codexctl: {failure}");
}

/// Says something to the operator beside the answer, which has stdout for itself.
#[expect(clippy::print_stderr, reason = "this is where an operator reads it")]
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}

/// Writes an answer to stdout.
///
/// # Errors
/// When nobody reads it any more, or the disk behind it is full.
pub(crate) fn answer(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let written = writeln!(out, "{text}").and_then(|()| out.flush());
    written.map_err(|error| Failure::failed(format!("the answer can't be written: {error}")))
}
