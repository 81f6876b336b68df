//! The same for longer, with faults that chance picks.

use super::{faults::Fault, test::run};
use crate::crowd::Dice;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const LASTS: Duration = Duration::from_secs(15 * 60);
const FAULTS: [Fault; 13] = [
    Fault::Kill,
    Fault::Term,
    Fault::Stop,
    Fault::Cut,
    Fault::Stall,
    Fault::Flood,
    Fault::Vanish,
    Fault::SlowHttp,
    Fault::SlowSocket,
    Fault::Hangup,
    Fault::Restart,
    Fault::KillOld,
    Fault::KillFresh,
];
/// With this a child that dies counts as a stable one and is started again at once: chance knows no spacing.
const SETTINGS: &[(&str, &str)] = &[("WORKER_BACKOFF_RESET_MS", "1000")];

/// Another one each time, unless `CHAOS_SEED` names one.
#[expect(clippy::disallowed_methods, reason = "a run that failed is done again by its seed")]
fn seed() -> u64 {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock behind 1970").as_secs();
    let named = std::env::var("CHAOS_SEED").ok();
    named.map_or_else(now, |seed| seed.parse().expect("a number in CHAOS_SEED"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quarter_of_an_hour_of_trouble_hurts_nobody_else() {
    let seed = seed();
    println!("CHAOS_SEED={seed}");
    let mut dice = Dice::new(seed);
    let mut at = Duration::ZERO;
    let schedule = std::iter::from_fn(|| {
        at += dice.millis(1500, 5000);
        let fault = FAULTS[usize::try_from(dice.roll(FAULTS.len() as u64)).expect("a small number")];
        (at < LASTS).then_some((at, fault))
    });
    run(SETTINGS, schedule, seed).await;
}
