//! How much each shop and each client may send in a second.
//!
//! Guarantees: over any span of time nobody sends more than the rate allows in it, one
//! second's worth at once, and what one call is larger than that. Memory is bounded: where
//! more are met than are remembered, those met longest ago begin anew. Reads no clock.

use crate::model::hashing::Seeded;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::Duration;

const NS_PER_SECOND: u64 = 1_000_000_000;

/// For each one met: the moment at which all that it sent would have been worked off.
type Table = HashMap<u64, u64, Seeded>;

/// A rate for each of many.
#[derive(Debug)]
pub(super) struct Throttle {
    /// Nanoseconds that one takes; 0: as many as they like.
    interval_ns: u64,
    met_max: usize,
    /// The young generation and the old one.
    tables: Mutex<[Table; 2]>,
}

impl Throttle {
    /// So many a second for each (0: no limit), remembering `met_max` and twice that at times.
    pub(super) fn new(per_second: u32, met_max: usize, seed: u64) -> Self {
        let interval_ns = NS_PER_SECOND.checked_div(u64::from(per_second)).unwrap_or(0);
        let empty = || Table::with_hasher(Seeded(seed));
        Self { interval_ns, met_max: met_max.max(1), tables: Mutex::new([empty(), empty()]) }
    }

    /// Whether `who` may send `count` more; it is counted if so.
    pub(super) fn admits(&self, who: u64, count: usize, since_start: Duration) -> bool {
        if self.interval_ns == 0 {
            return true;
        }
        let now = u64::try_from(since_start.as_nanos()).unwrap_or(u64::MAX);
        let [young, old] = &mut *self.tables.lock();
        let worked_off = young.get(&who).or_else(|| old.get(&who)).copied().unwrap_or(0).max(now);
        let taken = self.interval_ns.saturating_mul(count as u64);
        // What is more than a second's worth in one call needs all of the second.
        let room = NS_PER_SECOND - taken.min(NS_PER_SECOND);
        if worked_off > now.saturating_add(room) {
            return false;
        }
        if young.len() >= self.met_max && !young.contains_key(&who) {
            std::mem::swap(young, old);
            young.clear();
        }
        young.insert(who, worked_off.saturating_add(taken));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_has_a_rate_of_its_own() {
        let throttle = Throttle::new(10, 100, 1);
        let at = Duration::from_secs(7);
        let admitted = |who, at| (0..50).filter(|_| throttle.admits(who, 1, at)).count();
        assert_eq!(admitted(1, at), 10, "a second's worth at once");
        assert_eq!(admitted(2, at), 10);
        assert_eq!(admitted(1, at + Duration::from_millis(99)), 0);
        assert_eq!(admitted(1, at + Duration::from_millis(200)), 2);
    }

    #[test]
    fn a_large_batch_passes_and_is_paid_for_afterwards() {
        let throttle = Throttle::new(10, 100, 1);
        let at = Duration::from_secs(7);
        assert!(throttle.admits(1, 50, at));
        assert!(!throttle.admits(1, 1, at + Duration::from_millis(4_050)));
        assert!(throttle.admits(1, 1, at + Duration::from_millis(4_100)));
        assert!(!throttle.admits(1, 50, at + Duration::from_millis(4_200)));
    }

    #[test]
    fn memory_is_bounded_and_no_limit_is_none() {
        let throttle = Throttle::new(1, 10, 1);
        (0..1_000).for_each(|who| assert!(throttle.admits(who, 1, Duration::ZERO)));
        let met: usize = throttle.tables.lock().iter().map(HashMap::len).sum();
        assert!(met <= 20, "{met}");
        assert!(!throttle.admits(999, 1, Duration::ZERO), "the latest are remembered");
        let free = Throttle::new(0, 10, 1);
        assert!((0..1_000).all(|_| free.admits(1, 500, Duration::ZERO)));
    }

    proptest! {
        #[test]
        fn no_span_has_more_than_its_rate(gaps in prop::collection::vec(0..300_u64, 1..200)) {
            let throttle = Throttle::new(10, 10, 1);
            let (mut at, mut admitted) = (Duration::ZERO, Vec::new());
            for gap in gaps {
                at += Duration::from_millis(gap);
                if throttle.admits(1, 1, at) {
                    admitted.push(at);
                }
            }
            for (n, from) in admitted.iter().enumerate() {
                for (count, to) in admitted[n..].iter().enumerate() {
                    let span = to.saturating_sub(*from).as_secs_f64();
                    prop_assert!((count + 1) as f64 <= 10.0 * span + 10.0 + 1e-6);
                }
            }
        }
    }
}
