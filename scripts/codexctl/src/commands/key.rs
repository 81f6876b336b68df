//! `codexctl key`: the file with the keys of http-front.
//!
//! Owns how the file is changed, and promises that it is whole at any moment, that two changes at once are both in it,
//! and that a file which the front wouldn't take is never written over. A key is on stdout once, when it is made, and
//! nowhere else.

mod add;
pub mod edit;
mod list;
mod revoke;
mod store;

use self::store::Store;
use crate::{environment, failure::Failure};
use clap::Subcommand;
use shared::keys::Name;
use std::path::PathBuf;

/// The variable that http-front has, too.
const VARIABLE: &str = environment::KEYS_FILE;
/// Where keys are when nobody says where.
const DEFAULT: &str = ".codex-api/keys.toml";

/// What follows `codexctl key`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file with the keys [default: PROXY_API_KEYS_FILE, else .codex-api/keys.toml]
    #[arg(long, global = true, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make a key and print it, once
    Add(add::Args),
    /// Show the keys, without what would let anybody in
    List(list::Args),
    /// Take a key away; a running front refuses it within about a second
    Revoke(revoke::Args),
}

/// Does it.
///
/// # Errors
/// [`Failure`], in words for the operator.
pub fn run(args: Args) -> Result<(), Failure> {
    let file = args.file.or_else(|| environment::path(VARIABLE)).unwrap_or_else(|| DEFAULT.into());
    let store = Store::at(file);
    match args.what {
        What::Add(args) => add::run(args, &store),
        What::List(args) => list::run(&args, &store),
        What::Revoke(args) => revoke::run(&args, &store),
    }
}

/// The name that somebody has typed; a wrong one is not repeated, because it may be a key.
fn name(text: &str) -> Result<Name, Failure> {
    Name::parse(text).map_err(|message| Failure::usage(format!("NAME {message}")))
}
