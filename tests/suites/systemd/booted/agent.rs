//! An agent of the pair as it is installed: what its commands may do is decided by codex's sandbox, which works within the
//! worker's unit.

use crate::{
    gateway::{CHAT, FRONT, PROGRAMS, WORKER, installed, replaced, serves},
    machine::Machine,
};
use gateway_tests::pair::{DEADLINE, KEY};
use serde_json::{Value, json};

/// The folder that both take where nothing is set, in the worker's own `/tmp`.
const FOLDER: &str = "/tmp/codex-work";
/// One that an operator chose.
const CHOSEN: &str = "/srv/agents";
/// Where the unit lets the daemon's user write besides: `CODEX_HOME`, and what is the unit's own of folders for everybody.
const BESIDE: [&str; 3] = ["/var/lib/codex/beside", "/var/tmp/beside", "/tmp/beside"];
/// Connects to the scripted upstream, as codex itself does.
const CONNECT: &str = "bash -c 'exec 3<>/dev/tcp/127.0.0.1/9999'";

/// What codex tells of a command that an agent ran: its exit code, and its output as the model gets it.
async fn ran(machine: &Machine, command: &str, terminal: bool) -> (Option<i64>, String) {
    let prompt = format!("!call exec_command {}", json!({ "cmd": command, "tty": terminal }));
    let body = json!({ "model": "gpt-5.5", "messages": [{ "role": "user", "content": prompt }] });
    let (status, answer) = machine
        .in_network(move || async move {
            let request = reqwest::Client::new().post(CHAT).bearer_auth(KEY).json(&body).timeout(DEADLINE);
            let request = request.header("x-codex-profile", "agent").header("x-codex-metadata", "true");
            let answer = request.send().await.expect("an answer");
            (answer.status().as_u16(), answer.text().await.expect("a body"))
        })
        .await;
    assert_eq!(status, 200, "{answer}\n{}", machine.journal(WORKER).await);
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    let told = answer["codex_metadata"]["commands"].as_array().expect("a list of commands");
    assert_eq!(told.len(), 1, "{answer}");
    let said = answer["choices"][0]["message"]["content"].as_str().unwrap_or_default();
    (told[0]["exit_code"].as_i64(), said.to_owned())
}

/// Takes a file away where the worker sees it; false where there is none.
async fn taken_away(machine: &Machine, path: &str) -> bool {
    let worker = machine.show(WORKER, "MainPID").await;
    machine.run(&["nsenter", "-t", &worker, "-m", "--", "rm", path]).await.code == Some(0)
}

/// The pair with these settings, as an operator has them in the units' files.
async fn set(machine: &Machine, settings: &str) {
    machine.write("/etc/codex/codex-worker.env", &format!("WORKER_PROFILES=completion,agent\n{settings}"));
    let front = format!("PROXY_API_KEY={KEY}\nPROXY_API_KEY_PROFILES=completion,agent\n{settings}");
    machine.write("/etc/codex/codex-front.env", &front);
    machine.systemctl(&["restart", WORKER, FRONT]).await;
    serves(machine).await;
}

/// Agents write in their folder, and what the sandbox is for comes to pass where it is there: with a terminal and without.
async fn works(machine: &Machine, folder: &str, sandboxed: bool) {
    let made = format!("{folder}/made");
    let user = machine.ok(&["id", "-u", "codex-worker"]).await;
    for terminal in [false, true] {
        let (code, said) =
            ran(machine, &format!("touch {made} && echo in $(pwd) as $(id -u)"), terminal).await;
        assert_eq!(code, Some(0), "{said}\n{}", machine.journal(WORKER).await);
        assert!(said.contains(&format!("in {folder} as {}", user.trim())), "{said}");
        assert!(taken_away(machine, &made).await, "{made}: {said}");

        let (code, said) = ran(machine, &format!("touch {}", BESIDE.join(" ")), terminal).await;
        assert_eq!(code, Some(i64::from(sandboxed)), "{said}");
        for path in BESIDE {
            let refused = said.contains(&format!("'{path}': Read-only file system"));
            let there = taken_away(machine, path).await;
            assert_eq!((refused, there), (sandboxed, !sandboxed), "{path}: {said}");
        }
        let (code, said) = ran(machine, CONNECT, terminal).await;
        assert_eq!(code, Some(i64::from(sandboxed)), "{said}");
    }
}

#[tokio::test]
async fn an_agent_works_in_its_own_sandbox_within_the_units() {
    let machine = installed().await;
    // codex asks for an agent what OpenAI knows of its own models alone.
    let loose = format!(
        "[Service]\nExecStart=\nExecStart={PROGRAMS}/scripted-upstream --addr 127.0.0.1:9999 --no-strict\n"
    );
    machine.write("/etc/systemd/system/upstream.service.d/loose.conf", &loose);
    machine.systemctl(&["daemon-reload"]).await;
    machine.systemctl(&["start", "upstream"]).await;
    set(&machine, "PROXY_SANDBOX_MODE=workspace-write\n").await;
    works(&machine, FOLDER, true).await;
    // So does the one who took over, which systemd didn't start.
    replaced(&machine, WORKER).await;
    serves(&machine).await;
    works(&machine, FOLDER, true).await;

    machine.ok(&["install", "--directory", "--owner=codex-worker", CHOSEN]).await;
    let drop_in = format!("[Service]\nReadWritePaths={CHOSEN}\n");
    machine.write(&format!("/etc/systemd/system/{WORKER}.d/agents.conf"), &drop_in);
    machine.systemctl(&["daemon-reload"]).await;
    set(&machine, &format!("PROXY_SANDBOX_MODE=workspace-write\nPROXY_CODEX_WORKDIR={CHOSEN}\n")).await;
    works(&machine, CHOSEN, true).await;

    // It was the sandbox that refused: the unit alone lets all of it pass.
    set(&machine, "PROXY_SANDBOX_MODE=danger-full-access\n").await;
    works(&machine, FOLDER, false).await;
}
