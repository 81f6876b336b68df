//! A tiny HTTP/1.1 client: one request on one connection to this machine, the body read as it comes. `up` has to
//! talk to the front like anybody else, and an HTTP library would double what every developer compiles first.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const MAX_HEAD_LINES: usize = 200;

pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: Box<dyn BufRead>,
}

/// `timeout`: the longest silence that is borne.
pub(crate) fn get(port: u16, path: &str, timeout: Duration) -> io::Result<Response> {
    send(port, &format!("GET {path} HTTP/1.1\r\n{}\r\n", common(port)), timeout)
}

pub(crate) fn post_json(
    port: u16,
    path: &str,
    key: &str,
    body: &str,
    timeout: Duration,
) -> io::Result<Response> {
    let head = common(port);
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\n{head}authorization: Bearer {key}\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    send(port, &request, timeout)
}

fn common(port: u16) -> String {
    format!("host: 127.0.0.1:{port}\r\nuser-agent: cargo-xtask\r\nconnection: close\r\n")
}

fn send(port: u16, request: &str, timeout: Duration) -> io::Result<Response> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    stream.write_all(request.as_bytes())?;
    receive(BufReader::new(stream))
}

fn receive(mut reader: impl BufRead + 'static) -> io::Result<Response> {
    let status_line = head_line(&mut reader)?;
    let status = status_line
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3))
        .and_then(|code| code.parse().ok())
        .ok_or_else(|| bad(format!("not an HTTP/1.1 answer: {status_line:?}")))?;
    let mut chunked = false;
    let mut length = None;
    for _ in 0..MAX_HEAD_LINES {
        let line = head_line(&mut reader)?;
        if line.is_empty() {
            let body: Box<dyn BufRead> = if chunked {
                Box::new(BufReader::new(Chunked { inner: reader, left: 0, begun: false, ended: false }))
            } else {
                // Without a length the body ends with the connection.
                Box::new(BufReader::new(reader.take(length.unwrap_or(u64::MAX))))
            };
            return Ok(Response { status, body });
        }
        let (name, value) = line.split_once(':').ok_or_else(|| bad(format!("not a header: {line:?}")))?;
        if name.eq_ignore_ascii_case("transfer-encoding") {
            chunked = value.trim().eq_ignore_ascii_case("chunked");
        } else if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok();
        }
    }
    Err(bad("a head without end".to_owned()))
}

fn head_line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn bad(what: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

/// Takes the framing off a chunked body. A body without its last chunk was cut off, and that is an error.
struct Chunked<R> {
    inner: R,
    left: u64,
    begun: bool,
    ended: bool,
}

impl<R: BufRead> Read for Chunked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ended || buffer.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            if self.begun {
                // The line end after the chunk before.
                head_line(&mut self.inner)?;
            }
            self.begun = true;
            let line = head_line(&mut self.inner)?;
            let size = line.split(';').next().unwrap_or_default().trim();
            self.left =
                u64::from_str_radix(size, 16).map_err(|_| bad(format!("not a chunk size: {line:?}")))?;
            if self.left == 0 {
                self.ended = true;
                return Ok(0);
            }
        }
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.inner.read(&mut buffer[..room])?;
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.left -= read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(answer: &'static str) -> (u16, io::Result<String>) {
        let mut response = receive(answer.as_bytes()).expect("a head");
        let mut text = String::new();
        let read = response.body.read_to_string(&mut text);
        (response.status, read.map(|_| text))
    }

    #[test]
    fn a_chunked_body_is_unframed() {
        let (status, text) = body(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\ndata: \r\n4;x=y\r\na\n\r\n\r\n0\r\n\r\n",
        );
        assert_eq!(status, 200);
        assert_eq!(text.expect("whole"), "data: a\n\r\n");
    }

    #[test]
    fn a_chunked_body_that_is_cut_off_is_an_error() {
        let (_, text) = body("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\ndat");
        assert_eq!(text.expect_err("cut").kind(), ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_length_bounds_the_body_and_none_runs_to_the_end() {
        let (status, text) = body("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\nokrest");
        assert_eq!((status, text.expect("read").as_str()), (503, "ok"));
        let (_, text) = body("HTTP/1.1 200 OK\r\n\r\nto the end");
        assert_eq!(text.expect("read"), "to the end");
    }

    #[test]
    fn what_is_not_http_is_refused() {
        assert!(receive(&b"SSH-2.0\r\n"[..]).is_err());
        assert!(receive(&b""[..]).is_err());
    }
}
