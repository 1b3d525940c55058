//! Which events were folded already: the ids of the latest ones, in two generations.
//!
//! Guarantees: an event that comes again while at most `ids_max` others came in between is
//! known; never more than twice as many ids are kept. What is forgotten sooner would be
//! counted twice, which makes a count larger but brings nobody back who bought.

use crate::event::EventId;
use crate::model::hashing::Seeded;
use std::collections::HashSet;

/// The latest events.
#[derive(Debug)]
pub(super) struct Seen {
    ids_max: usize,
    young: HashSet<EventId, Seeded>,
    old: HashSet<EventId, Seeded>,
}

impl Seen {
    /// Remembers at least `ids_max` events.
    pub(super) fn new(ids_max: usize, seed: u64) -> Self {
        let empty = || HashSet::with_hasher(Seeded(seed));
        Self { ids_max: ids_max.max(1), young: empty(), old: empty() }
    }

    /// Whether `id` is met for the first time, as far as is remembered.
    pub(super) fn first(&mut self, id: EventId) -> bool {
        if self.young.contains(&id) || self.old.contains(&id) {
            return false;
        }
        if self.young.len() >= self.ids_max {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
        }
        self.young.insert(id)
    }

    /// The ids of both generations, each ascending: the younger ones first.
    pub(super) fn ids(&self) -> [Vec<EventId>; 2] {
        [&self.young, &self.old].map(|generation| {
            let mut ids: Vec<_> = generation.iter().copied().collect();
            ids.sort_unstable();
            ids
        })
    }

    /// Takes over what [`Self::ids`] gave.
    pub(super) fn restore(&mut self, [young, old]: [Vec<EventId>; 2]) {
        self.young.clear();
        self.old.clear();
        self.young.extend(young);
        self.old.extend(old);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doubled_event_is_known_within_the_window_and_memory_is_bounded() {
        let mut seen = Seen::new(100, 7);
        for n in 0..10_000_u128 {
            assert!(seen.first(EventId(n)), "{n} is new");
            for back in [0, 1, 50, 99] {
                if n >= back {
                    assert!(!seen.first(EventId(n - back)), "{} came {back} ago", n - back);
                }
            }
            assert!(seen.young.len() + seen.old.len() <= 200);
        }
        assert!(seen.first(EventId(0)), "long forgotten");
    }
}
