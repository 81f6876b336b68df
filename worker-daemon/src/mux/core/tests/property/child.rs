//! A model of the child: it does what it is told in the order in which it is told, and answers in any order.

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A loaded thread.
#[derive(Debug)]
pub(super) struct Thread {
    /// The connection whose request made it.
    pub(super) maker: u64,
    /// Its turn, until `turn/completed` was said.
    pub(super) turn: Option<String>,
    /// Whether `turn/started` was said.
    pub(super) begun: bool,
    /// Whether it was told to end its turn.
    pub(super) interrupted: bool,
}

/// The child.
#[derive(Debug, Default)]
pub(super) struct Child {
    pub(super) threads: BTreeMap<String, Thread>,
    /// Answers that were not given yet, by wire id, with whether it is a request for work.
    pub(super) answers: Vec<(u64, bool, Value)>,
    /// Open questions: their threads and who made those. They outlive the thread until they are answered.
    pub(super) asks: BTreeMap<u64, (String, u64)>,
    /// Turns that nobody interrupted before their threads were let go.
    pub(super) orphans: BTreeSet<String>,
    pub(super) refuse: bool,
    /// Whether it is too busy for the next request.
    pub(super) busy: bool,
}

/// What is counted over all children.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Every wire id that was ever sent.
    seen: BTreeSet<u64>,
    asked: u64,
}

impl Child {
    /// A line of the core.
    pub(super) fn take(&mut self, line: &Value, counts: &mut Counts) {
        let id = line["id"].as_u64().expect("a number");
        let Some(method) = line["method"].as_str() else {
            let (_, maker) = self.asks.remove(&id).expect("an answer to an open question");
            if let Some(by) = line["result"]["by"].as_u64() {
                assert_eq!(by, maker, "answered by the wrong client");
            }
            return;
        };
        assert!(counts.seen.insert(id), "wire id {id} was used before");
        let control = matches!(method, "turn/interrupt" | "thread/unsubscribe");
        if std::mem::take(&mut self.busy) {
            let answer = json!({"id": id, "error": {"code": -32001, "message": "busy"}});
            return self.answers.push((id, !control, answer));
        }
        let done = self.done(id, method, &line["params"]);
        let answer = match done {
            Some(result) => json!({"id": id, "result": result}),
            None => json!({"id": id, "error": {"code": -32600, "message": "no"}}),
        };
        self.answers.push((id, !control, answer));
    }

    fn done(&mut self, id: u64, method: &str, params: &Value) -> Option<Value> {
        let name = params["threadId"].as_str().unwrap_or_default();
        match method {
            "thread/start" | "turn/start" if std::mem::take(&mut self.refuse) => None,
            "thread/start" => {
                let thread = Thread {
                    maker: params["serviceTier"].as_str().and_then(|who| who.parse().ok()).expect("who asks"),
                    turn: None,
                    begun: false,
                    interrupted: false,
                };
                self.threads.insert(format!("t{id}"), thread);
                Some(json!({"thread": {"id": format!("t{id}")}}))
            }
            "turn/start" => {
                let thread = self.threads.get_mut(name).filter(|t| t.turn.is_none())?;
                let turn = format!("u{id}");
                (thread.turn, thread.begun, thread.interrupted) = (Some(turn.clone()), false, false);
                Some(json!({"turn": {"id": turn}}))
            }
            "turn/interrupt" => {
                if params["turnId"].as_str().is_some_and(|turn| self.orphans.remove(turn)) {
                    return Some(json!({}));
                }
                let thread = self.threads.get_mut(name)?;
                let known = thread.turn.as_deref() == params["turnId"].as_str();
                thread.interrupted |= known && thread.turn.is_some();
                known.then(|| json!({}))
            }
            "thread/unsubscribe" => {
                let thread = self.threads.remove(name)?;
                // It doesn't end the turn.
                if let Some(turn) = thread.turn.filter(|_| !thread.interrupted) {
                    self.orphans.insert(turn);
                }
                Some(json!({}))
            }
            _ => Some(json!({})),
        }
    }

    /// Turns that run.
    pub(super) fn turns(&self) -> usize {
        self.threads.values().filter(|t| t.turn.is_some()).count()
    }

    /// Says that the turn of a thread began.
    pub(super) fn begin(&mut self, name: &str) -> Option<Value> {
        let thread = self.threads.get_mut(name)?;
        let turn = thread.turn.as_ref()?;
        let first = !std::mem::replace(&mut thread.begun, true);
        let method = if first { "turn/started" } else { "item/agentMessage/delta" };
        Some(json!({"method": method, "params": {"threadId": name, "turn": {"id": turn}}}))
    }

    /// Says that the turn of a thread ended.
    pub(super) fn complete(&mut self, name: &str) -> Option<Value> {
        let turn = self.threads.get_mut(name)?.turn.take()?;
        self.asks.retain(|_, (thread, _)| thread != name);
        Some(json!({"method": "turn/completed", "params": {"threadId": name, "turn": {"id": turn}}}))
    }

    /// Asks the client of a running turn.
    pub(super) fn ask(&mut self, name: &str, counts: &mut Counts) -> Option<Value> {
        let thread = self.threads.get(name).filter(|t| t.turn.is_some())?;
        counts.asked += 1;
        self.asks.insert(counts.asked, (name.to_owned(), thread.maker));
        Some(json!({"id": counts.asked, "method": "item/tool/call", "params": {"threadId": name}}))
    }
}
