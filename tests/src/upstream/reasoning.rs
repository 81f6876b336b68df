//! A reasoning item, before it is written as events.

use super::pieces::Pieces;

/// A reasoning item: parts of a summary, the raw text, the encrypted form. A plain string is one summary part.
#[derive(Clone, Debug)]
pub struct Reasoning {
    pub(super) summary: Vec<Pieces>,
    pub(super) raw: Option<Pieces>,
    pub(super) encrypted: Option<String>,
}

impl Default for Reasoning {
    fn default() -> Self {
        Self::new()
    }
}

impl Reasoning {
    /// No summary and no raw text, only an encrypted form.
    #[must_use]
    pub fn new() -> Self {
        Self { summary: Vec::new(), raw: None, encrypted: Some("gAAAAA-scripted".to_owned()) }
    }

    /// Adds one part to the summary.
    #[must_use]
    pub fn summary(mut self, part: impl Into<Pieces>) -> Self {
        self.summary.push(part.into());
        self
    }

    /// Sets the raw text.
    #[must_use]
    pub fn raw(mut self, text: impl Into<Pieces>) -> Self {
        self.raw = Some(text.into());
        self
    }

    /// Sets the encrypted form, or none.
    #[must_use]
    pub fn encrypted(mut self, content: Option<&str>) -> Self {
        self.encrypted = content.map(str::to_owned);
        self
    }
}

impl From<&str> for Reasoning {
    fn from(part: &str) -> Self {
        Self::new().summary(part)
    }
}
