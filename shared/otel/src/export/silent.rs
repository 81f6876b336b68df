//! Connections that say nothing: what the libraries under them tell at `debug` has addresses, and words of a collector.

use hyper::rt::Executor;
use hyper_util::rt::TokioExecutor;
use tracing::{Dispatch, instrument::WithSubscriber};

/// Runs their tasks in the current runtime, without a log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Silent;

impl<F> Executor<F> for Silent
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, task: F) {
        TokioExecutor::new().execute(task.with_subscriber(Dispatch::none()));
    }
}
