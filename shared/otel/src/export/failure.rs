//! Why a collector didn't take something.

use std::fmt;
use tonic::Code;

/// Why an export failed, in words of ours: what a collector says may repeat what it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// No connection, or it broke.
    Unreachable,
    /// No answer in time.
    Late,
    /// An HTTP status.
    Status(u16),
    /// A status of gRPC.
    Grpc(Code),
    /// Something that is no answer of OTLP.
    Answer,
    /// Something else.
    Other,
}

impl Failure {
    /// Whether the standard wants it tried again.
    pub(super) fn passes(self) -> bool {
        match self {
            Self::Unreachable | Self::Late => true,
            Self::Status(status) => matches!(status, 429 | 502 | 503 | 504),
            Self::Grpc(code) => matches!(
                code,
                Code::Cancelled
                    | Code::DeadlineExceeded
                    | Code::Aborted
                    | Code::OutOfRange
                    | Code::Unavailable
                    | Code::DataLoss
            ),
            Self::Answer | Self::Other => false,
        }
    }
}

impl std::error::Error for Failure {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable => f.write_str("the collector can't be reached"),
            Self::Late => f.write_str("the collector didn't answer in time"),
            Self::Status(status) => write!(f, "the collector answered with status {status}"),
            Self::Grpc(code) => write!(f, "the collector answered with gRPC status {code:?}"),
            Self::Answer => f.write_str("what the collector answered is no OTLP"),
            Self::Other => f.write_str("the export failed"),
        }
    }
}
