//! The programs: how they start, end and record.

use std::fs;
use std::process::Stdio;

use gateway_tests::fake_child::{Entry, Home, Script, Start};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::client::{Client, within};

const FAKE: &str = env!("CARGO_BIN_EXE_fake-codex");
const TAP: &str = env!("CARGO_BIN_EXE_child-tap");

fn home(script: &Script) -> (TempDir, Home) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let home = Home::at(directory.path());
    home.write_script(script).expect("a written script");
    (directory, home)
}

fn command(program: &str, home: &Home) -> Command {
    let mut command = Command::new(program);
    // As the daemon starts it: nothing but what it needs.
    command.env_clear().env("CODEX_HOME", home.path()).env("PATH", "/usr/bin:/bin");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

fn start(program: &str, home: &Home) -> (Child, Client<ChildStdout, ChildStdin>) {
    let mut child =
        command(program, home).args(["--disable", "goals", "app-server"]).spawn().expect("a child");
    let client = Client::new(child.stdout.take().expect("stdout"), child.stdin.take().expect("stdin"));
    (child, client)
}

async fn ended(child: &mut Child) -> Option<i32> {
    within("the end of the process", child.wait()).await.expect("a status").code()
}

async fn output(home: &Home, arguments: &[&str]) -> (Option<i32>, String) {
    let output =
        within("a short call", command(FAKE, home).args(arguments).output()).await.expect("an output");
    (output.status.code(), String::from_utf8(output.stdout).expect("UTF-8"))
}

#[tokio::test]
async fn short_calls_answer_as_codex_does() {
    let (_directory, home) = home(&Script::default());
    assert_eq!(output(&home, &["--version"]).await, (Some(0), "codex-cli 0.169.0\n".to_owned()));
    let (code, models) = output(&home, &["debug", "models", "--bundled"]).await;
    let models: Value = serde_json::from_str(&models).expect("a catalog");
    assert_eq!((code, models["models"].as_array().map(Vec::len)), (Some(0), Some(3)));
    assert_eq!(output(&home, &["exec", "hello"]).await.0, Some(2));
    fs::write(home.path().join("fake-codex.json"), r#"{"strat":{}}"#).expect("a script");
    assert_eq!(output(&home, &["app-server"]).await.0, Some(2), "a misspelt script is refused");
}

#[tokio::test]
async fn first_starts_are_counted_across_processes() {
    let opening = Start { crash_before_handshake: 1, exit_code: 7, hang_handshake: 1, ..Start::default() };
    let (_directory, home) = home(&Script { start: opening, record: true, ..Script::default() });
    let (mut crashing, _client) = start(FAKE, &home);
    assert_eq!(ended(&mut crashing).await, Some(7));

    let (mut hanging, mut client) = start(FAKE, &home);
    client.request("initialize", json!({ "clientInfo": { "name": "test" } })).await;
    let answer = client.call("model/list", json!({})).await;
    assert_eq!(answer["error"]["message"], "Not initialized");
    drop(client);
    assert_eq!(ended(&mut hanging).await, Some(0));

    let (mut good, mut client) = start(FAKE, &home);
    client.initialize(&[]).await;
    assert_eq!(client.run("hello").await["status"], "completed");
    drop(client);
    assert_eq!(ended(&mut good).await, Some(0));

    let log = home.log().expect("a log");
    let starts = log.iter().filter(|entry| matches!(entry, Entry::Start { argv, .. } if argv.len() == 3));
    assert_eq!(starts.count(), 3);
    let turn = |entry: &&Entry| matches!(entry, Entry::Line { line, .. } if line.contains("turn/start"));
    assert_eq!(log.iter().filter(turn).count(), 1);
}

#[tokio::test]
async fn a_stubborn_child_needs_to_be_killed() {
    let script =
        Script { ignore_sigterm: true, ignore_stdin_eof: true, grandchild: true, ..Script::default() };
    let (_directory, home) = home(&script);
    let mut child = command(FAKE, &home).arg("app-server").process_group(0).spawn().expect("a child");
    let mut client = Client::new(child.stdout.take().expect("stdout"), child.stdin.take().expect("stdin"));
    client.initialize(&[]).await;
    let pid = i32::try_from(child.id().expect("a pid")).expect("a small pid");
    let sleeps = home.log().expect("a log").into_iter().find_map(|entry| match entry {
        Entry::Grandchild { pid } => i32::try_from(pid).ok(),
        Entry::Start { .. } | Entry::Call { .. } | Entry::Line { .. } | Entry::End { .. } => None,
    });
    let group = nix::unistd::Pid::from_raw(pid);
    let sleeper = nix::unistd::Pid::from_raw(sleeps.expect("a grandchild in the log"));
    assert_eq!(nix::unistd::getpgid(Some(sleeper)), Ok(group), "it shares the group");
    nix::sys::signal::kill(group, nix::sys::signal::Signal::SIGTERM).expect("a living child");
    // It still answers after the signal.
    assert!(client.call("model/list", json!({})).await["result"].is_object());
    drop(client);
    assert!(child.try_wait().expect("a status").is_none(), "the end of stdin doesn't end it");
    nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL).expect("a living group");
    assert_eq!(ended(&mut child).await, None);
}

#[tokio::test]
async fn the_tap_records_and_hides_nothing() {
    let (_directory, home) = home(&Script::default());
    let log = home.path().join("golden.log");
    let settings = json!({ "command": FAKE, "log": log });
    fs::write(home.path().join("child-tap.json"), settings.to_string()).expect("the tap's settings");

    let version = command(TAP, &home).arg("--version").output();
    let version = within("a version", version).await.expect("an output");
    assert_eq!(version.stdout, b"codex-cli 0.169.0\n");
    assert!(!log.exists(), "short calls are not logged");

    let (mut tap, mut client) = start(TAP, &home);
    client.initialize(&[]).await;
    client.turn("!exit 9\nhello").await;
    while client.read().await.is_some() {}
    assert_eq!(ended(&mut tap).await, Some(9), "the child's own code");

    let log = fs::read_to_string(log).expect("a log");
    let lines: Vec<&str> = log.lines().collect();
    assert!(lines[0].starts_with("> {") && lines[0].contains("\"initialize\""), "{}", lines[0]);
    assert!(lines[1].starts_with("< {\"id\":1,"), "{}", lines[1]);
    let received = lines.iter().filter(|line| line.starts_with("< ")).count();
    assert_eq!(received, client.seen.len());

    let (mut tap, mut client) = start(TAP, &home);
    client.initialize(&[]).await;
    drop(client);
    assert_eq!(ended(&mut tap).await, Some(0), "the end of the input is passed on");
}
