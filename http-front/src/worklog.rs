//! What is logged of an agent's work: one line for each command, change of files or call of a tool.
//!
//! A line has the name and how it ended, never arguments, output or paths. Each piece of work is logged once.

use crate::{observe::Observe, translate::work::CommandDone};

/// Logs the work of one answer.
#[derive(Debug)]
pub struct WorkLog {
    request_id: String,
    /// Who is told of each piece, too.
    observe: Observe,
    /// Whether the piece of work at this place was logged.
    logged: Vec<bool>,
}

impl WorkLog {
    /// The log of this request's work.
    pub fn new(request_id: &str, observe: Observe) -> Self {
        Self { request_id: request_id.to_owned(), observe, logged: Vec::new() }
    }

    /// Logs what has ended of the work so far. `work` is the same list at each call, with more in it.
    pub fn note(&mut self, work: &[CommandDone]) {
        self.tell(work, false);
    }

    /// Logs the rest: what was still running was stopped with the answer.
    pub fn end(&mut self, work: &[CommandDone]) {
        self.tell(work, true);
    }

    fn tell(&mut self, work: &[CommandDone], last: bool) {
        self.logged.resize(work.len(), false);
        let unlogged = work
            .iter()
            .zip(&mut self.logged)
            .filter(|(done, logged)| !**logged && (last || done.ended.is_some()));
        for (CommandDone { kind, name, ended }, logged) in unlogged {
            *logged = true;
            self.observe.worked();
            tracing::info!(
                event = "agent_command",
                request_id = self.request_id,
                kind = kind.as_str(),
                name,
                ok = ended.map(|ended| ended.ok),
                exit_code = ended.and_then(|ended| ended.exit_code),
                duration_ms = ended.and_then(|ended| ended.duration_ms),
                stopped = ended.is_none(),
            );
        }
    }
}
