//! Which files of the trace buffer have to go. Pure: the time is an argument.
//!
//! Ages are of a clock that only goes forward. What a file's name says of its age counts once, when the file is first
//! seen; so a wall clock that jumps neither empties the folder nor keeps a file for ever.

use std::{borrow::Borrow, time::Duration};

/// A file that is not whole goes when it is so old: nothing writes for so long.
pub const LEFTOVER: Duration = Duration::from_secs(60);

/// Why a file goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It is too old.
    Ttl,
    /// There are too many, and it is one of the oldest.
    Count,
    /// Somebody began to write it and is gone.
    Leftover,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ttl, Self::Count, Self::Leftover];

    /// The word in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ttl => "ttl",
            Self::Count => "count",
            Self::Leftover => "leftover",
        }
    }
}

/// A file of the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its name; names sort as the requests began.
    pub name: String,
    /// Whether it is still being written.
    pub part: bool,
    /// When it was first seen.
    pub sighted: Duration,
    /// How old it was then; never less than nothing.
    pub age: Duration,
}

impl Seen {
    /// How old it is.
    pub fn age(&self, now: Duration) -> Duration {
        self.age.saturating_add(now.saturating_sub(self.sighted))
    }
}

/// The files that have to go, by their places in `seen`: what is as old as `ttl`, and the oldest of what is left over
/// `max`. Of two files the one that was seen first is older; of those seen together, the one whose name is smaller.
pub fn prune<S: Borrow<Seen>>(now: Duration, seen: &[S], max: usize, ttl: Duration) -> Vec<(usize, Reason)> {
    let mut gone = Vec::new();
    let mut left = Vec::new();
    for (at, file) in seen.iter().map(Borrow::borrow).enumerate() {
        match (file.part, file.age(now)) {
            (true, age) if age >= LEFTOVER => gone.push((at, Reason::Leftover)),
            (true, _) => {}
            (false, age) if age >= ttl => gone.push((at, Reason::Ttl)),
            (false, _) => left.push(at),
        }
    }
    let over = left.len().saturating_sub(max);
    if over > 0 {
        let order = |at: &usize| {
            let file: &Seen = seen[*at].borrow();
            (file.sighted, &file.name)
        };
        left.sort_by(|one, other| order(one).cmp(&order(other)));
    }
    gone.extend(left.into_iter().take(over).map(|at| (at, Reason::Count)));
    gone
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn file(name: &str, sighted: u32, age: u32) -> Seen {
        Seen { name: name.to_owned(), part: false, sighted: SECOND * sighted, age: SECOND * age }
    }

    #[test]
    fn the_old_go_and_then_the_oldest() {
        let seen = [
            file("d", 0, 0),
            file("b", 5, 99),
            file("c", 5, 0),
            file("a", 9, 0),
            Seen { part: true, ..file("p", 0, 0) },
        ];
        let gone = |now, max, ttl| prune(SECOND * now, &seen, max, SECOND * ttl);
        assert_eq!(gone(10, 9, 100), [(1, Reason::Ttl)]);
        assert_eq!(gone(10, 2, 200), [(0, Reason::Count), (1, Reason::Count)]);
        assert_eq!(gone(60, 9, 999), [(4, Reason::Leftover)]);
        assert_eq!(gone(10, 0, 999).len(), 4);
    }

    /// A second of uptime is a second of age, whatever the wall clock does.
    #[test]
    fn a_file_of_the_future_is_new() {
        let seen = [file("99991231T235959.999Z-req_x.json", 3, 0)];
        assert_eq!(prune(SECOND * 12, &seen, 9, SECOND * 10), []);
        assert_eq!(prune(SECOND * 13, &seen, 9, SECOND * 10), [(0, Reason::Ttl)]);
    }

    prop_compose! {
        fn files()(list in proptest::collection::vec((0..50_u32, 0..200_u32, any::<bool>()), 0..60)) -> Vec<Seen> {
            let of = |(at, (sighted, age, part)): (usize, (u32, u32, bool))| Seen { part, ..file(&format!("{at:03}"), sighted, age) };
            list.into_iter().enumerate().map(of).collect()
        }
    }

    proptest! {
        #[test]
        fn never_too_many_never_too_young_and_the_oldest_first(
            seen in files(), now in 50..300_u32, max in 0..40_usize, ttl in 1..300_u32,
        ) {
            let (now, ttl) = (SECOND * now, SECOND * ttl);
            let gone = prune(now, &seen, max, ttl);
            let is_gone = |at: &usize| gone.iter().any(|(gone, _)| gone == at);
            let left: Vec<&Seen> = (0..seen.len()).filter(|at| !is_gone(at)).map(|at| &seen[at]).collect();
            let whole: Vec<&&Seen> = left.iter().filter(|file| !file.part).collect();
            prop_assert!(whole.len() <= max);
            let bound = |file: &Seen| if file.part { LEFTOVER } else { ttl };
            prop_assert!(left.iter().all(|file| file.age(now) < bound(file)));
            for (at, reason) in &gone {
                let file = &seen[*at];
                match reason {
                    Reason::Ttl => prop_assert!(!file.part && file.age(now) >= ttl),
                    Reason::Leftover => prop_assert!(file.part && file.age(now) >= LEFTOVER),
                    Reason::Count => {
                        prop_assert_eq!(whole.len(), max, "only while there are too many");
                        prop_assert!(whole.iter().all(|kept| (file.sighted, &file.name) < (kept.sighted, &kept.name)));
                    }
                }
            }
            let mut places: Vec<usize> = gone.iter().map(|(at, _)| *at).collect();
            places.sort_unstable();
            places.dedup();
            prop_assert_eq!(places.len(), gone.len(), "each goes once");
        }

        /// Pruning again changes nothing.
        #[test]
        fn once_is_enough(seen in files(), max in 0..40_usize, ttl in 1..300_u32) {
            let (now, ttl) = (SECOND * 60, SECOND * ttl);
            let gone = prune(now, &seen, max, ttl);
            let left: Vec<Seen> =
                seen.iter().enumerate().filter(|(at, _)| !gone.iter().any(|(g, _)| g == at)).map(|(_, f)| f.clone()).collect();
            prop_assert_eq!(prune(now, &left, max, ttl), []);
        }
    }
}
