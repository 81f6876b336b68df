//! The exit codes of `docs/operations/exit-codes.md` that no configuration alone brings about, and the words on stderr.

use crate::command_line::{Said, builder, codex, daemon, front, run};
use gateway_tests::{
    pair::{Binary, Builder, DEADLINE, binary},
    wait,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{fs, os::unix::fs::PermissionsExt, process::Stdio, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::Command,
};

/// It ended with this code, and stderr says why in one line with all of these words.
fn check(said: &Said, code: i32, words: &[&str]) {
    check_of("worker-daemon: ", said, code, words);
}

/// The same of a program that begins its line like this.
fn check_of(program: &str, said: &Said, code: i32, words: &[&str]) {
    assert_eq!(said.code, Some(code), "{said:?}");
    assert_eq!(said.err.lines().count(), 1, "{said:?}");
    for word in words.iter().chain(&[program]) {
        assert!(said.err.contains(word), "no {word} in {said:?}");
    }
}

#[tokio::test]
async fn npms_launcher_without_its_platform_package_is_named_with_the_remedy() {
    let builder = builder();
    let script = builder.home().join("node_modules/@openai/codex/bin/codex.js");
    fs::create_dir_all(script.parent().expect("a folder")).expect("a package");
    fs::write(&script, "#!/usr/bin/env node\n").expect("a launcher");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("a mode");
    let link = builder.home().join("codex");
    std::os::unix::fs::symlink(&script, &link).expect("a link, as npm makes it");
    let said = daemon(&builder.child(link)).await;
    check(&said, 4, &["CODEX_BIN", "codex.js", "platform package", "--omit=optional"]);
}

#[tokio::test]
async fn a_codex_that_may_not_be_executed_is_named() {
    let builder = builder();
    let file = codex(&builder, "#!/bin/sh\n");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("a mode");
    let path = file.display().to_string();
    check(&daemon(&builder.child(file)).await, 4, &["CODEX_BIN", &path, "can't be run"]);
}

#[tokio::test]
async fn a_codex_without_a_model_catalog_is_refused() {
    let builder = builder();
    let broken = codex(
        &builder,
        "#!/bin/sh\ncase $1 in --version) echo codex-cli 0.169.0 ;; *) echo no models >&2; exit 3 ;; esac\n",
    );
    check(&daemon(&builder.child(broken)).await, 4, &["debug models"]);
}

#[tokio::test]
async fn a_state_folder_that_cannot_be_made_is_named() {
    let said = daemon(&builder().daemon("CODEX_HOME", "/dev/null/home")).await;
    check(&said, 2, &["CODEX_HOME", "/dev/null/home"]);
}

#[tokio::test]
async fn a_config_of_codex_that_is_no_toml_is_named() {
    let builder = builder();
    let path = builder.home().join("config.toml");
    fs::write(&path, "model = \n").expect("a file");
    check(&daemon(&builder).await, 2, &[&path.display().to_string()]);
}

#[tokio::test]
async fn what_stands_in_the_sockets_place_is_left_alone() {
    let builder = builder();
    let path = builder.socket();
    fs::write(&path, "mine").expect("a file");
    check(&daemon(&builder).await, 3, &["WORKER_SOCKET", &path.display().to_string(), "no socket"]);
    assert_eq!(fs::read_to_string(&path).expect("still there"), "mine");
}

/// Starts a program, signals it once it has logged `up`, and gives its code and its stderr.
async fn stopped(
    program: Binary,
    env: &[(String, String)],
    up: &str,
    signal: Signal,
) -> (Option<i32>, String) {
    let mut child = Command::new(binary(program))
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .envs(env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("a program that starts");
    let pid = Pid::from_raw(i32::try_from(child.id().expect("it runs")).expect("a pid"));
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut err = child.stderr.take().expect("a pipe");
    let whole = async {
        let mut line = String::new();
        while !line.contains(up) {
            line.clear();
            assert!(out.read_line(&mut line).await.expect("a line") > 0, "it ended without {up}");
        }
        kill(pid, signal).expect("a signal");
        let (mut rest, mut words) = (String::new(), String::new());
        let read = tokio::try_join!(out.read_to_string(&mut rest), err.read_to_string(&mut words));
        read.expect("both outputs to their end");
        (child.wait().await.expect("an end").code(), words)
    };
    let waited = format!("waited {DEADLINE:?} for {up} and the end after {signal}");
    tokio::time::timeout(DEADLINE, whole).await.expect(&waited)
}

#[tokio::test]
async fn a_clean_stop_is_0_and_says_nothing_on_stderr() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let builder = builder();
        let (daemon, front) = (builder.daemon_env(), builder.front_env());
        let ended = stopped(Binary::WorkerDaemon, &daemon, "\"worker_ready\"", signal).await;
        assert_eq!(ended, (Some(0), String::new()), "worker-daemon, {signal}");
        let ended = stopped(Binary::HttpFront, &front, "\"front_started\"", signal).await;
        assert_eq!(ended, (Some(0), String::new()), "http-front, {signal}");
    }
}

