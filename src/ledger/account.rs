//! A campaign's account: its money, in exact nanos, and its counters.
//!
//! Invariant: `spent + held <= budget` for every reservation granted, by day and in all; only
//! a charge whose hold had ended can pass it, and such charges are counted apart. A reload
//! changes limits, never what was spent.

use crate::campaign::model::{Budget, Flight, Pacing};
use crate::model::reason::ALL_REASONS;
use crate::model::{AdvertiserKey, MoneyNanos, NoBidReason, Progress, Seconds, UnixSeconds};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// How far even pacing may run ahead: without it, no bid could be made at a day's start.
pub const PACING_AHEAD: Seconds = Seconds(900);

/// What an account is limited by; from the campaign's file.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    pub(super) budget: Budget,
    pub(super) flight: Flight,
    pub(super) advertiser: AdvertiserKey,
    /// Whether the advertiser has caps over all its campaigns.
    pub(super) advertiser_capped: bool,
}

/// The state of an account's money.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Money {
    /// Spent in all.
    pub spent: MoneyNanos,
    /// Spent on the day `day`.
    pub spent_today: MoneyNanos,
    /// The day, counted from 1970 in the campaign's time zone.
    pub day: i64,
    /// Reserved for bids in flight.
    pub held: MoneyNanos,
}

/// Which limit refuses a reservation, and the amounts compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MoneyRefusal {
    /// [`NoBidReason::BudgetSpent`] or [`NoBidReason::PacingAhead`].
    pub reason: NoBidReason,
    /// Spent and held already.
    pub used: MoneyNanos,
    /// What this bid needs.
    pub needed: MoneyNanos,
    /// The limit.
    pub limit: MoneyNanos,
}

/// A campaign's account.
#[derive(Default)]
pub struct Account {
    books: Mutex<Books>,
    tally: Tally,
}

#[derive(Default)]
struct Books {
    money: Money,
    limits: Option<Limits>,
}

impl Account {
    pub(super) fn set_limits(&self, limits: Limits) {
        self.books.lock().limits = Some(limits);
    }

    pub(super) fn capped_advertiser(&self) -> Option<AdvertiserKey> {
        let books = self.books.lock();
        let limits = books.limits.as_ref()?;
        limits.advertiser_capped.then_some(limits.advertiser)
    }

    /// The money as it stands.
    pub fn money(&self) -> Money {
        self.books.lock().money
    }

    /// The counters.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Whether `needed` could be reserved now.
    ///
    /// # Errors
    /// The limit that refuses.
    pub fn check(&self, needed: MoneyNanos, now: UnixSeconds) -> Result<(), MoneyRefusal> {
        self.books.lock().check(needed, now)
    }

    pub(super) fn reserve(&self, needed: MoneyNanos, now: UnixSeconds) -> Result<(), MoneyRefusal> {
        let mut books = self.books.lock();
        books.check(needed, now)?;
        books.money.held = books.money.held.plus(needed);
        Ok(())
    }

    pub(super) fn unreserve(&self, held: MoneyNanos) {
        let mut books = self.books.lock();
        books.money.held = books.money.held.minus(held);
        debug_assert!(books.money.held.0 >= 0, "more was given back than held");
    }

    /// Spends `cost` and frees what was held for it.
    pub(super) fn charge(&self, cost: MoneyNanos, held: Option<MoneyNanos>, now: UnixSeconds) {
        let mut books = self.books.lock();
        books.turn_day(now);
        let money = &mut books.money;
        money.held = money.held.minus(held.unwrap_or_default());
        money.spent = money.spent.plus(cost);
        money.spent_today = money.spent_today.plus(cost);
        self.tally.spent.0.fetch_add(cost.0, Ordering::Relaxed);
    }
}

