//! What every key has used, and who may come in. Pure: time is an argument.
//!
//! Owns one entry for each key that has used something lately. Promises: within any window no more requests are let in than
//! a key may make, and no request while its tokens are used up; what is refused costs nothing; what came in is open until it
//! leaves, once. Never knows what a request is, and has no entry for who has no key.

use super::{rules::Rules, window::Window};
use crate::auth::KeyName;
use std::{
    collections::{HashMap, hash_map::Entry},
    time::Duration,
};

/// A limit that a request met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    /// Requests within a window.
    Requests,
    /// Tokens within a window.
    Tokens,
    /// Open requests of the key.
    Streams,
    /// Open requests of all keys.
    Everybody,
}

/// Why a request may not come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused {
    /// The limit that it met.
    pub(super) limit: Limit,
    /// When it is worth trying again.
    pub(super) after: Duration,
}

/// How much of a limit is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quota {
    /// The limit.
    pub(super) most: u64,
    /// What is left of it.
    pub(super) left: u64,
    /// When all of it is there again, if nothing more comes.
    pub(super) reset: Duration,
}

/// A request that came in. Leaves by [`Core::leave`].
#[derive(Debug)]
pub(super) struct Ticket {
    key: KeyName,
    /// The part of the window of requests in which it counts, and the width of that window.
    counted: Option<(Duration, u64)>,
    /// The tokens that count for it while it runs.
    held: u64,
}

impl Ticket {
    /// The tokens that count for it while it runs.
    pub(super) fn held(&self) -> u64 {
        self.held
    }
}

/// What a request used, at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Used {
    /// So many tokens.
    Tokens(u64),
    /// What it held, and so many more: nothing exact is known.
    Held(u64),
}

/// How long to wait for an open request to end: nobody knows when it does.
const SOON: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
struct State {
    requests: Option<Window>,
    tokens: Option<Window>,
    /// The tokens that count for what is open.
    held: u64,
    open: usize,
}

impl State {
    /// Lets go what is too old.
    fn advance(&mut self, now: Duration) {
        for window in [&mut self.requests, &mut self.tokens].into_iter().flatten() {
            window.advance(now);
        }
    }

    /// Makes the windows those of the rules, and lets go what is too old. For a request that comes in alone: one that is
    /// open has the rules of its own time, which may be others by now.
    fn shape(&mut self, rules: &Rules, now: Duration) {
        for (window, rule) in [(&mut self.requests, rules.requests), (&mut self.tokens, rules.tokens)] {
            if let Some(known) = window {
                known.advance(now);
            }
            *window = match (window.take(), rule) {
                (_, None) => None,
                (None, Some(rule)) => Some(Window::new(rule.window)),
                (Some(known), Some(rule)) if known.width() == rule.window => Some(known),
                (Some(known), Some(rule)) => Some(known.resized(rule.window, now)),
            };
        }
    }

    /// Whether it says the same as no state at all.
    fn is_blank(&mut self, now: Duration) -> bool {
        let mut windows = [&mut self.requests, &mut self.tokens].into_iter().flatten();
        self.open == 0
            && windows.all(|window| {
                window.advance(now);
                window.sum() == 0
            })
    }

    /// Whether tokens are left, or how long to wait.
    fn tokens_left(&self, rules: &Rules, now: Duration) -> Result<(), Refused> {
        let Some((rule, window)) = rules.tokens.zip(self.tokens.as_ref()) else { return Ok(()) };
        if window.sum().saturating_add(self.held) < rule.most {
            return Ok(());
        }
        let after = match rule.most.saturating_sub(self.held) {
            // What is open holds it all.
            0 if self.held > 0 => SOON,
            0 => window.longest(),
            room => window.until_below(room, now),
        };
        Err(Refused { limit: Limit::Tokens, after })
    }
}

/// All keys.
#[derive(Debug)]
pub(super) struct Core {
    keys: HashMap<KeyName, State>,
    open: usize,
    /// The most that may be open, of all keys together.
    most_open: usize,
}

impl Core {
    /// With so many open requests of all keys together.
    pub(super) fn new(most_open: usize) -> Self {
        Self { keys: HashMap::new(), open: 0, most_open }
    }

