//! How much of a budget a node should ask for (field note product.md, F7): enough for the next
//! seconds at the rate at which it has been reserving, never so much that the other nodes starve.

use crate::model::{MoneyNanos, Seconds, UnixSeconds};

/// For how long a lease lasts beyond the longest hold: a node that dies keeps its part from the
/// others so long.
pub(super) const LEASE_TIME: Seconds = Seconds(60);
/// A lease is asked for again when less than this is left of its time.
const RENEW_BEFORE: Seconds = Seconds(30);
/// What is asked for covers so many seconds of reserving: an answer takes well under one, and
/// a node that cannot reach the log goes on for so long.
const AHEAD_S: i64 = 10;
/// A request that has not come back through the log by then is made again.
const ANSWER_MAX: Seconds = Seconds(5);
/// Share of the newest second in the rate: F6's smoothing.
const NEWEST_PERCENT: i64 = 30;

/// What a node has been reserving of one campaign's budget.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Demand {
    /// Whether anybody wanted to bid since the last look.
    asked: bool,
    /// The dearest bid that was asked for.
    largest: MoneyNanos,
    /// Reserved since the last look.
    reserved: MoneyNanos,
    /// Reserved a second, smoothed, in nanos.
    rate: i64,
    /// When it was last looked at.
    looked: UnixSeconds,
    /// The longest time for which anything was to be held.
    hold_longest: Seconds,
    /// Until when the answer to a request is waited for.
    waits_until: UnixSeconds,
}

/// What a node has, and what there is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Supply {
    /// What is free of the budget, by day and in all.
    pub(super) free: MoneyNanos,
    /// What is left of the node's own lease and not held.
    pub(super) room: MoneyNanos,
    /// Whether it holds anything.
    pub(super) holding: bool,
    /// When its lease ends.
    pub(super) ends: UnixSeconds,
}

impl Demand {
    /// The dearest bid that is to be expected before one has been asked for.
    pub(super) fn expect(&mut self, largest: MoneyNanos) {
        self.largest = self.largest.max(largest);
    }

    /// Somebody wants to reserve `needed` for so long, whether or not there is room.
    pub(super) fn ask(&mut self, needed: MoneyNanos, held_for: Seconds) {
        self.asked = true;
        self.largest = self.largest.max(needed);
        self.hold_longest = self.hold_longest.max(held_for);
    }

    pub(super) fn reserve(&mut self, needed: MoneyNanos) {
        self.reserved = self.reserved.plus(needed);
    }

    /// A request of this node has come back through the log.
    pub(super) fn answered(&mut self) {
        self.waits_until = UnixSeconds(0);
    }

    /// How much to ask for and for how long, if anything. To be called about once a second.
    pub(super) fn look(
        &mut self,
        supply: &Supply,
        nodes: usize,
        now: UnixSeconds,
    ) -> Option<(MoneyNanos, Seconds)> {
        let seconds = i64::from(now.since(self.looked).0.clamp(1, 60));
        let newest = self.reserved.0 / seconds;
        self.rate = (self.rate / 100 * (100 - NEWEST_PERCENT)) + newest / 100 * NEWEST_PERCENT;
        let wanted = self.asked || supply.holding;
        (self.asked, self.reserved, self.looked) = (false, MoneyNanos(0), now);
        if !wanted || now < self.waits_until {
            return None;
        }
        let share = supply.free.0.max(0) / (2 * nodes.max(1) as i64);
        let ahead = self.rate.saturating_mul(AHEAD_S * 3) / 2;
        let target = ahead.min(share).max(self.largest.0);
        let short = supply.room.0 < target.saturating_add(1) / 2;
        let ttl = Seconds(self.hold_longest.0.saturating_add(LEASE_TIME.0));
        let ending = supply.ends.since(now).0 < self.hold_longest.0 + RENEW_BEFORE.0;
        let amount = if short { (target - supply.room.0).min(supply.free.0).max(0) } else { 0 };
        // Without money to get and without a lease to make longer there is nothing to ask for.
        let useful = amount > 0 || (ending && (supply.room.0 > 0 || supply.holding));
        useful.then(|| {
            self.waits_until = now.plus(ANSWER_MAX);
            (MoneyNanos(amount), ttl)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: UnixSeconds = UnixSeconds(1_800_000_000);

    fn supply(free: i64, room: i64) -> Supply {
        let ends = START.plus(Seconds(100_000));
        Supply { free: MoneyNanos(free), room: MoneyNanos(room), holding: false, ends }
    }

    #[test]
    fn nobody_who_does_not_bid_asks() {
        let mut demand = Demand::default();
        demand.expect(MoneyNanos(100));
        assert_eq!(demand.look(&supply(1_000, 0), 2, START), None);
    }

    #[test]
    fn the_first_bid_asks_for_itself_and_waits_for_the_answer() {
        let mut demand = Demand::default();
        demand.ask(MoneyNanos(100), Seconds(60));
        let (amount, _) = demand.look(&supply(1_000, 0), 2, START).expect("needed");
        assert_eq!(amount, MoneyNanos(100));
        demand.ask(MoneyNanos(100), Seconds(60));
        assert_eq!(demand.look(&supply(1_000, 0), 2, START.plus(Seconds(1))), None, "it waits");
        demand.answered();
        demand.ask(MoneyNanos(100), Seconds(60));
        assert!(demand.look(&supply(1_000, 0), 2, START.plus(Seconds(2))).is_some());
        demand.ask(MoneyNanos(100), Seconds(60));
        assert!(demand.look(&supply(1_000, 0), 2, START.plus(Seconds(7))).is_some(), "lost");
    }

    #[test]
    fn a_busy_node_asks_ahead_and_leaves_the_others_their_share() {
        let mut demand = Demand::default();
        let mut last = MoneyNanos(0);
        for second in 0..30 {
            demand.ask(MoneyNanos(100), Seconds(60));
            demand.reserve(MoneyNanos(100_000));
            demand.answered();
            let asked = demand.look(&supply(100_000_000, 0), 2, START.plus(Seconds(second)));
            last = asked.expect("nothing is left").0;
        }
        assert!((1_400_000..=1_500_000).contains(&last.0), "fifteen seconds' worth: {last}");
        demand.ask(MoneyNanos(100), Seconds(60));
        demand.answered();
        let (amount, _) = demand.look(&supply(8_000, 0), 4, START.plus(Seconds(31))).expect("asks");
        assert_eq!(amount, MoneyNanos(1_000), "an eighth of what is free, for one of four");
        demand.ask(MoneyNanos(100), Seconds(60));
        demand.answered();
        let half = supply(8_000, 700);
        assert_eq!(demand.look(&half, 4, START.plus(Seconds(32))), None, "more than half is left");
    }

    #[test]
    fn a_lease_that_ends_while_money_is_held_is_made_longer() {
        let mut demand = Demand::default();
        demand.ask(MoneyNanos(10), Seconds(60));
        let ends = START.plus(Seconds(80));
        let ending = Supply { ends, holding: true, ..supply(0, 100) };
        let (amount, ttl) = demand.look(&ending, 1, START).expect("it ends");
        assert_eq!((amount, ttl), (MoneyNanos(0), Seconds(60 + LEASE_TIME.0)));
        demand.answered();
        let spent = Supply { ends, holding: false, ..supply(0, 0) };
        demand.ask(MoneyNanos(10), Seconds(60));
        assert_eq!(demand.look(&spent, 1, START.plus(Seconds(1))), None, "there is none to get");
    }
}
