//! What a client is told while, and after, the model speaks.

mod cuts;
mod frames;
mod texts;
