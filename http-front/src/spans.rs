//! The span of one request.

use crate::{observe::Ended, records::usage::Asked, translate::event::Delta};
use http::StatusCode;
use shared::rpc::Trace;
use std::sync::Arc;

/// The span of one request. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct RequestSpan;

impl RequestSpan {
    /// It goes to this route.
    pub fn routed(&self, _route: &'static str) {}

    /// What it asks the model for.
    pub fn asks(&self, _asked: &Asked) {}

    /// The model gave a sign of life, or said this.
    pub fn heard(&self, _delta: Option<&Delta>) {}

    /// A comment kept its stream open.
    pub fn kept_alive(&self) {}

    /// The head of its answer goes out.
    pub fn head(&self, _status: StatusCode) {}

    /// It is over.
    pub fn ended(&self, _ended: &Ended<'_>) {}

    /// It is not traced.
    pub fn quiet(&self) {}

    /// What a turn is told to belong to.
    pub fn context(&self) -> Option<Arc<Trace>> {
        None
    }
}
