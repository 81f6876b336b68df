//! Counts one request.

use crate::{observe::Ended, records::usage::Asked, translate::event::Delta};
use http::StatusCode;

/// What is counted of one request. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Counted;

impl Counted {
    /// It goes to this route.
    pub fn routed(&self, _route: &'static str) {}

    /// What it asks the model for.
    pub fn asks(&self, _asked: &Asked) {}

    /// The model gave a sign of life, or said this.
    pub fn heard(&self, _delta: Option<&Delta>) {}

    /// The head of its answer goes out.
    pub fn head(&self, _status: StatusCode) {}

    /// It is over.
    pub fn ended(&self, _ended: &Ended<'_>) {}

    /// It is not counted.
    pub fn quiet(&self) {}
}
