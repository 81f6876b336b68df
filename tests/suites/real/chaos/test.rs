//! The schedule, and the run.

use super::{
    after::{check_empty, check_memory, check_stop, descriptors, memory},
    faults::{Fault, Happened, happen},
    report,
    stage::Stage,
};
use crate::crowd::{Crowd, Dice};
use gateway_tests::pair::{Answer, End};
use std::time::{Duration, Instant};

/// Clients of the front and of the socket: seven requests at once.
const HTTP: usize = 5;
const SOCKET: usize = 2;
/// Nothing else happens for so long after the last fault.
const TAIL: Duration = Duration::from_secs(2);
/// Requests a second that a run comes to at the least, however busy the machine is.
const LEAST: u64 = 2;

/// Once through what clients and the upstream do, before the child is touched.
const WARM_UP: &[Fault] = &[Fault::Flood, Fault::Vanish, Fault::SlowHttp, Fault::SlowSocket];

/// Seconds after the warm-up. A child that dies after less than 30 s has its next start delayed, by 250 ms for the
/// first and twice that for each one more.
const SCHEDULE: &[(u64, Fault)] = &[
    (1, Fault::Kill),
    (4, Fault::Cut),
    (7, Fault::Stop),
    (9, Fault::Stall),
    (12, Fault::Term),
    (15, Fault::Hangup),
    (17, Fault::Vanish),
    (19, Fault::KillFresh),
    (22, Fault::KillOld),
    (26, Fault::Restart),
    (28, Fault::SlowHttp),
    (31, Fault::SlowSocket),
    (34, Fault::Flood),
    (37, Fault::Cut),
    (40, Fault::Stall),
    (44, Fault::Stop),
    (46, Fault::Vanish),
    (48, Fault::SlowHttp),
    (51, Fault::Flood),
    (57, Fault::Kill),
    (60, Fault::Hangup),
];

/// Lets the faults happen under load, each at its time or once the one before is over, and checks everything.
pub(super) async fn run(
    settings: &[(&str, &str)],
    schedule: impl Iterator<Item = (Duration, Fault)>,
    seed: u64,
) {
    let mut dice = Dice::new(seed);
    let stage = Stage::new(settings).await;
    let mut answer = Answer::to(&stage.pair, "!echo ready", false).await.expect("a head");
    assert_eq!(answer.end().await.expect("an end"), End::Done);
    drop(answer);
    let (descriptors_before, memory_before) = (descriptors(&stage), memory(&stage));
    let crowd = Crowd::start(&stage.pair, HTTP, SOCKET, &mut dice).await;
    let start = Instant::now();
    let mut happened: Vec<Happened> = Vec::new();
    for fault in WARM_UP {
        happened.push(happen(*fault, &stage, crowd.account()).await);
    }
    let warm = Instant::now();
    for (at, fault) in schedule {
        tokio::time::sleep_until((warm + at).into()).await;
        happened.push(happen(fault, &stage, crowd.account()).await);
    }
    tokio::time::sleep(TAIL).await;
    let sent = crowd.finish().await;
    let lasted = start.elapsed();
    println!("{}", report::timeline(&happened, start));
    println!("{} requests in {:.1} s\n{}", sent.len(), lasted.as_secs_f64(), report::table(&sent, &happened));
    let offenders = report::offenders(&sent, &happened, start);
    let logs = || format!("daemon:\n{}\nfront:\n{}", stage.pair.daemon.tail(), stage.pair.front.tail());
    assert!(offenders.is_empty(), "{}\n{}", offenders.join("\n"), logs());
    assert!(sent.len() as u64 > LEAST * lasted.as_secs(), "only {} requests", sent.len());
    check_empty(&stage, descriptors_before).await;
    let memory_after = memory(&stage);
    check_memory(memory_before, memory_after);
    check_stop(stage).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_minute_of_trouble_hurts_nobody_else() {
    let schedule = SCHEDULE.iter().map(|(at, fault)| (Duration::from_secs(*at), *fault));
    run(&[], schedule, 1).await;
}
