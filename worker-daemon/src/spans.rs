//! The daemon's spans, by the conventions for JSON-RPC: of each turn, and of what else a client asked for in vain or for long.
//!
//! Owns the names of the attributes and events. What it is told holds no text of a client or the model, so no span does.
//! Ending a span hands it to the queue of the exporter, which runs elsewhere: nothing waits here.

mod call;
mod running;

use crate::mux::observe::span::{Begun, Opened, Tracer};
use call::Call;
use opentelemetry_sdk::trace::SdkTracer;
use running::{About, Running};
use std::time::SystemTime;

/// Makes spans that are exported.
#[derive(Debug)]
pub struct Exported(SdkTracer);

impl Exported {
    /// Spans of this tracer.
    pub fn new(tracer: SdkTracer) -> Self {
        Self(tracer)
    }
}

impl Tracer for Exported {
    fn begin(&mut self, begun: &Begun<'_>) -> Option<Opened> {
        let Begun { parent, method, id, request, thread, turn, at } = *begun;
        let about = About { method, id, request, thread, arrived: (at, SystemTime::now()) };
        if !turn {
            return Some(Opened {
                span: Box::new(Call::new(self.0.clone(), parent.clone(), &about)),
                trace: None,
            });
        }
        let running = Running::begin(&self.0, parent.clone(), &about)?;
        let trace = Some(running.context()?);
        Some(Opened { span: Box::new(running), trace })
    }
}

#[cfg(test)]
mod tests;
