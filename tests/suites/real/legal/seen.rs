//! A conversation without what only joins it: who said what, which call has which result.

use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// One step of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Seen {
    /// Somebody says something; the role as it goes up.
    Message(&'static str, Vec<Part>),
    /// The model calls a function by this name, with these arguments.
    Call(String, String),
    /// What the call gave that was the so-manieth.
    Output(usize, Said),
}

/// What a call gave.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Said {
    Text(String),
    Parts(Vec<Part>),
}

/// A part of a message.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    Text(String),
    /// By its URL.
    Image(String),
}

/// What the upstream was sent.
pub(super) struct Sent {
    /// The conversation, the names of functions as they went up.
    pub(super) steps: Vec<Seen>,
    /// The ids of its calls.
    pub(super) ids: Vec<String>,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a text: {value}")).to_owned()
}

/// Reads the items of a request to the upstream.
pub(super) fn sent(items: &[Value]) -> Sent {
    let (mut steps, mut ids) = (Vec::new(), Vec::new());
    let mut places: HashMap<String, usize> = HashMap::new();
    for item in items {
        steps.push(match item["type"].as_str() {
            Some("message") => {
                let role = ["developer", "user", "assistant"].into_iter().find(|role| item["role"] == *role);
                let role = role.unwrap_or_else(|| panic!("a role that goes up: {item}"));
                let kind = if role == "assistant" { "output_text" } else { "input_text" };
                Seen::Message(role, parts(&item["content"], kind))
            }
            Some("function_call") => {
                let id = text(&item["call_id"]);
                assert!(places.insert(id.clone(), ids.len()).is_none(), "two calls of the id {id:?}");
                ids.push(id);
                Seen::Call(text(&item["name"]), text(&item["arguments"]))
            }
            Some("function_call_output") => {
                let place = places.get(&text(&item["call_id"]));
                let place = *place.unwrap_or_else(|| panic!("a result of nothing: {item}"));
                let output = &item["output"];
                let text = output.as_str().map(|text| Said::Text(text.to_owned()));
                let said = text.unwrap_or_else(|| Said::Parts(parts(output, "input_text")));
                Seen::Output(place, said)
            }
            _ => panic!("nobody said this: {item}"),
        });
    }
    Sent { steps, ids }
}

fn parts(list: &Value, kind: &str) -> Vec<Part> {
    let list = list.as_array().unwrap_or_else(|| panic!("parts: {list}"));
    list.iter()
        .map(|part| match part["type"].as_str() {
            Some("input_image") => Part::Image(text(&part["image_url"])),
            found => {
                assert_eq!(found, Some(kind), "{part}");
                Part::Text(text(&part["text"]))
            }
        })
        .collect()
}

/// How names went up: each as one, no two as the same, and those that can as they are.
#[derive(Default)]
pub(super) struct Renamed {
    up: HashMap<String, String>,
    back: HashMap<String, String>,
}

impl Renamed {
    /// Takes a name and what went up for it.
    pub(super) fn take(&mut self, name: &str, sent: &str) {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        assert!((1..=64).contains(&sent.len()) && sent.chars().all(allowed), "{name:?} went up as {sent:?}");
        if fits(name) {
            assert_eq!(sent, name, "a name that can go up");
        }
        let before = self.up.insert(name.to_owned(), sent.to_owned());
        assert!(before.is_none_or(|before| before == sent), "{name:?} went up as two");
        let before = self.back.insert(sent.to_owned(), name.to_owned());
        assert!(before.as_ref().is_none_or(|before| before == name), "{sent:?} is {name:?} and {before:?}");
    }

    /// What the client calls it.
    pub(super) fn back(&self, sent: &str) -> String {
        self.back.get(sent).map_or(sent, String::as_str).to_owned()
    }
}

/// Whether a name can go up as it is.
pub(super) fn fits(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    (1..=64).contains(&name.len())
        && name.chars().all(allowed)
        && !name.starts_with("mcp__")
        && !["exec_command", "shell_command", "mcp"].contains(&name)
}

/// Checks that calls went up under the clients' own ids, wherever these can be theirs alone; and says whether all did.
pub(super) fn check_ids(own: &[Option<String>], sent: &[String]) -> bool {
    let mut used: HashSet<&str> = HashSet::new();
    let mut all = true;
    for (own, sent) in own.iter().zip(sent) {
        assert!((1..=64).contains(&sent.len()), "{sent:?}");
        if let Some(own) = own {
            let fits = (1..=64).contains(&own.len()) && own.bytes().all(|byte| byte.is_ascii_graphic());
            if fits && !used.contains(own.as_str()) {
                assert_eq!(sent, own, "an id that can go up");
            } else {
                all = false;
            }
        }
        used.insert(sent);
    }
    all
}
