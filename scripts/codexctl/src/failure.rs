//! Why a command failed, in words that say what to do, and with which code.

use shared::exit;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// What was asked for can't be done as it was asked.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: exit::USAGE }
    }

    /// It could be done, and something failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: exit::FAILURE }
    }

    /// Whether it would fail again, however often it were tried.
    pub fn is_usage(&self) -> bool {
        self.code == exit::USAGE
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        self.code
    }
}
