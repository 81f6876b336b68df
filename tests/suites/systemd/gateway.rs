//! The pair in a machine, installed by `scripts/install`, with a scripted upstream beside it.

use crate::machine::{Machine, eventually};
use gateway_tests::pair::{
    Answer, Binary, DEADLINE, End, KEY, NO_RETRIES, SocketClient, asking, binary, real_codex,
    scripted_provider,
};
use std::path::Path;

pub(crate) const WORKER: &str = "codex-worker.service";
pub(crate) const SOCKET: &str = "codex-worker.socket";
pub(crate) const FRONT: &str = "codex-front.service";
/// Where clients connect.
pub(crate) const PATH: &str = "/run/codex/worker.sock";
pub(crate) const CHAT: &str = "http://127.0.0.1:11435/v1/chat/completions";

/// What lies in the machine to be installed from: our scripts and units, the built programs, codex's package.
pub(crate) const SOURCE: &str = "/mnt/source";
pub(crate) const SCRIPTS: &str = "/mnt/source/scripts";
pub(crate) const PROGRAMS: &str = "/mnt/source/target/release";
pub(crate) const PACKAGE: &str = "/mnt/source/codex";

const UPSTREAM: &str = "[Service]\nExecStart=/mnt/source/target/release/scripted-upstream --addr 127.0.0.1:9999\n\
    [Install]\nWantedBy=multi-user.target\n";

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}

/// A machine with nothing of ours but what can be installed, and a scripted upstream as a service.
pub(crate) async fn bare() -> Machine {
    let codex = real_codex();
    let codex = codex.parent().and_then(Path::parent).expect("codex lies in its package");
    let programs = binary(Binary::WorkerDaemon);
    let programs = programs.parent().expect("a folder");
    let parts = ["scripts", "systemd", "docs"].map(|part| (root().join(part), format!("{SOURCE}/{part}")));
    let mut read = vec![(programs, PROGRAMS), (codex, PACKAGE)];
    read.extend(parts.iter().map(|(outside, inside)| (outside.as_path(), inside.as_str())));
    let machine = Machine::boot(&read).await;
    machine.write("/etc/systemd/system/upstream.service", UPSTREAM);
    machine.systemctl(&["daemon-reload"]).await;
    machine
}

/// A tree of another version: the same with other files.
pub(crate) const NEXT: &str = "/root/next";

/// Puts that tree into the machine.
pub(crate) async fn next(machine: &Machine) {
    let make = format!(
        "mkdir -p {NEXT}/target/release && cd {NEXT}
         cp -R {SOURCE}/scripts {SOURCE}/systemd {SOURCE}/docs {PACKAGE} .
         for program in http-front worker-daemon codexctl; do cp {PROGRAMS}/$program target/release; done
         echo '# The next version.' >> systemd/codex-front.service
         for file in target/release/* codex/bin/codex; do echo >> $file; done"
    );
    machine.ok(&["sh", "-ec", &make]).await;
}

/// Runs `scripts/install` from the built programs, with these options besides.
pub(crate) async fn install(machine: &Machine, options: &[&str]) -> String {
    let script = format!("{SCRIPTS}/install");
    machine.ok(&[&[script.as_str(), "--from", PROGRAMS, "--codex", PACKAGE], options].concat()).await
}

/// Gives the worker with this home the scripted upstream as its provider.
pub(crate) async fn provide(machine: &Machine, home: &str) {
    let config = format!("{home}/config.toml");
    machine.write(&config, &scripted_provider("http://127.0.0.1:9999/v1", NO_RETRIES));
    machine.ok(&["chown", &format!("--reference={home}"), &config]).await;
}

/// A machine with everything installed and nothing of the pair started.
pub(crate) async fn installed() -> Machine {
    let machine = bare().await;
    machine.write("/etc/codex/codex-worker.env", "");
    machine.write("/etc/codex/codex-front.env", &format!("PROXY_API_KEY={KEY}\n"));
    install(&machine, &["--no-start"]).await;
    provide(&machine, "/var/lib/codex").await;
    machine
}

/// The same with the pair started.
pub(crate) async fn started() -> Machine {
    let machine = installed().await;
    machine.systemctl(&["start", "upstream", WORKER, FRONT]).await;
    machine
}

/// A chat completion through both units.
pub(crate) async fn ask(machine: &Machine, prompt: &'static str, stream: bool) -> (End, String) {
    machine
        .in_network(move || async move {
            let client = reqwest::Client::new();
            let mut answer = Answer::of(&client, CHAT, prompt, stream).await.expect("a head");
            let end = answer.end().await.expect("an end");
            (end, answer.text())
        })
        .await
}

/// The status that a chat completion with this key gets; `None` where there is no answer.
pub(crate) async fn asked_with(machine: &Machine, key: &str) -> Option<u16> {
    let key = key.to_owned();
    machine
        .in_network(move || async move {
            let request = reqwest::Client::new().post(CHAT).bearer_auth(key).json(&asking("!echo hi", false));
            Some(request.timeout(DEADLINE).send().await.ok()?.status().as_u16())
        })
        .await
}

/// Waits until the key has this effect.
pub(crate) async fn becomes(machine: &Machine, key: &str, wanted: u16) {
    eventually("the status", async || (asked_with(machine, key).await == Some(wanted)).then_some(())).await;
}

/// The pair answers, as soon as the front has found the daemon.
pub(crate) async fn serves(machine: &Machine) {
    for stream in [false, true] {
        eventually("an answer", async || {
            let answered = ask(machine, "!echo still here", stream).await;
            (answered == (End::Done, "still here".to_owned())).then_some(())
        })
        .await;
    }
}

/// A daemon's status, over its socket.
pub(crate) async fn status(machine: &Machine, socket: &str) -> std::io::Result<serde_json::Value> {
    let mut client = SocketClient::connect(&machine.path(socket)).await?;
    client.call("daemon/status", &serde_json::json!({})).await
}

/// The pid of codex as the machine counts it, once the words say that it is ready.
pub(crate) async fn codex(machine: &Machine, worker: &str) -> u32 {
    eventually("a ready codex", async || {
        let words = machine.show(worker, "StatusText").await;
        let rest = words.strip_prefix("Ready: codex 0.169.0, pid ")?;
        rest.split(',').next()?.parse().ok()
    })
    .await
}

/// Has another process take over from the unit's.
pub(crate) async fn replaced(machine: &Machine, unit: &str) {
    let old = machine.show(unit, "MainPID").await;
    machine.systemctl(&["kill", "--kill-who=main", "--signal=USR2", unit]).await;
    eventually("another process", async || (machine.show(unit, "MainPID").await != old).then_some(())).await;
}
