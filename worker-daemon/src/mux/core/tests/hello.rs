//! `initialize`, and the daemon's own methods.

use super::{Bench, HELLO, expect, limits};
use shared::control::WorkerState;

#[test]
fn nothing_is_served_before_initialize() {
    let mut bench = Bench::ready();
    bench.connect(3);
    expect(
        bench.client(3, r#"{"id":1,"method":"model/list"}"#),
        [r#"3 {"id":1,"error":{"code":-32600,"message":"Not initialized"}}"#],
    );
}

#[test]
fn initialize_is_answered_with_the_childs_own_answer() {
    let mut bench = Bench::ready();
    expect(bench.hello(3), [r#"3 {"id":0,"result":{"userAgent":"t/0.169.0 (x)"}}"#]);
    expect(bench.client(3, HELLO), [r#"3 {"id":0,"error":{"code":-32600,"message":"Already initialized"}}"#]);
}

#[test]
fn initialize_and_what_is_pipelined_behind_it_wait_for_the_handshake() {
    let mut bench = Bench::cold(limits());
    expect(bench.hello(1), []);
    expect(bench.client(1, r#"{"method":"initialized"}"#), []);
    expect(bench.client(1, r#"{"id":1,"method":"model/list"}"#), []);
    expect(bench.up(), [r#"1 {"id":0,"result"*"#, r#"child {"id":1,"method":"model/list"}"#]);
}

#[test]
fn initialize_that_waited_too_long_takes_what_is_behind_it_along() {
    let mut bench = Bench::cold(limits());
    bench.hello(1);
    bench.tick(29);
    bench.client(1, r#"{"id":1,"method":"model/list"}"#);
    expect(bench.tick(1), [r#"1 {"id":0,"error":{"code":-32010*"#, r#"1 {"id":1,"error":{"code":-32010*"#]);
    expect(bench.up(), []);
}

#[test]
fn initialize_needs_to_say_who_connects() {
    let mut bench = Bench::ready();
    bench.connect(3);
    expect(
        bench.client(3, r#"{"id":1,"method":"initialize","params":{}}"#),
        [r#"3 {"id":1,"error":{"code":-32602,*"#],
    );
    expect(bench.client(3, HELLO), [r#"3 {"id":0,"result"*"#]);
}

#[test]
fn an_initialize_is_bounded_and_may_be_tried_again() {
    let hello = |names: Vec<String>| {
        let capabilities = serde_json::json!({ "optOutNotificationMethods": names });
        let params = serde_json::json!({ "clientInfo": { "name": "t", "version": "1" }, "capabilities": capabilities });
        serde_json::json!({ "id": 0, "method": "initialize", "params": params }).to_string()
    };
    let names = |n: usize| hello((0..n).map(|i| format!("item/{i}")).collect());
    let of_bytes = |n: usize| {
        let empty = hello(vec![String::new()]).len();
        let line = hello(vec!["x".repeat(n - empty)]);
        assert_eq!(line.len(), n);
        line
    };
    let mut bench = Bench::ready();
    bench.connect(3);
    let why = "Invalid params: `capabilities.optOutNotificationMethods` has more than 256 names";
    let refused = format!(r#"3 {{"id":0,"error":{{"code":-32602,"message":"{why}"}}}}"#);
    expect(bench.client(3, &names(257)), [&refused]);
    let why = "Invalid params: `params`: an initialize is at most 65536 bytes";
    let refused = format!(r#"3 {{"id":0,"error":{{"code":-32602,"message":"{why}"}}}}"#);
    expect(bench.client(3, &of_bytes(65537)), [&refused]);
    expect(bench.client(3, &names(256)), [r#"3 {"id":0,"result"*"#]);
    bench.connect(4);
    expect(bench.client(4, &of_bytes(65536)), [r#"4 {"id":0,"result"*"#]);
}

#[test]
fn opt_outs_are_each_clients_own() {
    let mut bench = Bench::ready();
    bench.connect(3);
    bench.client(
        3,
        r#"{"id":0,"method":"initialize","params":{"clientInfo":{"name":"t","version":"1"},"capabilities":{"optOutNotificationMethods":["account/updated","item/x"]}}}"#,
    );
    let line = r#"{"method":"account/updated","params":{}}"#;
    expect(bench.child(line), [&format!("1 {line}"), &format!("2 {line}")]);
    bench.thread(3, "t");
    expect(bench.note("item/x", "t", "u"), []);
    expect(bench.note("item/y", "t", "u"), ["3 *item/y*"]);
}

#[test]
fn the_status_is_told_before_initialize_and_then_on_every_change() {
    let mut bench = Bench::cold(limits());
    bench.connect(1);
    bench.connect(2);
    expect(
        bench.client(1, r#"{"id":1,"method":"daemon/subscribe"}"#),
        [r#"1 {"id":1,"result":{"state":"starting",*"seq":0}}"#],
    );
    expect(
        bench.client(2, r#"{"id":1,"method":"daemon/status"}"#),
        [r#"2 {"id":1,"result":{"state":"starting",*"#],
    );
    expect(
        bench.status(WorkerState::Ready),
        [r#"1 {"method":"daemon/status","params":{"state":"ready",*"seq":1}}"#],
    );
    expect(bench.gone(1), []);
    expect(bench.status(WorkerState::Backoff), []);
}
