//! The workers, as requests see them: one, or several over which turns are balanced.
//!
//! Promises: what is in flight at each is exact over ends, drops, cancels and lost links; a turn that a worker turned away
//! before anything of it ran goes to each other one once, and never twice to one; with one worker nothing is tried again.
//! Which worker a turn goes to is [`super::balance`]'s to say.

use super::{
    affinity::{Affinity, Bounds},
    asker::Asker,
    balance::{self, Ailing, Candidate, Fitness, Shares},
    conversation::{Conversation, Id},
    health::Health,
    link::{Lane, LinkConfig, Start},
    models::Child,
    scrape::{self, NoAnswer},
    turn::{Taken, TurnKey, TurnStream},
};
use crate::{
    state::board::Board,
    trace::TurnTrace,
    translate::{
        agent::{AgentPlan, AgentSettings, NotAllowed},
        event::{Delta, End},
        plan::Plan,
    },
};
use futures_util::future;
use shared::{control::metrics::Told, queue, shutdown::Shutdown};
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

/// The workers. Cheap to clone.
#[derive(Clone)]
pub struct Daemon(Arc<Pool>);

struct Pool {
    lanes: Vec<Lane>,
    /// What is known of all of them, as if they were one.
    health: watch::Receiver<Health>,
    /// How agents are to work.
    agents: Option<AgentSettings>,
    turn_buffer: usize,
    next: AtomicU64,
    /// Locked for a choice and for the end of a turn, never across a wait.
    book: Mutex<Book>,
}

/// What a choice needs to know besides the workers' own word.
struct Book {
    in_flight: Vec<usize>,
    shares: Shares,
    ailing: Ailing,
    affinity: Affinity,
}

/// What is told of one worker.
#[derive(Debug, Clone)]
pub struct Report {
    /// What it is called.
    pub name: Arc<str>,
    /// What is known of it.
    pub health: Health,
    /// Turns of this front that it has.
    pub in_flight: usize,
}

/// A turn's place at a worker, until it is dropped.
pub(super) struct Place {
    pool: Arc<Pool>,
    worker: usize,
    /// The child that the worker had.
    child: Option<Child>,
    conversation: Option<Id>,
}

impl Place {
    /// Its turn has shown that the upstream refuses the worker's account, or that it doesn't. With one worker that says nothing.
    pub(super) fn shown(&self, refused: bool) {
        // Of a child that was replaced meanwhile it says nothing, either.
        if self.pool.lanes.len() > 1 && self.pool.lanes[self.worker].health.borrow().child() == self.child {
            self.pool.book().ailing.shown(self.worker, self.child, refused, Instant::now());
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut book = self.pool.book();
        if let Some(in_flight) = book.in_flight.get_mut(self.worker) {
            *in_flight = in_flight.saturating_sub(1);
        }
        if let Some(id) = self.conversation {
            book.affinity.ends(id);
        }
    }
}

/// What another worker needs to take a turn over that ran nowhere.
pub(super) struct Elsewhere {
    pool: Arc<Pool>,
    plan: Plan,
    asker: Asker,
    trace: Option<TurnTrace>,
    tried: Vec<usize>,
}

/// What a choice needs to know of a worker, seen at one moment.
struct Seen {
    fitness: Fitness,
    child: Option<Child>,
    /// Whether it takes such a turn at all: an agent's only where those are allowed.
    takes: bool,
    has_model: bool,
    places: Option<usize>,
    rank: u64,
}

/// A turn on its way to a worker.
struct Sent {
    start: Start,
    stream: TurnStream,
}

impl Daemon {
    /// Starts a link to each worker. What an operator switches goes to all of them and comes from them by the board.
    pub fn connect(
        links: Vec<LinkConfig>,
        turn_buffer: usize,
        bounds: Bounds,
        board: &Board,
        shutdown: &Shutdown,
    ) -> Self {
        let agents = links.first().and_then(|link| link.agents.clone());
        let lanes: Vec<Lane> =
            (0..).zip(links).map(|(seat, link)| Lane::connect(link, board.seat(seat), shutdown)).collect();
        let health = together(&lanes, shutdown);
        let book = Book {
            in_flight: vec![0; lanes.len()],
            shares: Shares::default(),
            ailing: Ailing::default(),
            affinity: Affinity::new(bounds),
        };
        let book = Mutex::new(book);
        Self(Arc::new(Pool { lanes, health, agents, turn_buffer, next: AtomicU64::new(0), book }))
    }

    /// What is known of the workers now, as if they were one.
    pub fn health(&self) -> Health {
        self.0.health.borrow().clone()
    }

