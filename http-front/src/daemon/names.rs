//! The workers behind one front, as `WORKER_SOCKET` lists them, and what each is called. Pure.
//!
//! A name is for logs, labels and answers: it promises to be none of another worker's, and to hold no path.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

/// The most workers that one front balances over: each is a login, a series of each kind, and a connection that is looked after.
pub const MOST: usize = 16;
/// What a worker is called whose path says nothing.
const NAMELESS: &str = "worker";

/// One worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    /// What it is called.
    pub name: String,
    /// Its daemon's socket.
    pub socket: PathBuf,
}

/// Reads the list: paths with commas between them.
///
/// # Errors
/// What is wrong with it, and what to do.
pub fn workers(list: &str) -> Result<Vec<Worker>, String> {
    let paths: Vec<PathBuf> = list.split(',').map(|path| PathBuf::from(path.trim())).collect();
    if paths.iter().any(|path| path.as_os_str().is_empty()) {
        return Err(
            "must name a socket between each two commas; take the comma that is too many out".to_owned()
        );
    }
    let mut seen = HashSet::new();
    if let Some(twice) = paths.iter().find(|path| !seen.insert(*path)) {
        return Err(format!("names {} twice; each worker has a socket of its own", twice.display()));
    }
    if paths.len() > MOST {
        return Err(format!("names {} sockets; a front has at most {MOST} workers", paths.len()));
    }
    let names = names(&paths);
    Ok(names.into_iter().zip(paths).map(|(name, socket)| Worker { name, socket }).collect())
}

/// The file without its ending; with its folder where another worker's is called the same, and with a number where that
/// isn't enough.
fn names(paths: &[PathBuf]) -> Vec<String> {
    let short: Vec<String> = paths.iter().map(|path| stem(path)).collect();
    let mut taken = HashSet::new();
    let alone = |name: &String| short.iter().filter(|other| *other == name).count() == 1;
    let names = short
        .iter()
        .zip(paths)
        .map(|(name, path)| if alone(name) { name.clone() } else { longer(name, path) });
    names
        .map(|name| {
            let numbered = (2..).map(|n| format!("{name}-{n}"));
            let free = std::iter::once(name.clone()).chain(numbered).find(|name| !taken.contains(name));
            let free = free.unwrap_or(name);
            taken.insert(free.clone());
            free
        })
        .collect()
}

fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(|| NAMELESS.to_owned(), |stem| stem.to_string_lossy().into_owned())
}

fn longer(name: &str, path: &Path) -> String {
    let folder = path.parent().and_then(Path::file_name);
    folder.map_or_else(|| name.to_owned(), |folder| format!("{}/{name}", folder.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(list: &str) -> Vec<String> {
        workers(list).unwrap().into_iter().map(|worker| worker.name).collect()
    }

    #[test]
    fn a_worker_is_called_as_its_file_is() {
        assert_eq!(named(".codex-api/worker.sock"), ["worker"]);
        assert_eq!(named("/run/codex/a.sock, /run/codex/b.sock"), ["a", "b"]);
        let two = workers("/run/a.sock,b").unwrap();
        assert_eq!(two[1], Worker { name: "b".into(), socket: "b".into() });
    }

    #[test]
    fn the_folder_tells_apart_what_is_called_the_same() {
        assert_eq!(named("/run/a/worker.sock,/run/b/worker.sock,/run/c.sock"), ["a/worker", "b/worker", "c"]);
        assert_eq!(named("/1/a/worker.sock,/2/a/worker.sock"), ["a/worker", "a/worker-2"]);
        assert_eq!(named("/worker.sock,worker.sock"), ["worker", "worker-2"]);
        // A name that a number makes may be another's.
        assert_eq!(named("/x.1,/x.2,/x-2.sock"), ["x", "x-2", "x-2-2"]);
    }

    #[test]
    fn what_is_wrong_with_a_list_is_said_with_its_remedy() {
        assert!(workers("").unwrap_err().contains("between each two commas"));
        assert!(workers("/a,,/b").unwrap_err().contains("comma that is too many"));
        assert!(workers("/a,/b,").unwrap_err().contains("comma"));
        assert_eq!(workers("/a, /a").unwrap_err(), "names /a twice; each worker has a socket of its own");
        let many: Vec<String> = (0..=MOST).map(|n| format!("/{n}")).collect();
        assert_eq!(workers(&many.join(",")).unwrap_err(), "names 17 sockets; a front has at most 16 workers");
        assert_eq!(workers(&many[1..].join(",")).unwrap().len(), MOST);
    }
}
