//! `scripts/install`: a bare host gets the gateway, keeps it over a reboot, and is bare again.

use crate::{
    gateway::{FRONT, PACKAGE, PROGRAMS, SCRIPTS, WORKER, asked_with, bare, becomes, install, provide, root},
    machine::Machine,
};
use std::sync::atomic::{AtomicBool, Ordering};

/// All that a host has: files with owners, modes and sizes, users, groups, units. What a running system writes by itself is left
/// out: journal, /run but ours, and the copies that the tools for users keep.
const ALL: &str = r"
find / -xdev \( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /var/tmp -o -path /mnt \
    -o -path /var/log/journal -o -path /var/lib/systemd -o -name 'wtmp*' -o -path '/etc/*-' -o -name .pwd.lock \) -prune \
    -o \( -type d -printf '%M %u:%g %p\n' \) -o -printf '%M %u:%g %s %p %l\n' | sort
find /run/codex* /etc/systemd -printf '%p\n' 2>/dev/null | sort
cksum /etc/passwd /etc/shadow /etc/group /etc/gshadow
systemctl list-units --all --plain --no-legend 'codex-*'
systemctl list-unit-files --no-legend 'codex-*' || :
";

async fn all(machine: &Machine) -> Vec<String> {
    machine.ok(&["sh", "-c", ALL]).await.lines().map(str::to_owned).collect()
}

/// What one has and the other hasn't, as a difference that can be read.
#[track_caller]
fn same(before: &[String], after: &[String], what: &str) {
    let only = |these: &[String], those: &[String]| -> Vec<String> {
        these.iter().filter(|line| !those.contains(line)).cloned().collect()
    };
    let (gone, come) = (only(before, after), only(after, before));
    assert!(gone.is_empty() && come.is_empty(), "{what}\ngone: {gone:#?}\ncome: {come:#?}");
}

