//! The life of one child: prepared, started, greeted, listened to, ended. A task of its own, so that a fresh child
//! can come up while the old one is served.

use super::{
    lines::{self, Lines, forward},
    machine::{Ended, Event},
    prepare::{PrepareError, Prepared, prepare},
};
use crate::{
    child::{
        exporter, harness,
        log::{self, Greeted},
        process::{self, Process, last_exit},
    },
    config::Config,
    handshake::{self, Greeting},
    mux::actor::ChildEvent,
};
use shared::{
    control::{Load, Models},
    id::Generation,
    line::Line,
    queue,
    shutdown::Shutdown,
    writer::write_lines,
};
use std::{io, sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::MissedTickBehavior,
};

/// How often it is looked whether somebody stopped the child.
const LOOK: Duration = Duration::from_millis(250);

/// How long what a dead child has said is still read.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// What is wanted of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// It runs.
    Alive,
    /// It is ended by the ladder.
    Ended,
    /// It is killed.
    Killed,
}

/// What a life tells the supervisor.
#[derive(Debug)]
pub(super) enum Told {
    /// Something for the state machine.
    Event(Event),
    /// A child that was prepared afresh is ready: the next one is started like it.
    Prepared(Arc<Prepared>),
}

/// What a child's life needs.
pub(super) struct Life {
    pub(super) generation: Generation,
    pub(super) config: Arc<Config>,
    /// How it is started; `None`: to be found out.
    pub(super) prepared: Option<Arc<Prepared>>,
    pub(super) events: mpsc::Sender<ChildEvent>,
    pub(super) told: mpsc::Sender<Told>,
    pub(super) wanted: watch::Receiver<Wanted>,
    pub(super) load: watch::Receiver<Load>,
    pub(super) shutdown: Shutdown,
}

/// A child whose pipes are served.
struct Running {
    process: Process,
    lines: queue::Sender<Line>,
    from_child: Lines,
    /// Ends once the queue is dropped; closes the child's stdin with that.
    writer: JoinHandle<io::Result<()>>,
    log: JoinHandle<()>,
    greeted: Greeted,
}

impl Life {
    /// Lives. The child and its group are gone when this ends, and the supervisor knows how.
    pub(super) async fn run(mut self) {
        let ended = self.live().await;
        self.tell(Event::Ended(self.generation, ended)).await;
    }

    async fn tell(&self, event: Event) {
        self.told.send(Told::Event(event)).await.ok();
    }

    async fn live(&mut self) -> Ended {
        let config = self.config.clone();
        let prepared = tokio::select! {
            prepared = ready_to_start(self.prepared.clone(), &config) => match prepared {
                Ok(prepared) => prepared,
                Err(error) => return Ended::Failed { why: error.to_string(), binary: error.is_binary() },
            },
            () = self.unwanted() => return Ended::Failed { why: "it was not wanted any more".into(), binary: false },
        };
        let mut running = match self.spawn(&prepared) {
            Ok(running) => running,
            Err(error) => {
                let binary = error.kind() == io::ErrorKind::NotFound;
                return Ended::Failed {
                    why: format!("the codex app-server can't be started: {error}"),
                    binary,
                };
            }
        };
        self.tell(Event::Spawned(self.generation, running.process.pid())).await;
        let failed = match self.shake_hands(&mut running).await {
            Ok(Some(greeting)) => {
                running.greeted.set();
                let models = Arc::clone(&prepared.catalog.models);
                self.told.send(Told::Prepared(prepared)).await.ok();
                self.serve(greeting, models, &mut running).await;
                None
            }
            Ok(None) => None,
            Err(why) => {
                tracing::error!(event = "handshake_failed", "{why}");
                Some(why)
            }
        };
        let status = self.end(running).await;
        match (status, failed) {
            (Ok(status), None) => Ended::Exit(last_exit(status)),
            (Ok(status), Some(why)) => Ended::Unready { why, exit: last_exit(status) },
            (Err(error), why) => {
                Ended::Failed { why: why.unwrap_or_else(|| error.to_string()), binary: false }
            }
        }
    }

