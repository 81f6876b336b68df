//! The items of a history, as far as they matter: compared whole, shown shortened.

use std::fmt;

use serde_json::Value;

/// Characters of a text that a failed test shows.
const SHOWN: usize = 120;

/// One item of `input`.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Item {
    Message {
        role: String,
        text: String,
    },
    Call {
        id: String,
        name: String,
        arguments: String,
    },
    Output {
        id: String,
        text: String,
    },
    /// What nobody expects.
    Other(String),
}

impl Item {
    pub(super) fn message(role: &str, text: &str) -> Self {
        Self::Message { role: role.to_owned(), text: text.to_owned() }
    }

    /// An item as it came to the upstream.
    pub(super) fn of(item: &Value) -> Self {
        let member = |name: &str| item[name].as_str().map(str::to_owned);
        let found = match item["type"].as_str() {
            Some("message") | None => {
                member("role").zip(text(&item["content"])).map(|(role, text)| Self::Message { role, text })
            }
            Some("function_call") => member("call_id")
                .zip(member("name"))
                .zip(member("arguments"))
                .map(|((id, name), arguments)| Self::Call { id, name, arguments }),
            Some("function_call_output") => {
                member("call_id").zip(text(&item["output"])).map(|(id, text)| Self::Output { id, text })
            }
            Some(_) => None,
        };
        found.unwrap_or_else(|| Self::Other(item.to_string()))
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message { role, text } => write!(f, "{role}: {}", short(text)),
            Self::Call { id, name, arguments } => write!(f, "call {id} of {name} with {arguments}"),
            Self::Output { id, text } => write!(f, "output of {id}: {}", short(text)),
            Self::Other(item) => write!(f, "unexpected: {}", short(item)),
        }
    }
}

/// The outputs of each round, in the order they came: a round's outputs follow one another.
pub(super) fn outputs(items: &[Item]) -> Vec<Vec<String>> {
    let mut rounds: Vec<Vec<String>> = Vec::new();
    let mut open = false;
    for item in items {
        let Item::Output { text, .. } = item else {
            open = false;
            continue;
        };
        match rounds.last_mut().filter(|_| open) {
            Some(round) => round.push(text.clone()),
            None => rounds.push(vec![text.clone()]),
        }
        open = true;
    }
    rounds
}

/// A string, or the only text of parts: several would be another history.
fn text(content: &Value) -> Option<String> {
    match content.as_array().map(Vec::as_slice) {
        None => content.as_str().map(str::to_owned),
        Some([part]) => part["text"].as_str().map(str::to_owned),
        Some(_) => None,
    }
}

fn short(text: &str) -> String {
    let start: String = text.chars().take(SHOWN).collect();
    if start.len() == text.len() {
        format!("{start:?}")
    } else {
        format!("{start:?}… ({} bytes)", text.len())
    }
}

#[test]
fn rounds_are_told_apart_by_what_stands_between() {
    let output = |text: &str| Item::Output { id: "c".to_owned(), text: text.to_owned() };
    let items = [output("a"), output("b"), Item::message("user", "x"), output("c")];
    assert_eq!(outputs(&items), [vec!["a".to_owned(), "b".to_owned()], vec!["c".to_owned()]]);
}
