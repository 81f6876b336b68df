//! Where the programs under test are.
#![expect(clippy::panic, reason = "a test that lacks its programs must end and say what to run")]

use std::path::{Path, PathBuf};

/// A program that the workspace builds.
#[derive(Debug, Clone, Copy)]
pub enum Binary {
    /// The daemon.
    WorkerDaemon,
    /// The front.
    HttpFront,
    /// The operator's command.
    Codexctl,
    /// The scripted child.
    FakeCodex,
    /// The recorder between daemon and child.
    ChildTap,
    /// What logs and panics.
    LogLines,
    /// The client of a socket that runs as somebody else.
    SocketCat,
}

/// The path of a program, beside the test that runs.
///
/// # Panics
/// When it was not built.
pub fn binary(which: Binary) -> PathBuf {
    let name = match which {
        Binary::WorkerDaemon => "worker-daemon",
        Binary::HttpFront => "http-front",
        Binary::Codexctl => "codexctl",
        Binary::FakeCodex => "fake-codex",
        Binary::ChildTap => "child-tap",
        Binary::LogLines => "log-lines",
        Binary::SocketCat => "socket-cat",
    };
    let test = std::env::current_exe().expect("a running program has a path");
    let folders = test.ancestors().skip(1).take(2);
    let found = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!("{name} is not built; run `cargo xtask test` or `cargo build --workspace --bins`")
    })
}

/// The root of the workspace.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace")
}

/// The native codex binary that `cargo xtask fetch-codex` installs, or the one that `CODEX_BIN_REAL` names.
///
/// # Panics
/// When it was not fetched.
#[expect(clippy::disallowed_methods, reason = "tests are told where codex is by the environment")]
pub fn real_codex() -> PathBuf {
    let vendor = root().join("target/tools/codex/node_modules/@openai");
    let installed = ["x64/vendor/x86_64", "arm64/vendor/aarch64"]
        .map(|arch| vendor.join(format!("codex-linux-{arch}-unknown-linux-musl/bin/codex")));
    let named = std::env::var_os("CODEX_BIN_REAL").map(PathBuf::from);
    let found = named.into_iter().chain(installed).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("codex is not installed; run `cargo xtask fetch-codex`"))
}

/// A bundle with one root, as operators should give the child one: it parses the bundle for every turn.
///
/// # Errors
/// When it can't be written.
pub fn ca_bundle(folder: &Path) -> std::io::Result<Option<PathBuf>> {
    const END: &str = "-----END CERTIFICATE-----\n";
    let Ok(system) = std::fs::read_to_string("/etc/ssl/certs/ca-certificates.crt") else {
        return Ok(None);
    };
    let Some(end) = system.find(END) else {
        return Ok(None);
    };
    let path = folder.join("one-root.pem");
    std::fs::write(&path, &system[..end + END.len()])?;
    Ok(Some(path))
}
