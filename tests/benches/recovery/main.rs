//! How soon service is back after `kill -9` of the child: until the daemon says `ready`, and until a chat completion
//! succeeds. The real pair and the real codex, with a scripted upstream in this process; `cargo xtask bench recovery
//! [ROUNDS]` runs it.
//!
//! Two cases, because the daemon tells them apart: a child that had run long enough to be called stable is started
//! again at once, one that dies right after its start only after the first delay of the backoff.
#![expect(clippy::print_stdout, reason = "a benchmark's answer is what it prints")]

mod watch;

use comfy_table::{Table, presets::ASCII_MARKDOWN};
use gateway_tests::{
    pair::{Answer, Builder, DEADLINE, End, Pair},
    upstream::{Directives, Upstream},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    io,
    time::{Duration, Instant},
};
use watch::Watch;

/// Kills in each case, unless the command line says otherwise.
const ROUNDS: usize = 40;
/// Between the tries of the client: short beside what is measured, long enough to leave the cores to the pair.
const TRY_AGAIN: Duration = Duration::from_millis(5);

/// When the child is killed.
#[derive(Debug, Clone, Copy)]
enum Case {
    /// Every child counts as stable from its handshake on.
    Stable,
    /// The first child of a daemon, as soon as it has answered once.
    Fresh,
}

/// What one kill cost.
#[derive(Debug, Clone, Copy)]
struct Outage {
    ready: Duration,
    served: Duration,
}

fn main() -> io::Result<()> {
    // cargo passes `--bench` to every benchmark.
    let rounds = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(ROUNDS);
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(rounds))
}

async fn run(rounds: usize) -> io::Result<()> {
    let upstream = Upstream::start(Directives::new()).await?;
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header([
        "killed",
        "kills",
        "to ready ms (median)",
        "p95",
        "max",
        "to a completion ms (median)",
        "p95",
        "max",
    ]);
    for case in [Case::Stable, Case::Fresh] {
        let outages = match case {
            Case::Stable => stable(&upstream, rounds).await?,
            Case::Fresh => fresh(&upstream, rounds).await?,
        };
        let ready: Vec<Duration> = outages.iter().map(|outage| outage.ready).collect();
        let served: Vec<Duration> = outages.iter().map(|outage| outage.served).collect();
        let mut row = vec![case.name().to_owned(), rounds.to_string()];
        for times in [ready, served] {
            row.extend([0.5, 0.95, 1.0].map(|share| format!("{:.0}", percentile(&times, share))));
        }
        table.add_row(row);
    }
    println!("\n{table}");
    Ok(())
}

impl Case {
    fn name(self) -> &'static str {
        match self {
            Self::Stable => "after a stable run",
            Self::Fresh => "right after a start",
        }
    }
}

/// One pair whose child is killed again and again.
async fn stable(upstream: &Upstream, rounds: usize) -> io::Result<Vec<Outage>> {
    let builder = Builder::real(&upstream.base_url())?.daemon("WORKER_BACKOFF_RESET_MS", "0");
    let pair = builder.start().await?;
    let mut outages = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        outages.push(outage(&pair, Case::Stable).await?);
    }
    Ok(outages)
}

/// A new pair for each kill: with one pair the delay would double from kill to kill.
async fn fresh(upstream: &Upstream, rounds: usize) -> io::Result<Vec<Outage>> {
    let mut outages = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let pair = Builder::real(&upstream.base_url())?.start().await?;
        outages.push(outage(&pair, Case::Fresh).await?);
        pair.stop().await?;
    }
    Ok(outages)
}

/// Kills the child of a pair that serves, and waits until it serves again.
async fn outage(pair: &Pair, case: Case) -> io::Result<Outage> {
    if !completes(pair).await {
        return Err(io::Error::other("the pair doesn't serve before the kill"));
    }
    let mut watch = Watch::start(&pair.socket).await?;
    let pid = watch.pid().ok_or_else(|| io::Error::other("there is no child to kill"))?;
    let since = Instant::now();
    kill(Pid::from_raw(i32::try_from(pid).map_err(io::Error::other)?), Signal::SIGKILL)?;
    let ready = async {
        watch.successor(pid).await?;
        Ok::<_, io::Error>(since.elapsed())
    };
    let served = async {
        let mut tries = tokio::time::interval(TRY_AGAIN);
        tries.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tries.tick().await;
            if completes(pair).await {
                return Ok(since.elapsed());
            }
        }
    };
    let both = tokio::time::timeout(DEADLINE, async { tokio::try_join!(ready, served) });
    let both = both.await.map_err(|_| io::Error::other(format!("waited {DEADLINE:?} for another child")))?;
    let (ready, served) = both?;
    println!("{}: ready after {ready:.0?}, a completion after {served:.0?}", case.name());
    Ok(Outage { ready, served })
}

/// Whether a chat completion succeeds.
async fn completes(pair: &Pair) -> bool {
    match Answer::to(pair, "!echo back", false).await {
        Ok(mut answer) => answer.end().await.is_ok_and(|end| end == End::Done) && answer.text() == "back",
        Err(_) => false,
    }
}

/// A percentile in milliseconds.
fn percentile(times: &[Duration], share: f64) -> f64 {
    let mut times = times.to_vec();
    times.sort_unstable();
    let at = (times.len().saturating_sub(1) as f64 * share).round() as usize;
    times.get(at).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}
