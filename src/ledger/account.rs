//! A campaign's account: its money, in exact nanos, and its counters.
//!
//! Invariant, by day and in all: `spent + held + leased + free = budget`, and `free` is never
//! below nothing but by what was billed after its hold had ended (`late`) or by a budget that a
//! reload made smaller. A reload changes limits, never what was spent. Only a bid path holds; all
//! else is a fold of the log.

use super::counting::{Counted, Unsaid};
use super::day::day_of;
use super::demand::{Demand, Supply};
use super::lease::{LEASE_MARGIN, Leases, Outlook, Standing};
use super::spending::{Spending, Spent};
use super::tally::{Counter, FOLDED_COUNTERS, Tally};
use crate::campaign::model::{Budget, Flight, Pacing};
use crate::event::{LeaseLimits, LeaseRequest};
use crate::model::{
    AdvertiserKey, CampaignKey, CreativeKey, ExchangeKey, MoneyNanos, NoBidReason, NodeKey,
    Seconds, UnixSeconds,
};
use jiff::tz::TimeZone;
use parking_lot::Mutex;
use std::ops::Range;
use std::sync::Arc;

/// How far even pacing may run ahead: without it, no bid could be made at a day's start.
pub const PACING_AHEAD: Seconds = Seconds(900);

/// A day on which clocks go back.
const DAY_LONGEST: Seconds = Seconds(25 * 3_600);

/// What an account is limited by; from the campaign's file.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    pub(super) budget: Budget,
    pub(super) flight: Flight,
    pub(super) advertiser: AdvertiserKey,
    /// What the dearest impression costs, as far as the file says.
    pub(super) dearest: MoneyNanos,
}

/// The state of an account's money.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Money {
    /// Spent in all.
    pub spent: MoneyNanos,
    /// Spent on the day last asked about.
    pub spent_today: MoneyNanos,
    /// Reserved for this node's bids in flight.
    pub held: MoneyNanos,
}

/// Where a budget is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Balance {
    /// The budget; `None`: without limit.
    pub budget: Option<MoneyNanos>,
    /// Billed.
    pub spent: MoneyNanos,
    /// The part of `spent` that was billed after its hold had ended.
    pub late: MoneyNanos,
    /// Reserved for this node's bids in flight.
    pub held: MoneyNanos,
    /// Granted to nodes, and neither billed nor held by this one.
    pub leased: MoneyNanos,
    /// The rest of the budget.
    pub free: Option<MoneyNanos>,
}

/// Which limit refuses a reservation, and the amounts compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MoneyRefusal {
    /// [`NoBidReason::BudgetSpent`], [`NoBidReason::PacingAhead`] or
    /// [`NoBidReason::AwaitingLease`].
    pub reason: NoBidReason,
    /// Spent, held and leased to others already; of this node's lease: held.
    pub used: MoneyNanos,
    /// What this bid needs.
    pub needed: MoneyNanos,
    /// The limit.
    pub limit: MoneyNanos,
}

/// What the log has said of an account.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Folded {
    pub(super) counters: [u64; FOLDED_COUNTERS],
    pub(super) spending: Spending,
    pub(super) leases: Leases,
}

/// A billing.
pub(super) struct Charge {
    pub(super) cost: MoneyNanos,
    /// When its notice came.
    pub(super) at: UnixSeconds,
    /// Its hold had ended by then.
    pub(super) late: bool,
    /// Whose bid it was.
    pub(super) node: NodeKey,
    /// What this node still held for it.
    pub(super) held: Option<MoneyNanos>,
}

/// A campaign's account.
pub struct Account {
    outlook: Arc<Outlook>,
    books: Mutex<Books>,
    tally: Tally,
    unsaid: Unsaid,
}

#[derive(Default)]
struct Books {
    spending: Spending,
    leases: Leases,
    held: MoneyNanos,
    limits: Option<Limits>,
    advertiser: AdvertiserKey,
    today: Option<Today>,
    demand: Demand,
}

/// The day last asked about, and what was spent on it.
struct Today {
    day: Range<UnixSeconds>,
    spent: Spent,
}

impl Account {
    pub(super) fn new(outlook: Arc<Outlook>) -> Self {
        Self {
            outlook,
            books: Mutex::default(),
            tally: Tally::default(),
            unsaid: Unsaid::default(),
        }
    }

    pub(super) fn set_limits(&self, limits: Limits) {
        let mut books = self.books.lock();
        books.demand.expect(limits.dearest);
        books.advertiser = limits.advertiser;
        books.limits = Some(limits);
        books.today = None;
    }