    /// The same as it changes; it ends with the links.
    pub fn watch(&self) -> watch::Receiver<Health> {
        self.0.health.clone()
    }

    /// The names of the workers at which turns can be started now.
    pub fn ready(&self) -> Vec<String> {
        let ready = self.0.lanes.iter().filter(|lane| lane.health.borrow().is_ready());
        ready.map(|lane| lane.name.as_ref().to_owned()).collect()
    }

    /// Whether there are several.
    pub fn is_pool(&self) -> bool {
        self.0.lanes.len() > 1
    }

    /// What is known of each.
    pub fn reports(&self) -> Vec<Report> {
        let in_flight = self.0.book().in_flight.clone();
        let lanes = self.0.lanes.iter().zip(in_flight);
        lanes
            .map(|(lane, in_flight)| Report {
                name: Arc::clone(&lane.name),
                health: lane.health.borrow().clone(),
                in_flight,
            })
            .collect()
    }

    /// What each daemon has counted; `None` of an older one, which doesn't know.
    ///
    /// # Errors
    /// [`NoAnswer`] of each that has none within a second; all are asked at the same time. Cancel safe.
    pub async fn metrics(&self) -> Vec<Result<Option<Arc<Told>>, NoAnswer>> {
        future::join_all(self.0.lanes.iter().map(|lane| scrape::ask(&lane.asks))).await
    }

    /// How an agent would work now; `None` while none allows them and not each daemon has said whether it does.
    ///
    /// # Errors
    /// [`NotAllowed`], where none allows them.
    pub fn agent(&self, settings: &AgentSettings) -> Result<Option<AgentPlan>, NotAllowed> {
        let mut refused = None;
        let mut silent = false;
        for lane in &self.0.lanes {
            match lane.health.borrow().status.as_ref() {
                None => silent = true,
                Some(status) => match AgentPlan::new(settings, status.agent.as_ref()) {
                    Ok(plan) => return Ok(Some(plan)),
                    Err(why) => refused = refused.or(Some(why)),
                },
            }
        }
        // One that is away for a moment may be the one for agents.
        match refused {
            Some(why) if !silent => Err(why),
            Some(_) | None => Ok(None),
        }
    }

    /// Starts a turn for `asker`; what is said of it is told to `trace`. The stream ends with [`End::Unavailable`] when there is no daemon.
    ///
    /// Waits while very many turns wait for the link. Cancel safe: a turn that was not handed over does not run.
    pub async fn start(&self, plan: Plan, asker: Asker, trace: Option<TurnTrace>) -> TurnStream {
        let place = self.0.take_place(&plan, &[]);
        let taken = place.is_some();
        let worker = place.as_ref().map_or(0, |place| place.worker);
        let elsewhere = (taken && self.is_pool()).then(|| Elsewhere {
            pool: Arc::clone(&self.0),
            plan: plan.clone(),
            asker: asker.clone(),
            trace: trace.clone(),
            tried: vec![worker],
        });
        let lane = &self.0.lanes[worker];
        let Sent { start, stream } = self.0.send_to(worker, plan, asker, trace);
        let stream = stream.at(place).or_else(elsewhere);
        // None takes such a turn, as where the only worker for agents has gone since it was planned.
        if !taken {
            start.deltas.push_last(Delta::End(End::Unavailable));
        } else if let Err(mpsc::error::SendError(start)) = lane.starts.send(start).await {
            start.deltas.push_last(Delta::End(End::Unavailable));
        }
        stream
    }
}

impl Elsewhere {
    /// Starts the turn at another worker that can serve now, one that wasn't tried. `None`: there is none, and the turn
    /// ends as it did where it was.
    pub(super) fn again(mut self) -> Option<TurnStream> {
        loop {
            let place = self.pool.take_place(&self.plan, &self.tried)?;
            let worker = place.worker;
            self.tried.push(worker);
            let (plan, asker) = (self.plan.clone(), self.asker.clone());
            let Sent { start, stream } = self.pool.send_to(worker, plan, asker, self.trace.clone());
            // One with so long a line before its socket is as good as away.
            if self.pool.lanes[worker].starts.try_send(start).is_ok() {
                tracing::info!(
                    event = "turn_moved",
                    request_id = self.asker.request.as_deref(),
                    worker = &*self.pool.lanes[worker].name,
                    "a worker turned the turn away before anything of it ran"
                );
                return Some(stream.at(Some(place)).or_else(Some(self)));
            }
        }
    }
}

impl Pool {
    /// Nothing panics under this lock.
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Chooses a worker, and counts the turn there. Where some were tried, one that could serve it now.
    fn take_place(self: &Arc<Self>, plan: &Plan, tried: &[usize]) -> Option<Place> {
        if self.lanes.len() == 1 {
            // There is nothing to choose.
            self.book().in_flight[0] += 1;
            return Some(Place { pool: Arc::clone(self), worker: 0, child: None, conversation: None });
        }
        let id = plan.conversation.as_ref().map(Conversation::id);
        let (wall, now) = (SystemTime::now(), Instant::now());
        let seen: Vec<Seen> = self.lanes.iter().map(|lane| self.look(lane, plan, id, wall)).collect();
        // A name that none has in its list is the operator's, and each takes it.
        let somewhere = seen.iter().any(|seen| seen.has_model);
        let mut book = self.book();
        let Book { in_flight, shares, ailing, affinity } = &mut *book;
        let fitness: Vec<Fitness> =
            (0..).zip(&seen).map(|(at, seen)| ailing.fitness(at, seen.child, seen.fitness, now)).collect();
        let given = shares.given(fitness.iter().map(|fitness| *fitness == Fitness::Ready).collect());
        let workers: Vec<Candidate> = (0..)
            .zip(&seen)
            .map(|(at, seen)| {
                let fits = seen.takes && (!somewhere || seen.has_model);
                // One that the upstream refused lately may be better than none.
                let again = tried.is_empty() || (fitness[at] <= Fitness::Ailing && !tried.contains(&at));
                Candidate {
                    fitness: (fits && again).then_some(fitness[at]),
                    in_flight: in_flight[at],
                    places: seen.places,
                    given: given[at],
                    rank: seen.rank,
                }
            })
            .collect();
        let goes_on = plan.conversation.as_ref().is_some_and(Conversation::goes_on);
        let known = id.and_then(|id| affinity.home(id, now));
        let worker = balance::choose(&workers, known.filter(|_| goes_on))?;
        in_flight[worker] += 1;
        shares.give(worker);
        if let Some(id) = id {
            // Where it was turned away it hasn't been.
            let moves = goes_on || known.is_some_and(|home| tried.contains(&home));
            affinity.begins(id, worker, moves, now);
        }
        let child = seen[worker].child;
        Some(Place { pool: Arc::clone(self), worker, child, conversation: id })
    }

