//! `scripts/upgrade`: a new front, daemon or codex takes over under load, and what doesn't come up takes nothing.

use crate::{
    gateway::{CHAT, FRONT, PROGRAMS, WORKER, ask, codex, installed, next, serves, started},
    machine::{Machine, Ran, eventually},
};
use gateway_tests::pair::{Answer, End, KEY, load};
use tokio::sync::watch;

const UPGRADE: &str = "/opt/codex-gateway/scripts/upgrade";
/// Where the next version's programs and codex are.
const NEW: &str = "/root/next/target/release";
const NEW_CODEX: &str = "/root/next/codex";
/// A stream of about 25 seconds that then waits for [`LET_END`]: it is open over every upgrade.
const LONG: &str = "!chunks 5\n!pause 250\n!repeat 100 word \n!wait upgrades";
const LET_END: &str = "!open upgrades";

async fn upgrade(machine: &Machine, arguments: &[&str]) -> Ran {
    machine.run(&[&[UPGRADE], arguments].concat()).await
}

/// The release that a link names.
async fn current(machine: &Machine, part: &str) -> String {
    machine.ok(&["readlink", &format!("/opt/codex-gateway/current/{part}")]).await.trim_end().to_owned()
}

/// The program that a process runs.
async fn program(machine: &Machine, pid: &str) -> String {
    machine.ok(&["readlink", &format!("/proc/{pid}/exe")]).await.trim_end().to_owned()
}

/// Processes of a program.
async fn running(machine: &Machine, program: &str) -> usize {
    let count = format!("cat /proc/[0-9]*/comm 2>/dev/null | grep -cx {program}; :");
    machine.ok(&["sh", "-c", &count]).await.trim().parse().expect("a number")
}

#[tokio::test]
async fn upgrades_and_the_way_back_fail_no_request_and_finish_what_is_open() {
    let machine = started().await;
    serves(&machine).await;
    next(&machine).await;
    let (front, worker, child) = (
        current(&machine, "front").await,
        current(&machine, "worker").await,
        current(&machine, "codex").await,
    );
    let (stop, stopped) = watch::channel(false);
    let (began, begun) = tokio::sync::oneshot::channel();
    let open = machine.in_network(|| async move {
        let mut open = Answer::of(&reqwest::Client::new(), CHAT, LONG, true).await.expect("a head");
        open.until("the first word", |text| text.contains("word")).await.expect("a word");
        began.send(()).ok();
        (open.end().await.expect("an end"), open.text())
    });
    let liar = machine.in_network({
        let stopped = stopped.clone();
        || lies(stopped)
    });
    let clients = machine.in_network(|| load(CHAT, 6, stopped));
    let upgrades = async {
        begun.await.expect("a stream");
        let first = machine.show(FRONT, "MainPID").await;
        let old = first.clone();
        taken(&machine, &["front", "--from", NEW], FRONT).await;
        // One that has been replaced has its streams.
        assert_eq!(program(&machine, &old).await, format!("{front}/http-front"));
        let old = machine.show(WORKER, "MainPID").await;
        taken(&machine, &["worker", "--from", NEW], WORKER).await;
        assert_eq!(program(&machine, &old).await, format!("{worker}/worker-daemon"));
        exchanged(&machine, &["codex", "--from", NEW_CODEX]).await;
        assert_eq!(current(&machine, "front").await, current(&machine, "worker").await);
        assert!(![&front, &child].contains(&&current(&machine, "front").await));
        // And back again, under the same load.
        taken(&machine, &["front", "--back"], FRONT).await;
        taken(&machine, &["worker", "--back"], WORKER).await;
        exchanged(&machine, &["codex", "--back"]).await;
        // The stream was open over all of them: who has it is there.
        assert_eq!(program(&machine, &first).await, format!("{front}/http-front"));
        assert_eq!(ask(&machine, LET_END, false).await.0, End::Done);
        stop.send(true).expect("clients");
    };
    let (open, answers, lies, ()) = tokio::join!(open, clients, liar, upgrades);
    assert_eq!(open, (End::Done, "word ".repeat(100)));
    assert!(lies > 3, "{lies}");
    assert!(answers.iter().all(|answers| *answers > 3), "{answers:?}");
    for (part, release) in [("front", &front), ("worker", &worker), ("codex", &child)] {
        assert_eq!(&current(&machine, part).await, release);
    }
    for unit in [FRONT, WORKER] {
        assert_eq!(machine.show(unit, "NRestarts").await, "0", "{unit}");
    }
    for program in ["http-front", "worker-daemon"] {
        eventually("the end of those before", async || (running(&machine, program).await == 1).then_some(()))
            .await;
    }
    // systemd looks after the one that took over as after any other.
    for unit in [FRONT, WORKER] {
        machine.systemctl(&["kill", "--kill-who=main", "--signal=KILL", unit]).await;
        eventually("a restart", async || (machine.show(unit, "NRestarts").await == "1").then_some(())).await;
    }
    serves(&machine).await;
}

