//! The process in between: it starts the one that takes over, and ends, so that this is the child of the host's first process.
//!
//! As a child of the older one it would be watched by that alone: systemd hears of the end of its own children, and would not
//! restart a main process that dies while the older one still finishes what it has.

#![expect(clippy::print_stderr, reason = "it ends before there is a log")]

use crate::{
    NOT_INHERITED, Role, VARIABLE,
    succession::Started,
    wire::{self, FromYounger},
};
use shared::exit;
use std::{
    ffi::OsString,
    io::{self, Write},
    os::{fd::AsFd, unix::net::UnixStream},
    path::PathBuf,
    process::{Command, ExitCode},
};

/// What a program does in `role` before anything else: as [`Role::Launcher`] it starts the other one and has an exit code, in any
/// other role there is nothing to do.
pub fn begin(role: Role) -> Option<ExitCode> {
    (role == Role::Launcher).then(|| {
        let started =
            Started::this().ok_or_else(|| io::Error::other("nobody has said which program this is"));
        match started.and_then(|Started { program, arguments }| launch(program, arguments.into_iter())) {
            Ok(()) => exit::OK.into(),
            Err(error) => {
                eprintln!("the process that is to take over can't be started: {error}");
                exit::FAILURE.into()
            }
        }
    })
}

/// Starts the same program with the same arguments, the channel at its standard input, as [`Role::Successor`], and says which
/// process that is.
///
/// # Errors
/// The program can't be started, or the channel is closed.
fn launch(program: PathBuf, arguments: impl Iterator<Item = OsString>) -> io::Result<()> {
    let mut channel = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let pid = command(program, arguments, Role::Successor).spawn()?.id();
    channel.write_all(&wire::line(&FromYounger::Started { pid })?)
}

/// A command that starts the program in this role. Its output goes where ours goes.
pub(crate) fn command(program: PathBuf, arguments: impl Iterator<Item = OsString>, role: Role) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    for name in NOT_INHERITED {
        command.env_remove(name);
    }
    match role.value() {
        Some(value) => command.env(VARIABLE, value),
        None => command.env_remove(VARIABLE),
    };
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    #[test]
    fn what_was_meant_for_one_process_reaches_no_other() {
        for role in [Role::First, Role::Launcher, Role::Successor] {
            let command = command("x".into(), std::iter::empty(), role);
            let said = |name: &str| command.get_envs().find(|(found, _)| *found == OsStr::new(name));
            for name in NOT_INHERITED {
                assert_eq!(said(name), Some((OsStr::new(name), None)), "{name}");
            }
            assert_eq!(said(VARIABLE), Some((OsStr::new(VARIABLE), role.value().map(OsStr::new))));
        }
    }
}
