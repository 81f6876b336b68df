//! What telemetry costs: the pair with everything of it on against the pair with all of it off.
//!
//! Both pairs run the same scripted child, which answers at once, so that nothing hides the cost. On is what an operator
//! with a collector has: logs at `info`, `/metrics` scraped every second, spans of every request and the GenAI metrics sent
//! by OTLP. Off is nothing of it: no exporter, no `/metrics`, `RUST_LOG=off`. The collector is in this process and throws
//! away what it gets; its work, and the reading of the logs, is on the machine all the same, and so on the side of what is on.
//! They take turns, round by round, so that both see the same machine. `cargo xtask bench telemetry` runs it.
#![expect(clippy::print_stdout, reason = "a benchmark's answer is what it prints")]

#[path = "../pair/http.rs"]
mod http;
mod sink;
#[path = "../pair/stats.rs"]
mod stats;

use comfy_table::{Table, presets::ASCII_MARKDOWN};
use gateway_tests::{
    fake_child::Script,
    otlp::Protocol,
    pair::{Builder, Pair},
};
use http::Http;
use sink::Sink;
use stats::{Round, Summary};
use std::{
    io,
    time::{Duration, Instant},
};
use tokio::task::AbortHandle;

/// Deltas of an answer, requests in flight, and requests in a round: short rounds, so that both sides see the same machine.
/// What telemetry costs is a matter of requests and not of deltas: 20 are a sentence, 200 a short answer, 1000 a page.
const LOADS: [(usize, usize, usize); 9] = [
    (20, 1, 200),
    (20, 8, 800),
    (20, 32, 1600),
    (200, 1, 60),
    (200, 8, 200),
    (200, 32, 400),
    (1000, 1, 20),
    (1000, 8, 50),
    (1000, 32, 100),
];
/// Rounds of each side; the first is not counted.
const ROUNDS: usize = 24;
/// Between two scrapes: much more often than anybody does.
const SCRAPE: Duration = Duration::from_secs(1);
/// A model of the scripted child.
const MODEL: &str = "gpt-fake-1";

fn main() -> io::Result<()> {
    // cargo passes `--bench` to every benchmark.
    let rounds = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(ROUNDS);
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(rounds))
}

async fn run(rounds: usize) -> io::Result<()> {
    println!("{rounds} rounds each, turn about; medians of {} rounds\n", rounds - 1);
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header([
        "OTLP over",
        "deltas",
        "in flight",
        "off requests/s",
        "on requests/s",
        "on / off",
        "first token added ms (p50)",
        "(p99)",
        "off CPU ms a request",
        "on CPU ms a request",
        "OTLP bytes a request",
    ]);
    for protocol in [Protocol::Grpc, Protocol::Http] {
        let sink = Sink::start(protocol).await?;
        let off = off().await?;
        let on = on(&sink).await?;
        let _scraping = Scrape::start(&on);
        for (deltas, in_flight, requests) in LOADS {
            let row = compare(&off, &on, &sink, deltas, in_flight, requests, rounds).await?;
            let load = vec![protocol.as_str().to_owned(), deltas.to_string(), in_flight.to_string()];
            table.add_row([load, row].concat());
        }
    }
    println!("\n{table}");
    Ok(())
}

/// One load on both sides; the cells of its row.
async fn compare(
    off: &Pair,
    on: &Pair,
    sink: &Sink,
    deltas: usize,
    in_flight: usize,
    requests: usize,
    rounds: usize,
) -> io::Result<Vec<String>> {
    let asks = format!("!chunks {deltas}\n{}", "word ".repeat(deltas));
    let (quiet, telling) = (Http::asking(off.addr, MODEL, &asks), Http::asking(on.addr, MODEL, &asks));
    let (mut of_quiet, mut of_telling) = (Vec::new(), Vec::new());
    let (quiet_before, telling_before, bytes_before) = (cpu(off)?, cpu(on)?, sink.bytes());
    for round in 0..rounds {
        // By turns, which is first.
        let (one, other) = if round % 2 == 0 {
            let one = quiet.round(in_flight, requests).await?;
            (one, telling.round(in_flight, requests).await?)
        } else {
            let other = telling.round(in_flight, requests).await?;
            (quiet.round(in_flight, requests).await?, other)
        };
        println!("{deltas:>4} deltas, {in_flight:>2} in flight, round {round}: off {one}, on {other}");
        if round > 0 {
            of_quiet.push(one);
            of_telling.push(other);
        }
    }
    let each = |used: Duration| used.as_secs_f64() * 1000.0 / (requests * rounds) as f64;
    let ratio = stats::median(of_telling.iter().zip(&of_quiet).map(|(t, q)| t.rate() / q.rate()).collect());
    let (one, other) = (Summary::of(&of_quiet), Summary::of(&of_telling));
    Ok(vec![
        format!("{:.0}", one.rate),
        format!("{:.0}", other.rate),
        format!("{ratio:.3}"),
        format!("{:.2}", other.p50 - one.p50),
        format!("{:.2}", other.p99 - one.p99),
        format!("{:.3}", each(cpu(off)? - quiet_before)),
        format!("{:.3}", each(cpu(on)? - telling_before)),
        (sink.bytes() - bytes_before).div_euclid((requests * rounds) as u64).to_string(),
    ])
}

/// Processor time of both binaries.
fn cpu(pair: &Pair) -> io::Result<Duration> {
    Ok(pair.daemon.cpu()? + pair.front.cpu()?)
}

async fn off() -> io::Result<Pair> {
    let builder = Builder::fake(&Script::default())?.unchecked();
    builder.both("RUST_LOG", "off,http_front::app=info").front("PROXY_ENABLE_METRICS", "false").start().await
}

async fn on(sink: &Sink) -> io::Result<Pair> {
    let builder = Builder::fake(&Script::default())?.unchecked();
    builder
        .both("OTEL_EXPORTER_OTLP_ENDPOINT", &sink.endpoint())
        .both("OTEL_EXPORTER_OTLP_PROTOCOL", sink.protocol().as_str())
        .start()
        .await
}

/// A scrape every second, until it is dropped.
struct Scrape(AbortHandle);

impl Scrape {
    #[expect(clippy::disallowed_methods, reason = "a benchmark's own task")]
    fn start(pair: &Pair) -> Self {
        let (client, url) = (pair.client().clone(), format!("http://{}/metrics", pair.internal));
        let task = tokio::spawn(async move {
            let mut tick = tokio::time::interval(SCRAPE);
            loop {
                tick.tick().await;
                // What it costs is what counts.
                let _text = async { client.get(&url).send().await?.text().await }.await;
            }
        });
        Self(task.abort_handle())
    }
}

impl Drop for Scrape {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A round in which every request came to its end.
fn round(requests: usize, since: Instant, first_tokens: Vec<Duration>) -> io::Result<Round> {
    if first_tokens.len() != requests {
        let had = first_tokens.len();
        return Err(io::Error::other(format!("{had} of {requests} requests had a first token")));
    }
    Ok(Round { turns: requests, elapsed: since.elapsed(), first_tokens })
}
