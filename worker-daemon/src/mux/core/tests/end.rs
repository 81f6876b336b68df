//! Drain and force.

use super::{Bench, Core, expect, limits};
use shared::control::WorkerState;

fn drain(bench: &mut Bench) -> Vec<String> {
    bench.act(Core::on_drain)
}

#[test]
fn a_drain_refuses_work_and_lets_turns_finish() {
    let mut bench = Bench::with(super::Limits { rpc_window: 1, ..limits() });
    bench.status(WorkerState::Ready);
    bench.client(2, r#"{"id":1,"method":"daemon/subscribe"}"#);
    bench.turn(1, "t", "u");
    bench.client(1, r#"{"id":1,"method":"model/list"}"#);
    bench.client(1, r#"{"id":2,"method":"model/list"}"#);
    expect(
        drain(&mut bench),
        [
            r#"1 {"id":2,"error":{"code":-32013,*"#,
            r#"2 {"method":"daemon/status","params":{"state":"draining",*"#,
        ],
    );
    expect(bench.client(1, r#"{"id":3,"method":"thread/start"}"#), [r#"1 {"id":3,"error":{"code":-32013,*"#]);
    expect(bench.answer(3, "{}"), [r#"1 {"id":1,"result":{}}"#]);
    expect(bench.note("turn/completed", "t", "u"), ["1 *"]);
    expect(bench.request(1, "thread/unsubscribe", "t"), ["child *"]);
    bench.answer(bench.wire, "{}");
    assert!(bench.core.is_idle());
}

#[test]
fn a_force_answers_everything_ends_every_turn_and_interrupts_it() {
    let mut bench = Bench::ready();
    bench.turn(1, "t", "u");
    bench.client(2, r#"{"id":1,"method":"model/list"}"#);
    drain(&mut bench);
    expect(
        bench.act(Core::on_force),
        [
            r#"1 {"method":"turn/completed",*"status":"failed"*worker_draining*"#,
            r#"child *turn/interrupt*"turnId":"u"*"#,
            "child *thread/unsubscribe*",
            r#"2 {"id":1,"error":{"code":-32011,*"#,
        ],
    );
    expect(bench.answer(3, "{}"), []);
    expect(bench.note("turn/completed", "t", "u"), []);
    bench.answer(4, "{}");
    bench.answer(5, "{}");
    assert!(bench.core.is_idle());
}

#[test]
fn a_force_without_a_child_answers_what_waits() {
    let mut bench = Bench::cold(limits());
    bench.hello(1);
    bench.client(1, r#"{"id":1,"method":"model/list"}"#);
    expect(
        bench.act(Core::on_force),
        [r#"1 {"id":1,"error":{"code":-32013,*"#, r#"1 {"id":0,"error":{"code":-32013,*"#],
    );
}