    /// Whose campaign it is, as far as is known.
    pub(super) fn advertiser(&self) -> AdvertiserKey {
        self.books.lock().advertiser
    }

    /// Whether a file limits what it may spend.
    pub(super) fn is_budgeted(&self) -> bool {
        let budgeted = |limits: &Limits| limits.budget.daily.or(limits.budget.total).is_some();
        self.books.lock().limits.as_ref().is_some_and(budgeted)
    }

    /// The money as it stands.
    pub fn money(&self) -> Money {
        let books = self.books.lock();
        Money {
            spent: books.spending.total.all,
            spent_today: books.today.as_ref().map_or(MoneyNanos(0), |today| today.spent.all),
            held: books.held,
        }
    }

    /// Where the budget is: on the campaign's day that `now` is part of, and in all.
    pub fn balance(&self, now: UnixSeconds) -> (Balance, Balance) {
        let mut books = self.books.lock();
        books.leases.expire(self.outlook.log_time());
        let today = books.today(now).spent;
        let budget = books.limits.as_ref().map(|limits| limits.budget.clone());
        let (daily, total) = budget.map_or((None, None), |budget| (budget.daily, budget.total));
        let standing = self.outlook.standing;
        (
            books.balance(daily, today, standing),
            books.balance(total, books.spending.total, standing),
        )
    }

    /// Counts a request for which the campaign was looked at, and why it does not bid: here, and
    /// for the log. Both counters are all that is touched: a request looks at many campaigns.
    #[inline]
    pub fn count_no(&self, reason: NoBidReason, exchange: ExchangeKey) {
        self.tally.no(reason).add(1);
        self.unsaid.consider(exchange);
    }

    /// Counts a request for which the campaign was looked at, and in which it bids.
    pub fn count_bid_on(&self, exchange: ExchangeKey) {
        self.tally.bid_on.add(1);
        self.unsaid.consider(exchange);
    }

    /// Reads where [`Self::count_no`] will count, so that it is in the cache by then; what comes back
    /// says nothing.
    #[inline]
    pub fn touch(&self) -> bool {
        self.unsaid.touch()
    }

    /// Counts what this node does for the campaign: here, and for the log.
    pub fn count(&self, what: Counted, line: (CreativeKey, ExchangeKey)) {
        let counter = match what {
            Counted::Bid => &self.tally.bids,
            Counted::Ghost => &self.tally.ghosts,
        };
        counter.add(1);
        self.unsaid.count(what, line);
    }

    /// What this node has to say of its own bids.
    pub(super) fn unsaid(&self) -> &Unsaid {
        &self.unsaid
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
        self.books.lock().check(needed, (now, now), &self.outlook)
    }

    /// Reserves `needed` until `ends`.
    pub(super) fn reserve(
        &self,
        needed: MoneyNanos,
        (now, ends): (UnixSeconds, UnixSeconds),
    ) -> Result<(), MoneyRefusal> {
        let mut books = self.books.lock();
        books.check(needed, (now, ends), &self.outlook)?;
        books.held = books.held.plus(needed);
        books.demand.reserve(needed);
        Ok(())
    }

    pub(super) fn unreserve(&self, held: MoneyNanos) {
        self.books.lock().unhold(held);
    }

    /// Holds again what was held when the state was written.
    pub(super) fn restore_hold(&self, held: MoneyNanos) {
        let mut books = self.books.lock();
        books.held = books.held.plus(held);
    }

    /// What the log has said, by now.
    pub(super) fn folded(&self) -> Folded {
        let mut books = self.books.lock();
        books.leases.expire(self.outlook.log_time());
        Folded {
            counters: self.tally.folded().map(Counter::get),
            spending: books.spending.clone(),
            leases: books.leases.clone(),
        }
    }

    /// Begins with what the log had said when the state was written.
    pub(super) fn restore(&self, folded: Folded) {
        let mut books = self.books.lock();
        for (counter, count) in self.tally.folded().into_iter().zip(folded.counters) {
            counter.add(count);
        }
        self.tally.spent.add(folded.spending.total.all);
        (books.spending, books.leases) = (folded.spending, folded.leases);
        books.today = None;
    }