#[tokio::test]
async fn a_bare_host_gets_it_keeps_it_and_is_bare_again() {
    let mut machine = bare().await;
    machine.systemctl(&["enable", "--now", "upstream"]).await;
    let before = all(&machine).await;
    refusals(&machine).await;
    let told = install(&machine, &["--dry-run"]).await;
    assert!(told.contains("would run: systemctl start codex-front.service"), "{told}");
    same(&before, &all(&machine).await, "a dry run and refusals change nothing");

    // Somebody has the front's port: the first key is told all the same, and once it is free all of it starts.
    machine.write("/etc/systemd/system/taken.socket", "[Socket]\nListenStream=127.0.0.1:11435\n");
    machine.write("/etc/systemd/system/taken.service", "[Service]\nExecStart=/bin/cat\n");
    machine.systemctl(&["daemon-reload"]).await;
    machine.systemctl(&["start", "taken.socket"]).await;
    let script = format!("{SCRIPTS}/install");
    let ran = machine.run(&[&script, "--from", PROGRAMS, "--codex", PACKAGE]).await;
    assert_eq!(ran.code, Some(1), "{}", ran.said);
    assert!(ran.said.contains("not everything started"), "{}", ran.said);
    let key = ran.said.lines().find(|line| line.starts_with("sk-codex-")).expect("a key").to_owned();
    machine.systemctl(&["stop", "taken.socket"]).await;
    machine.ok(&["rm", "/etc/systemd/system/taken.socket", "/etc/systemd/system/taken.service"]).await;
    let again = install(&machine, &[]).await;
    assert!(!again.contains("sk-codex-"), "a key is told once: {again}");
    assert_eq!(machine.show(FRONT, "ActiveState").await, "active");
    // The provider is the operator's to say; codex reads it when it is started anew.
    provide(&machine, "/var/lib/codex").await;
    machine.systemctl(&["reload", WORKER]).await;
    becomes(&machine, &key, 200).await;
    smoke(&machine, &key).await;

    let once = settled(&machine).await;
    let again = install(&machine, &[]).await;
    assert!(!again.contains("sk-codex-"), "a key is told once: {again}");
    same(&once, &settled(&machine).await, "a second run changes nothing");

    machine.reboot().await;
    becomes(&machine, &key, 200).await;
    assert_eq!(machine.show(WORKER, "NRestarts").await, "0");
    assert_eq!(machine.show(FRONT, "NRestarts").await, "0");

    // The copy that it has of itself puts right what isn't as it should be, under another name, too.
    let again = "rm /etc/systemd/system/codex-front.socket && ln -s /opt/codex-gateway /root/gateway
        /root/gateway/scripts/install && rm /root/gateway
        test -f /etc/systemd/system/codex-front.socket && test -x /opt/codex-gateway/scripts/upgrade";
    machine.ok(&["sh", "-ec", again]).await;

    // Without the programs the settings and the state stay, and serve again.
    let remove = format!("{SCRIPTS}/install");
    machine.ok(&[&remove, "--remove"]).await;
    assert_eq!(machine.run(&["systemctl", "list-unit-files", "--no-legend", "codex-*"]).await.said, "");
    assert!(
        !machine.path("/opt/codex-gateway").exists() && !machine.path("/usr/local/bin/http-front").exists()
    );
    install(&machine, &[]).await;
    becomes(&machine, &key, 200).await;
    others_in_its_place(&machine, &key).await;

    // What isn't ours is nobody's to remove.
    let mount = "mkdir -p /var/lib/codex/sessions/mine && mount -t tmpfs none /var/lib/codex/sessions/mine";
    machine.ok(&["sh", "-ec", mount]).await;
    let ran = machine.run(&[&remove, "--purge"]).await;
    assert_eq!(ran.code, Some(1), "{}", ran.said);
    assert!(ran.said.contains("/var/lib/codex/sessions/mine is a mount"), "{}", ran.said);
    machine.ok(&["umount", "/var/lib/codex/sessions/mine"]).await;
    let strange = [
        ("/etc/codex/mine.txt", "is nothing that this knows of"),
        ("/opt/codex-gateway/mine", "is nothing that this knows of"),
        ("/opt/codex-gateway/codex/mine", "is nothing that this knows of"),
        ("/etc/systemd/system/codex-worker.service", "was changed since"),
    ];
    for (path, why) in strange {
        let text = std::fs::read_to_string(machine.path(path)).ok();
        machine.write(path, "mine");
        let ran = machine.run(&[&remove, "--purge"]).await;
        assert_eq!(ran.code, Some(1), "{}", ran.said);
        assert!(ran.said.contains(why) && ran.said.contains(path), "{}", ran.said);
        match text {
            Some(text) => machine.write(path, &text),
            None => std::fs::remove_file(machine.path(path)).expect("removed"),
        }
    }
    becomes(&machine, &key, 200).await;
    // By the copy that the installation has of itself.
    machine.ok(&["/opt/codex-gateway/scripts/install", "--purge"]).await;
    same(&before, &all(&machine).await, "nothing is left");
    assert_eq!(machine.ok(&[&remove, "--purge"]).await, "nothing is installed here\n");
    // Also in two steps, after a run that was cut off, whatever may be written by whom elsewhere.
    let options = format!("{script} --from {PROGRAMS} --codex {PACKAGE} --workers a --no-start");
    let cut_off = format!(
        "umask 0; {options} >/root/told; rm /root/told
         test \"$(stat -c %a /etc/codex/.installed /run/codex-gateway.lock | sort -u)\" = 644
         : >/etc/codex/keys.toml; rm /usr/local/bin/codexctl /opt/codex-gateway/current/worker
         {options}"
    );
    let said = machine.ok(&["sh", "-ec", &cut_off]).await;
    assert!(said.contains("\nsk-codex-"), "a key that nobody was told is made anew: {said}");
    machine
        .ok(&["sh", "-ec", "test -x /usr/local/bin/worker-daemon && test -x /usr/local/bin/codexctl"])
        .await;
    machine.ok(&[&remove, "--remove"]).await;
    // Whoever has the stack now isn't robbed of it.
    let stack =
        "cp /mnt/source/systemd/codex-compose.service /etc/systemd/system && systemctl enable codex-compose";
    machine.ok(&["sh", "-ec", stack]).await;
    let ran = machine.run(&[&remove, "--purge"]).await;
    assert_eq!(ran.code, Some(1), "{}", ran.said);
    assert!(ran.said.contains("codex-compose is enabled or runs"), "{}", ran.said);
    assert_eq!(machine.systemctl(&["is-enabled", "codex-compose"]).await, "enabled\n");
    let gone = "systemctl disable codex-compose; rm /etc/systemd/system/codex-compose.service; systemctl daemon-reload";
    machine.ok(&["sh", "-ec", gone]).await;
    machine.ok(&[&remove, "--purge"]).await;
    same(&before, &all(&machine).await, "nothing is left after two steps");
}

