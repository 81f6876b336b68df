//! By what the next turn of a conversation is known. Pure.
//!
//! This API has no conversations: each request brings the whole history. So a conversation is its beginning, which is the
//! same in each of its requests: whoever asks, and all up to and including the first message of the user, or what the client
//! names it by (`prompt_cache_key`). Only a digest of that is kept, in memory alone; it is in no log and no label.

use crate::openai::{
    chat::ChatRequest,
    message::{Content, Message, Role},
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::fmt;

/// A conversation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Conversation {
    id: Id,
    goes_on: bool,
}

/// What tells conversations apart. The digest has no key of this process: after a restart, and in other fronts, a
/// conversation is ranked as before.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id([u8; 16]);

/// Nobody's to read in a log.
impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Conversation(secret)")
    }
}

/// The same.
impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Id(secret)")
    }
}

impl Conversation {
    /// That of a request of this caller's.
    pub fn of(caller: Option<&str>, request: &ChatRequest<'_>) -> Self {
        let mut hash = Pieces::default();
        hash.piece(caller.unwrap_or_default());
        if let Some(Value::String(key)) = &request.prompt_cache_key
            && !key.is_empty()
        {
            hash.piece("key");
            hash.piece(key);
            return Self { id: hash.id(), goes_on: true };
        }
        hash.piece("messages");
        let first = request.messages.iter().position(|message| message.role == Role::User);
        let beginning = first.map_or(request.messages.len(), |first| first + 1);
        let (beginning, rest) = request.messages.split_at(beginning);
        beginning.iter().for_each(|message| hash.message(message));
        Self { id: hash.id(), goes_on: !rest.is_empty() }
    }

    /// What tells it apart.
    pub fn id(&self) -> Id {
        self.id
    }

    /// Whether it may have been here before. What is asked for the first time stands at no worker, and others may begin with
    /// the same words.
    pub fn goes_on(&self) -> bool {
        self.goes_on
    }
}

impl Id {
    /// The place that it gives a worker of this name; the highest is the first (rendezvous hashing).
    pub fn rank(&self, worker: &str) -> u64 {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(worker);
        hash.finalize().iter().take(8).fold(0, |rank, byte| rank << 8 | u64::from(*byte))
    }
}

/// Pieces that can't be taken for others: each with its length before it.
#[derive(Default)]
struct Pieces(Sha256);

impl Pieces {
    fn piece(&mut self, piece: &str) {
        self.0.update((piece.len() as u64).to_be_bytes());
        self.0.update(piece);
    }

    fn message(&mut self, message: &Message<'_>) {
        self.piece(message.role.as_str());
        match &message.content {
            None => {}
            Some(Content::Text(text)) => self.piece(text),
            Some(Content::Parts(parts)) => {
                for part in parts {
                    self.piece(&part.r#type);
                    let url = part.image_url.as_ref().map(|image| &image.url);
                    [part.text.as_ref(), part.refusal.as_ref(), url]
                        .into_iter()
                        .flatten()
                        .for_each(|t| self.piece(t));
                }
            }
        }
    }

    fn id(self) -> Id {
        let mut id = [0; 16];
        self.0.finalize().iter().zip(&mut id).for_each(|(byte, at)| *at = *byte);
        Id(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(caller: &str, members: &Value) -> Conversation {
        let text = members.to_string();
        let request: ChatRequest<'_> = serde_json::from_str(&text).unwrap();
        Conversation::of(Some(caller), &request)
    }

    fn said(messages: &[(&str, &str)]) -> Value {
        let said: Vec<Value> =
            messages.iter().map(|(role, text)| json!({ "role": role, "content": text })).collect();
        json!({ "model": "m", "messages": said })
    }

    #[test]
    fn a_conversation_is_known_by_its_beginning() {
        let first = of("k", &said(&[("system", "s"), ("user", "u")]));
        let next = of("k", &said(&[("system", "s"), ("user", "u"), ("assistant", "a"), ("user", "v")]));
        assert!(first.id() == next.id() && !first.goes_on() && next.goes_on());
        for other in [
            of("l", &said(&[("system", "s"), ("user", "u")])),
            of("k", &said(&[("system", "t"), ("user", "u")])),
            of("k", &said(&[("system", "s"), ("user", "v")])),
            of("k", &said(&[("user", "s"), ("user", "u")])),
            of("k", &said(&[("system", "su"), ("user", "")])),
        ] {
            assert!(first.id() != other.id());
        }
    }

    #[test]
    fn parts_count_as_they_are_said() {
        let part = |part: Value| json!({ "model": "m", "messages": [{ "role": "user", "content": [part] }] });
        let image = |url: &str| part(json!({ "type": "image_url", "image_url": { "url": url } }));
        let ids = [
            of("k", &image("data:a")),
            of("k", &image("data:b")),
            of("k", &part(json!({ "type": "text", "text": "data:a" }))),
        ]
        .map(|conversation| conversation.id());
        assert!(ids[0] != ids[1] && ids[0] != ids[2]);
    }

    #[test]
    fn the_clients_name_for_it_is_enough() {
        let keyed = |caller: &str, key: &str, text: &str| {
            let mut request = said(&[("user", text)]);
            request["prompt_cache_key"] = key.into();
            of(caller, &request)
        };
        let first = keyed("k", "c", "one");
        assert!(first.goes_on() && first.id() == keyed("k", "c", "another").id());
        assert!(first.id() != keyed("l", "c", "one").id() && first.id() != keyed("k", "d", "one").id());
        assert!(
            keyed("k", "", "one").id() == of("k", &said(&[("user", "one")])).id(),
            "an empty one is none"
        );
    }

    #[test]
    fn ranks_are_the_same_in_every_process() {
        let id = of("k", &said(&[("user", "u")])).id();
        assert_eq!(id.rank("a"), id.rank("a"));
        assert_ne!(id.rank("a"), id.rank("b"));
        let firsts = (0..200).filter(|n| {
            let id = of("k", &said(&[("user", &n.to_string())])).id();
            id.rank("a") > id.rank("b")
        });
        assert!((60..140).contains(&firsts.count()));
    }

    #[test]
    fn nothing_of_it_is_told() {
        let conversation = of("caller", &said(&[("user", "hello")]));
        assert_eq!(format!("{conversation:?} {:?}", conversation.id()), "Conversation(secret) Id(secret)");
    }
}
