//! Which of several workers a turn goes to. Pure.
//!
//! It promises that a turn goes to a worker that can serve it while there is one, there to one with a free place while there
//! is one, and among those to the one with the least turns of this front; that a conversation stays where it was while that
//! is one of them; and that with nothing else to choose by, no worker gets many more turns than another, and fronts
//! that have given as much choose the same.

use super::models::Child;
use std::time::Duration;
use tokio::time::Instant;

/// How well a worker could take a turn; the first is the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fitness {
    /// Its codex serves.
    Ready,
    /// The same, and the upstream has refused its account lately, or held it back.
    Ailing,
    /// The same, and the account's limit is used up: the upstream would refuse the turn.
    UsedUp,
    /// The daemon is there, and its codex doesn't serve now: a turn waits for it, or is refused.
    Waiting,
    /// The daemon is away, or says nothing.
    Away,
}

/// One worker, as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// `None`: this turn is not for it.
    pub fitness: Option<Fitness>,
    /// Turns of this front that it has.
    pub in_flight: usize,
    /// Turns that it runs at once, where it has said so.
    pub places: Option<usize>,
    /// Turns that it was given lately.
    pub given: u64,
    /// The place that the turn's conversation gives it: the highest is the first.
    pub rank: u64,
}

impl Candidate {
    fn has_place(&self) -> bool {
        self.places.is_none_or(|places| self.in_flight < places)
    }
}

/// How many more turns than another a worker may have been given, where nothing else tells them apart: this part of
/// what the other was given, ...
const DRIFT: u64 = 20;
/// ... and at least so many.
const LEAST_DRIFT: u64 = 2;

/// The worker for a turn whose conversation was at `home` before; `None` where none could ever take it.
pub fn choose(workers: &[Candidate], home: Option<usize>) -> Option<usize> {
    let best = workers.iter().filter_map(|worker| worker.fitness).min()?;
    let mut fit: Vec<(usize, &Candidate)> =
        workers.iter().enumerate().filter(|(_, worker)| worker.fitness == Some(best)).collect();
    if fit.iter().any(|(_, worker)| worker.has_place()) {
        fit.retain(|(_, worker)| worker.has_place());
    }
    if let Some(home) = home.filter(|home| fit.iter().any(|(at, _)| at == home)) {
        return Some(home);
    }
    let least = fit.iter().map(|(_, worker)| worker.in_flight).min()?;
    fit.retain(|(_, worker)| worker.in_flight == least);
    let fewest = fit.iter().map(|(_, worker)| worker.given).min()?;
    fit.retain(|(_, worker)| worker.given - fewest <= (fewest / DRIFT).max(LEAST_DRIFT));
    // The first of equals, so that it is one and the same everywhere.
    fit.into_iter().rev().max_by_key(|(_, worker)| worker.rank).map(|(at, _)| at)
}

/// How long a worker comes behind the others after the upstream has refused its account; doubled each time, up to the most.
const AILS: Duration = Duration::from_secs(10);
/// The most.
const AILS_MOST: Duration = Duration::from_secs(300);

/// Workers whose account the upstream refuses. They fail at once, so that they always have the least in flight, and would be
/// given everything.
#[derive(Debug, Default)]
pub struct Ailing {
    workers: Vec<Ails>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Ails {
    until: Option<Instant>,
    times: u32,
    /// Whose turns said so: another child may have another login.
    child: Option<Child>,
}

impl Ailing {
    /// A turn at this worker's child has shown that the upstream refuses the account, or that it doesn't.
    pub fn shown(&mut self, worker: usize, child: Option<Child>, refused: bool, now: Instant) {
        if self.workers.len() <= worker {
            if !refused {
                return;
            }
            self.workers.resize(worker + 1, Ails::default());
        }
        let known = &mut self.workers[worker];
        let ails = if known.child == child { *known } else { Ails::default() };
        if !refused {
            *known = Ails::default();
        } else if ails.until.is_none_or(|until| until <= now) {
            // What began before that was known says nothing new.
            let wait = AILS.saturating_mul(1 << ails.times.min(8)).min(AILS_MOST);
            *known = Ails { until: Some(now + wait), times: ails.times + 1, child };
        }
    }