/// A client that has no key writes into the log what a failed upgrade has there. How often it did.
async fn lies(stopped: watch::Receiver<bool>) -> usize {
    let mut told = 0;
    while !*stopped.borrow() {
        let client = reqwest::Client::new();
        for lie in ["handover_failed", "worker_not_replaced", "\"event\":\"handover_failed\""] {
            let asked = client.post(CHAT).header("x-client-request-id", lie).send().await.expect("an answer");
            assert_eq!(asked.status(), 401);
        }
        told += 1;
    }
    told
}

/// Another process of the unit serves, of the release that the link names.
async fn taken(machine: &Machine, arguments: &[&str], unit: &str) {
    let old = machine.show(unit, "MainPID").await;
    let ran = upgrade(machine, arguments).await;
    assert_eq!(ran.code, Some(0), "{arguments:?}: {}\n{}", ran.said, machine.journal(unit).await);
    assert!(!ran.said.contains("can't be asked"), "readiness wasn't looked at: {}", ran.said);
    let new = machine.show(unit, "MainPID").await;
    assert_ne!(new, old, "{arguments:?}");
    let release = current(machine, arguments[0]).await;
    let program = program(machine, &new).await;
    assert!(program.starts_with(&format!("{release}/")), "{program} is not of {release}");
}

/// Another codex runs, of the release that the link names.
async fn exchanged(machine: &Machine, arguments: &[&str]) {
    let old = codex(machine, WORKER).await;
    let ran = upgrade(machine, arguments).await;
    assert_eq!(ran.code, Some(0), "{arguments:?}: {}\n{}", ran.said, machine.journal(WORKER).await);
    let new = codex(machine, WORKER).await;
    assert_ne!(new, old, "{arguments:?}");
    let release = current(machine, "codex").await;
    assert_eq!(program(machine, &new.to_string()).await, format!("{release}/bin/codex"));
}

