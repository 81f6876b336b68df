//! Answers that arrive although the client is still sending.
//!
//! Closing a socket that has unread data makes the kernel reset the connection, and the reset can destroy the
//! answer before the client has read it. So where an answer is given early (no key, too large), the close first
//! ends our side and then reads away what still comes, up to a bound that depends on who the client is.
//!
//! What was read of a request is counted here, too: every byte comes through this socket, so a bound that holds here holds
//! whatever HTTP makes of the bytes.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// How long what still comes is read away.
const LIMIT: Duration = Duration::from_secs(5);

/// The most that is read at once. HTTP reads on only where a head is not whole or nothing is left, so no more than this can
/// have come with a head.
pub const READ: usize = 16 * 1024;

/// How many bytes a connection reads away before it closes, and how many came of its request. Shared between its requests
/// and its socket.
#[derive(Debug, Clone, Default)]
pub struct Linger(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// What may still be read away.
    left: AtomicU64,
    /// The size of the last read.
    last: AtomicU64,
    /// What was read since the head of the request was whole, and with the end of it.
    came: AtomicU64,
}

impl Linger {
    /// The head of a request is whole: at most what the last read brought came behind it.
    pub fn begin(&self) {
        self.0.came.store(self.0.last.load(Ordering::Acquire), Ordering::Release);
        self.0.left.store(0, Ordering::Release);
    }

    /// This connection ends with an answer that its client may not have waited for: so many bytes more are read.
    pub fn allow(&self, bytes: u64) {
        self.0.left.store(bytes, Ordering::Release);
    }

    /// The same, but so many bytes in all: what was read behind the head of the request is part of it.
    pub fn allow_in_all(&self, bytes: u64) {
        self.allow(bytes.saturating_sub(self.0.came.load(Ordering::Acquire)));
    }

    fn left(&self) -> u64 {
        self.0.left.load(Ordering::Acquire)
    }

    fn read(&self, bytes: u64) {
        self.0.last.store(bytes, Ordering::Release);
        self.0.came.fetch_add(bytes, Ordering::AcqRel);
        self.0.left.store(self.left().saturating_sub(bytes), Ordering::Release);
    }
}

/// A socket that lingers when it was told to.
pub struct Lingering<T> {
    inner: T,
    linger: Linger,
    closing: Option<Pin<Box<Sleep>>>,
    told: Box<dyn Fn(Written) + Send + Sync>,
}

/// What became of what was given to a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// All of it was written.
    All,
    /// The client took nothing of it for too long.
    Stalled,
}

impl<T> Lingering<T> {
    /// Wraps a socket; `told` hears whenever all that was given to it was written, and when its client takes nothing.
    pub fn new(inner: T, linger: Linger, told: impl Fn(Written) + Send + Sync + 'static) -> Self {
        Self { inner, linger, closing: None, told: Box::new(told) }
    }

    /// The same result of a write, and its timeout told. The kernel has timeouts of its own, with a number: those are of
    /// clients that are gone.
    fn tell<R>(&self, result: Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        if let Poll::Ready(Err(error)) = &result
            && error.kind() == io::ErrorKind::TimedOut
            && error.raw_os_error().is_none()
        {
            (self.told)(Written::Stalled);
        }
        result
    }
}

impl<T: AsyncRead + Unpin> Lingering<T> {
    /// Reads at most `most` bytes, and counts them.
    fn take(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>, most: usize) -> Poll<io::Result<usize>> {
        let space = buf.initialize_unfilled_to(buf.remaining().min(most));
        let mut part = ReadBuf::new(space);
        ready!(Pin::new(&mut self.inner).poll_read(cx, &mut part))?;
        let read = part.filled().len();
        buf.advance(read);
        self.linger.read(read as u64);
        Poll::Ready(Ok(read))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Lingering<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.take(cx, buf, READ).map_ok(|_| ())
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.tell(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        ready!(self.tell(flushed))?;
        (self.told)(Written::All);
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.tell(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.closing.is_none() {
            ready!(Pin::new(&mut this.inner).poll_shutdown(cx))?;
        }
        let mut scratch = [0; READ];
        loop {
            let left = usize::try_from(this.linger.left()).unwrap_or(usize::MAX);
            let over = this.closing.get_or_insert_with(|| Box::pin(sleep(LIMIT)));
            if left == 0 || over.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Ok(()));
            }
            // The client has closed, too.
            if !matches!(ready!(this.take(cx, &mut ReadBuf::new(&mut scratch), left)), Ok(1..)) {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    #[tokio::test]
    async fn reads_away_what_comes_until_the_client_closes() {
        let (mut client, server) = duplex(1024);
        let linger = Linger::default();
        linger.allow(1_000_000);
        let mut server = Lingering::new(server, linger, |_| ());
        let sending = async move {
            client.write_all(&vec![b'x'; 100_000]).await.unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            answer
        };
        server.write_all(b"no").await.unwrap();
        let (answer, closed) = tokio::join!(sending, server.shutdown());
        closed.unwrap();
        assert_eq!(answer, "no");
    }

    #[tokio::test]
    async fn reads_no_more_than_allowed() {
        let (mut client, server) = duplex(1 << 20);
        let linger = Linger::default();
        linger.allow(20_000);
        let mut server = Lingering::new(server, linger, |_| ());
        client.write_all(&vec![b'x'; 100_000]).await.unwrap();
        server.shutdown().await.unwrap();
        let mut rest = Vec::new();
        drop(client);
        server.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest.len(), 80_000, "what is allowed is exact");
    }

    #[tokio::test]
    async fn what_came_with_the_head_is_part_of_all_that_is_read() {
        let (mut client, server) = duplex(1 << 20);
        let linger = Linger::default();
        let mut server = Lingering::new(server, linger.clone(), |_| ());
        client.write_all(&vec![b'x'; 100_000]).await.unwrap();
        // The end of a head, and what came behind it: no more than one read.
        let mut head = vec![0; 50_000];
        assert_eq!(server.read(&mut head).await.unwrap(), READ);
        linger.begin();
        assert_eq!(server.read(&mut head[..1000]).await.unwrap(), 1000);
        linger.allow_in_all(64 * 1024);
        server.shutdown().await.unwrap();
        drop(client);
        let mut rest = Vec::new();
        server.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest.len(), 100_000 - 64 * 1024);
    }
}
