//! What a request has come to cost. Pure.
//!
//! Exact where the provider told what was used; else what its body is estimated at, and the text that came; nothing where
//! the model was never asked.

use super::core::Used;
use crate::{error::Kind, openai::usage::Tokens, translate::event::Delta};

/// About so many bytes of text are a token.
const BYTES: u64 = 4;

/// The estimate for so many bytes.
pub(super) fn estimate(bytes: usize) -> u64 {
    (bytes as u64).div_ceil(BYTES)
}

/// How far a request has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    /// Nothing was asked of the model.
    #[default]
    Outside,
    /// The model was asked, and gave no sign of life yet.
    Asked,
    /// The model works.
    Working,
}

/// What a request has cost so far.
#[derive(Debug, Default)]
pub(super) struct Spent {
    stage: Stage,
    runs: usize,
    /// Bytes of what came in pieces, and of what came as a whole: the same text may come as both.
    pieces: u64,
    wholes: u64,
    end: Option<Result<(), Kind>>,
    usage: Option<Tokens>,
}

impl Spent {
    /// The model is asked, in so many runs.
    pub(super) fn asked(&mut self, runs: usize) {
        (self.stage, self.runs) = (Stage::Asked, runs);
    }

    /// The model works.
    pub(super) fn alive(&mut self) {
        self.stage = Stage::Working;
    }

    /// The model said something.
    pub(super) fn heard(&mut self, delta: &Delta) {
        match delta {
            Delta::Text { text, .. } | Delta::Reasoning { text, .. } => self.pieces += text.len() as u64,
            Delta::Message { text } | Delta::Reasoned { text } => self.wholes += text.len() as u64,
            Delta::Call { arguments, .. } => {
                let bytes = arguments.len() as u64;
                (self.pieces, self.wholes) = (self.pieces + bytes, self.wholes + bytes);
            }
            Delta::Alive
            | Delta::Begun
            | Delta::Foreign
            | Delta::Command(_)
            | Delta::Usage(_)
            | Delta::End(_) => {}
            // The model was not asked, or is asked anew.
            Delta::Thread(_) | Delta::Retry => return,
        }
        self.alive();
    }

    /// It was answered, or failed with this.
    pub(super) fn ended(&mut self, end: Result<(), Kind>) {
        self.end = Some(end);
    }

    /// What the provider told.
    pub(super) fn told(&mut self, usage: Option<Tokens>) {
        self.usage = usage;
    }

    /// What counts.
    pub(super) fn used(&self) -> Used {
        let estimated = Used::Held(estimate_of(self.pieces.max(self.wholes)));
        match (self.stage, self.usage, self.end) {
            (Stage::Outside, _, _) => Used::Tokens(0),
            // Where several runs were broken off, what is known is what those used that were over.
            (_, Some(usage), Some(Ok(()))) => Used::Tokens(usage.total),
            (_, Some(usage), _) if self.runs == 1 => Used::Tokens(usage.total),
            (Stage::Asked, _, Some(Err(kind))) if !may_have_run(kind) => Used::Tokens(0),
            (Stage::Asked | Stage::Working, _, _) => estimated,
        }
    }
}

fn estimate_of(bytes: u64) -> u64 {
    bytes.div_ceil(BYTES)
}

/// Whether the model may have worked on a request that failed so without a sign of life.
fn may_have_run(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::WorkerRestarted
            | Kind::Upstream
            | Kind::Timeout
            | Kind::ContentPolicy
            | Kind::SlowReader
            | Kind::Internal
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn usage(total: u64) -> Option<Tokens> {
        Some(Tokens { total, ..Tokens::default() })
    }

    fn text(bytes: usize) -> Delta {
        Delta::Text { item: Bytes::new(), text: vec![b'x'; bytes].into() }
    }

    fn spent(runs: usize, act: impl FnOnce(&mut Spent)) -> Used {
        let mut spent = Spent::default();
        spent.asked(runs);
        act(&mut spent);
        spent.used()
    }

    #[test]
    fn nothing_is_asked_and_nothing_counts() {
        let mut spent = Spent::default();
        assert_eq!(spent.used(), Used::Tokens(0));
        spent.ended(Err(Kind::InvalidRequest));
        assert_eq!(spent.used(), Used::Tokens(0));
    }

    #[test]
    fn what_is_told_counts_where_it_is_all() {
        let told = |runs, end: fn(&mut Spent)| {
            spent(runs, |spent| {
                spent.heard(&text(40));
                spent.told(usage(7));
                end(spent);
            })
        };
        assert_eq!(told(1, |s| s.ended(Ok(()))), Used::Tokens(7));
        assert_eq!(told(3, |s| s.ended(Ok(()))), Used::Tokens(7));
        assert_eq!(told(1, |s| s.ended(Err(Kind::Upstream))), Used::Tokens(7));
        assert_eq!(told(3, |s| s.ended(Err(Kind::Upstream))), Used::Held(10));
        assert_eq!(told(3, |_| {}), Used::Held(10), "the client left");
    }

    #[test]
    fn what_never_ran_is_free_and_what_may_have_run_is_not() {
        let failed = |kind| spent(1, |spent| spent.ended(Err(kind)));
        for free in [Kind::Overloaded, Kind::WorkerUnavailable, Kind::RateLimited, Kind::ContextLength] {
            assert_eq!(failed(free), Used::Tokens(0), "{free:?}");
        }
        for costly in [Kind::Upstream, Kind::Timeout, Kind::WorkerRestarted, Kind::SlowReader] {
            assert_eq!(failed(costly), Used::Held(0), "{costly:?}");
        }
        assert_eq!(spent(1, |_| {}), Used::Held(0), "the client left while the model was asked");
        let late = |delta: &Delta| {
            spent(1, |spent| {
                spent.heard(delta);
                spent.ended(Err(Kind::RateLimited));
            })
        };
        assert_eq!(late(&Delta::Alive), Used::Held(0));
        assert_eq!(late(&Delta::Retry), Used::Tokens(0));
    }

    #[test]
    fn a_text_that_comes_twice_counts_once() {
        let used = spent(1, |spent| {
            spent.heard(&text(17));
            spent.heard(&Delta::Message { text: "x".repeat(15) });
        });
        assert_eq!(used, Used::Held(5));
    }
}
