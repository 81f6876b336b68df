//! The limits by key: requests and tokens within any window, and requests to the model that are open at once.
//!
//! Owns what every key has used (`core`) and the clock. Promises: a request is let in once and leaves once, whichever way
//! it ends ([`Permit`] does it when it is dropped); nobody without a key has an entry; nothing here waits. Never cuts a
//! request that runs. What counts how is told in `docs/limits.md`.

mod core;
mod headers;
mod rules;
mod spent;
mod window;

use self::{
    core::{Core, Limit, Refused, Ticket},
    rules::{Rule, Rules},
    spent::{Spent, estimate},
};
use crate::{
    auth::Key,
    config::LimitConfig,
    error::{ApiError, Kind, Source},
    metrics::Metrics,
    openai::usage::Tokens,
    translate::event::Delta,
};
use http::HeaderMap;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Values of the label `limit` of `codex_rate_limited_total`.
pub const LIMITS: &[&str] = &["requests", "tokens", "streams"];

/// The limits of all keys. Shared by all requests.
#[derive(Debug)]
pub struct Limits {
    core: Mutex<Core>,
    config: LimitConfig,
    metrics: Arc<Metrics>,
    began: Instant,
}

impl Limits {
    /// With nothing used.
    pub fn new(config: LimitConfig, metrics: Arc<Metrics>) -> Self {
        let core = Mutex::new(Core::new(config.streams));
        Self { core, config, metrics, began: Instant::now() }
    }

    /// Lets a request to the model in, before its body is read.
    ///
    /// # Errors
    /// 429 with the limit that it meets and the exact time after which to try again; 503 where all keys together have too
    /// many open. Then nothing is counted.
    pub fn enter(self: &Arc<Self>, key: &Key) -> Result<Permit, ApiError> {
        let rules = Rules::of(&key.limits, &self.config);
        let entered = self.lock().enter(&key.name, &rules, self.now());
        let ticket = entered.map_err(|refused| self.refuse(refused, &rules))?;
        Ok(Permit { limits: Arc::clone(self), rules, ticket: Some(ticket), spent: Spent::default() })
    }

    /// Writes what is left to a key into the headers of an answer (`x-ratelimit-*`), where it has such limits.
    pub fn tell(&self, key: &Key, headers: &mut HeaderMap) {
        let rules = Rules::of(&key.limits, &self.config);
        if rules.requests.is_none() && rules.tokens.is_none() {
            return;
        }
        let (requests, tokens) = self.lock().left(&key.name, &rules, self.now());
        headers::tell(headers, requests, tokens);
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refuse(&self, refused: Refused, rules: &Rules) -> ApiError {
        let Refused { limit, after } = refused;
        let within = |rule: Option<Rule>| {
            let Rule { most, window } = rule.unwrap_or(Rule { most: 0, window: Duration::ZERO });
            (most, headers::time(window))
        };
        let again = headers::time(after);
        let (label, message) = match limit {
            Limit::Requests => {
                let (most, window) = within(rules.requests);
                let requests = if most == 1 { "request" } else { "requests" };
                let text =
                    format!("This key may make {most} {requests} within {window}; try again in {again}.");
                ("requests", text)
            }
            Limit::Tokens => {
                let (most, window) = within(rules.tokens);
                let text = format!(
                    "This key may use {most} tokens within {window}, and they are used up; try again in {again}."
                );
                ("tokens", text)
            }
            Limit::Streams => {
                let most = rules.streams.unwrap_or_default();
                let requests = if most == 1 { "request" } else { "requests" };
                let text = format!(
                    "This key may have {most} {requests} open at once; try again when one has ended."
                );
                ("streams", text)
            }
            Limit::Everybody => {
                let text = format!(
                    "The service has as many requests open as it serves at once ({}); try again.",
                    self.config.streams
                );
                return ApiError::new(Kind::Overloaded, text).retry_after(after).caused_by(Source::Gateway);
            }
        };
        self.metrics.rate_limited(label);
        ApiError::new(Kind::RateLimited, message).retry_exactly_after(after).caused_by(Source::Client)
    }
}

/// A request to the model that was let in. Dropped, it leaves, and what it used is counted.
#[derive(Debug)]
pub struct Permit {
    limits: Arc<Limits>,
    rules: Rules,
    /// Taken when it leaves.
    ticket: Option<Ticket>,
    spent: Spent,
}

impl Permit {
    /// Its body has so many bytes: what they are estimated at counts until the request ends.
    ///
    /// # Errors
    /// 429 where no tokens are left.
    pub fn body(&mut self, bytes: usize) -> Result<(), ApiError> {
        let Some(ticket) = &mut self.ticket else { return Ok(()) };
        let held = self.limits.lock().hold(ticket, estimate(bytes), &self.rules, self.limits.now());
        held.map_err(|refused| self.limits.refuse(refused, &self.rules))
    }

    /// The model is asked, in so many runs: each of them reads what was sent.
    pub fn asked(&mut self, runs: usize) {
        self.spent.asked(runs);
        if let Some(ticket) = &mut self.ticket {
            let more = (runs as u64).saturating_sub(1);
            let held = ticket.held();
            self.limits.lock().hold_more(ticket, held.saturating_mul(more));
        }
    }

    /// The model works.
    pub fn alive(&mut self) {
        self.spent.alive();
    }

    /// The model said something.
    pub fn heard(&mut self, delta: &Delta) {
        self.spent.heard(delta);
    }

    /// The request was answered, or failed with this.
    pub fn ended(&mut self, end: Result<(), Kind>) {
        self.spent.ended(end);
    }

    /// What the provider told of its usage.
    pub fn told(&mut self, usage: Option<Tokens>) {
        self.spent.told(usage);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.limits.lock().leave(ticket, self.spent.used(), self.limits.now());
        }
    }
}

#[cfg(test)]
mod tests;
