//! The attempts to send one message.
//!
//! Promises that an attempt ends within its time, that there are at most [`ATTEMPTS`] of them, and that at the end of the
//! program no new one is begun. Only what the standard calls passing is tried again.

use super::{Around, Failure, signal::Signal, wire::Wire};
use async_trait::async_trait;
use bytes::Bytes;
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// How often a message is sent.
const ATTEMPTS: u32 = 4;
/// The wait behind the first attempt; it doubles.
const WAIT: Duration = Duration::from_secs(1);

/// Sends what the library has encoded. Stands where the library wants a client of HTTP, and takes the message alone: the
/// address and the headers are the configuration's, and the library takes some out of the environment.
#[derive(Debug)]
pub(super) struct Attempts {
    wire: Wire,
    signal: Signal,
    timeout: Duration,
    ending: CancellationToken,
    outcome: Arc<Outcome>,
}

/// What became of the message that was sent last. The library would tell it in a text and a log line, which may have
/// words of the collector.
#[derive(Debug, Default)]
pub(super) struct Outcome(Mutex<Option<Result<u64, Failure>>>);

impl Outcome {
    fn set(&self, outcome: Result<u64, Failure>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
    }

    /// How many the collector refused of what it took, or why it took nothing; once.
    pub(super) fn take(&self) -> Option<Result<u64, Failure>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Attempts {
    pub(super) fn new(
        wire: Wire,
        signal: Signal,
        timeout: Duration,
        around: &Around,
        outcome: Arc<Outcome>,
    ) -> Self {
        Self { wire, signal, timeout, ending: around.ending.clone(), outcome }
    }

    async fn all(&self, message: Bytes) -> Result<u64, Failure> {
        let mut wait = WAIT;
        for _ in 1..ATTEMPTS {
            match self.once(message.clone()).await {
                Err(failure) if failure.passes() && !self.ending.is_cancelled() => {}
                done @ (Ok(_) | Err(_)) => return done,
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => wait *= 2,
                // One more: what waits is lost else.
                () = self.ending.cancelled() => break,
            }
        }
        self.once(message).await
    }

    async fn once(&self, message: Bytes) -> Result<u64, Failure> {
        let answer = tokio::time::timeout(self.timeout, self.wire.send(message)).await;
        self.signal.refused(answer.map_err(|_| Failure::Late)??)
    }
}

#[async_trait]
impl HttpClient for Attempts {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let outcome = self.all(request.into_body()).await;
        self.outcome.set(outcome);
        // An answer without a word.
        outcome.map(|_| Response::new(Bytes::new())).map_err(HttpError::from)
    }
}
