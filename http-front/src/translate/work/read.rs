//! What notifications tell of an agent's work, read. Pure.
//!
//! codex tells of most of it by items. Of a command that the sandbox stops within its first tenths of a second, and of a
//! patch that is refused, it tells none: there the model's own call and the answer that it gets are all there is, so
//! they are read too, the answer's head alone.

use super::{Ended, Kind, Seen, name::program};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Lines of an answer among which its head is.
const HEAD: usize = 8;

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

/// An item of the model, or an answer to one.
#[derive(Deserialize)]
struct RawItem<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(default)]
    call_id: String,
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    arguments: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    output: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Arguments {
    #[serde(default)]
    cmd: Option<String>,
}

#[derive(Deserialize)]
struct Part {
    #[serde(default)]
    text: String,
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
        Kind::FileChange | Kind::Tool | Kind::WebSearch | Kind::Compaction | Kind::Script => {
            kind.as_str().to_owned()
        }
    };
    let ended = done.then(|| Ended {
        // A search or a compaction has no status: its end is told when it has ended.
        ok: item.status.as_deref().is_none_or(|status| status == "completed"),
        exit_code: item.exit_code,
        duration_ms: item.duration_ms,
    });
    Some(Seen::Item { id: item.id, kind, name, ended })
}

/// The program of a command: from codex's reading of it, else from the command itself.
fn command_name(item: &Item<'_>) -> String {
    let actions: Vec<Action> =
        item.command_actions.and_then(|actions| serde_json::from_str(actions.get()).ok()).unwrap_or_default();
    let whole = || item.command.and_then(|command| serde_json::from_str::<String>(command.get()).ok());
    let command = actions.into_iter().find_map(|action| action.command).or_else(whole).unwrap_or_default();
    named(&command)
}

fn named(command: &str) -> String {
    program(command).unwrap_or(Kind::Command.as_str()).to_owned()
}

/// What an item of `rawResponseItem/completed` says of work: the model's call of one of codex's own tools, or the answer
/// to such a call; `None` for any other.
pub fn called(item: &str) -> Option<Seen> {
    let item: RawItem<'_> = serde_json::from_str(item).ok()?;
    let (kind, name) = match (&*item.r#type, item.name.as_deref()) {
        ("function_call", Some("exec_command")) => {
            let arguments = item.arguments.as_deref().unwrap_or_default();
            let command = serde_json::from_str::<Arguments>(arguments).ok().and_then(|given| given.cmd);
            (Kind::Command, named(&command.unwrap_or_default()))
        }
        ("custom_tool_call", Some("apply_patch")) => (Kind::FileChange, Kind::FileChange.as_str().to_owned()),
        ("custom_tool_call", Some("exec")) => (Kind::Script, Kind::Script.as_str().to_owned()),
        ("function_call_output" | "custom_tool_call_output", _) => {
            return Some(Seen::Answer { id: item.call_id, ended: ended(item.output?)? });
        }
        _ => return None,
    };
    Some(Seen::Call { id: item.call_id, kind, name })
}

