//! What goes to the daemon for a turn: its requests, in their order.

use super::{Table, traced::Late, turn::Expected};
use crate::{
    daemon::{asker::Asker, turn::TurnKey},
    trace::TurnTrace,
    translate::{agent::AgentPlan, plan::Plan},
};
use bytes::Bytes;
use shared::{
    app_server::{
        method,
        start::{ThreadParams, ThreadStartParams, TurnInterruptParams, TurnStartParams},
    },
    id::ThreadId,
    line::Line,
    rpc,
};

impl Table {
    /// The request for the thread of a turn, which isn't known yet.
    pub(super) fn thread_start(&mut self, key: TurnKey, plan: &Plan, asker: &Asker) -> Line {
        let agent = plan.agent.as_deref();
        let mut config = agent.map(AgentPlan::config).unwrap_or_default();
        config.extend(plan.verbosity.map(|word| ("model_verbosity".to_owned(), word.into())));
        let params = ThreadStartParams {
            ephemeral: true,
            cwd: agent.map_or("/", AgentPlan::workdir).to_owned(),
            environments: agent.is_none().then_some([]),
            base_instructions: agent.is_none().then(String::new),
            developer_instructions: agent.map(AgentPlan::instructions),
            model: plan.model.clone(),
            experimental_raw_events: true,
            approval_policy: "never",
            sandbox: "read-only",
            config,
            dynamic_tools: plan.tools.as_deref(),
        };
        let line = self.request_for(Some(asker), Expected::Thread(key), method::THREAD_START, &params, false);
        self.sent(method::THREAD_START, None, None, line)
    }

    /// The rest: the history and the turn, which go out together.
    pub(super) fn turn_start(
        &mut self,
        key: TurnKey,
        plan: Plan,
        asker: &Asker,
        id: &ThreadId,
        out: &mut Vec<Line>,
    ) {
        for items in plan.items {
            let line = self.inject(key, asker, id, items);
            out.push(line);
        }
        let agent = plan.agent.as_deref();
        let params = TurnStartParams {
            thread_id: id.as_str(),
            environments: agent.is_none().then_some([]),
            cwd: agent.map(AgentPlan::workdir),
            input: [],
            effort: plan.effort.as_deref(),
            summary: plan.summary,
            service_tier: plan.service_tier,
            sandbox_policy: agent.and_then(AgentPlan::sandbox_policy),
            output_schema: plan.output_schema.as_deref(),
        };
        // Results of calls come with the client's next request: the model is not to be asked again in this one. An agent
        // calls its own tools, and goes on.
        let once = agent.is_none();
        let line = self.request_for(Some(asker), Expected::Turn(key), method::TURN_START, &params, once);
        out.push(self.sent(method::TURN_START, Some(id), None, line));
    }

    /// The end of a turn that runs.
    pub(super) fn interrupt(
        &mut self,
        thread: &ThreadId,
        turn: &str,
        trace: Option<&TurnTrace>,
        out: &mut Vec<Line>,
    ) {
        let params = TurnInterruptParams { thread_id: thread.as_str(), turn_id: turn };
        let late = Late::of(trace, method::TURN_INTERRUPT);
        let line = self.request(Expected::Nothing(late), method::TURN_INTERRUPT, &params);
        out.push(self.sent(method::TURN_INTERRUPT, Some(thread), Some(turn), line));
    }

    /// Lets a thread go.
    pub(super) fn unsubscribe(&mut self, thread: &ThreadId, trace: Option<TurnTrace>, out: &mut Vec<Line>) {
        self.by_thread.remove(thread.as_str());
        let params = ThreadParams { thread_id: thread.as_str() };
        let late = Late::of(trace.as_ref(), method::THREAD_UNSUBSCRIBE);
        let line = self.request(Expected::Nothing(late), method::THREAD_UNSUBSCRIBE, &params);
        out.push(self.sent(method::THREAD_UNSUBSCRIBE, Some(thread), None, line));
    }

    pub(super) fn request<P: serde::Serialize>(
        &mut self,
        expected: Expected,
        method: &str,
        params: &P,
    ) -> Line {
        self.request_for(None, expected, method, params, false)
    }

    fn request_for<P: serde::Serialize>(
        &mut self,
        asker: Option<&Asker>,
        expected: Expected,
        method: &str,
        params: &P,
        once: bool,
    ) -> Line {
        let id = self.expect(expected);
        let (caller, request, trace) = asker.map_or((None, None, None), Asker::members);
        Line::json(&rpc::Request { id, method, params, caller, once, request, trace })
    }

    /// `thread/inject_items` around items that are JSON already: they are not copied.
    fn inject(&mut self, key: TurnKey, asker: &Asker, thread: &ThreadId, items: Bytes) -> Line {
        let id = self.expect(Expected::Injected(key));
        let name = serde_json::to_string(thread.as_str()).expect("a string serializes");
        let head = format!(
            r#"{{"id":{id},{}"method":"{}","params":{{"threadId":{name},"items":"#,
            asker.text(),
            method::THREAD_INJECT_ITEMS
        );
        let line = Line::spliced(head.into(), items, Bytes::from_static(b"}}"));
        self.sent(method::THREAD_INJECT_ITEMS, Some(thread), None, line)
    }

    fn expect(&mut self, expected: Expected) -> u64 {
        self.next += 1;
        self.expected.insert(self.next, expected);
        self.next
    }
}
