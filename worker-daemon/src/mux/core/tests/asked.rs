//! What the child asks.

use super::{Bench, expect};

const CALL: &str = r#"{"method":"item/tool/call","id":7,"params":{"threadId":"t","tool":"x"}}"#;

#[test]
fn the_owner_is_asked_and_its_answer_goes_back_with_the_childs_id() {
    let mut bench = Bench::ready();
    bench.turn(1, "t", "u");
    expect(
        bench.child(CALL),
        [r#"1 {"method":"item/tool/call","id":1,"params":{"threadId":"t","tool":"x"}}"#],
    );
    expect(bench.client(1, r#"{"result":{"ok":1},"id":1}"#), [r#"child {"result":{"ok":1},"id":7}"#]);
    expect(bench.client(1, r#"{"result":{"ok":1},"id":1}"#), []);
}

#[test]
fn ids_of_the_child_come_back_as_they_were_written() {
    let mut bench = Bench::ready();
    bench.turn(1, "t", "u");
    bench.child(&CALL.replace('7', r#""a b""#));
    expect(
        bench.client(1, r#"{"id":1,"error":{"code":1,"message":"no"}}"#),
        [r#"child {"id":"a b","error":{"code":1,"message":"no"}}"#],
    );
}

#[test]
fn an_answer_of_another_client_is_ignored() {
    let mut bench = Bench::ready();
    bench.turn(1, "t", "u");
    bench.child(CALL);
    expect(bench.client(2, r#"{"id":1,"result":{}}"#), []);
    expect(bench.client(1, r#"{"id":1,"result":{}}"#), [r#"child {"id":7,"result":{}}"#]);
}

#[test]
fn without_an_owner_it_is_declined() {
    let mut bench = Bench::ready();
    expect(bench.child(CALL), [r#"child {"id":7,"result":{*"success":false}}"#]);
    expect(
        bench.child(r#"{"id":8,"method":"item/fileChange/requestApproval","params":{}}"#),
        [r#"child {"id":8,"result":{"decision":"decline"}}"#],
    );
    expect(
        bench.child(r#"{"id":"q","method":"new/thing"}"#),
        [r#"child {"id":"q","error":{"code":-32601,*"#],
    );
}

#[test]
fn when_the_owner_goes_it_is_declined_before_the_turn_is_interrupted() {
    let mut bench = Bench::ready();
    bench.turn(1, "t", "u");
    bench.child(CALL);
    expect(
        bench.gone(1),
        [
            r#"child {"id":7,"result":{*"success":false}}"#,
            "child *turn/interrupt*",
            "child *thread/unsubscribe*",
        ],
    );
}

#[test]
fn what_a_turn_asked_ends_with_it() {
    let mut bench = Bench::ready();
    bench.turn(1, "t", "u");
    bench.child(CALL);
    bench.note("turn/completed", "t", "u");
    expect(bench.client(1, r#"{"id":1,"result":{}}"#), []);
    expect(bench.gone(1), ["child *thread/unsubscribe*"]);
}

#[test]
fn an_answer_for_a_child_that_is_gone_goes_nowhere() {
    let mut bench = Bench::ready();
    bench.turn(1, "t", "u");
    bench.child(CALL);
    bench.down();
    bench.up();
    expect(bench.client(1, r#"{"id":1,"result":{}}"#), []);
}
