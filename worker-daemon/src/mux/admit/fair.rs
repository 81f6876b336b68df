//! A queue that serves its users in turn: connections first, and the callers behind each connection within it.
//!
//! Requests of one caller stay in their order. Nobody who queues a thousand delays somebody who queues one by more
//! than one place.

use super::Waiting;
use shared::id::ConnId;
use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

/// Values by key, and the keys in the order in which they are served.
#[derive(Debug)]
struct Ring<K, V> {
    values: HashMap<K, V>,
    order: VecDeque<K>,
}

impl<K, V> Default for Ring<K, V> {
    fn default() -> Self {
        Self { values: HashMap::new(), order: VecDeque::new() }
    }
}

impl<K: Hash + Eq + Clone, V: Default> Ring<K, V> {
    fn entry(&mut self, key: K) -> &mut V {
        if !self.values.contains_key(&key) {
            self.order.push_back(key.clone());
        }
        self.values.entry(key).or_default()
    }

    /// Serves the key whose turn it is with `f`, which tells whether its value is empty after that.
    fn serve<T>(&mut self, f: impl FnOnce(&mut V) -> (T, bool)) -> Option<T> {
        let key = self.order.pop_front()?;
        let (served, empty) = f(self.values.get_mut(&key)?);
        if empty {
            self.values.remove(&key);
        } else {
            self.order.push_back(key);
        }
        Some(served)
    }

    /// Changes each value in the order of the keys; those that `f` finds empty are forgotten.
    fn each(&mut self, mut f: impl FnMut(&mut V) -> bool) {
        let values = &mut self.values;
        self.order.retain(|key| {
            let empty = values.get_mut(key).is_none_or(&mut f);
            if empty {
                values.remove(key);
            }
            !empty
        });
    }
}

/// Whose request it is: the name that the client gives, empty where it gives none.
pub type Caller = Box<str>;

/// Waiting requests, fair between connections and callers.
#[derive(Debug, Default)]
pub(super) struct Fair {
    conns: Ring<ConnId, Ring<Caller, VecDeque<Waiting>>>,
    len: usize,
}

impl Fair {
    /// Puts a request behind those of its caller.
    pub(super) fn push(&mut self, waiting: Waiting) {
        self.len += 1;
        self.conns.entry(waiting.conn).entry(waiting.caller.clone()).push_back(waiting);
    }

    /// Puts a request before those of its caller.
    pub(super) fn push_front(&mut self, waiting: Waiting) {
        self.len += 1;
        self.conns.entry(waiting.conn).entry(waiting.caller.clone()).push_front(waiting);
    }

    /// The next request, of the connection and the caller whose turn it is.
    pub(super) fn pop(&mut self) -> Option<Waiting> {
        let popped = self.conns.serve(|callers| {
            let popped = callers.serve(|queue| {
                let popped = queue.pop_front();
                (popped, queue.is_empty())
            });
            (popped.flatten(), callers.order.is_empty())
        });
        let popped = popped.flatten();
        self.len -= usize::from(popped.is_some());
        popped
    }

    /// Requests that wait.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Makes room for a request of this connection and caller: takes the youngest of the connection that has the most,
    /// and in it of the caller that has the most, if that is more than what asks would have then. Names are free, so
    /// that a connection can't get more room by many of them.
    pub(super) fn take_from_longer(&mut self, conn: ConnId, caller: &str) -> Option<Waiting> {
        let total = |callers: &Ring<Caller, VecDeque<Waiting>>| -> usize {
            callers.values.values().map(VecDeque::len).sum()
        };
        let own = self.conns.values.get(&conn).map_or(0, total);
        let mut longest = (own + 1, conn);
        for other in &self.conns.order {
            let len = self.conns.values.get(other).map_or(0, total);
            if len > longest.0 {
                longest = (len, *other);
            }
        }
        let from = longest.1;
        let callers = self.conns.values.get_mut(&from)?;
        let than = if from == conn { callers.values.get(caller).map_or(0, VecDeque::len) + 1 } else { 0 };
        let mut most: Option<(usize, Caller)> = None;
        for name in &callers.order {
            let len = callers.values.get(name).map_or(0, VecDeque::len);
            if len > most.as_ref().map_or(than, |(len, _)| *len) {
                most = Some((len, name.clone()));
            }
        }
        let youngest = callers.values.get_mut(&most?.1)?.pop_back();
        self.len -= usize::from(youngest.is_some());
        self.forget_empty();
        youngest
    }

    /// Takes every request that `wanted` picks, in the order of the connections and callers.
    pub(super) fn take(&mut self, mut wanted: impl FnMut(&Waiting) -> bool) -> Vec<Waiting> {
        let mut taken = Vec::new();
        self.conns.each(|callers| {
            callers.each(|queue| {
                taken.extend(super::split(queue, &mut wanted));
                queue.is_empty()
            });
            callers.order.is_empty()
        });
        self.len -= taken.len();
        taken
    }

