//! What the system says of a process: memory, processor time, open files.
//!
//! Read from `/proc` and `/sys/fs/cgroup` when somebody asks. Promises: what can't be read is left out; nothing fails.
//! Reading takes well under a millisecond, but the kernel may hold it up: ask on a thread that may wait.

use crate::control::metrics::{Process as Told, Spans};
use procfs::{Current, CurrentSI, KernelStats, Meminfo, process::Process};
use std::{
    fs,
    path::{Component, Path, PathBuf},
};

/// Where cgroups of the second version are.
const CGROUPS: &str = "/sys/fs/cgroup";
/// The file with a cgroup's limit.
const LIMIT: &str = "memory.max";

/// What is known of our own process.
pub fn own() -> Told {
    Process::myself().map_or_else(|_| Told::default(), |process| told(&process))
}

/// What is known of another one.
pub fn of(pid: u32) -> Told {
    let process = i32::try_from(pid).ok().and_then(|pid| Process::new(pid).ok());
    process.map_or_else(Told::default, |process| told(&process))
}

fn told(process: &Process) -> Told {
    let stat = process.stat().ok();
    let ticks = |ticks: u64| ticks as f64 / procfs::ticks_per_second() as f64;
    let limits = process.limits().ok();
    Told {
        version: None,
        memory_bytes: stat.as_ref().map(|stat| stat.rss * procfs::page_size()),
        memory_limit_bytes: limit(process),
        cpu_seconds: stat.as_ref().map(|stat| ticks(stat.utime + stat.stime)),
        open_fds: process.fd_count().ok().map(|count| count as u64),
        max_fds: limits.and_then(|limits| match limits.max_open_files.soft_limit {
            procfs::process::LimitValue::Value(value) => Some(value),
            procfs::process::LimitValue::Unlimited => None,
        }),
        started_at: stat
            .and_then(|stat| Some(KernelStats::current().ok()?.btime as f64 + ticks(stat.starttime))),
        panics: 0,
        log_lines_dropped: 0,
        spans: Spans::default(),
    }
}

/// The memory that a process may have: the least of its cgroup and those around it, else the machine's.
fn limit(process: &Process) -> Option<u64> {
    let machine = Meminfo::current().ok().map(|memory| memory.mem_total);
    let groups = process.cgroups().ok();
    let group = groups.and_then(|groups| groups.0.into_iter().find(|group| group.hierarchy == 0));
    let held = group.and_then(|group| least(Path::new(CGROUPS), &group.pathname));
    held.into_iter().chain(machine).min()
}

/// The least limit of the cgroup at `path` below `root`, and of those around it.
fn least(root: &Path, path: &str) -> Option<u64> {
    // In a namespace of cgroups a process outside of it has a path that climbs: it is not ours to follow.
    let names: Vec<Component<'_>> = Path::new(path).components().collect();
    if names.iter().any(|name| matches!(name, Component::ParentDir)) {
        return read(&root.join(LIMIT));
    }
    let inner: PathBuf = names.into_iter().filter(|name| matches!(name, Component::Normal(_))).collect();
    let whole = root.join(inner);
    whole.ancestors().take_while(|dir| dir.starts_with(root)).filter_map(|dir| read(&dir.join(LIMIT))).min()
}

/// A limit in a file; `None` for none (`max`).
fn read(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_process_is_known() {
        let told = own();
        assert!(told.memory_bytes.is_some_and(|bytes| bytes > 1 << 20), "{told:?}");
        assert!(told.memory_limit_bytes >= told.memory_bytes, "{told:?}");
        assert!(told.open_fds >= Some(3) && told.max_fds >= told.open_fds, "{told:?}");
        assert!(told.started_at.is_some_and(|at| at > 1_600_000_000.0) && told.cpu_seconds.is_some());
        assert_eq!(of(u32::MAX), Told::default());
        assert_eq!(of(std::process::id()).max_fds, told.max_fds);
    }

    #[test]
    fn the_least_limit_on_the_way_up_holds() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("a.slice/b.service");
        fs::create_dir_all(&inner).unwrap();
        let set = |dir: &str, text: &str| fs::write(root.path().join(dir).join(LIMIT), text).unwrap();
        let least = || least(root.path(), "/a.slice/b.service");
        assert_eq!(least(), None);
        set("a.slice/b.service", "max\n");
        assert_eq!(least(), None);
        set("a.slice", "3000\n");
        assert_eq!(least(), Some(3000));
        set("a.slice/b.service", "4000\n");
        assert_eq!(least(), Some(3000));
        set("a.slice/b.service", "2000\n");
        assert_eq!(least(), Some(2000));
        set("", "1000\n");
        assert_eq!((least(), super::least(root.path(), "/../x")), (Some(1000), Some(1000)));
        assert_eq!(super::least(root.path(), "/"), Some(1000));
    }
}
