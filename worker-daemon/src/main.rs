//! Parse, start telemetry, run, exit.

use handover::launch;
use shared::settings::cli::{Binary, main as run_as};
use std::process::ExitCode;
use worker_daemon::{config, daemon, run};

fn main() -> ExitCode {
    launch::begin(config::origin().role).unwrap_or_else(|| {
        run_as(Binary {
            name: "worker-daemon",
            settings: config::settings(),
            invocation: config::from_process(),
            read: config::Config::read,
            // It forwards bytes: one thread does that faster than several that wake each other.
            threads: |_| 1,
            log: |config| config.log.clone(),
            begin: |config| otel::start(&config.otel),
            run: run::run,
            exit_code: daemon::DaemonError::exit_code,
        })
    })
}
