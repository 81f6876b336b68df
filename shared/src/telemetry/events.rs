//! Every event of both binaries, and what its lines tell.
//!
//! Owns names, levels and fields: `docs/operations/logs.md` and `docs/operations/log.schema.json` are written from here,
//! every line that a test's process writes is held to it, and so is every place in the sources that writes one. Running
//! code never looks at it.

mod both;
mod daemon;
mod fields;
mod front;

pub use fields::{FIELDS, Field, Kind};

/// Who says a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Component {
    /// The daemon.
    Daemon,
    /// The front.
    Front,
    /// The child, through the daemon.
    Codex,
}

impl Component {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Daemon, Self::Front, Self::Codex];

    /// Its name in a line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Daemon => "worker-daemon",
            Self::Front => "http-front",
            Self::Codex => "codex",
        }
    }
}

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What a library does, step by step.
    Trace,
    /// For people who look for a fault of ours.
    Debug,
    /// What happens.
    Info,
    /// What somebody should know of.
    Warn,
    /// What is broken.
    Error,
    /// What somebody is called for.
    Critical,
}

impl Level {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Critical];

    /// Its name in a line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }
}

/// Whether an event has a `message`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    /// Always.
    Always,
    /// Sometimes.
    Sometimes,
    /// Never.
    Never,
}

/// One event of some components.
#[derive(Debug, Clone, Copy)]
pub struct Event {
    /// Its name.
    pub name: &'static str,
    /// Who says it.
    pub of: &'static [Component],
    /// The levels that it has.
    pub levels: &'static [Level],
    /// The fields that each of its lines has, beside the first four.
    pub needs: &'static [&'static str],
    /// The fields that a line may have.
    pub may: &'static [&'static str],
    /// The words that a field has in this event, where these are fewer than the field may have.
    pub words: &'static [(&'static str, &'static [&'static str])],
    /// Whether it has a `message`.
    pub text: Text,
    /// What it says.
    pub about: &'static str,
}

impl Event {
    const fn new(name: &'static str, of: &'static [Component], levels: &'static [Level]) -> Self {
        Self { name, of, levels, needs: &[], may: &[], words: &[], text: Text::Never, about: "" }
    }

    const fn needs(self, needs: &'static [&'static str]) -> Self {
        Self { needs, ..self }
    }

    const fn may(self, may: &'static [&'static str]) -> Self {
        Self { may, ..self }
    }

    const fn words(self, words: &'static [(&'static str, &'static [&'static str])]) -> Self {
        Self { words, ..self }
    }

    const fn text(self, text: Text) -> Self {
        Self { text, ..self }
    }

    const fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }

    /// What one of its fields holds; `None` where it has no such field.
    pub fn kind(&self, field: &str) -> Option<Kind> {
        let has = self.needs.contains(&field) || self.may.contains(&field);
        let words = self.words.iter().find(|(name, _)| *name == field);
        match words {
            Some((_, words)) if has => Some(Kind::Word(words)),
            _ => FIELDS.iter().find(|known| has && known.name == field).map(|known| known.kind),
        }
    }
}

/// Every event: those of both binaries, those of the daemon, those of the front.
pub fn all() -> impl Iterator<Item = &'static Event> {
    both::EVENTS.iter().chain(daemon::EVENTS).chain(front::EVENTS)
}

/// The event of this name as this component has it.
pub fn find(component: &str, name: &str) -> Option<&'static Event> {
    all().find(|event| event.name == name && event.of.iter().any(|of| of.as_str() == component))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn an_event_of_a_component_stands_once_and_has_known_fields() {
        let mut seen = HashSet::new();
        for event in all() {
            assert!(!event.of.is_empty() && !event.levels.is_empty() && !event.about.is_empty(), "{event:?}");
            for of in event.of {
                assert!(seen.insert((of.as_str(), event.name)), "{event:?}");
            }
            let fields: Vec<&str> = event.needs.iter().chain(event.may).copied().collect();
            assert_eq!(fields.iter().collect::<HashSet<_>>().len(), fields.len(), "{event:?}");
            for field in &fields {
                assert!(event.kind(field).is_some(), "{}: {field} is not described", event.name);
            }
            for (field, words) in event.words {
                assert!(fields.contains(field) && !words.is_empty(), "{}: {field}", event.name);
                let known = FIELDS.iter().find(|known| known.name == *field).map(|known| known.kind);
                assert!(matches!(known, Some(Kind::Text | Kind::Word(_))), "{}: {field}", event.name);
            }
        }
    }

    #[test]
    fn a_field_stands_once_and_is_somewhere() {
        let used: HashSet<&str> =
            all().flat_map(|event| event.needs.iter().chain(event.may)).copied().collect();
        let mut seen = HashSet::new();
        for field in FIELDS {
            assert!(seen.insert(field.name) && !field.about.is_empty(), "{field:?}");
            assert!(used.contains(field.name), "{field:?} is in no event");
            assert!(
                !["timestamp", "level", "component", "event", "message"].contains(&field.name),
                "{field:?}"
            );
        }
    }
}
