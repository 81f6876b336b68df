//! Tests of what an agent's answer is.

use super::*;
use crate::schema::Level;
use crate::translate::work::{Ended, Kind as Work, Seen};

fn agent(shape: Shape, stream: bool) -> Gather {
    let expect = Expect { shape, agent: true, reasoning: true, ..Expect::default() };
    Gather::new(Arc::new(expect), "chatcmpl-0", 0, stream)
}

fn ran(id: &str, exit_code: Option<i32>) -> Delta {
    let ended = exit_code.map(|code| Ended { ok: code == 0, exit_code, duration_ms: Some(1) });
    Delta::Command(Seen::Item { id: id.into(), kind: Work::Command, name: "ls".into(), ended })
}

#[test]
fn all_messages_arrive_work_is_listed_and_usage_is_the_sum() {
    let mut gather = agent(Shape::Text, true);
    let deltas = [
        message("let me look"),
        ran("a", None),
        usage(1),
        ran("a", Some(3)),
        usage(2),
        message("done"),
        usage(4),
        END,
    ];
    let steps = run(&mut gather, deltas);
    assert_eq!(steps, ["text", "alive", "alive", "alive", "alive", "text", "alive", "done stop"]);
    assert_eq!(gather.usage().unwrap().total, 7);
    let work: Vec<_> =
        gather.work().iter().map(|done| (&*done.name, done.ended.unwrap().exit_code)).collect();
    assert_eq!(work, [("ls", Some(3))]);
}

#[test]
fn a_retry_between_messages_is_none_of_the_clients() {
    let steps = run(&mut agent(Shape::Text, true), [message("one"), Delta::Retry, message("two"), END]);
    assert_eq!(steps, ["text", "alive", "text", "done stop"]);
    // What was told of a thought comes again.
    let reasoning = || Delta::Reasoning {
        item: Bytes::from_static(b"\"r\""),
        part: 0,
        text: Bytes::from_static(b"\"t\""),
    };
    assert_eq!(last(&mut agent(Shape::Text, true), [message("one"), reasoning(), Delta::Retry]), "out");
    let thought = Delta::Reasoned { text: "t".into() };
    assert_eq!(
        last(&mut agent(Shape::Text, true), [message("one"), reasoning(), thought, Delta::Retry]),
        "alive"
    );
    let begun = [message("one"), text("tw"), Delta::Retry];
    assert_eq!(last(&mut agent(Shape::Text, true), begun), "out");
    let completion = [message("one"), Delta::Retry];
    assert_eq!(last(&mut gather(Shape::Text, Calling::default()), completion), "out");
}

#[test]
fn an_agents_work_is_not_done_twice() {
    assert_eq!(last(&mut agent(Shape::Object, false), [message("no"), END]), "failed 502");
    let found = [message("first"), message("{\"a\": 1}"), END];
    assert_eq!(last(&mut agent(Shape::Object, false), found), "done stop text {\"a\": 1}");
}

#[test]
fn of_messages_with_a_schema_the_last_one_is_the_answer() {
    let schema = json!({ "type": "object", "properties": { "a": { "type": "integer" } }, "required": ["a"],
        "additionalProperties": false });
    for stream in [false, true] {
        let output = crate::schema::output::convert(&schema, Level::Guaranteed).unwrap();
        let mut gather = agent(Shape::Schema(Box::new(output)), stream);
        assert!(!gather.streams());
        let steps = run(&mut gather, [message("{\"a\":1}"), usage(1), message("{\"a\":2}"), END]);
        assert_eq!(steps, ["alive", "alive", "alive", "done stop text {\"a\":2}"]);
    }
}

#[test]
fn a_summary_for_codex_is_no_message() {
    let compaction = |ended: Option<Ended>| {
        Delta::Command(Seen::Item {
            id: "k".into(),
            kind: Work::Compaction,
            name: "compaction".into(),
            ended,
        })
    };
    let mut gather = agent(Shape::Text, true);
    let deltas = [
        compaction(None),
        Delta::Reasoned { text: "thought".into() },
        message("summary"),
        usage(1),
        compaction(Some(Ended::default())),
        message("a"),
        usage(1),
        END,
    ];
    assert_eq!(
        run(&mut gather, deltas),
        ["alive", "alive", "alive", "alive", "alive", "text", "alive", "done stop"]
    );
    assert_eq!(gather.usage().unwrap().total, 2, "it was used all the same");
}
