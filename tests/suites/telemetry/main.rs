//! What reaches a collector: the front's spans and metrics, over both protocols, and what becomes of requests when the
//! collector misbehaves. Around the fake child.

mod ask;
mod collector;
mod content;
mod environment;
mod metrics;
mod outage;
mod sampling;
mod spans;
mod streams;
