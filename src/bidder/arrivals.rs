//! Notices that came and are not folded yet: while one of a second is, no hold that ended in it
//! may be given back.
//!
//! A billing that came in time must find its slot and its money, however long the log takes to
//! write it. So the ledger is told the time no later than the oldest arrival that is still on its
//! way. Guarantees: no lock and no allocation; a notice is counted out when its answer is there,
//! whether or not anybody waits for that.

use crate::model::{Seconds, UnixSeconds};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Seconds that are told apart: longer than the log may take (its answers end within a minute).
const SECONDS: usize = 1_024;

/// Notices on their way, by the second in which they came.
#[derive(Debug)]
pub(super) struct Arrivals(Arc<[AtomicU32]>);

/// A notice on its way. Dropped when it is folded, or known not to be.
#[derive(Debug)]
pub(super) struct Arrival {
    arrivals: Arc<[AtomicU32]>,
    at: UnixSeconds,
}

impl Default for Arrivals {
    fn default() -> Self {
        Self((0..SECONDS).map(|_| AtomicU32::new(0)).collect())
    }
}

impl Arrivals {
    /// A notice that comes now.
    pub(super) fn begin(&self, now: UnixSeconds) -> Arrival {
        let arrival = Arrival { arrivals: Arc::clone(&self.0), at: now };
        arrival.slot().fetch_add(1, Ordering::AcqRel);
        arrival
    }

    /// Up to when time may pass for holds: `now`, or when the oldest notice on its way came.
    pub(super) fn settled(&self, now: UnixSeconds) -> UnixSeconds {
        let ages = (0..SECONDS as u32).rev();
        let seconds = ages.map(|age| now.minus(Seconds(age)));
        let mut waiting = seconds.filter(|at| self.0[slot_of(*at)].load(Ordering::Acquire) > 0);
        waiting.next().unwrap_or(now)
    }
}

impl Arrival {
    fn slot(&self) -> &AtomicU32 {
        &self.arrivals[slot_of(self.at)]
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        self.slot().fetch_sub(1, Ordering::AcqRel);
    }
}

fn slot_of(at: UnixSeconds) -> usize {
    at.0 as usize % SECONDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_passes_up_to_the_oldest_notice_on_its_way() {
        let arrivals = Arrivals::default();
        let at = |second: u32| UnixSeconds(1_800_000_000 + second);
        assert_eq!(arrivals.settled(at(9)), at(9));
        let (first, second) = (arrivals.begin(at(3)), arrivals.begin(at(3)));
        let third = arrivals.begin(at(5));
        assert_eq!(arrivals.settled(at(9)), at(3));
        drop(first);
        assert_eq!(arrivals.settled(at(9)), at(3));
        drop(second);
        assert_eq!(arrivals.settled(at(9)), at(5));
        drop(third);
        assert_eq!(arrivals.settled(at(9)), at(9));
    }
}
