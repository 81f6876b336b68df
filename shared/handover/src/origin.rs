//! How a process was started, and who looks after it: whether another one may take its place at all.
//!
//! Whoever started a process and waits for its end takes that for the end of the service. Only systemd can be told that another
//! process is the service from now on.

use crate::{Role, VARIABLE};
use std::{fs, os::unix::process::parent_id, process};

/// Where a process comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Its role.
    pub role: Role,
    /// Whether systemd listens to what the service says (`NOTIFY_SOCKET`).
    notifies: bool,
    /// The process that systemd started (`SYSTEMD_EXEC_PID`).
    executed: Option<u32>,
}

impl Origin {
    /// As the environment has it: `variable` gives the value of a variable.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        Self {
            role: Role::of(variable(VARIABLE).as_deref()),
            notifies: variable("NOTIFY_SOCKET").is_some(),
            executed: variable("SYSTEMD_EXEC_PID").and_then(|pid| pid.parse().ok()),
        }
    }

    /// Why no other process may take the place of this one; `None` where one may.
    ///
    /// A supervisor of another kind (supervisord, runit) can't be told from a shell, and isn't seen.
    pub(crate) fn watched(self) -> Option<&'static str> {
        // Where it can't be read, it is taken for that of a container.
        let first = fs::read_to_string("/proc/1/comm").unwrap_or_default();
        watched(self, process::id(), parent_id(), first.trim_end())
    }
}

/// The process is `pid`, its parent `parent`, and the name of the first process is `first`.
fn watched(origin: Origin, pid: u32, parent: u32, first: &str) -> Option<&'static str> {
    if pid == 1 {
        return Some("this is the first process of its container, which ends with it; replace the container");
    }
    if origin.role == Role::Successor || origin.notifies {
        return None;
    }
    if origin.executed == Some(pid) {
        return Some(
            "systemd would take the end of this process for that of the service; the unit needs Type=notify",
        );
    }
    (parent == 1 && first != "systemd").then_some(
        "the first process of this container waits for this one, and ends with it; replace the container",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_the_place_of_one_that_somebody_waits_for() {
        let of = |variables: &[(&str, &str)]| {
            Origin::read(|name| {
                variables.iter().find(|(found, _)| *found == name).map(|(_, value)| (*value).to_owned())
            })
        };
        let shell = of(&[]);
        let unit = of(&[("SYSTEMD_EXEC_PID", "7"), ("NOTIFY_SOCKET", "/run/systemd/notify")]);
        let plain = of(&[("SYSTEMD_EXEC_PID", "7")]);
        let later = of(&[("GATEWAY_HANDOVER", "take")]);
        // What it inherited from a unit's shell is not about this process.
        let inherited = of(&[("SYSTEMD_EXEC_PID", "6")]);
        let said = |origin, pid, parent, first| watched(origin, pid, parent, first).unwrap_or_default();
        for (origin, pid, parent, first, why) in [
            (shell, 7, 6, "tini", ""),
            (shell, 7, 1, "systemd", ""),
            (shell, 7, 1, "docker-init", "replace the container"),
            (shell, 7, 1, "", "replace the container"),
            (shell, 1, 0, "http-front", "replace the container"),
            (later, 1, 0, "http-front", "replace the container"),
            (later, 7, 1, "tini", ""),
            (unit, 7, 1, "systemd", ""),
            (plain, 7, 1, "systemd", "Type=notify"),
            (inherited, 7, 6, "systemd", ""),
        ] {
            let said = said(origin, pid, parent, first);
            assert!(said.contains(why) && said.is_empty() == why.is_empty(), "{origin:?} {pid}: {said}");
        }
    }
}
