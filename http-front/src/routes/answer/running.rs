//! A request's turn, gathered to an answer; run once more where its text was not what it must be.

use super::watched::Watched;
use crate::{
    daemon::{asker::Asker, pool::Daemon},
    error::ApiError,
    metrics::Metrics,
    observe::Observe,
    openai::usage::Tokens,
    trace::Trace,
    translate::{
        answer::{Closing, Gather, Late, Step},
        event::Delta,
        failure,
        plan::Plan,
        work::CommandDone,
    },
    worklog::WorkLog,
};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, timeout_at};

/// How long a model call has for telling what it used, where a limit ended the answer and its message is complete: codex
/// tells it right behind the message.
const LATE: Duration = Duration::from_millis(250);
/// How long its message has to be complete then: only one that ends there anyway is.
const ENDING: Duration = Duration::from_millis(30);

/// What is needed to run a turn once more.
pub(super) struct Again {
    pub(super) daemon: Daemon,
    pub(super) plan: Plan,
    pub(super) asker: Asker,
    pub(super) trace: Option<Trace>,
    pub(super) observe: Observe,
}

/// A running answer. Dropping it interrupts the turn.
pub(super) struct Running {
    turn: Watched,
    gather: Gather,
    again: Option<Again>,
    /// The name of the request, for the log.
    request_id: String,
    /// Whether the turn is to be run once more before anything else comes.
    due: bool,
    /// The end of the answer, which waits for its usage until then.
    closing: Option<(Box<Closing>, Instant)>,
    /// Where an agent's work is logged.
    work: Option<WorkLog>,
    /// Whether the turn was turned away before anything of it ran.
    turned_away: bool,
    /// Where calls that are written as text are counted.
    metrics: Arc<Metrics>,
}

/// The next thing in an answer.
pub(super) enum Got {
    /// The model works.
    Alive,
    /// The model calls a function, which goes out with the end.
    Called,
    /// This goes out.
    Out(Delta),
    /// The answer is complete; nothing comes after this.
    Done(Box<Closing>),
}

impl Running {
    /// An answer of this turn, which is run once more as `again` says, where that is needed.
    pub(super) fn new(
        turn: Watched,
        gather: Gather,
        again: Option<Again>,
        request_id: &str,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            turn,
            gather,
            again,
            request_id: request_id.to_owned(),
            due: false,
            closing: None,
            work: None,
            turned_away: false,
            metrics,
        }
    }

    /// The threads of its turns.
    pub(super) fn threads(&self) -> &[Arc<str>] {
        self.gather.threads()
    }

    /// What an agent did.
    pub(super) fn work(&self) -> &[CommandDone] {
        self.gather.work()
    }

    /// The same, with its work in this log.
    pub(super) fn logging(mut self, work: Option<WorkLog>) -> Self {
        self.work = work;
        self
    }

    /// Whether its turn came to its own end.
    pub(super) fn is_complete(&self) -> bool {
        self.gather.is_complete()
    }

    /// What the model calls used so far.
    pub(super) fn usage(&self) -> Option<Tokens> {
        self.gather.usage()
    }

    /// The next thing. Cancel safe.
    ///
    /// # Errors
    /// Why the answer failed; nothing comes after it.
    pub(super) async fn next(&mut self) -> Result<Got, ApiError> {
        loop {
            if let Some((_, until)) = self.closing {
                let late = timeout_at(until, self.turn.next()).await;
                let delta = late.ok().and_then(Result::ok);
                if let Some(got) = self.late(delta.as_ref()) {
                    return Ok(got);
                }
                continue;
            }
            if self.due
                && let Some(again) = &self.again
            {
                let trace = again.trace.as_ref().map(Trace::turn);
                let turn = again.daemon.start(again.plan.clone(), again.asker.clone(), trace).await;
                self.turn.replace(turn);
                self.due = false;
            }
            let delta = self.turn.next().await.map_err(|error| self.told(error))?;
            if let Some(got) = self.take(delta)? {
                return Ok(got);
            }
        }
    }

    /// What is there already; `None` when nothing is.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub(super) fn try_next(&mut self) -> Result<Option<Got>, ApiError> {
        while !self.due
            && let Some(delta) = self.turn.try_next()
        {
            let got = if self.closing.is_some() { self.late(Some(&delta)) } else { self.take(delta)? };
            if got.is_some() {
                return Ok(got);
            }
        }
        Ok(None)
    }

    /// An error as the client gets it. What an agent does is not done twice: once its turn went out, nobody is told to try
    /// again.
    fn told(&self, error: ApiError) -> ApiError {
        let went_out = !self.gather.threads().is_empty() && !self.turned_away;
        if self.work.is_some() && went_out { error.after_work(!self.gather.work().is_empty()) } else { error }
    }

    /// Takes what comes behind the end of the answer, `None` where nothing comes any more. The end, unless more is to be
    /// waited for.
    fn late(&mut self, delta: Option<&Delta>) -> Option<Got> {
        let before = self.gather.late();
        if let Some(delta) = delta {
            self.gather.take_late(delta);
        }
        let wait = wait(self.gather.late()).filter(|_| !matches!(delta, None | Some(Delta::End(_))));
        match (wait, &mut self.closing) {
            (Some(wait), Some((_, until))) => {
                if self.gather.late() != before {
                    *until = Instant::now() + wait;
                }
                None
            }
            (None, closing) => closing.take().map(|(closing, _)| Got::Done(closing)),
            (Some(_), None) => None,
        }
    }

    /// What was held back of the text, where the answer is broken off.
    pub(super) fn flush(&mut self) -> String {
        self.gather.flush()
    }

    fn take(&mut self, delta: Delta) -> Result<Option<Got>, ApiError> {
        let worked = matches!(delta, Delta::Command(_));
        self.turned_away = matches!(&delta, Delta::End(end) if failure::turned_away(end));
        let step = self.gather.take(delta);
        if worked && let Some(log) = &mut self.work {
            log.note(self.gather.work());
        }
        Ok(match step {
            Step::Quiet => None,
            Step::Alive => Some(Got::Alive),
            Step::Called => Some(Got::Called),
            Step::Out(delta) => Some(Got::Out(delta)),
            Step::Done(closing) => {
                let (request_id, bytes) = (self.request_id.as_str(), self.gather.differs());
                if bytes > 0 {
                    differs(request_id, bytes);
                }
                let Some(wait) = wait(self.gather.late()) else { return Ok(Some(Got::Done(closing))) };
                self.closing = Some((closing, Instant::now() + wait));
                None
            }
            Step::Failed(error) => return Err(self.told(error)),
            Step::Again => {
                let request_id = self.request_id.as_str();
                tracing::info!(
                    event = "turn_again",
                    request_id,
                    "the text was not of the form that was asked for"
                );
                if let Some(again) = &self.again {
                    again.observe.again();
                }
                self.due = true;
                None
            }
        })
    }
}

/// How long to wait for what is still to be told of the usage.
fn wait(late: Late) -> Option<Duration> {
    match late {
        Late::Nothing => None,
        Late::Message => Some(ENDING),
        Late::Usage => Some(LATE),
    }
}

/// What went out of a message is not what it says as a whole. What was sent is sent.
pub(super) fn differs(request_id: &str, bytes: usize) {
    tracing::warn!(event = "stream_differs", request_id, bytes, "the child left something out of the stream");
}

impl Drop for Running {
    fn drop(&mut self) {
        self.metrics.tool_buffers(self.gather.close());
        if let Some(log) = &mut self.work {
            log.end(self.gather.work());
        }
    }
}
