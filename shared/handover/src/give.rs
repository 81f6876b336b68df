//! The older process: it starts the one that takes its place, and lets go once that can serve.

use crate::{
    Gift, MAX_OLDER, Role, launch,
    process::{Left, Process},
    wire::{self, Channel, FromOlder, FromYounger},
};
use rustix::process::Signal;
use sd_notify::NotifyState;
use std::{
    ffi::OsString,
    io,
    os::{fd::OwnedFd, unix::net::UnixStream as Blocking},
    path::PathBuf,
    time::Duration,
};
use tokio::time::{Instant, timeout, timeout_at};

/// How long a process that is let serve may need until it does. It has everything by then.
const SERVING: Duration = Duration::from_secs(10);

/// Why nobody took over. The older process serves as before.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// Those that were replaced before still finish what they have.
    #[error(
        "up to {0} older processes still finish what they have; wait until the one before this one has ended (at the latest with its handover grace), or restart"
    )]
    TooManyOlder(u32),
    /// Somebody would take the end of this process for the end of the service.
    #[error("{0}")]
    Watched(&'static str),
    /// The program can't be started.
    #[error("{} can't be started: {source}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The process that started has ended.
    #[error("the new process ended before it could serve; its own messages say why")]
    Ended,
    /// It didn't say that it could serve, or that it did.
    #[error("the new process could not serve within {} s; its own messages say why", .0.as_secs_f64())]
    Late(Duration),
    /// It said something else, or nothing can be said to it.
    #[error("the new process was not understood: {0}")]
    Channel(#[source] io::Error),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        // Who has ended can't be told anything.
        if error.kind() == io::ErrorKind::BrokenPipe { Self::Ended } else { Self::Channel(error) }
    }
}

/// A process that is to take over, and doesn't serve yet. It is killed when this is dropped.
#[derive(Debug)]
pub struct Successor {
    channel: Channel,
    process: Process,
    /// Its version.
    version: String,
}

impl Successor {
    /// Starts `program`, as this process was started, gives it the gift, and waits until it can serve, for `limit` at most; a
    /// process that fails has up to 5 s more to end by itself.
    ///
    /// The program's file is looked up anew: what has taken its place is what starts. Its output goes where ours goes.
    ///
    /// # Errors
    /// [`Failed`]; the process that started, if any, has ended then. Where this is cancelled, it is killed.
    pub async fn start(
        program: PathBuf,
        arguments: impl Iterator<Item = OsString>,
        gift: Gift,
        limit: Duration,
    ) -> Result<Self, Failed> {
        let until = Instant::now() + limit;
        if gift.older > MAX_OLDER {
            return Err(Failed::TooManyOlder(gift.older - 1));
        }
        let (ours, theirs) = Blocking::pair()?;
        wire::give(&ours, &gift)?;
        let mut command = launch::command(program.clone(), arguments, Role::Launcher);
        command.stdin(OwnedFd::from(theirs));
        let started = async {
            let mut launcher = tokio::process::Command::from(command).kill_on_drop(true).spawn()?;
            launcher.wait().await
        };
        let ended = timeout_at(until, started).await.map_err(|_| Failed::Late(limit))?;
        let ended = ended.map_err(|source| Failed::Start { program, source })?;
        if !ended.success() {
            return Err(Failed::Ended);
        }
        let mut channel = Channel::new(ours)?;
        let mut process = None;
        let heard = timeout_at(until, ready(&mut channel, &mut process)).await;
        match heard.map_err(|_| Failed::Late(limit)).flatten() {
            Ok((process, version)) => Ok(Self { channel, process, version }),
            Err(failed) => {
                // For whoever reads the channel that is the end.
                drop(channel);
                if let Some(process) = process {
                    process.end().await;
                }
                Err(failed)
            }
        }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Lets it serve, and waits until it does, for 10 s at most; then systemd looks after it, and this process must accept nobody
    /// any more. `state` is what has changed since the gift. Until this returns both accept. Not cancel safe: the process is
    /// killed then, though it may serve.
    ///
    /// # Errors
    /// [`Failed`]: it has ended; go on.
    pub async fn go(mut self, state: serde_json::Value) -> Result<Younger, Failed> {
        if let Err(failed) = self.let_serve(state).await {
            drop(self.channel);
            self.process.end().await;
            return Err(failed);
        }
        // Not before: what systemd was told can't be taken back, for it takes no word from any other process.
        let told = sd_notify::notify(&[NotifyState::MainPid(self.process.pid())]);
        if let Err(error) = told {
            tracing::warn!(event = "notify_failed", %error, "can't tell systemd which process serves");
        }
        // Where it is gone by now, that is heard later.
        let _gone = self.channel.say(&FromOlder::Main).await;
        Ok(Younger { channel: Some(self.channel), process: self.process.leave() })
    }

    async fn let_serve(&mut self, state: serde_json::Value) -> Result<(), Failed> {
        self.channel.say(&FromOlder::Go { state }).await?;
        match timeout(SERVING, self.channel.hear()).await.map_err(|_| Failed::Late(SERVING))?? {
            Some(FromYounger::Serving) => Ok(()),
            None => Err(Failed::Ended),
            Some(said) => Err(unexpected(&said)),
        }
    }
}

/// Waits until both are said: which process it is, and that it could serve. The process is kept in `process` meanwhile.
async fn ready(channel: &mut Channel, process: &mut Option<Process>) -> Result<(Process, String), Failed> {
    let mut version = None;
    loop {
        match channel.hear().await? {
            Some(FromYounger::Started { pid }) => *process = Some(Process::of(pid)?),
            Some(FromYounger::Ready { version: said }) => version = Some(said),
            None => return Err(Failed::Ended),
            Some(said) => return Err(unexpected(&said)),
        }
        if let Some(version) = &mut version
            && let Some(process) = process.take()
        {
            return Ok((process, std::mem::take(version)));
        }
    }
}

fn unexpected(said: &FromYounger) -> Failed {
    Failed::Channel(io::Error::other(format!("it said {said:?} out of turn")))
}

/// What the process that serves now says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// Files are to be read and opened again.
    Reload,
    /// This process is to end within this time.
    End(Duration),
    /// It is gone.
    Gone,
}

/// The process that serves now.
#[derive(Debug)]
pub struct Younger {
    /// None once it is gone.
    channel: Option<Channel>,
    process: Left,
}

impl Younger {
    /// Waits for its next word; for ever once it has said that it is gone. Words that a later version may say are passed over.
    /// Cancel safe.
    pub async fn word(&mut self) -> Word {
        let Some(channel) = &mut self.channel else { return std::future::pending().await };
        loop {
            match channel.hear().await {
                Ok(Some(FromYounger::End { within_ms })) => {
                    return Word::End(Duration::from_millis(within_ms));
                }
                Ok(Some(FromYounger::Reload)) => return Word::Reload,
                Ok(Some(FromYounger::Started { .. } | FromYounger::Ready { .. } | FromYounger::Serving)) => {}
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {}
                Ok(None) | Err(_) => {
                    self.channel = None;
                    return Word::Gone;
                }
            }
        }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Has it end as SIGTERM does.
    pub fn terminate(&self) {
        self.process.signal(Signal::TERM);
    }
}
