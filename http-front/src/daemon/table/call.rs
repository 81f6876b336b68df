//! What the link asks the daemon for itself.

/// Calls that the link makes for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// The handshake.
    Initialize,
    /// `daemon/subscribe`.
    Subscribe,
    /// `daemon/status`, of a daemon that is quiet.
    Status,
    /// `model/list`.
    Models,
    /// `daemon/models`.
    ModelInfos,
    /// `daemon/toggles/set`, with the number of the change.
    Toggles(u64),
    /// `daemon/metrics`.
    Metrics,
    /// The same, for the number of turns that run at once.
    Places,
}

impl Call {
    /// Its name in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Initialize => "initialize",
            Self::Subscribe => "subscribe",
            Self::Status => "status",
            Self::Models => "models",
            Self::ModelInfos => "model_infos",
            Self::Toggles(_) => "toggles",
            Self::Metrics => "metrics",
            Self::Places => "places",
        }
    }
}
