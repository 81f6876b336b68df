//! Turns at work: started, played op by op, interrupted, answered.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::core::{Fake, Step, Wake, member};
use super::directive::{Ask, Directives};
use super::history;
use super::rpc::{self, Refusal};
use super::shape::{self, Call};
use super::turn::{self, Op, Turn};

/// Between the halves of a torn line.
const GAP_MS: u64 = 20;
/// What codex-cli takes as typed input, in characters.
const MAX_INPUT: usize = 1_048_576;

impl Fake {
    pub(crate) fn turn_start(
        &mut self,
        id: &Value,
        params: &Value,
        steps: &mut Vec<Step>,
    ) -> Result<(), Refusal> {
        let turn_id = self.id();
        let now = self.now();
        let (thread_id, thread) = self.thread(params)?;
        let Some(input) = params["input"].as_array() else {
            return Err(Refusal::invalid("Invalid request: missing field `input`"));
        };
        let text: Vec<&str> = input.iter().filter_map(|part| part["text"].as_str()).collect();
        let text = text.join("\n");
        if text.chars().count() > MAX_INPUT {
            let message = format!("Input exceeds the maximum length of {MAX_INPUT} characters.");
            let data = Some(json!({ "input_error_code": "input_too_large" }));
            return Err(Refusal { code: rpc::INVALID_PARAMS, message, data });
        }
        if thread.running.is_some() {
            return Err(Refusal::invalid("fake-codex runs one turn at a time in a thread"));
        }
        if !input.is_empty() {
            let content = [json!({ "type": "input_text", "text": text })];
            thread.items.push(json!({ "type": "message", "role": "user", "content": content }));
        }
        thread.running = Some(turn_id.clone());
        let told = history::told(&thread.items);
        let told = self.script.prompt.as_deref().map_or(told, Directives::parse);

        let answer = rpc::answer(id, &json!({ "turn": shape::turn_begun(&turn_id, None) }));
        let early = told.early_started;
        self.lost.extend(told.loses.iter().cloned());
        self.turns.insert(turn_id.clone(), Turn::new(thread_id.clone(), told, now));
        if !early {
            steps.push(Step::Line(answer.clone()));
        }
        let active = json!({ "threadId": thread_id, "status": { "type": "active", "activeFlags": [] } });
        self.notify_thread(&thread_id, "thread/status/changed", &active, steps);
        let begun = json!({ "threadId": thread_id, "turn": shape::turn_begun(&turn_id, Some(now / 1000)) });
        self.notify_thread(&thread_id, "turn/started", &begun, steps);
        if early {
            steps.push(Step::Line(answer));
        }
        self.play(&turn_id, steps);
        Ok(())
    }

    pub(crate) fn turn_interrupt(
        &mut self,
        id: &Value,
        params: &Value,
        steps: &mut Vec<Step>,
    ) -> Result<(), Refusal> {
        let wanted = member(params, "turnId")?.to_owned();
        let (_, thread) = self.thread(params)?;
        match &thread.running {
            None => return Err(Refusal::invalid("no active turn to interrupt")),
            Some(running) if *running != wanted => {
                return Err(Refusal::invalid(format!(
                    "expected active turn id {wanted} but found {running}"
                )));
            }
            Some(_) => {}
        }
        let pending = match self.turns.get_mut(&wanted) {
            Some(turn) => std::mem::take(&mut turn.pending),
            None => BTreeMap::new(),
        };
        for call in pending.into_values().flatten() {
            let output = "dynamic tool call was cancelled before receiving a response";
            self.end_call(&wanted, &call, (&json!([]), false), output, steps);
        }
        self.notify("account/rateLimits/updated", &shape::rate_limits(self.script.used_up_until), steps);
        steps.push(Step::Line(rpc::answer(id, &json!({}))));
        self.end_turn(&wanted, "interrupted", &Value::Null, None, steps);
        Ok(())
    }

    /// The client's answer to a server request.
    pub(crate) fn on_answer(&mut self, id: &Value, outcome: Result<Value, Value>, steps: &mut Vec<Step>) {
        let Some(id) = id.as_u64() else { return };
        let asked = self.turns.iter_mut().find_map(|(turn_id, turn)| {
            let call = turn.pending.remove(&id)?;
            let (Ok(text) | Err(text)) = &outcome;
            turn.answers.push(text.to_string());
            Some((turn_id.clone(), call))
        });
        // An answer that nobody waits for, late or made up, is ignored.
        let Some((turn_id, call)) = asked else { return };
        if let Some(call) = call {
            let failed = json!({
                "contentItems": [{ "type": "inputText", "text": "dynamic tool request failed" }], "success": false,
            });
            let result = outcome.unwrap_or(failed);
            let success = result["success"] == true;
            let output = result["contentItems"][0]["text"].as_str().unwrap_or_default().to_owned();
            self.end_call(&turn_id, &call, (&result["contentItems"], success), &output, steps);
        }
        self.play(&turn_id, steps);
    }

