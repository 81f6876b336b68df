//! How many connections the process may have: every one is an open file.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// What the process needs beside connections: the daemon's socket, images that are fetched, logs, the runtime.
const OTHERS: u64 = 128;
/// The most places of the internal listener, which serves operators and the proxy in front.
const INTERNAL: usize = 1024;

/// Raises the soft limit of open files to the hard one, and gives what holds then.
pub fn raise() -> u64 {
    let (soft, hard) = match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok(limits) => limits,
        Err(error) => {
            tracing::warn!(event = "open_files_unknown", %error, "can't tell how many files may be open");
            return u64::MAX;
        }
    };
    if soft >= hard {
        return soft;
    }
    match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => hard,
        Err(error) => {
            tracing::warn!(event = "open_files_not_raised", %error, soft, hard, "can't raise the limit of open files");
            soft
        }
    }
}

/// The places of the public and of the internal listener, where so many are wanted of each and so many files may be open. One
/// listener's connections never use up the files of the other's.
pub fn places(wanted: usize, files: u64) -> (usize, usize) {
    let free = usize::try_from(files.saturating_sub(OTHERS)).unwrap_or(usize::MAX);
    // Each has one more: the one that waits for a place.
    let internal = wanted.min(INTERNAL).min((free / 4).saturating_sub(1)).max(1);
    let public = wanted.min(free.saturating_sub(internal + 2)).max(1);
    (public, internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_fit_into_the_files_that_may_be_open() {
        assert_eq!(places(4096, u64::MAX), (4096, 1024));
        assert_eq!(places(100, 20_000), (100, 100));
        assert_eq!(places(1_000_000, 20_000), (18_846, 1024));
        for files in [0, 1, 64, 128, 130, 256, 1024, 4096, 1 << 20] {
            for wanted in [1, 10, 4096, usize::MAX] {
                let (public, internal) = places(wanted, files);
                assert!(public >= 1 && internal >= 1 && public <= wanted && internal <= wanted);
                if files >= 256 {
                    assert!((public + internal + 2) as u64 + OTHERS <= files, "{wanted} in {files}");
                }
            }
        }
    }

    #[test]
    fn the_soft_limit_is_the_hard_one_then() {
        let files = raise();
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        assert_eq!((soft, files), (hard, hard));
    }
}
