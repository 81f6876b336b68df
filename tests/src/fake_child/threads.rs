//! The methods on threads: start, fork, inject, unsubscribe.

use serde_json::{Value, json};

use super::core::{Fake, Step, Thread, member};
use super::rpc::{self, Refusal};
use super::shape::{ThreadCard, Usage};

impl Fake {
    pub(crate) fn thread_start(
        &mut self,
        id: &Value,
        params: &Value,
        steps: &mut Vec<Step>,
    ) -> Result<(), Refusal> {
        self.experimental("thread/start", params)?;
        let tools = params["dynamicTools"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|tool| tool["name"].as_str().map(str::to_owned))
            .collect();
        let thread = Thread {
            card: self.card(params, None),
            raw: params["experimentalRawEvents"] == true,
            items: Vec::new(),
            tools,
            running: None,
            used: Usage::default(),
            subscribed: true,
        };
        self.open(id, thread, steps);
        Ok(())
    }

    pub(crate) fn thread_fork(
        &mut self,
        id: &Value,
        params: &Value,
        steps: &mut Vec<Step>,
    ) -> Result<(), Refusal> {
        self.experimental("thread/fork", params)?;
        let from = member(params, "threadId")?.to_owned();
        let source =
            self.threads.get(&from).filter(|thread| !thread.card.ephemeral && !thread.items.is_empty());
        let Some(source) = source else {
            return Err(Refusal::invalid(format!("no rollout found for thread id {from}")));
        };
        let (items, tools) = (source.items.clone(), source.tools.clone());
        let thread = Thread {
            card: self.card(params, Some(from)),
            raw: params["experimentalRawEvents"] == true,
            items,
            tools,
            running: None,
            used: Usage::default(),
            subscribed: true,
        };
        self.open(id, thread, steps);
        Ok(())
    }

    fn card(&mut self, params: &Value, forked_from: Option<String>) -> ThreadCard {
        ThreadCard {
            id: self.id(),
            model: params["model"].as_str().unwrap_or(&self.host.model).to_owned(),
            cwd: params["cwd"].as_str().unwrap_or("/").to_owned(),
            ephemeral: params["ephemeral"] == true,
            forked_from,
            created_at: self.now() / 1000,
        }
    }

    fn open(&mut self, id: &Value, thread: Thread, steps: &mut Vec<Step>) {
        let answer = Step::Line(rpc::answer(id, &thread.card.started()));
        let started = json!({ "thread": thread.card.thread() });
        self.threads.insert(thread.card.id.clone(), thread);
        if self.script.thread_started_first {
            self.notify("thread/started", &started, steps);
            steps.push(answer);
        } else {
            steps.push(answer);
            self.notify("thread/started", &started, steps);
        }
    }

    pub(crate) fn inject(
        &mut self,
        id: &Value,
        params: &Value,
        steps: &mut Vec<Step>,
    ) -> Result<(), Refusal> {
        let now = self.now();
        let (thread_id, thread) = self.thread(params)?;
        let Some(items) = params["items"].as_array() else {
            return Err(Refusal::invalid("Invalid request: missing field `items`"));
        };
        if items.is_empty() {
            return Err(Refusal::invalid("items must not be empty"));
        }
        thread.items.extend(items.iter().cloned());
        let raw = thread.raw;
        steps.push(Step::Line(rpc::answer(id, &json!({}))));
        if raw {
            // The real child echoes every injected item under a turn that isn't one.
            for item in items {
                let mut item = item.clone();
                let item_id = self.id();
                if let Some(members) = item.as_object_mut() {
                    members.entry("id").or_insert_with(|| format!("msg_{item_id}").into());
                    let passthrough = json!({
                        "turn_id": "auto-compact-0", "create_time": now / 1000, "content_item_kinds": ["unknown"],
                    });
                    members.insert("internal_chat_message_metadata_passthrough".to_owned(), passthrough);
                }
                let echo = json!({ "threadId": thread_id, "turnId": "auto-compact-0", "item": item });
                self.notify("rawResponseItem/completed", &echo, steps);
            }
        }
        Ok(())
    }

    pub(crate) fn unsubscribe(
        &mut self,
        id: &Value,
        params: &Value,
        steps: &mut Vec<Step>,
    ) -> Result<(), Refusal> {
        let thread_id = member(params, "threadId")?;
        let status = match self.threads.get_mut(thread_id) {
            None => "notLoaded",
            Some(thread) if !thread.subscribed => "notSubscribed",
            Some(thread) => {
                thread.subscribed = false;
                "unsubscribed"
            }
        };
        steps.push(Step::Line(rpc::answer(id, &json!({ "status": status }))));
        if status == "unsubscribed" {
            self.close_if_idle(thread_id, steps);
        }
        Ok(())
    }

    /// A thread that nobody listens to is unloaded once its turn has ended (`thread_unload_delay_secs=0`).
    pub(crate) fn close_if_idle(&mut self, thread_id: &str, steps: &mut Vec<Step>) {
        let idle = |thread: &Thread| !thread.subscribed && thread.running.is_none();
        if !self.threads.get(thread_id).is_some_and(idle) {
            return;
        }
        // A kept thread stays known: it can be forked later.
        if self.threads.get(thread_id).is_some_and(|thread| thread.card.ephemeral) {
            self.threads.remove(thread_id);
        }
        let status = json!({ "threadId": thread_id, "status": { "type": "notLoaded" } });
        self.notify("thread/status/changed", &status, steps);
        self.notify("thread/closed", &json!({ "threadId": thread_id }), steps);
    }
}
