//! Threads that are let go, by their client or for one that is gone.

use super::{Bench, expect, limits};

#[test]
fn a_departed_clients_turn_is_interrupted_and_its_thread_let_go() {
    let mut bench = Bench::ready();
    bench.turn(1, "t", "u");
    expect(
        bench.gone(1),
        [
            r#"child {"id":3,"method":"turn/interrupt","params":{"threadId":"t","turnId":"u"}}"#,
            r#"child {"id":4,"method":"thread/unsubscribe","params":{"threadId":"t"}}"#,
        ],
    );
    expect(bench.note("turn/completed", "t", "u"), []);
    assert_eq!(bench.core.turns_active(), 0);
    bench.answer(3, "{}");
    expect(bench.answer(4, "{}"), []);
    assert!(bench.core.is_idle());
}

#[test]
fn what_a_departed_client_had_waiting_is_not_sent() {
    let mut bench = Bench::with(super::Limits { rpc_window: 1, ..limits() });
    bench.client(1, r#"{"id":1,"method":"model/list"}"#);
    bench.client(1, r#"{"id":2,"method":"model/list"}"#);
    bench.gone(1);
    expect(bench.answer(1, "{}"), []);
    assert!(bench.core.is_idle());
}

#[test]
fn a_thread_started_for_a_departed_client_is_let_go() {
    let mut bench = Bench::ready();
    bench.client(1, r#"{"id":1,"method":"thread/start","params":{}}"#);
    bench.gone(1);
    expect(bench.answer(1, r#"{"thread":{"id":"t"}}"#), ["child *thread/unsubscribe*"]);
    bench.answer(2, "{}");
    assert!(bench.core.is_idle());
}

#[test]
fn a_turn_started_for_a_departed_client_is_interrupted() {
    let mut bench = Bench::ready();
    bench.thread(1, "t");
    bench.request(1, "turn/start", "t");
    expect(bench.gone(1), []);
    expect(bench.note("turn/started", "t", "u"), []);
    expect(
        bench.answer(2, r#"{"turn":{"id":"u"}}"#),
        [r#"child *turn/interrupt*"turnId":"u"*"#, "child *thread/unsubscribe*"],
    );
    bench.answer(4, "{}");
    assert_eq!(bench.core.turns_active(), 0);
}

#[test]
fn a_turn_refused_for_a_departed_client_leaves_nothing() {
    let mut bench = Bench::ready();
    bench.thread(1, "t");
    bench.request(1, "turn/start", "t");
    bench.gone(1);
    expect(bench.refuse(2), ["child *thread/unsubscribe*"]);
    bench.answer(3, "{}");
    assert!(bench.core.is_idle());
}

#[test]
fn an_unsubscribe_interrupts_the_turn_first() {
    let mut bench = Bench::ready();
    bench.turn(1, "t", "u");
    expect(
        bench.request(1, "thread/unsubscribe", "t"),
        [r#"child *turn/interrupt*"turnId":"u"*"#, r#"child {"id":4,"method":"thread/unsubscribe"*"#],
    );
    expect(bench.answer(4, "{}"), [r#"1 {"id":"thread/unsubscribe","result":{}}"#]);
    assert_eq!((bench.core.turns_active(), bench.core.threads()), (0, 0));
}

#[test]
fn an_unsubscribe_while_the_turn_starts_is_answered_at_once_and_done_later() {
    let mut bench = Bench::ready();
    bench.thread(1, "t");
    bench.request(1, "turn/start", "t");
    expect(
        bench.request(1, "thread/unsubscribe", "t"),
        [r#"1 {"id":"thread/unsubscribe","result":{"status":"unsubscribed"}}"#],
    );
    expect(
        bench.answer(2, r#"{"turn":{"id":"u"}}"#),
        [r#"1 {"id":"turn/start","result"*"#, "child *turn/interrupt*", "child *thread/unsubscribe*"],
    );
    expect(bench.note("turn/completed", "t", "u"), []);
}

#[test]
fn an_unsubscribe_withdraws_what_waits_for_its_thread() {
    let mut bench = Bench::with(super::Limits { rpc_window: 1, ..limits() });
    bench.thread(1, "t");
    bench.client(1, r#"{"id":1,"method":"model/list"}"#);
    expect(bench.request(1, "turn/start", "t"), []);
    expect(
        bench.request(1, "thread/unsubscribe", "t"),
        [r#"1 {"id":"turn/start","error":{"code":-32800,*"#, "child *thread/unsubscribe*"],
    );
}

#[test]
fn a_turn_behind_the_unsubscribe_is_not_started() {
    let mut bench = Bench::ready();
    bench.thread(1, "t");
    bench.request(1, "thread/unsubscribe", "t");
    expect(bench.request(1, "turn/start", "t"), [r#"1 {"id":"turn/start","error":{"code":-32800,*"#]);
}

#[test]
fn many_threads_are_let_go_a_few_at_a_time() {
    let mut bench = Bench::ready();
    for n in 0..100 {
        bench.thread(1, &format!("t{n}"));
    }
    assert_eq!(bench.gone(1).len(), super::super::CONTROL_WINDOW);
    let mut oldest = bench.wire + 1 - super::super::CONTROL_WINDOW as u64;
    while !bench.core.is_idle() {
        bench.answer(oldest, "{}");
        oldest += 1;
        assert!(bench.core.table.control(bench.generation) <= super::super::CONTROL_WINDOW);
    }
}

#[test]
fn a_request_that_timed_out_is_answered_once_and_a_late_thread_let_go() {
    let mut bench = Bench::ready();
    bench.client(1, r#"{"id":1,"method":"thread/start","params":{}}"#);
    bench.client(1, r#"{"id":2,"method":"model/list"}"#);
    expect(bench.tick(29), []);
    expect(bench.tick(1), [r#"1 {"id":1,"error":{"code":-32012,*"#, r#"1 {"id":2,"error":{"code":-32012,*"#]);
    expect(bench.answer(2, "{}"), []);
    expect(bench.answer(1, r#"{"thread":{"id":"t"}}"#), [r#"child {"id":3,"method":"thread/unsubscribe"*"#]);
    bench.answer(3, "{}");
    assert!(bench.core.is_idle());
}

#[test]
fn a_turn_whose_answer_is_lost_gives_its_permit_back() {
    let mut bench = Bench::ready();
    bench.thread(1, "t");
    bench.request(1, "turn/start", "t");
    expect(bench.tick(30), [r#"1 {"id":"turn/start","error":{"code":-32012,*"#]);
    assert_eq!(bench.core.turns_active(), 0);
}

/// The turn runs after all: it has a permit again, and an end.
#[test]
fn a_late_turn_is_a_turn() {
    let mut bench = Bench::ready();
    bench.thread(1, "t");
    bench.request(1, "turn/start", "t");
    let wire = bench.wire;
    bench.tick(30);
    expect(bench.answer(wire, r#"{"turn":{"id":"u"}}"#), []);
    assert_eq!(bench.core.turns_active(), 1);
    expect(bench.gone(1), ["child *turn/interrupt*", "child *thread/unsubscribe*"]);
    bench.answer(bench.wire, "{}");
    assert_eq!((bench.core.turns_active(), bench.core.threads()), (0, 0));
}

#[test]
fn an_unsubscribe_whose_answer_is_lost_is_sent_again() {
    let mut bench = Bench::ready();
    bench.thread(1, "t");
    expect(bench.gone(1), ["child *thread/unsubscribe*"]);
    expect(bench.tick(9), []);
    expect(bench.tick(1), ["child *thread/unsubscribe*"]);
    bench.answer(bench.wire, "{}");
    assert!(bench.core.is_idle());
}

/// codex answers a `turn/start` before it has begun the turn, and doesn't know it until then.
#[test]
fn an_interrupt_that_comes_too_early_is_sent_again_until_the_turn_is_known() {
    let mut bench = Bench::ready();
    bench.turn(1, "t", "u");
    expect(bench.gone(1), ["child *turn/interrupt*", "child *thread/unsubscribe*"]);
    let (interrupt, unsubscribe) = (bench.wire - 1, bench.wire);
    bench.refuse(interrupt);
    bench.answer(unsubscribe, "{}");
    assert!(!bench.core.is_idle());
    for _ in 0..3 {
        expect(bench.tick(0), [r#"child *"turn/interrupt"*"u"*"#]);
        bench.refuse(bench.wire);
    }
    expect(bench.tick(0), ["child *turn/interrupt*"]);
    bench.answer(bench.wire, "{}");
    assert!(bench.core.is_idle());
    expect(bench.tick(0), []);
}

#[test]
fn an_interrupt_is_not_repeated_for_a_turn_that_was_heard_of_nor_for_ever() {
    let mut bench = Bench::ready();
    bench.turn(1, "t", "u");
    bench.note("turn/started", "t", "u");
    bench.gone(1);
    bench.refuse(bench.wire - 1);
    bench.answer(bench.wire, "{}");
    expect(bench.tick(0), []);
    bench.turn(2, "s", "v");
    bench.gone(2);
    let (mut interrupt, unsubscribe) = (bench.wire - 1, bench.wire);
    bench.answer(unsubscribe, "{}");
    let mut sent = 0;
    loop {
        bench.refuse(interrupt);
        if bench.tick(0).is_empty() {
            break;
        }
        interrupt = bench.wire;
        sent += 1;
    }
    assert_eq!(sent, 25);
    assert!(bench.core.is_idle());
}

#[test]
fn a_lost_interrupt_is_sent_again() {
    let mut bench = Bench::ready();
    bench.turn(1, "t", "u");
    bench.note("turn/started", "t", "u");
    let shown = bench.gone(1);
    assert!(shown.iter().any(|l| l.contains("turn/interrupt")), "{shown:#?}");
    // The unsubscribe is answered, the interrupt is lost.
    let wire = bench.wire;
    bench.answer(wire, "{}");
    let shown = bench.tick(11);
    assert!(shown.iter().any(|l| l.contains("turn/interrupt")), "{shown:#?}");
}

#[test]
fn a_thread_that_got_a_new_owner_is_not_sent_off() {
    let mut bench = Bench::with(super::Limits { client_requests: 500, ..limits() });
    bench.thread(1, "t");
    for n in 0..32 {
        bench.client(
            2,
            &format!(r#"{{"id":{n},"method":"turn/interrupt","params":{{"threadId":"x","turnId":"x"}}}}"#),
        );
    }
    let last = bench.wire;
    bench.gone(1);
    bench.child(r#"{"method":"thread/closed","params":{"threadId":"t"}}"#);
    bench.client(2, r#"{"id":"r","method":"thread/resume","params":{"threadId":"t"}}"#);
    let wire = bench.wire;
    bench.answer(wire, r#"{"thread":{"id":"t"}}"#);
    let shown = bench.answer(last, "{}");
    assert!(!shown.iter().any(|l| l.contains("thread/unsubscribe")), "{shown:#?}");
}