    /// Plays a turn up to its end or its next wait.
    pub(crate) fn play(&mut self, turn_id: &str, steps: &mut Vec<Step>) {
        while let Some(turn) = self.turns.get_mut(turn_id) {
            let Some(op) = turn.ops.pop_front() else { return };
            match op {
                Op::Notify(method, params) => self.notify_turn(turn_id, method, params, steps),
                Op::Halves(method, params) => {
                    let mut whole = Vec::new();
                    self.notify_turn(turn_id, method, params, &mut whole);
                    steps.extend(whole.into_iter().map(|step| match step {
                        Step::Line(line) => Step::Halves { line, gap_ms: GAP_MS },
                        Step::Halves { .. } | Step::Wake { .. } | Step::Exit(_) => step,
                    }));
                }
                Op::Garbage => {
                    steps.push(Step::Line("this line is not JSON {".to_owned()));
                    steps.push(Step::Line(String::new()));
                }
                Op::Raw(item) => self.raw_item(turn_id, &item, steps),
                Op::RawUsage => self.raw_usage(turn_id, steps),
                Op::TokenUsage => self.token_usage(turn_id, steps),
                Op::Pause(after_ms) => {
                    steps.push(Step::Wake { wake: Wake::Turn(turn_id.to_owned()), after_ms });
                    return;
                }
                Op::Ask(ask) => self.ask(turn_id, ask, steps),
                Op::AwaitAnswers if turn.pending.is_empty() => {
                    turn.told.text = turn.answers.join("\n");
                    let called = turn.told.asks.iter().any(|ask| matches!(ask, Ask::Tool { .. }));
                    if called {
                        self.token_usage(turn_id, steps);
                    }
                }
                Op::AwaitAnswers => {
                    turn.ops.push_front(Op::AwaitAnswers);
                    return;
                }
                Op::Answer => self.answer(turn_id),
                Op::Complete { last } => {
                    let last = Some(&last).filter(|last| !last.is_null());
                    self.end_turn(turn_id, "completed", &Value::Null, last, steps);
                }
                Op::Fail { kind, message } => self.fail(turn_id, &kind, &message, steps),
                Op::Stuck => return,
                Op::Lose => {
                    let turn = self.turns.remove(turn_id);
                    if let Some(thread) = turn.and_then(|turn| self.threads.get_mut(&turn.thread)) {
                        thread.running = None;
                    }
                    return;
                }
                Op::Exit(code) => {
                    steps.push(Step::Exit(code));
                    return;
                }
            }
        }
    }

    fn answer(&mut self, turn_id: &str) {
        let now = self.now();
        let Some(told) = self.turns.get(turn_id).map(|turn| turn.told.clone()) else {
            return;
        };
        let ops = turn::answer(&told, turn_id, now, || format!("msg_{}", self.id()));
        if let Some(turn) = self.turns.get_mut(turn_id) {
            turn.ops.extend(ops);
        }
    }

    fn ask(&mut self, turn_id: &str, ask: Ask, steps: &mut Vec<Step>) {
        let now = self.now();
        let Some(thread_id) = self.turns.get(turn_id).map(|turn| turn.thread.clone()) else {
            return;
        };
        let Some(thread) = self.threads.get(&thread_id) else {
            return;
        };
        let (method, params, call) = match ask {
            Ask::Request(method) => {
                let params = shape::server_request(&method, &thread_id, turn_id, &thread.card.cwd, now);
                (method, params, None)
            }
            Ask::Tool { name, arguments } => {
                let tools = thread.tools.clone();
                let tool = name.or_else(|| tools.first().cloned()).unwrap_or_else(|| "look_up".to_owned());
                let call_id = format!("call_{}", self.id());
                self.raw_item(turn_id, &shape::raw_call(&call_id, &tool, &arguments, turn_id), steps);
                let parsed = serde_json::from_str::<Value>(&arguments);
                let (true, Ok(parsed)) = (tools.contains(&tool), parsed) else {
                    // Codex answers these itself, and the client is never asked.
                    let output = format!("unsupported call: {tool}");
                    let item = shape::raw_output(&call_id, &output, turn_id, now);
                    self.raw_item(turn_id, &item, steps);
                    if let Some(turn) = self.turns.get_mut(turn_id) {
                        turn.answers.push(output);
                    }
                    return;
                };
                let call = Call { id: call_id, tool, arguments: parsed, started_ms: now };
                let started = json!({ "item": shape::call_item(&call, None, None), "startedAtMs": now });
                self.notify_turn(turn_id, "item/started", started, steps);
                let params = json!({
                    "threadId": thread_id, "turnId": turn_id, "callId": call.id, "namespace": null,
                    "tool": call.tool, "arguments": call.arguments,
                });
                ("item/tool/call".to_owned(), params, Some(call))
            }
        };
        let request = self.requests;
        self.requests += 1;
        steps.push(Step::Line(rpc::request(request, &method, &params)));
        if let Some(turn) = self.turns.get_mut(turn_id) {
            turn.pending.insert(request, call);
        }
    }