    /// How well a worker with this child could take a turn, with what is known of its account.
    pub fn fitness(&self, worker: usize, child: Option<Child>, fitness: Fitness, now: Instant) -> Fitness {
        let known = self.workers.get(worker).filter(|known| known.child == child);
        let ails = known.and_then(|known| known.until).is_some_and(|until| until > now);
        if ails && fitness == Fitness::Ready { Fitness::Ailing } else { fitness }
    }
}

/// Turns that each worker was given since it was last known which ones can serve: one that comes back doesn't get all that
/// it missed.
#[derive(Debug, Default)]
pub struct Shares {
    given: Vec<u64>,
    ready: Vec<bool>,
}

impl Shares {
    /// What each was given, while these can serve.
    pub fn given(&mut self, ready: Vec<bool>) -> &[u64] {
        if self.ready != ready {
            self.given = vec![0; ready.len()];
            self.ready = ready;
        }
        &self.given
    }

    /// One more.
    pub fn give(&mut self, worker: usize) {
        if let Some(given) = self.given.get_mut(worker) {
            *given += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::control::Status;

    const IDLE: Candidate =
        Candidate { fitness: Some(Fitness::Ready), in_flight: 0, places: Some(4), given: 0, rank: 0 };

    #[test]
    fn the_least_busy_one_that_can_serve_has_the_turn() {
        let busy = Candidate { in_flight: 3, ..IDLE };
        assert_eq!(choose(&[busy, IDLE, busy], None), Some(1));
        let fit = |fitness| Candidate { fitness, ..IDLE };
        let used_up = fit(Some(Fitness::UsedUp));
        let waiting = fit(Some(Fitness::Waiting));
        let away = fit(Some(Fitness::Away));
        assert_eq!(choose(&[away, waiting, used_up, busy, fit(None)], None), Some(3));
        assert_eq!(choose(&[away, waiting, used_up, fit(None)], None), Some(2));
        assert_eq!(choose(&[away, waiting, fit(None)], None), Some(1));
        assert_eq!(choose(&[fit(None), away], None), Some(1));
        assert_eq!(choose(&[fit(None)], None), None);
        assert_eq!(choose(&[], None), None);
    }

    #[test]
    fn a_free_place_is_worth_more_than_fewer_turns() {
        let small = Candidate { in_flight: 2, places: Some(2), ..IDLE };
        let large = Candidate { in_flight: 9, places: Some(128), ..IDLE };
        assert_eq!(choose(&[small, large], None), Some(1));
        let full = Candidate { in_flight: 9, places: Some(9), ..IDLE };
        assert_eq!(choose(&[small, full], None), Some(0), "all are full: the shorter line");
        let unknown = Candidate { in_flight: 3, places: None, ..IDLE };
        assert_eq!(choose(&[small, unknown], None), Some(1));
    }

    #[test]
    fn a_conversation_stays_while_its_worker_can_take_it() {
        let home = Candidate { in_flight: 3, ..IDLE };
        assert_eq!(choose(&[IDLE, home], Some(1)), Some(1));
        let full = Candidate { in_flight: 4, ..IDLE };
        assert_eq!(choose(&[IDLE, full], Some(1)), Some(0), "another has a place");
        assert_eq!(choose(&[full, full], Some(1)), Some(1), "none has: it waits where it was");
        for fitness in [None, Some(Fitness::UsedUp), Some(Fitness::Waiting), Some(Fitness::Away)] {
            assert_eq!(choose(&[IDLE, Candidate { fitness, ..IDLE }], Some(1)), Some(0), "{fitness:?}");
        }
        assert_eq!(choose(&[IDLE], Some(7)), Some(0));
    }

    #[test]
    fn equals_are_chosen_by_rank_and_never_drift_apart() {
        let ranked = |rank, given| Candidate { rank, given, ..IDLE };
        assert_eq!(choose(&[ranked(1, 0), ranked(2, 2)], None), Some(1));
        assert_eq!(choose(&[ranked(1, 0), ranked(2, 3)], None), Some(0));
        assert_eq!(choose(&[ranked(1, 100), ranked(2, 105)], None), Some(1));
        assert_eq!(choose(&[ranked(1, 100), ranked(2, 106)], None), Some(0));
        assert_eq!(choose(&[IDLE, IDLE], None), Some(0));
        // A rank that likes one of them best, and turns that never overlap.
        let (mut shares, mut given) = (Shares::default(), [0; 4]);
        for _ in 0..200 {
            let told = shares.given(vec![true; 4]).to_vec();
            let workers: Vec<Candidate> =
                (0..4u8).map(|n| ranked(u64::from(n), told[usize::from(n)])).collect();
            let chosen = choose(&workers, None).unwrap();
            shares.give(chosen);
            given[chosen] += 1;
        }
        assert!(given.iter().all(|turns| (45..=55).contains(turns)), "{given:?}");
    }

    #[test]
    fn a_worker_whose_account_is_refused_comes_behind_the_others_for_a_while() {
        let (mut ailing, now) = (Ailing::default(), Instant::now());
        let second = |seconds| now + Duration::from_secs(seconds);
        let child = |starts| Some(Child::of(&Status { starts, ..Status::default() }));
        let own = child(1);
        let fitness = |ailing: &Ailing, at| ailing.fitness(1, own, Fitness::Ready, second(at));
        ailing.shown(1, own, false, now);
        assert_eq!(fitness(&ailing, 0), Fitness::Ready);
        // Many at once are one word.
        (0..9).for_each(|_| ailing.shown(1, own, true, now));
        assert_eq!([9, 10].map(|at| fitness(&ailing, at)), [Fitness::Ailing, Fitness::Ready]);
        ailing.shown(1, own, true, second(10));
        assert_eq!([29, 30].map(|at| fitness(&ailing, at)), [Fitness::Ailing, Fitness::Ready]);
        (1..100).for_each(|n| ailing.shown(1, own, true, second(n * 1_000)));
        assert_eq!([99_299, 99_300].map(|at| fitness(&ailing, at)), [Fitness::Ailing, Fitness::Ready]);
        assert_eq!(ailing.fitness(1, own, Fitness::Away, second(99_000)), Fitness::Away);
        assert_eq!(ailing.fitness(0, own, Fitness::Ready, second(99_000)), Fitness::Ready);
        // Another child may have another login, and begins as the first did.
        assert_eq!(ailing.fitness(1, child(2), Fitness::Ready, second(99_000)), Fitness::Ready);
        ailing.shown(1, child(2), true, second(99_000));
        let other = |at| ailing.fitness(1, child(2), Fitness::Ready, second(at));
        assert_eq!([99_009, 99_010].map(other), [Fitness::Ailing, Fitness::Ready]);
        ailing.shown(1, child(2), false, second(99_001));
        assert_eq!(ailing.fitness(1, child(2), Fitness::Ready, second(99_001)), Fitness::Ready);
        // The least busy one isn't chosen for failing fast.
        let busy = Candidate { in_flight: 3, ..IDLE };
        let ails = Candidate { fitness: Some(Fitness::Ailing), ..IDLE };
        assert_eq!(choose(&[ails, busy], None), Some(1));
        assert_eq!(choose(&[ails], None), Some(0));
    }

    #[test]
    fn a_worker_that_comes_back_gets_its_share_and_no_more() {
        let mut shares = Shares::default();
        shares.given(vec![true, false]);
        (0..100).for_each(|_| shares.give(0));
        assert_eq!(shares.given(vec![true, false]), [100, 0]);
        assert_eq!(shares.given(vec![true, true]), [0, 0]);
        shares.give(7);
    }
}
