//! Whatever a client may legally send, on one pair around the real child: nothing goes up that OpenAI refuses, the
//! model sees just what was said, and the client reads just what the model answers.
//!
//! Requests and answers are made by chance. What must come of them is told by a reading of its own ([`history`]),
//! made of nothing but the documents; that of the product it never looks at.

mod answers;
mod bodies;
mod history;
pub(crate) mod instances;
mod messages;
mod schemas;
mod seen;
mod stage;
mod test;
mod texts;
mod tools;

/// An hour's worth of other chances.
mod long;
