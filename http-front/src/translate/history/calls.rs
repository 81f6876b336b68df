//! The calls of a conversation and the results that belong to them. Pure.

use super::Repair;
use sha2::{Digest, Sha256};
use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
};

/// The longest id of a call that the upstream takes, in characters.
const LONGEST_ID: usize = 64;

/// A call of the conversation.
pub(super) struct Open<'a> {
    /// The message that it stands in.
    pub(super) block: usize,
    /// Its id as it goes up.
    pub(super) sent: Cow<'a, str>,
    pub(super) answered: bool,
}

/// How a result names its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key<'a> {
    /// By the client's id.
    Id(&'a str),
    /// By the function's name, in the old form.
    Name(&'a str),
}

/// The calls of one key that wait for their results: those of one message in their order.
type Waiting = Vec<(usize, VecDeque<usize>)>;

/// The calls of a conversation, up to where it was read.
#[derive(Default)]
pub(super) struct Calls<'a> {
    pub(super) all: Vec<Open<'a>>,
    waiting: HashMap<Key<'a>, Waiting>,
    /// The function that was called last under an id.
    pub(super) names: HashMap<&'a str, &'a str>,
    used: HashSet<Cow<'a, str>>,
    /// How many ids were made up, those that were not free too.
    made: u64,
    pub(super) repairs: BTreeSet<Repair>,
}

impl<'a> Calls<'a> {
    /// A call of the message `block`; the id that goes up for it.
    pub(super) fn call(&mut self, block: usize, client: Option<&'a str>, name: &'a str) -> Cow<'a, str> {
        let sent = self.fresh(client);
        let at = self.all.len();
        self.all.push(Open { block, sent: sent.clone(), answered: false });
        let waiting = self.waiting.entry(client.map_or(Key::Name(name), Key::Id)).or_default();
        match waiting.last_mut() {
            Some((last, calls)) if *last == block => calls.push_back(at),
            Some(_) | None => waiting.push((block, VecDeque::from([at]))),
        }
        if let Some(client) = client {
            self.names.insert(client, name);
        }
        sent
    }

    /// The call that a result belongs to: of those that have none yet, the first of the latest message.
    pub(super) fn answer(&mut self, key: Key<'a>) -> Option<Cow<'a, str>> {
        let waiting = self.waiting.get_mut(&key)?;
        let (_, calls) = waiting.last_mut()?;
        let at = calls.pop_front()?;
        if calls.is_empty() {
            waiting.pop();
        }
        let call = self.all.get_mut(at)?;
        call.answered = true;
        Some(call.sent.clone())
    }

    /// An id that can go up and that no other call has: the client's own where it is one.
    pub(super) fn fresh(&mut self, client: Option<&'a str>) -> Cow<'a, str> {
        if let Some(client) = client {
            if fits(client) && self.used.insert(Cow::Borrowed(client)) {
                return Cow::Borrowed(client);
            }
            self.repairs.insert(Repair::ToolCallId);
        }
        // The same conversation always gives the same ids, or the upstream's prompt cache would be of no use.
        // And none is tried twice: a client that works them out beforehand must not get us to try them all for each call.
        loop {
            self.made += 1;
            let mut hash = Sha256::new();
            hash.update(client.unwrap_or_default());
            hash.update(self.made.to_le_bytes());
            let text: String = hash.finalize().iter().take(12).map(|byte| format!("{byte:02x}")).collect();
            let id: Cow<'a, str> = Cow::Owned(format!("call_{text}"));
            if self.used.insert(id.clone()) {
                return id;
            }
        }
    }
}

/// Whether it can go up as it is.
pub(super) fn fits(id: &str) -> bool {
    (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic())
}
