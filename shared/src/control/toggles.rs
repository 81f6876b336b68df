//! What an operator has switched at run time: maintenance, and whether the service is on at all. The daemon keeps it, so
//! that every front of a host has the same.
//!
//! Owns the rules: what a toggle may hold, which of two changes is the newer one, and when a toggle is over. Pure: the
//! time is an argument, in milliseconds since 1970 by the host's clock. A clock that is set counts as it is read: a toggle
//! that ends at a time ends once the clock says so.
//!
//! `daemon/toggles/set` takes a [`Change`] and is answered with the daemon's status once the change is on disk, or it is
//! known that it isn't ([`Toggles::persisted`]). Whoever may connect to the socket may set them.

use serde::{Deserialize, Serialize};
use unicode_general_category::{GeneralCategory, get_general_category};

pub mod strict;

/// Sets or removes toggles.
pub const SET: &str = "daemon/toggles/set";
/// The longest text for clients, in characters.
pub const MAX_MESSAGE: usize = 500;
/// The longest time to wait that can be named, in seconds: a day.
pub const MAX_RETRY_AFTER_S: u64 = 86_400;
/// The latest end that can be named, in milliseconds since 1970: the end of the year 9999.
pub const MAX_UNTIL_MS: u64 = 253_402_300_799_999;

/// Maintenance, as an operator has set it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Maintenance {
    /// Whether requests are refused. `false` serves them, whatever the fronts' settings say.
    pub enabled: bool,
    /// What clients are told to wait, in seconds, at most [`MAX_RETRY_AFTER_S`]; the fronts' setting where unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u64>,
    /// What clients are told, at most [`MAX_MESSAGE`] characters, none that isn't seen (control and format characters).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When the toggle ends by itself, in milliseconds since 1970; unset, it stays until it is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<u64>,
}

/// The kill switch, as an operator has set it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppServer {
    /// Whether requests are served.
    pub enabled: bool,
}

/// What can be set for a toggle.
pub trait Setting {
    /// When it ends by itself, in milliseconds since 1970.
    fn until_ms(&self) -> Option<u64>;

    /// Whether it can be kept.
    ///
    /// # Errors
    /// [`Unfit`]: which member can't be, and why.
    fn check(&self) -> Result<(), Unfit>;
}

/// A member that can't be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfit {
    /// The member, as [`Maintenance`] names it.
    pub member: &'static str,
    /// What it must be.
    pub must: &'static str,
}

/// Whether a character isn't seen itself but changes how the text around it is shown. The joiners are none of these: words
/// of some languages and many emoji are written with them.
fn is_unseen(character: char) -> bool {
    let category = get_general_category(character);
    let unseen = matches!(
        category,
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
    );
    unseen && !matches!(character, '\u{200c}' | '\u{200d}')
}

impl Setting for Maintenance {
    fn until_ms(&self) -> Option<u64> {
        self.until_ms
    }

    fn check(&self) -> Result<(), Unfit> {
        let unfit = |member, must| Err(Unfit { member, must });
        if self.retry_after_s.is_some_and(|seconds| seconds > MAX_RETRY_AFTER_S) {
            return unfit("retryAfterS", "must be at most 86400 seconds");
        }
        if let Some(text) = &self.message {
            if text.chars().nth(MAX_MESSAGE).is_some() {
                return unfit("message", "must have at most 500 characters");
            }
            if text.chars().any(is_unseen) {
                return unfit(
                    "message",
                    "must not hold control or format characters, such as line separators and marks of direction",
                );
            }
        }
        if self.until_ms.is_some_and(|until| until > MAX_UNTIL_MS) {
            return unfit("untilMs", "must be before the year 10000");
        }
        Ok(())
    }
}

impl Setting for AppServer {
    fn until_ms(&self) -> Option<u64> {
        None
    }

    fn check(&self) -> Result<(), Unfit> {
        Ok(())
    }
}

/// A toggle: what is set, and since when it is so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Toggle<T> {
    /// What an operator has set; `None`: nothing, so the fronts' settings hold.
    pub set: Option<T>,
    /// When that was set or removed, in milliseconds since 1970; `None`: never.
    pub changed_ms: Option<u64>,
}

impl<T> Default for Toggle<T> {
    fn default() -> Self {
        Self { set: None, changed_ms: None }
    }
}

impl<T: Setting> Toggle<T> {
    /// What is set at this time.
    pub fn now(&self, now_ms: u64) -> Option<&T> {
        self.set.as_ref().filter(|set| set.until_ms().is_none_or(|until| until > now_ms))
    }

    /// Takes a change. One that was asked for at an earlier time (`asked_ms`) and comes late doesn't undo what was
    /// changed after that; a change in the future is none to wait for. Whether it was taken.
    fn change(&mut self, set: Option<T>, asked_ms: Option<u64>, now_ms: u64) -> bool {
        let newer = |asked: u64| self.changed_ms.is_some_and(|at| at > asked && at <= now_ms);
        if asked_ms.is_some_and(newer) {
            return false;
        }
        let set = set.filter(|set| set.until_ms().is_none_or(|until| until > now_ms));
        *self = Self { set, changed_ms: Some(asked_ms.unwrap_or(now_ms).min(now_ms)) };
        true
    }

    /// Removes what has ended by itself. Whether there was something.
    fn expire(&mut self, now_ms: u64) -> bool {
        let over = self.set.is_some() && self.now(now_ms).is_none();
        if over {
            *self = Self { set: None, changed_ms: Some(now_ms) };
        }
        over
    }
}

/// All toggles of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Toggles {
    /// Maintenance.
    pub maintenance: Toggle<Maintenance>,
    /// The kill switch.
    pub app_server: Toggle<AppServer>,
    /// Grows by one with every change, over restarts of the daemon too.
    pub revision: u64,
    /// Whether the daemon has this on disk, so that it outlives the daemon.
    pub persisted: bool,
}

/// What is to be changed. A member that is not there stays as it is, `null` removes the toggle.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Change {
    /// Maintenance.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "strict::there")]
    pub maintenance: Option<Option<Maintenance>>,
    /// The kill switch.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "strict::there")]
    pub app_server: Option<Option<AppServer>>,
    /// When it was asked for, in milliseconds since 1970, where it comes late: what was changed after that stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_ms: Option<u64>,
}

impl Change {
    /// Whether all of it can be kept.
    ///
    /// # Errors
    /// [`Unfit`]: which member can't be, and why.
    pub fn check(&self) -> Result<(), Unfit> {
        self.maintenance.iter().flatten().try_for_each(Setting::check)?;
        self.app_server.iter().flatten().try_for_each(Setting::check)
    }
}

impl Toggles {
    /// Takes a change. Whether anything was taken.
    pub fn apply(&mut self, change: Change, now_ms: u64) -> bool {
        let Change { maintenance, app_server, asked_ms } = change;
        let mut taken = maintenance.is_some_and(|set| self.maintenance.change(set, asked_ms, now_ms));
        taken |= app_server.is_some_and(|set| self.app_server.change(set, asked_ms, now_ms));
        self.changed(taken)
    }

    /// Removes what has ended by itself. Whether there was something.
    pub fn expire(&mut self, now_ms: u64) -> bool {
        let mut over = self.maintenance.expire(now_ms);
        over |= self.app_server.expire(now_ms);
        self.changed(over)
    }

    fn changed(&mut self, changed: bool) -> bool {
        if changed {
            self.revision = self.revision.saturating_add(1);
            self.persisted = false;
        }
        changed
    }
}

#[cfg(test)]
mod tests;