    /// Spends, and frees what was held for it. What is billed in time is paid from the lease of
    /// the node that bid; what is late from what is free, since its part may be held anew.
    pub(super) fn charge(&self, charge: &Charge) {
        let mut books = self.books.lock();
        books.leases.expire(self.outlook.log_time());
        books.unhold(charge.held.unwrap_or_default());
        if !charge.late {
            books.leases.take(charge.node, charge.cost);
        }
        books.spending.add(charge.at, (charge.cost, charge.late));
        if let Some(today) = books.today.as_mut().filter(|today| today.day.contains(&charge.at)) {
            today.spent.add(charge.cost, charge.late);
        }
        self.tally.spent.add(charge.cost);
    }

    /// Grants as much of what is asked for as is free by the limits that the request names; how
    /// much that is. `None` where no more nodes can have a lease.
    pub(super) fn grant(&self, request: &LeaseRequest, node: NodeKey) -> Option<MoneyNanos> {
        let log_time = self.outlook.log_time();
        let mut books = self.books.lock();
        books.leases.expire(log_time);
        if self.outlook.standing == Standing::Shared(node) {
            books.demand.answered();
        }
        let granted = request.amount.min(books.free(&request.limits, log_time)).max(MoneyNanos(0));
        let ends = log_time.plus(request.ttl);
        books.leases.grant(node, granted, ends).then_some(granted)
    }

    /// A node gives back a part of its lease.
    pub(super) fn take_back(&self, node: NodeKey, amount: MoneyNanos) {
        let mut books = self.books.lock();
        books.leases.expire(self.outlook.log_time());
        books.leases.take(node, amount.max(MoneyNanos(0)));
    }

    /// What this node should ask for.
    pub(super) fn lease_need(
        &self,
        campaign: CampaignKey,
        (nodes, now): (usize, UnixSeconds),
    ) -> Option<LeaseRequest> {
        let Standing::Shared(node) = self.outlook.standing else { return None };
        let (mut books, log_time) = (self.books.lock(), self.outlook.log_time());
        books.leases.expire(log_time);
        let limits = books.lease_limits(now)?;
        let lease = books.leases.of(node);
        let supply = Supply {
            free: books.free(&limits, log_time),
            room: lease.left.minus(books.held),
            holding: books.held.0 > 0,
            ends: lease.ends,
        };
        let (amount, ttl) = books.demand.look(&supply, nodes, now)?;
        Some(LeaseRequest { campaign, amount, ttl, limits })
    }

    /// What this node has leased and does not hold: what it gives back before it stops.
    pub(super) fn lease_surplus(&self) -> MoneyNanos {
        let Standing::Shared(node) = self.outlook.standing else { return MoneyNanos(0) };
        let mut books = self.books.lock();
        books.leases.expire(self.outlook.log_time());
        books.leases.of(node).left.minus(books.held).max(MoneyNanos(0))
    }
}

impl Books {
    /// Gives back what was held.
    fn unhold(&mut self, held: MoneyNanos) {
        self.held = self.held.minus(held);
        debug_assert!(self.held.0 >= 0, "more was given back than held");
    }

    fn check(
        &mut self,
        needed: MoneyNanos,
        (now, ends): (UnixSeconds, UnixSeconds),
        outlook: &Outlook,
    ) -> Result<(), MoneyRefusal> {
        self.demand.ask(needed, ends.since(now));
        self.leases.expire(outlook.log_time());
        let today = self.today(now).spent.all;
        let Some(limits) = &self.limits else { return Ok(()) };
        let elsewhere = match outlook.standing {
            Standing::Sole => self.leases.left(),
            Standing::Shared(node) => self.leases.left().minus(self.leases.of(node).left),
        };
        let within = |spent: MoneyNanos, limit: MoneyNanos| {
            let own = spent.plus(self.held);
            let refusal = |reason, used| MoneyRefusal { reason, used, needed, limit };
            if own.plus(needed) > limit {
                return Err(refusal(NoBidReason::BudgetSpent, own));
            }
            let used = own.plus(elsewhere);
            let leased = refusal(NoBidReason::AwaitingLease, used);
            if used.plus(needed) > limit { Err(leased) } else { Ok(()) }
        };
        let (total, daily) = (limits.budget.total, limits.budget.daily);
        total.map_or(Ok(()), |total| within(self.spending.total.all, total))?;
        daily.map_or(Ok(()), |daily| within(today, daily))?;
        self.check_pace(needed, now)?;
        match outlook.standing {
            Standing::Shared(node) if total.or(daily).is_some() => {
                self.check_lease(needed, node, outlook.over(ends, now))
            }
            _ => Ok(()),
        }
    }

