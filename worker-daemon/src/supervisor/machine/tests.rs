//! The state machine, step by step.

mod histories;
mod replacement;

use super::*;
use shared::control::LastExit;

const POLICY: Policy = Policy {
    initial: Duration::from_millis(250),
    max: Duration::from_secs(5),
    stable_after: Duration::from_secs(30),
};

fn limits() -> Limits {
    Limits {
        backoff: POLICY,
        handover_grace: Duration::from_secs(60),
        startup: Duration::from_secs(8),
        pulse: Duration::from_secs(20),
    }
}

/// A machine, its clock, and what it did last.
struct Bench {
    machine: Machine,
    now: Instant,
    out: Vec<Effect>,
}

impl Bench {
    fn begun() -> Self {
        let now = Instant::now();
        let mut bench = Self { machine: Machine::new(limits(), now), now, out: Vec::new() };
        bench.act(Event::Begin);
        bench
    }

    fn act(&mut self, event: Event) -> &[Effect] {
        self.out = self.machine.handle(event, self.now);
        &self.out
    }

    fn after(&mut self, seconds: u64) -> &mut Self {
        self.now += Duration::from_secs(seconds);
        self
    }

    fn up(&mut self, generation: u64) -> &mut Self {
        self.act(Event::Spawned(Generation(generation), pid(generation)));
        self.act(Event::Ready {
            generation: Generation(generation),
            version: Some("0.169.0".into()),
            default_model: None,
        });
        self
    }

    fn exit(&mut self, generation: u64) -> &mut Self {
        let exit = LastExit { code: None, signal: Some(9) };
        self.act(Event::Ended(Generation(generation), Ended::Exit(exit)));
        self
    }

    fn not_started(&mut self, generation: u64, binary: bool) -> &mut Self {
        let ended = Ended::Failed { why: "there is no codex".into(), binary };
        self.act(Event::Ended(Generation(generation), ended));
        self
    }

    /// The delay before the next start, after which it is due.
    fn wait(&mut self) -> u64 {
        let due = self.machine.deadline().expect("a start that waits");
        let delay = due - self.now;
        self.now = due;
        self.act(Event::Time);
        u64::try_from(delay.as_millis()).unwrap()
    }

    fn started(&self) -> Vec<(u64, bool)> {
        let started = |effect: &Effect| match effect {
            Effect::Start { generation, afresh } => Some((generation.0, *afresh)),
            Effect::End(_)
            | Effect::Kill(_)
            | Effect::Publish(_)
            | Effect::Replaced(_)
            | Effect::GiveUp(_)
            | Effect::Note(_) => None,
        };
        self.out.iter().filter_map(started).collect()
    }

    fn has(&self, effect: &Effect) -> bool {
        self.out.contains(effect)
    }

    fn state(&self) -> WorkerState {
        self.machine.status().state
    }
}

fn pid(generation: u64) -> u32 {
    1000 + u32::try_from(generation).unwrap()
}

#[test]
fn the_states_of_a_start_are_published_one_by_one() {
    let mut bench = Bench::begun();
    assert_eq!((bench.state(), bench.started()), (WorkerState::Starting, vec![(1, false)]));
    bench.act(Event::Spawned(Generation(1), 7));
    assert_eq!((bench.state(), bench.machine.status().pid), (WorkerState::Initializing, Some(7)));
    bench.up(1);
    let status = bench.machine.status();
    assert_eq!((status.state, status.version.as_deref()), (WorkerState::Ready, Some("0.169.0")));
    assert_eq!((status.starts, status.restart_streak, status.backoff_ms), (1, 0, None));
}

#[test]
fn restarts_are_starts_after_the_first_without_replacements() {
    let mut bench = Bench::begun();
    bench.up(1);
    assert_eq!(bench.machine.status().restarts, 0);
    bench.act(Event::Replace(Reason::Request));
    bench.up(2);
    assert_eq!((bench.machine.status().starts, bench.machine.status().restarts), (2, 0));
    bench.exit(2);
    bench.wait();
    bench.not_started(3, false);
    bench.wait();
    assert_eq!((bench.machine.status().starts, bench.machine.status().restarts), (4, 2), "failed ones too");
}

