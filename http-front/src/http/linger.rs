//! Answers that arrive although the client is still sending.
//!
//! Closing a socket that has unread data makes the kernel reset the connection, and the reset can destroy the
//! answer before the client has read it. So where an answer is given early (no key, too large), the close first
//! ends our side and then reads away what still comes, up to a bound that depends on who the client is.

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

/// How many bytes a connection reads away before it closes. Shared between its requests and its socket.
#[derive(Debug, Clone, Default)]
pub struct Linger(Arc<AtomicU64>);

impl Linger {
    /// This connection ends with an answer that its client may not have waited for.
    pub fn allow(&self, bytes: u64) {
        self.0.store(bytes, Ordering::Release);
    }
}

/// A socket that lingers when it was told to.
pub struct Lingering<T> {
    inner: T,
    linger: Linger,
    closing: Option<Pin<Box<Sleep>>>,
}

impl<T> Lingering<T> {
    /// Wraps a socket.
    pub fn new(inner: T, linger: Linger) -> Self {
        Self { inner, linger, closing: None }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Lingering<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.closing.is_none() {
            ready!(Pin::new(&mut this.inner).poll_shutdown(cx))?;
        }
        let over = this.closing.get_or_insert_with(|| Box::pin(sleep(LIMIT)));
        let mut scratch = [0; 16 * 1024];
        loop {
            let left = this.linger.0.load(Ordering::Acquire);
            if left == 0 || over.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Ok(()));
            }
            let mut buf = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut this.inner).poll_read(cx, &mut buf)) {
                Ok(()) if !buf.filled().is_empty() => {
                    this.linger.0.store(left.saturating_sub(buf.filled().len() as u64), Ordering::Release);
                }
                // The client has closed, too.
                Ok(()) | Err(_) => return Poll::Ready(Ok(())),
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
        let mut server = Lingering::new(server, linger);
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
        let mut server = Lingering::new(server, linger);
        client.write_all(&vec![b'x'; 100_000]).await.unwrap();
        server.shutdown().await.unwrap();
        let mut rest = Vec::new();
        drop(client);
        server.read_to_end(&mut rest).await.unwrap();
        assert!(rest.len() >= 60_000, "{} bytes were left unread", rest.len());
    }
}
