//! What an agent did: commands, changes of files, calls of tools; by their names, never with arguments or output. Pure.
//!
//! It promises that a name is one word of a few plain characters: the program of a command, without the path before it,
//! or the kind of the work.

use serde::Deserialize;
use serde_json::value::RawValue;
use std::{borrow::Cow, collections::HashMap};

/// The longest name of a program that is told.
const MAX_NAME: usize = 64;
/// Pieces of work that one answer tells of. An agent that does more is told as having done so many.
pub const MAX_WORK: usize = 1000;
/// The name of a command whose program can't be told.
const COMMAND: &str = "command";

/// A piece of work, as one notification tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Joins its beginning with its end.
    pub id: String,
    /// What was done.
    pub kind: Kind,
    /// The program, or the kind's own name.
    pub name: String,
    /// How it ended; `None` while it runs.
    pub ended: Option<Ended>,
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
    /// Where in the list those stand that run.
    running: HashMap<String, usize>,
}

impl Work {
    /// Takes what a notification told; gives what has ended with it.
    pub fn take(&mut self, seen: Seen) -> Option<&CommandDone> {
        let Seen { id, kind, name, ended } = seen;
        if kind == Kind::Compaction {
            self.compacting = ended.is_none();
        }
        let known = if ended.is_some() { self.running.remove(&id) } else { self.running.get(&id).copied() };
        let at = match known {
            Some(at) => at,
            None if self.done.len() < MAX_WORK => {
                self.done.push(CommandDone { kind, name, ended: None });
                if ended.is_none() {
                    self.running.insert(id, self.done.len() - 1);
                }
                self.done.len() - 1
            }
            None => return None,
        };
        let done = self.done.get_mut(at)?;
        done.ended = ended;
        ended.is_some().then_some(&*done)
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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(default)]
    id: String,
    #[serde(borrow, default)]
    command: Option<&'a RawValue>,
    #[serde(borrow, default)]
    command_actions: Option<&'a RawValue>,
    #[serde(borrow, default)]
    status: Option<Cow<'a, str>>,
    #[serde(default)]
    exit_code: Option<i32>,
    #[serde(default)]
    duration_ms: Option<u64>,
}

#[derive(Deserialize)]
struct Action {
    #[serde(default)]
    command: Option<String>,
}

/// The work that begins with this item of `item/started`; `None` for an item that is none.
pub fn started(item: &str) -> Option<Seen> {
    read(item, false)
}

/// The work that has ended with this item of `item/completed`; `None` for an item that is none.
pub fn completed(item: &str) -> Option<Seen> {
    read(item, true)
}

