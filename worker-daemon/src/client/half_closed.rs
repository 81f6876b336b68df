//! Telling a client that has closed its own half from one that is gone.
//!
//! Both end what we read. The first still reads (`printf … | nc -N -U`), and gets its answers.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::{io, os::fd::AsFd};
use tokio::{io::Interest, net::UnixStream};

/// Whether the client can still read. Asked after the end of what it sends: a close ends both halves at once.
pub(super) fn is_half_closed(stream: &UnixStream) -> bool {
    let mut polled = [PollFd::new(stream.as_fd(), PollFlags::empty())];
    let gone = PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL;
    match poll(&mut polled, PollTimeout::ZERO) {
        Ok(_) => !polled[0].revents().is_some_and(|found| found.intersects(gone)),
        Err(_) => false,
    }
}

/// Waits until a client that has closed its own half is gone; at once where that can't be seen.
pub(super) async fn gone(stream: &UnixStream) {
    let _unseen = wait(stream).await;
}

/// A registration of its own: readiness that is cleared in the stream's would be missing to its writer.
async fn wait(stream: &UnixStream) -> io::Result<()> {
    let twin = UnixStream::from_std(stream.as_fd().try_clone_to_owned()?.into())?;
    loop {
        // Ready again whenever the client has read something, and when it is gone.
        let ready = twin.ready(Interest::WRITABLE).await?;
        if ready.is_write_closed() || !is_half_closed(stream) {
            return Ok(());
        }
        let _cleared = twin.try_io(Interest::WRITABLE, || Err::<(), _>(io::ErrorKind::WouldBlock.into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn a_half_is_told_from_the_whole() {
        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        assert!(is_half_closed(&ours));
        theirs.shutdown().await.unwrap();
        assert_eq!(ours.read(&mut [0; 8]).await.unwrap(), 0);
        assert!(is_half_closed(&ours));
        // Its reading is no end.
        ours.write_all(&[b'x'; 4096]).await.unwrap();
        theirs.read_exact(&mut [0; 4096]).await.unwrap();
        let early = tokio::time::timeout(Duration::from_millis(20), gone(&ours)).await;
        assert!(early.is_err(), "it is still there");
        let ((), closed) =
            tokio::join!(async { drop(theirs) }, tokio::time::timeout(Duration::from_secs(10), gone(&ours)));
        assert!(closed.is_ok(), "its end was not seen");
        assert!(!is_half_closed(&ours));
    }
}
