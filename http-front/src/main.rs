//! Parse, start telemetry, run, exit.

use http_front::{app, config};
use shared::settings::cli::{Binary, main as run};
use std::process::ExitCode;

fn main() -> ExitCode {
    run(Binary {
        name: "http-front",
        settings: config::settings(),
        invocation: config::from_process(),
        read: app::configure,
        threads: |config| config.threads,
        log: |config| config.log.clone(),
        begin: |config| otel::start(&config.otel),
        run: app::run,
        exit_code: app::FrontError::exit_code,
    })
}
