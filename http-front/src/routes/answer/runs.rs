//! The turns of one request: one for each answer that it asks for, side by side.

use super::running::{Got, Running};
use crate::{error::ApiError, openai::usage::Tokens, translate::work::CommandDone};
use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use std::{future::Future, pin::Pin, sync::Arc};

/// What comes next of one turn, with the turn itself.
type Next = Pin<Box<dyn Future<Output = (usize, Running, Result<Got, ApiError>)> + Send>>;

/// Running answers, each with its index. Dropping them interrupts their turns.
pub(super) struct Runs {
    set: Set,
    streams: bool,
    ended: Ended,
}

enum Set {
    /// Most requests ask for one answer.
    One(Box<Running>),
    Many(FuturesUnordered<Next>),
    Over,
}

/// What is known of the turns that are over.
#[derive(Default)]
struct Ended {
    usage: Option<Tokens>,
    /// Whether one of them didn't tell what it used: then the sum would be wrong.
    untold: bool,
    threads: Vec<Arc<str>>,
    work: Vec<CommandDone>,
}

impl Ended {
    fn add(&mut self, run: &Running) {
        match run.usage() {
            Some(tokens) => *self.usage.get_or_insert_default() += tokens,
            None => self.untold = true,
        }
        self.threads.extend(run.threads().iter().cloned());
        self.work.extend(run.work().iter().cloned());
    }
}

impl Runs {
    /// These answers, in the order of their indexes.
    pub(super) fn new(mut running: Vec<Running>) -> Self {
        let streams = running.first().is_some_and(Running::streams);
        let set = match (running.pop(), running.is_empty()) {
            (Some(one), true) => Set::One(Box::new(one)),
            (last, _) => {
                running.extend(last);
                Set::Many(running.into_iter().enumerate().map(|(index, run)| next(index, run)).collect())
            }
        };
        Self { set, streams, ended: Ended::default() }
    }

    /// Whether text goes out as it comes.
    pub(super) fn streams(&self) -> bool {
        self.streams
    }

    /// Whether all answers are complete.
    pub(super) fn is_over(&self) -> bool {
        match &self.set {
            Set::One(_) => false,
            Set::Many(runs) => runs.is_empty(),
            Set::Over => true,
        }
    }

    /// What the turns used that are over; `None` where one of them didn't tell.
    pub(super) fn usage(&self) -> Option<Tokens> {
        self.ended.usage.filter(|_| !self.ended.untold)
    }

    /// The threads of the turns that are over.
    pub(super) fn threads(&self) -> &[Arc<str>] {
        &self.ended.threads
    }

    /// What agents did whose turns are over.
    pub(super) fn work(&self) -> &[CommandDone] {
        &self.ended.work
    }

    /// Interrupts what still runs.
    pub(super) fn stop(&mut self) {
        if !self.is_over() {
            self.ended.untold = true;
        }
        self.set = Set::Over;
    }

    /// The next thing in one of the answers, `None` when all are complete. After an error nothing more comes of that
    /// one. Cancel safe.
    pub(super) async fn next(&mut self) -> Option<(usize, Result<Got, ApiError>)> {
        match &mut self.set {
            Set::One(run) => {
                let got = run.next().await;
                Some((0, self.one(got)))
            }
            Set::Many(runs) => {
                let (index, run, got) = runs.next().await?;
                Some((index, self.many(index, run, got)))
            }
            Set::Over => None,
        }
    }

    /// What is there already; `None` when nothing is.
    pub(super) fn try_next(&mut self) -> Option<(usize, Result<Got, ApiError>)> {
        match &mut self.set {
            Set::One(run) => {
                let got = run.try_next().transpose()?;
                Some((0, self.one(got)))
            }
            Set::Many(runs) => {
                let (index, run, got) = runs.next().now_or_never()??;
                Some((index, self.many(index, run, got)))
            }
            Set::Over => None,
        }
    }

    fn one(&mut self, got: Result<Got, ApiError>) -> Result<Got, ApiError> {
        if is_last(&got)
            && let Set::One(run) = std::mem::replace(&mut self.set, Set::Over)
        {
            self.ended.add(&run);
        }
        got
    }

    fn many(&mut self, index: usize, run: Running, got: Result<Got, ApiError>) -> Result<Got, ApiError> {
        if is_last(&got) {
            self.ended.add(&run);
        } else if let Set::Many(runs) = &self.set {
            runs.push(next(index, run));
        }
        got
    }
}

fn is_last(got: &Result<Got, ApiError>) -> bool {
    matches!(got, Ok(Got::Done(_)) | Err(_))
}

fn next(index: usize, mut run: Running) -> Next {
    Box::pin(async move {
        let got = run.next().await;
        (index, run, got)
    })
}
