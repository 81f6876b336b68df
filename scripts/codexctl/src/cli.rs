//! The command line.

use crate::{
    commands::{app_server, key, maintenance, ready, trace},
    failure::Failure,
    print,
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
    /// Make, list and revoke the keys that http-front takes.
    Key(key::Args),
    /// Shows what went between http-front and worker-daemon for a request, without its content.
    #[command(subcommand)]
    Trace(trace::Command),
    Maintenance(maintenance::Command),
    AppServer(app_server::Command),
    Ready(ready::Command),
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
        Ok(code) => code.into(),
        Err(failure) => {
            print::note(&format!("codexctl: {failure}"));
            failure.code().into()
        }
    }
}

/// The exit code of what could be done.
fn run(command: Command) -> Result<u8, Failure> {
    match command {
        Command::Key(args) => key::run(args)?,
        Command::Trace(command) => trace::run(command)?,
        Command::Maintenance(command) => maintenance::run(command)?,
        Command::AppServer(command) => app_server::run(&command)?,
        Command::Ready(command) => return ready::run(command),
    }
    Ok(exit::OK)
}
