//! `CODE_SECURE_MODE`, and what of the daemon's environment reaches the child.

use crate::users::{STRANGER, can_be_others, copy, open_folder};
use gateway_tests::{
    fake_child::Script,
    pair::{Binary, Builder, Process, binary, children},
};
use nix::unistd::{Uid, chown};
use std::{collections::BTreeSet, fs, os::unix::fs::MetadataExt};
use tempfile::TempDir;

/// The soft and the hard limit of core dumps.
fn core_limits(pid: u32) -> (String, String) {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).expect("a process");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max core file size")).expect("a limit");
    let mut words = line.split_whitespace().map(str::to_owned);
    (words.next().expect("a soft limit"), words.next().expect("a hard limit"))
}

/// Whether others of its user may look into a process: the files of one that is not dumpable belong to root.
fn is_dumpable(pid: u32) -> bool {
    fs::metadata(format!("/proc/{pid}/environ")).expect("a process").uid() != 0
}

/// A daemon that isn't root's, alone: as ourselves, or as root the stranger's. With its child, and the folders that must
/// live as long as it.
async fn daemon(secure: &str) -> (Process, u32, (TempDir, Builder)) {
    let folder = open_folder();
    let root = Uid::effective().is_root();
    let mut builder = Builder::fake(&Script::default()).expect("a home").daemon("CODE_SECURE_MODE", secure);
    let mut program = binary(Binary::WorkerDaemon);
    if root {
        // Where it was built can be closed to others.
        program = copy(Binary::WorkerDaemon, folder.path());
        builder = builder.child(copy(Binary::FakeCodex, folder.path()));
        let inside =
            fs::read_dir(builder.home()).expect("a home").map(|entry| entry.expect("an entry").path());
        for path in inside.chain([builder.home().to_owned()]) {
            chown(&path, Some(STRANGER.into()), Some(STRANGER.into())).expect("another owner");
        }
    }
    let user = root.then_some(STRANGER);
    let daemon = Process::start_as(program, &builder.daemon_env(), user).expect("a daemon");
    daemon.logged("a child", |line| line["event"] == "worker_ready").await.expect("a line");
    let child = *children(daemon.pid()).first().expect("a child");
    (daemon, child, (folder, builder))
}

#[tokio::test]
async fn the_secure_mode_leaves_no_core_dump_and_nothing_to_look_into() {
    let none = ("0".to_owned(), "0".to_owned());
    let (mut secure, child, _kept) = daemon("1").await;
    assert_eq!((core_limits(secure.pid()), core_limits(child)), (none.clone(), none.clone()));
    assert!(!is_dumpable(secure.pid()), "others of the daemon's user can look into it");
    assert_eq!(secure.terminate().await.expect("an end"), Some(0));
    // Without it the system's rules hold; else nothing was shown above.
    let (mut plain, _, _kept) = daemon("0").await;
    assert!(is_dumpable(plain.pid()));
    if core_limits(plain.pid()).1 == "0" {
        eprintln!("NOT SHOWN: that the limit is ours; core dumps are off on this machine anyway");
    }
    assert_eq!(plain.terminate().await.expect("an end"), Some(0));
}

/// The same by the file system's rules: another process of that user can't read its environment.
#[tokio::test]
async fn another_process_of_the_same_user_cant_read_its_environment() {
    if !can_be_others("a look from another process of the same user") {
        return;
    }
    for (secure, wanted) in [("1", false), ("0", true)] {
        let (mut daemon, _, _kept) = daemon(secure).await;
        let read = tokio::process::Command::new("cat")
            .arg(format!("/proc/{}/environ", daemon.pid()))
            .uid(STRANGER)
            .gid(STRANGER)
            .output()
            .await
            .expect("cat");
        assert_eq!(read.status.success(), wanted, "CODE_SECURE_MODE={secure}: {read:?}");
        assert_eq!(daemon.terminate().await.expect("an end"), Some(0));
    }
}

/// Whatever the operator's `config.toml` wants to have read, and however the daemon was started.
#[tokio::test]
async fn the_child_gets_the_variables_of_the_list_and_no_others() {
    const NEVER: &[&str] = &[
        "LD_LIBRARY_PATH",
        "LD_BIND_NOW",
        "LD_AUDIT_NOT",
        "PROXY_API_KEY",
        "PROXY_SANDBOX_MODE",
        "WORKER_MAX_CLIENTS",
        "NOTIFY_SOCKET",
        "LISTEN_FDS",
        "LISTEN_PID",
        "LISTEN_FDNAMES",
        "OTEL_EXPORTER_OTLP_HEADERS",
        "OTEL_SERVICE_NAME",
        "WATCHDOG_PID",
        "CODEX__ENABLED",
        "SECRET_OF_THE_SHELL",
        "SSH_AUTH_SOCK",
    ];
    for secure in ["0", "1"] {
        let mut builder = Builder::fake(&Script::default())
            .expect("a home")
            .daemon("CODE_SECURE_MODE", secure)
            .daemon("PROVIDER_KEY", "wanted")
            .daemon("PROVIDER_HEADER", "wanted")
            .daemon("LANG", "C.UTF-8")
            .daemon("RUST_LOG", "debug");
        for name in NEVER {
            // A number that is no process of ours, where one is asked for.
            let value = match *name {
                "PROXY_SANDBOX_MODE" => "read-only",
                "WORKER_MAX_CLIENTS" => "100",
                "OTEL_EXPORTER_OTLP_HEADERS" => "x-key=secret",
                _ => "4194305",
            };
            builder = builder.daemon(name, value);
        }
        let mut config = "[model_providers.good]\nenv_key = \"PROVIDER_KEY\"\n\
                          env_http_headers = { x = \"PROVIDER_HEADER\" }\n"
            .to_owned();
        // All but the last two, which no provider asks for.
        for (n, name) in NEVER.iter().take(NEVER.len() - 2).enumerate() {
            config += &format!(
                "[model_providers.bad{n}]\nenv_key = \"{name}\"\nenv_http_headers = {{ x = \"{name}\" }}\n"
            );
        }
        fs::write(builder.home().join("config.toml"), config).expect("a configuration");
        let mut daemon =
            Process::start(binary(Binary::WorkerDaemon), &builder.daemon_env()).expect("a daemon");
        daemon.logged("a child", |line| line["event"] == "worker_ready").await.expect("a line");
        let child = *children(daemon.pid()).first().expect("a child");
        let environ = fs::read(format!("/proc/{child}/environ")).expect("a process");
        let environ = String::from_utf8(environ).expect("UTF-8");
        let given: BTreeSet<&str> =
            environ.split('\0').filter_map(|entry| entry.split_once('=')).map(|(name, _)| name).collect();
        let list = [
            "CODEX_HOME",
            "HOME",
            "LANG",
            "LOG_FORMAT",
            "PATH",
            "PROVIDER_HEADER",
            "PROVIDER_KEY",
            "RUST_LOG",
        ];
        let mut wanted = BTreeSet::from(list);
        // Where this machine has a store of certificates to make a bundle from.
        wanted.extend(builder.home().join("one-root.pem").exists().then_some("SSL_CERT_FILE"));
        assert_eq!(given, wanted, "CODE_SECURE_MODE={secure}");
        let home = builder.home().display().to_string();
        for entry in [format!("HOME={home}"), format!("CODEX_HOME={home}"), "RUST_LOG=error".to_owned()] {
            assert!(environ.split('\0').any(|e| e == entry), "{entry} is not in the environment");
        }
        assert_eq!(daemon.terminate().await.expect("an end"), Some(0));
    }
}
