//! Requests for which the child was too busy.

use super::{Bench, WHOSE, expect, whose};
use crate::mux::{action::Report, table::Kind, whose::Whose};
use std::time::Duration;

impl Bench {
    fn too_busy(&mut self, wire: u64) -> Vec<String> {
        self.child(&format!(
            r#"{{"id":{wire},"error":{{"code":-32001,"message":"Server overloaded; retry later."}}}}"#
        ))
    }

    /// Lets the next request that waits aside be due.
    fn due(&mut self) -> Vec<String> {
        self.now = self.core.next_due().expect("a request that is sent again");
        self.act(super::Core::on_tick)
    }
}

#[test]
fn is_sent_again_after_growing_delays_until_its_deadline() {
    let mut bench = Bench::ready();
    let began = bench.now;
    bench.client(1, r#"{"id":"a","method":"model/list","params":{"limit":1}}"#);
    let mut waits = Vec::new();
    let refused = loop {
        let before = bench.now;
        let shown = bench.too_busy(bench.wire);
        if !shown.is_empty() {
            break shown;
        }
        let again = bench.due();
        expect(again, [r#"child {"id":*,"method":"model/list","params":{"limit":1}}"#]);
        waits.push(bench.now - before);
    };
    expect(refused, [r#"1 {"id":"a","error":{"code":-32001*"#]);
    assert!(waits[0] >= Duration::from_millis(20) && waits[0] <= Duration::from_millis(40), "{waits:?}");
    assert!(waits.iter().all(|wait| *wait <= Duration::from_millis(1500)), "{waits:?}");
    assert!(bench.now - began > Duration::from_secs(28) && bench.now - began < Duration::from_secs(30));
    assert!(bench.core.is_idle());
    assert_eq!(bench.reports.first(), Some(&Report::SentAgain { whose: Whose::default(), attempts: 1 }));
}

#[test]
fn what_names_its_thread_waits_behind_it() {
    let mut bench = Bench::ready();
    bench.thread(1, "t");
    bench.request(1, "thread/inject_items", "t");
    expect(bench.too_busy(bench.wire), []);
    expect(bench.request(1, "turn/start", "t"), []);
    expect(bench.client(1, r#"{"id":1,"method":"model/list"}"#), [r#"child *"model/list"*"#]);
    expect(bench.due(), [r#"child *"thread/inject_items"*"#, r#"child *"turn/start"*"#]);
}

/// The model must not answer without a part of its history, and a drain refuses both.
#[test]
fn a_turn_in_the_waiting_line_waits_behind_its_history() {
    let mut bench = Bench::ready();
    bench.turn(1, "a", "ua");
    bench.turn(1, "b", "ub");
    bench.thread(1, "c");
    bench.request(1, "thread/inject_items", "c");
    let inject = bench.wire;
    expect(bench.request(1, "turn/start", "c"), []);
    expect(bench.too_busy(inject), []);
    // A place comes free before the history is sent again.
    expect(bench.note("turn/completed", "b", "ub"), [r#"1 {"method":"turn/completed"*"#]);
    expect(bench.due(), [r#"child *"thread/inject_items"*"#, r#"child *"turn/start"*"#]);
}

#[test]
fn a_drain_refuses_a_history_that_waits_aside_and_its_turn() {
    let mut bench = Bench::ready();
    bench.turn(1, "a", "ua");
    bench.turn(1, "b", "ub");
    bench.thread(1, "c");
    bench.request(1, "thread/inject_items", "c");
    expect(bench.request(1, "turn/start", "c"), []);
    let inject = bench.wire;
    expect(bench.too_busy(inject), []);
    bench.note("turn/completed", "b", "ub");
    let refused = bench.act(super::Core::on_drain);
    let draining = refused.iter().filter(|line| line.contains(r#""code":-32013"#)).count();
    assert_eq!(draining, 2, "{refused:?}");
}

/// The turn is on its way: to put the lost part of its history behind it would change what the model sees.
#[test]
fn is_not_sent_again_behind_what_builds_on_it() {
    let mut bench = Bench::ready();
    bench.thread(1, "t");
    bench.request(1, "thread/inject_items", "t");
    let inject = bench.wire;
    bench.request(1, "turn/start", "t");
    expect(bench.too_busy(inject), [r#"1 {"id":"thread/inject_items","error":{"code":-32001*"#]);
}

#[test]
fn a_turn_gives_its_permit_back_meanwhile() {
    let mut bench = Bench::ready();
    bench.thread(1, "t");
    bench.request(1, "turn/start", "t");
    bench.too_busy(bench.wire);
    assert_eq!(bench.core.turns_active(), 0);
    bench.due();
    assert_eq!(bench.core.turns_active(), 1);
}

#[test]
fn letting_go_withdraws_it() {
    let mut bench = Bench::ready();
    bench.thread(1, "t");
    bench.request(1, "turn/start", "t");
    bench.too_busy(bench.wire);
    expect(
        bench.request(1, "thread/unsubscribe", "t"),
        [r#"1 {"id":"turn/start","error":{"code":-32800*"#, r#"child *"thread/unsubscribe"*"#],
    );
}

#[test]
fn an_unsubscribe_is_sent_again_too() {
    let mut bench = Bench::ready();
    bench.thread(1, "mine");
    bench.thread(1, "left");
    bench.request(1, "thread/unsubscribe", "mine");
    expect(bench.too_busy(bench.wire), []);
    expect(bench.due(), [r#"child *"thread/unsubscribe"*"mine"*"#]);
    expect(bench.answer(bench.wire, "{}"), [r#"1 {"id":"thread/unsubscribe","result":{}}"#]);
    // The daemon's own.
    expect(bench.gone(1), [r#"child *"thread/unsubscribe"*"left"*"#]);
    expect(bench.too_busy(bench.wire), []);
    expect(bench.tick(0), [r#"child *"thread/unsubscribe"*"left"*"#]);
    bench.answer(bench.wire, "{}");
    assert!(bench.core.is_idle());
}

#[test]
fn the_death_of_the_child_answers_it_or_leaves_it_to_the_next() {
    let mut bench = Bench::ready();
    bench.thread(1, "t");
    bench.request(1, "turn/start", "t");
    bench.too_busy(bench.wire);
    bench.client(1, r#"{"id":1,"method":"model/list"}"#);
    bench.too_busy(bench.wire);
    expect(
        bench.down(),
        [r#"1 {"id":"turn/start","error":{"code":-32011*"#, r#"1 {"method":"thread/closed"*"#],
    );
    expect(bench.up(), [r#"child *"model/list"*"#]);
}

/// Whoever asks for an HTTP request of the front's finds what became of it in the daemon's log, too, and the trace.
#[test]
fn what_is_logged_names_the_http_request_and_the_trace() {
    let whose = whose();
    let mut bench = Bench::ready();
    bench.client(1, &format!(r#"{{"id":"a","method":"model/list",{WHOSE}}}"#));
    bench.too_busy(bench.wire);
    assert_eq!(bench.reports, [Report::SentAgain { whose: whose.clone(), attempts: 1 }]);
    bench.due();
    bench.tick(60);
    assert_eq!(bench.reports.last(), Some(&Report::NoAnswer { whose, kind: Kind::Other }));
    // Another name is the client's own word, which doesn't get into the log.
    bench.client(1, r#"{"id":"b","method":"model/list","request":"said by a client"}"#);
    bench.too_busy(bench.wire);
    assert_eq!(bench.reports.last(), Some(&Report::SentAgain { whose: Whose::default(), attempts: 1 }));
}
