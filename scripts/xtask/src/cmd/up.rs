//! `up`: from a fresh checkout to an answered request, then serving until Ctrl-C.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ArgMatches;

use super::{ask, fetch};
use crate::client;
use crate::failure::{Failure, Result, While};
use crate::fleet::Fleet;
use crate::home;
use crate::paths::Paths;
use crate::steps::{Show, Steps};
use crate::ui::Ui;
use crate::wait;

const READY_LIMIT: Duration = Duration::from_secs(30);
const UPSTREAM_LIMIT: Duration = Duration::from_secs(10);

pub(crate) struct Options {
    real: bool,
    ask: bool,
    port: u16,
    release: bool,
    check: bool,
    no_build: bool,
    dir: Option<PathBuf>,
}

impl From<&ArgMatches> for Options {
    fn from(matches: &ArgMatches) -> Self {
        Self {
            real: matches.get_flag("real"),
            ask: matches.get_flag("ask"),
            port: matches.get_one("port").copied().unwrap_or_default(),
            release: matches.get_flag("release"),
            check: matches.get_flag("check"),
            no_build: matches.get_flag("no-build"),
            dir: matches.get_one("dir").cloned(),
        }
    }
}

/// Where this run keeps its things.
struct Layout {
    /// The child's home.
    home: PathBuf,
    front: PathBuf,
    socket: PathBuf,
    logs: PathBuf,
}

impl Options {
    /// The default profile is dev: on two cores a first build takes half the time, and one person trying the pair out
    /// doesn't see the difference in speed.
    fn profile(&self) -> &'static str {
        if self.release { "release" } else { "debug" }
    }
}

pub(crate) fn run(options: &Options, paths: &Paths, steps: &mut Steps<'_>, ui: &Ui) -> Result<()> {
    // What can be refused is refused before anything takes minutes.
    if options.real {
        require_login(&paths.root.join(".codex-api"))?;
        if options.check && !options.ask {
            return Err(Failure::new("--check needs an answer: with --real add --ask (it spends quota)."));
        }
    }
    home::free_port(options.port)?;

    let codex = fetch::step(paths, steps)?;
    if !options.no_build {
        steps.command("build", &mut build_command(options, paths), Show::OnFailure)?;
    }
    let dir = options.dir.clone().unwrap_or_else(|| paths.target.join("up"));
    let (layout, _lock) = lay_out(options, paths, &dir)?;
    let key = home::random_key()?;

    let mut fleet = Fleet::new()?;
    if !options.real {
        let upstream = steps
            .task("start the scripted upstream", |_| start_upstream(options, paths, &layout, &mut fleet))?;
        let config = layout.home.join("config.toml");
        fs::write(&config, home::scripted_config(&upstream))
            .during(format_args!("cannot write {}", config.display()))?;
    }
    // As late as can be: for port 0 somebody else might take it before the front does.
    let port = home::free_port(options.port)?;
    steps.task("start worker-daemon and http-front", |_| {
        start_pair(options, paths, &layout, &codex, port, &key, &mut fleet)?;
        until_ready(port, &mut fleet)
    })?;

    ui.say(if options.real {
        "\nThis uses the login in .codex-api and spends its quota."
    } else {
        "\nAnswers come from a scripted upstream on this machine, not from OpenAI."
    });
    let body = ask::body(ask::prompt(options.real));
    if options.ask || !options.real {
        ui.say("One chat completion, as it streams:\n");
        ask::completion(port, &key, &body, &mut fleet, ui)?;
    } else {
        ui.say("No completion was asked: --ask asks one.");
    }
    if options.check {
        ui.say("\nThe answer came. Stopping.");
        fleet.stop();
        return Ok(());
    }
    let body = ask::body(ask::SAMPLE);
    ui.say(format_args!(
        "\n  base URL  http://127.0.0.1:{port}/v1\n  API key   {key}\n  logs      {}\n\n  \
         curl -N http://127.0.0.1:{port}/v1/chat/completions -H 'Authorization: Bearer {key}' \\\n    \
         -H 'Content-Type: application/json' -d '{body}'\n\nServing until Ctrl-C.",
        paths.shown(&layout.logs)
    ));
    serve(&mut fleet, ui)
}

fn require_login(home: &Path) -> Result<()> {
    if home.join("auth.json").is_file() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "--real needs a login, and {0}/auth.json is not there.\n\
         Log in once with the pinned codex: `mkdir -m 700 -p {0} && CODEX_HOME={0} $(cargo xtask fetch-codex | tail -1) login`\n\
         or run without --real: the scripted upstream needs no login.",
        home.display()
    )))
}

