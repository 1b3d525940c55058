//! Histograms with fixed buckets and one column of atomics a worker.
//!
//! The exporter's own histograms keep every sample until the next scrape (memory grows with
//! load) and cost ten times as much to record. Here a record is three relaxed additions in
//! memory that no other worker writes, and the columns are added up when someone scrapes.
//! Must not be shared between workers by the same column number: it would count right, but slowly.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Most bucket bounds of one histogram: keeps a column within three cache lines.
pub const BOUNDS_MAX: usize = 16;

/// What a histogram measures.
#[derive(Clone, Copy, Debug)]
pub struct HistogramShape {
    /// The metric's name, without `_bucket`, `_sum`, `_count`.
    pub name: &'static str,
    /// What is measured, in one sentence.
    pub help: &'static str,
    /// Upper bounds of the buckets in the recorded unit, rising; at most [`BOUNDS_MAX`].
    pub bounds: &'static [u64],
    /// How many recorded units make one shown unit: 10^9 shows nanoseconds as seconds.
    pub scale: u64,
}

/// One worker's share, aligned so that two workers never write the same cache line.
#[repr(align(128))]
#[derive(Default, Debug)]
struct Column {
    buckets: [AtomicU64; BOUNDS_MAX + 1],
    sum: AtomicU64,
}

/// A histogram; clones share their counts.
#[derive(Clone, Debug)]
pub struct Histogram {
    shape: HistogramShape,
    columns: Arc<[Column]>,
}

impl Histogram {
    /// An empty histogram for `workers` recording threads (at least one).
    pub fn new(shape: HistogramShape, workers: usize) -> Self {
        debug_assert!(shape.bounds.len() <= BOUNDS_MAX && shape.bounds.is_sorted());
        let columns = (0..workers.max(1)).map(|_| Column::default()).collect();
        Self { shape, columns }
    }

    /// Counts one value, in the recorded unit. A worker beyond those announced shares a column.
    pub fn record(&self, worker: usize, value: u64) {
        let column = &self.columns[worker % self.columns.len()];
        let place = self.shape.bounds.iter().take(BOUNDS_MAX).take_while(|b| value > **b).count();
        column.buckets[place].fetch_add(1, Relaxed);
        column.sum.fetch_add(value, Relaxed);
    }

    /// The bound, in the recorded unit, that at least `per_mille` of a thousand values keep
    /// to; `None` where nothing was counted yet or the values lie beyond the last bound.
    pub fn at_most(&self, per_mille: u64) -> Option<u64> {
        let cells = 0..=self.shape.bounds.len().min(BOUNDS_MAX);
        let counts: Vec<u64> =
            cells.map(|place| self.total(|column| &column.buckets[place])).collect();
        let all: u64 = counts.iter().sum();
        let mut seen = 0;
        let place = counts.iter().position(|count| {
            seen += count;
            seen > 0 && seen * 1_000 >= all * per_mille
        })?;
        self.shape.bounds.get(place).copied()
    }

    /// Appends the histogram in Prometheus' text format.
    pub fn render(&self, out: &mut String) {
        // Writing into a String cannot fail, hence no error is looked at.
        let HistogramShape { name, help, bounds, scale } = self.shape;
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} histogram");
        let mut count = 0;
        for (place, bound) in bounds.iter().take(BOUNDS_MAX).enumerate() {
            count += self.total(|column| &column.buckets[place]);
            let shown = *bound as f64 / scale as f64;
            let _ = writeln!(out, "{name}_bucket{{le=\"{shown}\"}} {count}");
        }
        count += self.total(|column| &column.buckets[bounds.len().min(BOUNDS_MAX)]);
        let sum = self.total(|column| &column.sum) as f64 / scale as f64;
        let _ = writeln!(out, "{name}_bucket{{le=\"+Inf\"}} {count}");
        let _ = writeln!(out, "{name}_sum {sum}\n{name}_count {count}\n");
    }

    /// One cell, added up over the workers.
    fn total(&self, cell: impl Fn(&Column) -> &AtomicU64) -> u64 {
        self.columns.iter().map(|column| cell(column).load(Relaxed)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: HistogramShape =
        HistogramShape { name: "h", help: "Test.", bounds: &[10, 100, 1_000], scale: 10 };

    #[test]
    fn a_share_of_the_values_keeps_to_a_bound() {
        let histogram = Histogram::new(SHAPE, 2);
        assert_eq!(histogram.at_most(500), None, "nothing was counted");
        for (worker, value) in [(0, 5), (0, 50), (1, 500), (1, 5_000)] {
            histogram.record(worker, value);
        }
        let bounds = [250, 500, 501, 750].map(|share| histogram.at_most(share));
        assert_eq!(bounds, [Some(10), Some(100), Some(1_000), Some(1_000)]);
        assert_eq!(histogram.at_most(990), None, "beyond the last bound");
    }

    #[test]
    fn values_fall_into_the_first_bucket_that_holds_them() {
        let histogram = Histogram::new(SHAPE, 2);
        for (worker, value) in [(0, 0), (0, 10), (1, 11), (1, 1_000), (7, 1_001)] {
            histogram.record(worker, value);
        }
        let mut text = String::new();
        histogram.render(&mut text);
        for line in [
            "h_bucket{le=\"1\"} 2",
            "h_bucket{le=\"10\"} 3",
            "h_bucket{le=\"100\"} 4",
            "h_bucket{le=\"+Inf\"} 5",
            "h_sum 202.2",
            "h_count 5",
            "# TYPE h histogram",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }
}
