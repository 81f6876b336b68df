//! Starts the turns of one request.

use super::{
    running::{Again, Running},
    watched::{Signs, Watched},
};
use crate::{
    daemon::{asker::Asker, pool::Daemon},
    metrics::Metrics,
    observe::Observe,
    trace::Trace,
    translate::{
        answer::{Expect, Gather},
        plan::Plan,
    },
    worklog::WorkLog,
};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What all turns of a request have in common.
pub(super) struct Starter {
    pub(super) daemon: Daemon,
    /// For whom they are.
    pub(super) asker: Asker,
    pub(super) metrics: Arc<Metrics>,
    /// What each answer must be like.
    pub(super) expect: Arc<Expect>,
    /// The name of the answer.
    pub(super) id: String,
    /// The name of the request.
    pub(super) request_id: String,
    pub(super) stream: bool,
    /// Whether a turn whose text isn't what it must be is run once more.
    pub(super) once_more: bool,
    /// How long they may be silent together.
    pub(super) idle: Duration,
    /// When they have taken too long.
    pub(super) deadline: Instant,
    pub(super) signs: Arc<Signs>,
    pub(super) force: CancellationToken,
    /// Where what goes over the socket is kept, where it is.
    pub(super) trace: Option<Trace>,
    /// Who is told that a turn is run once more.
    pub(super) observe: Observe,
}

impl Starter {
    /// Whether text goes out as it comes.
    pub(super) fn streams(&self) -> bool {
        self.gather(0).streams()
    }

    fn gather(&self, index: usize) -> Gather {
        Gather::new(Arc::clone(&self.expect), &self.id, index, self.stream)
    }

    /// Starts the turn of the answer with this index. Cancel safe.
    pub(super) async fn start(&self, index: usize, plan: Plan) -> Running {
        let again = self.once_more.then(|| Again {
            daemon: self.daemon.clone(),
            plan: plan.clone(),
            asker: self.asker.clone(),
            trace: self.trace.clone(),
            observe: self.observe.clone(),
        });
        let trace = self.trace.as_ref().map(Trace::turn);
        let turn = self.daemon.start(plan, self.asker.clone(), trace).await;
        let watched =
            Watched::new(turn, self.idle, Arc::clone(&self.signs), self.deadline, self.force.clone());
        let work = self.expect.agent.then(|| WorkLog::new(&self.request_id, self.observe.clone()));
        let metrics = Arc::clone(&self.metrics);
        Running::new(watched, self.gather(index), again, &self.request_id, metrics).logging(work)
    }
}
