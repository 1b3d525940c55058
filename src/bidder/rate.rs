//! How many requests a second of one exchange are looked at.
//!
//! Guarantees: lock-free, one atomic an exchange; over any span of time no more is let in than
//! the rate allows in it, and one burst. Reads no clock: the moment is an argument.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How much of the rate may come at once: exchanges send in bursts, and what comes within a
/// tenth of a second is no more work than the same spread over it.
const BURST: Duration = Duration::from_millis(100);
/// Moments are kept in sixteenths of a nanosecond: fine enough for the largest rate to be kept
/// to within a thousandth, and a counter of them lasts for 36 years.
const UNITS_PER_NS: u64 = 16;
const NS_PER_SECOND: u64 = 1_000_000_000;

/// A rate with a memory: the moment at which everything let in so far would have been worked
/// off at exactly the rate.
#[derive(Debug)]
pub(super) struct RateLimit {
    worked_off: AtomicU64,
    interval: u64,
    burst: u64,
}

impl RateLimit {
    /// A rate of so many requests a second.
    pub(super) fn new(per_second_max: u32) -> Self {
        let interval = (NS_PER_SECOND * UNITS_PER_NS).div_ceil(u64::from(per_second_max.max(1)));
        let burst =
            u64::try_from(BURST.as_nanos()).unwrap_or(u64::MAX).saturating_mul(UNITS_PER_NS);
        // A rate so low that a burst has room for none still lets one in at a time.
        Self { worked_off: AtomicU64::new(0), interval, burst: burst.max(interval) }
    }

    /// Whether a request that comes `since_start` may be looked at; it is counted if so.
    pub(super) fn admits(&self, since_start: Duration) -> bool {
        let now = u64::try_from(since_start.as_nanos()).unwrap_or(u64::MAX);
        let now = now.saturating_mul(UNITS_PER_NS);
        let latest = now.saturating_add(self.burst);
        let next = |worked_off: u64| {
            let next = worked_off.max(now).saturating_add(self.interval);
            (next <= latest).then_some(next)
        };
        self.worked_off.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_burst_is_let_in_and_then_the_rate() {
        let limit = RateLimit::new(100);
        let at = Duration::from_secs(7);
        let admitted = |at: Duration| (0..50).filter(|_| limit.admits(at)).count();
        assert_eq!(admitted(at), 10, "a tenth of a second's worth at once");
        assert_eq!(admitted(at + Duration::from_millis(9)), 0);
        assert_eq!(admitted(at + Duration::from_millis(10)), 1);
        assert_eq!(admitted(at + Duration::from_secs(5)), 10, "quiet does not add up");
    }

    #[test]
    fn the_lowest_rate_lets_one_in_a_second() {
        let limit = RateLimit::new(1);
        let half_seconds = (0..10_u64).map(|half| Duration::from_millis(500 * half));
        assert_eq!(half_seconds.filter(|at| limit.admits(*at)).count(), 5);
    }

    #[test]
    fn a_rate_is_kept_under_concurrency() {
        let limit = RateLimit::new(10_000);
        let admitted: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    let microseconds = (0..1_000_000_u64).step_by(50);
                    let admits = |us: &u64| limit.admits(Duration::from_micros(*us));
                    scope.spawn(move || microseconds.filter(admits).count())
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
        });
        assert!((10_000..=11_001).contains(&admitted), "{admitted} in a second");
    }

    proptest! {
        /// Neither more than the rate and a burst in any span, nor less than was asked for
        /// where that is below the rate.
        #[test]
        fn no_span_sees_more_than_the_rate_and_a_burst(
            rate in 1_u32..50_000,
            gaps_us in proptest::collection::vec(0_u64..3_000, 1..200),
        ) {
            let limit = RateLimit::new(rate);
            let mut now = Duration::from_secs(1);
            let mut admitted = Vec::new();
            for gap in gaps_us {
                now += Duration::from_micros(gap);
                if limit.admits(now) {
                    admitted.push(now);
                }
            }
            prop_assert!(!admitted.is_empty(), "the first is always let in");
            let rate = f64::from(rate);
            let burst = (rate * BURST.as_secs_f64()).max(1.0);
            for (first, from) in admitted.iter().enumerate() {
                for (last, to) in admitted.iter().enumerate().skip(first) {
                    let span = to.saturating_sub(*from).as_secs_f64();
                    let most = rate.mul_add(span, burst) + 1e-6;
                    prop_assert!((last - first + 1) as f64 <= most, "{span} s");
                }
            }
        }
    }
}
