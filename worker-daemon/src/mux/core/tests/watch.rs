//! Turns that the daemon ends, and children that are not well.

use super::{Bench, Limits, WHOSE, expect, limits, whose};
use crate::mux::{
    action::{Order, Reason, Report},
    whose::Whose,
};
use shared::id::Generation;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn watched() -> Limits {
    Limits {
        turn_timeout: 100 * SECOND,
        turn_idle_timeout: 20 * SECOND,
        probe_interval: 5 * SECOND,
        probe_timeout: 10 * SECOND,
        max_rss: Some(1000),
        ..limits()
    }
}

/// Without probes, which would answer for the child.
fn patient() -> Limits {
    Limits { probe_interval: 86_400 * SECOND, ..watched() }
}

fn ended(details: &'static str) -> Vec<Report> {
    vec![Report::TurnEnded { whose: Whose::default(), details }]
}

impl Bench {
    /// The child answers the probe that was sent last.
    fn well(&mut self, rss: u64, turns: usize) -> Vec<String> {
        let gauges = format!(r#"[{{"name":"core.turns.active","value":{turns}}}]"#);
        self.answer(self.wire, &format!(r#"{{"process":{{"residentMemoryBytes":{rss}}},"gauges":{gauges}}}"#))
    }
}

#[test]
fn a_silent_turn_is_ended_once_and_its_permit_comes_back_with_its_end() {
    let mut bench = Bench::with(patient());
    bench.turn(1, "t", "u");
    bench.tick(10);
    bench.note("item/agentMessage/delta", "t", "u");
    expect(bench.tick(19), []);
    expect(
        bench.tick(1),
        [r#"1 {"method":"turn/completed"*"failed"*"worker_turn_idle"*"#, r#"child *"turn/interrupt"*"u"*"#],
    );
    assert_eq!(bench.reports, ended("worker_turn_idle"));
    assert_eq!(bench.core.turns_active(), 1, "it may still run");
    expect(bench.note("turn/completed", "t", "u"), []);
    assert_eq!(bench.core.turns_active(), 0);
    expect(bench.request(1, "turn/start", "t"), [r#"child *"turn/start"*"#]);
}

#[test]
fn a_turn_that_runs_too_long_is_ended_however_much_it_says() {
    let mut bench = Bench::with(patient());
    bench.turn(1, "t", "u");
    for _ in 0..9 {
        bench.tick(11);
        bench.note("item/x", "t", "u");
    }
    expect(bench.tick(1), [r#"1 *"turn/completed"*"worker_turn_timeout"*"#, r#"child *"turn/interrupt"*"#]);
    expect(bench.note("item/x", "t", "u"), []);
}

#[test]
fn a_turn_that_the_child_never_ends_gives_its_permit_back() {
    let mut bench = Bench::with(patient());
    bench.turn(1, "t", "u");
    bench.tick(20);
    let interrupt = bench.wire;
    bench.answer(interrupt, "{}");
    bench.tick(9);
    assert_eq!(bench.core.turns_active(), 1);
    bench.tick(1);
    assert_eq!(bench.core.turns_active(), 0);
    // Its client knows of one end already.
    expect(bench.note("item/x", "t", "u"), []);
    expect(bench.note("turn/completed", "t", "u"), []);
}

#[test]
fn a_turn_that_waits_for_its_client_is_not_silent() {
    let mut bench = Bench::with(patient());
    bench.turn(1, "t", "u");
    bench.child(r#"{"id":7,"method":"item/tool/call","params":{"threadId":"t"}}"#);
    expect(bench.tick(50), []);
    bench.client(1, r#"{"id":1,"result":{}}"#);
    expect(bench.tick(1), [r#"1 *"worker_turn_idle"*"#, r#"child *"turn/interrupt"*"#]);
}

#[test]
fn a_lost_end_is_told_from_slow_thinking() {
    let mut bench = Bench::with(watched());
    bench.turn(1, "whole", "u");
    bench.turn(2, "slow", "v");
    bench.note("rawResponse/completed", "whole", "u");
    expect(bench.tick(5), [r#"child *"method":"server/diagnostics"*"#]);
    expect(bench.well(1, 2), []);
    // From here on the child knows one turn fewer than we do.
    bench.tick(5);
    expect(bench.well(1, 1), []);
    bench.tick(5);
    expect(bench.well(1, 1), [r#"1 *"turn/completed"*"completed"*"#]);
    assert_eq!(bench.reports, ended("worker_turn_lost"));
    assert_eq!(bench.core.turns_active(), 1, "the slow one thinks on");
    bench.tick(5);
    expect(bench.well(1, 1), []);
}

#[test]
fn a_turn_that_is_lost_in_the_middle_has_failed() {
    let mut bench = Bench::with(Limits { turn_idle_timeout: 3600 * SECOND, ..watched() });
    bench.turn(1, "t", "u");
    bench.note("item/x", "t", "u");
    for _ in 0..2 {
        bench.tick(5);
        expect(bench.well(1, 1), []);
    }
    bench.tick(5);
    expect(bench.well(1, 0), []);
    bench.tick(5);
    expect(bench.well(1, 0), [r#"1 *"turn/completed"*"failed"*"worker_turn_lost"*"#]);
}

#[test]
fn which_of_two_was_lost_is_not_guessed() {
    let mut bench = Bench::with(watched());
    bench.turn(1, "t", "u");
    bench.turn(2, "s", "v");
    for _ in 0..3 {
        bench.tick(5);
        expect(bench.well(1, 1), []);
    }
    assert_eq!(bench.reports, []);
}

#[test]
fn a_child_that_says_nothing_is_unresponsive() {
    let mut bench = Bench::with(watched());
    bench.tick(5);
    bench.tick(9);
    assert_eq!(bench.orders, []);
    bench.tick(1);
    assert_eq!(bench.orders, [Order::Unresponsive(Generation(1))]);
}

#[test]
fn a_child_that_is_deaf_but_speaks_is_replaced() {
    let mut bench = Bench::with(Limits { turn_idle_timeout: 3600 * SECOND, ..watched() });
    bench.turn(1, "t", "u");
    bench.tick(5);
    for missed in 1..=3 {
        assert!(!bench.orders.contains(&Order::Replace(Reason::Deaf)), "after {missed}");
        bench.tick(1);
        bench.note("item/x", "t", "u");
        bench.tick(10);
    }
    assert_eq!(bench.orders.last(), Some(&Order::Replace(Reason::Deaf)));
    assert!(bench.orders.contains(&Order::Alive(Generation(1))), "it speaks, so the daemon is well");
}

#[test]
fn any_answer_is_a_sign_of_life() {
    let mut bench = Bench::with(watched());
    bench.tick(5);
    bench.refuse(bench.wire);
    assert_eq!(bench.orders, [Order::Alive(Generation(1))]);
    expect(bench.tick(4), []);
    expect(bench.tick(1), ["child *server/diagnostics*"]);
}

#[test]
fn a_child_over_its_memory_is_to_be_replaced_until_it_is() {
    let mut bench = Bench::with(watched());
    let memory = Order::Replace(Reason::Memory { bytes: 1001 });
    bench.tick(5);
    bench.well(1000, 0);
    bench.tick(5);
    bench.well(1001, 0);
    bench.tick(5);
    bench.well(1001, 0);
    let wishes: Vec<_> = bench.orders.iter().filter(|order| !matches!(order, Order::Alive(_))).collect();
    assert_eq!(wishes, [&memory, &memory]);
    assert_eq!(bench.core.load().rss_bytes, Some(1001));
}

#[test]
fn a_probe_is_no_work_that_a_drain_waits_for() {
    let mut bench = Bench::with(watched());
    bench.tick(5);
    assert_eq!(bench.core.unanswered(), 0);
    assert!(bench.core.is_idle());
}

#[test]
fn turns_that_are_overdue_together_do_not_pass_the_window() {
    let mut bench =
        Bench::with(Limits { turns: 250, turn_idle_timeout: 10 * SECOND, client_requests: 500, ..limits() });
    for n in 0..250 {
        bench.turn(1, &format!("t{n}"), &format!("u{n}"));
    }
    let shown = bench.tick(10);
    let interrupts = shown.iter().filter(|l| l.starts_with("child") && l.contains("turn/interrupt")).count();
    assert!(interrupts <= 32, "{interrupts} at once");
}

#[test]
fn a_time_in_which_the_daemon_stood_still_counts_for_nothing() {
    let mut bench = Bench::with(watched());
    bench.turn(1, "t", "u");
    bench.request(1, "thread/inject_items", "t");
    bench.tick(5);
    let gap = 1000 * SECOND;
    bench.now += gap;
    bench.core.stood_still(gap);
    expect(bench.tick(0), []);
    assert_eq!(bench.orders, []);
    // From here on the time counts again.
    bench.tick(10);
    assert_eq!(bench.orders, [Order::Unresponsive(Generation(1))]);
}

/// Its owner has been told its end; the child waits for no answer.
#[test]
fn what_a_turn_asks_after_it_was_given_up_is_declined() {
    let mut bench = Bench::with(patient());
    bench.turn(1, "t", "u");
    bench.tick(20);
    let ask = r#"{"id":7,"method":"item/tool/call","params":{"threadId":"t"}}"#;
    expect(bench.child(ask), [r#"child {"id":7,"result":*"success":false}}"#]);
}

#[test]
fn a_turn_that_is_ended_names_its_http_request_and_its_trace() {
    let mut bench = Bench::with(patient());
    bench.thread(1, "t");
    let start =
        format!(r#"{{"id":"x","method":"turn/start",{WHOSE},"params":{{"threadId":"t","input":[]}}}}"#);
    bench.client(1, &start);
    bench.answer(bench.wire, r#"{"turn":{"id":"u","status":"inProgress","items":[]}}"#);
    bench.note("turn/started", "t", "u");
    bench.tick(20);
    let details = "worker_turn_idle";
    assert_eq!(bench.reports, [Report::TurnEnded { whose: whose(), details }]);
}
