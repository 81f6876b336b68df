//! What a client is told while, and after, the model speaks.

mod cuts;
mod failures;
mod frames;
mod texts;
