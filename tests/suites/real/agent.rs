//! The profile `agent`: codex's own tools, within the operator's sandbox, for whoever may have them.

mod beside;
mod ends;
mod forms;
mod retries;
mod rights;
mod sandbox;
mod spans;
pub(super) mod stage;
mod terminal;
mod work;
