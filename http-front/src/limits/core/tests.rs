//! Never above, never starved: over any schedule, against a list of all that happened.

use super::super::rules::Rule;
use super::*;
use proptest::prelude::*;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn rules(requests: Option<u64>, tokens: Option<u64>, streams: Option<usize>, window: Duration) -> Rules {
    let rule = |most| Rule { most, window };
    Rules { requests: requests.map(rule), tokens: tokens.map(rule), streams }
}

/// Like `enter` and `hold` in one, as a request with a body of this estimate does it.
fn enter(core: &mut Core, key: &KeyName, rules: &Rules, held: u64, now: Duration) -> Result<Ticket, Refused> {
    let mut ticket = core.enter(key, rules, now)?;
    match core.hold(&mut ticket, held, rules, now) {
        Ok(()) => Ok(ticket),
        Err(refused) => {
            core.leave(ticket, Used::Tokens(0), now);
            Err(refused)
        }
    }
}

#[test]
fn the_limit_of_requests_holds_across_the_edge_of_a_window() {
    let (mut core, key) = (Core::new(100), KeyName::from("a"));
    let rules = rules(Some(2), None, None, ms(60_000));
    // A fixed window would let four in within two seconds here, a leaky bucket three.
    for now in [59_000, 59_500] {
        let ticket = core.enter(&key, &rules, ms(now)).unwrap();
        core.leave(ticket, Used::Tokens(0), ms(now));
    }
    let refused = core.enter(&key, &rules, ms(61_000)).unwrap_err();
    assert_eq!(refused, Refused { limit: Limit::Requests, after: ms(120_000 - 61_000) });
    core.enter(&key, &rules, ms(120_000)).unwrap();
}

#[test]
fn what_is_refused_costs_nothing() {
    let (mut core, key) = (Core::new(2), KeyName::from("a"));
    let limits = rules(Some(10), Some(100), Some(1), ms(60_000));
    let first = enter(&mut core, &key, &limits, 5, ms(0)).unwrap();
    for _ in 0..100 {
        assert_eq!(core.enter(&key, &limits, ms(1)).unwrap_err().limit, Limit::Streams);
    }
    core.leave(first, Used::Tokens(100), ms(2));
    for _ in 0..100 {
        assert_eq!(core.enter(&key, &limits, ms(3)).unwrap_err().limit, Limit::Tokens);
    }
    assert_eq!(core.left(&key, &limits, ms(3)).0.unwrap().left, 9);
    let free = rules(None, None, None, ms(1));
    let others: Vec<Ticket> = ["b", "c"].map(|name| core.enter(&name.into(), &free, ms(4)).unwrap()).into();
    assert_eq!(core.enter(&"d".into(), &free, ms(4)).unwrap_err().limit, Limit::Everybody);
    others.into_iter().for_each(|ticket| core.leave(ticket, Used::Tokens(0), ms(5)));
    core.enter(&"d".into(), &free, ms(6)).unwrap();
}

#[test]
fn tokens_are_held_while_a_request_runs_and_exact_behind_it() {
    let (mut core, key) = (Core::new(10), KeyName::from("a"));
    let rules = rules(None, Some(100), None, ms(60_000));
    let left = |core: &mut Core, now| core.left(&key, &rules, now).1.unwrap();
    // The window has room, so one that is larger than all of it comes in.
    let large = enter(&mut core, &key, &rules, 500, ms(0)).unwrap();
    assert_eq!(left(&mut core, ms(0)), Quota { most: 100, left: 0, reset: ms(61_000) });
    assert_eq!(core.enter(&key, &rules, ms(1)).unwrap_err(), Refused { limit: Limit::Tokens, after: SOON });
    core.leave(large, Used::Tokens(60), ms(1_000));
    assert_eq!(left(&mut core, ms(1_000)), Quota { most: 100, left: 40, reset: ms(61_000) });
    // Nothing exact: what it held stands, and what was said.
    let cut = enter(&mut core, &key, &rules, 10, ms(1_000)).unwrap();
    core.leave(cut, Used::Held(5), ms(2_000));
    assert_eq!(left(&mut core, ms(2_000)).left, 25);
    let none = enter(&mut core, &key, &rules, 90, ms(2_000)).unwrap();
    core.leave(none, Used::Tokens(0), ms(2_000));
    assert_eq!(left(&mut core, ms(2_000)).left, 25);
}

