//! A scripted stand-in for the codex binary; see `gateway_tests::fake_child`.

use std::io::Write as _;
use std::process::ExitCode;

use gateway_tests::fake_child::{Home, program};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    #[expect(clippy::disallowed_methods, reason = "a fake codex reads what the real one reads")]
    let home = std::env::var_os("CODEX_HOME").map(Home::at);
    match program::run(&arguments, home) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let _unheard = writeln!(std::io::stderr(), "fake-codex: {error}");
            ExitCode::from(2)
        }
    }
}
