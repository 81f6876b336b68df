//! The state machine under random histories.

use super::*;
use proptest::prelude::*;

/// One thing that happens to the children; numbers pick among those that live.
#[derive(Debug, Clone, Copy)]
enum Step {
    Spawn(u8),
    Ready(u8),
    Exit(u8),
    Missing(u8),
    Replace(u8),
    Drained(u8),
    Unresponsive(u8),
    Alive(u8),
    Time(u16),
    Drain,
    Force,
}

fn step() -> impl Strategy<Value = Step> {
    let n = any::<u8>;
    prop_oneof![
        4 => n().prop_map(Step::Spawn),
        6 => n().prop_map(Step::Ready),
        4 => n().prop_map(Step::Exit),
        2 => n().prop_map(Step::Missing),
        4 => n().prop_map(Step::Replace),
        2 => n().prop_map(Step::Drained),
        1 => n().prop_map(Step::Unresponsive),
        1 => n().prop_map(Step::Alive),
        4 => (0..40_000u16).prop_map(Step::Time),
        1 => prop::bool::weighted(0.2).prop_map(|drain| if drain { Step::Drain } else { Step::Time(250) }),
        1 => prop::bool::weighted(0.1).prop_map(|force| if force { Step::Force } else { Step::Time(250) }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// No child is forgotten or started twice, at most one comes up beside a running one, and a forced end comes.
    #[test]
    fn children_are_kept_in_order(steps in prop::collection::vec(step(), 1..80)) {
        let mut bench = Bench::begun();
        let mut living: Vec<u64> = vec![1];
        let mut newest = 1;
        let (mut forced, mut gave_up) = (false, false);
        let replaced = |effect: &Effect| matches!(effect, Effect::Replaced(_));
        for step in steps {
            let pick = |n: u8| living.get(usize::from(n) % living.len().max(1)).copied().map(Generation);
            let event = match step {
                Step::Spawn(n) => pick(n).map(|g| Event::Spawned(g, pid(g.0))),
                Step::Ready(n) => {
                    pick(n).map(|generation| Event::Ready { generation, version: None, default_model: None })
                }
                Step::Exit(n) => pick(n).map(|g| Event::Ended(g, Ended::Exit(LastExit { code: Some(0), signal: None }))),
                Step::Missing(n) => pick(n).map(|g| Event::Ended(g, Ended::Failed { why: "no".into(), binary: true })),
                Step::Replace(n) => Some(Event::Replace(match n % 4 {
                    0 => Reason::Signal,
                    1 => Reason::Request,
                    2 => Reason::Memory { bytes: 1 },
                    _ => Reason::Deaf,
                })),
                Step::Drained(n) => pick(n).map(Event::Drained),
                Step::Unresponsive(n) => pick(n).map(Event::Unresponsive),
                Step::Alive(n) => pick(n).map(Event::Alive),
                Step::Time(ms) => {
                    bench.now += Duration::from_millis(ms.into());
                    bench.machine.deadline().is_some_and(|due| due <= bench.now).then_some(Event::Time)
                }
                Step::Drain => Some(Event::Drain),
                Step::Force => Some(Event::Force),
            };
            let Some(event) = event else { continue };
            if let Event::Ended(Generation(g), _) = &event {
                living.retain(|other| other != g);
            }
            forced |= event == Event::Force;
            bench.act(event);
            for (generation, _) in bench.started() {
                prop_assert!(generation > newest, "{generation} was used before");
                prop_assert!(!forced && !gave_up, "a start after the end");
                newest = generation;
                living.push(generation);
            }
            gave_up |= bench.out.iter().any(|effect| matches!(effect, Effect::GiveUp(_)));
            prop_assert!(bench.out.iter().filter(|effect| replaced(effect)).count() <= 1);
            for effect in &bench.out {
                if let Effect::End(Generation(g)) | Effect::Kill(Generation(g)) = effect {
                    prop_assert!(living.contains(g), "{g} is gone already");
                }
            }
            let status = bench.machine.status();
            prop_assert_eq!(status.backoff_ms.is_some(), status.state == WorkerState::Backoff);
            let stopped = status.state == WorkerState::Stopped;
            prop_assert!(
                stopped || !living.is_empty() || bench.machine.deadline().is_some(),
                "nobody starts the next child"
            );
        }
        bench.act(Event::Force);
        for generation in living {
            prop_assert!(!bench.machine.is_over(), "{generation} is left behind");
            bench.exit(generation);
        }
        prop_assert!(bench.machine.is_over());
        prop_assert_eq!(bench.state(), WorkerState::Stopped);
    }
}
