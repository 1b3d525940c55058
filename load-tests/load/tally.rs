//! What came back, counted: statuses, failures, and latencies in a histogram.
//!
//! Guarantees: fixed memory however long a run is; a latency is known to 1/32 of its value.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// Steps of each power of two.
const STEPS: u64 = 32;
const STEP_BITS: u32 = STEPS.trailing_zeros();
/// Powers of two above the first steps: up to nine minutes.
const POWERS: usize = 34;

/// Latencies.
#[derive(Clone, Debug)]
pub(crate) struct Latencies {
    counts: Vec<u64>,
    count: u64,
    max_ns: u64,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { counts: vec![0; STEPS as usize * (POWERS + 1)], count: 0, max_ns: 0 }
    }
}

impl Latencies {
    /// Counts one.
    pub(crate) fn add(&mut self, latency: Duration) {
        let ns = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        let place = place(ns).min(self.counts.len() - 1);
        self.counts[place] += 1;
        self.count += 1;
        self.max_ns = self.max_ns.max(ns);
    }

    /// The latency that `share` of all keep to, in microseconds; zero where there are none.
    pub(crate) fn at_most_us(&self, share: f64) -> f64 {
        let wanted = (self.count as f64 * share).ceil() as u64;
        let mut seen = 0;
        let found = self.counts.iter().position(|count| {
            seen += count;
            seen > 0 && seen >= wanted
        });
        found.map_or(0.0, |place| end_ns(place).min(self.max_ns) as f64 / 1e3)
    }

    /// The longest, in microseconds.
    pub(crate) fn max_us(&self) -> f64 {
        self.max_ns as f64 / 1e3
    }

    fn merge(&mut self, other: &Self) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(own, more)| *own += more);
        self.count += other.count;
        self.max_ns = self.max_ns.max(other.max_ns);
    }
}

fn place(ns: u64) -> usize {
    let power = (64 - ns.leading_zeros()).saturating_sub(STEP_BITS + 1);
    (u64::from(power) * STEPS + (ns >> power)) as usize
}

/// The largest latency that is counted at a place, in nanoseconds.
fn end_ns(place: usize) -> u64 {
    let place = place as u64;
    let power = (place / STEPS).saturating_sub(1);
    let step = place - power * STEPS;
    ((step + 1) << power) - 1
}

/// What came of a run.
#[derive(Clone, Default, Debug)]
pub(crate) struct Tally {
    /// How often each status came.
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// From when a request was due (open model) or sent (closed loop) to the end of its answer.
    pub(crate) latencies: Latencies,
    /// Bytes of all answers' bodies.
    pub(crate) answer_bytes: u64,
    /// Requests that were due and never sent, as they would have been too late.
    pub(crate) dropped: u64,
    /// Requests without an answer in time.
    pub(crate) timeouts: u64,
    /// Connections that broke under a request, or could not be made anew.
    pub(crate) resets: u64,
    /// How long it took.
    pub(crate) taken: Duration,
}

impl Tally {
    /// Requests that were answered, whatever the answer.
    pub(crate) fn answered(&self) -> u64 {
        self.statuses.values().sum()
    }

    /// Answers with a status of 400 and above, timeouts and resets.
    pub(crate) fn failed(&self) -> u64 {
        let refused: u64 = self.statuses.range(400..).map(|(_, count)| count).sum();
        refused + self.timeouts + self.resets
    }

    /// Answers a second.
    pub(crate) fn rate(&self) -> f64 {
        self.answered() as f64 / self.taken.as_secs_f64().max(1e-9)
    }

    /// The share of answers with a status.
    pub(crate) fn share(&self, status: u16) -> f64 {
        let count = self.statuses.get(&status).copied().unwrap_or_default();
        count as f64 / (self.answered() as f64).max(1.0)
    }

    /// Adds what another thread counted in the same time.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
        self.latencies.merge(&other.latencies);
        self.answer_bytes += other.answer_bytes;
        self.dropped += other.dropped;
        self.timeouts += other.timeouts;
        self.resets += other.resets;
        self.taken = self.taken.max(other.taken);
    }

    /// For people: one fact a line.
    pub(crate) fn text(&self) -> String {
        let bid = self.share(200) * 100.0;
        let none = self.share(204) * 100.0;
        let us = |share| self.latencies.at_most_us(share);
        format!(
            "answered   {} in {:.2} s, {:.0}/s; dropped {}, timeouts {}, resets {}\n\
             statuses   {:?}: 204 {none:.1} %, 200 {bid:.1} %, failed {}\n\
             latency    p50 {:.0} us, p99 {:.0} us, p99.9 {:.0} us, max {:.0} us\n",
            self.answered(),
            self.taken.as_secs_f64(),
            self.rate(),
            self.dropped,
            self.timeouts,
            self.resets,
            self.statuses,
            self.failed(),
            us(0.5),
            us(0.99),
            us(0.999),
            self.latencies.max_us(),
        )
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let statuses: serde_json::Map<_, _> = self
            .statuses
            .iter()
            .map(|(status, count)| (status.to_string(), json!(count)))
            .collect();
        json!({
            "answered": self.answered(),
            "seconds": self.taken.as_secs_f64(),
            "rate": self.rate(),
            "statuses": statuses,
            "failed": self.failed(),
            "dropped": self.dropped,
            "timeouts": self.timeouts,
            "resets": self.resets,
            "answer_bytes": self.answer_bytes,
            "latency_us": {
                "p50": self.latencies.at_most_us(0.5),
                "p99": self.latencies.at_most_us(0.99),
                "p99.9": self.latencies.at_most_us(0.999),
                "max": self.latencies.max_us(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_latency_is_counted_within_a_step() {
        for ns in (0..5_000).chain((0..40).map(|power| (1_u64 << power) + 7)) {
            let end = end_ns(place(ns));
            assert!(end >= ns && end - ns <= ns / STEPS + 1, "{ns} is counted up to {end}");
            assert_eq!(place(end), place(ns));
            assert_eq!(place(end + 1), place(ns) + 1);
        }
    }

    #[test]
    fn shares_of_even_latencies_are_where_they_belong() {
        let mut all = Tally::default();
        for ms in 1..=1_000 {
            let mut one = Tally::default();
            one.latencies.add(Duration::from_millis(ms));
            all.merge(&one);
        }
        for (share, ms) in [(0.5, 500.0), (0.99, 990.0), (1.0, 1_000.0)] {
            let found = all.latencies.at_most_us(share) / 1e3;
            assert!((found / ms - 1.0).abs() < 0.04, "{found} ms at {share}");
        }
        assert!((all.latencies.max_us() - 1e6).abs() < 1.0);
    }
}
