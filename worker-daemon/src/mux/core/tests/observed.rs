//! What is told of requests and turns: each moment once, whichever way it ends.

use super::{Bench, limits};
use crate::mux::observe::TurnOutcome;
use shared::rpc::code;
use std::time::Duration;

/// How turns ended: completed, interrupted, failed, lost, timeout.
fn turns(bench: &mut Bench) -> [u64; 5] {
    let counts = bench.core.observe().counts.clone();
    let turns: Vec<u64> = counts.turns().map(|(_, count)| count).collect();
    assert_eq!(turns.iter().sum::<u64>(), counts.turn_duration.count(), "each end has its duration");
    turns.try_into().unwrap()
}

fn errors(bench: &mut Bench, code: i64) -> u64 {
    let counts = &bench.core.observe().counts;
    counts.errors().find(|(known, _)| *known == Some(code)).unwrap().1
}

fn latencies(bench: &mut Bench, method: &str) -> u64 {
    let counts = &bench.core.observe().counts;
    counts.latency().find(|(known, _)| *known == method).unwrap().1.count()
}

/// The child tells the end of a turn with this status.
fn end(bench: &mut Bench, thread: &str, turn: &str, status: &str) {
    bench.child(&format!(
        r#"{{"method":"turn/completed","params":{{"threadId":"{thread}","turn":{{"id":"{turn}","status":"{status}"}}}}}}"#
    ));
}

#[test]
fn a_turn_ends_once_as_the_child_says() {
    let mut bench = Bench::ready();
    for (n, status) in ["completed", "interrupted", "failed"].into_iter().enumerate() {
        let (thread, turn) = (format!("t{n}"), format!("u{n}"));
        bench.turn(1, &thread, &turn);
        end(&mut bench, &thread, &turn, status);
        end(&mut bench, &thread, &turn, status);
    }
    assert_eq!(turns(&mut bench), [1, 1, 1, 0, 0]);
    assert_eq!((latencies(&mut bench, "thread/start"), latencies(&mut bench, "turn/start")), (3, 3));
}

