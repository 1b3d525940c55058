//! What has been promised and what has happened: frequency caps, budgets, holds, counters.
//!
//! - [`exposure`] a person's impressions under one scope, and whether caps allow another
//! - [`account`] a campaign's money and its counters
//! - [`fold`] what each event of the log changes
//! - [`expiry`] tables whose entries end at a known second
//!
//! The life of a bid here: [`Ledger::hold`] reserves money and a cap slot at once or refuses;
//! billing turns the hold into a charge and an exposure; a loss, or the end of the hold's
//! time, releases it. Every notice counts once, however often it comes.
//!
//! Guarantees: integers only; for notices that come within a hold's time, no rolling window
//! ever holds more impressions than its cap and no budget is overspent, whatever runs beside.
//! Must not do I/O or read a clock: `now` is an argument, and [`Ledger::advance`] is called by
//! whoever has one. State is in memory; making it durable is the log's business.

pub mod account;
pub mod expiry;
pub mod exposure;
mod fold;
mod hashing;

pub use crate::event::Claim;
pub use account::{Account, MoneyRefusal, Tally};
pub use exposure::{CapRefusal, Exposures};

use crate::campaign::model::{Book, Campaign, Caps};
use crate::model::{
    AdvertiserKey, BidId, CampaignKey, CpmMicros, MoneyNanos, Progress, Seconds, UnixSeconds,
    UserKey,
};
use account::Limits;
use dashmap::DashMap;
use expiry::ExpiringMap;
use hashing::Seeded;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// How much the ledger may remember: each bound fails closed (no hold) when it is reached.
#[derive(Clone, Copy, Debug)]
pub struct LedgerLimits {
    /// Live holds; a hold is about 200 bytes.
    pub holds_max: usize,
    /// (person, scope) pairs with exposures; about 100 bytes each.
    pub persons_max: usize,
    /// Bids whose notices are remembered for being counted once; about 50 bytes each.
    pub notices_max: usize,
}

impl Default for LedgerLimits {
    fn default() -> Self {
        Self { holds_max: 1_000_000, persons_max: 10_000_000, notices_max: 10_000_000 }
    }
}

/// What caps are counted under: all of an advertiser's campaigns, or one campaign.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Scope(u64);

impl From<CampaignKey> for Scope {
    fn from(key: CampaignKey) -> Self {
        Self(key.0)
    }
}

impl From<AdvertiserKey> for Scope {
    fn from(key: AdvertiserKey) -> Self {
        Self(key.0)
    }
}

/// Why a hold was refused; nothing was reserved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HoldRefusal {
    /// A cap is full.
    Cap(CapRefusal),
    /// The budget has no room.
    Money(MoneyRefusal),
    /// A bound of [`LedgerLimits`] is reached.
    LedgerFull,
    /// The bid id is already held (ids are unique, so a caller's mistake).
    Doubled,
}

/// What a notice did.
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
    /// The ledger cannot remember more notices: not counted.
    LedgerFull,
}

/// The kinds of notices that count once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
pub enum Notice {
    /// The auction was won.
    Win = 1,
    /// The impression is billable.
    Bill = 2,
    /// The auction was lost.
    Loss = 4,
    /// The ad was seen.
    View = 8,
    /// The ad was clicked.
    Click = 16,
}

/// The bit of a spot's progress among those of [`Notice`].
const fn progress_bit(progress: Progress) -> u16 {
    32 << progress as u16
}

/// What is reserved for one live bid.
struct Hold {
    claim: Claim,
    account: Arc<Account>,
}

/// The ledger.
pub struct Ledger {
    limits: LedgerLimits,
    exposures: DashMap<(UserKey, Scope), Exposures, Seeded>,
    exposures_count: AtomicUsize,
    accounts: DashMap<CampaignKey, Arc<Account>, Seeded>,
    holds: ExpiringMap<Hold>,
    /// The kinds of notices seen, by bid, as bits.
    noted: ExpiringMap<u16>,
    holds_expired: AtomicU64,
    /// The greatest time of any event folded.
    log_time: AtomicU32,
}