    /// Whether an even plan allows it. What others have leased is no part of it: they bid by the
    /// same plan.
    fn check_pace(&self, needed: MoneyNanos, now: UnixSeconds) -> Result<(), MoneyRefusal> {
        let Some(limits) = self.limits.as_ref().filter(|one| one.budget.pacing == Pacing::Even)
        else {
            return Ok(());
        };
        let (spent, plan) = match (limits.budget.daily, limits.budget.total, &self.today) {
            (Some(daily), _, Some(Today { day, spent })) => {
                (spent.all, share(daily, now.since(day.start), day.end.since(day.start)))
            }
            (_, Some(total), _) => {
                let Flight { from, to } = limits.flight;
                (self.spending.total.all, share(total, now.since(from), to.since(from)))
            }
            _ => return Ok(()),
        };
        let used = spent.plus(self.held);
        if used.plus(needed) <= plan {
            return Ok(());
        }
        Err(MoneyRefusal { reason: NoBidReason::PacingAhead, used, needed, limit: plan })
    }

    /// Whether this node's lease has room, and lasts until the bid is settled.
    fn check_lease(
        &self,
        needed: MoneyNanos,
        node: NodeKey,
        over: UnixSeconds,
    ) -> Result<(), MoneyRefusal> {
        let lease = self.leases.of(node);
        let limit = if over <= lease.ends { lease.left } else { MoneyNanos(0) };
        if self.held.plus(needed) <= limit {
            return Ok(());
        }
        Err(MoneyRefusal { reason: NoBidReason::AwaitingLease, used: self.held, needed, limit })
    }

    /// The day that `now` is part of, and what was spent on it. A clock that steps back finds
    /// yesterday as it was left.
    fn today(&mut self, now: UnixSeconds) -> &Today {
        let known = self.today.take().filter(|today| today.day.contains(&now));
        let (limits, spending) = (&self.limits, &self.spending);
        self.today.insert(known.unwrap_or_else(|| {
            let zone = limits.as_ref().map(|limits| &limits.budget.timezone);
            let day = day_of(zone.unwrap_or(&TimeZone::UTC), now);
            Today { spent: spending.within(&day), day }
        }))
    }

    /// The limits by which this node's requests are granted; `None` where nothing limits.
    fn lease_limits(&mut self, now: UnixSeconds) -> Option<LeaseLimits> {
        let day = self.today(now).day.clone();
        let Budget { daily, total, .. } = self.limits.as_ref()?.budget;
        daily.or(total)?;
        Some(LeaseLimits { daily, total, day_from: day.start, day_to: day.end })
    }

    /// What is neither spent nor leased, by day and in all: the smaller. Around midnight nodes
    /// differ in which day it is, and what is leased may be spent on either: it must be free on
    /// both.
    fn free(&self, limits: &LeaseLimits, log_time: UnixSeconds) -> MoneyNanos {
        let leased = self.leases.left();
        let LeaseLimits { day_from, day_to, .. } = *limits;
        let mut today = self.spending.within(&(day_from..day_to)).all;
        today = today.max(self.spending.within(&(day_to..day_to.plus(DAY_LONGEST))).all);
        if log_time < day_from.plus(LEASE_MARGIN) {
            let yesterday = day_from.minus(DAY_LONGEST)..day_from;
            today = today.max(self.spending.within(&yesterday).all);
        }
        let by_day = limits.daily.map(|daily| daily.minus(today).minus(leased));
        let in_all = limits.total.map(|total| total.minus(self.spending.total.all).minus(leased));
        [by_day, in_all].into_iter().flatten().min().unwrap_or(MoneyNanos(i64::MAX))
    }

    fn balance(&self, budget: Option<MoneyNanos>, spent: Spent, standing: Standing) -> Balance {
        let leases = self.leases.left();
        let leased = match standing {
            Standing::Sole => leases,
            Standing::Shared(_) => leases.minus(self.held),
        };
        let used = spent.all.plus(self.held).plus(leased);
        Balance {
            budget,
            spent: spent.all,
            late: spent.late,
            held: self.held,
            leased,
            free: budget.map(|budget| budget.minus(used)),
        }
    }
}

/// The part of a budget that even pacing allows after `elapsed` of `length`.
fn share(budget: MoneyNanos, elapsed: Seconds, length: Seconds) -> MoneyNanos {
    let gone = u128::from(elapsed.0) + u128::from(PACING_AHEAD.0);
    let length = u128::from(length.0.max(1));
    let allowed = u128::from(budget.0.max(0) as u64) * gone.min(length) / length;
    MoneyNanos(i64::try_from(allowed).unwrap_or(i64::MAX))
}