/// A worker with a name takes the place of the one, and the other way round: who comes next runs before the front is told, and who went
/// before ends after it. A later run remembers which.
async fn others_in_its_place(machine: &Machine, key: &str) {
    // What the worker is to have from its start.
    machine.ok(&["mkdir", "-p", "/var/lib/codex-workers/a"]).await;
    machine.ok(&["cp", "/var/lib/codex/config.toml", "/var/lib/codex-workers/a"]).await;
    machine.ok(&["chmod", "0644", "/var/lib/codex-workers/a/config.toml"]).await;
    const NAMED: &str = "codex-worker@a.service";
    for (options, worker, other) in
        [(&["--workers", "a"][..], NAMED, WORKER), (&["--one-worker"], WORKER, NAMED)]
    {
        let done = AtomicBool::new(false);
        let change = async {
            install(machine, options).await;
            done.store(true, Ordering::Relaxed);
        };
        let asking = async {
            let mut good = 0;
            while !done.load(Ordering::Relaxed) {
                match asked_with(machine, key).await {
                    Some(200) => good += 1,
                    // What the old front had taken may end with it, and the new one has not found its worker yet.
                    status => assert!(matches!(status, None | Some(503)), "{options:?}: {status:?}"),
                }
            }
            good
        };
        let ((), good) = tokio::join!(change, asking);
        assert!(good > 3, "{good}");
        becomes(machine, key, 200).await;
        machine.ok(&["journalctl", "--sync"]).await;
        let journal = machine.ok(&["journalctl", "--no-pager", "--output=cat", "_PID=1"]).await;
        let last =
            |what: String| journal.lines().rev().position(|line| line.starts_with(&what)).expect(&what);
        let (comes, goes) = (last(format!("Started {worker}")), last(format!("Stopping {other}")));
        let told = last(format!("Started {FRONT}"));
        assert!(comes > told && told > goes, "{options:?}: {journal}");
        let running = ["list-units", "--plain", "--no-legend", "--state=active", "codex-worker*.service"];
        let active = machine.systemctl(&running).await;
        assert!(active.starts_with(worker) && active.lines().count() == 1, "{active}");
        // The same ones, where nobody says otherwise, also after a removal.
        if worker == NAMED {
            machine.ok(&["/opt/codex-gateway/scripts/install", "--remove"]).await;
            install(machine, &[]).await;
            assert_eq!(machine.show(worker, "ActiveState").await, "active");
            becomes(machine, key, 200).await;
        }
    }
}

/// The operator's own smoke test, from beside the machine: a bare one has no Python.
async fn smoke(machine: &Machine, key: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().to_string_lossy();
    let script = root().join("scripts/smoke").to_string_lossy().into_owned();
    let door =
        ["prod", "--url", "http://127.0.0.1:11435", "--no-cors", "--out", &folder, "--out-dir", &folder];
    let command = [&[script.as_str()], &door[..]].concat();
    let ran = machine.run_beside(&command, &[("KEY", key)]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.said);
}

/// What there is once it has been started; what codex itself writes meanwhile is not compared.
async fn settled(machine: &Machine) -> Vec<String> {
    let all = all(machine).await;
    all.into_iter().filter(|line| !line.contains(" /var/lib/codex/")).collect()
}