#[test]
fn two_bodies_at_once_dont_both_take_the_last_tokens() {
    let (mut core, key) = (Core::new(10), KeyName::from("a"));
    let rules = rules(Some(5), Some(10), None, ms(60_000));
    let mut first = core.enter(&key, &rules, ms(0)).unwrap();
    let mut second = core.enter(&key, &rules, ms(0)).unwrap();
    core.hold(&mut first, 10, &rules, ms(1)).unwrap();
    assert_eq!(core.hold(&mut second, 10, &rules, ms(1)).unwrap_err().limit, Limit::Tokens);
    core.leave(second, Used::Tokens(0), ms(1));
    assert_eq!(core.left(&key, &rules, ms(1)).0.unwrap().left, 4, "the refused one doesn't count");
}

#[test]
fn what_is_counted_outlives_new_rules() {
    let (mut core, key) = (Core::new(10), KeyName::from("a"));
    let wide = rules(Some(2), None, None, ms(60_000));
    for _ in 0..2 {
        let ticket = core.enter(&key, &wide, ms(0)).unwrap();
        core.leave(ticket, Used::Tokens(0), ms(0));
    }
    let narrow = rules(Some(2), None, None, ms(6_000));
    assert!(core.enter(&key, &narrow, ms(1)).is_err(), "a reload is no way around a limit");
    let more = rules(Some(3), None, None, ms(6_000));
    let open = core.enter(&key, &more, ms(2)).unwrap();
    core.leave(open, Used::Tokens(0), ms(3));
    assert!(core.enter(&key, &more, ms(4)).is_err());
}

/// An open request has the rules of its own time. Its body, its end and what is told of it change nothing for those that came
/// after new rules.
#[test]
fn what_came_before_new_rules_forgets_nothing_that_came_after() {
    let (mut core, key) = (Core::new(10), KeyName::from("a"));
    let (old, new) = (rules(Some(5), None, None, ms(1_000)), rules(Some(5), Some(50), None, ms(3_600_000)));
    let mut before = core.enter(&key, &old, ms(0)).unwrap();
    for time in 0..4 {
        let ticket = core.enter(&key, &new, ms(2_000 + time)).unwrap();
        core.leave(ticket, Used::Tokens(20), ms(2_010 + time));
        if time == 2 {
            break;
        }
    }
    assert_eq!(core.enter(&key, &new, ms(2_100)).unwrap_err().limit, Limit::Tokens);
    core.hold(&mut before, 7, &old, ms(5_000)).unwrap();
    core.left(&key, &old, ms(5_001));
    core.leave(before, Used::Tokens(1), ms(5_002));
    core.left(&key, &old, ms(5_003));
    assert_eq!(core.enter(&key, &new, ms(6_000)).unwrap_err().limit, Limit::Tokens);
    let requests_alone = rules(Some(3), None, None, ms(3_600_000));
    assert_eq!(core.enter(&key, &requests_alone, ms(6_001)).unwrap_err().limit, Limit::Requests);
}

#[test]
fn keys_that_used_nothing_lately_have_no_entry() {
    let mut core = Core::new(10);
    let rules = rules(Some(2), Some(9), None, ms(1_000));
    for number in 0..1_000 {
        let ticket = core.enter(&format!("k{number}").as_str().into(), &rules, ms(number * 100)).unwrap();
        core.leave(ticket, Used::Tokens(1), ms(number * 100));
        assert!(core.keys.len() <= 13, "{}", core.keys.len());
    }
}

/// What a schedule does next.
#[derive(Debug, Clone)]
enum Step {
    Wait(u64),
    Enter { key: usize, held: u64 },
    Leave { which: usize, used: Option<u64> },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0u64..700).prop_map(Step::Wait),
        (0usize..2, 0u64..40).prop_map(|(key, held)| Step::Enter { key, held }),
        (0usize..8, prop::option::of(0u64..40)).prop_map(|(which, used)| Step::Leave { which, used }),
    ]
}

