//! What has been promised and what has happened: frequency caps, budgets, holds, reports.
//!
//! - [`holding`] what a bid reserves, and how it is given back
//! - [`fold`] what each event of the log changes
//! - [`account`] a campaign's money; [`spending`], [`day`], [`lease`], [`demand`] its parts;
//!   [`tally`] its counters
//! - [`persons`] everybody's impressions, as [`records`] of words; [`exposure`] what caps say to
//!   them, under a [`scope`]
//! - [`attribution`] which click or view a purchase is credited to
//! - [`report`] counters by hour, campaign, creative and exchange
//! - [`checkpoint`] all of that as bytes
//! - [`counting`] what a node has to say of its own bids
//! - [`expiry`] tables whose entries end at a known second
//!
//! The life of a bid here: [`Ledger::hold`] reserves money and a cap slot at once or refuses;
//! billing turns the hold into a charge and an exposure; a loss, or the end of the hold's
//! time, releases it. Every notice counts once, however often it comes.
//!
//! Guarantees: integers only; for notices that come within a hold's time, no rolling window
//! ever holds more impressions than its cap and no budget is overspent, whatever runs beside. All
//! but the holds is a function of the log alone. Must not do I/O or read a clock: `now` is an
//! argument, and [`Ledger::advance`] is called by whoever has one.

pub mod account;
pub mod attribution;
pub mod checkpoint;
mod counting;
mod day;
mod demand;
pub mod expiry;
pub mod exposure;
mod fold;
mod hashing;
mod holding;
pub mod lease;
pub mod persons;
mod records;
pub mod report;
mod scope;
mod spending;
pub mod tally;

pub use crate::event::Claim;
pub use account::{Account, Balance, Money, MoneyRefusal};
pub use checkpoint::{CheckpointError, Holds, Restored};
pub use counting::Counted;
pub use exposure::CapRefusal;
pub use fold::Noted;
pub use holding::{HoldRefusal, HoldRequest};
pub use lease::Standing;
pub use scope::Scope;
pub use tally::Tally;

use crate::campaign::model::{Book, Campaign, Caps};
use crate::event::{Count, LeaseRequest};
use crate::model::{CampaignKey, MoneyNanos, NodeKey, Seconds, UnixSeconds, UserKey};
use account::Limits;
use dashmap::DashMap;
use expiry::ExpiringMap;
use fold::Folds;
use hashing::Seeded;
use holding::{Hold, RemoteHold};
use lease::Outlook;
use parking_lot::Mutex;
use persons::Persons;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// How long exposures are remembered at least after the last one, so that fatigue and
/// sequences go on: the longest membership that the field's platforms keep by default.
pub const EXPOSURES_KEPT: Seconds = Seconds(90 * 86_400);
/// How much later in the log than others of its time an event may stand and still count once and
/// in the right place: what is remembered only to that end is kept so much longer. Clocks differ by
/// seconds, and whoever gets no answer sends again within minutes.
pub const DISORDER_MAX: Seconds = Seconds::HOUR;

/// How much the ledger may remember. At the bound on holds bids are refused; at the others what
/// is oldest is forgotten, and counted.
#[derive(Clone, Copy, Debug)]
pub struct LedgerLimits {
    /// Live holds; a hold is about 250 bytes.
    pub holds_max: usize,
    /// (person, campaign) pairs with impressions; at most [`persons::PAIR_BYTES`] each, and about
    /// as much again for people with clicks and views.
    pub persons_max: usize,
    /// Bids whose notices are remembered for being counted once; about 50 bytes each.
    pub notices_max: usize,
}

impl Default for LedgerLimits {
    fn default() -> Self {
        Self { holds_max: 1_000_000, persons_max: 10_000_000, notices_max: 10_000_000 }
    }
}

/// The ledger.
pub struct Ledger {
    outlook: Arc<Outlook>,
    accounts: DashMap<CampaignKey, Arc<Account>, Seeded>,
    persons: Persons,
    holds: ExpiringMap<Hold>,
    remote_holds: ExpiringMap<RemoteHold>,
    /// The kinds of notices seen, by bid, as bits.
    noted: ExpiringMap<u16>,
    /// What only the folding thread changes.
    folds: Mutex<Folds>,
    /// Nodes that were heard of of late, this one included.
    nodes: AtomicUsize,
    holds_expired: AtomicU64,
    /// Until when bids of before an unclean stop may still be billed.
    holds_unknown_until: AtomicU32,
    /// Up to when holds were ended.
    ended_by: AtomicU32,
}

