//! Many clients at once, some of whom hang up, and a child that dies in between: nobody gets what is another's, and
//! every request ends once.
#![expect(clippy::print_stdout, reason = "a failing test shows its seed and what had happened")]

use gateway_tests::{
    pair::{Answer, Builder, DEADLINE, End, Pair, SocketClient},
    upstream::{Directives, Upstream},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{sync::Arc, time::Duration};
use tokio::task::JoinSet;

const REQUESTS: usize = 200;
/// All of them together, on a machine that does other things too.
const ALL: Duration = Duration::from_secs(120);
const METHODS: &str = "thread/start,thread/inject_items,thread/unsubscribe,turn/start,turn/interrupt,model/list,\
thread/loaded/list";

/// A splitmix64: the same requests for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
}

/// When a client hangs up.
#[derive(Debug, Clone, Copy)]
enum HangUp {
    Never,
    /// Once the upstream has seen so many requests, whatever has come by then.
    After(u64),
    /// Once so many letters of the answer have come.
    At(usize),
}

/// One client's request.
#[derive(Debug, Clone)]
struct Plan {
    marker: String,
    prompt: String,
    stream: bool,
    hang_up: HangUp,
}

/// What became of it.
#[derive(Debug)]
struct Seen {
    plan: Plan,
    text: String,
    /// `None`: it hung up.
    end: Option<End>,
}

fn plans(dice: &mut Dice, retries: bool) -> Vec<Plan> {
    (0..REQUESTS)
        .map(|number| {
            let marker = format!("<{number}:{:016x}:{number}>", dice.roll(u64::MAX)).repeat(3);
            let stream = dice.roll(2) == 0;
            let mut prompt = format!("!chunks {}\n!pause {}\n", 3 + dice.roll(20), dice.roll(6));
            if dice.roll(3) == 0 {
                prompt.push_str(&format!("!delay {}\n", dice.roll(60)));
            }
            // What a stream has sent can't be taken back, so only an answer in JSON outlives a later cut.
            if retries && dice.roll(5) == 0 {
                let after = if stream { 0 } else { dice.roll(3) };
                prompt.push_str(&format!("!cut_once {after}\n"));
            }
            prompt.push_str(&format!("!echo {marker}"));
            let hang_up = match dice.roll(6) {
                0 => HangUp::After(1 + dice.roll(REQUESTS as u64 / 2)),
                1 if stream => HangUp::At(usize::try_from(dice.roll(60)).expect("a small number")),
                _ => HangUp::Never,
            };
            Plan { marker, prompt, stream, hang_up }
        })
        .collect()
}

async fn run(plan: Plan, pair: Arc<Pair>, upstream: Arc<Upstream>) -> Seen {
    let whole = async {
        let mut answer = Answer::to(&pair, &plan.prompt, plan.stream).await.expect("a head");
        if let HangUp::At(letters) = plan.hang_up {
            let there = answer.until("letters", |text| text.len() >= letters).await;
            if there.expect("letters, or the end") {
                return (answer.text(), None);
            }
        }
        let end = answer.end().await.expect("an end");
        (answer.text(), Some(end))
    };
    let (text, end) = if let HangUp::After(requests) = plan.hang_up {
        let enough = upstream.wait_totals("requests of others", ALL, |t| t.requests >= requests);
        tokio::select! {
            done = whole => done,
            _ = enough => (String::new(), None),
        }
    } else {
        whole.await
    };
    Seen { plan, text, end }
}

/// Starts all requests at once.
fn launch(plans: Vec<Plan>, pair: &Arc<Pair>, upstream: &Arc<Upstream>) -> JoinSet<Seen> {
    let mut running = JoinSet::new();
    for plan in plans {
        running.spawn(run(plan, pair.clone(), upstream.clone()));
    }
    running
}

async fn finish(running: JoinSet<Seen>) -> Vec<Seen> {
    let all = tokio::time::timeout(ALL, running.join_all());
    all.await.expect("every request to end within the time for all")
}

/// What holds for every request, however it ended.
fn check_own(seen: &[Seen]) {
    assert_eq!(seen.len(), REQUESTS);
    for Seen { plan, text, end } in seen {
        assert!(plan.marker.starts_with(text.as_str()), "{plan:?} got {text:?} ({end:?})");
        if *end == Some(End::Done) {
            assert_eq!(*text, plan.marker, "{plan:?}");
        }
    }
}

/// The child holds no thread, and requests are served.
async fn check_after(pair: &Pair) {
    pair.ready().await.expect("a ready pair");
    let mut answer = Answer::to(pair, "!echo once more", false).await.expect("a head");
    assert_eq!(answer.end().await.expect("an end"), End::Done);
    assert_eq!(answer.text(), "once more");
    pair.eventually("no loaded thread", || async {
        let mut socket = SocketClient::connect(&pair.socket).await.ok()?;
        socket.loaded().await.ok()?.is_empty().then_some(())
    })
    .await
    .expect("no loaded thread");
}

