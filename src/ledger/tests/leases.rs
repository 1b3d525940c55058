//! Budgets that several nodes share: each folds the same log, at its own pace and by its own clock;
//! nodes crash, notices are late or lost; and the books balance after every step.

use super::world::{Dice, event, small};
use super::*;
use crate::event::{Event, LeaseLimits, LeaseRequest, Notice, What};
use crate::ledger::lease::LEASE_MARGIN;
use crate::model::{AdvertiserKey, BidId};

const DAILY: i64 = 60 * PRICE.0;
const TOTAL: i64 = 90 * PRICE.0;

struct Node {
    key: NodeKey,
    ledger: Ledger,
    account: Arc<Account>,
    /// How many events of the log it has folded.
    folded: usize,
    /// How far its clock runs ahead.
    ahead: Seconds,
}

struct Cluster {
    dice: Dice,
    nodes: Vec<Node>,
    log: Vec<Event>,
    now: UnixSeconds,
    pending: Vec<(UnixSeconds, NoticeKind, Claim)>,
}

impl Node {
    fn start(key: NodeKey, ahead: Seconds) -> Self {
        let ledger = Ledger::in_standing(Standing::Shared(key), small(), u64::from(key.0));
        let account = ledger.open_account(CampaignKey(7));
        account.set_limits(limits(Some(DAILY), Some(TOTAL), Pacing::Asap));
        Self { key, ledger, account, folded: 0, ahead }
    }

    fn fold(&mut self, log: &[Event], most: usize) {
        let until = log.len().min(self.folded.saturating_add(most));
        log[self.folded..until].iter().for_each(|event| {
            self.ledger.apply(event);
        });
        self.folded = until;
    }

    fn assert_balanced(&self, now: UnixSeconds, told: &str) {
        let (day, total) = self.account.balance(now);
        for Balance { budget, spent, late, held, leased, free } in [day, total] {
            let (budget, free) = (budget.expect("limited"), free.expect("limited"));
            assert_eq!(spent.plus(held).plus(leased).plus(free), budget);
            let told = format!("{told}, node {:?}: {day:?} {total:?}", self.key);
            assert!(held.0 >= 0 && leased.0 >= 0 && late.0 >= 0, "{told}");
            assert!(free.plus(late).0 >= 0, "only what is late may overrun: {told}");
        }
    }
}

impl Cluster {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let count = 1 + dice.below(4);
        let nodes = (1..=count).map(|key| Node::start(NodeKey(key), Seconds(dice.below(2))));
        // A few minutes before midnight, so that a day ends on the way.
        let now = UnixSeconds(START.0.next_multiple_of(86_400) - 300);
        Self { nodes: nodes.collect(), dice, log: Vec::new(), now, pending: Vec::new() }
    }

    fn append(&mut self, node: usize, what: What) {
        let at = self.now.plus(self.nodes[node].ahead);
        let written = event(&mut self.dice, (at, self.nodes[node].key), what);
        self.log.push(written);
    }

    fn any_node(&mut self) -> usize {
        self.dice.below(self.nodes.len() as u32) as usize
    }

    /// Notices come to any node, and now and then twice.
    fn arrive(&mut self) {
        self.pending.sort_by_key(|(at, ..)| *at);
        while self.pending.first().is_some_and(|(at, ..)| *at <= self.now) {
            let (_, kind, claim) = self.pending.remove(0);
            for _ in 0..=u32::from(self.dice.percent(10)) {
                let notice = Notice { kind, claim: claim.clone(), advertiser: AdvertiserKey(9) };
                let node = self.any_node();
                self.append(node, What::Notice(notice));
            }
        }
    }

    fn fold(&mut self) {
        for node in &mut self.nodes {
            let most = if self.dice.percent(70) { usize::MAX } else { self.dice.below(4) as usize };
            node.fold(&self.log, most);
            let clock = self.now.plus(node.ahead);
            let unfolded = self.log[node.folded..].iter().map(|event| event.at).min();
            node.ledger.advance(unfolded.map_or(clock, |at| at.min(clock)));
        }
    }

    fn bid(&mut self, node: usize) {
        let Node { key, ledger, account, ahead, .. } = &self.nodes[node];
        let clock = self.now.plus(*ahead);
        let bid = BidId(self.dice.throw());
        let claim = Claim { bid, node: *key, ..claim(0, clock) };
        if hold(ledger, account, (&claim, &Caps::default())).is_err() {
            return;
        }
        let (delay, kind) = match self.dice.below(100) {
            0..65 => (self.dice.below(HOLD.0), NoticeKind::Bill(PRICE)),
            65..85 => (self.dice.below(HOLD.0), NoticeKind::Loss),
            85..92 => (HOLD.0 + self.dice.below(200), NoticeKind::Bill(PRICE)),
            _ => return,
        };
        self.pending.push((self.now.plus(Seconds(delay)), kind, claim));
    }

    /// A node loses all it had in memory, reads the log again, and waits for what may be in flight.
    fn crash(&mut self, node: usize) {
        let Node { key, folded, ahead, .. } = self.nodes[node];
        let mut fresh = Node::start(key, ahead);
        fresh.fold(&self.log, folded);
        fresh.ledger.holds_unknown_until(self.now.plus(ahead).plus(HOLD).plus(Seconds(1)));
        self.nodes[node] = fresh;
    }

    fn step(&mut self) {
        self.now = self.now.plus(Seconds(self.dice.below(3)));
        self.arrive();
        self.fold();
        for node in 0..self.nodes.len() {
            let clock = self.now.plus(self.nodes[node].ahead);
            for request in self.nodes[node].ledger.lease_needs(clock) {
                self.append(node, What::LeaseRequest(request));
            }
            if self.dice.percent(20) {
                self.append(node, What::Tick);
            }
        }
        for _ in 0..self.dice.below(4) {
            let node = self.any_node();
            self.bid(node);
        }
        if self.dice.percent(1) {
            let node = self.any_node();
            self.crash(node);
        }
    }
}

