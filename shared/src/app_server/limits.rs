//! `account/rateLimits/updated`: what the upstream says of the account's limits.
//!
//! Codex sends it with every answer of the upstream that it can read, also just before the turn that fails because a
//! limit is reached. Without the upstream's `x-codex-*` headers its windows are `null`.

use serde::Deserialize;

/// A window that is used up has at least so many percent; codex rounds.
const USED_UP: f64 = 100.0;

/// Params of the notification, as far as we read them.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RateLimitsUpdated {
    /// The account's limits.
    pub rate_limits: RateLimits,
}

/// The account's limits.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct RateLimits {
    /// The short window, some hours.
    #[serde(default)]
    pub primary: Option<Window>,
    /// The long one, some days.
    #[serde(default)]
    pub secondary: Option<Window>,
}

/// A span of time in which so much may be used.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Window {
    /// How much of it is used.
    #[serde(default)]
    pub used_percent: f64,
    /// When it begins anew, in Unix seconds.
    #[serde(default)]
    pub resets_at: Option<u64>,
}

impl RateLimits {
    /// Whether anything is told at all.
    pub fn told(&self) -> bool {
        self.primary.is_some() || self.secondary.is_some()
    }

    /// When the last of the windows that are used up begins anew, in Unix seconds. `None` where none is, or where
    /// one of them doesn't say.
    pub fn back_at(&self) -> Option<u64> {
        let windows = [self.primary, self.secondary].into_iter().flatten();
        let used_up = windows.filter(|window| window.used_percent >= USED_UP);
        let times: Option<Vec<u64>> = used_up.map(|window| window.resets_at).collect();
        times?.into_iter().max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back_at(limits: &str) -> (bool, Option<u64>) {
        let text = format!(r#"{{"rateLimits":{limits}}}"#);
        let RateLimitsUpdated { rate_limits } = serde_json::from_str(&text).unwrap();
        (rate_limits.told(), rate_limits.back_at())
    }

    #[test]
    fn only_what_is_used_up_counts_and_the_last_of_it() {
        // As codex 0.169.0 writes it.
        let both = r#"{"limitId":"codex","primary":{"usedPercent":100,"windowDurationMins":300,"resetsAt":17},
            "secondary":{"usedPercent":100,"windowDurationMins":10080,"resetsAt":90},"credits":null}"#;
        assert_eq!(back_at(both), (true, Some(90)));
        let short =
            r#"{"primary":{"usedPercent":100,"resetsAt":17},"secondary":{"usedPercent":43,"resetsAt":90}}"#;
        assert_eq!(back_at(short), (true, Some(17)));
        let silent = r#"{"primary":{"usedPercent":100,"resetsAt":17},"secondary":{"usedPercent":100}}"#;
        assert_eq!(back_at(silent), (true, None));
        assert_eq!(back_at(r#"{"primary":{"usedPercent":99,"resetsAt":17}}"#), (true, None));
        assert_eq!(back_at(r#"{"primary":null,"secondary":null}"#), (false, None));
        assert_eq!(back_at("{}"), (false, None));
    }
}
