//! Replacing the child: a fresh codex comes up beside the old one, takes the new work, and nobody notices.

mod binary;
mod grace;
mod load;
mod memory;
mod odds;

use crate::crowd::METHODS;
use gateway_tests::{
    pair::{Builder, Pair, SocketClient, children},
    upstream::{Directives, Gate, Pieces, Recorded, Reply, Upstream},
};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

/// What a held answer says before its gate, and all of it.
const FIRST: &str = "The first half, ";
const WHOLE: &str = "The first half, and the second.";

/// An upstream that follows directives, and holds its answer to `hold` until the gate opens.
async fn upstream(gate: &Gate) -> Upstream {
    use gateway_tests::upstream::Brain as _;
    let (gate, directives) = (gate.clone(), Directives::new());
    let brain = move |request: &Recorded| match request.last_user_text().as_deref() {
        Some("hold") => {
            let text = Pieces::new(FIRST).wait(&gate).delta(&WHOLE[FIRST.len()..]);
            Reply::new().text(text)
        }
        Some(_) | None => directives.reply(request),
    };
    Upstream::start(brain).await.expect("an upstream")
}

fn builder(upstream: &Upstream) -> Builder {
    let builder = Builder::real(&upstream.base_url()).expect("a home");
    builder.daemon("WORKER_ALLOW_METHODS", METHODS)
}

async fn status(pair: &Pair) -> Option<Value> {
    let mut socket = SocketClient::connect(&pair.socket).await.ok()?;
    socket.call("daemon/status", &json!({})).await.ok()
}

/// The child that takes new work.
async fn active(pair: &Pair) -> u64 {
    let status = status(pair).await.expect("a status");
    status["pid"].as_u64().unwrap_or_else(|| panic!("no child: {status}"))
}

/// Sends SIGHUP and gives the child that took over.
async fn hang_up(pair: &Pair) -> u64 {
    let old = active(pair).await;
    pair.daemon.signal(Signal::SIGHUP).expect("a daemon");
    let another = || async {
        let status = status(pair).await?;
        status["pid"].as_u64().filter(|pid| *pid != old && status["state"] == "ready")
    };
    pair.eventually("another child", another).await.expect("another child")
}

/// `daemon/restart`: the status that it answers.
async fn restart(pair: &Pair) -> std::io::Result<Value> {
    let mut socket = SocketClient::connect(&pair.socket).await?;
    socket.call("daemon/restart", &json!({})).await
}

/// Waits until this is the daemon's only child.
async fn alone(pair: &Pair, child: u64) {
    let only =
        || async { (children(pair.daemon.pid()).iter().map(|p| u64::from(*p)).eq([child])).then_some(()) };
    pair.eventually("the end of the old children", only).await.expect("one child");
}
