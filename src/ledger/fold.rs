//! The fold: what each event of the log changes in the ledger.
//!
//! Guarantees: the only clock is the events' own time, and no file is looked at, so that every
//! node and every restart comes to the same state; an event that comes again changes nothing; the
//! report is the same in whatever order the events stand, as long as none stands later than
//! [`DISORDER_MAX`](super::DISORDER_MAX) after others of its time. Must be called by one thread, in the order of the
//! log; bids hold and settle beside it.

mod notices;
pub(super) mod seen;

use super::attribution::{Attribution, Bounds};
use super::hashing::Seeded;
use super::report::{Line, ROWS_MAX, Report};
use super::{Ledger, LedgerLimits};
use crate::event::{
    Claim, Count, Event, EventId, EventKeys, LeaseRequest, Notice, NoticeKind, SiteEvent,
    SiteEventName, What,
};
use crate::model::{AdvertiserKey, CampaignKey, MoneyNanos, NodeKey, Seconds, UnixSeconds};
pub(super) use notices::{BILLED, LOST};
use seen::SeenEvents;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// Purchases that are known at once, each about 300 bytes: three months of eleven thousand a day.
const CONVERSIONS_MAX: usize = 1_000_000;
/// A node that nothing was heard of for so long asks for no part of a budget.
const NODE_SILENT: Seconds = Seconds(60);
/// Nodes remembered: more than a cluster has.
const NODES_MAX: usize = 1_024;

/// What an event did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Noted {
    /// Counted.
    Counted,
    /// Counted, but its hold had ended: the money was spent late.
    CountedLate,
    /// It had been counted before.
    Duplicate,
    /// It contradicts what is known: a loss of what was billed. The loss is counted, and the
    /// contradiction apart; the billing stands.
    Contradiction,
    /// Its time had ended: not counted.
    Expired,
    /// A bound is reached: not counted.
    LedgerFull,
    /// Durable on this node, and counted once the log that it shares with others can be reached.
    Kept,
}

/// What only the folding thread changes.
pub(super) struct Folds {
    pub(super) report: Report,
    pub(super) attribution: Attribution,
    pub(super) seen: SeenEvents,
    /// When each node was last heard of.
    pub(super) nodes: BTreeMap<NodeKey, UnixSeconds>,
    /// Up to when time has passed here.
    passed: UnixSeconds,
}

impl Folds {
    pub(super) fn new(limits: LedgerLimits, seed: Seeded) -> Self {
        let bounds = Bounds { touched_max: limits.persons_max, conversions_max: CONVERSIONS_MAX };
        Self {
            report: Report::new(ROWS_MAX),
            attribution: Attribution::new(bounds, seed),
            seen: SeenEvents::default(),
            nodes: BTreeMap::new(),
            passed: UnixSeconds(0),
        }
    }

    /// Notes that a node is there; how many are.
    fn hear_of(&mut self, node: NodeKey, (at, log_time): (UnixSeconds, UnixSeconds)) -> usize {
        if self.nodes.len() < NODES_MAX || self.nodes.contains_key(&node) {
            let last = self.nodes.entry(node).or_default();
            *last = at.max(*last);
        }
        self.nodes.values().filter(|last| log_time.since(**last) <= NODE_SILENT).count()
    }

    /// Begins where the log was at `log_time`.
    pub(super) fn resume(&mut self, log_time: UnixSeconds) {
        self.passed = log_time;
    }

    /// Remembers a node; whether there was room.
    pub(super) fn restore_node(&mut self, node: NodeKey, last: UnixSeconds) -> bool {
        self.nodes.insert(node, last);
        self.nodes.len() <= NODES_MAX
    }

    /// Lets the time of the log pass, once a second of it.
    fn pass(&mut self, log_time: UnixSeconds) -> bool {
        if log_time <= self.passed {
            return false;
        }
        self.passed = log_time;
        self.report.pass(log_time);
        self.attribution.pass(log_time);
        self.seen.pass(log_time);
        self.nodes.retain(|_, last| log_time.since(*last) <= Seconds::DAY);
        true
    }
}

