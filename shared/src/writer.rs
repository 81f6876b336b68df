//! Writes queued lines to a stream in as few system calls as they need.

use crate::{line::Line, queue::Receiver};
use bytes::{BufMut, BytesMut};
use std::io;
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// Small pieces are copied together up to this size and written at once; larger ones are written as they are.
const BATCH: usize = 64 * 1024;

/// Writes every line of `lines` to `out`, each followed by a line feed, until the queue ends.
///
/// Lines that wait together go out together, and nothing waits for a line that has not come yet.
///
/// # Errors
/// The first write error; what was queued behind it is lost with the stream. Not cancel safe: a cancelled write
/// may have sent half a line.
pub async fn write_lines<W: AsyncWrite + Unpin>(mut out: W, mut lines: Receiver<Line>) -> io::Result<()> {
    let mut batch = BytesMut::with_capacity(BATCH);
    while let Some(line) = lines.recv().await {
        put(&mut out, &mut batch, &line).await?;
        while let Some(line) = lines.try_recv() {
            put(&mut out, &mut batch, &line).await?;
        }
        flush(&mut out, &mut batch).await?;
    }
    out.shutdown().await
}

async fn put<W: AsyncWrite + Unpin>(out: &mut W, batch: &mut BytesMut, line: &Line) -> io::Result<()> {
    for part in line.parts() {
        if batch.len() + part.len() > BATCH {
            flush(out, batch).await?;
        }
        if part.len() > BATCH {
            out.write_all(part).await?;
        } else {
            batch.put_slice(part);
        }
    }
    batch.put_u8(b'\n');
    Ok(())
}

async fn flush<W: AsyncWrite + Unpin>(out: &mut W, batch: &mut BytesMut) -> io::Result<()> {
    if !batch.is_empty() {
        out.write_all(batch).await?;
        batch.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue;
    use bytes::Bytes;

    #[tokio::test]
    async fn small_and_large_pieces_arrive_in_order() {
        let (tx, rx) = queue::channel(usize::MAX);
        let big = Bytes::from(vec![b'b'; 3 * BATCH]);
        tx.push(Line::whole("one")).unwrap();
        tx.push(Line::spliced("<".into(), big.clone(), ">".into())).unwrap();
        tx.push(Line::whole("two")).unwrap();
        drop(tx);
        let mut out = Vec::new();
        write_lines(&mut out, rx).await.unwrap();
        assert_eq!(out, [&b"one\n<"[..], &big, b">\ntwo\n"].concat());
    }
}
