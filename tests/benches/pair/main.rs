//! The pair against the smallest client that drives the same child directly over stdio.
//!
//! Both use the same child binary with the same arguments, environment, catalog and opt-outs, the same requests and
//! the same pipelining (history and turn follow the thread's answer in one write), and the same scripted upstream
//! in this process. They take turns, round by round, so that both see the same machine. `cargo xtask bench` runs it.
#![expect(clippy::print_stdout, reason = "a benchmark's answer is what it prints")]

mod direct;
mod http;
mod stats;

use comfy_table::{Table, presets::ASCII_MARKDOWN};
use direct::Direct;
use gateway_tests::{
    pair::Builder,
    upstream::{Config, Pieces, Recorded, Reply, Upstream},
};
use http::Http;
use stats::{Round, Summary};
use std::{io, time::Duration};

/// Requests in flight, and turns in a round: short rounds, so that both sides see the same machine.
const LOADS: [(usize, usize); 3] = [(1, 25), (8, 100), (32, 200)];
/// Rounds of each side; the first is not counted.
const ROUNDS: usize = 24;
/// Deltas of an answer.
const DELTAS: usize = 20;

fn main() -> io::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run())
}

async fn run() -> io::Result<()> {
    let words: Vec<String> = (0..DELTAS).map(|i| format!("word{i} ")).collect();
    let reply = Reply::new().text(Pieces::deltas(words.iter().map(String::as_str))).coalesced();
    let upstream = Upstream::start_with(move |_: &Recorded| reply.clone(), Config::bench()).await?;
    let pair = Builder::real(&upstream.base_url())?.start().await?;
    let mut direct = Direct::start(Builder::real(&upstream.base_url())?).await?;
    let http = Http::asking(pair.addr, "gpt-5.5", "Hello");

    println!(
        "{ROUNDS} rounds each, turn about; answers of {DELTAS} deltas; medians of {} rounds\n",
        ROUNDS - 1
    );
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header([
        "in flight",
        "direct turns/s",
        "pair turns/s",
        "pair / direct",
        "direct first token ms",
        "pair first token ms",
        "added ms (p50)",
        "added ms (p99)",
        "daemon + front CPU ms a turn",
    ]);
    for (in_flight, turns) in LOADS {
        let cpu = || Ok::<_, io::Error>((pair.daemon.cpu()?, pair.front.cpu()?));
        let before = cpu()?;
        let (mut of_direct, mut of_pair) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let one = direct.round(in_flight, turns).await?;
            let other = http.round(in_flight, turns).await?;
            println!("{in_flight:>3} in flight, round {round}: direct {one}, pair {other}");
            if round > 0 {
                of_direct.push(one);
                of_pair.push(other);
            }
        }
        let after = cpu()?;
        let each = |before: Duration, after: Duration| {
            (after - before).as_secs_f64() * 1000.0 / (turns * ROUNDS) as f64
        };
        let ratio = stats::median(of_pair.iter().zip(&of_direct).map(|(p, d)| p.rate() / d.rate()).collect());
        let (one, other) = (Summary::of(&of_direct), Summary::of(&of_pair));
        table.add_row([
            in_flight.to_string(),
            format!("{:.1}", one.rate),
            format!("{:.1}", other.rate),
            format!("{ratio:.3}"),
            format!("{:.2}", one.p50),
            format!("{:.2}", other.p50),
            format!("{:.2}", other.p50 - one.p50),
            format!("{:.2}", other.p99 - one.p99),
            format!("{:.2} + {:.2}", each(before.0, after.0), each(before.1, after.1)),
        ]);
    }
    println!("\n{table}");
    Ok(())
}

/// A round in which every turn came to its end.
fn round(turns: usize, since: std::time::Instant, first_tokens: Vec<Duration>) -> io::Result<Round> {
    if first_tokens.len() != turns {
        return Err(io::Error::other(format!("{} of {turns} turns had a first token", first_tokens.len())));
    }
    Ok(Round { turns, elapsed: since.elapsed(), first_tokens })
}
