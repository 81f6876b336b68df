//! The fields of an event of `tracing`, kept until the line is written.
//!
//! Their texts stand in one buffer: a line of a request has twenty of them.

use super::{MAX_TEXT, Told};
use serde_json::Value;
use std::{
    fmt::{self, Write as _},
    ops::Range,
};
use tracing::field::{Field, Visit};

/// A field's value.
#[derive(Debug)]
pub(super) enum Kept {
    Text(Range<usize>),
    Other(Value),
}

/// The fields of one event.
#[derive(Debug)]
pub(super) struct Fields {
    texts: String,
    all: Vec<(&'static str, Kept)>,
}

impl Fields {
    pub(super) fn new() -> Self {
        Self { texts: String::with_capacity(512), all: Vec::with_capacity(24) }
    }

    /// Takes a field out.
    pub(super) fn take(&mut self, name: &str) -> Option<Kept> {
        let at = self.all.iter().position(|(n, _)| *n == name)?;
        Some(self.all.remove(at).1)
    }

    /// What a field tells.
    pub(super) fn told<'a>(&'a self, kept: &'a Kept) -> Told<'a> {
        match kept {
            Kept::Text(at) => Told::Text(self.texts.get(at.clone()).unwrap_or_default()),
            Kept::Other(value) => Told::Value(value.clone()),
        }
    }

    /// The text of a field that was taken out, where it is one.
    pub(super) fn text<'a>(&'a self, kept: Option<&Kept>) -> Option<&'a str> {
        match kept? {
            Kept::Text(at) => self.texts.get(at.clone()),
            Kept::Other(_) => None,
        }
    }

    /// The fields that are left, in order.
    pub(super) fn rest(&self) -> impl Iterator<Item = (&'static str, Told<'_>)> {
        self.all.iter().map(|(name, kept)| (*name, self.told(kept)))
    }

    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.all.push((field.name(), Kept::Other(value.into())));
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let from = self.texts.len();
        // Writing into a text can't fail; what fails to be shown is shown as far as it goes.
        let _written = write!(self.texts, "{value:?}");
        if !is_clean(&self.texts[from..]) {
            let text = cleaned(&self.texts[from..]);
            self.texts.truncate(from);
            self.texts.push_str(&text);
        }
        self.all.push((field.name(), Kept::Text(from..self.texts.len())));
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        let from = self.texts.len();
        // A text may be long: no more of it is copied than stays.
        if is_clean(value) {
            self.texts.push_str(value);
        } else {
            self.texts.push_str(&cleaned(value));
        }
        self.all.push((field.name(), Kept::Text(from..self.texts.len())));
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }
}

/// Nearly every text is a name of ours.
fn is_clean(text: &str) -> bool {
    text.len() <= MAX_TEXT && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// One line's worth of text: bounded, and nothing in it that a terminal obeys.
pub(super) fn cleaned(text: &str) -> String {
    let breaks = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().take(MAX_TEXT).map(|c| if breaks(c) { ' ' } else { c }).collect()
}
