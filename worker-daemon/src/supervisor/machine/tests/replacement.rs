//! A fresh child beside one that runs: who may ask for it, who hears of it, and when the old one ends.

use super::*;

#[test]
fn a_fresh_child_takes_over_and_the_old_one_ends_once_it_has_nothing_left() {
    let mut bench = Bench::begun();
    bench.up(1);
    bench.act(Event::Replace(Reason::Signal));
    assert_eq!((bench.started(), bench.state()), (vec![(2, true)], WorkerState::Ready));
    bench.act(Event::Replace(Reason::Request));
    assert_eq!(bench.started(), [], "one is on its way");
    bench.up(2);
    assert!(bench.has(&Effect::Replaced(Ok(()))));
    assert_eq!(bench.machine.status().pid, Some(pid(2)));
    bench.act(Event::Drained(Generation(1)));
    assert_eq!(bench.out, [Effect::End(Generation(1))]);
    bench.act(Event::Drained(Generation(1)));
    assert_eq!(bench.out, []);
    bench.exit(1);
    assert_eq!(bench.state(), WorkerState::Ready);
    assert_eq!(bench.machine.status().restart_streak, 0, "it was wanted");
}

#[test]
fn a_replaced_child_has_its_time_and_no_more() {
    let mut bench = Bench::begun();
    bench.up(1);
    bench.act(Event::Replace(Reason::Signal));
    bench.up(2);
    assert_eq!(bench.wait(), 60_000);
    assert!(bench.has(&Effect::End(Generation(1))));
    assert_eq!(bench.machine.deadline(), None);
}

#[test]
fn a_fresh_child_that_does_not_come_up_changes_nothing() {
    let mut bench = Bench::begun();
    bench.up(1);
    bench.act(Event::Replace(Reason::Request));
    bench.not_started(2, true);
    assert!(bench.has(&Effect::Replaced(Err("there is no codex".into()))));
    assert_eq!((bench.state(), bench.machine.status().pid), (WorkerState::Ready, Some(pid(1))));
    bench.act(Event::Replace(Reason::Request));
    assert_eq!(bench.started(), [(3, true)], "who asks again is heard");
}

#[test]
fn the_daemons_own_wish_is_not_fulfilled_in_a_loop() {
    let memory = || Event::Replace(Reason::Memory { bytes: 1 });
    let mut bench = Bench::begun();
    bench.up(1);
    bench.act(memory());
    assert_eq!(bench.started(), [], "it has just come up");
    bench.after(30).act(memory());
    assert_eq!(bench.started(), [(2, true)]);
    bench.not_started(2, false);
    bench.after(29).act(memory());
    assert_eq!(bench.started(), [], "the last one failed");
    bench.after(1).act(memory());
    assert_eq!(bench.started(), [(3, true)]);
}

#[test]
fn who_asked_hears_why_the_fresh_child_did_not_shake_hands() {
    let mut bench = Bench::begun();
    bench.up(1);
    bench.act(Event::Replace(Reason::Request));
    let exit = LastExit { code: None, signal: Some(15) };
    bench.act(Event::Ended(Generation(2), Ended::Unready { why: "no handshake".into(), exit }));
    let why = "no handshake; signal 15 ended it".to_owned();
    assert!(bench.has(&Effect::Replaced(Err(why))), "{:?}", bench.out);
}

#[test]
fn for_memory_no_third_child_is_started_beside_one_that_was_replaced() {
    let memory = || Event::Replace(Reason::Memory { bytes: 1 });
    let mut bench = Bench::begun();
    bench.up(1);
    bench.after(30).act(memory());
    bench.up(2);
    bench.after(30).act(memory());
    assert_eq!(bench.started(), [], "the first one still has turns");
    bench.exit(1);
    bench.act(memory());
    assert_eq!(bench.started(), [(3, true)]);
}

#[test]
fn the_daemons_own_wish_answers_nobody_who_waits_for_another_replacement() {
    let mut bench = Bench::begun();
    bench.up(1);
    bench.act(Event::Replace(Reason::Request));
    assert_eq!(bench.started(), [(2, true)]);
    bench.act(Event::Replace(Reason::Memory { bytes: 1 }));
    assert_eq!(bench.out, []);
    bench.up(2);
    assert!(bench.has(&Effect::Replaced(Ok(()))));
}

#[test]
fn the_fresh_child_is_the_next_one_when_the_old_one_dies() {
    let mut bench = Bench::begun();
    bench.up(1);
    bench.act(Event::Replace(Reason::Signal));
    bench.exit(1);
    assert_eq!((bench.started(), bench.state()), (vec![], WorkerState::Starting));
    bench.up(2);
    assert_eq!(bench.state(), WorkerState::Ready);
    assert!(bench.has(&Effect::Replaced(Ok(()))), "whoever asked hears of it");
}

#[test]
fn a_replacement_during_a_start_or_a_delay_is_not_forgotten() {
    let mut bench = Bench::begun();
    bench.act(Event::Replace(Reason::Signal));
    assert_eq!(bench.started(), []);
    bench.up(1);
    assert_eq!(bench.started(), [(2, true)]);
    let mut bench = Bench::begun();
    bench.not_started(1, false);
    bench.act(Event::Replace(Reason::Request));
    assert_eq!(bench.started(), [(2, true)], "without waiting for the delay");
    bench.not_started(2, false);
    assert!(bench.has(&Effect::Replaced(Err("there is no codex".into()))));
}

#[test]
fn whoever_asks_while_a_child_starts_hears_of_its_failure() {
    let mut bench = Bench::begun();
    bench.act(Event::Replace(Reason::Request));
    bench.not_started(1, false);
    assert!(bench.has(&Effect::Replaced(Err("there is no codex".into()))));
    bench.wait();
    bench.up(2);
    assert_eq!(bench.started(), [], "it was looked for afresh already");
}
