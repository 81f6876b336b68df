//! The death of the child, and the next one.

use super::{Bench, expect, limits};
use shared::control::WorkerState;

#[test]
fn what_was_in_flight_is_answered_once_and_running_turns_get_an_end() {
    let mut bench = Bench::ready();
    bench.turn(1, "t", "u");
    bench.client(2, r#"{"id":1,"method":"model/list"}"#);
    expect(
        bench.down(),
        [
            r#"2 {"id":1,"error":{"code":-32011,*"#,
            r#"1 {"method":"turn/completed","params":{"threadId":"t","turn":{"id":"u",*"status":"failed",*"additionalDetails":"worker_restarted"}}}}"#,
            r#"1 {"method":"thread/closed","params":{"threadId":"t"}}"#,
        ],
    );
    expect(bench.up(), []);
    expect(bench.answer(3, "{}"), []);
}

/// Otherwise whoever tells of the lost turn would say that codex is ready.
#[test]
fn who_is_told_of_lost_work_knows_already_that_there_is_no_child() {
    let mut bench = Bench::ready();
    bench.client(1, r#"{"id":"s","method":"daemon/subscribe"}"#);
    bench.status(WorkerState::Ready);
    bench.turn(1, "t", "u");
    bench.client(2, r#"{"id":1,"method":"model/list"}"#);
    expect(
        bench.down(),
        [
            r#"1 {"method":"daemon/status","params":{"state":"starting",*"pid":null,*"#,
            r#"2 {"id":1,"error":{"code":-32011,*"#,
            "1 *turn/completed*",
            "1 *thread/closed*",
        ],
    );
    // A child that was replaced changes nothing of that.
    bench.up();
    bench.status(WorkerState::Ready);
    bench.up();
    expect(bench.of(2).down(), []);
    bench.act(|core, now, out| core.on_drain(now, out));
    expect(bench.of(3).down(), [r#"1 {"method":"daemon/status","params":{"state":"stopped",*"#]);
}

#[test]
fn a_turn_that_was_being_started_gets_its_error_and_no_made_up_end() {
    let mut bench = Bench::ready();
    bench.thread(1, "t");
    bench.request(1, "turn/start", "t");
    expect(bench.down(), [r#"1 {"id":"turn/start","error":{"code":-32011,*"#, "1 *thread/closed*"]);
}

#[test]
fn what_is_made_up_respects_opt_outs() {
    let mut bench = Bench::ready();
    bench.connect(3);
    bench.client(
        3,
        r#"{"id":0,"method":"initialize","params":{"clientInfo":{"name":"t","version":"1"},"capabilities":{"optOutNotificationMethods":["turn/completed","thread/closed"]}}}"#,
    );
    bench.turn(3, "t", "u");
    expect(bench.down(), []);
}

#[test]
fn what_waits_survives_an_immediate_restart_but_for_what_names_a_dead_thread() {
    let mut bench = Bench::with(super::Limits { rpc_window: 1, ..limits() });
    bench.thread(1, "t");
    bench.client(1, r#"{"id":1,"method":"model/list"}"#);
    bench.client(1, r#"{"id":2,"method":"account/read"}"#);
    bench.request(1, "turn/start", "t");
    expect(
        bench.down(),
        [
            r#"1 {"id":1,"error":{"code":-32011,*"#,
            r#"1 {"id":"turn/start","error":{"code":-32011,*"#,
            "1 *thread/closed*",
        ],
    );
    expect(bench.status(WorkerState::Starting), []);
    expect(bench.client(2, r#"{"id":1,"method":"model/list"}"#), []);
    expect(bench.up(), ["child *account/read*"]);
}

#[test]
fn in_backoff_what_waits_and_what_comes_is_refused() {
    let mut bench = Bench::with(super::Limits { rpc_window: 1, ..limits() });
    bench.client(1, r#"{"id":1,"method":"model/list"}"#);
    bench.client(1, r#"{"id":2,"method":"model/list"}"#);
    bench.down();
    expect(bench.status(WorkerState::Backoff), [r#"1 {"id":2,"error":{"code":-32010,*"#]);
    expect(bench.client(1, r#"{"id":3,"method":"model/list"}"#), [r#"1 {"id":3,"error":{"code":-32010,*"#]);
    expect(bench.hello(3), [r#"3 {"id":0,"result"*"#]);
}

#[test]
fn a_departed_clients_threads_die_with_the_child() {
    let mut bench = Bench::ready();
    bench.turn(1, "t", "u");
    bench.gone(1);
    expect(bench.down(), []);
    assert!(bench.core.is_idle());
    expect(bench.up(), []);
}

#[test]
fn wire_ids_go_on_with_the_next_child() {
    let mut bench = Bench::ready();
    bench.client(1, r#"{"id":1,"method":"model/list"}"#);
    bench.down();
    bench.up();
    expect(bench.client(1, r#"{"id":1,"method":"model/list"}"#), [r#"child {"id":2,*"#]);
}
