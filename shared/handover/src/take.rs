//! The younger process: it gets the sockets, and serves once the older one has let go.

use crate::wire::{self, Channel, FromOlder, FromYounger, Gift};
use std::{
    io,
    os::{fd::AsFd, unix::net::UnixStream as Blocking},
    time::Duration,
};
use tokio::time::timeout;

/// How long the gift may take. It is there before this process is started.
const GIFT: Duration = Duration::from_secs(5);

/// How long the older process may need to tell systemd.
const MAIN: Duration = Duration::from_secs(10);

/// Why it can't be taken over. The older process serves on, and this one must end.
#[derive(Debug, thiserror::Error)]
#[error("can't take over from the process that serves now: {0}")]
pub struct TakeError(#[from] io::Error);

/// The older process.
#[derive(Debug)]
pub struct Older {
    channel: Channel,
    /// How many there are, those behind it counted.
    count: u32,
}

/// Receives the gift from standard input. Blocks, for a moment; within a tokio runtime.
///
/// # Errors
/// [`TakeError`]: standard input is no channel, the other one is gone, or of another version.
pub fn receive() -> Result<(Older, Gift), TakeError> {
    receive_from(Blocking::from(io::stdin().as_fd().try_clone_to_owned()?))
}

fn receive_from(mut channel: Blocking) -> Result<(Older, Gift), TakeError> {
    channel.set_read_timeout(Some(GIFT))?;
    let gift = wire::receive(&mut channel)?;
    let older = Older { channel: Channel::new(channel)?, count: gift.older };
    Ok((older, gift))
}

impl Older {
    /// Says that this process could serve, and waits until it is to: what has changed since the gift. From then on this
    /// process has to serve, and to say so ([`Self::serving`]). Not cancel safe.
    ///
    /// # Errors
    /// [`TakeError`]: the other one went on without it, or is gone.
    pub async fn ready(&mut self, version: &str) -> Result<serde_json::Value, TakeError> {
        self.channel.say(&FromYounger::Ready { version: version.to_owned() }).await?;
        loop {
            match self.channel.hear().await? {
                Some(FromOlder::Go { state }) => return Ok(state),
                Some(FromOlder::Main) => {}
                None => {
                    return Err(
                        io::Error::new(io::ErrorKind::UnexpectedEof, "it went on without this one").into()
                    );
                }
            }
        }
    }

    /// Says that this process serves, and waits until systemd was told so, which takes no word from it before; for 10 s at most.
    /// Not cancel safe.
    pub async fn serving(&mut self) {
        if self.channel.say(&FromYounger::Serving).await.is_ok() {
            // Where it is gone, or doesn't come to it, there is nobody left to wait for.
            let _main = timeout(MAIN, self.channel.hear::<FromOlder>()).await;
        }
    }

    /// How many older processes there are, as far as is known: none once this one is gone.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Has it end within this time, with all that are behind it. Nothing happens where it is gone. Not cancel safe.
    pub async fn end(&mut self, within: Duration) {
        let within_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
        // Where nothing can be said to it, it is gone.
        let _gone = self.channel.say(&FromYounger::End { within_ms }).await;
    }

    /// Has it read and open its files again, with all that are behind it. Nothing happens where it is gone. Not cancel safe.
    pub async fn reload(&mut self) {
        let _gone = self.channel.say(&FromYounger::Reload).await;
    }

    /// Waits until it is gone. Cancel safe.
    pub async fn gone(&mut self) {
        // It has nothing to say any more: whatever comes, until the end, is passed over.
        loop {
            match self.channel.hear::<FromOlder>().await {
                Ok(Some(_)) => {}
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {}
                Ok(None) | Err(_) => break,
            }
        }
        self.count = 0;
    }
}

#[cfg(test)]
mod tests;
