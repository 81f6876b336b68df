//! Two children at once: new work goes to the fresh one, the old one keeps what it has.

use super::{Bench, Limits, expect, limits};
use crate::mux::action::Order;
use shared::id::Generation;

/// A core whose first child is being replaced by a second one.
fn two(mut bench: Bench) -> Bench {
    bench.up();
    bench
}

#[test]
fn requests_go_to_the_child_that_has_their_thread() {
    let mut bench = Bench::ready();
    bench.turn(1, "old", "u");
    let mut bench = two(bench);
    bench.client(1, r#"{"id":1,"method":"thread/start","params":{}}"#);
    let fresh = bench.wire;
    assert_eq!(bench.sent_to, Generation(2));
    bench.request(1, "turn/steer", "old");
    assert_eq!(bench.sent_to, Generation(1));
    bench.of(2).answer(fresh, r#"{"thread":{"id":"new"}}"#);
    bench.request(1, "thread/inject_items", "new");
    assert_eq!(bench.sent_to, Generation(2));
    expect(bench.of(1).note("turn/completed", "old", "u"), [r#"1 {"method":"turn/completed"*"#]);
    // Another turn in the old thread: it lives in the old child alone.
    expect(bench.request(1, "turn/start", "old"), [r#"child {"id":*,"method":"turn/start"*"old"*"#]);
    assert_eq!(bench.sent_to, Generation(1));
}

#[test]
fn an_answer_of_the_old_child_to_what_the_fresh_one_was_asked_is_none() {
    let mut bench = two(Bench::ready());
    bench.client(1, r#"{"id":1,"method":"model/list"}"#);
    let wire = bench.wire;
    expect(bench.of(1).answer(wire, "{}"), []);
    expect(bench.of(2).answer(wire, "{}"), [r#"1 {"id":1,"result":{}}"#]);
}

#[test]
fn what_is_everybodys_comes_from_the_fresh_child_alone() {
    let limits = r#"{"method":"account/rateLimits/updated","params":{"rateLimits":{}}}"#;
    let mut bench = Bench::ready();
    bench.turn(1, "t", "u");
    let each = [1, 2].map(|conn| format!(r#"{conn} {{"method":"account/rateLimits/updated"*"#));
    expect(bench.child(limits), each.each_ref().map(String::as_str));
    let mut bench = two(bench);
    expect(bench.of(1).child(limits), []);
    expect(bench.of(2).child(limits), each.each_ref().map(String::as_str));
}

#[test]
fn the_old_child_is_drained_once_its_last_thread_is_gone() {
    let mut bench = Bench::ready();
    bench.turn(1, "t", "u");
    let mut bench = two(bench);
    assert_eq!(bench.orders, []);
    bench.of(1).note("turn/completed", "t", "u");
    assert_eq!(bench.orders, [], "its client may go on with it");
    bench.request(1, "thread/unsubscribe", "t");
    assert_eq!(bench.orders, []);
    let wire = bench.wire;
    bench.answer(wire, "{}");
    assert_eq!(bench.orders, [Order::Drained(Generation(1))]);
    bench.of(2).client(1, r#"{"id":1,"method":"model/list"}"#);
    assert_eq!(bench.orders.len(), 1, "once is enough");
}

#[test]
fn an_idle_child_is_drained_at_once() {
    let bench = two(Bench::ready());
    assert_eq!(bench.orders, [Order::Drained(Generation(1))]);
}

#[test]
fn a_thread_that_is_made_after_the_handover_began_stays_where_it_is() {
    let mut bench = Bench::ready();
    bench.client(1, r#"{"id":1,"method":"thread/start","params":{}}"#);
    let wire = bench.wire;
    let mut bench = two(bench);
    assert_eq!(bench.orders, [], "its answer is awaited");
    bench.of(1).answer(wire, r#"{"thread":{"id":"t"}}"#);
    expect(bench.request(1, "turn/start", "t"), [r#"child *"method":"turn/start"*"#]);
    assert_eq!(bench.orders, []);
}

#[test]
fn what_waits_moves_to_the_fresh_child_but_for_what_names_an_old_thread() {
    let mut bench = Bench::with(Limits { rpc_window: 1, ..limits() });
    bench.thread(1, "t");
    bench.client(1, r#"{"id":1,"method":"model/list"}"#);
    let wire = bench.wire;
    bench.client(1, r#"{"id":2,"method":"account/read"}"#);
    bench.request(1, "turn/start", "t");
    expect(bench.up(), [r#"child *"method":"account/read"*"#]);
    assert_eq!(bench.sent_to, Generation(2));
    expect(bench.of(1).answer(wire, "{}"), [r#"1 {"id":1,"result":{}}"#, r#"child *"method":"turn/start"*"#]);
    assert_eq!(bench.sent_to, Generation(1));
}

#[test]
fn the_end_of_the_old_child_ends_its_turns_alone() {
    let mut bench = Bench::ready();
    bench.turn(1, "old", "u");
    let mut bench = two(bench);
    bench.turn(2, "new", "v");
    expect(
        bench.of(1).down(),
        [r#"1 *"turn/completed"*"worker_restarted"*"#, r#"1 {"method":"thread/closed"*"old"*"#],
    );
    assert_eq!(bench.core.turns_active(), 1);
    expect(bench.of(2).note("item/x", "new", "v"), ["2 *"]);
}

#[test]
fn the_old_child_serves_its_threads_while_the_fresh_one_is_down() {
    let mut bench = Bench::ready();
    bench.thread(1, "t");
    let mut bench = two(bench);
    bench.of(2).down();
    bench.status(shared::control::WorkerState::Backoff);
    expect(bench.of(1).request(1, "turn/start", "t"), [r#"child *"method":"turn/start"*"#]);
    expect(bench.client(1, r#"{"id":9,"method":"model/list"}"#), [r#"1 {"id":9,"error":{"code":-32010*"#]);
}

#[test]
fn permits_are_counted_over_both_and_each_has_a_line_of_its_own() {
    let mut bench = Bench::ready();
    bench.turn(1, "a", "u");
    bench.thread(1, "waits");
    let mut bench = two(bench);
    bench.turn(2, "b", "v");
    bench.thread(2, "later");
    expect(bench.request(1, "turn/start", "waits"), []);
    expect(bench.request(2, "turn/start", "later"), []);
    let shown = bench.of(2).note("turn/completed", "b", "v");
    bench.of(1);
    expect(shown, ["2 *turn/completed*", r#"child *"turn/start"*"waits"*"#]);
}

#[test]
fn the_end_of_the_fresh_child_leaves_the_old_ones_requests_alone() {
    let mut bench = Bench::ready();
    bench.thread(1, "t");
    let mut bench = two(bench);
    bench.request(1, "turn/start", "t");
    let wire = bench.wire;
    bench.client(1, r#"{"id":1,"method":"model/list"}"#);
    expect(bench.of(2).down(), [r#"1 {"id":1,"error":{"code":-32011,*"#]);
    expect(bench.of(1).answer(wire, r#"{"turn":{"id":"u"}}"#), [r#"1 {"id":"turn/start","result":*"#]);
    assert_eq!(bench.core.turns_active(), 1);
}

#[test]
fn what_an_old_child_says_of_a_thread_that_the_fresh_one_has_goes_to_nobody() {
    let mut bench = Bench::ready();
    bench.turn(1, "t", "u");
    bench.request(1, "thread/unsubscribe", "t");
    let wire = bench.wire;
    bench.thread(1, "keeps-the-old-child");
    bench.of(1).answer(wire, "{}");
    bench.up();
    bench.client(2, r#"{"id":"r","method":"thread/resume","params":{"threadId":"t"}}"#);
    assert_eq!(bench.sent_to, Generation(2));
    let wire = bench.wire;
    expect(bench.of(2).answer(wire, r#"{"thread":{"id":"t"}}"#), [r#"2 {"id":"r"*"#]);
    let line = r#"{"method":"item/agentMessage/delta","params":{"threadId":"t","turnId":"u","delta":"of client 1"}}"#;
    expect(bench.of(1).child(line), []);
}

#[test]
fn a_replaced_child_does_not_keep_every_permit() {
    let mut bench = Bench::with(Limits { turns: 1, waiting_turns: 8, ..limits() });
    bench.thread(1, "a0");
    bench.thread(1, "a1");
    bench.up();
    bench.thread(2, "b");
    bench.of(1);
    bench.request(1, "turn/start", "a0");
    let mut wire = bench.wire;
    expect(bench.request(2, "turn/start", "b"), []);
    for n in 0..20 {
        let (run, next) = if n % 2 == 0 { ("a0", "a1") } else { ("a1", "a0") };
        let turn = format!("u{n}");
        bench.answer(wire, &format!(r#"{{"turn":{{"id":"{turn}"}}}}"#));
        let again = format!(r#"{{"id":{n},"method":"turn/start","params":{{"threadId":"{next}"}}}}"#);
        bench.client(1, &again);
        let shown = bench.note("turn/completed", run, &turn);
        wire = bench.wire;
        if shown.iter().any(|l| l.starts_with("child") && l.contains(r#""b""#)) {
            return;
        }
    }
    panic!("client 2 waits while client 1 was served 20 times");
}
