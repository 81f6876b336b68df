//! The front's sockets are systemd's: no restart refuses anybody, and a front that hangs is replaced.

use crate::{
    gateway::{CHAT, FRONT, SOCKET, ask, installed, serves},
    machine::{Machine, eventually},
};
use gateway_tests::pair::{End, KEY};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const SOCKETS: &str = "codex-front.socket";
const BOTH: [&str; 2] = ["127.0.0.1:11435", "127.0.0.1:18080"];

#[tokio::test]
async fn restarts_refuse_nobody_and_a_hanging_front_is_replaced() {
    let machine = installed().await;
    machine.write("/etc/systemd/system/codex-front.service.d/short.conf", "[Service]\nWatchdogSec=4\n");
    machine.systemctl(&["daemon-reload"]).await;
    // The sockets alone: who comes first starts the front, and that the daemon by its socket.
    machine.systemctl(&["start", "upstream", SOCKETS, SOCKET]).await;
    assert_eq!(machine.show(FRONT, "ActiveState").await, "inactive");
    serves(&machine).await;
    assert_eq!(machine.show(FRONT, "ActiveState").await, "active");

    let (stop, answers) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients = BOTH.map(|addr| {
        let (stop, answers) = (stop.clone(), answers.clone());
        machine.in_network(move || async move {
            let addr: SocketAddr = addr.parse().expect("an address");
            while !stop.load(Ordering::Relaxed) {
                // What a front had taken before its end may end with it.
                if alive(addr).await == Some(true) {
                    answers.fetch_add(1, Ordering::Relaxed);
                }
            }
        })
    });
    let restarts = async {
        for how in ["restart", "KILL", "STOP"] {
            let front = machine.show(FRONT, "MainPID").await;
            if how == "restart" {
                machine.systemctl(&["restart", FRONT]).await;
            } else {
                machine.systemctl(&["kill", "--kill-who=main", &format!("--signal={how}"), FRONT]).await;
            }
            eventually(&format!("another front after {how}"), async || {
                // One that still starts has no watchdog yet.
                let up = machine.show(FRONT, "ActiveState").await == "active";
                (up && machine.show(FRONT, "MainPID").await != front).then_some(())
            })
            .await;
            let before = answers.load(Ordering::Relaxed);
            let answered = async || (answers.load(Ordering::Relaxed) > before + 20).then_some(());
            eventually("answers", answered).await;
        }
        stop.store(true, Ordering::Relaxed);
    };
    tokio::join!(futures_util::future::join_all(clients), restarts);
    let journal = machine.journal(FRONT).await;
    assert!(journal.contains("Watchdog timeout (limit 4s)!"), "{journal}");
    serves(&machine).await;
    a_bad_configuration_ends(&machine).await;
}

/// Whether a front says that it lives; `None` where it ended before it did.
async fn alive(addr: SocketAddr) -> Option<bool> {
    let mut stream = TcpStream::connect(addr).await.expect("nobody is refused");
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    Some(answer.starts_with(b"HTTP/1.1 200"))
}

/// Clients don't start it for ever, and what the page says brings it back.
async fn a_bad_configuration_ends(machine: &Machine) {
    machine.write("/etc/codex/codex-front.env", "PROXY_TIMEOUT_MS=soon\n");
    machine.run(&["systemctl", "restart", FRONT]).await;
    let knocking = async || {
        machine.in_network(|| async { drop(reqwest::Client::new().get(CHAT).send().await) }).await;
        (machine.show(SOCKETS, "ActiveState").await == "failed").then_some(())
    };
    eventually("the end of the tries", knocking).await;
    let tries = machine.journal(FRONT).await.matches("status=2/INVALIDARGUMENT").count();
    assert!((1..=40).contains(&tries), "{tries} tries");
    machine.write("/etc/codex/codex-front.env", &format!("PROXY_API_KEY={KEY}\n"));
    machine.systemctl(&["reset-failed", FRONT, SOCKETS]).await;
    machine.systemctl(&["start", FRONT]).await;
    serves(machine).await;
    let answered = ask(machine, "!echo back", true).await;
    assert_eq!(answered, (End::Done, "back".to_owned()));
}
