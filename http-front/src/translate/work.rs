//! What an agent did: commands, changes of files, calls of tools; by their names, never with arguments or output. Pure.
//!
//! It promises that a name is one word of a few plain characters: the program of a command, without the path before it,
//! or the kind of the work; and that each piece of work is told once, whether codex tells of it by an item, or only the
//! model's own call and its answer do.

mod name;
mod read;

pub use read::{called, completed, started};

use std::collections::HashMap;

/// Pieces of work that one answer tells of. An agent that does more is told as having done so many.
pub const MAX_WORK: usize = 1000;
/// The name of a command whose program can't be told.
const COMMAND: &str = "command";

/// What one notification tells of a piece of work. The same `id` joins what belongs together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// codex's own word on it.
    Item {
        /// Joins its beginning with its end.
        id: String,
        /// What was done.
        kind: Kind,
        /// The program, or the kind's own name.
        name: String,
        /// How it ended; `None` while it runs.
        ended: Option<Ended>,
    },
    /// The model called for it.
    Call {
        /// The call.
        id: String,
        /// What it called for.
        kind: Kind,
        /// The program, or the kind's own name.
        name: String,
    },
    /// What the model was told of a call that has ended.
    Answer {
        /// The call.
        id: String,
        /// How it ended.
        ended: Ended,
    },
}

impl Seen {
    /// Bytes of its texts.
    pub fn weight(&self) -> usize {
        match self {
            Self::Item { id, name, .. } | Self::Call { id, name, .. } => id.len() + name.len(),
            Self::Answer { id, .. } => id.len(),
        }
    }
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A command.
    Command,
    /// A change of files.
    FileChange,
    /// A call of a tool of the operator's servers.
    Tool,
    /// A search in the web.
    WebSearch,
    /// codex has the model sum a long conversation up and goes on with that.
    Compaction,
    /// A script of the model, during which codex told of nothing else.
    Script,
}

impl Kind {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Command => COMMAND,
            Self::FileChange => "file_change",
            Self::Tool => "mcp_tool",
            Self::WebSearch => "web_search",
            Self::Compaction => "compaction",
            Self::Script => "script",
        }
    }

    fn of(item: &str) -> Option<Self> {
        match item {
            "commandExecution" => Some(Self::Command),
            "fileChange" => Some(Self::FileChange),
            "mcpToolCall" => Some(Self::Tool),
            "webSearch" => Some(Self::WebSearch),
            "contextCompaction" => Some(Self::Compaction),
            _ => None,
        }
    }
}

/// How a piece of work ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ended {
    /// Whether it did what it should.
    pub ok: bool,
    /// The exit code of a command; codex tells -1 for one that could not be started.
    pub exit_code: Option<i32>,
    /// How long it took, in milliseconds, where codex tells.
    pub duration_ms: Option<u64>,
}

/// A piece of work of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandDone {
    /// What was done.
    pub kind: Kind,
    /// The program, or the kind's own name.
    pub name: String,
    /// How it ended; `None`: it was still running when the answer ended, and was stopped with it.
    pub ended: Option<Ended>,
}

/// The work of one answer, in the order in which it began.
#[derive(Debug, Default)]
pub struct Work {
    done: Vec<CommandDone>,
    compacting: bool,
    /// What can still be heard of.
    open: HashMap<String, Open>,
    /// Items so far.
    items: usize,
    /// Scripts that run, and how many items there had been before each.
    scripts: HashMap<String, usize>,
}

/// A piece of work of which more may come.
#[derive(Debug)]
struct Open {
    /// Where in the list it stands.
    at: usize,
    /// Whether codex tells of it by an item: its word is the better one.
    item: bool,
}

impl Work {
    /// Takes what a notification told; gives what has ended with it.
    pub fn take(&mut self, seen: Seen) -> Option<&CommandDone> {
        match seen {
            Seen::Item { id, kind, name, ended } => {
                if kind == Kind::Compaction {
                    self.compacting = ended.is_none();
                }
                self.items += 1;
                self.item(id, CommandDone { kind, name, ended })
            }
            Seen::Call { id, kind: Kind::Script, .. } => {
                if self.scripts.len() < MAX_WORK {
                    self.scripts.insert(id, self.items);
                }
                None
            }
            Seen::Call { id, kind, name } => {
                let running = |open: &Open| self.done.get(open.at).is_some_and(|done| done.ended.is_none());
                if !self.open.get(&id).is_some_and(running) {
                    let at = self.push(CommandDone { kind, name, ended: None })?;
                    self.open.insert(id, Open { at, item: false });
                }
                None
            }
            Seen::Answer { id, ended } => self.answer(&id, ended),
        }
    }

    fn item(&mut self, id: String, now: CommandDone) -> Option<&CommandDone> {
        let ended = now.ended;
        let at = match self.open.get_mut(&id) {
            Some(open) => {
                open.item = true;
                let at = open.at;
                let done = self.done.get_mut(at)?;
                // A late beginning takes no end back.
                *done = CommandDone { ended: ended.or(done.ended), ..now };
                at
            }
            None => {
                let at = self.push(now)?;
                self.open.insert(id.clone(), Open { at, item: true });
                at
            }
        };
        ended?;
        self.open.remove(&id);
        self.done.get(at)
    }

    fn answer(&mut self, id: &str, ended: Ended) -> Option<&CommandDone> {
        if let Some(before) = self.scripts.remove(id) {
            // What a script did is told by items; only where there was none, it stands for itself.
            let kind = Kind::Script;
            let script = CommandDone { kind, name: kind.as_str().to_owned(), ended: Some(ended) };
            let at = if before == self.items { self.push(script) } else { None };
            return self.done.get(at?);
        }
        let open = self.open.get(id).filter(|open| !open.item)?;
        let done = self.done.get_mut(open.at)?;
        done.ended = Some(ended);
        Some(done)
    }

