//! Exit codes of both binaries. `docs/operations/exit-codes.md` explains them to operators.

/// A clean stop.
pub const OK: u8 = 0;
/// A flag, variable or configuration file that can't be used.
pub const USAGE: u8 = 2;
/// An address or socket path that can't be served (in use, too long, no permission), or a state folder that another
/// daemon has.
pub const BIND: u8 = 3;
/// The codex binary is missing, too old or can't be run.
pub const CODEX: u8 = 4;
/// codex was lost while the daemon ran, and can't be started again: its binary is gone or too old.
pub const LOST: u8 = 5;
/// Anything else that ended the program against its will.
pub const FAILURE: u8 = 1;
