//! Events that have no other name than their own, remembered so that each counts once: as long as
//! the log may bring them again.

use super::Noted;
use crate::event::{Event, EventId};
use crate::ledger::DISORDER_MAX;
use crate::model::UnixSeconds;
use std::collections::{BTreeSet, HashSet};

/// Events remembered, each about 100 bytes: two days of five a second.
const SEEN_MAX: usize = 1_000_000;

/// The events seen of late.
#[derive(Default)]
pub(in crate::ledger) struct SeenEvents {
    ids: HashSet<EventId>,
    by_time: BTreeSet<(UnixSeconds, EventId)>,
}

impl SeenEvents {
    /// Notes an event: whether it counts.
    pub(super) fn note(&mut self, event: &Event, log_time: UnixSeconds) -> Noted {
        if event.at.plus(DISORDER_MAX) < log_time {
            return Noted::Expired;
        }
        if !self.insert(event.at, event.id) {
            return Noted::Duplicate;
        }
        Noted::Counted
    }

    /// Remembers an event; whether it was not known. At the bound the oldest is forgotten.
    pub(in crate::ledger) fn insert(&mut self, at: UnixSeconds, id: EventId) -> bool {
        if !self.ids.insert(id) {
            return false;
        }
        self.by_time.insert((at, id));
        if self.by_time.len() > SEEN_MAX
            && let Some((_, id)) = self.by_time.pop_first()
        {
            self.ids.remove(&id);
        }
        true
    }

    pub(super) fn pass(&mut self, log_time: UnixSeconds) {
        let kept_from = log_time.minus(DISORDER_MAX);
        while let Some((at, id)) = self.by_time.first().copied().filter(|(at, _)| *at < kept_from) {
            self.by_time.remove(&(at, id));
            self.ids.remove(&id);
        }
    }

    /// All of them, the oldest first.
    pub(in crate::ledger) fn iter(&self) -> impl ExactSizeIterator<Item = &(UnixSeconds, EventId)> {
        self.by_time.iter()
    }
}