#[test]
fn books_balance_after_every_step_on_every_node() {
    let (mut spent, mut late) = (0, 0);
    for seed in 0..60 {
        let mut cluster = Cluster::new(seed);
        for step in 0..400 {
            cluster.step();
            for node in &cluster.nodes {
                node.assert_balanced(cluster.now.plus(node.ahead), &format!("seed {seed}, {step}"));
            }
        }
        cluster.now = cluster.now.plus(Seconds(300));
        cluster.arrive();
        for node in &mut cluster.nodes {
            node.fold(&cluster.log, usize::MAX);
            node.ledger.advance(cluster.now);
        }
        let balances = cluster.nodes.iter().map(|node| node.account.balance(cluster.now));
        let balances: Vec<_> = balances.map(|(day, total)| (day.spent, total.spent)).collect();
        assert!(balances.windows(2).all(|pair| pair[0] == pair[1]), "{seed}: {balances:?}");
        let (_, total) = cluster.nodes[0].account.balance(cluster.now);
        assert!(total.spent.minus(total.late).0 <= TOTAL, "seed {seed}: {total:?}");
        assert_eq!(total.held, MoneyNanos(0));
        spent += total.spent.0;
        late += total.late.0;
    }
    assert!(spent > 30 * TOTAL && late > 0, "the budgets were used: {spent}, late {late}");
}

/// A lease request of a node, as its event.
fn request(node: u32, amount: i64, at: UnixSeconds) -> Event {
    let limits = LeaseLimits {
        daily: None,
        total: Some(MoneyNanos(10 * PRICE.0)),
        day_from: at,
        day_to: at,
    };
    let (campaign, amount) = (CampaignKey(7), MoneyNanos(amount * PRICE.0));
    let request = LeaseRequest { campaign, amount, ttl: Seconds(120), limits };
    let mut dice = Dice::new(u64::from(node) << 32 | u64::from(at.0));
    event(&mut dice, (at, NodeKey(node)), What::LeaseRequest(request))
}

fn shared() -> (Ledger, Arc<Account>) {
    let ledger = Ledger::in_standing(Standing::Shared(NodeKey(7)), small(), 1);
    let account = ledger.open_account(CampaignKey(7));
    account.set_limits(limits(None, Some(10 * PRICE.0), Pacing::Asap));
    (ledger, account)
}

#[test]
fn a_node_uses_only_what_was_granted_to_it_and_only_while_it_lasts() {
    let (ledger, account) = shared();
    let none = Caps::default();
    let refused = |n, now| match hold(&ledger, &account, (&claim(n, now), &none)) {
        Err(HoldRefusal::Money(refusal)) => Some(refusal.reason),
        Err(other) => panic!("{other:?}"),
        Ok(()) => None,
    };
    assert_eq!(refused(1, START), Some(NoBidReason::AwaitingLease));
    ledger.apply(&request(3, 8, START));
    assert_eq!(ledger.apply(&request(7, 5, START)), Noted::Counted);
    assert_eq!(ledger.apply(&request(7, 5, START)), Noted::Duplicate);
    let (_, total) = account.balance(START);
    assert_eq!((total.leased.0, total.free), (10 * PRICE.0, Some(MoneyNanos(0))), "two of five");
    assert_eq!([2, 3].map(|n| refused(n, START)), [None, None]);
    assert_eq!(refused(4, START), Some(NoBidReason::AwaitingLease));
    lose(&ledger, &claim(2, START));
    // A bid of 60 seconds must be over a margin before the lease is.
    let last = START.plus(Seconds(120 - HOLD.0 - LEASE_MARGIN.0));
    assert_eq!(refused(5, last.plus(Seconds(1))), Some(NoBidReason::AwaitingLease));
    assert_eq!(refused(6, last), None);
    let over = START.plus(Seconds(120));
    ledger.advance(over);
    ledger.apply(&event(&mut Dice::new(1), (over, NodeKey(3)), What::Tick));
    let (_, total) = account.balance(over);
    assert_eq!((total.leased.0, total.free), (0, Some(MoneyNanos(10 * PRICE.0))), "free again");
}

