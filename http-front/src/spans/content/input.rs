//! The messages of a request's body.

use super::{
    MESSAGES, PARTS, Room,
    loose::{First, Loose, Text},
};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, json};

/// The messages of a request's body; `None` of one that isn't understood.
pub(in crate::spans) fn input(body: &[u8]) -> Option<String> {
    let Body { messages, prompt } = serde_json::from_slice(body).ok()?;
    let mut room = Room::default();
    let mut told = Vec::new();
    for message in messages.list().iter().filter_map(Loose::map) {
        if !room.open() {
            break;
        }
        told.push(json!({ "role": message.role(), "parts": message.parts(&mut room) }));
    }
    if told.is_empty() && room.open() {
        told.push(json!({ "role": "user", "parts": parts(&prompt, &mut room) }));
    }
    Some(Value::Array(told).to_string())
}

/// An object, or a text.
type Object<'a, T> = Loose<'a, IgnoredAny, T>;
/// A list of those, or a text.
type List<'a, T, const N: usize> = Loose<'a, First<Object<'a, T>, N>, IgnoredAny>;

#[derive(Debug, Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    messages: List<'a, Message<'a>, MESSAGES>,
    #[serde(borrow, default)]
    prompt: Content<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Message<'a> {
    #[serde(borrow)]
    role: Text<'a>,
    #[serde(borrow)]
    content: Content<'a>,
    #[serde(borrow)]
    tool_calls: List<'a, Call<'a>, PARTS>,
    #[serde(borrow)]
    function_call: Object<'a, Function<'a>>,
    #[serde(borrow)]
    tool_call_id: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Call<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow, alias = "custom")]
    function: Object<'a, Function<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Function<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow, alias = "input")]
    arguments: Text<'a>,
}

/// A text, or parts.
type Content<'a> = List<'a, Fields<'a>, PARTS>;
/// A text, or an object.
type Part<'a> = Object<'a, Fields<'a>>;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Fields<'a> {
    #[serde(borrow)]
    text: Text<'a>,
    #[serde(borrow)]
    image_url: Object<'a, Image<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Image<'a> {
    #[serde(borrow)]
    url: Text<'a>,
}

impl Message<'_> {
    /// Of those that there are.
    fn role(&self) -> &'static str {
        const KNOWN: [&str; 6] = ["system", "developer", "user", "assistant", "tool", "function"];
        let role = self.role.text().unwrap_or_default();
        KNOWN.into_iter().find(|known| *known == role).unwrap_or("other")
    }

    fn parts(&self, room: &mut Room) -> Vec<Value> {
        if matches!(self.role(), "tool" | "function") {
            return self.result(room).into_iter().collect();
        }
        let mut told = parts(&self.content, room);
        let calls = self.tool_calls.list().iter().filter_map(Loose::map);
        let calls = calls.map(|call| (call.id.text(), call.function.map()));
        for (id, function) in calls.chain(self.function_call.map().map(|function| (None, Some(function)))) {
            let Some(function) = function else { continue };
            if told.len() >= PARTS || !room.open() {
                break;
            }
            let id = id.map(|id| room.cut(id));
            let name = room.cut(function.name.text().unwrap_or_default());
            let arguments = room.cut(function.arguments.text().unwrap_or_default());
            told.push(json!({ "type": "tool_call", "id": id, "name": name, "arguments": arguments }));
        }
        told
    }

    /// What a tool gave, as one text.
    fn result(&self, room: &mut Room) -> Option<Value> {
        if !room.open() {
            return None;
        }
        let id = self.tool_call_id.text().map(|id| room.cut(id));
        let texts = self.content.text().into_iter().chain(self.content.list().iter().filter_map(text));
        let response: String = texts.map(|text| room.cut(text)).collect();
        Some(json!({ "type": "tool_call_response", "id": id, "response": response }))
    }
}

fn parts(content: &Content<'_>, room: &mut Room) -> Vec<Value> {
    let mut told = Vec::new();
    if let Some(said) = content.text()
        && room.open()
    {
        told.push(json!({ "type": "text", "content": room.cut(said) }));
    }
    for part in content.list() {
        if !room.open() {
            break;
        }
        told.push(tell(part, room));
    }
    told
}

fn text<'p>(part: &'p Part<'_>) -> Option<&'p str> {
    part.text().or_else(|| part.map()?.text.text())
}

fn tell(part: &Part<'_>, room: &mut Room) -> Value {
    if let Some(text) = text(part) {
        return json!({ "type": "text", "content": room.cut(text) });
    }
    let image = part.map().map(|fields| &fields.image_url);
    match image.and_then(|image| image.text().or_else(|| image.map()?.url.text())) {
        // An image's bytes have no place in a span.
        Some(url) if url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) => {
            json!({ "type": "blob", "modality": "image" })
        }
        Some(url) => json!({ "type": "uri", "modality": "image", "uri": room.cut(url) }),
        None => json!({ "type": "other" }),
    }
}
