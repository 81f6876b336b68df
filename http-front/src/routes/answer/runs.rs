//! The turns of one request: one for each answer that it asks for, so many side by side.

use super::{
    running::{Got, Running},
    starter::Starter,
};
use crate::{
    error::{ApiError, Kind},
    openai::usage::Tokens,
    translate::{plan::Plan, work::CommandDone},
};
use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use std::{future::Future, iter::Enumerate, pin::Pin, sync::Arc, vec::IntoIter};

/// What comes next of one turn, with the turn itself.
type Next = Pin<Box<dyn Future<Output = (usize, Running, Result<Got, ApiError>)> + Send>>;

/// Running answers, each with its index. Dropping them interrupts their turns.
pub(super) struct Runs {
    set: Set,
    streams: bool,
    ended: Ended,
    /// What was held back of the text that ended last, where it was broken off.
    rest: String,
}

enum Set {
    /// Most requests ask for one answer.
    One(Box<Running>),
    Many(Many),
    Over,
}

/// Several turns.
struct Many {
    running: FuturesUnordered<Next>,
    /// Those that start as others end.
    waiting: Enumerate<IntoIter<Plan>>,
    starter: Arc<Starter>,
}

impl Many {
    /// Starts the next one, if one is left.
    fn start(&mut self) {
        let Some((index, plan)) = self.waiting.next() else { return };
        let starter = Arc::clone(&self.starter);
        self.running.push(Box::pin(async move { next(index, starter.start(index, plan).await).await }));
    }
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
    /// One is over, as it should be or not. What failed may have used more than was told of it.
    fn add(&mut self, run: &Running, told: bool) {
        match run.usage().filter(|_| told) {
            Some(tokens) => *self.usage.get_or_insert_default() += tokens,
            None => self.untold = true,
        }
        self.threads.extend(run.threads().iter().cloned());
        self.work.extend(run.work().iter().cloned());
    }
}

impl Runs {
    /// Runs these turns, in the order of their indexes, at most so many at the same time.
    pub(super) async fn start(starter: Starter, mut plans: Vec<Plan>, at_once: usize) -> Self {
        let streams = starter.streams();
        let set = match (plans.pop(), plans.is_empty()) {
            (Some(one), true) => Set::One(Box::new(starter.start(0, one).await)),
            (last, _) => {
                plans.extend(last);
                let mut many = Many {
                    running: FuturesUnordered::new(),
                    waiting: plans.into_iter().enumerate(),
                    starter: Arc::new(starter),
                };
                (0..at_once.max(1)).for_each(|_| many.start());
                Set::Many(many)
            }
        };
        Self { set, streams, ended: Ended::default(), rest: String::new() }
    }

    /// Whether text goes out as it comes.
    pub(super) fn streams(&self) -> bool {
        self.streams
    }

    /// Whether all answers are complete.
    pub(super) fn is_over(&self) -> bool {
        match &self.set {
            Set::One(_) => false,
            Set::Many(many) => many.running.is_empty(),
            Set::Over => true,
        }
    }

    /// What the turns used; `None` where one of them didn't tell, or is not over.
    pub(super) fn usage(&self) -> Option<Tokens> {
        self.ended.usage.filter(|_| !self.ended.untold && self.is_over())
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
            Set::Many(many) => {
                let (index, run, got) = many.running.next().await?;
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
            Set::Many(many) => {
                let (index, run, got) = many.running.next().now_or_never()??;
                Some((index, self.many(index, run, got)))
            }
            Set::Over => None,
        }
    }

    /// What was held back of the text whose error came last. Once.
    pub(super) fn take_rest(&mut self) -> String {
        std::mem::take(&mut self.rest)
    }

    fn one(&mut self, got: Result<Got, ApiError>) -> Result<Got, ApiError> {
        if is_last(&got)
            && let Set::One(mut run) = std::mem::replace(&mut self.set, Set::Over)
        {
            self.end(&mut run, &got);
        }
        got
    }

    fn many(&mut self, index: usize, mut run: Running, got: Result<Got, ApiError>) -> Result<Got, ApiError> {
        if is_last(&got) {
            self.end(&mut run, &got);
            // Its turn makes room before the next one needs it.
            drop(run);
            if let Set::Many(many) = &mut self.set {
                many.start();
            }
        } else if let Set::Many(many) = &self.set {
            many.running.push(Box::pin(next(index, run)));
        }
        got
    }

    fn end(&mut self, run: &mut Running, got: &Result<Got, ApiError>) {
        let told = match got {
            Ok(_) => true,
            Err(error) => {
                self.rest = run.flush();
                // A policy ends a choice after its model calls were told, as far as they were. And a text may be of no use
                // although its turn was whole.
                error.kind() == Kind::ContentPolicy || run.is_complete()
            }
        };
        self.ended.add(run, told);
    }
}

fn is_last(got: &Result<Got, ApiError>) -> bool {
    matches!(got, Ok(Got::Done(_)) | Err(_))
}

async fn next(index: usize, mut run: Running) -> (usize, Running, Result<Got, ApiError>) {
    let got = run.next().await;
    (index, run, got)
}
