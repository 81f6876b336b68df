//! The daemon's own methods, and callers behind one connection.

use super::{Bench, Core, Limits, expect, limits};
use crate::mux::action::{Order, Reason};
use shared::{
    control::{ModelInfo, Models},
    id::ConnId,
};
use std::sync::Arc;

#[test]
fn a_restart_is_answered_when_the_fresh_child_is_there() {
    let mut bench = Bench::ready();
    expect(bench.client(1, r#"{"id":"r","method":"daemon/restart"}"#), []);
    assert_eq!(bench.orders, [Order::Replace(Reason::Request)]);
    expect(
        bench.act(|core, now, out| core.on_replaced(Ok(()), now, out)),
        [r#"1 {"id":"r","result":{"state":*"#],
    );
    bench.client(1, r#"{"id":"r","method":"daemon/restart"}"#);
    expect(
        bench.act(|core, now, out| core.on_replaced(Err("it exited with code 7"), now, out)),
        [r#"1 {"id":"r","error":{"code":-32015,*it exited with code 7"*"#],
    );
}

#[test]
fn only_operators_restart_and_drain() {
    let mut bench = Bench::ready();
    bench.core.on_connected(ConnId(3), false);
    for method in ["daemon/restart", "daemon/drain"] {
        let line = format!(r#"{{"id":1,"method":"{method}"}}"#);
        expect(bench.client(3, &line), [r#"3 {"id":1,"error":{"code":-32014,*"#]);
    }
    assert_eq!(bench.orders, []);
    expect(bench.client(3, r#"{"id":1,"method":"daemon/status"}"#), [r#"3 {"id":1,"result":*"#]);
    expect(bench.client(1, r#"{"id":1,"method":"daemon/drain"}"#), [r#"1 {"id":1,"result":*"#]);
    assert_eq!(bench.orders, [Order::Drain]);
}

#[test]
fn a_restart_in_a_drain_is_refused() {
    let mut bench = Bench::ready();
    bench.client(1, r#"{"id":"r","method":"daemon/restart"}"#);
    expect(bench.act(Core::on_drain), [r#"1 {"id":"r","error":{"code":-32015,*"#]);
    expect(
        bench.client(1, r#"{"id":"r","method":"daemon/restart"}"#),
        [r#"1 {"id":"r","error":{"code":-32013,*"#],
    );
}

#[test]
fn the_status_tells_what_goes_on() {
    let mut bench = Bench::ready();
    bench.turn(1, "t", "u");
    bench.tick(7);
    expect(
        bench.client(2, r#"{"id":1,"method":"daemon/status"}"#),
        [
            r#"2 *"uptimeMs":7000,"load":{"clients":2,"threads":1,"turns":1,"waitingTurns":0,"unanswered":0,"tombstones":0,"retiring":0,"rssBytes":null}*"#,
        ],
    );
}

fn open(bench: &mut Bench, caller: &str, id: u64) -> Vec<String> {
    bench.client(1, &format!(r#"{{"id":{id},"caller":"{caller}","method":"model/list"}}"#))
}

#[test]
fn callers_behind_one_connection_are_served_in_turn() {
    let mut bench = Bench::with(Limits { rpc_window: 1, ..limits() });
    for id in 1..=4 {
        open(&mut bench, "many", id);
    }
    open(&mut bench, "one", 9);
    let mut order = Vec::new();
    for _ in 0..5 {
        let shown = bench.answer(bench.wire, "{}");
        order.push(shown[0].split(',').next().unwrap_or_default().to_owned());
    }
    assert_eq!(order, [r#"1 {"id":1"#, r#"1 {"id":2"#, r#"1 {"id":9"#, r#"1 {"id":3"#, r#"1 {"id":4"#]);
}

#[test]
fn a_full_line_takes_from_who_has_most_in_it() {
    let mut bench = Bench::with(Limits { turns: 1, waiting_turns: 3, ..limits() });
    bench.turn(1, "runs", "u");
    let mut start = |caller: &str, thread: &str| {
        bench.thread(1, thread);
        let params = format!(r#"{{"threadId":"{thread}"}}"#);
        bench.client(
            1,
            &format!(r#"{{"id":"{thread}","caller":"{caller}","method":"turn/start","params":{params}}}"#),
        )
    };
    for thread in ["a1", "a2", "a3"] {
        expect(start("a", thread), []);
    }
    expect(start("a", "a4"), [r#"1 {"id":"a4","error":{"code":-32001,*"retryAfterMs":1000}}}"#]);
    expect(start("b", "b1"), [r#"1 {"id":"a3","error":{"code":-32001,*"#]);
    expect(start("b", "b2"), [r#"1 {"id":"b2","error":{"code":-32001,*"#]);
    expect(bench.note("turn/completed", "runs", "u"), ["1 *turn/completed*", r#"child *"turn/start"*"a1"*"#]);
}

#[test]
fn a_caller_that_is_no_short_string_is_refused() {
    let mut bench = Bench::ready();
    let long = format!(r#""{}""#, "x".repeat(129));
    for caller in ["7", "null", "[]", &long] {
        let line = format!(r#"{{"id":1,"method":"model/list","caller":{caller}}}"#);
        if caller == "null" {
            expect(bench.client(1, &line), [r#"child *"model/list"*"#]);
            bench.answer(bench.wire, "{}");
        } else {
            expect(bench.client(1, &line), [r#"1 {"id":1,"error":{"code":-32600,*caller*"#]);
        }
    }
}

#[test]
fn many_caller_names_do_not_take_the_whole_waiting_line() {
    let mut bench = Bench::with(Limits { turns: 1, waiting_turns: 4, ..limits() });
    bench.turn(1, "run", "u");
    bench.thread(1, "a");
    bench.thread(2, "b");
    for n in 0..4 {
        let line =
            format!(r#"{{"id":{n},"method":"turn/start","caller":"c{n}","params":{{"threadId":"a"}}}}"#);
        expect(bench.client(1, &line), []);
    }
    // Client 2 has nothing waiting; client 1 has four.
    let shown = bench.request(2, "turn/start", "b");
    assert!(!shown.iter().any(|l| l.starts_with("2 ") && l.contains("-32001")), "{shown:#?}");
}

#[test]
fn a_restart_is_answered_when_the_end_is_forced_at_once() {
    let mut bench = Bench::ready();
    expect(bench.client(1, r#"{"id":7,"method":"daemon/restart"}"#), []);
    let shown = bench.act(Core::on_force);
    assert!(shown.iter().any(|l| l.starts_with(r#"1 {"id":7"#)), "{shown:#?}");
}

#[test]
fn the_models_are_told_to_everybody_whether_a_child_is_there_or_not() {
    let told = |model: &str| {
        let info = ModelInfo { model: model.into(), context_window: Some(7), ..ModelInfo::default() };
        Arc::new(Models { models: vec![info] })
    };
    let mut bench = Bench::cold(limits());
    bench.connect(3);
    expect(bench.client(3, r#"{"id":1,"method":"daemon/models"}"#), [r#"3 {"id":1,"result":{"models":[]}}"#]);
    bench.core.on_models(told("a"));
    expect(
        bench.client(3, r#"{"id":2,"method":"daemon/models","params":{}}"#),
        [r#"3 {"id":2,"result":{"models":[{"model":"a",*"contextWindow":7,*"#],
    );
    bench.up();
    bench.core.on_models(told("b"));
    bench.down();
    expect(bench.client(3, r#"{"id":3,"method":"daemon/models"}"#), [r#"3 {"id":3,*"model":"b",*"#]);
}
