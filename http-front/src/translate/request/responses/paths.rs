//! Where the fields of a converted body come from, and what they are called there.

use crate::error::ApiError;

/// From the fields of the chat body to those of the body that the client sent.
#[derive(Debug, Default)]
pub struct Paths {
    messages: Vec<Origin>,
    /// Members that are moved: from their names in the chat body to those in the client's, the longest first.
    renamed: Vec<(&'static str, &'static str)>,
}

/// Where a message comes from.
#[derive(Debug)]
struct Origin {
    place: String,
    /// The member that is its content; `None` where it is nothing else.
    content: Option<&'static str>,
    calls: Vec<String>,
}

impl Paths {
    /// The next message comes from this place, its content from this member there, or from the place itself.
    pub(super) fn message(&mut self, place: String, content: Option<&'static str>) {
        self.messages.push(Origin { place, content, calls: Vec::new() });
    }

    /// A member has this name in the chat body, and that one in the client's.
    pub(super) fn renamed(&mut self, chat: &'static str, sent: &'static str) {
        self.renamed.push((chat, sent));
        // What a name begins with comes behind it.
        self.renamed.sort_by_key(|(chat, _)| std::cmp::Reverse(chat.len()));
    }

    /// The last message has another call, from this place.
    pub(super) fn call(&mut self, place: String) {
        if let Some(message) = self.messages.last_mut() {
            message.calls.push(place);
        }
    }

    /// The error with the field that the client sent, in its message, too.
    #[must_use]
    pub fn tell(&self, error: ApiError) -> ApiError {
        let Some(param) = error.param().map(str::to_owned) else { return error };
        let content = self.message_at(&param).and_then(|(origin, _)| origin.content);
        let content = content.filter(|content| *content != "content").map(|content| ("content", content));
        let sent = self.origin(&param).unwrap_or_else(|| param.clone());
        let whole = std::iter::once((param.as_str(), sent.as_str()));
        let names = whole.chain(self.renamed.iter().copied()).chain(content);
        let error = error.reworded(|message| {
            names.fold(message.to_owned(), |text, (chat, sent)| {
                text.replace(&format!("`{chat}`"), &format!("`{sent}`"))
            })
        });
        error.with_param(sent)
    }

    /// The message that a path leads into, and how it goes on there.
    fn message_at<'p>(&self, param: &'p str) -> Option<(&Origin, &'p str)> {
        let (at, rest) = param.strip_prefix("messages[")?.split_once(']')?;
        Some((self.messages.get(at.parse::<usize>().ok()?)?, rest))
    }

    fn origin(&self, param: &str) -> Option<String> {
        if let Some((origin, rest)) = self.message_at(param) {
            return Some(match rest.strip_prefix(".tool_calls[").and_then(|rest| rest.split_once(']')) {
                Some((call, rest)) => {
                    let place = origin.calls.get(call.parse::<usize>().ok()?)?;
                    let inner = [".function", ".custom"].iter().find_map(|kind| rest.strip_prefix(kind));
                    format!("{place}{}", inner.unwrap_or(rest))
                }
                None => match (rest.strip_prefix(".tool_call_id"), rest.strip_prefix(".content")) {
                    (Some(_), _) => format!("{}.call_id", origin.place),
                    (None, Some(rest)) => {
                        let content = origin.content.map(|name| format!(".{name}")).unwrap_or_default();
                        let rest = rest
                            .replace(".image_url.url", ".image_url")
                            .replace(".image_url.detail", ".detail");
                        format!("{}{content}{rest}", origin.place)
                    }
                    (None, None) => format!("{}{rest}", origin.place),
                },
            });
        }
        self.renamed.iter().find_map(|(name, other)| Some(format!("{other}{}", param.strip_prefix(name)?)))
    }
}
