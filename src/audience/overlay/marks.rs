//! Keys with a moment: who opted out, and who was erased.
//!
//! Guarantees: bounded; where the bound is reached the one that was marked longest ago goes.
//! Asking takes one short lock, and nothing at all while nobody is marked, which is the rule.

use crate::model::hashing::Seeded;
use crate::model::{UnixSeconds, UserKey};
use dashmap::DashMap;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Marked keys.
#[derive(Debug)]
pub(super) struct Marks {
    since: DashMap<UserKey, UnixSeconds, Seeded>,
    order: Mutex<BTreeSet<(UnixSeconds, UserKey)>>,
    count: AtomicUsize,
    keys_max: usize,
}

impl Marks {
    /// No key is marked.
    pub(super) fn new(keys_max: usize, seed: u64) -> Self {
        Self {
            since: DashMap::with_hasher(Seeded(seed)),
            order: Mutex::default(),
            count: AtomicUsize::new(0),
            keys_max: keys_max.max(1),
        }
    }

    /// Since when `key` is marked, if it is.
    pub(super) fn since(&self, key: UserKey) -> Option<UnixSeconds> {
        if self.len() == 0 {
            return None;
        }
        self.since.get(&key).map(|since| *since)
    }

    /// Marks `key`; a later mark stands. Whether another key's mark went for it.
    pub(super) fn set(&self, key: UserKey, at: UnixSeconds) -> bool {
        let mut order = self.order.lock();
        let before = self.since.get(&key).map(|since| *since);
        let at = before.map_or(at, |before| before.max(at));
        if let Some(before) = before {
            order.remove(&(before, key));
        }
        order.insert((at, key));
        self.since.insert(key, at);
        let full = order.len() > self.keys_max;
        if full && let Some((_, oldest)) = order.pop_first() {
            self.since.remove(&oldest);
        }
        self.count.store(order.len(), Ordering::Release);
        full
    }

    /// Forgets the marks through `moment`.
    pub(super) fn forget_until(&self, moment: UnixSeconds) {
        let mut order = self.order.lock();
        while let Some((at, key)) = order.first().copied().filter(|(at, _)| *at <= moment) {
            order.remove(&(at, key));
            self.since.remove(&key);
        }
        self.count.store(order.len(), Ordering::Release);
    }

    /// How many keys are marked.
    pub(super) fn len(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Every mark, the oldest first.
    pub(super) fn all(&self) -> Vec<(UnixSeconds, UserKey)> {
        self.order.lock().iter().copied().collect()
    }
}