    fn spawn(&self, prepared: &Prepared) -> io::Result<Running> {
        let mut launch = prepared.launch.clone();
        launch.arguments = harness::arguments(
            &prepared.catalog.shaped,
            self.config.model.as_deref(),
            &exporter::settings(&self.config.otel, self.config.child_traces),
        );
        let (process, pipes) = launch.spawn()?;
        // What clients may have waiting bounds this queue.
        let (lines, queued) = queue::channel(usize::MAX);
        let greeted = Greeted::default();
        Ok(Running {
            lines,
            from_child: lines::lines(pipes.stdout, self.config.max_line),
            writer: self.shutdown.spawn(write_lines(pipes.stdin, queued)),
            log: self.shutdown.spawn(log::copy(pipes.stderr, process.pid(), greeted.clone())),
            greeted,
            process,
        })
    }

    /// The child's greeting; `None` when it is not wanted any more.
    async fn shake_hands(&mut self, running: &mut Running) -> Result<Option<Greeting>, String> {
        let limit = self.config.startup_timeout;
        let greeting = handshake::perform(&mut running.from_child, &running.lines);
        tokio::select! {
            greeting = tokio::time::timeout(limit, greeting) => match greeting {
                Ok(Ok(greeting)) => Ok(Some(greeting)),
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => {
                    Err(format!("no handshake within {} ms (WORKER_STARTUP_TIMEOUT_MS)", limit.as_millis()))
                }
            },
            () = self.unwanted() => Ok(None),
        }
    }

    /// Hands on what a ready child says until it ends or is not wanted any more.
    async fn serve(&mut self, greeting: Greeting, models: Arc<Models>, running: &mut Running) {
        let generation = self.generation;
        let version = greeting.initialize.version().map(str::to_owned);
        let (lines, hello) = (running.lines.clone(), greeting.initialize);
        let up = ChildEvent::Up { generation, lines, greeting: hello, models };
        self.events.send(up).await.ok();
        self.tell(Event::Ready { generation, version, default_model: greeting.default_model }).await;
        let (events, load) = (self.events.clone(), self.load.clone());
        tokio::select! {
            () = forward(generation, &mut running.from_child, &events, &load) => {}
            () = self.unwanted() => {}
            () = keep_running(running.process.pid()) => {}
            // Somebody else may hold its stdout open.
            _ = running.process.wait() => {
                let rest = forward(generation, &mut running.from_child, &events, &load);
                tokio::time::timeout(LAST_WORDS, rest).await.ok();
            }
        }
    }

    async fn end(&mut self, running: Running) -> io::Result<std::process::ExitStatus> {
        let Running { mut process, lines, from_child, writer, log, greeted: _ } = running;
        drop(lines);
        drop(from_child);
        // The queue's other end is with the actor, which may live on: the pipe is closed by ending its writer.
        writer.abort();
        if *self.wanted.borrow() == Wanted::Killed {
            process.kill();
        }
        let status = process.end().await;
        // Nobody waits for anything else to be told.
        self.events.send(ChildEvent::Down(self.generation)).await.ok();
        // Its last words. A grandchild in a session of its own may keep the pipe open for ever.
        let stop = log.abort_handle();
        if tokio::time::timeout(LAST_WORDS, log).await.is_err() {
            stop.abort();
        }
        status
    }

    /// Resolves once the child is not wanted any more. Cancel safe.
    async fn unwanted(&mut self) {
        // Without a supervisor nobody wants it either.
        let _no_supervisor = self.wanted.wait_for(|wanted| *wanted != Wanted::Alive).await;
    }
}

async fn ready_to_start(
    prepared: Option<Arc<Prepared>>,
    config: &Config,
) -> Result<Arc<Prepared>, PrepareError> {
    match prepared {
        Some(prepared) => Ok(prepared),
        None => prepare(config).await.map(Arc::new),
    }
}

/// Lets a child go on that somebody stopped (SIGSTOP, SIGTSTP): nobody means to, and everybody waits for it. Never
/// resolves.
async fn keep_running(pid: u32) {
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        if process::is_stopped(pid) {
            tracing::warn!(event = "worker_continued", pid, "codex had been stopped by a signal");
            process::resume(pid);
        }
    }
}
