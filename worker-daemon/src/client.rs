//! One connection of the socket: its reader and its writer.

mod half_closed;

use crate::mux::actor::ClientEvent;
use bytes::Bytes;
use futures_util::StreamExt;
use shared::{
    codec::{Decoded, LineCodec},
    id::ConnId,
    queue,
    shutdown::Shutdown,
    writer::write_lines,
};
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{UnixStream, unix::OwnedReadHalf},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
};
use tokio_util::{codec::FramedRead, sync::CancellationToken};

/// The buffer that a connection starts with; it grows with the lines.
const READ_BUFFER: usize = 16 * 1024;

/// How long a client that was cut off has to read what is half written and the reason.
const LAST_LINE: Duration = Duration::from_secs(5);

/// How long clients have, once the end of the daemon is forced, to read what is queued for them. Nothing is added then.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The bounds of a connection.
#[derive(Debug, Clone, Copy)]
pub struct ClientLimits {
    /// The longest line (`WORKER_MAX_LINE_BYTES`).
    pub line: usize,
    /// Bytes that may wait in either direction (`WORKER_CLIENT_QUEUE_BYTES`).
    pub queue: usize,
}

/// A line that gives its share of the connection's budget back once nobody holds a piece of it any more.
struct Held {
    line: Bytes,
    _permit: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.line
    }
}

/// Serves one connection until either side ends it.
pub async fn serve(
    conn: ConnId,
    stream: UnixStream,
    operator: bool,
    limits: ClientLimits,
    events: mpsc::Sender<ClientEvent>,
    shutdown: Shutdown,
) {
    let (reader, writer) = stream.into_split();
    let (lines, queued) = queue::channel(limits.queue);
    let cut = CancellationToken::new();
    let connected = ClientEvent::Connected { conn, operator, lines, cut: cut.clone() };
    if events.send(connected).await.is_err() {
        return;
    }
    let mut writing = shutdown.spawn(write(writer, queued, cut.clone(), shutdown.clone()));
    tokio::select! {
        () = listen(conn, reader, limits, &events) => {}
        () = cut.cancelled() => {
            // It is being told why; that is bounded.
            let _told = (&mut writing).await;
        }
        _ = &mut writing => {}
    }
    // The actor drops its end of the queue, and the writer ends once that is empty.
    let _stopped = events.send(ClientEvent::Gone(conn)).await;
}

async fn write<W: AsyncWrite + Unpin>(
    writer: W,
    queued: queue::Receiver<shared::line::Line>,
    cut: CancellationToken,
    shutdown: Shutdown,
) {
    let told = async {
        let mut writing = std::pin::pin!(write_lines(writer, queued));
        tokio::select! {
            // A failed write means that the client is gone; the reader sees it too.
            _ = &mut writing => {}
            // The queue holds one last line now. A line that is half written is finished before it.
            () = cut.cancelled() => {
                let _told = tokio::time::timeout(LAST_LINE, writing).await;
            }
        }
    };
    // A client that doesn't read must not hold up the end.
    let over = async {
        shutdown.forced().await;
        tokio::time::sleep(LAST_WORDS).await;
    };
    tokio::select! {
        () = told => {}
        () = over => {}
    }
}

/// Reads until the client is gone. One that has only closed its own half is still owed answers.
async fn listen(
    conn: ConnId,
    mut reader: OwnedReadHalf,
    limits: ClientLimits,
    events: &mpsc::Sender<ClientEvent>,
) {
    read(conn, &mut reader, limits, events).await;
    let stream: &UnixStream = reader.as_ref();
    if !half_closed::is_half_closed(stream) || events.send(ClientEvent::Finished(conn)).await.is_err() {
        return;
    }
    half_closed::gone(stream).await;
}

async fn read<R: AsyncRead + Unpin>(
    conn: ConnId,
    reader: R,
    limits: ClientLimits,
    events: &mpsc::Sender<ClientEvent>,
) {
    // A line larger than the budget takes all of it, so that it can pass alone.
    let whole = u32::try_from(limits.queue).unwrap_or(u32::MAX).max(1);
    let budget = Arc::new(Semaphore::new(whole as usize));
    let mut frames = FramedRead::with_capacity(reader, LineCodec::new(limits.line), READ_BUFFER);
    while let Some(Ok(decoded)) = frames.next().await {
        let event = match decoded {
            Decoded::Overlong { limit } => ClientEvent::Overlong(conn, limit),
            Decoded::Line(line) => {
                let share = u32::try_from(line.len()).unwrap_or(u32::MAX).clamp(1, whole);
                let Ok(permit) = budget.clone().acquire_many_owned(share).await else {
                    return;
                };
                ClientEvent::Line(conn, Bytes::from_owner(Held { line, _permit: permit }))
            }
        };
        if events.send(event).await.is_err() {
            return;
        }
    }
}