/// How a call ended, by the head of its answer; `None` where what it began still runs.
fn ended(output: &RawValue) -> Option<Ended> {
    let text = match serde_json::from_str::<String>(output.get()) {
        Ok(text) => text,
        Err(_) => {
            let parts: Vec<Part> = serde_json::from_str(output.get()).unwrap_or_default();
            parts.into_iter().next().map(|part| part.text).unwrap_or_default()
        }
    };
    // Behind the head stands what a command has printed, which may look like anything.
    let head = text.lines().take(HEAD).take_while(|line| *line != "Output:");
    for line in head {
        let code =
            line.strip_prefix("Process exited with code ").or_else(|| line.strip_prefix("Exit code: "));
        if let Some(code) = code.and_then(|code| code.parse().ok()) {
            return Some(Ended { ok: code == 0, exit_code: Some(code), duration_ms: None });
        }
        if line.starts_with("Process running with session ID ") || line.starts_with("Script running") {
            return None;
        }
        if line == "Script completed" {
            return Some(Ended { ok: true, ..Ended::default() });
        }
    }
    // codex refused it, or the script failed.
    Some(Ended::default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn command(command: &str) -> String {
        json!({ "type": "commandExecution", "id": "c", "command": format!("/bin/bash -lc '{command}'"),
            "status": "failed", "exitCode": 3, "durationMs": 12, "aggregatedOutput": "secret",
            "commandActions": [{ "type": "unknown", "command": command }] })
        .to_string()
    }

    #[test]
    fn a_command_is_its_program_its_code_and_its_time() {
        let seen = completed(&command("PASSWORD=x /usr/bin/git push --token y")).unwrap();
        let ended = Some(Ended { ok: false, exit_code: Some(3), duration_ms: Some(12) });
        assert_eq!(seen, Seen::Item { id: "c".into(), kind: Kind::Command, name: "git".into(), ended });
        let began = started(&command("ls"));
        assert!(matches!(began, Some(Seen::Item { ended: None, .. })), "{began:?}");
    }

    #[test]
    fn other_work_goes_by_its_kind_and_messages_are_none() {
        let name = |item: &str| match completed(item) {
            Some(Seen::Item { name, .. }) => Some(name),
            Some(Seen::Call { .. } | Seen::Answer { .. }) | None => None,
        };
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

    fn call(item: Value) -> Option<(Kind, String)> {
        match called(&item.to_string())? {
            Seen::Call { id, kind, name } => {
                assert_eq!(id, "c");
                Some((kind, name))
            }
            other @ (Seen::Item { .. } | Seen::Answer { .. }) => panic!("{other:?}"),
        }
    }

    #[test]
    fn calls_of_codexs_tools_are_named_as_their_items_are() {
        let command = |arguments: &str| {
            call(
                json!({ "type": "function_call", "call_id": "c", "name": "exec_command", "arguments": arguments }),
            )
        };
        let named = |name: &str| Some((Kind::Command, name.to_owned()));
        assert_eq!(command(r#"{"cmd":"A=b /bin/touch secret"}"#), named("touch"));
        assert_eq!(command(r#"{"cmd":"A='b secret' touch x"}"#), named("command"));
        for odd in ["", "{}", "[7]", "secret", r#"{"cmd":7}"#] {
            assert_eq!(command(odd), named("command"), "{odd}");
        }
        let custom = |name: &str| {
            call(json!({ "type": "custom_tool_call", "call_id": "c", "name": name, "input": "secret" }))
        };
        assert_eq!(custom("apply_patch"), Some((Kind::FileChange, "file_change".into())));
        assert_eq!(custom("exec"), Some((Kind::Script, "script".into())));
        assert_eq!(custom("wait"), None);
        let other =
            json!({ "type": "function_call", "call_id": "c", "name": "write_stdin", "arguments": "{}" });
        assert_eq!(call(other), None);
        assert!(called("7").is_none());
    }

    #[test]
    fn an_answers_head_tells_how_a_call_ended() {
        let of = |output: Value| {
            let item = json!({ "type": "function_call_output", "call_id": "c", "output": output });
            match called(&item.to_string())? {
                Seen::Answer { ended, .. } => Some((ended.ok, ended.exit_code)),
                other @ (Seen::Item { .. } | Seen::Call { .. }) => panic!("{other:?}"),
            }
        };
        let head = |line: &str| {
            let printed = "Process exited with code 0\nExit code: 0\nScript completed\n";
            of(json!(format!("Chunk ID: 8b\nWall time: 0.0000 seconds\n{line}\nOutput:\n{printed}")))
        };
        assert_eq!(head("Process exited with code 1"), Some((false, Some(1))));
        assert_eq!(head("Process exited with code 0"), Some((true, Some(0))));
        assert_eq!(head("Process exited with code x"), Some((false, None)));
        assert_eq!(head("Process running with session ID 7"), None);
        assert_eq!(
            of(json!("Exit code: 0\nWall time: 0.2 seconds\nOutput:\nSuccess.")),
            Some((true, Some(0)))
        );
        assert_eq!(of(json!("patch rejected: writing is blocked by read-only sandbox")), Some((false, None)));
        let script = |said: &str| {
            of(json!([{ "type": "input_text", "text": said }, { "type": "input_text", "text": "x" }]))
        };
        assert_eq!(script("Script completed\nWall time 0.3 seconds\nOutput:\n"), Some((true, None)));
        assert_eq!(script("Script failed\nWall time 0.0 seconds\nOutput:\n"), Some((false, None)));
        assert_eq!(of(json!([])), Some((false, None)));
        assert!(of(Value::Null).is_none());
    }
}
