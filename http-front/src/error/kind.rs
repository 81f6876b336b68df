//! What can go wrong, and the one table from it to status, type, code and whose fault it is.

use super::source::Source;

/// What went wrong, as far as a client must tell cases apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A field, a role, a type, the JSON.
    InvalidRequest,
    /// A parameter that is known and not served.
    UnsupportedParameter,
    /// A value that the model doesn't offer.
    UnsupportedValue,
    /// The input is larger than the model's window.
    ContextLength,
    /// No key, or a wrong one.
    InvalidApiKey,
    /// The key may not use this profile.
    ProfileNotAllowed,
    /// The key may not use this model.
    ModelNotAllowed,
    /// The key doesn't open the operators' routes.
    OperatorOnly,
    /// No such route.
    NotFound,
    /// No such model.
    ModelNotFound,
    /// The route has other methods.
    MethodNotAllowed,
    /// The body is too large.
    TooLarge,
    /// The body came too slowly, or not at all.
    BodyTimeout,
    /// What the upstream refused, with its own status (400, 403, 404, 422).
    UpstreamRefused(u16),
    /// The upstream limits the rate.
    RateLimited,
    /// The account's limit is used up.
    InsufficientQuota,
    /// The daemon or the upstream is full.
    Overloaded,
    /// An operator has switched maintenance on.
    Maintenance,
    /// The service goes down.
    Draining,
    /// An operator has switched the service off.
    AppServerDisabled,
    /// Agents are asked for, and the operator's settings don't allow them.
    AgentUnavailable,
    /// codex puts instructions of its own home before the client's, so nothing is asked of the model.
    InstructionsAdded,
    /// The daemon can't be reached, or its child is down.
    WorkerUnavailable,
    /// The child died with this request in flight.
    WorkerRestarted,
    /// The child is signed out upstream.
    UpstreamUnauthorized,
    /// The upstream failed, or its stream broke.
    Upstream,
    /// A deadline passed.
    Timeout,
    /// A policy of the upstream refused the content.
    ContentPolicy,
    /// The reader of a stream was too slow.
    SlowReader,
    /// A fault of ours.
    Internal,
}

/// What the table says of a kind.
pub(super) struct Row {
    pub(super) status: u16,
    pub(super) kind: &'static str,
    pub(super) code: Option<&'static str>,
    pub(super) retryable: bool,
    /// Whose fault it is, where nothing more is known.
    pub(super) source: Source,
}

impl Kind {
    /// The table. `docs/errors.md` shows it to people.
    pub(super) fn row(self) -> Row {
        let row = |status, kind, code, retryable, source| Row { status, kind, code, retryable, source };
        use Source::{Client, Gateway, Provider, Worker};
        let bad = "invalid_request_error";
        match self {
            Self::InvalidRequest => row(400, bad, None, false, Client),
            Self::UnsupportedParameter => row(400, bad, Some("unsupported_parameter"), false, Client),
            Self::UnsupportedValue => row(400, bad, Some("unsupported_value"), false, Client),
            Self::ContextLength => row(400, bad, Some("context_length_exceeded"), false, Client),
            Self::InvalidApiKey => row(401, bad, Some("invalid_api_key"), false, Client),
            Self::ProfileNotAllowed => {
                row(403, "permission_error", Some("profile_not_allowed"), false, Client)
            }
            Self::ModelNotAllowed => row(403, "permission_error", Some("model_not_allowed"), false, Client),
            Self::OperatorOnly => row(403, "permission_error", Some("operator_only"), false, Client),
            Self::NotFound => row(404, bad, Some("not_found"), false, Client),
            Self::ModelNotFound => row(404, bad, Some("model_not_found"), false, Client),
            Self::MethodNotAllowed => row(405, bad, Some("method_not_allowed"), false, Client),
            Self::TooLarge => row(413, bad, Some("request_too_large"), false, Client),
            Self::BodyTimeout => row(408, bad, Some("request_timeout"), false, Client),
            Self::UpstreamRefused(status) => row(status, bad, None, false, Client),
            Self::RateLimited => row(429, "rate_limit_error", Some("rate_limit_exceeded"), true, Provider),
            Self::InsufficientQuota => {
                row(429, "insufficient_quota", Some("insufficient_quota"), false, Provider)
            }
            Self::Overloaded => row(503, "server_error", Some("overloaded"), true, Worker),
            Self::Maintenance => row(503, "server_error", Some("maintenance"), true, Gateway),
            Self::Draining => row(503, "server_error", Some("draining"), true, Gateway),
            Self::AppServerDisabled => row(503, "server_error", Some("app_server_disabled"), false, Gateway),
            Self::AgentUnavailable => row(503, "server_error", Some("agent_unavailable"), false, Gateway),
            Self::InstructionsAdded => row(503, "server_error", Some("instructions_added"), false, Gateway),
            Self::WorkerUnavailable => row(503, "server_error", Some("worker_unavailable"), true, Worker),
            Self::WorkerRestarted => row(502, "server_error", Some("worker_restarted"), true, Worker),
            Self::UpstreamUnauthorized => {
                row(503, "server_error", Some("upstream_unauthorized"), true, Provider)
            }
            Self::Upstream => row(502, "server_error", Some("upstream_error"), true, Provider),
            Self::Timeout => row(504, "server_error", Some("timeout"), true, Provider),
            Self::ContentPolicy => {
                row(400, "content_policy_violation", Some("content_policy_violation"), false, Client)
            }
            Self::SlowReader => row(500, "server_error", Some("slow_reader"), false, Client),
            Self::Internal => row(500, "server_error", Some("internal_error"), false, Gateway),
        }
    }

