//! Tables keyed by bid whose entries end at a known second.
//!
//! Guarantees: bounded; an entry is handed out exactly once, by removal or by its end,
//! whichever comes first. Ends are kept by the second beside the table, in shards, so that letting
//! time pass costs only what ended, and adding one writes behind the last of its second: a heap
//! would compare it with entries that are in no cache.

use super::hashing::Seeded;
use crate::model::{BidId, UnixSeconds};
use dashmap::{DashMap, Entry};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Calendars of ends: a few more than cores, so that bids rarely meet on one.
const CALENDARS: usize = 16;

/// Lists that are kept for seconds to come, so that a bid rarely allocates: of a minute's holds.
const SPARE_LISTS_MAX: usize = 64;

/// Which bids end in which second; no list is empty. Some have been removed before their end.
#[derive(Default)]
struct Calendar {
    seconds: BTreeMap<UnixSeconds, Vec<BidId>>,
    spare: Vec<Vec<BidId>>,
}

impl Calendar {
    fn add(&mut self, ends: UnixSeconds, bid: BidId) {
        let spare = &mut self.spare;
        self.seconds.entry(ends).or_insert_with(|| spare.pop().unwrap_or_default()).push(bid);
    }

    /// Takes out the bids that have ended by `now`.
    fn take_ended(&mut self, now: UnixSeconds, ended: &mut Vec<BidId>) {
        while let Some(first) = self.seconds.first_entry().filter(|first| *first.key() <= now) {
            let mut bids = first.remove();
            ended.append(&mut bids);
            self.put_by(bids);
        }
    }

    /// Takes out one of the bids that end soonest.
    fn soonest(&mut self) -> Option<BidId> {
        let mut first = self.seconds.first_entry()?;
        let bid = first.get_mut().pop();
        if first.get().is_empty() {
            let bids = first.remove();
            self.put_by(bids);
        }
        bid
    }

    fn put_by(&mut self, empty: Vec<BidId>) {
        if self.spare.len() < SPARE_LISTS_MAX {
            self.spare.push(empty);
        }
    }
}

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
    evicted: AtomicU64,
    ends: [Mutex<Calendar>; CALENDARS],
}

impl<T> ExpiringMap<T> {
    pub(super) fn new(count_max: usize, seed: Seeded) -> Self {
        Self {
            entries: DashMap::with_hasher(seed),
            count: AtomicUsize::new(0),
            count_max,
            evicted: AtomicU64::new(0),
            ends: std::array::from_fn(|_| Mutex::default()),
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
        self.ends[bid.0 as usize % CALENDARS].lock().add(ends, bid);
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

    /// Something of every entry, in no order.
    pub(super) fn map<R>(&self, mut of: impl FnMut(&T) -> R) -> Vec<R> {
        self.entries.iter().map(|entry| of(entry.value())).collect()
    }

    /// Takes out everything that has ended by `now`.
    pub(super) fn take_ended(&self, now: UnixSeconds) -> Vec<(BidId, T)> {
        let mut due = Vec::new();
        for calendar in &self.ends {
            calendar.lock().take_ended(now, &mut due);
        }
        // Locks on the table are taken one at a time and never under a calendar's lock.
        due.into_iter().filter_map(|bid| Some((bid, self.remove(bid)?))).collect()
    }
}

impl<T: Copy + Default> ExpiringMap<T> {
    pub(super) fn get(&self, bid: BidId) -> Option<T> {
        self.entries.get(&bid).map(|value| *value)
    }

    /// Changes the entry, made with its default on first use. Where the table is full, one that
    /// ends soonest makes room and is counted.
    pub(super) fn update<R>(
        &self,
        bid: BidId,
        ends: UnixSeconds,
        change: impl FnOnce(&mut T) -> R,
    ) -> R {
        let full = self.len() >= self.count_max;
        let mut fresh = false;
        let result = match self.entries.entry(bid) {
            Entry::Occupied(mut occupied) => change(occupied.get_mut()),
            Entry::Vacant(vacant) => {
                fresh = true;
                change(&mut vacant.insert(T::default()))
            }
        };
        if fresh {
            if full {
                self.evict_beside(bid);
            }
            self.note_end(bid, ends);
        }
        result
    }

    /// Takes out the entry that ends soonest of those in the calendar of `bid`, or else of another.
    fn evict_beside(&self, bid: BidId) {
        let first = bid.0 as usize % CALENDARS;
        for calendar in (0..CALENDARS).map(|n| &self.ends[(first + n) % CALENDARS]) {
            // An end whose entry is gone already makes no room.
            while let Some(oldest) = { calendar.lock().soonest() } {
                if self.remove(oldest).is_some() {
                    self.evicted.fetch_add(1, Ordering::Relaxed);
                    return;
                }
            }
        }
    }

    /// Entries that were taken out for want of room.
    pub(super) fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    /// All entries with the seconds at which they end, in that order. Ends are told by the
    /// calendars, so entries that were added while this runs may be missing.
    pub(super) fn all(&self) -> Vec<(UnixSeconds, BidId, T)> {
        let mut all = Vec::with_capacity(self.len());
        for calendar in &self.ends {
            let seconds = calendar.lock().seconds.clone();
            let ends = seconds.iter().flat_map(|(ends, bids)| bids.iter().map(|bid| (*ends, *bid)));
            all.extend(ends.filter_map(|(ends, bid)| Some((ends, bid, self.get(bid)?))));
        }
        all.sort_unstable_by_key(|(ends, bid, _)| (*ends, *bid));
        all
    }
}
