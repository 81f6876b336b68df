//! Newline-delimited frames with a hard length limit.
//!
//! Unlike `tokio_util::codec::LinesCodec` this decoder never ends the stream because of one bad line: a line
//! over the limit is reported once, its bytes are thrown away as they arrive, and the next line is read as if
//! nothing had happened. It looks at no content: encoding and JSON are the parser's business.

use bytes::{Bytes, BytesMut};
use std::io;
use tokio_util::codec::Decoder;

/// A buffer that has grown past this for one line is given back after it, or a connection that once saw a line of the
/// full length would hold that much memory for the rest of its life.
const KEEP: usize = 256 * 1024;
/// The room of the buffer that takes its place, behind what has been read already.
const ROOM: usize = 16 * 1024;

/// What the decoder found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    /// A complete line without its line feed (and without a carriage return before it). Never empty.
    Line(Bytes),
    /// A line that was longer than the limit; its content is gone.
    Overlong {
        /// The limit in bytes.
        limit: usize,
    },
}

/// Decoder of newline-delimited frames.
#[derive(Debug)]
pub struct LineCodec {
    limit: usize,
    /// Bytes of the buffer that are known to hold no line feed: a line that arrives in many reads is searched once.
    scanned: usize,
    discarding: bool,
}

impl LineCodec {
    /// A decoder of lines of up to `limit` bytes, the line feed not counted.
    pub fn new(limit: usize) -> Self {
        Self { limit, scanned: 0, discarding: false }
    }
}

impl Decoder for LineCodec {
    type Item = Decoded;
    type Error = io::Error;

    fn decode(&mut self, buf: &mut BytesMut) -> Result<Option<Decoded>, io::Error> {
        loop {
            let Some(found) = memchr::memchr(b'\n', &buf[self.scanned..]) else {
                return Ok(self.without_newline(buf));
            };
            let end = self.scanned + found;
            self.scanned = 0;
            let mut line = buf.split_to(end + 1);
            if line.len() > KEEP {
                *buf = fresh(buf);
            }
            if std::mem::take(&mut self.discarding) {
                continue;
            }
            line.truncate(end);
            if line.last() == Some(&b'\r') {
                line.truncate(end - 1);
            }
            if line.len() > self.limit {
                return Ok(Some(Decoded::Overlong { limit: self.limit }));
            }
            if !line.is_empty() {
                return Ok(Some(Decoded::Line(line.freeze())));
            }
        }
    }

    /// A half line at the end of the stream is not a message: the peer died while it wrote.
    fn decode_eof(&mut self, buf: &mut BytesMut) -> Result<Option<Decoded>, io::Error> {
        let decoded = self.decode(buf)?;
        if decoded.is_none() {
            buf.clear();
            self.scanned = 0;
        }
        Ok(decoded)
    }
}

impl LineCodec {
    fn without_newline(&mut self, buf: &mut BytesMut) -> Option<Decoded> {
        if self.discarding {
            buf.clear();
            self.scanned = 0;
            return None;
        }
        // One more than the limit may be a carriage return.
        if buf.len() > self.limit.saturating_add(1) {
            *buf = fresh(&[]);
            self.scanned = 0;
            self.discarding = true;
            return Some(Decoded::Overlong { limit: self.limit });
        }
        self.scanned = buf.len();
        None
    }
}

/// A small buffer that begins with `rest`.
fn fresh(rest: &[u8]) -> BytesMut {
    let mut buf = BytesMut::with_capacity(rest.len() + ROOM);
    buf.extend_from_slice(rest);
    buf
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(codec: &mut LineCodec, parts: &[&[u8]]) -> Vec<Decoded> {
        let mut buf = BytesMut::new();
        let mut out = Vec::new();
        for part in parts {
            buf.extend_from_slice(part);
            while let Some(decoded) = codec.decode(&mut buf).unwrap() {
                out.push(decoded);
            }
        }
        while let Some(decoded) = codec.decode_eof(&mut buf).unwrap() {
            out.push(decoded);
        }
        assert!(buf.is_empty(), "nothing is left behind");
        out
    }

    fn line(text: &str) -> Decoded {
        Decoded::Line(Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn splits_lines_and_skips_empty_ones() {
        let got = all(&mut LineCodec::new(10), &[b"one\n\n\r\ntwo\r\nhal", b"f\n"]);
        assert_eq!(got, [line("one"), line("two"), line("half")]);
    }

    #[test]
    fn a_half_line_at_the_end_is_no_message() {
        assert_eq!(all(&mut LineCodec::new(10), &[b"one\n{\"id\":"]), [line("one")]);
    }

    #[test]
    fn recovers_after_an_overlong_line() {
        let over = Decoded::Overlong { limit: 3 };
        let got =
            all(&mut LineCodec::new(3), &[b"abcd\nok\n", b"abcdefgh", b"ijkl", b"mn\nyes\nabcd\r\nabc\r\n"]);
        assert_eq!(got, [over.clone(), line("ok"), over.clone(), line("yes"), over, line("abc")]);
    }

    #[test]
    fn a_long_line_leaves_no_large_buffer_behind() {
        for limit in [4 * KEEP, KEEP] {
            let mut buf = BytesMut::from(&vec![b'x'; 2 * KEEP][..]);
            let mut codec = LineCodec::new(limit);
            let early = codec.decode(&mut buf).unwrap();
            buf.extend_from_slice(b"\nnext\nha");
            let decoded = early.or_else(|| codec.decode(&mut buf).unwrap());
            assert!(decoded.is_some(), "limit {limit}");
            assert_eq!(codec.decode(&mut buf).unwrap(), Some(line("next")));
            assert_eq!(codec.decode(&mut buf).unwrap(), None);
            assert_eq!(&buf[..], b"ha");
            assert!(buf.capacity() < KEEP, "limit {limit}: {} bytes", buf.capacity());
        }
    }

    proptest! {
        /// However the bytes are cut into reads, the lines are the same.
        #[test]
        fn any_split_gives_the_same_lines(
            lines in proptest::collection::vec("[a-zé\u{2028}\r]{0,12}", 0..12),
            cuts in proptest::collection::vec(0usize..200, 0..20),
            limit in 1usize..16,
        ) {
            let bytes: Vec<u8> = lines.iter().flat_map(|l| l.bytes().chain([b'\n'])).collect();
            let whole = all(&mut LineCodec::new(limit), &[&bytes]);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let parts: Vec<&[u8]> = cuts.windows(2).map(|w| &bytes[w[0]..w[1]]).collect();
            prop_assert_eq!(&all(&mut LineCodec::new(limit), &parts), &whole);
            let expected: Vec<Decoded> = lines.iter().filter_map(|l| {
                let l = l.strip_suffix('\r').unwrap_or(l);
                if l.len() > limit { Some(Decoded::Overlong { limit }) }
                else if l.is_empty() { None }
                else { Some(line(l)) }
            }).collect();
            prop_assert_eq!(whole, expected);
        }
    }
}
