//! Tests of the table.

use super::*;
use crate::daemon::turn::{Taken, TurnStream};
use shared::queue::{self, Receiver};
use tokio::sync::mpsc;

fn plan() -> Plan {
    Plan {
        model: Some("m".into()),
        items: vec![Bytes::from_static(b"[1]"), Bytes::from_static(b"[2]")],
        ..Plan::default()
    }
}

fn texts(lines: &[Line]) -> Vec<String> {
    lines.iter().map(|l| String::from_utf8(l.to_bytes().to_vec()).unwrap()).collect()
}

struct Fixture {
    table: Table,
    deltas: Receiver<Delta>,
    out: Vec<Line>,
}

impl Fixture {
    fn new(bound: usize) -> Self {
        let (tx, deltas) = queue::channel(bound);
        let mut table = Table::default();
        let asker = Asker { caller: Some("k".into()), ..Asker::default() };
        let line = table.start(TurnKey(7), plan(), asker, tx, None);
        assert!(
            texts(&[line])[0].starts_with(r#"{"id":1,"method":"thread/start","params":{"ephemeral":true"#)
        );
        Self { table, deltas, out: Vec::new() }
    }

    fn hear(&mut self, line: &str) -> Vec<String> {
        let line = Bytes::copy_from_slice(line.as_bytes());
        self.table.on_line(&line, &mut self.out);
        texts(&std::mem::take(&mut self.out))
    }

    fn running(bound: usize) -> Self {
        let mut fixture = Self::new(bound);
        fixture.hear(r#"{"id":1,"result":{"thread":{"id":"t"}}}"#);
        fixture.hear(r#"{"id":4,"result":{"turn":{"id":"u"}}}"#);
        assert_eq!(fixture.seen(), ["thread t"]);
        fixture
    }

    fn seen(&mut self) -> Vec<&'static str> {
        std::iter::from_fn(|| self.deltas.try_recv())
            .map(|delta| match delta {
                Delta::Alive | Delta::Begun => "alive",
                Delta::Call { .. } | Delta::Foreign => "call",
                Delta::Thread(thread) if &*thread == "t" => "thread t",
                Delta::Thread(_) => "another thread",
                Delta::Reasoning { .. } | Delta::Reasoned { .. } => "reasoning",
                Delta::Command(_) => "command",
                Delta::Text { .. } => "text",
                Delta::Message { .. } => "message",
                Delta::Usage(_) => "usage",
                Delta::Retry => "retry",
                Delta::End(End::Completed | End::Incomplete(_)) => "completed",
                Delta::End(End::Interrupted | End::Failed(_)) => "failed",
                Delta::End(End::Refused(_)) => "refused",
                Delta::End(End::NotInjected(_)) => "not injected",
                Delta::End(End::Lost | End::Unavailable | End::Stopped) => "lost",
            })
            .collect()
    }
}

const UNSUBSCRIBE: &str = r#""method":"thread/unsubscribe","params":{"threadId":"t"}}"#;
const TEXT: &str =
    r#"{"method":"item/agentMessage/delta","params":{"threadId":"t","turnId":"u","itemId":"i","delta":"x"}}"#;

#[test]
fn history_and_turn_follow_the_thread_together_and_in_order() {
    let mut f = Fixture::new(1000);
    assert_eq!(
        f.hear(r#"{"id":1,"result":{"thread":{"id":"t"}}}"#),
        [
            r#"{"id":2,"caller":"k","method":"thread/inject_items","params":{"threadId":"t","items":[1]}}"#,
            r#"{"id":3,"caller":"k","method":"thread/inject_items","params":{"threadId":"t","items":[2]}}"#,
            r#"{"id":4,"method":"turn/start","params":{"threadId":"t","environments":[],"input":[]},"caller":"k","once":true}"#,
        ]
    );
}

/// Until then it waits in the daemon's line, and what it waits for is not the provider.
#[test]
fn codex_has_a_turn_once_its_start_is_answered() {
    let started = |answer: &str| {
        let (tx, _deltas) = queue::channel(1000);
        let taken = Taken::default();
        let mut table = Table::default();
        table.start(TurnKey(7), plan(), Asker { taken: taken.clone(), ..Asker::default() }, tx, None);
        let (_, deltas) = queue::channel(1);
        let stream = TurnStream::new(TurnKey(7), deltas, mpsc::unbounded_channel().0).told_by(taken);
        let mut out = Vec::new();
        for line in [r#"{"id":1,"result":{"thread":{"id":"t"}}}"#, r#"{"id":2,"result":{}}"#] {
            table.on_line(&Bytes::copy_from_slice(line.as_bytes()), &mut out);
            assert!(!stream.is_taken(), "{line}");
        }
        table.on_line(&Bytes::copy_from_slice(answer.as_bytes()), &mut out);
        stream.is_taken()
    };
    assert!(started(r#"{"id":4,"result":{"turn":{"id":"u"}}}"#));
    assert!(!started(r#"{"id":4,"error":{"code":-32001,"message":""}}"#));
    assert!(!started(r#"{"id":4,"result":{}}"#));
}

#[test]
fn a_turn_ends_once_and_its_thread_is_let_go() {
    let mut f = Fixture::running(10_000);
    f.hear(TEXT);
    let completed =
        r#"{"method":"turn/completed","params":{"threadId":"t","turn":{"id":"u","status":"completed"}}}"#;
    let sent = f.hear(completed);
    assert!(sent.len() == 1 && sent[0].ends_with(UNSUBSCRIBE), "{sent:?}");
    assert!(f.hear(completed).is_empty() && f.hear(TEXT).is_empty());
    f.table.lost(&End::Lost);
    assert_eq!(f.seen(), ["text", "completed"]);
    assert!(f.table.is_empty());
}

#[test]
fn a_daemon_that_hangs_begins_nothing_and_its_late_threads_are_let_go() {
    let mut f = Fixture::new(1000);
    f.table.give_up_unopened();
    assert_eq!(f.seen(), ["lost"]);
    let sent = f.hear(r#"{"id":1,"result":{"thread":{"id":"t"}}}"#);
    assert!(sent.len() == 1 && sent[0].ends_with(UNSUBSCRIBE), "{sent:?}");
    assert!(f.table.is_empty());
    // What has a thread may run.
    let mut f = Fixture::new(1000);
    f.hear(r#"{"id":1,"result":{"thread":{"id":"t"}}}"#);
    f.table.give_up_unopened();
    assert_eq!(f.seen(), ["thread t"]);
}

#[test]
fn each_refusal_ends_the_turn() {
    for (line, end) in [
        (r#"{"id":2,"error":{"code":-32001,"message":""}}"#, "not injected"),
        (r#"{"id":4,"error":{"code":1,"message":""}}"#, "refused"),
    ] {
        let mut f = Fixture::new(1000);
        f.hear(r#"{"id":1,"result":{"thread":{"id":"t"}}}"#);
        let sent = f.hear(line);
        assert!(sent.iter().any(|l| l.ends_with(UNSUBSCRIBE)), "{sent:?}");
        assert_eq!(f.seen(), ["thread t", end]);
    }
    let mut f = Fixture::new(1000);
    assert!(f.hear(r#"{"id":1,"error":{"code":-32010,"message":""}}"#).is_empty());
    assert_eq!(f.seen(), ["refused"]);
}

/// Whatever the operator's home has got in the meantime: the model isn't asked, or its answer isn't told.
#[test]
fn a_turn_to_which_codex_adds_instructions_fails() {
    let opened = r#"{"id":1,"result":{"thread":{"id":"t"},"instructionSources":["/home/AGENTS.md"]}}"#;
    let mut f = Fixture::new(1000);
    let line = Bytes::from_static(opened.as_bytes());
    let heard = f.table.on_line(&line, &mut f.out);
    assert!(matches!(heard, Heard::Instructed { .. }), "{heard:?}");
    let sent = texts(&std::mem::take(&mut f.out));
    assert!(sent.len() == 1 && sent[0].ends_with(UNSUBSCRIBE), "{sent:?}");
    assert_eq!(f.seen(), ["failed"]);

    let mut f = Fixture::running(1000);
    let added = r##"{"method":"rawResponseItem/completed","params":{"threadId":"t","turnId":"u","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"# AGENTS.md instructions\n\nx"}]}}}"##;
    let line = Bytes::from_static(added.as_bytes());
    let heard = f.table.on_line(&line, &mut f.out);
    assert!(matches!(heard, Heard::Instructed { .. }), "{heard:?}");
    let sent = texts(&std::mem::take(&mut f.out));
    assert!(sent.len() == 1 && sent[0].ends_with(UNSUBSCRIBE), "{sent:?}");
    assert_eq!(f.seen(), ["failed"]);
    assert!(f.table.is_empty());
}

#[test]
fn a_cancelled_turn_is_interrupted_and_let_go_in_every_phase() {
    let mut f = Fixture::running(1000);
    f.table.cancel(TurnKey(7), &mut f.out);
    let sent = texts(&std::mem::take(&mut f.out));
    assert!(
        sent[0].contains(r#""method":"turn/interrupt","params":{"threadId":"t","turnId":"u"}"#),
        "{sent:?}"
    );
    assert!(sent[1].ends_with(UNSUBSCRIBE), "{sent:?}");

    let mut f = Fixture::new(1000);
    f.hear(r#"{"id":1,"result":{"thread":{"id":"t"}}}"#);
    f.table.cancel(TurnKey(7), &mut f.out);
    let sent = texts(&std::mem::take(&mut f.out));
    assert!(sent.len() == 1 && sent[0].ends_with(UNSUBSCRIBE), "{sent:?}");

    let mut f = Fixture::new(1000);
    f.table.cancel(TurnKey(7), &mut f.out);
    assert!(f.out.is_empty());
    let sent = f.hear(r#"{"id":1,"result":{"thread":{"id":"t"}}}"#);
    assert!(sent.len() == 1 && sent[0].ends_with(UNSUBSCRIBE), "{sent:?}");
    assert!(f.table.is_empty());
}

#[test]
fn a_slow_reader_is_cut_off_and_its_turn_interrupted() {
    let mut f = Fixture::running(600);
    let sent: Vec<String> = (0..5).flat_map(|_| f.hear(TEXT)).collect();
    assert!(sent[0].contains("turn/interrupt") && sent[1].ends_with(UNSUBSCRIBE), "{sent:?}");
    assert_eq!(f.seen(), ["text", "text"], "then its queue ends without an end");
}

#[test]
fn a_lost_connection_ends_every_turn() {
    let mut f = Fixture::running(1);
    f.table.lost(&End::Lost);
    assert_eq!(f.seen(), ["lost"]);
}

#[test]
fn requests_of_the_child_are_declined() {
    let mut f = Fixture::running(1000);
    let sent =
        f.hear(r#"{"id":9,"method":"item/commandExecution/requestApproval","params":{"threadId":"t"}}"#);
    assert_eq!(sent, [r#"{"id":9,"result":{"decision":"decline"}}"#]);
}

#[test]
fn calls_wait_and_are_answered_when_nothing_follows_them() {
    const CALL: &str =
        r#"{"id":9,"method":"item/tool/call","params":{"threadId":"t","turnId":"u","tool":"f"}}"#;
    let mut f = Fixture::running(1000);
    let look = |f: &mut Fixture| {
        f.table.look(&mut f.out);
        texts(&std::mem::take(&mut f.out))
    };
    assert!(f.hear(CALL).is_empty(), "its result comes with the client's next request");
    assert!(look(&mut f).is_empty() && look(&mut f).is_empty());
    f.hear(TEXT);
    assert!(look(&mut f).is_empty() && look(&mut f).is_empty(), "something was heard in between");
    let answers = look(&mut f);
    assert!(answers.len() == 1 && answers[0].starts_with(r#"{"id":9,"result":{"#), "{answers:?}");
    assert!(look(&mut f).is_empty(), "once is enough");
    let other = f.hear(&CALL.replace("\"t\"", "\"other\""));
    assert!(
        other[0].starts_with(r#"{"id":9,"result":{"#),
        "a turn that is let go has nobody to answer: {other:?}"
    );
}
