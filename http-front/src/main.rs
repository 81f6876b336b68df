//! Parse, start telemetry, run, exit.

use handover::launch;
use http_front::{app, config, run};
use shared::settings::cli::{Binary, main as run_as};
use std::process::ExitCode;

fn main() -> ExitCode {
    launch::begin(config::origin().role).unwrap_or_else(|| {
        run_as(Binary {
            name: "http-front",
            settings: config::settings(),
            invocation: config::from_process(),
            read: app::configure,
            threads: |config| config.threads,
            log: |config| config.log.clone(),
            begin: |config| otel::start(&config.otel),
            run: run::run,
            exit_code: app::FrontError::exit_code,
        })
    })
}
