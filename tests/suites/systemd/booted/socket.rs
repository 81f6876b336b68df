//! Socket activation: a connection starts the daemon, and no restart refuses one.

use crate::{
    gateway::{PATH, SOCKET, WORKER, codex, installed, started, status},
    machine::{eventually, is_refused},
};
use gateway_tests::pair::SocketClient;
use std::{
    os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

#[tokio::test]
async fn a_connection_starts_the_daemon() {
    let machine = installed().await;
    machine.systemctl(&["start", SOCKET]).await;
    let file = std::fs::metadata(machine.path(PATH)).expect("a socket");
    assert!(file.file_type().is_socket());
    assert_eq!(file.permissions().mode() & 0o777, 0o660);
    let group = machine.ok(&["stat", "--format=%U:%G", PATH]).await;
    assert_eq!(group, "codex-worker:codex\n");
    assert_eq!(machine.show(WORKER, "ActiveState").await, "inactive");
    let answered = status(&machine, PATH).await.expect("an answer");
    assert_eq!(answered["starts"], 1, "{answered}");
    codex(&machine, WORKER).await;
    assert_eq!(machine.show(WORKER, "ActiveState").await, "active");

    // Without the daemon the socket stays what it is, and starts the next one.
    let inode = file.ino();
    machine.run(&["systemctl", "stop", WORKER]).await;
    assert_eq!(machine.show(WORKER, "ActiveState").await, "inactive");
    assert_eq!(std::fs::metadata(machine.path(PATH)).expect("the socket").ino(), inode);
    status(&machine, PATH).await.expect("an answer of the next daemon");

    // Without the socket there is no daemon either.
    codex(&machine, WORKER).await;
    machine.systemctl(&["stop", SOCKET]).await;
    assert_eq!(machine.show(WORKER, "ActiveState").await, "inactive");
    assert!(!machine.path(PATH).exists(), "the socket's file is left");
}

#[tokio::test]
async fn a_restart_refuses_nobody() {
    let machine = started().await;
    codex(&machine, WORKER).await;
    let (stop, answers) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (path, stop, answers) = (machine.path(PATH), stop.clone(), answers.clone());
            machine.in_network(move || async move {
                while !stop.load(Ordering::Relaxed) {
                    let connected = SocketClient::connect(&path).await;
                    if let Err(error) = &connected {
                        assert!(!is_refused(error), "{error}");
                    }
                    // A connection that the old daemon had taken ends with it.
                    if connected.is_ok() {
                        answers.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();
    let restarts = async {
        for round in 0..3 {
            let before = answers.load(Ordering::Relaxed);
            let daemon = machine.show(WORKER, "MainPID").await;
            if round == 2 {
                machine.systemctl(&["kill", "--kill-who=main", "--signal=KILL", WORKER]).await;
            } else {
                machine.systemctl(&["restart", WORKER]).await;
            }
            eventually("another daemon that answers", async || {
                let other = machine.show(WORKER, "MainPID").await;
                let answered = answers.load(Ordering::Relaxed) > before + 8;
                (other != daemon && other != "0" && answered).then_some(())
            })
            .await;
        }
        stop.store(true, Ordering::Relaxed);
    };
    tokio::join!(futures_util::future::join_all(clients), restarts);
    assert!(answers.load(Ordering::Relaxed) > 24);
}
