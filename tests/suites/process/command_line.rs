//! What the binaries say on the command line, and the exit codes of a start that fails.

use gateway_tests::{
    fake_child::Script,
    pair::{Binary, Builder, DEADLINE, Pair, binary},
};
use std::{os::unix::fs::PermissionsExt, path::PathBuf, process::Stdio};
use tokio::{net::TcpListener, process::Command};

const SECRET: &str = "sk-never-shown";
const BOTH: [Binary; 2] = [Binary::WorkerDaemon, Binary::HttpFront];

/// What a program said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs a program that is expected to end by itself.
pub(crate) async fn run(program: Binary, arguments: &[&str], env: &[(String, String)]) -> Said {
    let output = Command::new(binary(program))
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .envs(env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(DEADLINE, output).await;
    let output = output.expect("an end in time").expect("a program that starts");
    Said {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        err: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

pub(crate) fn builder() -> Builder {
    Builder::fake(&Script::default()).expect("a home")
}

/// The daemon in this home.
pub(crate) async fn daemon(builder: &Builder) -> Said {
    run(Binary::WorkerDaemon, &[], &builder.daemon_env()).await
}

/// The front in this home.
pub(crate) async fn front(builder: &Builder) -> Said {
    run(Binary::HttpFront, &[], &builder.front_env()).await
}

fn own(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(own).collect()
}

/// A script in this home that stands in for codex.
pub(crate) fn codex(builder: &Builder, text: &str) -> PathBuf {
    let path = builder.home().join("codex");
    std::fs::write(&path, text).expect("a script");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    path
}

#[tokio::test]
async fn help_and_version_are_printed() {
    for (program, name, setting) in [
        (Binary::WorkerDaemon, "worker-daemon", "--worker-socket"),
        (Binary::HttpFront, "http-front", "--proxy-api-key"),
    ] {
        let help = run(program, &["--help"], &[]).await;
        assert_eq!(help.code, Some(0), "{help:?}");
        for part in [setting, "--config", "--print-config", "--check-config"] {
            assert!(help.out.contains(part), "no {part} in {}", help.out);
        }
        let version = run(program, &["--version"], &[]).await;
        assert_eq!(version.code, Some(0), "{version:?}");
        let wanted = format!("{name} {}", env!("CARGO_PKG_VERSION"));
        assert!(version.out.starts_with(&wanted), "{version:?}");
    }
}

#[tokio::test]
async fn an_unknown_flag_is_a_usage_error() {
    for program in BOTH {
        let said = run(program, &["--no-such-flag"], &[]).await;
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(said.err.contains("--no-such-flag"), "{said:?}");
        assert!(said.out.is_empty(), "{said:?}");
    }
}

#[tokio::test]
async fn the_printed_configuration_shows_origins_and_no_secret() {
    let env = own(&[("PROXY_API_KEY", SECRET), ("PROXY_HOST", "::1")]);
    let said = run(Binary::HttpFront, &["--print-config", "--port", "1234"], &env).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(!said.out.contains(SECRET) && !said.err.contains(SECRET), "{said:?}");
    let line = |name: &str| {
        let mut lines = said.out.lines();
        let found = lines.find(|line| line.split_whitespace().next() == Some(name));
        found.expect("the setting").split_whitespace().collect::<Vec<_>>()
    };
    assert_eq!(line("PROXY_API_KEY"), ["PROXY_API_KEY", "(secret)", "#", "environment"]);
    assert_eq!(line("PROXY_HOST"), ["PROXY_HOST", "::1", "#", "environment"]);
    assert_eq!(line("PORT"), ["PORT", "1234", "#", "flag"]);
    assert_eq!(line("PROXY_INTERNAL_ADDR"), ["PROXY_INTERNAL_ADDR", "127.0.0.1:18080", "#", "default"]);
    let daemon = run(Binary::WorkerDaemon, &["--print-config"], &[]).await;
    assert_eq!(daemon.code, Some(0), "{daemon:?}");
    assert!(daemon.out.contains("WORKER_MAX_CONCURRENCY"), "{daemon:?}");
}

#[tokio::test]
async fn a_good_configuration_passes_the_check() {
    for program in BOTH {
        let said = run(program, &["--check-config"], &[]).await;
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(said.out.contains("can be used"), "{said:?}");
    }
}

/// What the start would refuse, the check refuses, and it makes nothing.
#[tokio::test]
async fn places_of_records_are_checked() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
    let (folder, log, traces) = (path(""), path("usage.log"), path("a/traces"));
    let places = |usage, access, traces| {
        own(&[
            ("PROXY_TRACE_BUFFER_ENABLED", "true"),
            ("TOKEN_LOG_PATH", usage),
            ("ACCESS_LOG_PATH", access),
            ("PROXY_TRACE_BUFFER_DIR", traces),
        ])
    };
    let wrong = places("/nonexist/x.log", &*folder, "/proc/x");
    for args in [&[][..], &["--check-config"]] {
        let said = run(Binary::HttpFront, args, &wrong).await;
        assert_eq!(said.code, Some(2), "{said:?}");
        for name in ["TOKEN_LOG_PATH", "ACCESS_LOG_PATH", "PROXY_TRACE_BUFFER_DIR"] {
            assert!(said.err.lines().any(|line| line.contains(name)), "no {name} in {said:?}");
        }
    }
    let said = run(Binary::HttpFront, &["--check-config"], &places(&log, "/dev/null", &traces)).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(std::fs::read_dir(dir.path()).expect("a folder").count(), 0);
}

/// Every problem at once, whether the start or only the check was asked for.
#[tokio::test]
async fn a_bad_configuration_is_refused_with_every_problem() {
    let daemon = own(&[
        ("WORKER_MAX_CONCURRENCY", "0"),
        ("WORKER_QUEUE_MAX", "many"),
        ("WORKER_SOCKET_MODE", "rw"),
        ("WORKER_CA_BUNDLE", "/no/such/bundle"),
    ]);
    let front = own(&[
        ("PORT", "70000"),
        ("PROXY_HOST", "nowhere"),
        ("PROXY_INTERNAL_ADDR", "18080"),
        ("PROXY_PROTECT_MODELS", "perhaps"),
        ("PROXY_API_KEY", "sk never shown"),
    ]);
    for (program, env) in [(Binary::WorkerDaemon, daemon), (Binary::HttpFront, front)] {
        for arguments in [&[][..], &["--check-config"]] {
            let said = run(program, arguments, &env).await;
            assert_eq!(said.code, Some(2), "{said:?}");
            for (name, _) in &env {
                assert!(said.err.contains(name), "{name} is not in {}", said.err);
            }
            assert!(!said.err.contains("sk never shown"), "{said:?}");
        }
    }
}

/// codex would put them before every request, and has no setting against it.
#[tokio::test]
async fn instructions_in_the_home_are_named_with_the_remedy() {
    let home = tempfile::tempdir().expect("a folder");
    let env = own(&[("CODEX_HOME", home.path().to_str().expect("a path"))]);
    for name in ["AGENTS.md", "AGENTS.override.md"] {
        let file = home.path().join(name);
        std::fs::write(&file, " \n").expect("a file");
        assert_eq!(run(Binary::WorkerDaemon, &["--check-config"], &env).await.code, Some(0));
        std::fs::write(&file, "Answer in verse.").expect("a file");
        for arguments in [&[][..], &["--check-config"]] {
            let said = run(Binary::WorkerDaemon, arguments, &env).await;
            assert_eq!(said.code, Some(2), "{said:?}");
            assert!(
                said.err.contains(&file.display().to_string()) && said.err.contains("home of its own"),
                "{said:?}"
            );
            assert!(!said.err.contains("verse"), "{said:?}");
        }
        std::fs::remove_file(&file).expect("a file");
    }
}

#[tokio::test]
async fn a_missing_codex_is_named_with_the_remedy() {
    let said = daemon(&builder().child("/no/such/codex".into())).await;
    assert_eq!(said.code, Some(4), "{said:?}");
    assert!(said.err.contains("/no/such/codex") && said.err.contains("npm install"), "{said:?}");
}

#[tokio::test]
async fn an_old_codex_is_named_with_the_remedy() {
    let builder = builder();
    let old = codex(&builder, "#!/bin/sh\necho codex-cli 0.1.0\n");
    let said = daemon(&builder.child(old)).await;
    assert_eq!(said.code, Some(4), "{said:?}");
    assert!(said.err.contains("0.1.0") && said.err.contains("npm install"), "{said:?}");
}

#[tokio::test]
async fn what_is_no_codex_is_refused() {
    let builder = builder();
    let other = codex(&builder, "#!/bin/sh\necho something else\n");
    let said = daemon(&builder.child(other)).await;
    assert_eq!(said.code, Some(4), "{said:?}");
    assert!(said.err.contains("codex version"), "{said:?}");
}

#[tokio::test]
async fn a_socket_path_that_is_too_long_is_refused() {
    let long = format!("/tmp/{}/worker.sock", "x".repeat(120));
    let said = daemon(&builder().daemon("WORKER_SOCKET", long)).await;
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(said.err.contains("WORKER_SOCKET") && said.err.contains("107"), "{said:?}");
}

#[tokio::test]
async fn a_socket_that_another_daemon_serves_is_left_to_it() {
    let pair = Pair::fake(&Script::default()).await.expect("a ready pair");
    let path = pair.socket.display().to_string();
    let said = daemon(&builder().daemon("WORKER_SOCKET", path.clone())).await;
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(said.err.contains(&path) && said.err.contains("another"), "{said:?}");
    // The first one is not disturbed.
    assert!(pair.socket.exists());
    pair.ready().await.expect("the first daemon");
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let addr = taken.local_addr().expect("an address");
    for (setting, value) in [("PORT", addr.port().to_string()), ("PROXY_INTERNAL_ADDR", addr.to_string())] {
        let env = builder().front(setting, value).front_env();
        let said = run(Binary::HttpFront, &[], &env).await;
        assert_eq!(said.code, Some(3), "{said:?}");
        assert!(said.err.contains(setting) && said.err.contains(&addr.to_string()), "{said:?}");
    }
}
