//! A load of streamed chat completions, by an HTTP client that does no more than it must.

use crate::stats::Round;
use gateway_tests::pair::KEY;
use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

/// How an answer begins that is a stream.
const BEGIN: &[u8] = b"HTTP/1.1 200 ";
/// What ends the body of a stream in chunks.
const LAST_CHUNK: &[u8] = b"\r\n0\r\n\r\n";
/// What a chunk with text holds, and no other chunk.
const TOKEN: &[u8] = b"\"delta\":{\"content\":";

/// The pair's address and the request.
pub(crate) struct Http {
    addr: SocketAddr,
    request: Arc<[u8]>,
}

impl Http {
    /// A load on the pair at `addr`, of requests that say this to a model.
    pub(crate) fn asking(addr: SocketAddr, model: &str, text: &str) -> Self {
        let body = serde_json::json!({
            "model": model,
            "stream": true,
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}],
        });
        let body = body.to_string();
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        Self { addr, request: format!("{head}{body}").into_bytes().into() }
    }

    /// `turns` requests over `in_flight` connections.
    pub(crate) async fn round(&self, in_flight: usize, turns: usize) -> io::Result<Round> {
        let left = Arc::new(AtomicUsize::new(turns));
        let mut clients = JoinSet::new();
        let since = Instant::now();
        for _ in 0..in_flight {
            clients.spawn(client(self.addr, self.request.clone(), left.clone()));
        }
        let mut first_tokens = Vec::with_capacity(turns);
        while let Some(done) = clients.join_next().await {
            first_tokens.extend(done.map_err(io::Error::other)??);
        }
        crate::round(turns, since, first_tokens)
    }
}

/// One connection: a request after the other until none is left.
async fn client(addr: SocketAddr, request: Arc<[u8]>, left: Arc<AtomicUsize>) -> io::Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(addr).await?;
    stream.set_nodelay(true)?;
    let mut first_tokens = Vec::new();
    let mut seen = Vec::with_capacity(64 * 1024);
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok() {
        let since = Instant::now();
        stream.write_all(&request).await?;
        seen.clear();
        let mut first = None;
        while !seen.ends_with(LAST_CHUNK) {
            if stream.read_buf(&mut seen).await? == 0 {
                return Err(io::Error::other("the front hung up"));
            }
            if !seen.starts_with(BEGIN) && seen.len() >= BEGIN.len() {
                return Err(io::Error::other(String::from_utf8_lossy(&seen).into_owned()));
            }
            if first.is_none() && holds(&seen, TOKEN) {
                first = Some(since.elapsed());
            }
        }
        if !holds(&seen, b"data: [DONE]") {
            return Err(io::Error::other(String::from_utf8_lossy(&seen).into_owned()));
        }
        first_tokens.extend(first);
    }
    Ok(first_tokens)
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|w| w == needle)
}
