//! The answer as one object.
//!
//! Its body goes to the connection in pieces, the next one when those before it were written, so that the end of the
//! request is that of its answer, and a client that leaves in the middle of a long one is seen to.

use crate::{record::Record, routes::dispatch::as_json};
use bytes::Bytes;
use futures_util::stream::unfold;
use http::{HeaderValue, header};
use std::convert::Infallible;
use sync_wrapper::SyncStream;
use warp::{Reply, reply::Response};

/// The size of a piece: answers of the usual length are one.
const PIECE: usize = 64 * 1024;

/// The answer; `record` is closed when its last piece is handed to the connection.
pub(super) fn into_response(json: Bytes, mut record: Record) -> Response {
    let length = json.len();
    record.head_goes_out();
    let pieces = unfold((json, record), |(mut json, mut record)| async {
        if json.is_empty() {
            return None;
        }
        let piece = json.split_to(json.len().min(PIECE));
        if json.is_empty() {
            record.served();
        }
        Some((Ok::<_, Infallible>(piece), (json, record)))
    });
    let mut response = as_json(warp::reply::stream(SyncStream::new(pieces)).into_response());
    // The library doesn't know it of a body in pieces.
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}
