//! What the units let the programs do, and what not.

use crate::{
    gateway::{FRONT, PATH, SOCKET, WORKER, installed, serves, started},
    machine::Machine,
};

/// Those of the template stand for all of it.
const UNITS: [&str; 8] = [
    WORKER,
    SOCKET,
    FRONT,
    "codex-front.socket",
    "codex-worker@.service",
    "codex-worker@a.service",
    "codex-worker@a.socket",
    "codex-compose.service",
];

#[tokio::test]
async fn the_units_are_clean_and_tight() {
    let machine = installed().await;
    docker(&machine).await;
    machine.systemctl(&["daemon-reload"]).await;
    let said = machine.ok(&[&["systemd-analyze", "verify"], &UNITS[..]].concat()).await;
    assert_eq!(said, "", "systemd-analyze verify");
    for unit in UNITS.iter().filter(|unit| unit.ends_with(".service")) {
        // In tenths: 2.5.
        let judge = ["systemd-analyze", "security", "--no-pager", "--threshold=25"];
        if unit.contains("@a") {
            // As systemd itself sees it, an instance has no file.
            machine.ok(&[&judge[..], &[unit]].concat()).await;
        } else {
            let path = format!("/etc/systemd/system/{unit}");
            machine.ok(&[&judge[..], &["--offline=true", &path]].concat()).await;
        }
    }
    compose(&machine).await;
}

/// What stands for Docker: it writes down what it was asked for.
async fn docker(machine: &Machine) {
    machine.write(
        "/etc/systemd/system/docker.service",
        "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n",
    );
    machine.write("/usr/bin/docker", "#!/bin/sh\ncat .env && echo \"docker $*\"\n");
    machine.ok(&["chmod", "+x", "/usr/bin/docker"]).await;
    machine.write("/srv/codex-gateway/.env", "of an operator\n");
    // A clone belongs to somebody else.
    machine.ok(&["sh", "-c", "chown -R nobody /srv/codex-gateway && chmod 0700 /srv/codex-gateway"]).await;
    machine.ok(&["chmod", "0600", "/srv/codex-gateway/.env"]).await;
}

/// The stack of containers starts behind Docker, is made anew at a reload, and stops.
async fn compose(machine: &Machine) {
    for verb in ["start", "reload", "stop"] {
        machine.systemctl(&[verb, "codex-compose"]).await;
        assert_eq!(machine.show("docker.service", "ActiveState").await, "active");
    }
    let journal = machine.journal("codex-compose").await;
    let asked: Vec<_> = journal.lines().filter(|line| line.starts_with("docker ")).collect();
    let file = "docker compose --env-file .env -f compose/docker-compose.yml";
    let up = format!("{file} up --detach --no-build --wait");
    assert_eq!(asked, [&up, &up, &format!("{file} stop")], "{journal}");
    assert_eq!(journal.matches("of an operator").count(), 3, "{journal}");
}

#[tokio::test]
async fn the_front_reaches_the_socket_and_nothing_else_of_the_workers() {
    let machine = started().await;
    serves(&machine).await;
    let as_user = async |user: &str, command: &[&str]| {
        let user = format!("--reuid={user}");
        let group = user.replace("--reuid=", "--regid=").replace("nobody", "nogroup");
        let set = ["setpriv", &user, &group, "--init-groups", "--"];
        machine.run(&[&set[..], command].concat()).await.code
    };
    assert_eq!(as_user("codex-worker", &["test", "-r", "/var/lib/codex/config.toml"]).await, Some(0));
    for user in ["codex-front", "nobody"] {
        assert_ne!(as_user(user, &["ls", "/var/lib/codex"]).await, Some(0), "{user}");
        assert_ne!(as_user(user, &["test", "-e", "/var/lib/codex/config.toml"]).await, Some(0), "{user}");
    }
    assert_eq!(as_user("codex-front", &["test", "-w", PATH]).await, Some(0));
    assert_ne!(as_user("nobody", &["test", "-w", PATH]).await, Some(0));
    // The watchdog ends a daemon by a signal that leaves a core file, and in it would be what clients sent.
    for unit in [WORKER, FRONT] {
        let limits =
            machine.ok(&["cat", &format!("/proc/{}/limits", machine.show(unit, "MainPID").await)]).await;
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a limit");
        // The soft limit, and the hard one.
        let both: Vec<_> = core.split_whitespace().skip(4).take(2).collect();
        assert_eq!(both, ["0", "0"], "{unit}: {core}");
    }
    // Not even root can see it from where the front is.
    let front = machine.show(FRONT, "MainPID").await;
    let ran = machine.run(&["nsenter", "-t", &front, "-m", "ls", "/var/lib/codex/config.toml"]).await;
    assert_ne!(ran.code, Some(0), "{}", ran.said);
}

/// What an agent's command would be: reads, and may not write or reach the network.
const COMMAND: &str = "echo ran as $(id -u); touch /var/lib/codex/x || echo no write; \
                       exec 3<>/dev/tcp/127.0.0.1/9999 || echo no network";

#[tokio::test]
async fn codex_runs_a_command_in_its_own_sandbox_within_the_units() {
    let machine = installed().await;
    machine.systemctl(&["start", "upstream"]).await;
    let user = ["setpriv", "--reuid=codex-worker", "--regid=codex-worker", "--init-groups"];
    let codex = ["env", "HOME=/var/lib/codex", "codex", "sandbox", "--", "bash", "-c", "echo ran"];
    let bare = machine.run(&[&user[..], &codex[..]].concat()).await;
    // `cargo xtask test` leaves this test out where users can't make namespaces.
    assert_eq!(bare.code, Some(0), "it doesn't work without the unit either: {}", bare.said);
    let unit =
        std::fs::read_to_string(machine.path(&format!("/etc/systemd/system/{WORKER}"))).expect("the unit");
    machine.write("/etc/systemd/system/probe.service", &unit);
    machine.write("/probe.sh", COMMAND);
    machine.write(
        "/etc/systemd/system/probe.service.d/probe.conf",
        "[Service]\nType=oneshot\nRestart=no\nWatchdogSec=0\nEnvironment=HOME=/var/lib/codex\nExecStart=\n\
         ExecStart=/usr/local/bin/codex sandbox -- bash /probe.sh\n",
    );
    machine.systemctl(&["daemon-reload"]).await;
    machine.systemctl(&["start", "probe"]).await;
    let said = machine.journal("probe").await;
    let id = machine.ok(&["id", "-u", "codex-worker"]).await;
    assert!(said.contains(&format!("ran as {id}")), "{said}");
    assert!(said.contains("no write") && said.contains("no network"), "{said}");
}