proptest! {
    #[test]
    fn never_above_and_never_starved(
        requests in prop::option::of(1u64..6),
        tokens in prop::option::of(1u64..60),
        streams in prop::option::of(1usize..4),
        window in 60u64..1_500,
        most_open in 1usize..6,
        steps in prop::collection::vec(step(), 1..150),
    ) {
        let rules = rules(requests, tokens, streams, ms(window));
        let keys = [KeyName::from("a"), KeyName::from("b")];
        let mut core = Core::new(most_open);
        let mut now = 0u64;
        let mut came: [Vec<u64>; 2] = Default::default();
        let mut spent: [Vec<(u64, u64)>; 2] = Default::default();
        let mut open: Vec<(usize, u64, Ticket)> = Vec::new();
        for step in steps {
            match step {
                Step::Wait(wait) => now += wait,
                Step::Enter { key, held } => {
                    let of_key = |open: &Vec<(usize, u64, Ticket)>| open.iter().filter(|one| one.0 == key).count();
                    let counted = spent[key].iter().filter(|(at, _)| at + window > now).map(|(_, n)| n).sum::<u64>()
                        + open.iter().filter(|one| one.0 == key).map(|one| one.1).sum::<u64>();
                    let within = came[key].iter().filter(|at| *at + window > now).count() as u64;
                    match enter(&mut core, &keys[key], &rules, held, ms(now)) {
                        Ok(ticket) => {
                            came[key].push(now);
                            // Never above.
                            prop_assert!(requests.is_none_or(|most| within < most));
                            prop_assert!(tokens.is_none_or(|most| counted < most));
                            prop_assert!(streams.is_none_or(|most| of_key(&open) < most));
                            prop_assert!(open.len() < most_open);
                            open.push((key, held, ticket));
                        }
                        Err(Refused { limit, after }) => {
                            // Never without a reason, within the sixtieth that parts take.
                            let longest = window + window.div_ceil(60) + 2;
                            let recent = came[key].iter().filter(|at| *at + longest > now).count() as u64;
                            let used = spent[key].iter().filter(|(at, _)| at + longest > now).map(|(_, n)| n).sum::<u64>()
                                + open.iter().filter(|one| one.0 == key).map(|one| one.1).sum::<u64>();
                            match limit {
                                Limit::Requests => prop_assert!(recent >= requests.unwrap()),
                                Limit::Tokens => prop_assert!(used >= tokens.unwrap()),
                                Limit::Streams => prop_assert_eq!(of_key(&open), streams.unwrap()),
                                Limit::Everybody => prop_assert_eq!(open.len(), most_open),
                            }
                            prop_assert!(!after.is_zero());
                            // The time that is told is true: with nothing but that time in between, this limit is not
                            // met again; what others of its limits say may be another matter.
                            let waits_for_time = match limit {
                                Limit::Requests => true,
                                Limit::Tokens => {
                                    open.iter().filter(|one| one.0 == key).map(|one| one.1).sum::<u64>() < tokens.unwrap()
                                }
                                Limit::Streams | Limit::Everybody => false,
                            };
                            if waits_for_time {
                                let again = core.enter(&keys[key], &rules, ms(now) + after);
                                now += u64::try_from(after.as_millis()).unwrap() + 1;
                                match again {
                                    Ok(ticket) => {
                                        came[key].push(now - 1);
                                        core.leave(ticket, Used::Tokens(0), ms(now));
                                    }
                                    Err(again) => prop_assert_ne!(again.limit, limit),
                                }
                            }
                        }
                    }
                }
                Step::Leave { which, used } => {
                    if !open.is_empty() {
                        let (key, held, ticket) = open.swap_remove(which % open.len());
                        spent[key].push((now, used.unwrap_or(held)));
                        core.leave(ticket, used.map_or(Used::Held(0), Used::Tokens), ms(now));
                    }
                }
            }
            // Streams are conserved.
            prop_assert_eq!(core.open, open.len());
            prop_assert_eq!(core.keys.values().map(|state| state.open).sum::<usize>(), open.len());
            prop_assert_eq!(
                core.keys.values().map(|state| state.held).sum::<u64>(),
                open.iter().map(|one| one.1).sum::<u64>()
            );
        }
        // After a quiet window and a sixtieth everybody is let in again.
        for (key, held, ticket) in open.drain(..) {
            core.leave(ticket, Used::Held(0), ms(now));
            spent[key].push((now, held));
        }
        now += window + window.div_ceil(60) + 2;
        for key in &keys {
            let ticket = core.enter(key, &rules, ms(now)).expect("a quiet time is enough");
            core.leave(ticket, Used::Tokens(0), ms(now));
        }
    }
}
