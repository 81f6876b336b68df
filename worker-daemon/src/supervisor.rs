//! Keeps one child running: start, handshake, watch, back off, start again. Ends it at the end.

use crate::{
    catalog::Catalog,
    child::{
        harness, log,
        process::{Launch, Process, last_exit},
    },
    handshake::{self, Greeting},
    mux::actor::{ChildEvent, Load},
    systemd::notify::Pulse,
};
use futures_util::{FutureExt, StreamExt};
use shared::{
    backoff::{Backoff, Policy},
    codec::{Decoded, LineCodec},
    control::{Status, WorkerState},
    id::Generation,
    queue,
    shutdown::Shutdown,
    writer::write_lines,
};
use std::{io, process::ExitStatus, time::Duration};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::Instant,
};
use tokio_util::codec::FramedRead;

/// The buffer for the child's stdout.
const READ_BUFFER: usize = 128 * 1024;
/// Lines that come within this time of each other are a burst.
const BURST: Duration = Duration::from_micros(500);
/// Turns from which on bursts are collected.
const PACED_FROM: usize = 4;
/// How long the lines of a burst are collected: far below what a reader of a stream notices.
const PACE: Duration = Duration::from_millis(1);
/// Failures in a row after which the worker counts as degraded.
const DEGRADED_AFTER: u32 = 5;

/// How the child is kept.
#[derive(Debug, Clone)]
pub struct Config {
    /// How it is started; without the arguments of [`harness`].
    pub launch: Launch,
    /// Its catalog.
    pub catalog: Catalog,
    /// The model that it uses where a thread names none (`CODEX_MODEL`).
    pub model: Option<String>,
    /// Spawn to handshake (`WORKER_STARTUP_TIMEOUT_MS`).
    pub startup_timeout: Duration,
    /// The delays between starts.
    pub backoff: Policy,
    /// The longest line of the child (`WORKER_MAX_LINE_BYTES`).
    pub max_line: usize,
}

/// The supervisor of one child.
pub struct Supervisor {
    config: Config,
    events: mpsc::Sender<ChildEvent>,
    load: watch::Receiver<Load>,
    pulse: watch::Sender<Pulse>,
    shutdown: Shutdown,
    status: Status,
    generation: u64,
}

type Lines = FramedRead<tokio::process::ChildStdout, LineCodec>;

/// A child whose pipes are being served.
struct Life {
    process: Process,
    lines: queue::Sender<shared::line::Line>,
    /// Ends once the queue is dropped; closes the child's stdin with that.
    writer: JoinHandle<io::Result<()>>,
    log: JoinHandle<()>,
}

impl Supervisor {
    /// A supervisor that tells `events` what happens; `load` is what goes on meanwhile.
    pub fn new(
        config: Config,
        events: mpsc::Sender<ChildEvent>,
        load: watch::Receiver<Load>,
        pulse: watch::Sender<Pulse>,
        shutdown: Shutdown,
    ) -> Self {
        Self { config, events, load, pulse, shutdown, status: Status::default(), generation: 0 }
    }

    /// Runs until the end is forced; the child and its group are gone then.
    pub async fn run(mut self) {
        let mut backoff = Backoff::new(self.config.backoff);
        loop {
            let ready_for = self.live().await;
            if self.shutdown.is_forced() {
                break;
            }
            let delay = backoff.after(ready_for);
            self.status.restart_streak = backoff.streak();
            if backoff.streak() == DEGRADED_AFTER {
                tracing::error!(
                    event = "worker_degraded",
                    critical = true,
                    restart_count = backoff.streak(),
                    "the codex app-server failed {DEGRADED_AFTER} times in a row"
                );
            }
            if !delay.is_zero() {
                let backoff_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
                tracing::warn!(
                    event = "worker_backoff",
                    backoff_ms,
                    restart_count = backoff.streak(),
                    worker_state = "backoff"
                );
                self.status.backoff_ms = Some(backoff_ms);
                self.publish(WorkerState::Backoff).await;
                tokio::select! {
                    () = tokio::time::sleep(delay) => {}
                    () = self.shutdown.forced() => break,
                }
                self.status.backoff_ms = None;
            }
        }
        self.publish(WorkerState::Stopped).await;
    }

    /// One life of the child. How long it was ready, if it was.
    async fn live(&mut self) -> Option<Duration> {
        self.status.starts += 1;
        self.generation += 1;
        let generation = Generation(self.generation);
        self.publish(WorkerState::Starting).await;
        let mut launch = self.config.launch.clone();
        launch.arguments = harness::arguments(&self.config.catalog.shaped, self.config.model.as_deref());
        let started = launch.spawn();
        let (process, pipes) = match started {
            Ok(started) => started,
            Err(error) => {
                tracing::error!(event = "worker_exited", %error, "the codex app-server can't be started");
                return None;
            }
        };
        let pid = process.pid();
        self.status.pid = Some(pid);
        tracing::info!(
            event = "worker_started",
            pid,
            restart_count = self.status.starts - 1,
            worker_state = "initializing"
        );
        self.publish(WorkerState::Initializing).await;

        // What clients may have waiting bounds this queue.
        let (lines, queued) = queue::channel(usize::MAX);
        let mut life = Life {
            process,
            lines,
            writer: self.shutdown.spawn(write_lines(pipes.stdin, queued)),
            log: self.shutdown.spawn(log::copy(pipes.stderr, pid)),
        };
        let mut from_child =
            FramedRead::with_capacity(pipes.stdout, LineCodec::new(self.config.max_line), READ_BUFFER);
        let ready_for = match self.shake_hands(&mut from_child, &life).await {
            Some(greeting) => Some(self.serve(generation, greeting, &mut from_child, &mut life).await),
            None => None,
        };
        let status = self.end(life).await;
        self.events.send(ChildEvent::Down(generation)).await.ok();
        self.exited(status);
        ready_for
    }