async fn started(provider: &str, settings: &[(&str, &str)]) -> (Arc<Pair>, Arc<Upstream>) {
    let upstream = Upstream::start(Directives::new()).await.expect("an upstream");
    let builder = Builder::real_with(&upstream.base_url(), provider).expect("a home");
    let builder = settings.iter().fold(builder, |builder, (name, value)| builder.daemon(name, *value));
    let builder = builder.daemon("WORKER_ALLOW_METHODS", METHODS);
    let pair = builder.start().await.expect("a ready pair");
    (Arc::new(pair), Arc::new(upstream))
}

async fn everybody_gets_their_own(provider: &str, retries: bool, seed: u64) {
    println!("seed {seed}");
    let (pair, upstream) = started(provider, &[]).await;
    let plans = plans(&mut Dice(seed), retries);
    let stayed = plans.iter().filter(|plan| matches!(plan.hang_up, HangUp::Never)).count();
    let seen = finish(launch(plans, &pair, &upstream)).await;
    check_own(&seen);
    for Seen { plan, end, .. } in &seen {
        assert!(matches!(end, None | Some(End::Done)), "{plan:?} ended with {end:?}");
    }
    let hung_up = seen.iter().filter(|seen| seen.end.is_none()).count();
    println!("{stayed} stayed, {hung_up} hung up, {:?}", upstream.totals());
    assert!(hung_up > 10, "only {hung_up} hung up");
    assert_eq!(upstream.problems(), Vec::<String>::new());
    upstream
        .wait_totals("no request left upstream", DEADLINE, |t| t.running() == 0)
        .await
        .expect("every upstream request to end");
    check_after(&pair).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_gets_their_own_answer_and_no_other() {
    everybody_gets_their_own("request_max_retries = 0\nstream_max_retries = 0\n", false, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_gets_their_own_answer_with_the_childs_retries() {
    everybody_gets_their_own("", true, 2).await;
}

/// Kills the child once the upstream has seen so many more requests.
async fn murder(pair: &Pair, upstream: &Upstream, more: u64) {
    let wanted = upstream.totals().requests + more;
    upstream
        .wait_totals("requests to kill the child under", DEADLINE, |t| t.requests >= wanted)
        .await
        .expect("requests to kill the child under");
    let child = pair.child_pid().expect("a child");
    let pid = Pid::from_raw(i32::try_from(child).expect("a pid"));
    kill(pid, Signal::SIGKILL).expect("a child to kill");
    println!("killed {child} at {:?}", upstream.totals());
}

/// A kill takes everybody's thread along, those of waiting turns too: each kill has a wave of its own.
async fn every_request_ends_once(provider: &str, settings: &[(&str, &str)], kills: usize, seed: u64) {
    println!("seed {seed}");
    let (pair, upstream) = started(provider, settings).await;
    let mut dice = Dice(seed);
    let mut plans = plans(&mut dice, false);
    let mut seen = Vec::new();
    for wave in 0..kills {
        let running = launch(plans.split_off(plans.len() - REQUESTS / kills), &pair, &upstream);
        let killed = murder(&pair, &upstream, 26 + dice.roll(8));
        let ((), ended) = tokio::join!(killed, finish(running));
        let failed = ended.iter().filter_map(|s| s.end.as_ref()?.code()).count();
        assert!(failed > 0, "kill {wave} hit no request");
        seen.extend(ended);
        pair.ready().await.expect("another child");
    }
    check_own(&seen);
    let mut ends = std::collections::BTreeMap::<String, usize>::new();
    for Seen { plan, end, .. } in &seen {
        *ends.entry(format!("{end:?}")).or_default() += 1;
        let right = match end {
            None | Some(End::Done) => true,
            Some(End::Refused { status: 502, code }) => code == "worker_restarted",
            Some(End::Refused { status: 503, code }) => code == "worker_unavailable",
            Some(End::Broken { code }) => code == "worker_restarted",
            Some(End::Refused { .. } | End::Torn(_)) => false,
        };
        assert!(right, "{plan:?} ended with {end:?}");
    }
    println!("{ends:#?}");
    assert!(ends.contains_key("Some(Done)"), "nobody got an answer before a kill: {ends:?}");
    check_after(&pair).await;
}

/// Restarts come at once, and turns wait for permits when the child dies.
const AT_ONCE: &[(&str, &str)] = &[("WORKER_BACKOFF_RESET_MS", "0"), ("WORKER_MAX_CONCURRENCY", "24")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_ends_once_while_the_child_is_killed() {
    let no_retries = "request_max_retries = 0\nstream_max_retries = 0\n";
    every_request_ends_once(no_retries, AT_ONCE, 4, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_ends_once_while_the_child_with_retries_is_killed() {
    every_request_ends_once("", AT_ONCE, 4, 4).await;
}

/// With the delay between restarts what waits is refused, and comes back another time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_ends_once_across_a_restart_with_a_delay() {
    every_request_ends_once("", &[], 1, 5).await;
}
