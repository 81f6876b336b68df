//! The only module that reads this process's environment, and what of it the pair gets to see.
#![expect(
    clippy::disallowed_methods,
    reason = "a developer's command has no `settings`; this is its one place"
)]

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// What the pair inherits. Everything else stays out: a `PROXY_…` left in somebody's shell would make `up` behave
/// differently on each machine.
const INHERITED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "TERM",
    "RUST_LOG",
    "RUST_BACKTRACE",
    // How this machine gets out to OpenAI, for `--real`.
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
];

/// The cargo that runs us, so that a child build uses the same toolchain.
pub(crate) fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

pub(crate) fn in_ci() -> bool {
    env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false" && value != "0")
}

/// Whether spinners would only litter the output.
pub(crate) fn plain_output() -> bool {
    in_ci() || env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// The folders of `PATH`.
pub(crate) fn search_path() -> Vec<PathBuf> {
    env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default()
}

/// The environment of a process of the pair: the inherited names, then ours over them.
pub(crate) fn for_child(own: &[(&str, OsString)]) -> BTreeMap<OsString, OsString> {
    merged(env::vars_os(), own)
}

fn merged(
    inherited: impl Iterator<Item = (OsString, OsString)>,
    own: &[(&str, OsString)],
) -> BTreeMap<OsString, OsString> {
    let mut merged: BTreeMap<_, _> =
        inherited.filter(|(name, _)| INHERITED.iter().any(|kept| name == OsStr::new(kept))).collect();
    merged.extend(own.iter().map(|(name, value)| (OsString::from(name), value.clone())));
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        pairs.iter().map(|(name, value)| (name.into(), value.into())).collect()
    }

    #[test]
    fn settings_of_the_shell_stay_out() {
        let shell =
            pairs(&[("PATH", "/bin"), ("PROXY_API_KEY", "theirs"), ("WORKER_SOCKET", "/x"), ("PORT", "1")]);
        assert_eq!(
            merged(shell.into_iter(), &[]).into_iter().collect::<Vec<_>>(),
            pairs(&[("PATH", "/bin")])
        );
    }

    #[test]
    fn ours_win() {
        let shell = pairs(&[("RUST_LOG", "trace"), ("PATH", "/bin")]);
        let merged = merged(shell.into_iter(), &[("RUST_LOG", "info".into()), ("PORT", "1".into())]);
        assert_eq!(
            merged.into_iter().collect::<Vec<_>>(),
            pairs(&[("PATH", "/bin"), ("PORT", "1"), ("RUST_LOG", "info")])
        );
    }
}
