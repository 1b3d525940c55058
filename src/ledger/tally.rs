//! What has happened to a campaign: counters that only grow, and that anybody may read.

use crate::model::reason::ALL_REASONS;
use crate::model::{MoneyNanos, NoBidReason, Progress};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// A counter that only grows.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds to it.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// Reads it.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// An amount that only grows.
#[derive(Default)]
pub struct Spend(AtomicI64);

impl Spend {
    pub(super) fn add(&self, amount: MoneyNanos) {
        self.0.fetch_add(amount.0, Ordering::Relaxed);
    }

    /// Reads it.
    pub fn get(&self) -> MoneyNanos {
        MoneyNanos(self.0.load(Ordering::Relaxed))
    }
}

/// What has happened to a campaign. What this node has done is counted since its start; what
/// came of it is counted by the fold of the log, and so survives a restart.
pub struct Tally {
    /// Requests in which it bid, since the start.
    pub(super) bid_on: Counter,
    /// Bids sent, since the start.
    pub bids: Counter,
    /// Bids that would have been sent to people in the holdout, since the start.
    pub ghosts: Counter,
    /// Auctions won.
    pub wins: Counter,
    /// Auctions lost.
    pub losses: Counter,
    /// Billed impressions.
    pub impressions: Counter,
    /// Billed after their hold had ended.
    pub late: Counter,
    /// Bids that were both billed and lost; they count as both.
    pub contradictions: Counter,
    /// Ads seen.
    pub views: Counter,
    /// Clicks.
    pub clicks: Counter,
    /// Spots played so far, in the order of [`Progress::ALL`].
    pub progress: [Counter; Progress::ALL.len()],
    /// Spent, in the campaign's currency.
    pub spent: Spend,
    noes: [Counter; ALL_REASONS.len()],
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            bid_on: Counter::default(),
            bids: Counter::default(),
            ghosts: Counter::default(),
            wins: Counter::default(),
            losses: Counter::default(),
            impressions: Counter::default(),
            late: Counter::default(),
            contradictions: Counter::default(),
            views: Counter::default(),
            clicks: Counter::default(),
            progress: std::array::from_fn(|_| Counter::default()),
            spent: Spend::default(),
            noes: std::array::from_fn(|_| Counter::default()),
        }
    }
}

impl Tally {
    /// The counter of one reason for not bidding, since the start.
    pub fn no(&self, reason: NoBidReason) -> &Counter {
        &self.noes[reason.index()]
    }

    /// Requests for which it was considered, since the start: it bid, or there was a reason not to.
    pub fn considered(&self) -> u64 {
        self.bid_on.get() + self.noes.iter().map(Counter::get).sum::<u64>()
    }

    /// The reasons for not bidding, most frequent first.
    pub fn top_noes(&self) -> Vec<(NoBidReason, u64)> {
        let counted = ALL_REASONS.into_iter().map(|reason| (reason, self.no(reason).get()));
        let mut all: Vec<_> = counted.filter(|(_, count)| *count > 0).collect();
        all.sort_by_key(|(reason, count)| (std::cmp::Reverse(*count), *reason));
        all
    }

    /// The counters that the fold keeps, in the order of a checkpoint.
    pub(super) fn folded(&self) -> [&Counter; FOLDED_COUNTERS] {
        let [start, first, middle, third, end] = &self.progress;
        [
            &self.wins,
            &self.losses,
            &self.impressions,
            &self.late,
            &self.contradictions,
            &self.views,
            &self.clicks,
            start,
            first,
            middle,
            third,
            end,
        ]
    }
}

/// Counters that the fold keeps.
pub(super) const FOLDED_COUNTERS: usize = 7 + Progress::ALL.len();
