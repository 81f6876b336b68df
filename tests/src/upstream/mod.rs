//! A scripted Responses API: the model provider of a codex child under test.
//!
//! It owns one listener on loopback. It promises to answer each request as its [`Brain`] says, to refuse what
//! OpenAI would refuse, to remember both, and to notice at once when the peer hangs up. It never sleeps but
//! where a script says so, and it never leaves anything running when it is dropped.

mod brain;
mod events;
mod gate;
mod items;
mod pieces;
mod player;
mod reasoning;
mod record;
mod refusal;
mod reply;
mod script;
mod server;
mod sse;
mod strict;

pub use brain::{Brain, Queue};
pub use events::Usage;
pub use gate::Gate;
pub use pieces::Pieces;
pub use reasoning::Reasoning;
pub use record::{Expired, Outcome, RecordMode, Recorded, Totals};
pub use reply::Reply;
pub use script::{DIRECTIVES, Directives};
pub use server::{Config, Upstream};

/// What OpenAI would refuse of the body of a Responses request, the first thing first.
#[must_use]
pub fn refused(body: &serde_json::Value) -> Vec<String> {
    strict::check(body).iter().map(ToString::to_string).collect()
}
