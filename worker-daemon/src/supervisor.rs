//! Keeps children running: a thin shell around the state machine of [`machine`].

mod life;
mod lines;
pub mod machine;
mod note;
pub mod prepare;

use crate::{
    config::Config,
    due::due,
    mux::{action::Order, actor::ChildEvent},
    systemd::notify::Pulse,
};
use life::{Life, Told, Wanted};
use machine::{Effect, Event, Limits, Machine};
use prepare::Prepared;
use shared::{control::Load, id::Generation, shutdown::Shutdown};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::Instant,
};

/// Events of lives, and orders, that may wait for the supervisor.
pub const INBOX: usize = 64;
/// What a child's sign of life may be late before the daemon doesn't count as well any more.
const LATE: Duration = Duration::from_secs(5);

/// What the supervisor is connected to.
pub struct Connections {
    /// Where children's lines and the status go.
    pub events: mpsc::Sender<ChildEvent>,
    /// What the mux and signals want.
    pub orders: mpsc::Receiver<Order>,
    /// What goes on meanwhile.
    pub load: watch::Receiver<Load>,
    /// What systemd is told of.
    pub pulse: watch::Sender<Pulse>,
    /// Told why, once, when codex can't be started any more.
    pub lost: Option<oneshot::Sender<String>>,
    /// The end.
    pub shutdown: Shutdown,
}

/// The supervisor of all children.
pub struct Supervisor {
    config: Arc<Config>,
    prepared: Arc<Prepared>,
    machine: Machine,
    connections: Connections,
    lives: HashMap<Generation, watch::Sender<Wanted>>,
    told: mpsc::Sender<Told>,
    from_lives: mpsc::Receiver<Told>,
}

impl Supervisor {
    /// A supervisor whose first child is started as `prepared` says.
    pub fn new(config: Arc<Config>, prepared: Prepared, connections: Connections) -> Self {
        let limits = Limits {
            backoff: config.backoff,
            handover_grace: config.handover_grace,
            startup: config.startup_timeout,
            pulse: config.probe_interval + config.probe_timeout + LATE,
        };
        let (told, from_lives) = mpsc::channel(INBOX);
        Self {
            machine: Machine::new(limits, Instant::now().into_std()),
            prepared: Arc::new(prepared),
            config,
            connections,
            lives: HashMap::new(),
            told,
            from_lives,
        }
    }

    /// Runs until the end is forced; no child and no group of one is left then.
    pub async fn run(mut self) {
        let shutdown = self.connections.shutdown.clone();
        let (mut drained, mut forced) = (false, false);
        self.handle(Event::Begin).await;
        while !self.machine.is_over() {
            let event = tokio::select! {
                Some(told) = self.from_lives.recv() => match told {
                    Told::Event(event) => event,
                    Told::Prepared(prepared) => {
                        self.prepared = prepared;
                        continue;
                    }
                },
                Some(order) = self.connections.orders.recv() => match order {
                    Order::Replace(reason) => Event::Replace(reason),
                    Order::Drained(generation) => Event::Drained(generation),
                    Order::Unresponsive(generation) => Event::Unresponsive(generation),
                    Order::Alive(generation) => Event::Alive(generation),
                    Order::Drain => {
                        shutdown.start_drain();
                        continue;
                    }
                },
                () = due(self.machine.deadline().map(Instant::from_std)) => Event::Time,
                () = shutdown.draining(), if !drained => {
                    drained = true;
                    Event::Drain
                }
                () = shutdown.forced(), if !forced => {
                    forced = true;
                    Event::Force
                }
            };
            self.handle(event).await;
        }
    }

    async fn handle(&mut self, event: Event) {
        if let Event::Ended(generation, _) = &event {
            self.lives.remove(generation);
        }
        let effects = self.machine.handle(event, Instant::now().into_std());
        let well_until = self.machine.well_until().into();
        self.connections.pulse.send_modify(|pulse| pulse.well_until = well_until);
        for effect in effects {
            self.perform(effect).await;
        }
    }

    async fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Start { generation, afresh } => self.start(generation, afresh),
            Effect::End(generation) => self.want(generation, Wanted::Ended),
            Effect::Kill(generation) => self.want(generation, Wanted::Killed),
            Effect::Publish(status) => {
                self.connections.pulse.send_modify(|pulse| pulse.status = (*status).clone());
                self.connections.events.send(ChildEvent::Status(status)).await.ok();
            }
            Effect::Replaced(outcome) => {
                self.connections.events.send(ChildEvent::Replaced(outcome)).await.ok();
            }
            Effect::GiveUp(why) => {
                if let Some(lost) = self.connections.lost.take() {
                    lost.send(why).ok();
                }
            }
            Effect::Note(note) => {
                note::log(&note, self.machine.status(), self.connections.shutdown.is_forced())
            }
        }
    }

    fn start(&mut self, generation: Generation, afresh: bool) {
        let (want, wanted) = watch::channel(Wanted::Alive);
        let life = Life {
            generation,
            config: self.config.clone(),
            prepared: (!afresh).then(|| self.prepared.clone()),
            events: self.connections.events.clone(),
            told: self.told.clone(),
            wanted,
            load: self.connections.load.clone(),
            shutdown: self.connections.shutdown.clone(),
        };
        self.lives.insert(generation, want);
        self.connections.shutdown.spawn(life.run());
    }

    fn want(&self, generation: Generation, wanted: Wanted) {
        if let Some(life) = self.lives.get(&generation) {
            life.send_if_modified(|now| {
                // A kill is not taken back.
                let more = *now != Wanted::Killed && *now != wanted;
                if more {
                    *now = wanted;
                }
                more
            });
        }
    }
}
