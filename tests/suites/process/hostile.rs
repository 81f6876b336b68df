//! Clients of the daemon's socket that break every rule, beside one that keeps them and is served all the while.
#![expect(clippy::panic, reason = "in a test a panic is the report")]

mod ends;
mod floods;
mod ids;
mod lines;
mod slow;

use crate::support::{around, ask, let_go};
use gateway_tests::{
    fake_child::Script,
    pair::{Builder, End, Pair},
};
use std::{cell::Cell, future::Future, time::Duration};

/// How long the well-behaved client may wait for its whole completion. It takes a few milliseconds alone.
const PATIENCE: Duration = Duration::from_secs(15);
/// What the allocator may keep of what hostile clients made it use.
const SLACK: u64 = 32 << 20;

/// A pair, and what its daemon held before anybody was hostile.
struct Stage {
    pair: Pair,
    descriptors: usize,
    resident: u64,
}

impl Stage {
    async fn new() -> Self {
        Self::of(around(&Script::default())).await
    }

    async fn of(builder: Builder) -> Self {
        let pair = builder.start().await.expect("a ready pair");
        for _ in 0..3 {
            round(&pair).await;
        }
        // Nobody but the front has ever connected.
        let descriptors = pair.daemon.descriptors().expect("a daemon");
        let resident = pair.daemon.resident().expect("a daemon");
        Self { descriptors, resident, pair }
    }

    /// Runs a hostile client, with a well-behaved one beside it that never misses anything.
    async fn beside<T>(&self, hostile: impl Future<Output = T>) -> T {
        let over = Cell::new(false);
        let hostile = async {
            let result = hostile.await;
            over.set(true);
            result
        };
        let served = async {
            while !over.get() {
                round(&self.pair).await;
            }
            round(&self.pair).await;
        };
        tokio::join!(hostile, served).0
    }

    /// Nothing is left of the hostile ones.
    async fn is_clean(&self) {
        let_go(&self.pair).await;
        let daemon = &self.pair.daemon;
        let back = || async { (daemon.descriptors().ok()? <= self.descriptors).then_some(()) };
        if let Err(error) = self.pair.eventually("the descriptors of before", back).await {
            panic!("{error}\n{:?} now, {} before", daemon.descriptors(), self.descriptors);
        }
        self.memory_is_flat();
    }

    fn memory_is_flat(&self) {
        let now = self.pair.daemon.resident().expect("a daemon");
        assert!(now <= self.resident + SLACK, "{} bytes before, {now} now", self.resident);
    }

    /// The most memory that the daemon ever held, in bytes.
    fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pair.daemon.pid()));
        let status = status.expect("a daemon");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kilobytes * 1024
    }
}

async fn round(pair: &Pair) {
    let answered = tokio::time::timeout(PATIENCE, ask(pair, "!echo well behaved", true)).await;
    let answered = answered.expect("the well-behaved client waited too long");
    assert_eq!(answered, (End::Done, "well behaved".to_owned()));
}
