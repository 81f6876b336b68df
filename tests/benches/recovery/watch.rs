//! A subscriber to the daemon's status.

use futures_util::StreamExt as _;
use shared::{
    codec::{Decoded, LineCodec},
    control::{self, Status, WorkerState},
    rpc::Message,
};
use std::{io, path::Path};
use tokio::{
    io::AsyncWriteExt,
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
};
use tokio_util::codec::FramedRead;

/// No status is longer.
const MAX_LINE: usize = 64 * 1024;

/// A subscription, and the status that came last.
pub(crate) struct Watch {
    lines: FramedRead<OwnedReadHalf, LineCodec>,
    /// Open as long as the subscription lasts.
    _writer: OwnedWriteHalf,
    status: Status,
}

impl Watch {
    /// Subscribes, and waits for the status of now.
    pub(crate) async fn start(socket: &Path) -> io::Result<Self> {
        let (reader, mut writer) = UnixStream::connect(socket).await?.into_split();
        let line = format!("{{\"id\":1,\"method\":\"{}\"}}\n", control::SUBSCRIBE);
        writer.write_all(line.as_bytes()).await?;
        let lines = FramedRead::new(reader, LineCodec::new(MAX_LINE));
        let mut watch = Self { lines, _writer: writer, status: Status::default() };
        watch.next().await?;
        Ok(watch)
    }

    /// The process id of the child.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.status.pid
    }

    /// Waits until another child than `gone` is ready.
    pub(crate) async fn successor(&mut self, gone: u32) -> io::Result<()> {
        while self.status.state != WorkerState::Ready || self.status.pid == Some(gone) {
            self.next().await?;
        }
        Ok(())
    }

    /// The next status: the answer, or a notification.
    async fn next(&mut self) -> io::Result<()> {
        let line = match self.lines.next().await {
            Some(Ok(Decoded::Line(line))) => line,
            Some(Ok(Decoded::Overlong { .. })) | None => {
                return Err(io::Error::other("the subscription ended"));
            }
            Some(Err(error)) => return Err(error),
        };
        match Message::<Status, Status>::parse(&line) {
            Ok(
                Message::Response { result: status, .. } | Message::Notification { params: Some(status), .. },
            ) => {
                self.status = status;
                Ok(())
            }
            Ok(
                Message::Notification { params: None, .. } | Message::Request { .. } | Message::Error { .. },
            )
            | Err(_) => Err(io::Error::other(String::from_utf8_lossy(&line).into_owned())),
        }
    }
}
