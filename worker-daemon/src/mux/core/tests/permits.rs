//! Windows, permits and the waiting line.

use super::{Bench, expect, limits};

#[test]
fn the_window_holds_and_the_control_lane_passes_it() {
    let mut bench = Bench::with(super::Limits { rpc_window: 2, ..limits() });
    for id in 1..=4 {
        bench.client(1, &format!(r#"{{"id":{id},"method":"model/list"}}"#));
    }
    assert_eq!(bench.wire, 2);
    expect(bench.request(1, "turn/interrupt", "x"), [r#"child {"id":3,"method":"turn/interrupt"*"#]);
    expect(bench.answer(3, "{}"), [r#"1 {"id":"turn/interrupt","result":{}}"#]);
    expect(bench.answer(2, "{}"), [r#"1 {"id":2,"result":{}}"#, r#"child {"id":4,*"#]);
}

#[test]
fn clients_are_served_in_turn() {
    let mut bench = Bench::with(super::Limits { rpc_window: 1, ..limits() });
    for id in 1..=3 {
        bench.client(1, &format!(r#"{{"id":{id},"method":"model/list"}}"#));
    }
    bench.client(2, r#"{"id":1,"method":"account/read"}"#);
    expect(bench.answer(1, "{}"), ["1 *", "child *model/list*"]);
    expect(bench.answer(2, "{}"), ["1 *", "child *account/read*"]);
}

/// Two threads of client 1 run, a third waits in line, and client 2 has a thread.
fn busy() -> Bench {
    let mut bench = Bench::ready();
    bench.turn(1, "a", "ua");
    bench.turn(1, "b", "ub");
    bench.thread(1, "c");
    expect(bench.request(1, "turn/start", "c"), []);
    bench.thread(2, "d");
    bench
}

#[test]
fn turns_past_the_limit_wait_and_past_the_line_are_refused() {
    let mut bench = busy();
    assert_eq!(bench.core.turns_active(), 2);
    expect(
        bench.request(2, "turn/start", "d"),
        [r#"2 {"id":"turn/start","error":{"code":-32001,*retryAfterMs*"#],
    );
    // Other work passes those that wait.
    expect(bench.client(2, r#"{"id":1,"method":"model/list"}"#), ["child *"]);
}

#[test]
fn the_end_of_a_turn_makes_room() {
    let mut bench = busy();
    expect(
        bench.note("turn/completed", "b", "ub"),
        ["1 *turn/completed*", r#"child *turn/start*"threadId":"c"*"#],
    );
    assert_eq!(bench.core.turns_active(), 2);
}

#[test]
fn the_end_of_some_other_turn_does_not() {
    let mut bench = busy();
    expect(bench.note("turn/completed", "b", "older"), ["1 *"]);
    assert_eq!(bench.core.turns_active(), 2);
}

#[test]
fn an_unsubscribe_makes_room() {
    let mut bench = busy();
    bench.request(1, "thread/unsubscribe", "a");
    expect(
        bench.answer(bench.wire, "{}"),
        [r#"1 {"id":"thread/unsubscribe"*"#, r#"child *turn/start*"threadId":"c"*"#],
    );
}

#[test]
fn a_refused_turn_makes_room() {
    let mut bench = Bench::ready();
    bench.thread(1, "t");
    bench.request(1, "turn/start", "t");
    assert_eq!(bench.core.turns_active(), 1);
    bench.refuse(bench.wire);
    assert_eq!(bench.core.turns_active(), 0);
}

#[test]
fn the_death_of_the_child_makes_room() {
    let mut bench = busy();
    bench.down();
    assert_eq!(bench.core.turns_active(), 0);
    assert!(bench.core.is_idle());
}

#[test]
fn one_thread_holds_one_permit_until_its_last_start_is_answered() {
    let mut bench = Bench::ready();
    bench.thread(1, "t");
    let start = |id| format!(r#"{{"id":{id},"method":"turn/start","params":{{"threadId":"t"}}}}"#);
    bench.client(1, &start(1));
    bench.client(1, &start(2));
    assert_eq!(bench.core.turns_active(), 1);
    // The refusal of the second must not end the first.
    bench.refuse(3);
    assert_eq!(bench.core.turns_active(), 1);
    bench.answer(2, r#"{"turn":{"id":"u"}}"#);
    assert_eq!(bench.core.turns_active(), 1);
    bench.note("turn/completed", "t", "u");
    assert_eq!(bench.core.turns_active(), 0);
}

#[test]
fn an_answer_behind_the_end_of_its_turn_starts_nothing() {
    let mut bench = Bench::ready();
    bench.thread(1, "t");
    bench.request(1, "turn/start", "t");
    bench.note("turn/started", "t", "u");
    bench.note("turn/completed", "t", "u");
    // The next turn is asked for before the answer to the first.
    bench.client(1, r#"{"id":2,"method":"turn/start","params":{"threadId":"t"}}"#);
    bench.answer(2, r#"{"turn":{"id":"u"}}"#);
    bench.answer(3, r#"{"turn":{"id":"v"}}"#);
    bench.note("turn/completed", "t", "v");
    assert_eq!(bench.core.turns_active(), 0);
}

#[test]
fn waiting_too_long_is_answered() {
    let mut bench = busy();
    bench.now += std::time::Duration::from_secs(29);
    bench.client(2, r#"{"id":1,"method":"model/list"}"#);
    expect(bench.tick(1), [r#"1 {"id":"turn/start","error":{"code":-32001,*"#]);
}

#[test]
fn a_turn_in_a_thread_that_nobody_has_is_refused_for_it_would_have_no_permit() {
    let mut bench = Bench::ready();
    expect(
        bench.request(1, "turn/start", "x"),
        [r#"1 {"id":"turn/start","error":{"code":-32600,"message":"thread not found"}}"#],
    );
    // Without a thread it is the child's to refuse.
    expect(bench.client(1, r#"{"id":1,"method":"turn/start"}"#), ["child *"]);
}

#[test]
fn compactions_hold_permits() {
    let mut bench = Bench::with(super::Limits { turns: 1, ..limits() });
    for n in 0..3 {
        bench.thread(1, &format!("t{n}"));
    }
    expect(bench.request(1, "thread/compact/start", "t0"), ["child *thread/compact/start*"]);
    bench.answer(bench.wire, "{}");
    let later = r#"{"id":"later","method":"thread/compact/start","params":{"threadId":"t1"}}"#;
    expect(bench.client(1, later), []);
    bench.note("turn/started", "t0", "u0");
    assert_eq!(bench.core.turns_active(), 1);
    expect(
        bench.note("turn/completed", "t0", "u0"),
        ["1 *turn/completed*", r#"child *thread/compact/start*"t1"*"#],
    );
}

#[test]
fn a_flood_of_interrupts_does_not_delay_the_interrupt_of_another() {
    let mut bench = Bench::with(super::Limits { client_requests: 500, ..limits() });
    bench.turn(2, "b", "u");
    for n in 0..1000 {
        let line =
            format!(r#"{{"id":{n},"method":"turn/interrupt","params":{{"threadId":"x","turnId":"x"}}}}"#);
        bench.client(1, &line);
    }
    let first = bench.wire - 31;
    bench.client(2, r#"{"id":"mine","method":"turn/interrupt","params":{"threadId":"b","turnId":"u"}}"#);
    let mut answered = 0;
    for wire in first.. {
        let shown = bench.answer(wire, "{}");
        answered += 1;
        if shown.iter().any(|l| l.starts_with("child") && l.contains(r#""threadId":"b""#)) {
            break;
        }
    }
    assert!(answered < 4, "after {answered} of the other's");
}

/// A compaction that never begins gives its place back.
#[test]
fn a_compaction_has_a_permit_until_it_begins_and_no_longer_than_that() {
    let mut bench = Bench::with(super::Limits { turns: 1, ..limits() });
    bench.thread(1, "t");
    bench.request(1, "thread/compact/start", "t");
    bench.answer(bench.wire, "{}");
    assert_eq!(bench.core.turns_active(), 1);
    expect(bench.gone(1), []);
    expect(bench.tick(10), ["child *thread/unsubscribe*"]);
    assert_eq!(bench.core.turns_active(), 0);
}

#[test]
fn the_threads_of_a_connection_are_bounded() {
    let mut bench = Bench::with(super::Limits { client_threads: 2, ..limits() });
    bench.thread(1, "a");
    bench.thread(2, "b");
    bench.thread(1, "c");
    let open = r#"{"id":"open","method":"thread/start","params":{}}"#;
    expect(bench.client(1, open), [r#"1 {"id":"open","error":{"code":-32001,*WORKER_CLIENT_THREADS_MAX*"#]);
    expect(bench.client(2, open), ["child *thread/start*"]);
}
