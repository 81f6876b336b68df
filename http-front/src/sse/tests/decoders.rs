//! Decoders with the habits of those that clients of the OpenAI API have: what ends an event, and when an event with
//! nothing in it is handed on. Each gives the data of the events in pieces as they come from the wire.

/// A decoder by the client that behaves so.
pub(super) type Decoder = fn(&[&[u8]]) -> Vec<String>;

/// All of them.
pub(super) const ALL: &[(&str, Decoder)] = &[
    ("the specification", specification),
    ("openai-go", go),
    ("openai-python 1.x", old_python),
    ("openai-python", python),
    ("openai-node", node),
];

/// The fields of an event that is being read.
#[derive(Default)]
struct Fields {
    event: String,
    data: Vec<String>,
    id: String,
}

impl Fields {
    /// Takes in a line that is not empty; comments are skipped.
    fn take(&mut self, line: &str) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => value.clone_into(&mut self.event),
            "data" => self.data.push(value.to_owned()),
            "id" => value.clone_into(&mut self.id),
            _ => {}
        }
    }

    /// The data; the last id is kept, as the specification has it.
    fn end(&mut self) -> String {
        self.event.clear();
        std::mem::take(&mut self.data).join("\n")
    }
}

/// Line by line; an empty line ends an event where `ends` says so.
fn lines(text: &str, ends: impl Fn(&Fields) -> bool) -> Vec<String> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut fields = Fields::default();
    let mut events = Vec::new();
    // What stands behind the last line break is no line yet.
    let (whole, _) = text.rsplit_once('\n').unwrap_or_default();
    for line in whole.split('\n') {
        if !line.is_empty() {
            fields.take(line);
        } else if ends(&fields) {
            events.push(fields.end());
        } else {
            fields.end();
        }
    }
    events
}

fn text(pieces: &[&[u8]]) -> String {
    String::from_utf8(pieces.concat()).unwrap()
}

/// WHATWG HTML, "Server-sent events": an event needs data, even if it is empty.
fn specification(pieces: &[&[u8]]) -> Vec<String> {
    let text = text(pieces);
    lines(text.strip_prefix('\u{feff}').unwrap_or(&text), |fields| !fields.data.is_empty())
}

/// Every empty line is an event.
pub(super) fn go(pieces: &[&[u8]]) -> Vec<String> {
    lines(&text(pieces), |_| true)
}

/// Bytes up to an empty line are taken together, wherever the wire cuts them; what is behind the last is dropped.
fn blocks(pieces: &[&[u8]]) -> String {
    let (mut waiting, mut whole) = (Vec::new(), Vec::new());
    for piece in pieces {
        for byte in *piece {
            waiting.push(*byte);
            if [&b"\n\n"[..], b"\r\r", b"\r\n\r\n"].iter().any(|end| waiting.ends_with(end)) {
                whole.append(&mut waiting);
            }
        }
    }
    String::from_utf8(whole).unwrap()
}

/// An empty line is an event where anything was told before it, an id of long ago too.
fn old_python(pieces: &[&[u8]]) -> Vec<String> {
    lines(&blocks(pieces), |fields| {
        !fields.event.is_empty() || !fields.data.is_empty() || !fields.id.is_empty()
    })
}

/// An id alone is no event any more.
fn python(pieces: &[&[u8]]) -> Vec<String> {
    lines(&blocks(pieces), |fields| !fields.event.is_empty() || !fields.data.is_empty())
}

/// The same, in another language.
fn node(pieces: &[&[u8]]) -> Vec<String> {
    lines(&blocks(pieces), |fields| !fields.event.is_empty() || fields.data.iter().any(|d| !d.is_empty()))
}