impl Ledger {
    /// An empty ledger of a node that has the budgets to itself. `seed` keys the tables'
    /// hashing, so that nobody outside can choose ids that collide in them.
    pub fn new(limits: LedgerLimits, seed: u64) -> Self {
        Self::in_standing(Standing::Sole, limits, seed)
    }

    /// As [`Self::new`], in any standing.
    pub fn in_standing(standing: Standing, limits: LedgerLimits, seed: u64) -> Self {
        let seed = Seeded(seed);
        Self {
            outlook: Arc::new(Outlook::new(standing)),
            accounts: DashMap::with_hasher(seed),
            persons: Persons::new(limits.persons_max, seed),
            holds: ExpiringMap::new(limits.holds_max, seed),
            remote_holds: ExpiringMap::new(limits.holds_max, seed),
            noted: ExpiringMap::new(limits.notices_max, seed),
            folds: Mutex::new(Folds::new(limits, seed)),
            nodes: AtomicUsize::new(1),
            holds_expired: AtomicU64::new(0),
            holds_unknown_until: AtomicU32::new(0),
            ended_by: AtomicU32::new(0),
        }
    }

    /// Takes over the limits of a book's campaigns; what they have spent stays. Returns their
    /// accounts in the order of `book.campaigns`.
    pub fn adopt(&self, book: &Book) -> Vec<Arc<Account>> {
        let of_shops = book.advertisers.iter().map(|advertiser| &advertiser.caps);
        let caps = of_shops.chain(book.campaigns.iter().map(|campaign| &campaign.caps));
        caps.for_each(|caps| self.persons.keep_for(caps));
        book.campaigns.iter().map(|campaign| self.adopt_campaign(book, campaign)).collect()
    }

    fn adopt_campaign(&self, book: &Book, campaign: &Campaign) -> Arc<Account> {
        let account = self.open_account(campaign.key);
        account.set_limits(Limits {
            budget: campaign.budget.clone(),
            flight: campaign.flight,
            advertiser: book.advertisers[campaign.advertiser].key,
            dearest: campaign.price.max.cost_of_one(),
        });
        account
    }

    /// The account of a campaign, opened on first use, without limits until a book sets them.
    pub fn open_account(&self, campaign: CampaignKey) -> Arc<Account> {
        let open = || Arc::new(Account::new(Arc::clone(&self.outlook)));
        Arc::clone(&self.accounts.entry(campaign).or_insert_with(open))
    }

    /// The account of a campaign that this ledger has ever seen.
    pub fn account(&self, campaign: CampaignKey) -> Option<Arc<Account>> {
        self.accounts.get(&campaign).map(|account| Arc::clone(&account))
    }

    /// Whether the caps of `scope` leave room for one more impression for all of `keys`.
    ///
    /// # Errors
    /// The cap that does not, and when it will.
    pub fn check_caps(
        &self,
        keys: &[UserKey],
        (scope, caps): (Scope, &Caps),
        now: UnixSeconds,
    ) -> Result<(), CapRefusal> {
        if caps.is_empty() {
            return Ok(());
        }
        let check = |key: &UserKey| {
            self.persons.look((*key, scope), |exposures| exposures.check((scope, caps), now))
        };
        keys.iter().try_for_each(check)
    }

    /// How many impressions of `scope` the person has had since `since` and since the last
    /// click on one; the most that any of the keys knows of.
    pub fn shown_since(&self, keys: &[UserKey], scope: Scope, since: UnixSeconds) -> u32 {
        let shown = |key: &UserKey| {
            self.persons.look((*key, scope), |exposures| exposures.shown_since(scope, since))
        };
        keys.iter().map(shown).max().unwrap_or(0)
    }

    /// How many impressions of `scope` the person has had in all.
    pub fn shown_total(&self, keys: &[UserKey], scope: Scope) -> u32 {
        let shown = |key: &UserKey| {
            self.persons.look((*key, scope), |exposures| exposures.shown_total(scope))
        };
        keys.iter().map(shown).max().unwrap_or(0)
    }

