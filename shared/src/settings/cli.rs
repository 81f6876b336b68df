//! What both binaries do around their run: print, check, or start telemetry and a runtime.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the answers of a command line")]

use super::{Invocation, Problem, Setting, Values, document};
use crate::{exit, telemetry};
use std::{fmt::Display, future::Future, process::ExitCode};

/// A binary: how its configuration is read, and what runs.
pub struct Binary<C, B, G, F, E> {
    /// Its name, the `component` of its log lines.
    pub name: &'static str,
    /// Its table of settings.
    pub settings: Vec<Setting>,
    /// What the command line asked for, or what is wrong with it.
    pub invocation: Result<Invocation, Vec<Problem>>,
    /// Reads the typed configuration.
    pub read: fn(&Values) -> Result<C, Vec<Problem>>,
    /// Threads of the runtime: one runs everything on the main thread, without any hand-over between threads.
    pub threads: fn(&C) -> usize,
    /// The part of it that telemetry needs.
    pub log: fn(&C) -> telemetry::LogConfig,
    /// Starts what works beside the runtime: what the run is given of it, and what ends it behind the runtime.
    pub begin: fn(&C) -> Result<(B, G), Problem>,
    /// Runs until the end.
    pub run: F,
    /// The exit code of an error of the run.
    pub exit_code: fn(&E) -> u8,
}

/// Does what the command line asks for; the exit code of the process.
pub fn main<C, B, G, I, F, E>(binary: Binary<C, B, G, F, E>) -> ExitCode
where
    F: FnOnce(C, B) -> I,
    I: Future<Output = Result<(), E>>,
    E: Display,
{
    let Binary { name, settings, invocation, read, threads, log, begin, run, exit_code } = binary;
    let values = match invocation {
        Ok(Invocation::Run(values)) => values,
        Ok(Invocation::Print(values)) => {
            print!("{}", document::print(&settings, &values));
            return exit::OK.into();
        }
        Ok(Invocation::Check(values)) => {
            return match read(&values) {
                Ok(_) => {
                    println!("{name}: the configuration can be used");
                    exit::OK.into()
                }
                Err(problems) => refuse(name, &problems),
            };
        }
        Ok(Invocation::Exit { text, code }) => {
            if code == exit::OK {
                print!("{text}")
            } else {
                eprint!("{text}")
            }
            return code.into();
        }
        Err(problems) => return refuse(name, &problems),
    };
    let config = match read(&values) {
        Ok(config) => config,
        Err(problems) => return refuse(name, &problems),
    };
    let guard = match telemetry::init(name, &log(&config)) {
        Ok(guard) => guard,
        Err(problem) => return refuse(name, &[problem]),
    };
    let (given, beside) = match begin(&config) {
        Ok(begun) => begun,
        Err(problem) => return refuse(name, &[problem]),
    };
    let mut runtime = match threads(&config) {
        0 | 1 => tokio::runtime::Builder::new_current_thread(),
        threads => {
            let mut runtime = tokio::runtime::Builder::new_multi_thread();
            runtime.worker_threads(threads);
            runtime
        }
    };
    let runtime = match runtime.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("{name}: can't start: {error}");
            return exit::FAILURE.into();
        }
    };
    let result = runtime.block_on(run(config, given));
    let code = match &result {
        Ok(()) => exit::OK,
        Err(error) => {
            tracing::error!(event = "start_failed", %error);
            exit_code(error)
        }
    };
    runtime.shutdown_background();
    // It may log how it ended.
    drop(beside);
    drop(guard);
    // Also where somebody looks who doesn't read the log.
    if let Err(error) = result {
        eprintln!("{name}: {error}");
    }
    code.into()
}

fn refuse(name: &str, problems: &[Problem]) -> ExitCode {
    for problem in problems {
        eprintln!("{name}: {problem}");
    }
    exit::USAGE.into()
}