#[tokio::test]
async fn what_does_not_come_up_takes_nothing() {
    let machine = installed().await;
    for unit in ["codex-front", "codex-worker"] {
        machine
            .write(&format!("/etc/systemd/system/{unit}.service.d/short.conf"), "[Service]\nWatchdogSec=4\n");
    }
    machine.systemctl(&["daemon-reload"]).await;
    machine.systemctl(&["start", "upstream", WORKER, FRONT]).await;
    serves(&machine).await;
    refusals(&machine).await;
    // They tell a version, and that is all that they can.
    let broken = "mkdir -p /root/broken/bin && cd /root/broken
        for name in http-front worker-daemon codexctl bin/codex; do
            printf '#!/bin/sh\\n[ \"$1\" = --version ] && echo \"%s 9.9.9\"\\n' ${name#bin/} > $name && chmod +x $name
        done";
    machine.ok(&["sh", "-ec", broken]).await;
    for (part, unit) in [("front", FRONT), ("worker", WORKER), ("codex", WORKER)] {
        let (release, pid) = (current(&machine, part).await, machine.show(unit, "MainPID").await);
        let child = codex(&machine, WORKER).await;
        let ran = upgrade(&machine, &[part, "--from", "/root/broken"]).await;
        assert_eq!(ran.code, Some(1), "{part}: {}", ran.said);
        assert!(ran.said.contains("is in use again"), "{part}: {}", ran.said);
        let reason = if part == "codex" { "no fresh codex came up" } else { "the new process" };
        assert!(ran.said.contains(reason), "{part}: {}", ran.said);
        assert_eq!(current(&machine, part).await, release, "{part}");
        assert_eq!(machine.show(unit, "MainPID").await, pid, "{part}");
        assert_eq!(codex(&machine, WORKER).await, child, "{part}");
        assert!(
            !machine.path(&format!("/opt/codex-gateway/previous/{part}")).exists(),
            "{part}: nothing was before"
        );
    }
    serves(&machine).await;
    // One that took over and hangs is replaced as any other.
    next(&machine).await;
    let old = "cd /opt/codex-gateway/releases && mkdir 0.0.1-aaaaaaaa 0.0.2-bbbbbbbb 0.0.3-cccccccc.part mine && touch -d 2020-01-01 0.0.* mine";
    machine.ok(&["sh", "-ec", old]).await;
    taken(&machine, &["front", "--from", NEW], FRONT).await;
    taken(&machine, &["worker", "--from", NEW], WORKER).await;
    let left = machine.ok(&["ls", "/opt/codex-gateway/releases"]).await;
    assert!(!left.contains("0.0.") && left.lines().count() <= 5, "versions that nobody uses: {left}");
    assert!(left.contains("mine"), "what isn't a version is nobody's to take away: {left}");
    for unit in [FRONT, WORKER] {
        machine.systemctl(&["kill", "--kill-who=main", "--signal=STOP", unit]).await;
    }
    for unit in [FRONT, WORKER] {
        eventually("a restart", async || (machine.show(unit, "NRestarts").await == "1").then_some(())).await;
        assert!(machine.journal(unit).await.contains("Watchdog timeout (limit 4s)!"), "{unit}");
    }
    serves(&machine).await;
}

/// An upgrade that was cut off: said again it goes on, and one that can still do something goes back.
async fn cut_off(machine: &Machine) {
    let release = current(machine, "front").await;
    taken(machine, &["front", "--from", NEW], FRONT).await;
    let newer = current(machine, "front").await;
    taken(machine, &["front", "--back"], FRONT).await;
    // The power was gone behind the links, and the old version runs.
    let links =
        format!("cd /opt/codex-gateway && ln -sfn {newer} current/front && ln -sfn {release} previous/front");
    machine.ok(&["sh", "-ec", &links]).await;
    taken(machine, &["front", "--from", NEW], FRONT).await;
    taken(machine, &["front", "--back"], FRONT).await;
    // A front that hears nothing, and an operator who doesn't wait for it.
    let pid = machine.show(FRONT, "MainPID").await;
    machine.systemctl(&["kill", "--kill-who=main", "--signal=STOP", FRONT]).await;
    // By `sh -e`, so that it fails after a minute.
    let once_more = "[ $((looks += 1)) -lt 600 ]; sleep 0.1";
    let given_up = format!(
        "{UPGRADE} front --from {NEW} >/root/told 2>&1 & script=$!
         until [ \"$(readlink /opt/codex-gateway/current/front)\" = {newer} ]; do {once_more}; done
         kill -TERM $script
         until grep -q 'going back' /root/told; do {once_more}; done
         kill -CONT {pid}
         wait $script || echo $?"
    );
    assert_eq!(machine.ok(&["sh", "-ec", &given_up]).await, "1\n");
    let told = machine.ok(&["cat", "/root/told"]).await;
    assert!(told.contains("is in use again") && told.contains("cut off"), "{told}");
    assert_eq!(current(machine, "front").await, release);
    let now = machine.show(FRONT, "MainPID").await;
    assert_eq!(program(machine, &now).await, format!("{release}/http-front"));
    serves(machine).await;
}

/// A version that takes over and then isn't ready hands back, and where it can't, that is said. Its address is an unusual one, and there is no
/// `codexctl` in the path. (What says that it isn't ready is the `codexctl` of the version before.)
#[tokio::test]
async fn what_is_not_ready_hands_back() {
    let machine = installed().await;
    let addresses = "[Socket]\nListenStream=\nListenStream=127.0.0.1:11435\nListenStream=127.0.0.1:18081\n";
    machine.write("/etc/systemd/system/codex-front.socket.d/listen.conf", addresses);
    let quoted = format!("PROXY_API_KEY={KEY}\nPROXY_INTERNAL_ADDR = \"127.0.0.1:18081\"\n");
    machine.write("/etc/codex/codex-front.env", &quoted);
    machine.systemctl(&["daemon-reload"]).await;
    machine.systemctl(&["start", "upstream", WORKER, FRONT]).await;
    serves(&machine).await;
    next(&machine).await;
    cut_off(&machine).await;
    let release = current(&machine, "front").await;
    let judge = format!(
        "cat >/root/judge <<'END'
#!/bin/sh
case $(readlink /proc/$(systemctl show --value --property MainPID codex-front)/exe) in
    {release}/*) echo 'ready: worker ready' ;;
    *) [ ! -e /root/break ] || mv {release}/http-front {release}/gone
       echo 'not ready: worker starting'; exit 1 ;;
esac
END
         install -m 0755 /root/judge {release}/codexctl"
    );
    machine.ok(&["sh", "-ec", &judge]).await;
    let pid = machine.show(FRONT, "MainPID").await;
    let upgrade = ["env", "-i", "PATH=/usr/bin:/bin", UPGRADE, "front", "--from", NEW, "--ready", "2"];
    let ran = machine.run(&upgrade).await;
    assert_eq!(ran.code, Some(1), "{}", ran.said);
    assert!(ran.said.contains("there and not ready") && ran.said.contains("is in use again"), "{}", ran.said);
    assert_eq!(current(&machine, "front").await, release);
    let now = machine.show(FRONT, "MainPID").await;
    assert_eq!(program(&machine, &now).await, format!("{release}/http-front"));
    assert_ne!(now, pid, "another one took over in between");
    serves(&machine).await;

    // And where the one before can't be had back by itself, nobody says that it is in use.
    machine.write("/root/break", "");
    let ran = machine.run(&upgrade).await;
    assert_eq!(ran.code, Some(1), "{}", ran.said);
    assert!(ran.said.contains("could not go back by itself"), "{}", ran.said);
    assert!(ran.said.contains("systemctl restart codex-front.service has them go back"), "{}", ran.said);
    assert!(!ran.said.contains("is in use again"), "{}", ran.said);
    assert_eq!(current(&machine, "front").await, release);
    serves(&machine).await;
    machine.ok(&["mv", &format!("{release}/gone"), &format!("{release}/http-front")]).await;
    machine.systemctl(&["restart", FRONT]).await;
    let now = machine.show(FRONT, "MainPID").await;
    assert_eq!(program(&machine, &now).await, format!("{release}/http-front"));
    serves(&machine).await;
}

async fn refusals(machine: &Machine) {
    let cases: [(&[&str], i32, &str); 7] = [
        (&["front", "--ready", "soon"], 2, "needs seconds"),
        (&[], 2, "front, worker or codex?"),
        (&["all"], 2, "what is all?"),
        (&["codex"], 2, "codex needs --from"),
        (&["front", "--back"], 3, "no version of front before"),
        (&["front", "--from", "/mnt"], 3, "there is no program /mnt/http-front"),
        (&["front", "--from", PROGRAMS], 0, "already"),
    ];
    for (arguments, code, why) in cases {
        let ran = upgrade(machine, arguments).await;
        assert_eq!(ran.code, Some(code), "{arguments:?}: {}", ran.said);
        assert!(ran.said.contains(why), "{arguments:?}: {}", ran.said);
    }
    assert!(upgrade(machine, &["--help"]).await.said.contains("exit codes:"));
}
