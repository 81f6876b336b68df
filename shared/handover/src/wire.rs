//! What the two say to each other: a line of JSON each, the first one with descriptors.

use bytes::Bytes;
use futures_util::StreamExt;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use shared::codec::{Decoded, LineCodec};
use std::{
    io::{self, IoSlice, IoSliceMut, Read},
    mem::MaybeUninit,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream as Blocking,
    },
};
use tokio::{
    io::AsyncWriteExt,
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
};
use tokio_util::codec::FramedRead;

/// The longest line, in bytes. It fits into the channel's buffer, so that nobody waits for the other to read.
const MAX_LINE: usize = 64 * 1024;
/// The most descriptors that go with one line.
const MAX_FDS: usize = 8;
/// The version of what is said here. One that is different is refused: both stay as they are.
const VERSION: u32 = 1;

/// What the older one gives.
#[derive(Debug, Default)]
pub struct Gift {
    /// Descriptors with their names, at most eight.
    pub descriptors: Vec<(String, OwnedFd)>,
    /// What else the program has to tell.
    pub state: serde_json::Value,
    /// How many older processes finish what they have, the giving one counted.
    pub older: u32,
}

impl Gift {
    /// Takes the descriptor with this name.
    pub fn take(&mut self, name: &str) -> Option<OwnedFd> {
        let at = self.descriptors.iter().position(|(found, _)| found == name)?;
        Some(self.descriptors.swap_remove(at).1)
    }
}

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Given {
    version: u32,
    names: Vec<String>,
    state: serde_json::Value,
    older: u32,
}

/// What the older one says after that.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub(crate) enum FromOlder {
    /// Serve.
    Go {
        /// What has changed since the gift.
        state: serde_json::Value,
    },
    /// systemd knows: it takes your word from now on.
    Main,
}

/// What the younger one says.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub(crate) enum FromYounger {
    /// It was started; the launcher says so, for it.
    Started {
        /// Its process.
        pid: u32,
    },
    /// It could serve.
    Ready {
        /// Its version.
        version: String,
    },
    /// It serves.
    Serving,
    /// Files are to be read and opened again, as at SIGHUP.
    Reload,
    /// End within this time, in milliseconds.
    End {
        /// The time.
        within_ms: u64,
    },
}

/// Sends the gift. The channel is empty, and its buffer takes it all.
pub(crate) fn give(channel: &Blocking, gift: &Gift) -> io::Result<()> {
    let names: Vec<String> = gift.descriptors.iter().map(|(name, _)| name.clone()).collect();
    let given = Given { version: VERSION, names, state: gift.state.clone(), older: gift.older };
    let line = line(&given)?;
    let fds: Vec<BorrowedFd<'_>> = gift.descriptors.iter().map(|(_, fd)| fd.as_fd()).collect();
    if fds.len() > MAX_FDS {
        return Err(io::Error::other(format!("{} descriptors are more than {MAX_FDS}", fds.len())));
    }
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(&fds)) {
        return Err(io::Error::other("no room for the descriptors"));
    }
    let sent = sendmsg(channel, &[IoSlice::new(&line)], &mut ancillary, SendFlags::NOSIGNAL)?;
    if sent == line.len() { Ok(()) } else { Err(io::Error::other("the gift was sent in part")) }
}

/// Receives the gift, within the channel's read timeout.
pub(crate) fn receive(channel: &mut Blocking) -> io::Result<Gift> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut buffer = vec![0; MAX_LINE];
    let mut slices = [IoSliceMut::new(&mut buffer)];
    let received = recvmsg(&*channel, &mut slices, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    let mut fds = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(passed) = message {
            fds.extend(passed);
        }
    }
    buffer.truncate(received.bytes);
    // What comes after it is not read: the older one waits for an answer.
    while !buffer.ends_with(b"\n") {
        let mut more = [0; 4096];
        let n = channel.read(&mut more)?;
        if n == 0 || buffer.len() + n > MAX_LINE {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the gift is not whole"));
        }
        buffer.extend_from_slice(&more[..n]);
    }
    let given: Given = serde_json::from_slice(&buffer)?;
    if given.version != VERSION {
        let text =
            format!("the other process hands over by version {}, this one by {VERSION}", given.version);
        return Err(io::Error::other(text));
    }
    if given.names.len() != fds.len() {
        return Err(io::Error::other("descriptors are missing"));
    }
    let descriptors = given.names.into_iter().zip(fds).collect();
    Ok(Gift { descriptors, state: given.state, older: given.older })
}

/// The channel once the gift is over it.
#[derive(Debug)]
pub(crate) struct Channel {
    lines: FramedRead<OwnedReadHalf, LineCodec>,
    writer: OwnedWriteHalf,
}

impl Channel {
    /// Within a tokio runtime.
    pub(crate) fn new(channel: Blocking) -> io::Result<Self> {
        channel.set_read_timeout(None)?;
        channel.set_nonblocking(true)?;
        let (reader, writer) = UnixStream::from_std(channel)?.into_split();
        Ok(Self { lines: FramedRead::new(reader, LineCodec::new(MAX_LINE)), writer })
    }

    /// Says something.
    pub(crate) async fn say<T: Serialize>(&mut self, what: &T) -> io::Result<()> {
        self.writer.write_all(&line(what)?).await
    }

    /// What the other says next; `None` once it is gone. What can't be understood is an error of the kind `InvalidData`, after
    /// which more can be heard. Cancel safe.
    pub(crate) async fn hear<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        match self.lines.next().await {
            Some(Ok(Decoded::Line(line))) => Ok(Some(parse(&line)?)),
            Some(Ok(Decoded::Overlong { limit })) => {
                Err(io::Error::new(io::ErrorKind::InvalidData, format!("a line of more than {limit} bytes")))
            }
            Some(Err(error)) if error.kind() == io::ErrorKind::ConnectionReset => Ok(None),
            Some(Err(error)) => Err(error),
            None => Ok(None),
        }
    }
}

fn parse<T: DeserializeOwned>(line: &Bytes) -> io::Result<T> {
    serde_json::from_slice(line).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

pub(crate) fn line<T: Serialize>(what: &T) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(what)?;
    line.push(b'\n');
    if line.len() > MAX_LINE {
        return Err(io::Error::other(format!("what is to be said takes {} bytes of {MAX_LINE}", line.len())));
    }
    Ok(line)
}
