//! `codexctl key revoke`.

use super::{edit, name, store::Store};
use crate::{failure::Failure, print::note};

/// What follows `codexctl key revoke`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The name of the key
    name: String,
}

pub(super) fn run(args: &Args, store: &Store) -> Result<(), Failure> {
    let name = name(&args.name)?;
    let path = store.change(false, |text, entries| {
        let text = edit::revoked(text, name.as_str()).map_err(Failure::failed)?;
        let Some(text) = text else {
            return Err(Failure::usage(format!("there is no key `{name}`; `codexctl key list` shows them")));
        };
        Ok((text, entries.iter().filter(|entry| entry.name != name).cloned().collect()))
    })?;
    note(&format!("`{name}` is no longer in {}. A front refuses it within about a second.", path.display()));
    Ok(())
}
