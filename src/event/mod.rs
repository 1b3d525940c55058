//! What happened: the events of the log, as the folds see them.
//!
//! - [`claim`] what a bid promised, as its signed token carries it
//! - [`site`] what a person did in a shop
//! - [`codec`] events as bytes (`proto/events.proto`)
//! - [`holds`] what nodes tell each other of their bids in flight, as bytes; no event
//!
//! Everything that Homing must not forget is one of these, in one order, and every number is a
//! fold of them: caps, budgets, the live overlay of the audience, conversions, reports.
//!
//! Guarantees: plain values; nothing here reads a clock or does I/O. An event says what
//! happened, never what is to be made of it: that is the business of the folds (`ledger`,
//! `audience::overlay`), which must come to the same result on every node.

pub mod claim;
pub mod codec;
pub mod holds;
pub mod site;

pub use claim::Claim;
pub use site::{SiteEvent, SiteEventName};

use crate::model::{
    AdvertiserKey, CampaignKey, CpmMicros, CreativeKey, ExchangeKey, MoneyNanos, NodeKey, Progress,
    Seconds, UnixSeconds, UserKey,
};
use smallvec::SmallVec;

/// The place of an event in the log: the first has 1, and none is left out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct LogPosition(pub u64);

/// One event's own name: the same event has the same id however often it is sent, so that it
/// counts once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct EventId(pub u128);

/// One event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// Its own name.
    pub id: EventId,
    /// When it reached the node that wrote it, by that node's clock.
    pub at: UnixSeconds,
    /// The node that wrote it.
    pub node: NodeKey,
    /// What happened.
    pub what: What,
}

/// The keys of one person, as an event names them.
pub type EventKeys = SmallVec<[UserKey; 4]>;

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// A person did something in a shop.
    Site(SiteEvent),
    /// A notice of a bid of ours came.
    Notice(Notice),
    /// A person does not want to be followed: from now on nobody bids for these keys.
    OptOut(EventKeys),
    /// A person's data is to be forgotten: everything known under these keys goes, and what
    /// older snapshots know of them counts no more.
    Erasure(EventKeys),
    /// A node asks for money of a campaign's budget. Whether it is granted, and how much of it,
    /// is for the fold to say: alike on every node.
    LeaseRequest(LeaseRequest),
    /// A node gives back what it does not need of its lease.
    LeaseReturn {
        /// Whose budget.
        campaign: CampaignKey,
        /// How much.
        amount: MoneyNanos,
    },
    /// Nothing but time has passed: leases end by the time of the log.
    Tick,
    /// What a node counted since it last said so, for reports: not money, so a crash may lose
    /// what was not yet said.
    Counts(Vec<Count>),
}

/// The kinds of notices.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoticeKind {
    /// The auction was won.
    Win,
    /// The impression is billable, at this price (at most the claim's ceiling).
    Bill(CpmMicros),
    /// The auction was won and the impression billable in one (exchanges that bill by `nurl`).
    WinAndBill(CpmMicros),
    /// The auction was lost.
    Loss,
    /// The ad was seen.
    View,
    /// The ad was clicked.
    Click,
    /// A spot was played so far.
    Progress(Progress),
}

/// A notice whose signature was good and whose time had not ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    /// Its kind.
    pub kind: NoticeKind,
    /// What the bid promised.
    pub claim: Claim,
    /// Whose campaign it is; 0 where the campaign is in no file any more.
    pub advertiser: AdvertiserKey,
}

/// A node asks for a part of a campaign's budget.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LeaseRequest {
    /// Whose budget.
    pub campaign: CampaignKey,
    /// How much; the fold grants as much of it as is free.
    pub amount: MoneyNanos,
    /// For how long, by the time of the log, from this event on. The node stops bidding with
    /// it one hold's time earlier, so that its bids are settled when the lease ends.
    pub ttl: Seconds,
    /// The budget as the node that asks knows it, so that what is granted is a matter of the log
    /// alone and not of which files the folding node has read.
    pub limits: LeaseLimits,
}

/// A campaign's budget, and the day that it counts by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LeaseLimits {
    /// What may be spent in the day below; `None`: any amount.
    pub daily: Option<MoneyNanos>,
    /// What may be spent in all; `None`: any amount.
    pub total: Option<MoneyNanos>,
    /// The first second of the campaign's day.
    pub day_from: UnixSeconds,
    /// The first second after it.
    pub day_to: UnixSeconds,
}

/// Counters of one hour, campaign, creative and exchange.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Count {
    /// The first second of the hour.
    pub hour: UnixSeconds,
    /// The campaign.
    pub campaign: CampaignKey,
    /// The creative; 0 for what is counted before one is chosen.
    pub creative: CreativeKey,
    /// The exchange.
    pub exchange: ExchangeKey,
    /// How often the campaign was looked at.
    pub considered: u64,
    /// Bids sent.
    pub bids: u64,
    /// Bids that the holdout kept from being sent.
    pub ghosts: u64,
}

impl Event {
    /// Whether it concerns somebody with this key.
    pub fn names(&self, key: UserKey) -> bool {
        match &self.what {
            What::Site(site) => site.keys.contains(&key),
            What::Notice(notice) => notice.claim.keys.contains(&key),
            What::OptOut(keys) | What::Erasure(keys) => keys.contains(&key),
            _ => false,
        }
    }
}