    async fn shake_hands(&mut self, from_child: &mut Lines, life: &Life) -> Option<Greeting> {
        let limit = self.config.startup_timeout;
        tokio::select! {
            greeting = tokio::time::timeout(limit, handshake::perform(from_child, &life.lines)) => match greeting {
                Ok(Ok(greeting)) => Some(greeting),
                Ok(Err(error)) => {
                    tracing::error!(event = "handshake_failed", %error);
                    None
                }
                Err(_) => {
                    tracing::error!(
                        event = "handshake_failed",
                        "no handshake within {} ms (WORKER_STARTUP_TIMEOUT_MS)", limit.as_millis()
                    );
                    None
                }
            },
            () = self.shutdown.forced() => None,
        }
    }

    /// Hands on what a ready child says until it ends or the end is forced. How long it was ready.
    async fn serve(
        &mut self,
        generation: Generation,
        greeting: Greeting,
        from_child: &mut Lines,
        life: &mut Life,
    ) -> Duration {
        let since = Instant::now();
        let version = greeting.initialize.version().map(str::to_owned);
        tracing::info!(event = "worker_ready", pid = life.process.pid(), version, worker_state = "ready");
        self.status.version = version;
        self.status.default_model = greeting.default_model;
        let up = ChildEvent::Up { generation, lines: life.lines.clone(), greeting: greeting.initialize };
        self.events.send(up).await.ok();
        self.publish(WorkerState::Ready).await;
        tokio::select! {
            () = forward(generation, from_child, &self.events, &self.load) => {}
            () = self.shutdown.forced() => {}
        }
        since.elapsed()
    }

    async fn end(&self, life: Life) -> io::Result<ExitStatus> {
        let Life { mut process, lines, writer, log } = life;
        drop(lines);
        // The queue's other end is with the actor, which may live on: the pipe is closed by ending its writer.
        writer.abort();
        let status = process.end().await;
        // Its last words; a grandchild that kept the pipe open is dead by now.
        log.await.ok();
        status
    }

    fn exited(&mut self, status: io::Result<ExitStatus>) {
        let pid = self.status.pid.take();
        match status {
            Ok(status) => {
                let exit = last_exit(status);
                let (exit_code, signal) = (exit.code, exit.signal);
                let restart_count = self.status.starts - 1;
                // Asked for, it is no news.
                if self.shutdown.is_forced() {
                    let worker_state = WorkerState::Stopped.as_str();
                    tracing::info!(
                        event = "worker_exited",
                        pid,
                        exit_code,
                        signal,
                        restart_count,
                        worker_state
                    );
                } else {
                    let worker_state = WorkerState::Backoff.as_str();
                    tracing::warn!(
                        event = "worker_exited",
                        pid,
                        exit_code,
                        signal,
                        restart_count,
                        worker_state
                    );
                }
                self.status.last_exit = Some(exit);
            }
            Err(error) => tracing::error!(event = "worker_exited", pid, %error),
        }
    }

    async fn publish(&mut self, state: WorkerState) {
        self.status.state = state;
        self.pulse.send_modify(|pulse| pulse.status = self.status.clone());
        self.events.send(ChildEvent::Status(self.status.clone())).await.ok();
    }
}

/// Hands on what the child says until its output ends.
///
/// A child that writes one short line after the other would wake the daemon, the front and the client for each of
/// them. While few turns run nobody is short of processor time, and every line goes on at once. From [`PACED_FROM`]
/// turns on, the lines of a burst are collected for [`PACE`] and go on together.
async fn forward(
    generation: Generation,
    from_child: &mut Lines,
    events: &mpsc::Sender<ChildEvent>,
    load: &watch::Receiver<Load>,
) {
    let mut last = Instant::now();
    while let Some(decoded) = from_child.next().await {
        let mut next = Some(decoded);
        while let Some(decoded) = next {
            if !hand_on(generation, decoded, events).await {
                return;
            }
            next = match from_child.next().now_or_never() {
                Some(Some(decoded)) => Some(decoded),
                Some(None) => return,
                None => None,
            };
        }
        if last.elapsed() < BURST && load.borrow().turns >= PACED_FROM {
            tokio::time::sleep(PACE).await;
        }
        last = Instant::now();
    }
}

/// Hands on one line. False when nobody takes any more, or none can be read.
async fn hand_on(
    generation: Generation,
    decoded: io::Result<Decoded>,
    events: &mpsc::Sender<ChildEvent>,
) -> bool {
    match decoded {
        Ok(Decoded::Line(line)) => events.send(ChildEvent::Line(generation, line)).await.is_ok(),
        Ok(Decoded::Overlong { limit }) => {
            tracing::error!(
                event = "child_line_ignored",
                limit,
                "the child sent a line over WORKER_MAX_LINE_BYTES"
            );
            true
        }
        Err(error) => {
            tracing::error!(event = "child_unreadable", %error);
            false
        }
    }
}