#[test]
fn what_is_late_is_paid_from_what_is_free_and_what_is_in_time_from_the_lease() {
    let (ledger, account) = shared();
    ledger.apply(&request(7, 2, START));
    ledger.apply(&request(3, 2, START));
    let left = |now| {
        let (_, total) = account.balance(now);
        (total.leased.0 / PRICE.0, total.free.expect("limited").0 / PRICE.0, total.late.0 / PRICE.0)
    };
    assert_eq!(left(START), (4, 6, 0));
    let own = claim(1, START);
    hold(&ledger, &account, (&own, &Caps::default())).expect("leased");
    bill(&ledger, &own, (PRICE, START));
    assert_eq!(left(START), (3, 6, 0));
    let theirs = Claim { node: NodeKey(3), ..claim(2, START) };
    bill(&ledger, &theirs, (PRICE, START.plus(HOLD)));
    assert_eq!(left(START), (3, 5, 1));
    let back = What::LeaseReturn { campaign: CampaignKey(7), amount: MoneyNanos(9 * PRICE.0) };
    ledger.apply(&event(&mut Dice::new(1), (START, NodeKey(3)), back));
    assert_eq!(left(START), (1, 7, 1), "no more is given back than there is");
    assert_eq!(ledger.lease_surplus(), [(CampaignKey(7), PRICE.cost_of_one())]);
}

#[test]
fn a_smaller_budget_takes_nothing_back_and_grants_nothing_more() {
    let (ledger, account) = shared();
    ledger.apply(&request(7, 4, START));
    for n in 0..2 {
        let claim = claim(n, START);
        hold(&ledger, &account, (&claim, &Caps::default())).expect("leased");
        bill(&ledger, &claim, (PRICE, START));
    }
    account.set_limits(limits(None, Some(PRICE.0), Pacing::Asap));
    let refused = hold(&ledger, &account, (&claim(9, START), &Caps::default()));
    let Err(HoldRefusal::Money(refusal)) = refused else { panic!("{refused:?}") };
    assert_eq!(refusal.reason, NoBidReason::BudgetSpent);
    let (_, total) = account.balance(START);
    assert_eq!((total.spent.0, total.leased.0), (2 * PRICE.0, 2 * PRICE.0));
    assert_eq!(total.free, Some(MoneyNanos(-3 * PRICE.0)), "by what the budget was cut");
}

#[test]
fn around_midnight_what_is_leased_is_free_on_both_days() {
    let midnight = UnixSeconds(START.0.next_multiple_of(86_400));
    let (ledger, account) = shared();
    account.set_limits(limits(Some(10 * PRICE.0), None, Pacing::Asap));
    let ask = |node, amount, (at, day): (UnixSeconds, UnixSeconds)| {
        let mut asked = request(node, amount, at);
        if let What::LeaseRequest(request) = &mut asked.what {
            request.limits = LeaseLimits {
                daily: Some(MoneyNanos(10 * PRICE.0)),
                total: None,
                day_from: day,
                day_to: day.plus(Seconds::DAY),
            };
        }
        ledger.apply(&asked);
        account.balance(at).0.leased.0 / PRICE.0
    };
    let (before, yesterday) = (midnight.minus(Seconds(5)), midnight.minus(Seconds::DAY));
    for n in 0..7 {
        bill(&ledger, &Claim { node: NodeKey(3), ..claim(n, before) }, (PRICE, before));
    }
    assert_eq!(ask(1, 9, (before.plus(Seconds(1)), midnight)), 3, "a clock that runs ahead");
    let after = midnight.plus(Seconds(2));
    bill(&ledger, &Claim { node: NodeKey(1), ..claim(8, after) }, (PRICE, after));
    assert_eq!(ask(2, 9, (after, yesterday)), 3, "one that is behind");
    assert_eq!(ask(3, 9, (after.plus(LEASE_MARGIN), midnight)), 9, "the new day is its own");
}
