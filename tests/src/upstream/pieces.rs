//! A text as the deltas that carry it, with whatever happens between them.

use std::time::Duration;

use super::gate::Gate;

/// What happens while a text is being written.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Delta(String),
    Pause(Duration),
    Wait(Gate),
    Signal(Gate),
    Cut,
    Stall,
}

/// A text in deltas. A plain string is one delta.
#[derive(Clone, Debug, Default)]
pub struct Pieces {
    steps: Vec<Step>,
}

impl Pieces {
    /// No delta yet: add them with [`Pieces::delta`].
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// The whole text in one delta; an empty text has none.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() { Self::empty() } else { Self::empty().delta(text) }
    }

    /// Exactly these deltas, empty ones too.
    #[must_use]
    pub fn deltas<I>(deltas: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        Self { steps: deltas.into_iter().map(|delta| Step::Delta(delta.into())).collect() }
    }

    /// Adds one delta.
    #[must_use]
    pub fn delta(self, text: impl Into<String>) -> Self {
        self.then(Step::Delta(text.into()))
    }

    /// Nothing for this long.
    #[must_use]
    pub fn pause(self, time: Duration) -> Self {
        self.then(Step::Pause(time))
    }

    /// Nothing until the test opens the gate.
    #[must_use]
    pub fn wait(self, gate: &Gate) -> Self {
        self.then(Step::Wait(gate.clone()))
    }

    /// Opens the gate once everything before it was handed to the connection.
    #[must_use]
    pub fn signal(self, gate: &Gate) -> Self {
        self.then(Step::Signal(gate.clone()))
    }

    /// Aborts the connection here.
    #[must_use]
    pub fn cut(self) -> Self {
        self.then(Step::Cut)
    }

    /// Silence from here on, until the peer closes.
    #[must_use]
    pub fn stall(self) -> Self {
        self.then(Step::Stall)
    }

    /// Splits every delta so far into deltas of `count` characters (at least one).
    #[must_use]
    pub fn chars(self, count: usize) -> Self {
        let count = count.max(1);
        let mut steps = Vec::new();
        for step in self.steps {
            match step {
                Step::Delta(text) if !text.is_empty() => split(&text, count, &mut steps),
                step @ (Step::Delta(_)
                | Step::Pause(_)
                | Step::Wait(_)
                | Step::Signal(_)
                | Step::Cut
                | Step::Stall) => steps.push(step),
            }
        }
        Self { steps }
    }

    /// Pauses between any two deltas so far.
    #[must_use]
    pub fn paced(self, time: Duration) -> Self {
        let mut steps = Vec::with_capacity(self.steps.len() * 2);
        let mut seen = false;
        for step in self.steps {
            if matches!(step, Step::Delta(_)) {
                if seen {
                    steps.push(Step::Pause(time));
                }
                seen = true;
            }
            steps.push(step);
        }
        Self { steps }
    }

    /// Aborts the connection after `count` of the deltas so far, or after the last.
    #[must_use]
    pub fn cut_after(self, count: usize) -> Self {
        let mut kept = Vec::new();
        let mut seen = 0;
        for step in self.steps {
            let is_delta = matches!(step, Step::Delta(_));
            if is_delta && seen == count {
                break;
            }
            seen += usize::from(is_delta);
            kept.push(step);
        }
        kept.push(Step::Cut);
        Self { steps: kept }
    }

    /// How many deltas there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step, Step::Delta(_))).count()
    }

    /// The text that the deltas make up.
    #[must_use]
    pub fn whole(&self) -> String {
        let mut text = String::new();
        for step in &self.steps {
            if let Step::Delta(delta) = step {
                text.push_str(delta);
            }
        }
        text
    }

    pub(super) fn into_steps(self) -> Vec<Step> {
        self.steps
    }

    fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}

impl From<&str> for Pieces {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Pieces {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

fn split(text: &str, count: usize, steps: &mut Vec<Step>) {
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.char_indices().nth(count).map_or(rest.len(), |(at, _)| at);
        let (head, tail) = rest.split_at(end);
        steps.push(Step::Delta(head.to_owned()));
        rest = tail;
    }
}
