//! What more workers behind one front bring: chat completions a second with one, two and four, each around a scripted child
//! whose turns take a fixed time, with more of them asked for than all can take. `cargo xtask bench workers [SECONDS]` runs it.
//!
//! The children work for nothing but their delay, so that what is measured is the spreading and not the machine. Below [`LEAST`]
//! it ends with 1.
#![expect(clippy::print_stdout, reason = "a benchmark's answer is what it prints")]

use comfy_table::{Table, presets::ASCII_MARKDOWN};
use gateway_tests::{
    fake_child::Script,
    pair::{Answer, Builder, End, Workers},
};
use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

/// Seconds that each is measured for, unless the command line says otherwise.
const SECONDS: u64 = 20;
/// Turns that a worker runs at once.
const PLACES: usize = 4;
/// How long a turn takes, in milliseconds.
const TURN_MS: u64 = 200;
/// Clients that ask again and again: twice what four workers can take.
const CLIENTS: usize = 32;
/// Workers, and how many times the throughput of one they bring at least.
const LEAST: [(usize, Option<f64>); 3] = [(1, None), (2, Some(1.8)), (4, Some(3.4))];

fn main() -> io::Result<()> {
    // cargo passes `--bench` to every benchmark.
    let seconds = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(SECONDS);
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(seconds))
}

async fn run(seconds: u64) -> io::Result<()> {
    println!(
        "{CLIENTS} clients for {seconds} s each, workers with {PLACES} places, turns of {TURN_MS} ms, half of them streams\n"
    );
    let mut table = Table::new();
    let header = ["workers", "turns/s", "to one", "most they could", "least and most of one worker"];
    table.load_style(ASCII_MARKDOWN).set_header(header);
    let (mut one, mut verdicts, mut all) = (None, String::new(), true);
    for (count, wanted) in LEAST {
        let builder = |_| {
            let builder = Builder::fake(&Script::default()).expect("a home");
            builder.unchecked().daemon("WORKER_MAX_CONCURRENCY", PLACES.to_string())
        };
        let workers = Workers::start(count, builder).await?;
        let rate = rate(&workers, Duration::from_secs(seconds)).await?;
        let first = *one.get_or_insert(rate);
        let times = rate / first;
        if let Some(wanted) = wanted {
            let reached = times >= wanted;
            all &= reached;
            let word = if reached { "reached" } else { "MISSED" };
            verdicts += &format!("{count} to one: {times:.2}, at least {wanted:.1}: {word}\n");
        }
        let served = workers.completed().await;
        let could = count as f64 * PLACES as f64 * 1000.0 / TURN_MS as f64;
        let (least, most) = (served.iter().min(), served.iter().max());
        table.add_row([
            count.to_string(),
            format!("{rate:.1}"),
            format!("{times:.2}"),
            format!("{could:.0}"),
            format!("{} to {}", least.copied().unwrap_or_default(), most.copied().unwrap_or_default()),
        ]);
    }
    println!("{table}\n\n{verdicts}");
    if all { Ok(()) } else { Err(io::Error::other("more workers bring too little")) }
}

/// Turns a second, those that came to their end within the time.
async fn rate(workers: &Workers, time: Duration) -> io::Result<f64> {
    let url: Arc<str> = workers.pair.url("/v1/chat/completions").into();
    let until = Instant::now() + time;
    let clients = (0..CLIENTS).map(|n| client(n, url.clone(), until));
    let done: Vec<usize> = futures_util::future::try_join_all(clients).await?;
    Ok(done.iter().sum::<usize>() as f64 / time.as_secs_f64())
}

async fn client(number: usize, url: Arc<str>, until: Instant) -> io::Result<usize> {
    let client = reqwest::Client::new();
    let (mut done, mut asked) = (0, 0);
    while Instant::now() < until {
        asked += 1;
        let prompt = format!("!chunks 2\n!pause {}\nclient {number} asks {asked}", TURN_MS / 2);
        let mut answer = Answer::of(&client, &url, &prompt, number.is_multiple_of(2)).await?;
        match answer.end().await? {
            End::Done => done += usize::from(Instant::now() < until),
            end @ (End::Refused { .. } | End::Broken { .. } | End::Torn(_)) => {
                return Err(io::Error::other(format!("an answer ended so: {end:?}")));
            }
        }
    }
    Ok(done)
}
