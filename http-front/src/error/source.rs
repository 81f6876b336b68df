//! Whose fault an error is.

/// Whose fault an error is, as far as an operator must tell cases apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// What the client sent, or how it reads.
    Client,
    /// This service: its settings, its operator's switches, a fault of ours.
    Gateway,
    /// The daemon or its codex.
    Worker,
    /// The upstream, or the account there.
    Provider,
}

impl Source {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Client, Self::Gateway, Self::Worker, Self::Provider];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Gateway => "gateway",
            Self::Worker => "worker",
            Self::Provider => "provider",
        }
    }
}