impl Books {
    fn check(&mut self, needed: MoneyNanos, now: UnixSeconds) -> Result<(), MoneyRefusal> {
        let elapsed = self.turn_day(now);
        let Some(limits) = &self.limits else { return Ok(()) };
        let budget = &limits.budget;
        let pending = self.money.held.plus(needed);
        let within = |spent: MoneyNanos, limit: MoneyNanos, reason| {
            if spent.plus(pending) <= limit {
                return Ok(());
            }
            Err(MoneyRefusal { reason, used: spent.plus(self.money.held), needed, limit })
        };
        if let Some(total) = budget.total {
            within(self.money.spent, total, NoBidReason::BudgetSpent)?;
        }
        if let Some(daily) = budget.daily {
            within(self.money.spent_today, daily, NoBidReason::BudgetSpent)?;
        }
        if budget.pacing == Pacing::Asap {
            return Ok(());
        }
        if let Some(daily) = budget.daily {
            let plan = share(daily, elapsed, Seconds::DAY);
            return within(self.money.spent_today, plan, NoBidReason::PacingAhead);
        }
        let Some(total) = budget.total else { return Ok(()) };
        let flight = limits.flight;
        let plan = share(total, now.since(flight.from), flight.to.since(flight.from));
        within(self.money.spent, plan, NoBidReason::PacingAhead)
    }

    /// Begins a new day if one has begun; returns how much of it has passed.
    fn turn_day(&mut self, now: UnixSeconds) -> Seconds {
        let zone = self.limits.as_ref().map(|limits| &limits.budget.timezone);
        let (day, elapsed) = local_day(zone, now);
        // A clock that steps back does not refill yesterday's budget.
        if day > self.money.day {
            self.money.day = day;
            self.money.spent_today = MoneyNanos(0);
        }
        elapsed
    }
}

/// The day's number in a time zone, and the seconds since its midnight.
fn local_day(zone: Option<&jiff::tz::TimeZone>, now: UnixSeconds) -> (i64, Seconds) {
    let offset = zone.and_then(|zone| {
        let at = jiff::Timestamp::from_second(i64::from(now.0)).ok()?;
        Some(i64::from(zone.to_offset(at).seconds()))
    });
    let local = i64::from(now.0) + offset.unwrap_or(0);
    (local.div_euclid(86_400), Seconds(local.rem_euclid(86_400) as u32))
}

/// The part of a budget that even pacing allows after `elapsed` of `length`.
fn share(budget: MoneyNanos, elapsed: Seconds, length: Seconds) -> MoneyNanos {
    let gone = u128::from(elapsed.0) + u128::from(PACING_AHEAD.0);
    let length = u128::from(length.0.max(1));
    let allowed = u128::from(budget.0.max(0) as u64) * gone.min(length) / length;
    MoneyNanos(i64::try_from(allowed).unwrap_or(i64::MAX))
}

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
    /// Reads it.
    pub fn get(&self) -> MoneyNanos {
        MoneyNanos(self.0.load(Ordering::Relaxed))
    }
}

/// What has happened to a campaign since the start.
pub struct Tally {
    /// Requests for which it was considered.
    pub considered: Counter,
    /// Bids sent.
    pub bids: Counter,
    /// Bids that would have been sent to people in the holdout.
    pub ghosts: Counter,
    /// Auctions won.
    pub wins: Counter,
    /// Auctions lost.
    pub losses: Counter,
    /// Billed impressions.
    pub impressions: Counter,
    /// Billed after their hold had ended.
    pub late: Counter,
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
            considered: Counter::default(),
            bids: Counter::default(),
            ghosts: Counter::default(),
            wins: Counter::default(),
            losses: Counter::default(),
            impressions: Counter::default(),
            late: Counter::default(),
            views: Counter::default(),
            clicks: Counter::default(),
            progress: std::array::from_fn(|_| Counter::default()),
            spent: Spend::default(),
            noes: std::array::from_fn(|_| Counter::default()),
        }
    }
}

impl Tally {
    /// The counter of one reason for not bidding.
    pub fn no(&self, reason: NoBidReason) -> &Counter {
        &self.noes[reason.index()]
    }

    /// The reasons for not bidding, most frequent first.
    pub fn top_noes(&self) -> Vec<(NoBidReason, u64)> {
        let counted = ALL_REASONS.into_iter().map(|reason| (reason, self.no(reason).get()));
        let mut all: Vec<_> = counted.filter(|(_, count)| *count > 0).collect();
        all.sort_by_key(|(reason, count)| (std::cmp::Reverse(*count), *reason));
        all
    }
}