#[test]
fn delays_double_until_a_child_was_stable_and_then_the_next_start_comes_at_once() {
    let mut bench = Bench::begun();
    let mut generation = 1;
    let mut delays = Vec::new();
    for _ in 0..7 {
        bench.up(generation).exit(generation);
        assert_eq!(bench.state(), WorkerState::Backoff);
        let (streak, last) =
            (bench.machine.status().restart_streak, bench.machine.status().last_exit.clone());
        assert_eq!((u64::from(streak), last), (generation, Some(LastExit { code: None, signal: Some(9) })));
        delays.push(bench.wait());
        generation += 1;
    }
    assert_eq!(delays, [250, 500, 1000, 2000, 4000, 5000, 5000]);
    bench.up(generation).after(30).exit(generation);
    assert_eq!(bench.started(), [(generation + 1, false)], "at once");
    assert_eq!(bench.machine.status().restart_streak, 1);
}

#[test]
fn a_stable_child_ends_the_streak_while_it_runs() {
    let mut bench = Bench::begun();
    bench.up(1).exit(1);
    bench.wait();
    bench.up(2);
    assert_eq!(bench.machine.status().restart_streak, 1);
    assert_eq!(bench.wait(), 30_000);
    assert_eq!((bench.state(), bench.machine.status().restart_streak), (WorkerState::Ready, 0));
    assert_eq!(bench.machine.deadline(), None);
}

#[test]
fn five_failures_in_a_row_are_told_once() {
    let mut bench = Bench::begun();
    let mut told = Vec::new();
    for generation in 1..9 {
        bench.not_started(generation, false);
        told.push(bench.has(&Effect::Note(Note::Degraded)));
        bench.wait();
    }
    assert_eq!(told, [false, false, false, false, true, false, false, false]);
}

#[test]
fn what_never_came_up_is_looked_for_again() {
    let mut bench = Bench::begun();
    bench.not_started(1, false).wait();
    assert_eq!(bench.started(), [(2, true)]);
    bench.up(2).exit(2).wait();
    assert_eq!(bench.started(), [(3, false)]);
}

#[test]
fn a_binary_that_stays_away_ends_the_daemon_and_one_that_comes_back_does_not() {
    let mut bench = Bench::begun();
    for generation in 1..5 {
        bench.not_started(generation, true).wait();
    }
    bench.up(5).exit(5).wait();
    for generation in 6..10 {
        bench.not_started(generation, true).wait();
    }
    bench.not_started(10, true);
    assert!(bench.has(&Effect::GiveUp("there is no codex".into())), "{:?}", bench.out);
    assert_eq!((bench.state(), bench.machine.deadline()), (WorkerState::Stopped, None));
    bench.act(Event::Force);
    assert!(bench.machine.is_over());
}

#[test]
fn a_child_that_answers_nothing_is_killed_and_started_again() {
    let mut bench = Bench::begun();
    bench.up(1).after(40);
    bench.act(Event::Unresponsive(Generation(1)));
    assert!(bench.has(&Effect::Kill(Generation(1))));
    bench.exit(1);
    assert_eq!(bench.started(), [(2, false)]);
    bench.act(Event::Unresponsive(Generation(1)));
    assert_eq!(bench.out, [], "that one is gone");
}

#[test]
fn the_daemon_is_well_as_long_as_its_child_answers() {
    let mut bench = Bench::begun();
    bench.up(1);
    let from_ready = bench.machine.well_until();
    bench.after(10).act(Event::Alive(Generation(1)));
    assert_eq!(bench.machine.well_until(), from_ready + Duration::from_secs(10));
    bench.act(Event::Alive(Generation(7)));
    assert_eq!(bench.machine.well_until(), from_ready + Duration::from_secs(10));
    bench.exit(1);
    assert!(bench.machine.well_until() > bench.machine.deadline().unwrap(), "it waits for the next start");
}

#[test]
fn in_a_drain_nothing_is_started_and_the_force_ends_all() {
    let mut bench = Bench::begun();
    bench.up(1);
    bench.act(Event::Replace(Reason::Signal));
    bench.act(Event::Drain);
    assert_eq!(bench.out, [Effect::Kill(Generation(2))]);
    bench.exit(2);
    bench.act(Event::Replace(Reason::Request));
    assert!(matches!(bench.out.as_slice(), [Effect::Replaced(Err(_))]));
    bench.act(Event::Force);
    assert!(bench.has(&Effect::End(Generation(1))) && !bench.machine.is_over());
    bench.exit(1);
    assert!(bench.machine.is_over());
    assert_eq!((bench.started(), bench.state()), (vec![], WorkerState::Stopped));
}
