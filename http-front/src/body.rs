//! The one way to read a request's body: bounded in size and time.

use crate::error::{ApiError, Kind};
use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, header};
use std::time::Duration;

/// The bounds of a body.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// The most bytes.
    pub bytes: usize,
    /// The longest time.
    pub time: Duration,
}

/// Reads a body, whether its length is declared or it comes in chunks.
///
/// # Errors
/// 413 over the bound (at once, where the length is declared), 408 past the time, 400 when it breaks off.
pub async fn read<S, B, E>(body: S, headers: &HeaderMap, limits: BodyLimits) -> Result<Bytes, ApiError>
where
    S: Stream<Item = Result<B, E>>,
    B: Buf,
{
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|n| n > limits.bytes as u64) {
        return Err(too_large(limits.bytes));
    }
    // The declared length is what the client says, so memory is taken as bytes come.
    let first = declared.map_or(8 * 1024, |n| usize::try_from(n).unwrap_or(usize::MAX).min(1024 * 1024));
    let collect = async {
        let mut body = std::pin::pin!(body);
        let mut collected = BytesMut::with_capacity(first);
        while let Some(chunk) = body.next().await {
            let mut chunk = chunk.map_err(|_| ApiError::new(Kind::InvalidRequest, "The body broke off."))?;
            if collected.len() + chunk.remaining() > limits.bytes {
                return Err(too_large(limits.bytes));
            }
            while chunk.has_remaining() {
                let part = chunk.chunk();
                collected.extend_from_slice(part);
                let n = part.len();
                chunk.advance(n);
            }
        }
        Ok(collected.freeze())
    };
    match tokio::time::timeout(limits.time, collect).await {
        Ok(read) => read,
        Err(_) => Err(ApiError::new(Kind::BodyTimeout, "The body did not arrive in time.")),
    }
}

fn too_large(limit: usize) -> ApiError {
    ApiError::new(
        Kind::TooLarge,
        format!("The body may have {limit} bytes. PROXY_MAX_BODY_BYTES sets this bound."),
    )
}
