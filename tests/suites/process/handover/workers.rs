//! A front with several workers and the one that takes over from it: it opens with all of them, and waits for none that it can't have.

use super::{Taken, builder, hand_over};
use gateway_tests::pair::{Answer, End, Workers};
use nix::sys::signal::Signal;
use std::time::{Duration, Instant};

/// How long the front waits for what a daemon tells.
const BUSY: Duration = Duration::from_secs(1);

/// Has another front take over. It knows these as ready from its first moment.
async fn replaced(workers: &mut Workers, by: u32, times: usize, ready: &[(&str, f64)]) -> Taken {
    let taken = hand_over(&workers.pair.front, by, times).await;
    // A kept connection would be the old one's.
    workers.pair.forget_connections().expect("a client");
    for (name, is_ready) in ready {
        let asked = Instant::now();
        let mut told = workers.told("codex_worker_ready", name).await;
        if *is_ready == 1.0 && asked.elapsed() >= BUSY {
            // A daemon that doesn't tell anything for so long is told as not ready.
            told = workers.told("codex_worker_ready", name).await;
        }
        assert_eq!(told, Some(*is_ready), "{name}");
    }
    let mut answer = Answer::to(&workers.pair, "!echo hi", false).await.expect("a head");
    assert_eq!((answer.end().await.expect("an end"), answer.text()), (End::Done, "hi".to_owned()));
    taken
}

#[tokio::test]
async fn a_new_front_opens_with_each_worker_that_the_old_one_had() {
    let mut workers = Workers::start(3, |_| builder()).await.expect("ready workers");
    let first = workers.pair.front.pid();
    let all = [("worker", 1.0), ("b", 1.0), ("c", 1.0)];
    let second = replaced(&mut workers, first, 0, &all).await;
    // What the old one doesn't have is not waited for.
    workers.others[1].daemon.signal(Signal::SIGKILL).expect("a signal");
    workers.others[1].daemon.wait().await.expect("an end");
    let gone = || async { (workers.told("codex_worker_ready", "c").await? == 0.0).then_some(()) };
    workers.pair.eventually("the loss to be known", gone).await.expect("the front knows of it");
    let _third = replaced(&mut workers, second.0, 1, &[("worker", 1.0), ("b", 1.0), ("c", 0.0)]).await;
}

#[tokio::test]
async fn a_worker_that_hangs_holds_a_new_front_up_for_a_moment_alone() {
    let mut workers = Workers::start(2, |_| builder()).await.expect("ready workers");
    let first = workers.pair.front.pid();
    // The old front has it for some seconds more.
    workers.others[0].daemon.signal(Signal::SIGSTOP).expect("a signal");
    let _second = replaced(&mut workers, first, 0, &[("worker", 1.0), ("b", 0.0)]).await;
    workers.others[0].daemon.signal(Signal::SIGCONT).expect("a signal");
    workers.all_ready().await.expect("it is found again");
}
