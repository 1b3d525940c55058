//! Tables keyed by bid whose entries end at a known second.
//!
//! Guarantees: bounded; an entry is handed out exactly once, by removal or by its end,
//! whichever comes first. Ends are kept in sharded heaps beside the table, so that letting
//! time pass costs only what ended.

use super::hashing::Seeded;
use crate::model::{BidId, UnixSeconds};
use dashmap::{DashMap, Entry};
use parking_lot::Mutex;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Heaps of ends: a few more than cores, so that bids rarely meet on one.
const HEAPS: usize = 16;

type Ends = BinaryHeap<Reverse<(UnixSeconds, BidId)>>;

/// Why an entry was not taken in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Refusal {
    Full,
    Doubled,
}

/// A bounded table of entries that end.
pub(super) struct ExpiringMap<T> {
    entries: DashMap<BidId, T, Seeded>,
    count: AtomicUsize,
    count_max: usize,
    ends: [Mutex<Ends>; HEAPS],
}

impl<T> ExpiringMap<T> {
    pub(super) fn new(count_max: usize, seed: Seeded) -> Self {
        Self {
            entries: DashMap::with_hasher(seed),
            count: AtomicUsize::new(0),
            count_max,
            ends: std::array::from_fn(|_| Mutex::new(Ends::new())),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Adds an entry that ends at `ends`.
    pub(super) fn insert(&self, bid: BidId, value: T, ends: UnixSeconds) -> Result<(), Refusal> {
        if self.len() >= self.count_max {
            return Err(Refusal::Full);
        }
        match self.entries.entry(bid) {
            Entry::Occupied(_) => return Err(Refusal::Doubled),
            Entry::Vacant(vacant) => drop(vacant.insert(value)),
        }
        self.note_end(bid, ends);
        Ok(())
    }

    fn note_end(&self, bid: BidId, ends: UnixSeconds) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.ends[bid.0 as usize % HEAPS].lock().push(Reverse((ends, bid)));
    }

    /// Changes an entry, if it is still there. Its end stays.
    pub(super) fn change<R>(&self, bid: BidId, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.entries.get_mut(&bid).map(|mut value| change(&mut value))
    }

    /// Takes an entry out, if it is still there.
    pub(super) fn remove(&self, bid: BidId) -> Option<T> {
        let (_, value) = self.entries.remove(&bid)?;
        self.count.fetch_sub(1, Ordering::Relaxed);
        Some(value)
    }

    /// Takes out everything that has ended by `now`.
    pub(super) fn take_ended(&self, now: UnixSeconds) -> Vec<(BidId, T)> {
        let mut due = Vec::new();
        for heap in &self.ends {
            let mut heap = heap.lock();
            while heap.peek().is_some_and(|Reverse((ends, _))| *ends <= now) {
                due.extend(heap.pop().map(|Reverse((_, bid))| bid));
            }
        }
        // Locks on the table are taken one at a time and never under a heap's lock.
        due.into_iter().filter_map(|bid| Some((bid, self.remove(bid)?))).collect()
    }
}

impl<T: Copy + Default> ExpiringMap<T> {
    pub(super) fn get(&self, bid: BidId) -> Option<T> {
        self.entries.get(&bid).map(|value| *value)
    }

    /// Changes the entry, made with its default on first use; `None` when the table is full.
    pub(super) fn update<R>(
        &self,
        bid: BidId,
        ends: UnixSeconds,
        change: impl FnOnce(&mut T) -> R,
    ) -> Option<R> {
        let full = self.len() >= self.count_max;
        let mut fresh = false;
        let result = match self.entries.entry(bid) {
            Entry::Occupied(mut occupied) => change(occupied.get_mut()),
            Entry::Vacant(_) if full => return None,
            Entry::Vacant(vacant) => {
                fresh = true;
                change(&mut vacant.insert(T::default()))
            }
        };
        if fresh {
            self.note_end(bid, ends);
        }
        Some(result)
    }
}
