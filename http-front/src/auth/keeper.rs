//! What becomes of the keys when their file changes. Pure: what was seen and the time are arguments.
//!
//! It promises that a file which can't be used changes nothing, that one which is gone closes its keys, and that what
//! lasts is said once a minute and not once a look.

use shared::keys::{Entry, Problem};
use std::time::{Duration, Instant};

/// How often what lasts is said again.
const AGAIN: Duration = Duration::from_secs(60);
/// Looks in a row that find no file before its keys are closed: an editor may take it away for a moment.
const LOOKS: u32 = 2;

/// What a look at the file found.
#[derive(Debug)]
pub(super) enum Look {
    /// The same as the last one.
    Same,
    /// No file.
    Missing,
    /// One that can't be used.
    Unusable(Vec<Problem>),
    /// One with these keys.
    Read(Vec<Entry>),
}

/// What is to be logged.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// The keys of the file are in force.
    Loaded,
    /// The file can't be used; the keys are those that it had.
    Failed(Vec<Problem>),
    /// The file is gone, and with it its keys.
    Closed,
}

/// What is to be done after a look.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    /// Whether [`Keeper::entries`] are others than before.
    pub(super) changed: bool,
    /// What is to be logged.
    pub(super) told: Option<Told>,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Good,
    Missing(u32),
    Unusable(Vec<Problem>),
}

/// The keys of the file, and how it is with the file.
#[derive(Debug)]
pub(super) struct Keeper {
    entries: Vec<Entry>,
    state: State,
    /// When what lasts was said.
    said: Option<Instant>,
}

impl Keeper {
    /// With the keys of a file that was read.
    pub(super) fn new(entries: Vec<Entry>) -> Self {
        Self { entries, state: State::Good, said: None }
    }

    /// The keys in force.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether the file can be used, as far as is known.
    pub(super) fn is_good(&self) -> bool {
        match self.state {
            State::Good => true,
            State::Missing(looks) => looks < LOOKS,
            State::Unusable(_) => false,
        }
    }

    /// Takes what a look at `now` has found. What an operator asked for is always answered with a line.
    pub(super) fn look(&mut self, look: Look, asked: bool, now: Instant) -> Step {
        match look {
            Look::Same => self.same(asked, now),
            Look::Missing => self.missing(asked, now),
            Look::Unusable(problems) => {
                let begins = !matches!(self.state, State::Unusable(_));
                let told = self.due(begins || asked, now).then(|| Told::Failed(problems.clone()));
                self.state = State::Unusable(problems);
                Step { changed: false, told }
            }
            Look::Read(entries) => {
                let changed = self.entries != entries;
                let say = changed || asked || self.state != State::Good;
                (self.entries, self.state, self.said) = (entries, State::Good, None);
                Step { changed, told: say.then_some(Told::Loaded) }
            }
        }
    }

    fn same(&mut self, asked: bool, now: Instant) -> Step {
        match &self.state {
            State::Good => Step { changed: false, told: asked.then_some(Told::Loaded) },
            State::Missing(_) => self.missing(asked, now),
            State::Unusable(problems) => {
                let told = Told::Failed(problems.clone());
                Step { changed: false, told: self.due(asked, now).then_some(told) }
            }
        }
    }

    fn missing(&mut self, asked: bool, now: Instant) -> Step {
        let before = match self.state {
            State::Missing(looks) => looks,
            State::Good | State::Unusable(_) => 0,
        };
        let looks = before.saturating_add(1);
        self.state = State::Missing(looks);
        if looks < LOOKS {
            return Step::default();
        }
        let changed = !self.entries.is_empty();
        self.entries = Vec::new();
        Step { changed, told: self.due(looks == LOOKS || asked, now).then_some(Told::Closed) }
    }

    /// Whether it is time to say what lasts; notes that it is said.
    fn due(&mut self, begins: bool, now: Instant) -> bool {
        let due = begins || self.said.is_none_or(|said| now.duration_since(said) >= AGAIN);
        if due {
            self.said = Some(now);
        }
        due
    }
}