fn read(item: &str, done: bool) -> Option<Seen> {
    let item: Item<'_> = serde_json::from_str(item).ok()?;
    let kind = Kind::of(&item.r#type)?;
    let name = match kind {
        Kind::Command => command_name(&item),
        Kind::FileChange | Kind::Tool | Kind::WebSearch | Kind::Compaction => kind.as_str().to_owned(),
    };
    let ended = done.then(|| Ended {
        // A search or a compaction has no status: its end is told when it has ended.
        ok: item.status.as_deref().is_none_or(|status| status == "completed"),
        exit_code: item.exit_code,
        duration_ms: item.duration_ms,
    });
    Some(Seen { id: item.id, kind, name, ended })
}

/// The program of a command: from codex's reading of it, else from the command itself.
fn command_name(item: &Item<'_>) -> String {
    let actions: Vec<Action> =
        item.command_actions.and_then(|actions| serde_json::from_str(actions.get()).ok()).unwrap_or_default();
    let whole = || item.command.and_then(|command| serde_json::from_str::<String>(command.get()).ok());
    let command = actions.into_iter().find_map(|action| action.command).or_else(whole).unwrap_or_default();
    program(&command).unwrap_or(COMMAND).to_owned()
}

/// The program that a line of a shell begins with: behind assignments, without its path. `None` for anything but a
/// short plain word: in other words could be what nobody should read.
fn program(line: &str) -> Option<&str> {
    let word = line.split_ascii_whitespace().find(|word| !word.contains('='))?;
    let name = word.rsplit('/').next()?.trim_end_matches(';');
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'+');
    ((1..=MAX_NAME).contains(&name.len()) && name.bytes().all(plain)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn command(command: &str) -> String {
        json!({ "type": "commandExecution", "id": "c", "command": format!("/bin/bash -lc '{command}'"),
            "status": "failed", "exitCode": 3, "durationMs": 12, "aggregatedOutput": "secret",
            "commandActions": [{ "type": "unknown", "command": command }] })
        .to_string()
    }

    #[test]
    fn a_command_is_its_program_its_code_and_its_time() {
        let seen = completed(&command("PASSWORD=x /usr/bin/git push --token y")).unwrap();
        let ended = Ended { ok: false, exit_code: Some(3), duration_ms: Some(12) };
        assert_eq!(
            seen,
            Seen { id: "c".into(), kind: Kind::Command, name: "git".into(), ended: Some(ended) }
        );
        assert_eq!(started(&command("ls")).unwrap().ended, None);
    }

    #[test]
    fn a_name_is_a_plain_word() {
        for (line, name) in [
            ("ls -la", Some("ls")),
            ("  A=b C=d ./run.sh x", Some("run.sh")),
            ("/opt/x/g++ -o y", Some("g++")),
            ("true;false", None),
            ("true; false", Some("true")),
            ("\"my prog\" x", None),
            ("$(cat key) x", None),
            ("echo\u{e9} x", None),
            ("A=b", None),
            ("", None),
            ("/", None),
        ] {
            assert_eq!(program(line), name, "{line}");
        }
        assert_eq!(program(&"x".repeat(65)), None);
    }

    #[test]
    fn other_work_goes_by_its_kind_and_messages_are_none() {
        let name = |item: &str| completed(item).map(|seen| seen.name);
        assert_eq!(
            name(r#"{"type":"fileChange","id":"f","changes":[{"path":"/s"}],"status":"completed"}"#)
                .as_deref(),
            Some("file_change")
        );
        assert_eq!(name(r#"{"type":"webSearch","id":"w","query":"q"}"#).as_deref(), Some("web_search"));
        assert_eq!(name(r#"{"type":"mcpToolCall","id":"m","tool":"t"}"#).as_deref(), Some("mcp_tool"));
        assert_eq!(name(r#"{"type":"contextCompaction","id":"k"}"#).as_deref(), Some("compaction"));
        assert_eq!(name(r#"{"type":"agentMessage","id":"m","text":"t"}"#), None);
        assert_eq!(name("7"), None);
        let odd = r#"{"type":"commandExecution","id":"c","command":7,"commandActions":{}}"#;
        assert_eq!(name(odd).as_deref(), Some("command"));
    }

    fn seen(id: &str, ended: Option<Ended>) -> Seen {
        Seen { id: id.into(), kind: Kind::Command, name: id.into(), ended }
    }

    #[test]
    fn what_begins_is_joined_with_its_end_and_what_runs_on_is_told() {
        let mut work = Work::default();
        assert_eq!(work.take(seen("a", None)), None);
        assert_eq!(work.take(seen("b", None)), None);
        assert!(work.take(seen("b", Some(Ended::default()))).is_some_and(|done| done.name == "b"));
        // One whose beginning was not told.
        assert!(work.take(seen("c", Some(Ended::default()))).is_some());
        let told: Vec<(&str, bool)> =
            work.list().iter().map(|done| (done.name.as_str(), done.ended.is_some())).collect();
        assert_eq!(told, [("a", false), ("b", true), ("c", true)]);
    }

    #[test]
    fn the_list_has_a_bound() {
        let mut work = Work::default();
        for id in 0..2 * MAX_WORK {
            work.take(seen(&id.to_string(), None));
            work.take(seen(&id.to_string(), Some(Ended::default())));
        }
        assert_eq!(work.list().len(), MAX_WORK);
        assert!(work.running.is_empty());
    }
}
