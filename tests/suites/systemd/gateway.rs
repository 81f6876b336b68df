//! The pair in a machine, installed as `systemd/README.md` says, with a scripted upstream beside it.

use crate::machine::{Machine, eventually};
use gateway_tests::pair::{
    Answer, Binary, End, KEY, NO_RETRIES, SocketClient, binary, real_codex, scripted_provider,
};
use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

pub(crate) const WORKER: &str = "codex-worker.service";
pub(crate) const SOCKET: &str = "codex-worker.socket";
pub(crate) const FRONT: &str = "codex-front.service";
/// Where clients connect.
pub(crate) const PATH: &str = "/run/codex/worker.sock";
pub(crate) const CHAT: &str = "http://127.0.0.1:11435/v1/chat/completions";

const UPSTREAM: &str = "[Service]\nExecStart=/usr/local/bin/scripted-upstream --addr 127.0.0.1:9999\n";

fn units() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").join("systemd")
}

/// A machine with everything installed and nothing of the pair started.
pub(crate) async fn installed() -> Machine {
    let codex = real_codex();
    let codex = codex.parent().and_then(Path::parent).expect("codex lies in its package");
    let programs = binary(Binary::WorkerDaemon);
    let programs = programs.parent().expect("a folder");
    let machine = Machine::boot(&[(programs, "/opt/gateway"), (codex, "/opt/codex")]).await;
    for (program, target) in [
        ("worker-daemon", "/opt/gateway/worker-daemon"),
        ("http-front", "/opt/gateway/http-front"),
        ("codexctl", "/opt/gateway/codexctl"),
        ("scripted-upstream", "/opt/gateway/scripted-upstream"),
        ("codex", "/opt/codex/bin/codex"),
    ] {
        symlink(target, machine.path(&format!("/usr/local/bin/{program}"))).expect("a program");
    }
    for unit in [WORKER, SOCKET, FRONT] {
        let text = fs::read_to_string(units().join(unit)).expect("a unit");
        machine.write(&format!("/etc/systemd/system/{unit}"), &text);
    }
    let users = fs::read_to_string(units().join("codex-gateway.sysusers.conf")).expect("the users");
    machine.write("/usr/lib/sysusers.d/codex-gateway.conf", &users);
    machine.ok(&["systemd-sysusers"]).await;
    machine.ok(&["install", "-d", "-m", "0700", "-o", "codex-worker", "-g", "codex", "/var/lib/codex"]).await;
    let config = scripted_provider("http://127.0.0.1:9999/v1", NO_RETRIES);
    machine.write("/var/lib/codex/config.toml", &config);
    machine.ok(&["chown", "codex-worker:codex", "/var/lib/codex/config.toml"]).await;
    machine.write("/etc/codex/codex-worker.env", "");
    machine.write("/etc/codex/codex-front.env", &format!("PROXY_API_KEY={KEY}\n"));
    machine.write("/etc/systemd/system/upstream.service", UPSTREAM);
    machine.systemctl(&["daemon-reload"]).await;
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

/// The daemon's status, over the socket.
pub(crate) async fn status(machine: &Machine) -> std::io::Result<serde_json::Value> {
    let mut client = SocketClient::connect(&machine.path(PATH)).await?;
    client.call("daemon/status", &serde_json::json!({})).await
}

/// The pid of codex as the machine counts it, once the words say that it is ready.
pub(crate) async fn codex(machine: &Machine) -> u32 {
    eventually("a ready codex", async || {
        let words = machine.show(WORKER, "StatusText").await;
        let rest = words.strip_prefix("Ready: codex 0.169.0, pid ")?;
        rest.split(',').next()?.parse().ok()
    })
    .await
}
