//! Under a paused clock: what is said, when, and what is not.

use super::*;
use shared::control::LastExit;
use tokio::sync::mpsc;

const WATCHDOG: Duration = Duration::from_secs(30);

struct Told {
    feed: watch::Sender<Pulse>,
    said: mpsc::UnboundedReceiver<(Duration, Said)>,
    shutdown: Shutdown,
}

/// A task that reports, and what it says with the time since its start.
fn reporting(well: Duration, watchdog: Option<Duration>) -> Told {
    let start = Instant::now();
    let (feed, pulse) = watch::channel(Pulse { status: Status::default(), well_until: start + well });
    let (say, said) = mpsc::unbounded_channel();
    let shutdown = Shutdown::new();
    let send = move |all: &[Said]| {
        for one in all {
            say.send((start.elapsed(), one.clone())).unwrap();
        }
    };
    shutdown.spawn(report_to(send, pulse, watchdog, shutdown.clone()));
    Told { feed, said, shutdown }
}

impl Told {
    fn state(&self, state: WorkerState) {
        self.feed.send_modify(|pulse| pulse.status.state = state);
    }

    async fn next(&mut self) -> Said {
        tokio::time::timeout(Duration::from_secs(3600), self.said.recv()).await.unwrap().unwrap().1
    }

    /// Seconds at which "well" was said, up to now.
    fn wells(&mut self) -> Vec<u64> {
        let said = std::iter::from_fn(|| self.said.try_recv().ok());
        said.filter(|(_, said)| *said == Said::Well).map(|(when, _)| when.as_secs()).collect()
    }
}

fn status(text: &str) -> Said {
    Said::Status(text.to_owned())
}

#[tokio::test(start_paused = true)]
async fn ready_is_said_once_and_each_change_in_words() {
    let mut told = reporting(Duration::ZERO, None);
    assert_eq!(told.next().await, status("Starting codex"));
    told.state(WorkerState::Ready);
    assert_eq!(told.next().await, Said::Ready);
    assert_eq!(told.next().await, status("Ready: codex"));
    told.feed.send_modify(|pulse| {
        pulse.status.state = WorkerState::Backoff;
        pulse.status.starts = 1;
        pulse.status.backoff_ms = Some(250);
        pulse.status.last_exit = Some(LastExit { code: None, signal: Some(9) });
    });
    assert_eq!(told.next().await, status("Waiting 250 ms before start 2 of codex after signal 9"));
    told.state(WorkerState::Ready);
    assert_eq!(told.next().await, status("Ready: codex"));
    // The same again is no news.
    told.state(WorkerState::Ready);
    told.state(WorkerState::Initializing);
    assert_eq!(told.next().await, status("Waiting for the handshake of codex"));
}

#[tokio::test(start_paused = true)]
async fn stopping_is_said_when_the_drain_begins_and_the_force_ends_it() {
    let mut told = reporting(Duration::ZERO, Some(WATCHDOG));
    assert_eq!(told.next().await, status("Starting codex"));
    told.shutdown.start_drain();
    assert_eq!(told.next().await, Said::Stopping);
    assert_eq!(told.next().await, status("Draining: running turns may finish, nothing new is taken"));
    told.state(WorkerState::Ready);
    assert_eq!(told.next().await, Said::Ready, "a handshake in the drain is one");
    told.shutdown.start_force();
    assert!(told.shutdown.finished(Duration::from_secs(1)).await, "the task goes on");
    assert!(told.said.recv().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_force_without_a_drain_before_is_told_as_one() {
    let mut told = reporting(Duration::ZERO, None);
    assert_eq!(told.next().await, status("Starting codex"));
    told.shutdown.start_force();
    assert_eq!(told.next().await, Said::Stopping);
}

#[tokio::test(start_paused = true)]
async fn well_is_said_at_a_third_and_only_while_it_is_true() {
    let mut told = reporting(Duration::from_secs(25), Some(WATCHDOG));
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert_eq!(told.wells(), [0, 10, 20], "well until 25");
    // It is vouched for again: said at once, and not at the next third.
    told.feed.send_modify(|pulse| pulse.well_until = Instant::now() + Duration::from_secs(15));
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert_eq!(told.wells(), [100, 110]);
    // Changes of the state aren't pings, and don't put them off.
    told.feed.send_modify(|pulse| pulse.well_until = Instant::now() + Duration::from_secs(100));
    for state in [WorkerState::Starting, WorkerState::Ready, WorkerState::Draining, WorkerState::Ready] {
        told.state(state);
        tokio::time::sleep(Duration::from_secs(6)).await;
    }
    assert_eq!(told.wells(), [200, 210, 220]);
}

#[tokio::test(start_paused = true)]
async fn nobody_who_vouches_is_not_well() {
    let mut told = reporting(Duration::from_secs(15), Some(WATCHDOG));
    let (other, _keep) = watch::channel(Pulse { status: Status::default(), well_until: Instant::now() });
    drop(std::mem::replace(&mut told.feed, other));
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert_eq!(told.wells(), [0, 10]);
}

#[tokio::test(start_paused = true)]
async fn without_a_watchdog_well_is_never_said() {
    let mut told = reporting(Duration::from_secs(1000), None);
    tokio::time::sleep(Duration::from_secs(500)).await;
    assert!(told.wells().is_empty());
}

#[test]
fn what_is_said_is_the_protocol() {
    let all = [Said::Ready, status("Ready: codex"), Said::Stopping, Said::Well];
    let lines = all.each_ref().map(|said| said.state().to_string());
    assert_eq!(lines, ["READY=1", "STATUS=Ready: codex", "STOPPING=1", "WATCHDOG=1"]);
}
