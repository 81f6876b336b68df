//! A client of the daemon's socket that sends all its requests before it reads the first answer.

use super::DEADLINE;
use futures_util::StreamExt as _;
use serde_json::value::RawValue;
use shared::{
    codec::{Decoded, LineCodec},
    rpc::Message,
};
use std::{collections::HashMap, io, path::Path, time::Duration};
use tokio::{io::AsyncWriteExt, net::UnixStream};
use tokio_util::codec::FramedRead;

/// No answer is longer.
const MAX_LINE: usize = 1024 * 1024;
/// For all answers together: thousands of them on a machine that does other things too.
const ALL: Duration = Duration::from_secs(4 * DEADLINE.as_secs());

/// The beginning of a connection.
const HELLO: &str = r#"{"id":"hello","method":"initialize","params":{"clientInfo":{"name":"pipeline","version":"0"}}}
{"method":"initialized"}
"#;

/// The id of a request, raw: numbers and strings of several kinds, no two of them the same.
fn id(number: usize) -> String {
    match number % 5 {
        0 => number.to_string(),
        1 => format!("-{number}"),
        // The same digits as a number of another request: another id.
        2 => format!("\"{}\"", number - 2),
        3 => format!("\"call \\u00e9 {number}\""),
        _ => format!("{number}.5"),
    }
}

/// Sends `count` requests for `method` in one go, with ids of every kind that a client may choose, and reads until
/// each has its answer.
///
/// # Errors
/// When an answer is an error, comes twice or for an id that was not sent, or when not all come in time; says which.
pub async fn pipeline(socket: &Path, method: &str, count: usize) -> io::Result<()> {
    let (reader, mut writer) = UnixStream::connect(socket).await?.into_split();
    let mut left: HashMap<String, usize> = (0..count).map(|number| (id(number), number)).collect();
    let mut sent = HELLO.to_owned();
    left.insert("\"hello\"".to_owned(), count);
    for number in 0..count {
        sent.push_str(&format!("{{\"id\":{},\"method\":\"{method}\",\"params\":{{}}}}\n", id(number)));
    }
    let mut lines = FramedRead::new(reader, LineCodec::new(MAX_LINE));
    let reading = async {
        while !left.is_empty() {
            let line = match lines.next().await {
                Some(Ok(Decoded::Line(line))) => line,
                Some(Ok(Decoded::Overlong { limit })) => {
                    return Err(io::Error::other(format!("a line of more than {limit} bytes")));
                }
                Some(Err(error)) => return Err(error),
                None => return Err(io::Error::other(format!("closed with {} unanswered", left.len()))),
            };
            match Message::<&RawValue, &RawValue>::parse(&line) {
                Ok(Message::Response { id, .. }) => {
                    if left.remove(id.get()).is_none() {
                        return Err(io::Error::other(format!("an answer too many to {}", id.get())));
                    }
                }
                Ok(Message::Notification { .. }) => {}
                Ok(Message::Request { .. } | Message::Error { .. }) | Err(_) => {
                    return Err(io::Error::other(String::from_utf8_lossy(&line).into_owned()));
                }
            }
        }
        Ok(())
    };
    // Written beside the reading: answers that nobody takes would stop the daemon's reading in the end.
    let writing = async { writer.write_all(sent.as_bytes()).await };
    let both = tokio::time::timeout(ALL, async { tokio::try_join!(writing, reading) }).await;
    match both {
        Ok(done) => done.map(|_| ()),
        Err(_) => Err(io::Error::other(format!("waited {ALL:?} for {count} answers to {method}"))),
    }
}
