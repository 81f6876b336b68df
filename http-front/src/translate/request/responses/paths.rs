//! Where the fields of a converted body come from.

use crate::error::ApiError;

/// From the fields of the chat body to those of the body that the client sent.
#[derive(Debug, Default)]
pub struct Paths {
    messages: Vec<Origin>,
}

/// Where a message comes from.
#[derive(Debug)]
struct Origin {
    place: String,
    calls: Vec<String>,
}

/// Members that have another name there, the longest first.
const RENAMED: &[(&str, &str)] = &[
    ("response_format.json_schema", "text.format"),
    ("response_format", "text.format"),
    ("max_completion_tokens", "max_output_tokens"),
    ("verbosity", "text.verbosity"),
    ("messages", "input"),
];

impl Paths {
    /// The next message comes from this place.
    pub(super) fn message(&mut self, place: String) {
        self.messages.push(Origin { place, calls: Vec::new() });
    }

    /// The last message has another call, from this place.
    pub(super) fn call(&mut self, place: String) {
        if let Some(message) = self.messages.last_mut() {
            message.calls.push(place);
        }
    }

    /// The error with the field that the client sent.
    #[must_use]
    pub fn tell(&self, error: ApiError) -> ApiError {
        let param = error.param().and_then(|param| self.origin(param));
        match param {
            Some(param) => error.with_param(param),
            None => error,
        }
    }

    fn origin(&self, param: &str) -> Option<String> {
        if let Some((at, rest)) = param.strip_prefix("messages[").and_then(|rest| rest.split_once(']')) {
            let origin = self.messages.get(at.parse::<usize>().ok()?)?;
            return Some(match rest.strip_prefix(".tool_calls[").and_then(|rest| rest.split_once(']')) {
                Some((call, rest)) => {
                    let place = origin.calls.get(call.parse::<usize>().ok()?)?;
                    format!("{place}{}", rest.strip_prefix(".function").unwrap_or(rest))
                }
                None => match rest.strip_prefix(".tool_call_id") {
                    Some(_) => format!("{}.call_id", origin.place),
                    None => format!("{}{}", origin.place, rest.replace(".image_url.url", ".image_url")),
                },
            });
        }
        RENAMED.iter().find_map(|(name, other)| Some(format!("{other}{}", param.strip_prefix(name)?)))
    }
}