    fn push(&mut self, done: CommandDone) -> Option<usize> {
        let fits = self.done.len() < MAX_WORK;
        fits.then(|| {
            self.done.push(done);
            self.done.len() - 1
        })
    }

    /// Whether what the model writes is a summary for codex, and no message.
    pub fn is_compacting(&self) -> bool {
        self.compacting
    }

    /// All of it.
    pub fn list(&self) -> &[CommandDone] {
        &self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn item(id: &str, ended: Option<Ended>) -> Seen {
        Seen::Item { id: id.into(), kind: Kind::Command, name: id.into(), ended }
    }

    fn call(id: &str) -> Seen {
        Seen::Call { id: id.into(), kind: Kind::Command, name: "called".into() }
    }

    fn script(id: &str) -> Seen {
        Seen::Call { id: id.into(), kind: Kind::Script, name: "script".into() }
    }

    fn answer(id: &str, exit_code: i32) -> Seen {
        let ended = Ended { ok: exit_code == 0, exit_code: Some(exit_code), duration_ms: None };
        Seen::Answer { id: id.into(), ended }
    }

    fn end(exit_code: i32) -> Option<Ended> {
        Some(Ended { ok: exit_code == 0, exit_code: Some(exit_code), duration_ms: Some(1) })
    }

    /// Names and exit codes.
    fn told(seen: impl IntoIterator<Item = Seen>) -> Vec<(String, Option<i32>)> {
        let mut work = Work::default();
        for seen in seen {
            work.take(seen);
        }
        work.list().iter().map(|done| (done.name.clone(), done.ended.and_then(|end| end.exit_code))).collect()
    }

    #[test]
    fn what_begins_is_joined_with_its_end_and_what_runs_on_is_told() {
        let mut work = Work::default();
        assert_eq!(work.take(item("a", None)), None);
        assert_eq!(work.take(item("b", None)), None);
        assert!(work.take(item("b", Some(Ended::default()))).is_some_and(|done| done.name == "b"));
        // One whose beginning was not told.
        assert!(work.take(item("c", Some(Ended::default()))).is_some());
        let told: Vec<(&str, bool)> =
            work.list().iter().map(|done| (done.name.as_str(), done.ended.is_some())).collect();
        assert_eq!(told, [("a", false), ("b", true), ("c", true)]);
    }

    #[test]
    fn a_call_of_which_codex_tells_nothing_is_told_by_its_answer() {
        let called = |code| ("called".to_owned(), code);
        let itself = |code| ("a".to_owned(), code);
        assert_eq!(told([call("a"), answer("a", 1)]), [called(Some(1))]);
        assert_eq!(told([call("a")]), [called(None)]);
        // codex's own word is told instead, in whichever order it comes.
        let orders = [
            vec![call("a"), item("a", None), item("a", end(3)), answer("a", 1)],
            vec![call("a"), item("a", None), answer("a", 1), item("a", end(3))],
            vec![call("a"), answer("a", 1), item("a", None), item("a", end(3))],
            vec![call("a"), answer("a", 1), item("a", end(3)), answer("a", 1)],
        ];
        for order in orders {
            assert_eq!(told(order), [itself(Some(3))]);
        }
        // A late beginning takes no end back; an answer is none while codex tells of the work.
        assert_eq!(told([call("a"), answer("a", 1), item("a", None)]), [itself(Some(1))]);
        assert_eq!(told([call("a"), item("a", None), answer("a", 0)]), [itself(None)]);
        // A model may use an id again.
        assert_eq!(
            told([call("a"), answer("a", 1), call("a"), answer("a", 2)]),
            [called(Some(1)), called(Some(2))]
        );
        assert_eq!(told([answer("a", 1)]), []);
    }

    #[test]
    fn a_script_is_told_where_nothing_in_it_is() {
        assert_eq!(told([script("s"), answer("s", 0)]), [("script".to_owned(), Some(0))]);
        assert_eq!(told([script("s"), item("a", end(3)), answer("s", 0)]), [("a".to_owned(), Some(3))]);
        assert_eq!(told([item("a", end(3)), script("s"), answer("s", 0)]).len(), 2);
        assert_eq!(told([script("s")]), []);
    }

    #[test]
    fn the_list_has_a_bound() {
        let mut work = Work::default();
        for id in 0..2 * MAX_WORK {
            let id = id.to_string();
            for seen in [
                item(&id, None),
                item(&id, Some(Ended::default())),
                call(&format!("c{id}")),
                script(&format!("s{id}")),
            ] {
                work.take(seen);
            }
        }
        assert_eq!(work.list().len(), MAX_WORK);
        assert!(work.open.len() <= MAX_WORK && work.scripts.len() <= MAX_WORK);
    }

    proptest! {
        /// Whatever comes, what was told as ended stays so, where it is.
        #[test]
        fn ends_stay(steps in prop::collection::vec((0..4usize, 0..3usize, 0..2i32), 0..40)) {
            let mut work = Work::default();
            let mut before: Vec<bool> = Vec::new();
            for (what, id, code) in steps {
                let id = ["a", "b", "s"][id];
                work.take(match what {
                    0 => item(id, None),
                    1 => item(id, end(code)),
                    2 if id == "s" => script(id),
                    2 => call(id),
                    _ => answer(id, code),
                });
                let now: Vec<bool> = work.list().iter().map(|done| done.ended.is_some()).collect();
                prop_assert!(before.iter().zip(&now).all(|(before, now)| !before || *now));
                prop_assert!(now.len() >= before.len() && now.len() <= before.len() + 1);
                before = now;
            }
        }
    }
}
