//! The operator's command. Parses, runs, exits.

use std::process::ExitCode;

fn main() -> ExitCode {
    codexctl::cli::main()
}
