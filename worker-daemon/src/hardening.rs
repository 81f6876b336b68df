//! What the process gives up under `CODE_SECURE_MODE`: core dumps, and being looked into by its own user.
//!
//! The memory of the daemon holds prompts and completions of all clients. A core dump would put them on a disk, and
//! a process of the same user could read them with a debugger.

use nix::sys::{
    prctl,
    resource::{Resource, setrlimit},
};
use std::io;

/// Turns core dumps off, for the children too, and makes this process not dumpable: no other process of its user can
/// attach to it or read its memory and environment. An `exec` makes the child dumpable again; its limit stays.
///
/// # Errors
/// What the system said. Neither is expected to fail, so the daemon must not go on as if it had them.
pub fn apply() -> io::Result<()> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    prctl::set_dumpable(false)?;
    tracing::info!(event = "hardened", "no core dumps, not dumpable (CODE_SECURE_MODE)");
    Ok(())
}
