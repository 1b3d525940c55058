//! Report counters: what happened, by hour, campaign, creative and exchange.
//!
//! - [`sums`] what is counted, and the fractions made of it
//! - [`query`] rows summed up as somebody asks for them
//!
//! Hours are kept for [`HOURS_KEPT`], then their UTC day is one row, for [`DAYS_KEPT`].
//!
//! Guarantees: the same events in any order give the same rows, in the same order; what was
//! counted wrongly (a conversion that a click that came late turns out to have earned) is taken
//! back exactly; bounded: beyond [`ROWS_MAX`] campaigns of an hour are not told apart any more,
//! but nothing goes uncounted.

pub mod query;
pub mod sums;

pub use query::{GroupBy, Query, Row, TimeSpan};
pub use sums::{Fraction, Sums};

use crate::model::{CampaignKey, CreativeKey, ExchangeKey, Seconds, UnixSeconds};
use std::collections::BTreeMap;

/// How long hours are told apart: two weeks, in which counts are compared with those of an
/// exchange.
pub const HOURS_KEPT: Seconds = Seconds(14 * Seconds::DAY.0);
/// How long days are kept: a year, and the month to compare with it.
pub const DAYS_KEPT: Seconds = Seconds(400 * Seconds::DAY.0);
/// Most rows; a row is about 250 bytes.
pub const ROWS_MAX: usize = 1_000_000;

/// What is counted together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Line {
    /// The campaign; 0 where the bound on rows was reached.
    pub campaign: CampaignKey,
    /// The creative; 0 for what is counted before one is chosen.
    pub creative: CreativeKey,
    /// The exchange.
    pub exchange: ExchangeKey,
}

/// The rows of one length of time, by their first second.
pub(super) type Rows = BTreeMap<(UnixSeconds, Line), Sums>;

/// All rows.
#[derive(Default)]
pub(super) struct Report {
    pub(super) hours: Rows,
    pub(super) days: Rows,
    /// Hours before this second have become days: a midnight.
    pub(super) hours_from: UnixSeconds,
    rows_max: usize,
}

impl Report {
    pub(super) fn new(rows_max: usize) -> Self {
        Self { rows_max, ..Self::default() }
    }

    /// Counts something that happened at `at`.
    pub(super) fn count(&mut self, at: UnixSeconds, line: Line, count: impl FnOnce(&mut Sums)) {
        let full = self.hours.len() + self.days.len() >= self.rows_max;
        let Some((rows, start)) = self.rows_of(at) else { return };
        let told_apart = !full || rows.contains_key(&(start, line));
        let key = (start, if told_apart { line } else { Line::default() });
        let sums = rows.entry(key).or_default();
        count(sums);
        if *sums == Sums::default() {
            rows.remove(&key);
        }
    }

    /// Whose row it is, and when that begins; `None` for what is older than any that is kept.
    fn rows_of(&mut self, at: UnixSeconds) -> Option<(&mut Rows, UnixSeconds)> {
        if at >= self.hours_from {
            return Some((&mut self.hours, start_of(at, Seconds::HOUR)));
        }
        let day = start_of(at, Seconds::DAY);
        (day >= self.days_from()).then_some((&mut self.days, day))
    }

    fn days_from(&self) -> UnixSeconds {
        self.hours_from.plus(HOURS_KEPT).minus(DAYS_KEPT)
    }

    /// Lets the time of the log pass: old hours become days, old days are forgotten.
    pub(super) fn pass(&mut self, log_time: UnixSeconds) {
        let from = start_of(log_time.minus(HOURS_KEPT), Seconds::DAY);
        if from <= self.hours_from {
            return;
        }
        self.hours_from = from;
        let first = (from, Line::default());
        let newer = self.hours.split_off(&first);
        for ((start, line), sums) in std::mem::replace(&mut self.hours, newer) {
            self.days.entry((start_of(start, Seconds::DAY), line)).or_default().add(&sums);
        }
        self.days = self.days.split_off(&(self.days_from(), Line::default()));
    }
}

fn start_of(at: UnixSeconds, length: Seconds) -> UnixSeconds {
    UnixSeconds(at.0 - at.0 % length.0)
}

#[cfg(test)]
mod tests;
