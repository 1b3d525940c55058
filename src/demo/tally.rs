//! What the exchange has counted, and what it found wrong.

use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Faults whose text is kept until somebody prints it; more are only counted.
const FAULTS_KEPT_MAX: usize = 20;

/// The exchange's counters. Shared between it and whoever prints them.
#[derive(Debug, Default)]
pub struct Tally {
    /// Requests sent.
    pub requests: AtomicU64,
    /// Requests answered with at least one bid.
    pub answered: AtomicU64,
    /// Bids received.
    pub bids: AtomicU64,
    /// Auctions that we won.
    pub won: AtomicU64,
    /// Notices that were fired.
    pub notices: AtomicU64,
    /// Requests that failed and answers that were wrong.
    pub faults: AtomicU64,
    told: Mutex<Vec<String>>,
}

impl Tally {
    /// Counts one more.
    pub fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
    }

    /// Reads a counter.
    pub fn read(counter: &AtomicU64) -> u64 {
        counter.load(Relaxed)
    }

    /// Notes a fault.
    pub fn fault(&self, told: String) {
        Self::count(&self.faults);
        let mut kept = self.told.lock();
        if kept.len() < FAULTS_KEPT_MAX {
            kept.push(told);
        }
    }

    /// The faults that were noted since the last call.
    pub fn take_faults(&self) -> Vec<String> {
        std::mem::take(&mut *self.told.lock())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_counted_and_few_are_kept() {
        let tally = Tally::default();
        for n in 0..100 {
            tally.fault(n.to_string());
        }
        assert_eq!(Tally::read(&tally.faults), 100);
        assert_eq!(tally.take_faults().len(), FAULTS_KEPT_MAX);
        assert!(tally.take_faults().is_empty());
    }
}
