//! Logs as our programs do, and panics as they never should: `log-lines WAY [RUST_LOG]`.
#![expect(clippy::panic, reason = "that is what it is for")]

use shared::telemetry::{self, LogConfig};
use std::{hint::black_box, process::ExitCode, time::Duration};

/// Panics when it goes.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("said by a client, too");
    }
}

fn bad() {
    panic!("said by a client");
}

/// Never ends.
#[expect(unconditional_recursion, reason = "that is what it is for")]
fn deep(bytes: [u8; 1024]) -> u8 {
    let next = black_box(bytes);
    deep(next).wrapping_add(black_box(next)[0])
}

fn nested() {
    let _bomb = Bomb;
    bad();
}

#[expect(clippy::disallowed_methods, reason = "a task that panics needs nobody to track it")]
async fn in_a_task() {
    let asked = std::sync::Arc::from("req_0123456789abcdef0123456789abcdef");
    assert!(tokio::spawn(telemetry::about(asked, async { bad() })).await.is_err());
    // The runtime tells whoever waits for the task.
    assert!(tokio::spawn(async { bad() }).await.is_err());
    assert!(tokio::task::spawn_blocking(bad).await.is_err());
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let way = arguments.next().unwrap_or_default();
    let filter = arguments.next().unwrap_or_else(|| "info".to_owned());
    let config = LogConfig { filter, json: true, collect: Duration::from_millis(10) };
    let Ok(_guard) = telemetry::init("http-front", &config) else { return ExitCode::FAILURE };
    let runtime = |mut builder: tokio::runtime::Builder| builder.enable_all().build().expect("a runtime");
    match way.as_str() {
        "task" => runtime(tokio::runtime::Builder::new_multi_thread()).block_on(in_a_task()),
        "current" => runtime(tokio::runtime::Builder::new_current_thread()).block_on(in_a_task()),
        "root" => runtime(tokio::runtime::Builder::new_current_thread()).block_on(async { bad() }),
        "thread" => {
            let thread = std::thread::Builder::new().name("of-ours".to_owned()).spawn(bad);
            assert!(thread.expect("a thread").join().is_err());
        }
        "main" => bad(),
        "nested" => nested(),
        "overflow" => drop(black_box(deep([0; 1024]))),
        other => panic!("no way {other}"),
    }
    ExitCode::SUCCESS
}