/// What must be reserved for a bid.
pub struct HoldRequest<'a> {
    /// What the bid promises.
    pub claim: &'a Claim,
    /// The campaign's account.
    pub account: &'a Arc<Account>,
    /// The scopes whose caps must leave room.
    pub caps: [(Scope, &'a Caps); 2],
}

impl Ledger {
    /// An empty ledger. `seed` keys the tables' hashing, so that nobody outside can choose
    /// ids that collide in them.
    pub fn new(limits: LedgerLimits, seed: u64) -> Self {
        Self {
            limits,
            exposures: DashMap::with_hasher(Seeded(seed)),
            exposures_count: AtomicUsize::new(0),
            accounts: DashMap::with_hasher(Seeded(seed)),
            holds: ExpiringMap::new(limits.holds_max, Seeded(seed)),
            noted: ExpiringMap::new(limits.notices_max, Seeded(seed)),
            holds_expired: AtomicU64::new(0),
            log_time: AtomicU32::new(0),
        }
    }

    /// Takes over the limits of a book's campaigns; what they have spent stays. Returns their
    /// accounts in the order of `book.campaigns`.
    pub fn adopt(&self, book: &Book) -> Vec<Arc<Account>> {
        book.campaigns.iter().map(|campaign| self.adopt_campaign(book, campaign)).collect()
    }

    fn adopt_campaign(&self, book: &Book, campaign: &Campaign) -> Arc<Account> {
        let account = self.open_account(campaign.key);
        let advertiser = &book.advertisers[campaign.advertiser];
        account.set_limits(Limits {
            budget: campaign.budget.clone(),
            flight: campaign.flight,
            advertiser: advertiser.key,
            advertiser_capped: !advertiser.caps.is_empty(),
        });
        account
    }

    /// The account of a campaign, opened on first use, without limits until a book sets them.
    pub fn open_account(&self, campaign: CampaignKey) -> Arc<Account> {
        Arc::clone(&self.accounts.entry(campaign).or_default())
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
        let full = |key: &UserKey| self.exposures.get(&(*key, scope))?.check(caps, now).err();
        keys.iter().find_map(full).map_or(Ok(()), Err)
    }

    /// How many impressions of `scope` the person has had since `since` and since the last
    /// click on one; the most that any of the keys knows of.
    pub fn shown_since(&self, keys: &[UserKey], scope: Scope, since: UnixSeconds) -> u32 {
        let shown = |key: &UserKey| Some(self.exposures.get(&(*key, scope))?.shown_since(since));
        keys.iter().filter_map(shown).max().unwrap_or(0)
    }

    /// How many impressions of `scope` the person has had in all.
    pub fn shown_total(&self, keys: &[UserKey], scope: Scope) -> u32 {
        let shown = |key: &UserKey| Some(self.exposures.get(&(*key, scope))?.shown_total());
        keys.iter().filter_map(shown).max().unwrap_or(0)
    }

    /// Reserves money and a cap slot for a bid, both or neither.
    ///
    /// # Errors
    /// What stood in the way; nothing is then reserved.
    pub fn hold(&self, request: &HoldRequest<'_>, now: UnixSeconds) -> Result<(), HoldRefusal> {
        let (claim, account) = (request.claim, request.account);
        account.reserve(claim.held, now).map_err(HoldRefusal::Money)?;
        let reserved = self.hold_caps(request, now).and_then(|()| {
            let hold = Hold { claim: claim.clone(), account: Arc::clone(account) };
            self.holds.insert(claim.bid, hold, claim.hold_ends()).map_err(|refusal| match refusal {
                expiry::Refusal::Full => HoldRefusal::LedgerFull,
                expiry::Refusal::Doubled => HoldRefusal::Doubled,
            })
        });
        if reserved.is_err() {
            account.unreserve(claim.held);
            if reserved != Err(HoldRefusal::Doubled) {
                self.release_caps(claim, account);
            }
        }
        reserved
    }

    /// Takes a cap slot under every (key, scope). A concurrent bid may meet a slot that is
    /// given back a moment later, so it may be refused needlessly; it is never let through
    /// wrongly.
    fn hold_caps(&self, request: &HoldRequest<'_>, now: UnixSeconds) -> Result<(), HoldRefusal> {
        let claim = request.claim;
        for (scope, caps) in request.caps {
            if caps.is_empty() {
                continue;
            }
            for key in &claim.keys {
                let mut exposures =
                    self.exposures_mut((*key, scope)).ok_or(HoldRefusal::LedgerFull)?;
                exposures.keep_for(caps);
                exposures.check(caps, now).map_err(HoldRefusal::Cap)?;
                exposures.hold((claim.bid, claim.hold_ends()), now);
            }
        }
        Ok(())
    }

    /// The exposures under a (key, scope), made on first use; `None` when the bound is reached.
    fn exposures_mut(
        &self,
        pair: (UserKey, Scope),
    ) -> Option<dashmap::mapref::one::RefMut<'_, (UserKey, Scope), Exposures>> {
        if let Some(known) = self.exposures.get_mut(&pair) {
            return Some(known);
        }
        if self.exposures_count.load(Ordering::Relaxed) >= self.limits.persons_max {
            return None;
        }
        let entry = self.exposures.entry(pair).or_insert_with(|| {
            self.exposures_count.fetch_add(1, Ordering::Relaxed);
            Exposures::default()
        });
        Some(entry)
    }

    fn release_caps(&self, claim: &Claim, account: &Account) {
        for scope in scopes_of(claim, account) {
            for key in &claim.keys {
                if let Some(mut exposures) = self.exposures.get_mut(&(*key, scope)) {
                    exposures.release(claim.bid);
                }
            }
        }
    }

    /// Gives back what a bid holds, as if it had not been made: for bids that are not sent.
    pub fn release(&self, bid: BidId) {
        if let Some(hold) = self.holds.remove(bid) {
            hold.account.unreserve(hold.claim.held);
            self.release_caps(&hold.claim, &hold.account);
        }
    }

    /// Lowers what a bid holds to what its final claim needs, once its place is settled. A
    /// claim that would need more changes nothing: holds only ever shrink without a check.
    pub fn settle(&self, claim: &Claim) {
        let freed = self.holds.change(claim.bid, |hold| {
            let freed = hold.claim.held.minus(claim.held);
            if freed.0 < 0 {
                return None;
            }
            hold.claim.held = claim.held;
            Some((freed, Arc::clone(&hold.account)))
        });
        if let Some((freed, account)) = freed.flatten() {
            account.unreserve(freed);
        }
    }

    /// Notes that an auction was won. Winning alone costs nothing.
    pub fn win(&self, claim: &Claim) -> Noted {
        self.note(claim, Notice::Win as u16, |account| account.tally().wins.add(1))
    }

    /// Notes that an auction was lost, and releases its hold.
    pub fn lose(&self, claim: &Claim) -> Noted {
        let noted = self.note(claim, Notice::Loss as u16, |account| account.tally().losses.add(1));
        if noted != Noted::Counted {
            return noted;
        }
        self.release(claim.bid);
        let billed = |bits: u16| bits & Notice::Bill as u16 != 0;
        if self.noted.get(claim.bid).is_some_and(billed) {
            return Noted::Contradiction;
        }
        noted
    }

    /// Charges a billable impression at `price` (at most the claim's ceiling) and counts the
    /// exposure. Money that was held is freed in the same step. It is late from the end of the
    /// hold's time on, whether or not the hold is still there: the log alone says which.
    pub fn bill(&self, claim: &Claim, price: CpmMicros, now: UnixSeconds) -> Noted {
        let noted = self.note(claim, Notice::Bill as u16, |_| ());
        if noted != Noted::Counted {
            return noted;
        }
        let Some(account) = self.account(claim.campaign) else { return Noted::Contradiction };
        let held = self.holds.remove(claim.bid).map(|hold| hold.claim.held);
        account.charge(claim.charge_at(price), held, now);
        self.expose(claim, &account, now);
        account.tally().impressions.add(1);
        if now < claim.hold_ends() {
            return Noted::Counted;
        }
        account.tally().late.add(1);
        Noted::CountedLate
    }

    /// Turns the hold's cap slots into impressions. At the bound on persons the impression
    /// still counts in money; the pair goes uncounted, as the hold before it was refused.
    fn expose(&self, claim: &Claim, account: &Account, now: UnixSeconds) {
        for scope in scopes_of(claim, account) {
            for key in &claim.keys {
                if let Some(mut exposures) = self.exposures_mut((*key, scope)) {
                    exposures.release(claim.bid);
                    exposures.expose(now);
                }
            }
        }
    }

    /// Notes that the ad was seen.
    pub fn view(&self, claim: &Claim) -> Noted {
        self.note(claim, Notice::View as u16, |account| account.tally().views.add(1))
    }

    /// Notes how far a spot was played. Players report each step; none implies another.
    pub fn progress(&self, claim: &Claim, progress: Progress) -> Noted {
        let count = |account: &Account| account.tally().progress[progress.index()].add(1);
        self.note(claim, progress_bit(progress), count)
    }

    /// Notes a click: the person's fatigue with the campaign starts anew.
    pub fn click(&self, claim: &Claim, now: UnixSeconds) -> Noted {
        let noted = self.note(claim, Notice::Click as u16, |account| account.tally().clicks.add(1));
        if noted == Noted::Counted {
            for key in &claim.keys {
                if let Some(mut exposures) = self.exposures_mut((*key, claim.campaign.into())) {
                    exposures.click(now);
                }
            }
        }
        noted
    }

    /// Counts a notice once: `count` runs only the first time.
    fn note(&self, claim: &Claim, bit: u16, count: impl FnOnce(&Account)) -> Noted {
        let first = self.noted.update(claim.bid, claim.notices_end, |bits| {
            let first = *bits & bit == 0;
            *bits |= bit;
            first
        });
        match first {
            Some(true) => {
                if let Some(account) = self.account(claim.campaign) {
                    count(&account);
                }
                Noted::Counted
            }
            Some(false) => Noted::Duplicate,
            None => Noted::LedgerFull,
        }
    }

    /// Lets time pass: releases holds and forgets notices whose time has ended. Returns how
    /// many holds were released. Call it at least once a second.
    pub fn advance(&self, now: UnixSeconds) -> usize {
        let ended = self.holds.take_ended(now);
        for (_, hold) in &ended {
            hold.account.unreserve(hold.claim.held);
            self.release_caps(&hold.claim, &hold.account);
        }
        self.holds_expired.fetch_add(ended.len() as u64, Ordering::Relaxed);
        self.noted.take_ended(now);
        ended.len()
    }

    /// Forgets persons whose exposures no cap can ask about any more. Walks the whole table:
    /// call it every few minutes, off the request threads.
    pub fn forget_stale_persons(&self, now: UnixSeconds) {
        self.exposures.retain(|_, exposures| {
            let keep = !exposures.is_stale(now);
            if !keep {
                self.exposures_count.fetch_sub(1, Ordering::Relaxed);
            }
            keep
        });
    }

    /// Live holds.
    pub fn holds_live(&self) -> usize {
        self.holds.len()
    }

    /// Holds whose time ended before a notice came, since the start.
    pub fn holds_expired(&self) -> u64 {
        self.holds_expired.load(Ordering::Relaxed)
    }

    /// (person, scope) pairs remembered.
    pub fn persons(&self) -> usize {
        self.exposures_count.load(Ordering::Relaxed)
    }

    /// Everything that is held over all accounts; for tests and reports.
    pub fn money_held(&self) -> MoneyNanos {
        self.accounts.iter().fold(MoneyNanos(0), |sum, entry| sum.plus(entry.money().held))
    }
}

/// Under which scopes a claim's impressions count: its campaign, and its advertiser where the
/// advertiser has caps of its own.
fn scopes_of(claim: &Claim, account: &Account) -> impl Iterator<Item = Scope> + use<> {
    let campaign = Some(Scope::from(claim.campaign));
    campaign.into_iter().chain(account.capped_advertiser().map(Scope::from))
}

/// How long exposures are remembered at least after the last one, so that fatigue and
/// sequences go on: the longest membership that the field's platforms keep by default.
pub const EXPOSURES_KEPT: Seconds = Seconds(90 * 86_400);

#[cfg(test)]
mod tests;
