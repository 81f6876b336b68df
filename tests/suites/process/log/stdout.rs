//! A stdout that nobody reads, or that refuses what it is given, holds up no request and no end, and what is lost is told.

use crate::support::around;
use gateway_tests::{
    fake_child::Script,
    pair::{Binary, Builder, DEADLINE, KEY, Process, binary},
    wait,
};
use nix::{
    fcntl::{FcntlArg, OFlag, fcntl},
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use std::{
    fs::File,
    io::{BufRead, BufReader, PipeReader, Read},
    process::Stdio,
    time::Duration,
};
use tokio::process::{Child, Command};

/// A program of ours with this stdout.
fn run(program: Binary, env: Vec<(String, String)>, stdout: impl Into<Stdio>) -> Child {
    Command::new(binary(program))
        .env_clear()
        .envs(env)
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("a process")
}

/// A front whose stdout takes a page, what reads that, and the addresses of the public and the internal listener.
fn front(builder: &Builder, flags: OFlag) -> (Child, BufReader<PipeReader>, String, String) {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    fcntl(&writer, FcntlArg::F_SETPIPE_SZ(4096)).expect("a small pipe");
    fcntl(&writer, FcntlArg::F_SETFL(flags)).expect("its flags");
    let front = run(Binary::HttpFront, builder.front_env(), writer);
    let mut reader = BufReader::new(reader);
    let mut line = String::new();
    while !line.contains("front_started") {
        line.clear();
        assert!(reader.read_line(&mut line).expect("a line") > 0, "it ended");
    }
    let started: Value = serde_json::from_str(&line).expect("JSON");
    let at = |side: &str| format!("http://{}", started[side].as_str().expect("an address"));
    (front, reader, at("public"), at("internal"))
}

async fn end(mut process: Child) {
    let pid = Pid::from_raw(i32::try_from(process.id().expect("it runs")).expect("a pid"));
    kill(pid, Signal::SIGTERM).expect("a signal");
    let ended = tokio::time::timeout(DEADLINE, process.wait()).await.expect("its end in time");
    assert_eq!(ended.expect("an end").code(), Some(0));
}

/// Requests that each log a line; 20 fill the pipe.
async fn refused(public: &str) {
    let client = reqwest::Client::new();
    let asking = async {
        for _ in 0..400 {
            let asked = client.post(format!("{public}/v1/chat/completions")).bearer_auth("sk-wrong");
            assert_eq!(asked.send().await.expect("an answer").status(), 401);
        }
    };
    tokio::time::timeout(DEADLINE, asking).await.expect("the answers in time");
}

#[tokio::test]
async fn a_stdout_that_nobody_reads_holds_up_no_request_and_no_end() {
    let builder = around(&Script::default());
    let _daemon = Process::start(binary(Binary::WorkerDaemon), &builder.daemon_env()).expect("a daemon");
    for flags in [OFlag::empty(), OFlag::O_NONBLOCK] {
        let (front, reader, public, _) = front(&builder, flags);
        refused(&public).await;
        end(front).await;
        drop(reader);
    }
}

#[tokio::test]
async fn a_stdout_that_never_blocks_gets_every_line_whole() {
    let builder = around(&Script::default());
    let (front, mut reader, public, internal) = front(&builder, OFlag::O_NONBLOCK);
    refused(&public).await;
    let reading = std::thread::spawn(move || {
        let mut rest = String::new();
        reader.read_to_string(&mut rest).expect("the rest");
        rest
    });
    let page = reqwest::get(format!("{internal}/metrics")).await.expect("an answer");
    let page = page.text().await.expect("a page");
    let none = "codex_log_lines_dropped_total{component=\"front\",log=\"stdout\"} 0\n";
    assert!(page.contains(none), "{page}");
    end(front).await;
    let rest = reading.join().expect("all lines");
    let lines: Vec<Value> =
        rest.lines().map(|line| serde_json::from_str(line).expect("a whole line")).collect();
    assert_eq!(lines.iter().filter(|line| line["status"] == 401).count(), 400);
}

#[tokio::test]
async fn lines_that_stdout_refuses_are_counted() {
    let builder = around(&Script::default());
    let full = File::options().write(true).open("/dev/full").expect("a full disk");
    let daemon = run(Binary::WorkerDaemon, builder.daemon_env(), full);
    let (front, reader, public, internal) = front(&builder, OFlag::empty());
    // From here on nobody can read what the front says.
    drop(reader);
    refused(&public).await;
    let told = |page: &str, component: &str| {
        let series = format!("codex_log_lines_dropped_total{{component=\"{component}\",log=\"stdout\"}} ");
        let value = page.lines().find_map(|line| line.strip_prefix(&series))?;
        Some(value.parse::<u64>().expect("a number"))
    };
    let counting = async {
        loop {
            let page = reqwest::get(format!("{internal}/metrics")).await.expect("an answer");
            let page = page.text().await.expect("a page");
            // The daemon has said that it started, and that it starts codex.
            if told(&page, "front") >= Some(400) && told(&page, "daemon") >= Some(2) {
                return;
            }
        }
    };
    tokio::time::timeout(DEADLINE, counting).await.expect("the lines to be counted in time");
    let client = reqwest::Client::new();
    let models = || async {
        let models = client.get(format!("{public}/v1/models")).bearer_auth(KEY).send().await.ok()?;
        (models.status() == 200).then_some(())
    };
    wait::until(Duration::from_millis(10), models).await.expect("codex to be ready, and the list of models");
    end(front).await;
    end(daemon).await;
}