/// A home whose front has this mode and this file for the operator's prompt.
fn prompted(mode: &str, file: &str) -> Builder {
    builder().front("CODEX__SYSTEM_PROMPT_INJECTION_MODE", mode).front("CODEX__SYSTEM_PROMPT_FILE", file)
}

#[tokio::test]
async fn a_prompt_that_cannot_be_read_is_named() {
    let said = front(&prompted("append", "/nowhere/prompt.txt")).await;
    check_of("http-front: ", &said, 2, &["CODEX__SYSTEM_PROMPT_FILE", "/nowhere/prompt.txt"]);
}

#[tokio::test]
async fn a_prompt_that_is_switched_off_or_missing_is_no_reason_to_end() {
    for (mode, file, up) in [
        ("disabled", "/nowhere/prompt.txt", "\"front_started\""),
        ("append", "", "\"no_system_prompt\""),
        ("override", "/dev/null", "\"no_system_prompt\""),
    ] {
        let env = prompted(mode, file).front_env();
        let ended = stopped(Binary::HttpFront, &env, up, Signal::SIGTERM).await;
        assert_eq!(ended, (Some(0), String::new()), "{mode}");
    }
}

#[tokio::test]
async fn the_internal_listener_is_where_its_name_says() {
    let pair = builder().front("PROXY_INTERNAL_ADDR", "localhost:0").start().await.expect("a ready pair");
    assert!(pair.internal.ip().is_loopback() && pair.internal.is_ipv4(), "{}", pair.internal);
    let url = format!("http://localhost:{}/metrics", pair.internal.port());
    let answer = pair.client().get(url).send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 200);
    // The check asks nobody.
    let names = builder().front("PROXY_INTERNAL_ADDR", "nowhere.invalid:18080").front_env();
    let said = run(Binary::HttpFront, &["--check-config"], &names).await;
    assert_eq!((said.code, &*said.err), (Some(0), ""), "{said:?}");
    let said = run(Binary::HttpFront, &["--print-config"], &names).await;
    assert!(said.code == Some(0) && said.out.contains(" nowhere.invalid:18080 "), "{said:?}");
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_told_with_the_remedy() {
    let said = front(&builder().front("PROXY_INTERNAL_ADDR", "nowhere.invalid:18080")).await;
    check_of(
        "http-front: ",
        &said,
        3,
        &["PROXY_INTERNAL_ADDR", "nowhere.invalid", "within 5 s", "give an address"],
    );
}

#[tokio::test]
async fn a_front_that_waits_for_its_name_can_be_ended() {
    let env = builder().front("PROXY_INTERNAL_ADDR", "nowhere.invalid:18080").front_env();
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut child = Command::new(binary(Binary::HttpFront))
            .env_clear()
            .envs(env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("a program that starts");
        let pid = Pid::from_raw(i32::try_from(child.id().expect("it runs")).expect("a pid"));
        let caught = wait::until(Duration::from_millis(5), || async { catches(pid, signal).then_some(()) });
        caught.await.expect("a front that takes signals");
        kill(pid, signal).expect("a signal");
        let ended =
            tokio::time::timeout(DEADLINE, child.wait()).await.expect("an end in time").expect("an end");
        // 3 would be the end of its patience.
        assert_eq!(ended.code(), Some(0), "{signal}");
    }
}

/// Whether the process has a handler for the signal.
fn catches(pid: Pid, signal: Signal) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    caught & (1 << (signal as i32 - 1)) != 0
}
