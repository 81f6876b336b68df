//! HTTP on a bare socket: bytes out, one answer at a time in, each wait with a deadline.

use std::{io, net::SocketAddr};

use gateway_tests::{
    described::{self, Shape},
    pair::DEADLINE,
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// One connection.
pub(crate) struct Raw {
    stream: TcpStream,
    /// What was read and belongs to no answer yet.
    buffer: Vec<u8>,
}

/// One answer; a chunked body is put together.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) head: String,
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is UTF-8")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    /// What is of OpenAI's API is as described; health is not of it.
    fn check(&self) {
        let kind = self.header("content-type");
        let of_the_api = match kind {
            Some("application/json") => Shape::of(&self.json()).is_some(),
            _ => kind.is_some_and(|kind| kind.starts_with("text/event-stream")),
        };
        if of_the_api {
            described::check(self.status, kind, self.text());
        }
    }
}

impl Raw {
    pub(crate) async fn connect(addr: SocketAddr) -> Self {
        let stream = timeout(DEADLINE, TcpStream::connect(addr)).await;
        let stream = stream.expect("a connection in time").expect("the front accepts");
        Self { stream, buffer: Vec::new() }
    }

    /// The same on a socket whose send buffer is about so large: what was written is then nearly what was taken.
    pub(crate) async fn connect_small(addr: SocketAddr, send_buffer: u32) -> Self {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.set_send_buffer_size(send_buffer).expect("a send buffer");
        let stream = timeout(DEADLINE, socket.connect(addr)).await;
        let stream = stream.expect("a connection in time").expect("the front accepts");
        Self { stream, buffer: Vec::new() }
    }

    /// Writes everything.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).await.expect("the front takes what is sent");
    }

    /// Writes everything, unless the connection breaks.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let sending = timeout(DEADLINE, self.stream.write_all(bytes.as_ref())).await;
        sending.expect("the front or its end takes the bytes in time")
    }

    /// The next answer; interim ones (1xx) count.
    pub(crate) async fn answer(&mut self) -> Answer {
        self.read_answer(false).await
    }

    /// The next answer to a `HEAD`: it has no body, whatever its headers say.
    pub(crate) async fn answer_to_head(&mut self) -> Answer {
        self.read_answer(true).await
    }

    async fn read_answer(&mut self, bare: bool) -> Answer {
        let head = self.head().await;
        let status = head.get(9..12).and_then(|s| s.parse().ok());
        let mut answer = Answer { status: status.expect("a status line"), head, body: Vec::new() };
        if bare || answer.status < 200 || answer.status == 204 {
            return answer;
        }
        answer.body = if answer.header("transfer-encoding") == Some("chunked") {
            self.chunks().await
        } else if let Some(length) = answer.header("content-length") {
            let length = length.parse().expect("a length");
            self.until("the body", |buffer| (buffer.len() >= length).then_some(length)).await
        } else {
            self.rest().await
        };
        answer.check();
        answer
    }

    /// The next head, up to and with its empty line.
    pub(crate) async fn head(&mut self) -> String {
        let head = self.until("a head", |buffer| end_of(buffer, b"\r\n\r\n")).await;
        String::from_utf8(head).expect("a head is ASCII")
    }

    async fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let line = self.until("a chunk", |buffer| end_of(buffer, b"\r\n")).await;
            let line = String::from_utf8(line).expect("a chunk's size is ASCII");
            let size = usize::from_str_radix(line.trim_end(), 16).expect("a chunk's size");
            let whole = size + 2;
            let chunk = self.until("a chunk's data", |b| (b.len() >= whole).then_some(whole)).await;
            body.extend_from_slice(&chunk[..size]);
            if size == 0 {
                return body;
            }
        }
    }

    /// Reads until what came holds `text`, and leaves it for the next reader.
    pub(crate) async fn seen(&mut self, text: &str) {
        let taken = self.until(text, |buffer| end_of(buffer, text.as_bytes())).await;
        self.buffer.splice(..0, taken);
    }

    /// Everything up to the end of the connection.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        while self.more().await.expect("the connection ends in peace") {}
        std::mem::take(&mut self.buffer)
    }

    /// The connection ends, and nothing comes before; a reset is an end, too.
    pub(crate) async fn ends(&mut self) {
        while self.more().await.unwrap_or(false) {}
        assert!(self.buffer.is_empty(), "more came: {:?}", String::from_utf8_lossy(&self.buffer));
    }

    /// Our address.
    pub(crate) fn local(&self) -> SocketAddr {
        self.stream.local_addr().expect("an address")
    }

    /// Writes `bytes` again and again and reads nothing, until nothing more is taken for two seconds or `most` were; how many
    /// were.
    pub(crate) async fn send_until_stuck(&mut self, bytes: &[u8], most: usize) -> usize {
        const STUCK: std::time::Duration = std::time::Duration::from_secs(2);
        let mut sent = 0;
        while sent < most {
            let from = sent % bytes.len();
            match timeout(STUCK, self.stream.write(&bytes[from..])).await {
                Ok(Ok(taken)) => sent += taken,
                Ok(Err(_)) | Err(_) => break,
            }
        }
        sent
    }

    /// Whether the other side has closed it, as far as is known now.
    pub(crate) fn has_ended(&mut self) -> bool {
        loop {
            match self.stream.try_read_buf(&mut self.buffer) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return error.kind() != io::ErrorKind::WouldBlock,
            }
        }
    }

    async fn until(&mut self, what: &str, found: impl Fn(&[u8]) -> Option<usize>) -> Vec<u8> {
        loop {
            if let Some(end) = found(&self.buffer) {
                return self.buffer.drain(..end).collect();
            }
            let more = self.more().await;
            assert!(
                matches!(more, Ok(true)),
                "waited for {what}, but {more:?} after {:?}",
                String::from_utf8_lossy(&self.buffer)
            );
        }
    }

    /// Reads once; false at the end.
    async fn more(&mut self) -> io::Result<bool> {
        let read = timeout(DEADLINE, self.stream.read_buf(&mut self.buffer)).await;
        Ok(read.map_err(|_| io::Error::other("nothing came in time"))?? > 0)
    }
}

fn end_of(buffer: &[u8], mark: &[u8]) -> Option<usize> {
    let at = buffer.windows(mark.len()).position(|window| window == mark);
    at.map(|at| at + mark.len())
}