    /// Changes every request.
    pub(super) fn each_mut(&mut self, mut change: impl FnMut(&mut Waiting)) {
        for callers in self.conns.values.values_mut() {
            callers.values.values_mut().flatten().for_each(&mut change);
        }
    }

    fn forget_empty(&mut self) {
        self.conns.each(|callers| {
            callers.each(|queue| queue.is_empty());
            callers.order.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mux::table::Kind;
    use proptest::prelude::*;
    use std::time::Instant;

    fn waiting(conn: u64, caller: &str, id: usize) -> Waiting {
        Waiting {
            conn: ConnId(conn),
            caller: caller.into(),
            whose: crate::mux::whose::Whose::default(),
            seen: crate::mux::observe::Seen::of("thread/read", Instant::now()),
            id: id.to_string().into(),
            around: super::super::Around::default(),
            kind: Kind::Other,
            thread: None,
            deadline: Instant::now(),
            attempts: 0,
        }
    }

    fn ids(fair: &mut Fair) -> Vec<String> {
        std::iter::from_fn(|| fair.pop()).map(|w| String::from_utf8_lossy(&w.id).into_owned()).collect()
    }

    #[test]
    fn connections_and_the_callers_behind_them_are_served_in_turn() {
        let mut fair = Fair::default();
        for (id, (conn, caller)) in
            [(1, "a"), (1, "a"), (1, "a"), (1, "b"), (2, ""), (2, ""), (1, "b")].into_iter().enumerate()
        {
            fair.push(waiting(conn, caller, id));
        }
        assert_eq!(ids(&mut fair), ["0", "4", "3", "5", "1", "6", "2"]);
        assert_eq!(fair.len(), 0);
    }

    #[test]
    fn whoever_has_most_gives_up_its_youngest() {
        let mut fair = Fair::default();
        for id in 0..4 {
            fair.push(waiting(1, "many", id));
        }
        fair.push(waiting(1, "few", 9));
        let taken = |fair: &mut Fair, conn, caller| {
            let id = fair.take_from_longer(ConnId(conn), caller).map(|w| w.id)?;
            String::from_utf8(id.to_vec()).ok()
        };
        assert_eq!(taken(&mut fair, 1, "many"), None, "its own are the most");
        assert_eq!(taken(&mut fair, 1, "few").as_deref(), Some("3"));
        assert_eq!(taken(&mut fair, 1, "few").as_deref(), Some("2"));
        assert_eq!(taken(&mut fair, 1, "few"), None, "two are not more than one and the new one");
        assert_eq!(taken(&mut fair, 2, "").as_deref(), Some("1"), "another connection has nothing");
        assert_eq!(fair.len(), 2);
    }

    #[test]
    fn many_names_get_no_more_room() {
        let mut fair = Fair::default();
        for id in 0..4 {
            fair.push(waiting(1, &id.to_string(), id));
        }
        assert!(fair.take_from_longer(ConnId(1), "new").is_none());
        assert!(fair.take_from_longer(ConnId(2), "").is_some());
        fair.push(waiting(2, "", 8));
        assert!(fair.take_from_longer(ConnId(2), "").is_some(), "three against one");
        fair.push(waiting(2, "", 9));
        assert!(fair.take_from_longer(ConnId(2), "").is_none(), "two against two");
    }

    proptest! {
        /// Nothing is lost, a caller's requests stay in order, and no caller is overtaken twice by another one of
        /// its connection.
        #[test]
        fn is_fair(pushed in proptest::collection::vec((0u64..3, 0usize..3), 0..40), taken in 0usize..40) {
            let mut fair = Fair::default();
            for (id, (conn, caller)) in pushed.iter().enumerate() {
                fair.push(waiting(*conn, &caller.to_string(), id));
            }
            let gone: Vec<usize> = fair
                .take(|w| w.id == taken.to_string())
                .iter()
                .map(|w| String::from_utf8_lossy(&w.id).parse().unwrap())
                .collect();
            prop_assert_eq!(fair.len(), pushed.len() - gone.len());
            let order: Vec<usize> = ids(&mut fair).iter().map(|id| id.parse().unwrap()).collect();
            prop_assert_eq!(order.len() + gone.len(), pushed.len());
            for (at, id) in order.iter().enumerate() {
                let mine = pushed[*id];
                let later = order[at + 1..].iter().filter(|other| pushed[**other] == mine);
                prop_assert!(later.into_iter().all(|other| other > id), "a caller's own order");
                // Whoever still waits in another queue of the same connection comes before this one comes again.
                if let Some(next) = order[at + 1..].iter().position(|other| pushed[*other] == mine) {
                    let between = &order[at + 1..at + 1 + next];
                    for other in order[at + 1 + next..].iter().filter(|o| pushed[**o].0 == mine.0) {
                        let theirs = pushed[*other];
                        prop_assert!(
                            theirs == mine || between.iter().any(|b| pushed[*b] == theirs),
                            "{:?} waits while {:?} is served twice", theirs, mine
                        );
                    }
                }
            }
        }
    }
}
