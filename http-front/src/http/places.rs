//! The places of a listener: who has one, and whose place a new connection gets when none is free. Pure.
//!
//! Promises: never more places are taken than there are; a connection with a request in progress keeps its place; of the
//! others the one goes that has been without a request the longest. Everything is O(log n), and its memory is bounded by
//! the places.

use std::collections::{BTreeMap, HashMap};

/// A connection that has a place. Never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Id(u64);

/// How it is with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Without a request, since this moment; moments are counted, not measured.
    Idle(u64),
    /// With a request in progress.
    Busy,
    /// It was asked to go.
    Leaving,
}

/// What becomes of a new connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// It has a place.
    Taken(Id),
    /// This one is to go; then there is a place.
    Evict(Id),
    /// It waits: somebody is about to go, or nobody may be asked to.
    Wait,
}

/// Places and who has them.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    /// Counts what happens.
    moment: u64,
    taken: HashMap<Id, State>,
    /// Those that are idle, the longest first.
    idle: BTreeMap<u64, Id>,
    leaving: usize,
}

impl Places {
    /// So many, all free.
    pub(super) fn new(most: usize) -> Self {
        Self { most: most.max(1), moment: 0, taken: HashMap::new(), idle: BTreeMap::new(), leaving: 0 }
    }

    fn tick(&mut self) -> u64 {
        self.moment += 1;
        self.moment
    }

    /// A new connection asks for a place.
    pub(super) fn ask(&mut self) -> Asked {
        if self.taken.len() < self.most {
            let id = Id(self.tick());
            self.set(id, Some(State::Idle(id.0)));
            return Asked::Taken(id);
        }
        if self.leaving > 0 {
            return Asked::Wait;
        }
        let Some(oldest) = self.idle.first_key_value().map(|(_, id)| *id) else { return Asked::Wait };
        self.set(oldest, Some(State::Leaving));
        Asked::Evict(oldest)
    }

    /// A request begins. One that was asked to go stays: its request came first.
    pub(super) fn begin(&mut self, id: Id) {
        if self.taken.contains_key(&id) {
            self.set(id, Some(State::Busy));
        }
    }

    /// Its request is over.
    pub(super) fn rest(&mut self, id: Id) {
        if self.taken.get(&id) == Some(&State::Busy) {
            let now = self.tick();
            self.set(id, Some(State::Idle(now)));
        }
    }

    /// Whether it is still to go.
    pub(super) fn is_leaving(&self, id: Id) -> bool {
        self.taken.get(&id) == Some(&State::Leaving)
    }

    /// It is closed.
    pub(super) fn gone(&mut self, id: Id) {
        self.set(id, None);
    }

    /// How many are idle or leaving, and how many busy.
    pub(super) fn counts(&self) -> (usize, usize) {
        let idle = self.idle.len() + self.leaving;
        (idle, self.taken.len() - idle)
    }

    fn set(&mut self, id: Id, state: Option<State>) {
        let before = match state {
            Some(state) => self.taken.insert(id, state),
            None => self.taken.remove(&id),
        };
        match before {
            Some(State::Idle(since)) => _ = self.idle.remove(&since),
            Some(State::Leaving) => self.leaving -= 1,
            Some(State::Busy) | None => {}
        }
        match state {
            Some(State::Idle(since)) => _ = self.idle.insert(since, id),
            Some(State::Leaving) => self.leaving += 1,
            Some(State::Busy) | None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn take(places: &mut Places) -> Id {
        match places.ask() {
            Asked::Taken(id) => id,
            full @ (Asked::Evict(_) | Asked::Wait) => panic!("{full:?}"),
        }
    }

    #[test]
    fn the_one_that_is_idle_the_longest_goes() {
        let mut places = Places::new(3);
        let [first, second, third] = std::array::from_fn(|_| take(&mut places));
        // The first has asked something since, so the second is the oldest.
        places.begin(first);
        places.rest(first);
        assert_eq!(places.ask(), Asked::Evict(second));
        assert_eq!(places.ask(), Asked::Wait, "one at a time");
        places.gone(second);
        take(&mut places);
        assert_eq!(places.ask(), Asked::Evict(third));
        assert_eq!(places.counts(), (3, 0));
    }

    #[test]
    fn a_request_that_comes_as_its_connection_is_to_go_is_served() {
        let mut places = Places::new(2);
        let [first, second] = std::array::from_fn(|_| take(&mut places));
        assert_eq!(places.ask(), Asked::Evict(first));
        places.begin(first);
        assert!(!places.is_leaving(first));
        assert_eq!(places.ask(), Asked::Evict(second));
        places.begin(second);
        assert_eq!(places.ask(), Asked::Wait, "everybody has a request");
        places.rest(second);
        assert_eq!(places.ask(), Asked::Evict(second));
    }

    proptest! {
        /// Against a plain list, over any order of events.
        #[test]
        fn never_too_many_never_a_busy_one_and_the_oldest_first(
            most in 1usize..5,
            steps in prop::collection::vec((0u8..4, 0usize..5), 1..200),
        ) {
            let mut places = Places::new(most);
            // Idle ones in the order in which they became so; busy ones; the one that is to go.
            let (mut idle, mut busy, mut leaving): (Vec<Id>, Vec<Id>, Option<Id>) = Default::default();
            for (what, which) in steps {
                match what {
                    0 => match places.ask() {
                        Asked::Taken(id) => {
                            prop_assert!(!idle.contains(&id) && !busy.contains(&id));
                            idle.push(id);
                        }
                        Asked::Evict(id) => {
                            prop_assert_eq!(leaving, None);
                            prop_assert_eq!(id, idle.remove(0));
                            leaving = Some(id);
                        }
                        Asked::Wait => prop_assert!(leaving.is_some() || busy.len() == most),
                    },
                    1 => {
                        let all: Vec<Id> = idle.iter().chain(&leaving).copied().collect();
                        if !all.is_empty() {
                            let id = all[which % all.len()];
                            places.begin(id);
                            idle.retain(|other| *other != id);
                            leaving = leaving.filter(|other| *other != id);
                            busy.push(id);
                        }
                    }
                    2 if !busy.is_empty() => {
                        let id = busy.swap_remove(which % busy.len());
                        places.rest(id);
                        idle.push(id);
                    }
                    _ => {
                        let all: Vec<Id> = idle.iter().chain(&busy).chain(&leaving).copied().collect();
                        if !all.is_empty() {
                            let id = all[which % all.len()];
                            places.gone(id);
                            idle.retain(|other| *other != id);
                            busy.retain(|other| *other != id);
                            leaving = leaving.filter(|other| *other != id);
                            places.begin(id);
                            places.rest(id);
                        }
                    }
                }
                prop_assert!(idle.len() + busy.len() + usize::from(leaving.is_some()) <= most);
                prop_assert_eq!(places.counts(), (idle.len() + usize::from(leaving.is_some()), busy.len()));
                prop_assert_eq!(places.taken.len(), places.counts().0 + places.counts().1);
                prop_assert!(leaving.is_none_or(|id| places.is_leaving(id)));
            }
        }
    }
}