    /// Forgets persons whose exposures no cap can ask about any more. Walks the whole table:
    /// call it every few minutes, off the request threads.
    pub fn forget_stale_persons(&self, now: UnixSeconds) {
        self.persons.forget_stale(now);
    }

    /// What this node should ask for of the budgets it shares: call it once a second, and hand
    /// each in as an event. Empty where it shares none.
    pub fn lease_needs(&self, now: UnixSeconds) -> Vec<LeaseRequest> {
        if self.outlook.standing == Standing::Sole {
            return Vec::new();
        }
        let nodes = self.nodes.load(Ordering::Relaxed);
        let need = |(campaign, account): (CampaignKey, Arc<Account>)| {
            account.lease_need(campaign, (nodes, now))
        };
        self.all_accounts().into_iter().filter_map(need).collect()
    }

    /// What this node has leased and does not use: to be given back when it bids no more.
    pub fn lease_surplus(&self) -> Vec<(CampaignKey, MoneyNanos)> {
        let surplus = |(campaign, account): (CampaignKey, Arc<Account>)| {
            let surplus = account.lease_surplus();
            (surplus.0 > 0).then_some((campaign, surplus))
        };
        self.all_accounts().into_iter().filter_map(surplus).collect()
    }

    /// What this node has counted of its bids since it was last asked: to be handed in as one
    /// event every few seconds, so that reports have it.
    pub fn take_counts(&self, now: UnixSeconds) -> Vec<Count> {
        let mut counts = Vec::new();
        for (campaign, account) in self.all_accounts() {
            account.unsaid().take(campaign, now, &mut counts);
        }
        counts
    }

    /// All accounts, in the order of their campaigns' keys.
    fn all_accounts(&self) -> Vec<(CampaignKey, Arc<Account>)> {
        let all = self.accounts.iter().map(|entry| (*entry.key(), Arc::clone(entry.value())));
        let mut all: Vec<_> = all.collect();
        all.sort_unstable_by_key(|(campaign, _)| *campaign);
        all
    }

    /// The time of the log: the greatest of any event folded so far.
    pub fn log_time(&self) -> UnixSeconds {
        self.outlook.log_time()
    }

    /// The node whose money this is, where budgets are shared.
    pub fn node(&self) -> Option<NodeKey> {
        match self.outlook.standing {
            Standing::Sole => None,
            Standing::Shared(node) => Some(node),
        }
    }

    /// Live holds of this node.
    pub fn holds_live(&self) -> usize {
        self.holds.len()
    }

    /// The nodes that were heard of in the last day of the log, and the time of the last event of
    /// each.
    pub fn nodes_heard_of(&self) -> Vec<(NodeKey, UnixSeconds)> {
        self.folds.lock().nodes.iter().map(|(node, last)| (*node, *last)).collect()
    }

    /// Holds of other nodes that count against caps here.
    pub fn remote_holds_live(&self) -> usize {
        self.remote_holds.len()
    }

    /// Holds whose time ended before a notice came, since the start.
    pub fn holds_expired(&self) -> u64 {
        self.holds_expired.load(Ordering::Relaxed)
    }

    /// (person, campaign and creative) pairs remembered.
    pub fn persons(&self) -> usize {
        self.persons.pairs()
    }

    /// Such pairs that were forgotten for want of room while caps could still ask for them,
    /// since the start.
    pub fn persons_evicted(&self) -> u64 {
        self.persons.evicted()
    }

    /// Bids whose notices were forgotten for want of room before their time had ended, since the
    /// start: if one comes again, it counts again.
    pub fn notices_evicted(&self) -> u64 {
        self.noted.evicted()
    }

    /// Clicks and views that were forgotten for want of room, since the start.
    pub fn touches_dropped(&self) -> u64 {
        self.folds.lock().attribution.touches.dropped
    }

    /// Rows of the report, and how long they are.
    pub fn report(&self, query: &report::Query<'_>) -> Vec<report::Row> {
        self.folds.lock().report.rows(query)
    }

    /// Everything that is held over all accounts; for tests and reports.
    pub fn money_held(&self) -> MoneyNanos {
        self.accounts.iter().fold(MoneyNanos(0), |sum, entry| sum.plus(entry.money().held))
    }
}

#[cfg(test)]
mod tests;