    /// Lets a request in, which counts from now on.
    ///
    /// # Errors
    /// The limit that it meets; then nothing is counted.
    pub(super) fn enter(&mut self, key: &KeyName, rules: &Rules, now: Duration) -> Result<Ticket, Refused> {
        let full = self.open >= self.most_open;
        let state = self.state(key, now);
        state.shape(rules, now);
        if let Some((rule, window)) = rules.requests.zip(state.requests.as_ref())
            && window.sum() >= rule.most
        {
            let after = window.until_below(rule.most, now);
            return Err(Refused { limit: Limit::Requests, after });
        }
        if rules.streams.is_some_and(|most| state.open >= most) {
            return Err(Refused { limit: Limit::Streams, after: SOON });
        }
        // Known without its body, so it needs not be sent.
        state.tokens_left(rules, now)?;
        if full {
            return Err(Refused { limit: Limit::Everybody, after: SOON });
        }
        let counted = state.requests.as_mut().map(|window| (window.width(), window.add(now, 1)));
        state.open += 1;
        self.open += 1;
        Ok(Ticket { key: key.clone(), counted, held: 0 })
    }

    /// The body is there: it holds so many tokens until it ends, if any are left.
    ///
    /// # Errors
    /// No tokens are left; then the request counts no more, and is to leave.
    pub(super) fn hold(
        &mut self,
        ticket: &mut Ticket,
        tokens: u64,
        rules: &Rules,
        now: Duration,
    ) -> Result<(), Refused> {
        let Some(state) = self.keys.get_mut(&ticket.key) else { return Ok(()) };
        state.advance(now);
        if let Err(refused) = state.tokens_left(rules, now) {
            if let Some((window, (width, number))) = state.requests.as_mut().zip(ticket.counted.take())
                && window.width() == width
            {
                window.take_back(number, 1);
            }
            return Err(refused);
        }
        self.hold_more(ticket, tokens);
        Ok(())
    }

    /// It holds so many tokens more.
    pub(super) fn hold_more(&mut self, ticket: &mut Ticket, tokens: u64) {
        ticket.held = ticket.held.saturating_add(tokens);
        if let Some(state) = self.keys.get_mut(&ticket.key) {
            state.held = state.held.saturating_add(tokens);
        }
    }

    /// A request is over, and used this.
    pub(super) fn leave(&mut self, ticket: Ticket, used: Used, now: Duration) {
        self.open = self.open.saturating_sub(1);
        let Some(state) = self.keys.get_mut(&ticket.key) else { return };
        state.open = state.open.saturating_sub(1);
        state.held = state.held.saturating_sub(ticket.held);
        let tokens = match used {
            Used::Tokens(tokens) => tokens,
            Used::Held(more) => ticket.held.saturating_add(more),
        };
        if let Some(window) = &mut state.tokens {
            window.add(now, tokens);
        }
    }

    /// How much is left to a key: of its requests, of its tokens.
    pub(super) fn left(
        &mut self,
        key: &KeyName,
        rules: &Rules,
        now: Duration,
    ) -> (Option<Quota>, Option<Quota>) {
        if let Some(state) = self.keys.get_mut(key) {
            state.advance(now);
        }
        let state = self.keys.get(key);
        let requests = rules.requests.map(|rule| {
            let window = state.and_then(|state| state.requests.as_ref());
            let sum = window.map_or(0, Window::sum);
            let reset = window.map_or(Duration::ZERO, |window| window.until_empty(now));
            Quota { most: rule.most, left: rule.most.saturating_sub(sum), reset }
        });
        let tokens = rules.tokens.map(|rule| {
            let window = state.and_then(|state| state.tokens.as_ref());
            let held = state.map_or(0, |state| state.held);
            let sum = window.map_or(0, Window::sum).saturating_add(held);
            // What is held counts from its end on, which is now at the earliest.
            let reset = window.map_or(Duration::ZERO, |window| match held {
                0 => window.until_empty(now),
                _ => window.longest(),
            });
            Quota { most: rule.most, left: rule.most.saturating_sub(sum), reset }
        });
        (requests, tokens)
    }

    /// The entry of a key. A new one makes room first: what says nothing goes.
    fn state(&mut self, key: &KeyName, now: Duration) -> &mut State {
        if !self.keys.contains_key(key) {
            self.keys.retain(|_, state| !state.is_blank(now));
        }
        match self.keys.entry(key.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(State::default()),
        }
    }
}

#[cfg(test)]
mod tests;
