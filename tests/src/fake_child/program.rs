//! The `fake-codex` program: everything of it but `main`.

use std::io::{self, Write as _};
use std::process::{Child, Command as Process, Stdio};

use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

use super::catalog;
use super::command::{Command, Settings};
use super::core::{Fake, Host, wall_clock_ms};
use super::home::{Entry, Home};
use super::script::Script;
use super::serve::serve_fake;

/// Does what the arguments say; the result is the exit code. `home` is `$CODEX_HOME`, where it is set.
///
/// # Errors
/// When a file under `home` can't be read or written.
pub fn run(arguments: &[String], home: Option<Home>) -> io::Result<u8> {
    let command = Command::parse(arguments);
    if let (Some(home), Command::Version | Command::Models | Command::Usage) = (&home, &command) {
        home.append(&Entry::Call { pid: std::process::id(), argv: arguments.to_vec() })?;
    }
    match (command, home) {
        (Command::Version, _) => writeln!(io::stdout(), "codex-cli {}", super::VERSION).map(|()| 0),
        (Command::Models, home) => {
            let script = home.map(|home| home.script()).transpose()?.unwrap_or_default();
            let models = script.models.unwrap_or_else(catalog::raw_models);
            writeln!(io::stdout(), "{}", catalog::document(&models)).map(|()| 0)
        }
        (Command::AppServer(settings), Some(home)) => app_server(&settings, arguments, &home),
        (Command::AppServer(_), None) => {
            writeln!(io::stderr(), "fake-codex: CODEX_HOME is not set").map(|()| 2)
        }
        (Command::Usage, _) => {
            let usage = "usage: fake-codex --version | debug models [--bundled] | [-c K=V] [--enable F] [--disable F] app-server";
            writeln!(io::stderr(), "{usage}").map(|()| 2)
        }
    }
}

fn app_server(settings: &Settings, arguments: &[String], home: &Home) -> io::Result<u8> {
    let (pid, start) = (std::process::id(), home.count_start()?);
    let script = home.script()?.of_start(start);
    home.append(&Entry::Start { pid, start, argv: arguments.to_vec() })?;
    for line in &script.start.stderr {
        writeln!(io::stderr(), "{line}")?;
    }
    let sleeper = script.grandchild.then(|| grandchild(home)).transpose()?;
    if script.pipe_holder {
        let holder = Process::new("setsid").args(["sleep", "60"]).stdin(Stdio::null()).spawn()?;
        home.append(&Entry::Grandchild { pid: holder.id() })?;
    }
    let code = serve_stdio(script, host(settings, home, start)?, home)?;
    home.append(&Entry::End { pid, code })?;
    // A grandchild that outlives us is what the test is about: it is left to whoever kills the group.
    drop(sleeper);
    Ok(code)
}

fn host(settings: &Settings, home: &Home, start: u32) -> io::Result<Host> {
    let catalog = settings.catalog.as_ref().map(std::fs::read).transpose()?;
    let catalog = catalog.map(|text| serde_json::from_slice::<Value>(&text)).transpose()?;
    let configured = std::fs::read_to_string(home.path().join("config.toml")).unwrap_or_default();
    let model = settings.model.clone().or_else(|| model_of(&configured));
    Ok(Host {
        pid: std::process::id(),
        start,
        home: home.path().display().to_string(),
        model: model.unwrap_or_else(|| catalog::DEFAULT_MODEL.to_owned()),
        catalog: catalog.and_then(|catalog| catalog["models"].as_array().cloned()),
        now_ms: wall_clock_ms,
    })
}

/// The top-level `model` of a `config.toml`: one line, which needs no parser.
fn model_of(configured: &str) -> Option<String> {
    configured
        .lines()
        .take_while(|line| !line.trim_start().starts_with('['))
        .filter_map(|line| line.split_once('='))
        .find(|(key, _)| key.trim() == "model")
        .map(|(_, value)| value.trim().trim_matches('"').to_owned())
}

fn grandchild(home: &Home) -> io::Result<Child> {
    // Without our pipes: it must not keep them open after us.
    let child = Process::new("sleep")
        .arg("1000")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    home.append(&Entry::Grandchild { pid: child.id() })?;
    Ok(child)
}

fn serve_stdio(script: Script, host: Host, home: &Home) -> io::Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let pid = host.pid;
    let code = runtime.block_on(async {
        let mut terminated = signal(SignalKind::terminate())?;
        let record = script.record;
        let heard = |line: &str| {
            if record {
                let entry = Entry::Line { pid, line: line.to_owned() };
                // A log that can't be written shows in the test that reads it.
                let _unwritten = home.append(&entry);
            }
        };
        let fake = Fake::new(script.clone(), host);
        let serving = serve_fake(tokio::io::stdin(), tokio::io::stdout(), fake, heard);
        tokio::select! {
            code = serving => Ok::<u8, io::Error>(code),
            // The real child ends well on it, at once. With the handler installed an unheeded signal does nothing.
            Some(()) = terminated.recv(), if !script.ignore_sigterm => Ok(0),
        }
    });
    // A blocked read of stdin must not hold us.
    runtime.shutdown_background();
    code
}