impl Ledger {
    /// Takes in a notice that is in no log: for tests, and for tools that have none.
    pub fn note(&self, kind: NoticeKind, claim: &Claim, at: UnixSeconds) -> Noted {
        let notice = Notice { kind, claim: claim.clone(), advertiser: AdvertiserKey(0) };
        let (id, node) = (EventId(0), claim.node);
        self.apply(&Event { id, at, node, what: What::Notice(notice) })
    }

    /// Takes in an event; what it did.
    pub fn apply(&self, event: &Event) -> Noted {
        let mut folds = self.folds.lock();
        self.outlook.pass(event.at);
        let log_time = self.log_time();
        if folds.pass(log_time) {
            self.noted.take_ended(log_time.minus(super::DISORDER_MAX));
        }
        let nodes = folds.hear_of(event.node, (event.at, log_time));
        self.nodes.store(nodes, Ordering::Relaxed);
        match &event.what {
            What::Notice(notice) => self.apply_notice(&mut folds, notice, event.at),
            What::Site(site) => self.apply_site(&mut folds, (event, site)),
            What::Erasure(keys) => self.forget(&mut folds, keys),
            What::Counts(counts) => self.apply_counts(&mut folds, (event, counts)),
            What::LeaseRequest(request) => self.apply_request(&mut folds, (event, request)),
            What::LeaseReturn { campaign, amount } => {
                self.apply_return(&mut folds, (event, (*campaign, *amount)))
            }
            // Whoever has opted out is bid for no more; what was, is still to be billed.
            What::OptOut(_) | What::Tick => Noted::Counted,
        }
    }

    fn apply_site(&self, folds: &mut Folds, purchase: (&Event, &SiteEvent)) -> Noted {
        let (_, site) = purchase;
        if site.name != SiteEventName::Purchase {
            return Noted::Counted;
        }
        if site.happened.plus(super::attribution::CONVERSIONS_KEPT) < self.log_time() {
            return Noted::Expired;
        }
        if folds.attribution.purchase(purchase, &mut folds.report) {
            Noted::Counted
        } else {
            Noted::Duplicate
        }
    }

    /// Forgets everything known under a person's keys; what was counted without them stays.
    fn forget(&self, folds: &mut Folds, keys: &EventKeys) -> Noted {
        keys.iter().for_each(|key| self.persons.forget(*key));
        folds.attribution.forget(keys);
        Noted::Counted
    }

    fn apply_counts(&self, folds: &mut Folds, (event, counts): (&Event, &[Count])) -> Noted {
        let noted = folds.seen.note(event, self.log_time());
        if noted != Noted::Counted {
            return noted;
        }
        for count in counts {
            let Count { campaign, creative, exchange, .. } = *count;
            folds.report.count(count.hour, Line { campaign, creative, exchange }, |sums| {
                sums.considered += count.considered;
                sums.bids += count.bids;
                sums.ghosts += count.ghosts;
            });
        }
        Noted::Counted
    }

    fn apply_request(&self, folds: &mut Folds, (event, request): (&Event, &LeaseRequest)) -> Noted {
        let noted = folds.seen.note(event, self.log_time());
        if noted != Noted::Counted {
            return noted;
        }
        match self.open_account(request.campaign).grant(request, event.node) {
            Some(_) => Noted::Counted,
            None => Noted::LedgerFull,
        }
    }

    fn apply_return(
        &self,
        folds: &mut Folds,
        (event, (campaign, amount)): (&Event, (CampaignKey, MoneyNanos)),
    ) -> Noted {
        let noted = folds.seen.note(event, self.log_time());
        if noted == Noted::Counted {
            self.open_account(campaign).take_back(event.node, amount);
        }
        noted
    }
}