fn build_command(options: &Options, paths: &Paths) -> std::process::Command {
    let mut build = paths.cargo(&["build", "-p", "worker-daemon", "--bin", "worker-daemon"]);
    build.args(["-p", "http-front", "--bin", "http-front"]);
    if !options.real {
        build.args(["-p", "gateway-tests", "--bin", "scripted-upstream"]);
    }
    if options.release {
        build.arg("--release");
    }
    build
}

/// Makes the folders and takes the one lock on them.
fn lay_out(options: &Options, paths: &Paths, dir: &Path) -> Result<(Layout, File)> {
    let layout = Layout {
        home: if options.real { paths.root.join(".codex-api") } else { dir.join("home") },
        front: dir.join("front"),
        socket: dir.join("worker.sock"),
        logs: dir.join("logs"),
    };
    for folder in [dir, &layout.home, &layout.front, &layout.logs] {
        home::private_dir(folder)?;
    }
    let lock = File::create(dir.join("lock")).during("cannot make the lock")?;
    match lock.try_lock() {
        Ok(()) => Ok((layout, lock)),
        Err(_) => Err(Failure::new(format!(
            "another `cargo xtask up` runs in {}.\nEnd it, or give this one a folder and a port of its own: `--dir DIR --port 0`.",
            paths.shown(dir)
        ))),
    }
}

/// Gives the address that it serves on.
fn start_upstream(options: &Options, paths: &Paths, layout: &Layout, fleet: &mut Fleet) -> Result<String> {
    let log = layout.logs.join("scripted-upstream.log");
    let binary = paths.binary(options.profile(), "scripted-upstream");
    fleet.start("scripted-upstream", &binary, &["--addr", "127.0.0.1:0", "--no-record"], &[], &log)?;
    let address = wait::until(UPSTREAM_LIMIT, || {
        fleet.health()?;
        let text = fs::read_to_string(&log).unwrap_or_default();
        Ok::<_, Failure>(home::upstream_address(&text).map(str::to_owned))
    })?;
    address.ok_or_else(|| {
        let limit = UPSTREAM_LIMIT.as_secs();
        Failure::new(format!(
            "scripted-upstream did not say within {limit} s where it listens\n{}",
            fleet.log_tails()
        ))
    })
}

fn start_pair(
    options: &Options,
    paths: &Paths,
    layout: &Layout,
    codex: &Path,
    port: u16,
    key: &str,
    fleet: &mut Fleet,
) -> Result<()> {
    let daemon: [(&str, OsString); 4] = [
        ("CODEX_BIN", codex.into()),
        ("CODEX_HOME", layout.home.clone().into()),
        ("WORKER_SOCKET", layout.socket.clone().into()),
        ("LOG_FORMAT", "text".into()),
    ];
    let front: [(&str, OsString); 7] = [
        ("WORKER_SOCKET", layout.socket.clone().into()),
        ("PORT", port.to_string().into()),
        ("PROXY_HOST", "127.0.0.1".into()),
        // Any port: only the public listener is of interest here.
        ("PROXY_INTERNAL_ADDR", "127.0.0.1:0".into()),
        ("PROXY_API_KEY", key.into()),
        ("PROXY_STATE_DIR", layout.front.clone().into()),
        ("LOG_FORMAT", "text".into()),
    ];
    for (name, own_env) in [("worker-daemon", &daemon[..]), ("http-front", &front[..])] {
        let binary = paths.binary(options.profile(), name);
        fleet.start(name, &binary, &[], own_env, &layout.logs.join(format!("{name}.log")))?;
    }
    Ok(())
}

fn until_ready(port: u16, fleet: &mut Fleet) -> Result<()> {
    let mut last = "nothing answered".to_owned();
    let ready = wait::until(READY_LIMIT, || {
        fleet.health()?;
        match client::get(port, "/readyz", Duration::from_secs(2)) {
            Ok(response) if response.status == 200 => return Ok::<_, Failure>(Some(())),
            Ok(response) => last = format!("the last status was {}", response.status),
            Err(error) => last = error.to_string(),
        }
        Ok(None)
    })?;
    ready.ok_or_else(|| {
        let limit = READY_LIMIT.as_secs();
        Failure::new(format!("GET /readyz was not 200 within {limit} s: {last}\n{}", fleet.log_tails()))
    })
}

fn serve(fleet: &mut Fleet, ui: &Ui) -> Result<()> {
    while !fleet.asked_to_stop() {
        fleet.health()?;
        wait::pause();
    }
    ui.say("\nStopping (Ctrl-C once more kills).");
    fleet.stop();
    Ok(())
}
