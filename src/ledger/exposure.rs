//! A person's impressions under one scope: timestamps, live holds, and what caps say to them.
//!
//! Why timestamps and not counters: with the latest n times at hand every rolling window of
//! at most n impressions is judged exactly (field note product.md, F8), where a counter with
//! an expiry lets twice the cap through across its boundary.

use super::EXPOSURES_KEPT;
use crate::campaign::model::{CAP_IMPRESSIONS_MAX, Caps};
use crate::model::{BidId, Seconds, UnixSeconds};
use smallvec::SmallVec;

/// Fewest timestamps kept: fatigue looks back over so many impressions even without caps.
const STAMPS_MIN: usize = 10;

/// Why a cap refuses an impression.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CapRefusal {
    /// A rolling window is full.
    Window {
        /// Impressions allowed.
        allowed: u16,
        /// The window's length.
        per: Seconds,
        /// Impressions in the window.
        shown: u32,
        /// Bids in flight that may still become impressions.
        held: u32,
        /// When there will be room, if nothing else happens.
        frees_at: UnixSeconds,
    },
    /// Too soon after the last impression.
    Gap {
        /// The least time between two impressions.
        min_gap: Seconds,
        /// Bids in flight that may still become impressions.
        held: u32,
        /// When it will have passed.
        frees_at: UnixSeconds,
    },
}

/// The impressions of one person under one scope.
#[derive(Clone, Debug, Default)]
pub struct Exposures {
    /// The latest impressions, oldest first.
    stamps: SmallVec<[UnixSeconds; 4]>,
    /// How many timestamps the scope's caps need.
    stamps_wanted: u8,
    /// All impressions ever.
    shown: u32,
    /// The latest click on one.
    clicked: UnixSeconds,
    /// Until when a cap may ask for these.
    wanted_until: UnixSeconds,
    /// The longest window seen, for `wanted_until`.
    longest_window: Seconds,
    /// Bids in flight and when they end.
    holds: SmallVec<[(BidId, UnixSeconds); 1]>,
}

impl Exposures {
    /// Whether `caps` leave room for one more impression at `now`.
    ///
    /// # Errors
    /// The first cap that does not.
    pub fn check(&self, caps: &Caps, now: UnixSeconds) -> Result<(), CapRefusal> {
        let live = || self.holds.iter().filter(|(_, ends)| now < *ends);
        let held = live().count();
        let first_end = || live().map(|(_, ends)| *ends).min();
        if let Some(min_gap) = caps.min_gap {
            let after_last = self.stamps.last().map(|last| last.plus(min_gap));
            let frees_at = after_last.filter(|at| *at > now).max(first_end());
            if let Some(frees_at) = frees_at {
                return Err(CapRefusal::Gap { min_gap, held: held as u32, frees_at });
            }
        }
        for cap in &caps.windows {
            let allowed = usize::from(cap.impressions);
            let in_window = self.stamps.iter().rev().take_while(|at| at.plus(cap.per) > now);
            let shown = in_window.count();
            if shown + held < allowed {
                continue;
            }
            let leaving =
                self.stamps[self.stamps.len() - shown..].iter().map(|at| at.plus(cap.per));
            let ending = live().map(|(_, ends)| *ends);
            let must_go = shown + held + 1 - allowed;
            let frees_at = nth_earliest(leaving.chain(ending), must_go).unwrap_or(now);
            return Err(CapRefusal::Window {
                allowed: cap.impressions,
                per: cap.per,
                shown: shown as u32,
                held: held as u32,
                frees_at,
            });
        }
        Ok(())
    }

    /// Impressions since `since` and since the last click; at most as many as are kept.
    pub fn shown_since(&self, since: UnixSeconds) -> u32 {
        let since = since.max(self.clicked);
        self.stamps.iter().rev().take_while(|at| **at > since).count() as u32
    }

    /// All impressions ever.
    pub fn shown_total(&self) -> u32 {
        self.shown
    }

    /// Takes a slot for a bid until `ends`; slots that have ended make room.
    pub(super) fn hold(&mut self, (bid, ends): (BidId, UnixSeconds), now: UnixSeconds) {
        self.holds.retain(|(_, ends)| now < *ends);
        self.holds.push((bid, ends));
    }

    /// Learns what the scope's caps will ask for, so that enough is kept.
    pub(super) fn keep_for(&mut self, caps: &Caps) {
        for cap in &caps.windows {
            let wanted = cap.impressions.min(CAP_IMPRESSIONS_MAX) as u8;
            self.stamps_wanted = self.stamps_wanted.max(wanted);
            self.longest_window = self.longest_window.max(cap.per);
        }
    }

    /// Gives a bid's slot back, if it has one.
    pub(super) fn release(&mut self, bid: BidId) {
        self.holds.retain(|(held, _)| *held != bid);
    }

    /// Counts an impression at `now`.
    pub(super) fn expose(&mut self, now: UnixSeconds) {
        let kept = usize::from(self.stamps_wanted).max(STAMPS_MIN);
        // Notices may come out of order by a second: the list stays sorted.
        let at = self.stamps.iter().rposition(|old| *old <= now).map_or(0, |before| before + 1);
        self.stamps.insert(at, now);
        if self.stamps.len() > kept {
            self.stamps.remove(0);
        }
        self.shown = self.shown.saturating_add(1);
        let kept_for = EXPOSURES_KEPT.max(self.longest_window);
        self.wanted_until = self.wanted_until.max(now.plus(kept_for));
    }

    /// Counts a click at `now`.
    pub(super) fn click(&mut self, now: UnixSeconds) {
        self.clicked = self.clicked.max(now);
        self.wanted_until = self.wanted_until.max(now.plus(EXPOSURES_KEPT));
    }

    /// Whether nothing here matters any more.
    pub(super) fn is_stale(&self, now: UnixSeconds) -> bool {
        self.wanted_until <= now && self.holds.iter().all(|(_, ends)| *ends <= now)
    }
}

/// The `n`-th earliest of some moments, from 1.
fn nth_earliest(moments: impl Iterator<Item = UnixSeconds>, n: usize) -> Option<UnixSeconds> {
    let mut moments: SmallVec<[UnixSeconds; 16]> = moments.collect();
    moments.sort_unstable();
    moments.get(n.checked_sub(1)?).copied()
}
