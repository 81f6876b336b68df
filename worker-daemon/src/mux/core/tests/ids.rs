//! Ids, and lines that are no requests.

use super::{Bench, expect};

#[test]
fn ids_are_remapped_and_come_back_as_they_were_written() {
    let mut bench = Bench::ready();
    for (n, id) in
        [r#""a""#, "7", "-1", "1e3", "1.0", r#""\u0041""#, "18446744073709551616"].iter().enumerate()
    {
        let wire = n + 1;
        expect(
            bench.client(1, &format!(r#"{{"method":"model/list","id": {id} ,"params":{{"limit":9}}}}"#)),
            [&format!(r#"child {{"method":"model/list","id": {wire} ,"params":{{"limit":9}}}}"#)],
        );
        expect(
            bench.child(&format!(r#"{{"id":{wire},"result":{{"id":{wire}}}}}"#)),
            [&format!(r#"1 {{"id":{id},"result":{{"id":{wire}}}}}"#)],
        );
    }
}

#[test]
fn two_clients_may_use_the_same_id() {
    let mut bench = Bench::ready();
    bench.client(1, r#"{"id":5,"method":"model/list"}"#);
    bench.client(2, r#"{"id":5,"method":"model/list"}"#);
    expect(bench.answer(2, r#""b""#), [r#"2 {"id":5,"result":"b"}"#]);
    expect(bench.answer(1, r#""a""#), [r#"1 {"id":5,"result":"a"}"#]);
}

#[test]
fn an_id_in_flight_is_refused_and_free_again_once_answered() {
    let mut bench = Bench::ready();
    bench.client(1, r#"{"id":5,"method":"model/list"}"#);
    expect(
        bench.client(1, r#"{"id":5,"method":"model/list"}"#),
        [r#"1 {"id":5,"error":{"code":-32600,*in flight*"#],
    );
    bench.answer(1, "{}");
    expect(bench.client(1, r#"{"id":5,"method":"model/list"}"#), [r#"child {"id":2,*"#]);
}

#[test]
fn an_error_of_the_child_goes_back_unchanged() {
    let mut bench = Bench::ready();
    bench.client(1, r#"{"id":"x","method":"model/list"}"#);
    expect(bench.refuse(1), [r#"1 {"id":"x","error":{"code":-1,"message":"no"}}"#]);
}

#[test]
fn an_answer_is_taken_once_and_only_from_the_child_that_was_asked() {
    let mut bench = Bench::ready();
    bench.client(1, r#"{"id":5,"method":"model/list"}"#);
    for line in [r#"{"id":9,"result":1}"#, r#"{"id":"1","result":1}"#, r#"{"id":null,"result":1}"#] {
        expect(bench.child(line), []);
    }
    bench.generation.0 += 1;
    expect(bench.answer(1, "1"), []);
    bench.generation.0 -= 1;
    expect(bench.answer(1, "1"), [r#"1 {"id":5,"result":1}"#]);
    expect(bench.answer(1, "1"), []);
}

#[test]
fn strange_ids_are_refused() {
    let mut bench = Bench::ready();
    let long = format!(r#""{}""#, "x".repeat(300));
    for id in ["null", "{}", "[1]", "true", &long] {
        expect(
            bench.client(1, &format!(r#"{{"id":{id},"method":"model/list"}}"#)),
            [r#"1 {"id":null,"error":{"code":-32600,*"#],
        );
    }
}

#[test]
fn a_line_that_is_no_message_is_answered_with_the_id_null() {
    let mut bench = Bench::ready();
    expect(bench.client(1, "{nonsense"), [r#"1 {"id":null,"error":{"code":-32700,*"#]);
    expect(bench.client(1, "{}"), [r#"1 {"id":null,"error":{"code":-32600,*"#]);
    expect(
        bench.act(|core, _, out| core.on_overlong(shared::id::ConnId(1), 10, out)),
        [r#"1 {"id":null,"error":{"code":-32600,*10 bytes*"#],
    );
}

#[test]
fn params_that_are_no_object_are_refused_for_they_could_name_any_thread() {
    let mut bench = Bench::ready();
    for params in [r#"["t"]"#, r#""t""#, "1", "-1", "1.5", "true"] {
        expect(
            bench.client(1, &format!(r#"{{"id":1,"method":"turn/start","params":{params}}}"#)),
            [r#"1 {"id":1,"error":{"code":-32602,*"#],
        );
    }
    expect(bench.client(1, r#"{"id":1,"method":"model/list","params":null}"#), ["child *"]);
}

#[test]
fn methods_off_the_list_and_too_many_requests_are_refused() {
    let mut bench = Bench::ready();
    expect(bench.client(1, r#"{"id":1,"method":"command/exec"}"#), [r#"1 {"id":1,"error":{"code":-32014,*"#]);
    for id in 0..16 {
        bench.client(1, &format!(r#"{{"id":{id},"method":"model/list"}}"#));
    }
    expect(bench.client(1, r#"{"id":99,"method":"model/list"}"#), [r#"1 {"id":99,"error":{"code":-32001,*"#]);
    // What frees resources still passes, and so does another client.
    expect(bench.request(1, "thread/unsubscribe", "t"), ["child *unsubscribe*"]);
    expect(bench.client(2, r#"{"id":99,"method":"daemon/status"}"#), [r#"2 {"id":99,"result"*"#]);
}

#[test]
fn what_the_child_could_not_read_is_refused_with_its_id_and_goes_no_further() {
    let mut bench = Bench::ready();
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for value in [r#""\ud800""#, "1e999", &deep, r#"{"$serde_json::private::RawValue":"1"}"#] {
        for line in [
            format!(r#"{{"id":5,"method":"thread/inject_items","params":{{"items":{value}}}}}"#),
            format!(r#"{{"id":5,"method":"model/list","more":{value}}}"#),
        ] {
            expect(bench.client(1, &line), [r#"1 {"id":5,"error":{"code":-32*"#]);
        }
    }
    expect(bench.client(1, r#"{"id":5,"method":"model/list"}"#), ["child *"]);
}

#[test]
fn what_the_policy_refuses_goes_no_further() {
    let mut bench = Bench::ready();
    expect(
        bench.client(1, r#"{"id":5,"method":"thread/start","params":{"config":{"notify":["touch","x"]}}}"#),
        [r#"1 {"id":5,"error":{"code":-32014,*config.notify*"#],
    );
    expect(bench.client(1, r#"{"id":5,"method":"thread/start","params":{}}"#), ["child *"]);
}