    /// A worker as it is now, for this turn.
    fn look(&self, lane: &Lane, plan: &Plan, id: Option<Id>, now: SystemTime) -> Seen {
        let health = lane.health.borrow();
        Seen {
            fitness: health.fitness(now),
            child: health.child(),
            takes: plan.agent.is_none() || self.agent_at(&health).is_some(),
            has_model: plan.model.as_deref().is_none_or(|model| health.models.has(model)),
            places: health.places,
            rank: id.map_or(0, |id| id.rank(&lane.name)),
        }
    }

    fn agent_at(&self, health: &Health) -> Option<AgentPlan> {
        AgentPlan::new(self.agents.as_ref()?, health.status.as_ref()?.agent.as_ref()).ok()
    }

    /// A turn for this worker.
    fn send_to(&self, worker: usize, mut plan: Plan, asker: Asker, trace: Option<TurnTrace>) -> Sent {
        let lane = &self.lanes[worker];
        if self.lanes.len() > 1 && plan.agent.is_some() {
            // Its catalog is in its own folder.
            let own = self.agent_at(&lane.health.borrow());
            plan.agent = own.map(Arc::new).or(plan.agent);
        }
        let key = TurnKey(self.next.fetch_add(1, Ordering::Relaxed));
        let (deltas, received) = queue::channel(self.turn_buffer);
        let taken = Taken::default();
        let asker = Asker { taken: taken.clone(), ..asker };
        let stream = TurnStream::new(key, received, lane.cancels.clone()).told_by(taken);
        Sent { start: Start { key, plan, asker, deltas, trace }, stream }
    }
}

/// What is known of these, as if they were one, as it changes.
fn together(lanes: &[Lane], shutdown: &Shutdown) -> watch::Receiver<Health> {
    if let [only] = lanes {
        return only.health.clone();
    }
    let mut all: Vec<watch::Receiver<Health>> = lanes.iter().map(|lane| lane.health.clone()).collect();
    let (told, health) = watch::channel(Health::default());
    shutdown.spawn(async move {
        loop {
            let now: Vec<Health> = all.iter_mut().map(|health| health.borrow_and_update().clone()).collect();
            told.send_replace(Health::of_all(&now));
            let changes = all.iter_mut().map(|health| Box::pin(health.changed()));
            let (changed, at, _) = future::select_all(changes).await;
            if changed.is_err() {
                // Its link has ended; the others go on.
                all.remove(at);
                if all.is_empty() {
                    return;
                }
            }
        }
    });
    health
}
