//! The folders and secrets that `up` makes: a home for the child, a key, a free port.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{ErrorKind, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use crate::failure::{Failure, Result, While};

const KEY_BYTES: usize = 24;

/// Makes a folder that only its owner can enter, whether it was there or not.
pub(crate) fn private_dir(path: &Path) -> Result<()> {
    let doing = || format!("cannot make {}", path.display());
    DirBuilder::new().recursive(true).mode(0o700).create(path).during(doing())?;
    fs::set_permissions(path, Permissions::from_mode(0o700)).during(doing())
}

/// What codex needs to know to ask the scripted upstream instead of OpenAI.
pub(crate) fn scripted_config(base_url: &str) -> String {
    format!(
        "# Written by `cargo xtask up` at each start.\n\
         model = \"gpt-5.5\"\n\
         model_provider = \"scripted\"\n\
         \n\
         [model_providers.scripted]\n\
         name = \"scripted\"\n\
         base_url = \"{base_url}\"\n\
         wire_api = \"responses\"\n\
         request_max_retries = 0\n\
         stream_max_retries = 0\n\
         supports_websockets = false\n"
    )
}

/// The address in the line that the scripted upstream prints when it is ready.
pub(crate) fn upstream_address(log: &str) -> Option<&str> {
    log.split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
        .find_map(|line| line.trim_end().strip_prefix("scripted upstream listening on "))
        .filter(|address| address.starts_with("http://"))
}

/// A key for one run.
pub(crate) fn random_key() -> Result<String> {
    let mut bytes = [0; KEY_BYTES];
    File::open("/dev/urandom")
        .and_then(|mut random| random.read_exact(&mut bytes))
        .during("cannot read /dev/urandom")?;
    let mut key = "sk-local-".to_owned();
    for byte in bytes {
        // Writing to a string can't fail.
        let _ = write!(key, "{byte:02x}");
    }
    Ok(key)
}

/// The port to serve on; for 0 one that is free just now.
pub(crate) fn free_port(wanted: u16) -> Result<u16> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, wanted)) {
        Ok(listener) => Ok(listener.local_addr().during("cannot find a free port")?.port()),
        Err(error) if error.kind() == ErrorKind::AddrInUse => Err(Failure::new(format!(
            "port {wanted} on 127.0.0.1 is taken, perhaps by another `cargo xtask up`.\n\
             End that, or serve on another port: `--port N` (`--port 0` takes any free one)."
        ))),
        Err(error) => Err(Failure::new(format!("cannot serve on port {wanted}: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_names_the_remedy() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bound");
        let port = taken.local_addr().expect("an address").port();
        let failure = free_port(port).expect_err("taken").to_string();
        assert!(failure.contains(&port.to_string()) && failure.contains("--port"), "{failure}");
        assert_ne!(free_port(0).expect("any"), 0);
    }

    #[test]
    fn keys_are_long_and_differ() {
        let (one, other) = (random_key().expect("a key"), random_key().expect("a key"));
        assert_ne!(one, other);
        assert_eq!(one.len(), "sk-local-".len() + 2 * KEY_BYTES);
    }

    #[test]
    fn the_upstream_is_ready_with_a_whole_line() {
        let line = "scripted upstream listening on http://127.0.0.1:40123/v1";
        assert_eq!(upstream_address(line), None, "half a line may be half an address");
        assert_eq!(upstream_address(&format!("hello\n{line}\n")), Some("http://127.0.0.1:40123/v1"));
        assert_eq!(upstream_address("hello\n"), None);
    }

    #[test]
    fn a_home_is_private_even_if_it_was_not() {
        let dir = std::env::temp_dir().join(format!("xtask-home-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("made");
        fs::set_permissions(&dir, Permissions::from_mode(0o755)).expect("opened");
        private_dir(&dir).expect("closed");
        let mode = fs::metadata(&dir).expect("there").permissions().mode() & 0o777;
        fs::remove_dir(&dir).expect("removed");
        assert_eq!(mode, 0o700);
    }
}