/// What can't be done is told, with a code that says of which kind it is.
async fn refusals(machine: &Machine) {
    let script = format!("{SCRIPTS}/install");
    let cases: [(&[&str], i32, &str); 9] = [
        (&[&script, "--nothing"], 2, "--help says more"),
        (&[&script, "--remove", "--purge"], 2, "not both"),
        (&[&script, "--remove", "--workers", "x"], 2, "says nothing to a removal"),
        (&[&script, "--workers", "x", "--one-worker"], 2, "not both"),
        (&[&script, "--workers", "a,a"], 2, "twice"),
        (&[&script, "--workers", "A"], 2, "lower-case"),
        (&[&script, "--from", PROGRAMS], 3, "there is no codex"),
        (&[&script, "--from", "/mnt", "--codex", PACKAGE], 3, "there is no program /mnt/http-front"),
        (&["setpriv", "--reuid=65534", "--clear-groups", "--", &script], 1, "needs root"),
    ];
    for (command, code, why) in cases {
        let ran = machine.run(command).await;
        assert_eq!(ran.code, Some(code), "{command:?}: {}", ran.said);
        assert!(ran.said.contains(why), "{command:?}: {}", ran.said);
    }
    let both =
        format!("exec 9>/run/codex-gateway.lock; flock 9; {script} --from {PROGRAMS} --codex {PACKAGE} 9>&-");
    let ran = machine.run(&["sh", "-c", &both]).await;
    assert_eq!(ran.code, Some(1), "{}", ran.said);
    assert!(ran.said.contains("another install or upgrade runs"), "{}", ran.said);
    machine.ok(&["rm", "/run/codex-gateway.lock"]).await;
    in_its_way(machine, &script).await;
    assert!(machine.ok(&[&script, "--help"]).await.contains("exit codes:"));
}

/// What is there and isn't ours stays as it is, and nothing is made beside it.
async fn in_its_way(machine: &Machine, script: &str) {
    let make = "mkdir -p /opt/codex-gateway/codex/node_modules && echo work >/opt/codex-gateway/work
        echo mine >/usr/local/bin/http-front && echo mine >/etc/systemd/system/codex-front.service
        mkdir -p /root/bin && echo '#!/bin/sh' >/root/bin/codex && chmod +x /root/bin/codex
        cp /mnt/source/systemd/codex-compose.service /etc/systemd/system && systemctl enable codex-compose
        groupadd codex && useradd --gid codex somebody";
    machine.ok(&["sh", "-ec", make]).await;
    let before = all(machine).await;
    let ran = machine.run(&[script, "--from", PROGRAMS, "--codex", PACKAGE]).await;
    assert_eq!(ran.code, Some(1), "{}", ran.said);
    for obstacle in [
        "/opt/codex-gateway is there and was not made by this",
        "/usr/local/bin/http-front is there",
        "/etc/systemd/system/codex-front.service is there",
        "the user somebody is in the group codex",
        "systemctl disable --now codex-compose",
    ] {
        assert!(ran.said.contains(obstacle), "{obstacle}: {}", ran.said);
    }
    // A service doesn't see what is in a home.
    machine.ok(&["ln", "-s", "/root/bin/codex", "/usr/local/bin/codex"]).await;
    let ran = machine.run(&[script, "--from", PROGRAMS]).await;
    assert_eq!(ran.code, Some(1), "{}", ran.said);
    assert!(ran.said.contains("/usr/local/bin/codex lies in a home"), "{}", ran.said);
    machine.ok(&["rm", "/run/codex-gateway.lock", "/usr/local/bin/codex"]).await;
    same(&before, &all(machine).await, "refusals change nothing");
    let gone = "systemctl disable codex-compose && rm /etc/systemd/system/codex-compose.service
        rm -r /opt/codex-gateway /usr/local/bin/http-front /etc/systemd/system/codex-front.service /root/bin
        systemctl daemon-reload
        userdel somebody; ! getent group codex >/dev/null || groupdel codex";
    machine.ok(&["sh", "-ec", gone]).await;
}