    /// Every kind, for the table in the documents.
    pub const ALL: &'static [Self] = &[
        Self::InvalidRequest,
        Self::UnsupportedParameter,
        Self::UnsupportedValue,
        Self::ContextLength,
        Self::InvalidApiKey,
        Self::ProfileNotAllowed,
        Self::ModelNotAllowed,
        Self::OperatorOnly,
        Self::NotFound,
        Self::ModelNotFound,
        Self::MethodNotAllowed,
        Self::TooLarge,
        Self::BodyTimeout,
        Self::UpstreamRefused(400),
        Self::RateLimited,
        Self::InsufficientQuota,
        Self::Overloaded,
        Self::Maintenance,
        Self::Draining,
        Self::AppServerDisabled,
        Self::AgentUnavailable,
        Self::InstructionsAdded,
        Self::WorkerUnavailable,
        Self::WorkerRestarted,
        Self::UpstreamUnauthorized,
        Self::Upstream,
        Self::Timeout,
        Self::ContentPolicy,
        Self::SlowReader,
        Self::Internal,
    ];

    /// The name for series: the code, and one of its own where a kind has none. Closed, unlike the codes that clients see,
    /// which may be the upstream's own words.
    pub fn label(self) -> &'static str {
        let plain = if matches!(self, Self::UpstreamRefused(_)) {
            "upstream_refused"
        } else {
            "invalid_request_error"
        };
        self.row().code.unwrap_or(plain)
    }

    /// The HTTP status.
    pub fn status(self) -> u16 {
        self.row().status
    }

    /// A row of the table in `docs/errors.md`: status, type, code, retryable, source, and the name in series.
    pub fn documented(self) -> String {
        let Row { status, kind, code, retryable, source } = self.row();
        let code = code.map_or("`null`, or the upstream's".to_owned(), |c| format!("`{c}`"));
        let (source, label) = (source.as_str(), self.label());
        format!("| {self:?} | {status} | `{kind}` | {code} | {retryable} | `{source}` | `{label}` |")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kind behind `kind` in [`Kind::ALL`]. A new kind doesn't compile without a place here.
    fn next(kind: Kind) -> Option<Kind> {
        Some(match kind {
            Kind::InvalidRequest => Kind::UnsupportedParameter,
            Kind::UnsupportedParameter => Kind::UnsupportedValue,
            Kind::UnsupportedValue => Kind::ContextLength,
            Kind::ContextLength => Kind::InvalidApiKey,
            Kind::InvalidApiKey => Kind::ProfileNotAllowed,
            Kind::ProfileNotAllowed => Kind::ModelNotAllowed,
            Kind::ModelNotAllowed => Kind::OperatorOnly,
            Kind::OperatorOnly => Kind::NotFound,
            Kind::NotFound => Kind::ModelNotFound,
            Kind::ModelNotFound => Kind::MethodNotAllowed,
            Kind::MethodNotAllowed => Kind::TooLarge,
            Kind::TooLarge => Kind::BodyTimeout,
            Kind::BodyTimeout => Kind::UpstreamRefused(400),
            Kind::UpstreamRefused(_) => Kind::RateLimited,
            Kind::RateLimited => Kind::InsufficientQuota,
            Kind::InsufficientQuota => Kind::Overloaded,
            Kind::Overloaded => Kind::Maintenance,
            Kind::Maintenance => Kind::Draining,
            Kind::Draining => Kind::AppServerDisabled,
            Kind::AppServerDisabled => Kind::AgentUnavailable,
            Kind::AgentUnavailable => Kind::InstructionsAdded,
            Kind::InstructionsAdded => Kind::WorkerUnavailable,
            Kind::WorkerUnavailable => Kind::WorkerRestarted,
            Kind::WorkerRestarted => Kind::UpstreamUnauthorized,
            Kind::UpstreamUnauthorized => Kind::Upstream,
            Kind::Upstream => Kind::Timeout,
            Kind::Timeout => Kind::ContentPolicy,
            Kind::ContentPolicy => Kind::SlowReader,
            Kind::SlowReader => Kind::Internal,
            Kind::Internal => return None,
        })
    }

    #[test]
    fn all_is_every_kind() {
        let chain: Vec<Kind> =
            std::iter::successors(Some(Kind::InvalidRequest), |kind| next(*kind)).collect();
        assert_eq!(chain, Kind::ALL);
    }

    /// 429 for the rate, 502, 503 and 504; but for what only an operator ends.
    #[test]
    fn retryable_follows_the_status() {
        for kind in Kind::ALL {
            let Row { status, retryable, .. } = kind.row();
            let later = matches!(status, 429 | 502..=504);
            let never = matches!(
                kind,
                Kind::InsufficientQuota
                    | Kind::AppServerDisabled
                    | Kind::AgentUnavailable
                    | Kind::InstructionsAdded
            );
            assert_eq!(retryable, later && !never, "{kind:?}");
        }
    }
}
