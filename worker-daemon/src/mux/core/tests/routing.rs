//! Whose notification is this, and who may speak about a thread.

use super::{Bench, expect};

#[test]
fn a_notification_goes_to_the_owner_alone() {
    let mut bench = Bench::ready();
    bench.thread(1, "ta");
    bench.thread(2, "tb");
    expect(
        bench.note("item/x", "tb", "u"),
        [r#"2 {"method":"item/x","params":{"threadId":"tb","turn":{"id":"u"}}}"#],
    );
    expect(bench.note("item/x", "ta", "u"), ["1 *"]);
    expect(bench.note("item/x", "nobodys", "u"), []);
}

#[test]
fn what_comes_before_the_answer_to_thread_start_is_held_until_then() {
    let mut bench = Bench::ready();
    bench.client(1, r#"{"id":1,"method":"thread/start","params":{}}"#);
    bench.client(2, r#"{"id":2,"method":"thread/start","params":{}}"#);
    expect(bench.child(r#"{"method":"thread/started","params":{"thread":{"id":"tb"}}}"#), []);
    expect(bench.note("item/x", "tb", "u"), []);
    expect(bench.answer(1, r#"{"thread":{"id":"ta"}}"#), ["1 *"]);
    expect(
        bench.answer(2, r#"{"thread":{"id":"tb"}}"#),
        [r#"2 {"id":2,"result"*"#, "2 *thread/started*", "2 *item/x*"],
    );
    expect(bench.note("item/x", "tb", "u"), ["2 *"]);
}

#[test]
fn what_is_held_for_no_thread_is_forgotten_though_others_are_being_made() {
    let mut bench = Bench::ready();
    bench.client(1, r#"{"id":1,"method":"thread/start","params":{}}"#);
    bench.note("item/x", "closed", "u");
    bench.client(1, r#"{"id":2,"method":"thread/start","params":{}}"#);
    bench.note("item/x", "tb", "u");
    bench.answer(1, r#"{"thread":{"id":"ta"}}"#);
    assert_eq!(bench.core.held.len(), 1);
    expect(bench.answer(2, r#"{"thread":{"id":"tb"}}"#), ["1 *", "1 *item/x*"]);
    assert!(bench.core.held.is_empty());
}

#[test]
fn what_is_held_is_bounded_and_ends_with_the_client() {
    let mut bench = Bench::ready();
    bench.client(1, r#"{"id":1,"method":"thread/start","params":{}}"#);
    for n in 0..2000 {
        bench.note("item/x", &format!("t{n}"), "u");
    }
    assert_eq!(bench.core.held.len(), super::super::HELD_NOTIFICATIONS);
    bench.gone(1);
    assert!(bench.core.held.is_empty());
}

#[test]
fn a_thread_of_another_connection_is_refused() {
    let mut bench = Bench::ready();
    bench.thread(1, "t");
    for method in ["turn/start", "turn/interrupt", "thread/unsubscribe", "thread/read", "thread/resume"] {
        expect(bench.request(2, method, "t"), [&format!(r#"2 {{"id":"{method}","error":{{"code":-32014,*"#)]);
    }
    expect(
        bench.client(2, r#"{"id":1,"method":"turn/start","params":{"thread\u0049d":"t"}}"#),
        [r#"2 {"id":1,"error":{"code":-32014,*"#],
    );
    expect(
        bench.client(2, r#"{"id":1,"method":"turn/start","params":{"threadId":"mine","threadId":"t"}}"#),
        [r#"2 {"id":1,"error":{"code":-32600,*"#],
    );
}

#[test]
fn of_two_that_resume_a_thread_the_first_gets_it() {
    let mut bench = Bench::ready();
    bench.request(1, "thread/resume", "t");
    bench.request(2, "thread/resume", "t");
    expect(bench.answer(1, r#"{"thread":{"id":"t"}}"#), ["1 *result*"]);
    expect(
        bench.answer(2, r#"{"thread":{"id":"t"}}"#),
        [r#"2 {"id":"thread/resume","error":{"code":-32014,*"#],
    );
    expect(bench.note("item/x", "t", "u"), ["1 *"]);
}

#[test]
fn a_resume_of_a_departed_client_does_not_let_anothers_thread_go() {
    let mut bench = Bench::ready();
    bench.request(1, "thread/resume", "t");
    bench.request(2, "thread/resume", "t");
    bench.answer(1, r#"{"thread":{"id":"t"}}"#);
    expect(bench.gone(2), []);
    expect(bench.answer(2, r#"{"thread":{"id":"t"}}"#), []);
    expect(bench.note("item/x", "t", "u"), ["1 *"]);
}

#[test]
fn a_resumed_thread_is_its_owners_still() {
    let mut bench = Bench::ready();
    bench.thread(1, "t");
    bench.request(1, "thread/resume", "t");
    expect(bench.answer(bench.wire, r#"{"thread":{"id":"t"}}"#), ["1 *result*"]);
    expect(bench.note("item/x", "t", "u"), ["1 *"]);
}

#[test]
fn echoes_of_injected_items_are_dropped_and_the_models_items_are_not() {
    let mut bench = Bench::ready();
    bench.turn(1, "t", "u");
    let raw = |turn| {
        format!(
            r#"{{"method":"rawResponseItem/completed","params":{{"threadId":"t","turnId":"{turn}","item":{{}}}}}}"#
        )
    };
    expect(bench.child(&raw("auto-compact-0")), []);
    expect(bench.child(&raw("u")), ["1 *rawResponseItem*"]);
    bench.note("turn/completed", "t", "u");
    expect(bench.child(&raw("u")), []);
}

#[test]
fn the_notification_that_ends_a_thread_reaches_its_owner_and_nothing_after_it() {
    let mut bench = Bench::ready();
    bench.thread(1, "t");
    expect(bench.child(r#"{"method":"thread/closed","params":{"threadId":"t"}}"#), ["1 *thread/closed*"]);
    expect(bench.note("item/x", "t", "u"), []);
    assert!(bench.core.is_idle());
}

#[test]
fn a_line_of_the_child_that_is_no_message_is_reported() {
    let mut bench = Bench::ready();
    let generation = bench.generation;
    bench
        .act(|core, now, out| assert!(!core.on_child(generation, bytes::Bytes::from_static(b"{"), now, out)));
}

#[test]
fn a_turn_that_is_to_end_with_the_models_calls_is_interrupted_when_its_answer_is_complete() {
    let raw = |kind: &str| {
        format!(
            r#"{{"method":"rawResponseItem/completed","params":{{"threadId":"t","turnId":"u","item":{{"type":"{kind}"}}}}}}"#
        )
    };
    let complete = r#"{"method":"rawResponse/completed","params":{"threadId":"t","turnId":"u","usage":{}}}"#;
    for (once, kind, interrupted) in
        [("true", "function_call", true), ("true", "message", false), ("false", "function_call", false)]
    {
        let mut bench = Bench::ready();
        bench.thread(1, "t");
        let start = format!(
            r#"{{"id":9,"method":"turn/start","params":{{"threadId":"t","input":[]}},"once":{once}}}"#
        );
        expect(bench.client(1, &start), ["child *turn/start*"]);
        expect(bench.answer(bench.wire, r#"{"turn":{"id":"u"}}"#), ["1 *"]);
        expect(bench.child(&raw(kind)), ["1 *rawResponseItem*"]);
        let mut expected = vec!["1 *rawResponse/completed*"];
        if interrupted {
            expected.insert(0, r#"child *"turn/interrupt"*"turnId":"u"*"#);
        }
        let got = bench.child(complete);
        assert_eq!(got.len(), expected.len(), "{once} {kind}: {got:?}");
        for (line, pattern) in got.iter().zip(expected) {
            let word = pattern.split('*').nth(1).unwrap_or_default();
            assert!(line.contains(word), "{once} {kind}: {line}");
        }
    }
}

/// The front asks for the same when it hears of the call. codex would know no such turn any more, which is no error.
#[test]
fn an_interrupt_of_a_turn_that_was_interrupted_for_its_calls_is_answered_here() {
    let call = r#"{"method":"rawResponseItem/completed","params":{"threadId":"t","turnId":"u","item":{"type":"function_call"}}}"#;
    let complete = r#"{"method":"rawResponse/completed","params":{"threadId":"t","turnId":"u","usage":{}}}"#;
    let ended =
        r#"{"method":"turn/completed","params":{"threadId":"t","turn":{"id":"u","status":"interrupted"}}}"#;
    let interrupt = |turn: &str| {
        format!(r#"{{"id":"i","method":"turn/interrupt","params":{{"threadId":"t","turnId":"{turn}"}}}}"#)
    };
    for over in [false, true] {
        let mut bench = Bench::ready();
        bench.thread(1, "t");
        bench.client(1, r#"{"id":9,"method":"turn/start","params":{"threadId":"t","input":[]},"once":true}"#);
        bench.answer(bench.wire, r#"{"turn":{"id":"u"}}"#);
        bench.child(call);
        bench.child(complete);
        let interrupted = bench.wire;
        if over {
            bench.answer(interrupted, "{}");
            bench.child(ended);
        }
        expect(bench.client(2, &interrupt("u")), ["2 *-32014*"]);
        expect(bench.client(1, &interrupt("u")), [r#"1 {"id":"i","result":{}}"#]);
        expect(bench.client(1, &interrupt("other")), ["child *turn/interrupt*other*"]);
        expect(bench.request(1, "thread/unsubscribe", "t"), ["child *thread/unsubscribe*"]);
        if !over {
            // The daemon's own is still on its way, and goes again where codex was too busy for it.
            let busy = format!(r#"{{"id":{interrupted},"error":{{"code":-32001,"message":""}}}}"#);
            expect(bench.child(&busy), []);
            expect(bench.tick(0), [r#"child *turn/interrupt*"turnId":"u"*"#]);
        }
        assert_eq!(
            bench.core.observe().counts.errors().map(|(_, count)| count).sum::<u64>(),
            1,
            "the stranger's"
        );
    }
}
