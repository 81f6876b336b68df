//! Several workers: each has a user, a home, a login and a socket of its own.

use crate::{
    gateway::{FRONT, NEXT, bare, codex, install, next, provide, status},
    machine::Machine,
};
use gateway_tests::pair::SocketClient;

const NAMES: [&str; 2] = ["a", "b"];

fn unit(name: &str) -> String {
    format!("codex-worker@{name}.service")
}

#[tokio::test]
async fn two_workers_have_two_of_everything() {
    let machine = bare().await;
    install(&machine, &["--workers", "a,b", "--no-start"]).await;
    for name in NAMES {
        provide(&machine, &format!("/var/lib/codex-workers/{name}")).await;
    }
    // The front before those that it needs, and all that is enabled at once, as at a boot.
    machine.systemctl(&["start", "upstream", FRONT]).await;
    machine.systemctl(&["enable", "--now", &unit("a"), &unit("b")]).await;
    let mut pids = Vec::new();
    for name in NAMES {
        pids.push(codex(&machine, &unit(name)).await);
        let path = format!("/run/codex/worker-{name}.sock");
        let owner = machine.ok(&["stat", "--format=%U:%G %a", &path]).await;
        assert_eq!(owner, format!("codex-worker-{name}:codex 660\n"));
        let home =
            machine.ok(&["stat", "--format=%U:%G %a", &format!("/var/lib/codex-workers/{name}")]).await;
        assert_eq!(home, format!("codex-worker-{name}:codex-worker-{name} 700\n"));
        assert_eq!(status(&machine, &path).await.expect("an answer")["starts"], 1);
    }
    assert_ne!(pids[0], pids[1]);
    let told = machine.show(FRONT, "Environment").await;
    assert!(told.contains("WORKER_SOCKET=/run/codex/worker-a.sock,/run/codex/worker-b.sock"), "{told}");

    // Neither the other one nor the front nor anybody else gets into a home; the front alone gets to both sockets.
    let may = async |user: &str, test: &str, path: &str| {
        machine.run(&["runuser", "-u", user, "--", "test", test, path]).await.code == Some(0)
    };
    for name in NAMES {
        let (home, socket) =
            (format!("/var/lib/codex-workers/{name}/config.toml"), format!("/run/codex/worker-{name}.sock"));
        for user in ["codex-worker-a", "codex-worker-b", "codex-front", "codex-worker", "nobody"] {
            let own = user == format!("codex-worker-{name}");
            assert_eq!(may(user, "-r", &home).await, own, "{user} and {home}");
            assert_eq!(may(user, "-w", &socket).await, own || user == "codex-front", "{user} and {socket}");
        }
        // Also from where it is: an agent's command has what its daemon has.
        let daemon = machine.show(&unit(name), "MainPID").await;
        let status = machine.ok(&["cat", &format!("/proc/{daemon}/status")]).await;
        let groups = status.lines().filter(|line| line.starts_with("Gid:") || line.starts_with("Groups:"));
        let group = machine.ok(&["getent", "group", "codex"]).await;
        let codex = group.split(':').nth(2).expect("a gid");
        assert!(!groups.flat_map(str::split_whitespace).any(|gid| gid == codex), "{status}");
    }
    // One upgrade is that of both, one after another.
    next(&machine).await;
    let main = async |name: &str| machine.show(&unit(name), "MainPID").await;
    let before = (main("a").await, main("b").await);
    let upgrade = format!("cd {NEXT} && scripts/upgrade worker && scripts/upgrade codex --from codex");
    let told = machine.ok(&["sh", "-ec", &upgrade]).await;
    for name in NAMES {
        let said = told.lines().filter(|line| line.starts_with(&unit(name)) && line.ends_with(" serves"));
        assert_eq!(said.count(), 2, "{told}");
        let path = format!("/run/codex/worker-{name}.sock");
        let answered = status(&machine, &path).await.expect("an answer");
        assert_eq!(answered["pid"].as_u64(), Some(codex(&machine, &unit(name)).await.into()), "{answered}");
    }
    assert!(before.0 != main("a").await && before.1 != main("b").await);
    one_that_can_not_takes_both_back(&machine).await;
    pids[1] = codex(&machine, &unit("b")).await;
    // The end of one is not the end of the other.
    machine.systemctl(&["disable", "--now", &unit("a"), "codex-worker@a.socket"]).await;
    assert!(SocketClient::connect(&machine.path("/run/codex/worker-a.sock")).await.is_err());
    assert_eq!(codex(&machine, &unit("b")).await, pids[1]);
    machine.ok(&["/opt/codex-gateway/scripts/install", "--purge"]).await;
    let left =
        machine.ok(&["sh", "-c", "cat /etc/passwd /etc/group; ls /var/lib /etc/systemd/system /etc"]).await;
    assert!(!left.contains("codex"), "{left}");
}

/// The second one's daemon finds no codex any more: the first one, which has taken the version, goes back, too.
async fn one_that_can_not_takes_both_back(machine: &Machine) {
    machine.write("/etc/codex/codex-worker@b.env", "CODEX_BIN=/opt/codex-of-b\n");
    machine.ok(&["ln", "-s", "/usr/local/bin/codex", "/opt/codex-of-b"]).await;
    machine.systemctl(&["restart", &unit("b")]).await;
    machine.ok(&["rm", "/opt/codex-of-b"]).await;
    let programs = async || {
        let mut programs = Vec::new();
        for name in NAMES {
            let pid = machine.show(&unit(name), "MainPID").await;
            programs.push(machine.ok(&["readlink", &format!("/proc/{pid}/exe")]).await);
        }
        programs
    };
    let links = ["/opt/codex-gateway/previous/worker", "/opt/codex-gateway/current/worker"];
    let named = machine.ok(&[&["readlink"], &links[..]].concat()).await;
    let (before, first) = (programs().await, machine.show(&unit("a"), "MainPID").await);
    let ran = machine.run(&["/opt/codex-gateway/scripts/upgrade", "worker", "--back"]).await;
    assert_eq!(ran.code, Some(1), "{}", ran.said);
    assert!(ran.said.contains("codex-worker@a.service: ") && ran.said.contains(" serves\n"), "{}", ran.said);
    assert!(ran.said.contains("codex-worker@b.service: the new process"), "{}", ran.said);
    assert!(ran.said.contains("is in use again"), "{}", ran.said);
    assert_ne!(machine.show(&unit("a"), "MainPID").await, first);
    assert_eq!(programs().await, before);
    assert_eq!(machine.ok(&[&["readlink"], &links[..]].concat()).await, named);
}
