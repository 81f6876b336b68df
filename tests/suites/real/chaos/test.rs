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
const LEAST: u64 = 4;

/// Once through all that needs memory; from then on it must be flat.
const WARM_UP: &[Fault] = &[Fault::Flood, Fault::Vanish, Fault::SlowHttp, Fault::SlowSocket];

/// Seconds after the warm-up. A child that dies after less than 30 s has its next start delayed, by 250 ms for the
/// first and twice that for each one more.
const SCHEDULE: &[(u64, Fault)] = &[
    (1, Fault::Kill),
    (5, Fault::Cut),
    (8, Fault::Stop),
    (11, Fault::Stall),
    (15, Fault::Term),
    (19, Fault::Hangup),
    (22, Fault::Vanish),
    (25, Fault::Restart),
    (28, Fault::SlowHttp),
    (31, Fault::SlowSocket),
    (34, Fault::Flood),
    (37, Fault::Cut),
    (40, Fault::Stall),
    (44, Fault::Stop),
    (47, Fault::Vanish),
    (50, Fault::Flood),
    (57, Fault::Kill),
    (60, Fault::Hangup),
];

/// Lets the faults happen under load, each at its time or once the one before is over, and checks everything.
pub(super) async fn run(settings: &[(&str, &str)], schedule: impl Iterator<Item = (Duration, Fault)>, seed: u64) {
    let mut dice = Dice::new(seed);
    let stage = Stage::new(settings).await;
    let mut answer = Answer::to(&stage.pair, "!echo ready", false).await.expect("a head");
    assert_eq!(answer.end().await.expect("an end"), End::Done);
    drop(answer);
    let descriptors_before = descriptors(&stage);
    let crowd = Crowd::start(&stage.pair, HTTP, SOCKET, &mut dice).await;
    let start = Instant::now();
    let mut happened: Vec<Happened> = Vec::new();
    for fault in WARM_UP {
        happened.push(happen(*fault, &stage, crowd.account()).await);
    }
    let memory_before = memory(&stage);
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
    check_memory(memory_before, memory(&stage));
    check_stop(stage).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_minute_of_trouble_hurts_nobody_else() {
    let schedule = SCHEDULE.iter().map(|(at, fault)| (Duration::from_secs(*at), *fault));
    run(&[], schedule, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tmp_slow() {
    let stage = Stage::new(&[]).await;
    let crowd = Crowd::start(&stage.pair, 1, 1, &mut Dice::new(3)).await;
    let start = Instant::now();
    let slow = happen(Fault::SlowHttp, &stage, crowd.account());
    let watch = async {
        loop {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let child = stage.pair.child_pid().unwrap();
            let cpu = |pid: u32| { let s = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap(); let f: Vec<&str> = s.rsplit(')').next().unwrap().split_whitespace().collect(); (f[11].parse::<u64>().unwrap() + f[12].parse::<u64>().unwrap(), f[0].to_owned()) };
            println!("{:.1} d {:?} f {:?} c {:?} me {:?} mem d {} f {} c {} {:?}", start.elapsed().as_secs_f64(), cpu(stage.pair.daemon.pid()), cpu(stage.pair.front.pid()), cpu(child), cpu(std::process::id()),
              stage.pair.daemon.resident().unwrap() >> 20, stage.pair.front.resident().unwrap() >> 20, gateway_tests::pair::resident(child).unwrap() >> 20, stage.upstream.totals());
        }
    };
    tokio::select! { h = slow => println!("{:?}", h.end - h.begin), () = watch => {} }
    let sent = crowd.finish().await;
    for s in &sent { println!("{} {:.3} {:.3} {:?}", s.name, (s.begun - start).as_secs_f64(), s.took().as_secs_f64(), s.finish); }
}
