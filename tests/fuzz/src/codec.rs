//! However a stream is cut into reads, and whatever the limit, the codec gives the lines of a naive model.
//!
//! The first byte is the limit, the second the number of reads that have a length of their own, then come these
//! lengths, a byte each; they are used in turn. The rest is the stream.

use bytes::BytesMut;
use shared::codec::{Decoded, LineCodec};
use tokio_util::codec::Decoder;

/// Panics where the codec and the model differ.
pub fn check(data: &[u8]) {
    let [limit, count, rest @ ..] = data else { return };
    let limit = usize::from(*limit);
    let (reads, stream) = rest.split_at(usize::from(*count).min(rest.len()));
    let lines = expected(stream, limit);
    assert_eq!(decoded(&[stream], limit), lines, "in one read");
    assert_eq!(decoded(&parts(stream, reads), limit), lines, "in reads of {reads:?} bytes");
}

/// The stream cut into reads of these lengths, again and again; an empty read is one, too.
fn parts<'a>(mut stream: &'a [u8], lengths: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    if lengths.iter().any(|length| *length > 0) {
        for length in lengths.iter().cycle() {
            if stream.is_empty() {
                break;
            }
            let (part, rest) = stream.split_at(usize::from(*length).min(stream.len()));
            parts.push(part);
            stream = rest;
        }
    }
    parts.push(stream);
    parts
}

fn decoded(parts: &[&[u8]], limit: usize) -> Vec<Decoded> {
    let mut codec = LineCodec::new(limit);
    let mut buffer = BytesMut::new();
    let mut out = Vec::new();
    for part in parts {
        buffer.extend_from_slice(part);
        while let Some(found) = codec.decode(&mut buffer).expect("the codec knows no error") {
            out.push(found);
        }
        assert!(buffer.len() <= limit + 1, "{} bytes are kept with a limit of {limit}", buffer.len());
    }
    while let Some(found) = codec.decode_eof(&mut buffer).expect("the codec knows no error") {
        out.push(found);
    }
    assert!(buffer.is_empty(), "{} bytes are left", buffer.len());
    out
}

/// The model: split at each line feed, a line at a time.
fn expected(stream: &[u8], limit: usize) -> Vec<Decoded> {
    let mut out = Vec::new();
    let mut lines: Vec<&[u8]> = stream.split(|byte| *byte == b'\n').collect();
    let half = lines.pop().unwrap_or_default();
    for line in lines {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > limit {
            out.push(Decoded::Overlong { limit });
        } else if !line.is_empty() {
            out.push(Decoded::Line(line.to_vec().into()));
        }
    }
    // A half line is dropped, but one that can't become a line any more has been told of by then.
    if half.len() > limit + 1 {
        out.push(Decoded::Overlong { limit });
    }
    out
}
