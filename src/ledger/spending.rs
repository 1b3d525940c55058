//! What a campaign has spent, by quarters of an hour: enough to sum up any day of any time zone.
//!
//! Why quarters and not days: the log does not know in which time zone a campaign counts its
//! days, and a reload may change that. All zones in use are whole quarters off UTC.
//!
//! Guarantees: what the log says decides, in whatever order it is said; bounded. The newest
//! quarters are kept, not those of the last hours, so that a moment of a clock that runs a year
//! ahead takes one place and does not push today out.

use crate::model::{MoneyNanos, UnixSeconds};
use std::ops::Range;

/// A quarter of an hour, in seconds.
const QUARTER_S: u32 = 900;
/// Quarters kept: more than two days of spending without a pause.
pub(super) const QUARTERS_MAX: usize = 200;

/// Money spent in some time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Spent {
    /// All of it.
    pub(super) all: MoneyNanos,
    /// The part of it that was billed after its hold had ended.
    pub(super) late: MoneyNanos,
}

impl Spent {
    pub(super) fn add(&mut self, cost: MoneyNanos, late: bool) {
        self.all = self.all.plus(cost);
        if late {
            self.late = self.late.plus(cost);
        }
    }
}

/// Spending in all and by time.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Spending {
    pub(super) total: Spent,
    /// By quarter, counted from 1970, oldest first.
    pub(super) quarters: Vec<(u32, Spent)>,
}

impl Spending {
    pub(super) fn add(&mut self, at: UnixSeconds, (cost, late): (MoneyNanos, bool)) {
        self.total.add(cost, late);
        let quarter = at.0 / QUARTER_S;
        match self.quarters.binary_search_by_key(&quarter, |(quarter, _)| *quarter) {
            Ok(place) => self.quarters[place].1.add(cost, late),
            Err(place) => self.insert(place, (quarter, (cost, late))),
        }
    }

    fn insert(&mut self, place: usize, (quarter, (cost, late)): (u32, (MoneyNanos, bool))) {
        let full = self.quarters.len() >= QUARTERS_MAX;
        if full && place == 0 {
            return;
        }
        let mut spent = Spent::default();
        spent.add(cost, late);
        self.quarters.insert(place, (quarter, spent));
        if full {
            self.quarters.remove(0);
        }
    }

    /// What was spent in a stretch of time whose ends are whole quarters.
    pub(super) fn within(&self, time: &Range<UnixSeconds>) -> Spent {
        let from = self.quarters.partition_point(|(quarter, _)| quarter * QUARTER_S < time.start.0);
        let inside = self.quarters[from..].iter();
        let inside = inside.take_while(|(quarter, _)| quarter * QUARTER_S < time.end.0);
        inside.fold(Spent::default(), |sum, (_, spent)| Spent {
            all: sum.all.plus(spent.all),
            late: sum.late.plus(spent.late),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_quarters_are_kept_whatever_comes_first() {
        let mut said: Vec<u32> = (0..QUARTERS_MAX as u32 + 50).collect();
        let mut forwards = Spending::default();
        said.iter().for_each(|n| forwards.add(UnixSeconds(n * QUARTER_S), (MoneyNanos(1), false)));
        said.reverse();
        said.rotate_left(77);
        let mut mixed = Spending::default();
        said.iter().for_each(|n| mixed.add(UnixSeconds(n * QUARTER_S), (MoneyNanos(1), false)));
        assert_eq!(forwards, mixed);
        assert_eq!(forwards.total.all, MoneyNanos(QUARTERS_MAX as i64 + 50));
        let hour = UnixSeconds(100 * QUARTER_S)..UnixSeconds(104 * QUARTER_S);
        assert_eq!(forwards.within(&hour).all, MoneyNanos(4));
    }

    #[test]
    fn a_clock_that_runs_a_year_ahead_takes_one_place() {
        let mut spending = Spending::default();
        let today = UnixSeconds(2_000_000 * QUARTER_S);
        spending.add(today, (MoneyNanos(5), false));
        spending.add(UnixSeconds(today.0 + 365 * 86_400), (MoneyNanos(1), true));
        let day = UnixSeconds(today.0 - 3_600)..UnixSeconds(today.0 + 3_600);
        assert_eq!(spending.within(&day).all, MoneyNanos(5));
        assert_eq!(spending.total, Spent { all: MoneyNanos(6), late: MoneyNanos(1) });
    }
}