    fn end_call(
        &mut self,
        turn_id: &str,
        call: &Call,
        outcome: (&Value, bool),
        output: &str,
        steps: &mut Vec<Step>,
    ) {
        let now = self.now();
        let item = shape::call_item(call, Some(outcome), Some(now));
        self.notify_turn(turn_id, "item/completed", turn::completed(&item, now), steps);
        self.raw_item(turn_id, &shape::raw_output(&call.id, output, turn_id, now), steps);
    }

    fn raw_item(&self, turn_id: &str, item: &Value, steps: &mut Vec<Step>) {
        if self.is_raw(turn_id) {
            self.notify_turn(turn_id, "rawResponseItem/completed", json!({ "item": item }), steps);
        }
    }

    fn raw_usage(&mut self, turn_id: &str, steps: &mut Vec<Step>) {
        let response = format!("resp_{}", self.id());
        let Some(usage) = self.turns.get(turn_id).map(|turn| turn.told.usage) else {
            return;
        };
        if self.is_raw(turn_id) {
            self.notify_turn(turn_id, "rawResponse/completed", usage.raw_response(&response), steps);
        }
    }

    fn token_usage(&mut self, turn_id: &str, steps: &mut Vec<Step>) {
        let Some(turn) = self.turns.get(turn_id) else {
            return;
        };
        let Some(thread) = self.threads.get_mut(&turn.thread) else {
            return;
        };
        let last = turn.told.usage;
        thread.used = thread.used.plus(last);
        let params = shape::token_usage(thread.used, last);
        self.notify_turn(turn_id, "thread/tokenUsage/updated", params, steps);
        self.notify("account/rateLimits/updated", &shape::rate_limits(self.script.used_up_until), steps);
    }

    fn fail(&mut self, turn_id: &str, kind: &Value, message: &str, steps: &mut Vec<Step>) {
        let error = shape::turn_error(kind, message, None);
        self.notify_turn(turn_id, "error", json!({ "error": error, "willRetry": false }), steps);
        self.end_turn(turn_id, "failed", &error, None, steps);
    }

    fn end_turn(
        &mut self,
        turn_id: &str,
        status: &str,
        error: &Value,
        last: Option<&Value>,
        steps: &mut Vec<Step>,
    ) {
        let now = self.now();
        let Some(turn) = self.turns.remove(turn_id) else {
            return;
        };
        let thread_id = turn.thread;
        if let Some(thread) = self.threads.get_mut(&thread_id) {
            thread.running = None;
        }
        let rest = if status == "failed" { "systemError" } else { "idle" };
        let idle = json!({ "threadId": thread_id, "status": { "type": rest } });
        self.notify_thread(&thread_id, "thread/status/changed", &idle, steps);
        let ended = shape::turn_ended(turn_id, status, error, last, turn.started_ms, now);
        let params = json!({ "threadId": thread_id, "turn": ended });
        self.notify_thread(&thread_id, "turn/completed", &params, steps);
        self.close_if_idle(&thread_id, steps);
    }

    fn is_raw(&self, turn_id: &str) -> bool {
        let thread = self.turns.get(turn_id).and_then(|turn| self.threads.get(&turn.thread));
        thread.is_some_and(|thread| thread.raw)
    }

    /// A notification of a turn: the ids of thread and turn go in here.
    fn notify_turn(&self, turn_id: &str, method: &str, mut params: Value, steps: &mut Vec<Step>) {
        let Some(turn) = self.turns.get(turn_id) else {
            return;
        };
        if let Some(members) = params.as_object_mut() {
            members.insert("threadId".to_owned(), turn.thread.clone().into());
            members.insert("turnId".to_owned(), turn_id.into());
        }
        self.notify_thread(&turn.thread, method, &params, steps);
    }
}
