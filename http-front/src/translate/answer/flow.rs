//! Which way a text goes: out as it comes, or held back.

use super::{Expect, Shape, filter::Filter, held::Held};
use crate::translate::limit::Limits;

/// What becomes of the text of an answer.
#[derive(Debug)]
pub(super) enum Flow {
    /// It goes out as it comes.
    Through,
    /// It goes out as it comes, but for parts.
    Filtered(Filter),
    /// It is held back until the answer is complete.
    Held(Held),
}

impl Flow {
    pub(super) fn of(expect: &Expect, stream: bool) -> Self {
        let limits = &expect.limits;
        let plain = !limits.any() && expect.blocks.is_none();
        match &expect.shape {
            Shape::Text if plain => Self::Through,
            Shape::Text if stream => Self::Filtered(Filter::new(limits, expect.blocks.clone())),
            // Each message of an agent is of the schema, and the last one is the answer.
            Shape::Schema(_) if expect.agent => Self::Held(Held::new(&limits.length())),
            Shape::Schema(output) if stream && output.is_exact() && limits.any() => {
                Self::Filtered(Filter::new(limits, None))
            }
            Shape::Schema(output) if stream && output.is_exact() => Self::Through,
            // A call is not cut: a part of one is of no use.
            Shape::Calls(..) => Self::Held(Held::new(&Limits::default())),
            // What the client reads is known at the end alone; stop texts are looked for there.
            Shape::Schema(_) | Shape::Object => Self::Held(Held::new(&limits.length())),
            Shape::Text => Self::Held(Held::new(limits)),
        }
    }
}