#[test]
fn a_turn_may_begin_and_end_before_its_answer() {
    let mut bench = Bench::ready();
    bench.thread(1, "t");
    bench.request(1, "turn/start", "t");
    let wire = bench.wire;
    bench.note("turn/started", "t", "u");
    end(&mut bench, "t", "u", "completed");
    bench.answer(wire, r#"{"turn":{"id":"u"}}"#);
    assert_eq!(turns(&mut bench), [1, 0, 0, 0, 0]);
    // Nothing is left of it for the next one.
    bench.turn(1, "t2", "u2");
    bench.request(1, "turn/start", "t");
    bench.answer(bench.wire, r#"{"turn":{"id":"u3"}}"#);
    end(&mut bench, "t", "u3", "completed");
    assert_eq!(turns(&mut bench), [2, 0, 0, 0, 0]);
}

#[test]
fn a_turn_that_replaces_another_ends_it() {
    let mut bench = Bench::ready();
    bench.turn(1, "t", "a");
    bench.request(1, "turn/start", "t");
    let wire = bench.wire;
    bench.answer(wire, r#"{"turn":{"id":"b"}}"#);
    bench.note("turn/started", "t", "b");
    assert_eq!(turns(&mut bench), [0, 1, 0, 0, 0]);
    end(&mut bench, "t", "a", "interrupted");
    end(&mut bench, "t", "b", "completed");
    assert_eq!(turns(&mut bench), [1, 1, 0, 0, 0]);
}

#[test]
fn a_turn_that_dies_with_its_child_is_lost() {
    let mut bench = Bench::ready();
    bench.turn(1, "t", "u");
    bench.turn(2, "t2", "u2");
    bench.down();
    assert_eq!(turns(&mut bench), [0, 0, 0, 2, 0]);
    // A start that was written and isn't answered is lost with it: the model may have been asked.
    bench.up();
    bench.thread(1, "t3");
    bench.request(1, "turn/start", "t3");
    bench.down();
    assert_eq!(turns(&mut bench), [0, 0, 0, 3, 0]);
    // Where its turn has begun it is counted once.
    bench.up();
    bench.thread(1, "t4");
    bench.request(1, "turn/start", "t4");
    bench.note("turn/started", "t4", "u4");
    bench.down();
    assert_eq!(turns(&mut bench), [0, 0, 0, 4, 0]);
    assert_eq!(errors(&mut bench, code::WORKER_RESTARTED), 2);
}

#[test]
fn a_turn_that_the_daemon_ends_is_no_end_of_the_childs() {
    let mut bench = Bench::ready();
    bench.turn(1, "t", "u");
    bench.tick(1200);
    assert_eq!(turns(&mut bench), [0, 0, 0, 0, 1]);
    end(&mut bench, "t", "u", "interrupted");
    bench.tick(60);
    assert_eq!(turns(&mut bench), [0, 0, 0, 0, 1]);
}

#[test]
fn a_turn_of_a_client_that_left_is_interrupted() {
    let mut bench = Bench::ready();
    bench.turn(1, "t", "u");
    bench.gone(1);
    // Its interrupt and its unsubscribe, and no word of the child about the turn.
    for wire in [bench.wire - 1, bench.wire] {
        bench.answer(wire, "{}");
    }
    assert_eq!(turns(&mut bench), [0, 1, 0, 0, 0]);
    assert_eq!(latencies(&mut bench, "thread/unsubscribe"), 1);
}

#[test]
fn a_start_that_fails_is_no_turn() {
    let mut bench = Bench::ready();
    bench.thread(1, "t");
    bench.request(1, "turn/start", "t");
    bench.refuse(bench.wire);
    assert_eq!((turns(&mut bench), errors(&mut bench, code::OVERLOADED)), ([0; 5], 0));
    let counts = &bench.core.observe().counts;
    assert_eq!(counts.errors().last(), Some((None, 1)), "a code that nobody knows");
    // The next one is a turn of its own.
    bench.request(1, "turn/start", "t");
    bench.answer(bench.wire, r#"{"turn":{"id":"u"}}"#);
    end(&mut bench, "t", "u", "completed");
    assert_eq!(turns(&mut bench), [1, 0, 0, 0, 0]);
}

#[test]
fn a_late_turn_is_one() {
    let mut bench = Bench::ready();
    bench.thread(1, "t");
    bench.request(1, "turn/start", "t");
    let wire = bench.wire;
    bench.tick(31);
    assert_eq!((turns(&mut bench), errors(&mut bench, code::TIMEOUT)), ([0; 5], 1));
    assert_eq!(latencies(&mut bench, "turn/start"), 1);
    bench.answer(wire, r#"{"turn":{"id":"u"}}"#);
    end(&mut bench, "t", "u", "completed");
    assert_eq!((turns(&mut bench), latencies(&mut bench, "turn/start")), ([1, 0, 0, 0, 0], 1));
}

#[test]
fn the_wait_for_a_permit_is_measured_and_compactions_are_no_turns() {
    let mut bench = Bench::ready();
    bench.turn(1, "a", "ua");
    bench.turn(1, "b", "ub");
    bench.thread(1, "c");
    bench.request(1, "turn/start", "c");
    bench.now += Duration::from_millis(700);
    end(&mut bench, "a", "ua", "completed");
    let counts = &bench.core.observe().counts;
    assert_eq!((counts.queue_wait.count(), counts.queue_wait.told().sum_ms), (3, 700.0));
    bench.answer(bench.wire, r#"{"turn":{"id":"uc"}}"#);
    end(&mut bench, "c", "uc", "completed");
    bench.request(1, "thread/compact/start", "c");
    bench.answer(bench.wire, "{}");
    bench.note("turn/started", "c", "compact");
    end(&mut bench, "c", "compact", "completed");
    assert_eq!((turns(&mut bench), bench.core.observe().counts.queue_wait.count()), ([2, 0, 0, 0, 0], 3));
}

#[test]
fn what_the_client_sent_is_not_the_models_first_item() {
    let mut bench = Bench::ready();
    bench.turn(1, "t", "u");
    let item = |turn: &str, method: &str, item: &str| {
        format!(r#"{{"method":"{method}","params":{{"threadId":"t","turnId":"{turn}","item":{item}}}}}"#)
    };
    let heard = |bench: &mut Bench| bench.core.observe().counts.first_event.count();
    let (raw, started) = ("rawResponseItem/completed", "item/started");
    for line in [
        item("auto-compact-0", raw, r#"{"type":"message","role":"assistant"}"#),
        item("u", raw, r#"{"type":"message","role":"user"}"#),
        item("u", raw, r#"{"type":"message","role":"developer"}"#),
        item("u", raw, r#"{"type":"function_call_output"}"#),
        item("u", started, r#"{"type":"userMessage"}"#),
    ] {
        bench.child(&line);
        assert_eq!(heard(&mut bench), 0, "{line}");
    }
    bench.now += Duration::from_millis(40);
    bench.child(&item("u", started, r#"{"type":"reasoning"}"#));
    bench.child(&item("u", raw, r#"{"type":"reasoning"}"#));
    let counts = &bench.core.observe().counts;
    assert_eq!((counts.first_event.count(), counts.first_event.told().sum_ms), (1, 40.0));
}

#[test]
fn a_request_that_is_sent_again_is_one() {
    let mut bench = Bench::ready();
    bench.thread(1, "t");
    bench.request(1, "turn/start", "t");
    let busy = format!(r#"{{"id":{},"error":{{"code":-32001,"message":"busy"}}}}"#, bench.wire);
    bench.child(&busy);
    assert_eq!(latencies(&mut bench, "turn/start"), 0);
    bench.tick(2);
    bench.answer(bench.wire, r#"{"turn":{"id":"u"}}"#);
    end(&mut bench, "t", "u", "completed");
    assert_eq!((turns(&mut bench), latencies(&mut bench, "turn/start")), ([1, 0, 0, 0, 0], 1));
    let counts = &bench.core.observe().counts;
    assert_eq!((counts.queue_wait.count(), counts.turn_duration.told().sum_ms), (1, 0.0));
}

#[test]
fn what_clients_are_refused_is_counted_by_its_code() {
    let mut bench = Bench::with(super::Limits { turns: 1, ..limits() });
    bench.client(1, "no JSON");
    bench.client(1, r#"{"id":1,"method":"fs/readFile"}"#);
    bench.turn(1, "a", "ua");
    for thread in ["b", "c"] {
        bench.thread(2, thread);
        bench.request(2, "turn/start", thread);
    }
    let told = [code::PARSE_ERROR, code::FORBIDDEN, code::INVALID_REQUEST, code::OVERLOADED]
        .map(|code| errors(&mut bench, code));
    // The second start has the id of the first one, which waits.
    assert_eq!(told, [1, 1, 1, 0]);
    assert_eq!(TurnOutcome::ALL.map(TurnOutcome::as_str).len(), 5);
}
