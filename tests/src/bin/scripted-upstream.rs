//! The scripted upstream as a process: for trying things by hand, for compose, for benchmarks.

use std::net::SocketAddr;
use std::process::ExitCode;

use gateway_tests::upstream::{Config, DIRECTIVES, Directives, RecordMode, Upstream};
use tokio::signal::unix::{SignalKind, signal};

const USAGE: &str = "\
A scripted Responses API: a model provider that does what the prompt says.

Usage: scripted-upstream [--addr IP:PORT] [--no-record] [--no-strict] [--help]

  --addr IP:PORT  where to listen [default: 127.0.0.1:0]
  --no-record     keep only counts of the requests, not the last 1000 of them without bodies
  --no-strict     don't refuse what OpenAI refuses
  --help          this text

It prints where it listens, and serves until SIGTERM or SIGINT. A prompt without directives is echoed;
of one with directives (lines that start with `!`) only these count:
";
/// How many requests are remembered.
const REMEMBERED: usize = 1000;

enum Asked {
    Help,
    Serve(Config),
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match parse(std::env::args().skip(1)) {
        Ok(Asked::Help) => {
            say(&format!("{USAGE}{DIRECTIVES}"));
            Ok(())
        }
        Ok(Asked::Serve(config)) => serve(config).await.map_err(|error| error.to_string()),
        Err(problem) => Err(format!("{problem}; see --help")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            complain(&problem);
            ExitCode::from(2)
        }
    }
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Asked, String> {
    let mut config = Config { record: RecordMode::Last(REMEMBERED), ..Config::default() };
    while let Some(arg) = args.next() {
        let (name, inline) = match arg.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (arg.as_str(), None),
        };
        match (name, inline) {
            ("--help" | "-h", None) => return Ok(Asked::Help),
            ("--no-record", None) => config.record = RecordMode::CountOnly,
            ("--no-strict", None) => config.strict = false,
            ("--addr", inline) => {
                let value = inline.or_else(|| args.next()).ok_or("--addr needs a value")?;
                config.addr =
                    value.parse::<SocketAddr>().map_err(|error| format!("--addr {value}: {error}"))?;
            }
            _ => return Err(format!("unknown argument {arg}")),
        }
    }
    Ok(Asked::Serve(config))
}

async fn serve(config: Config) -> std::io::Result<()> {
    // Before the line that says it serves, so that a signal right after it ends it properly.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let upstream = Upstream::start_with(Directives::new(), config).await?;
    say(&format!("scripted upstream listening on {}", upstream.base_url()));
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    upstream.shutdown().await;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the line that says where it listens is this program's output")]
fn say(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "a command line's problem belongs on stderr")]
fn complain(text: &str) {
    eprintln!("scripted-upstream: {text}");
}
