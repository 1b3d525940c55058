//! What a bid reserves, and how it is given back: the only part of the ledger that is no fold of
//! the log. Holds live in memory; a clean stop writes them down, and after any other stop bids on
//! what is limited wait until those that may be in flight have ended.

use super::account::Account;
use super::exposure::CapRefusal;
use super::fold::{BILLED, LOST};
use super::scope::Scope;
use super::{Claim, Ledger, MoneyRefusal, expiry};
use crate::campaign::model::Caps;
use crate::event::EventKeys;
use crate::model::{AdvertiserKey, BidId, UnixSeconds};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Why a hold was refused; nothing was reserved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HoldRefusal {
    /// A cap is full.
    Cap(CapRefusal),
    /// The budget has no room.
    Money(MoneyRefusal),
    /// The bound on holds is reached.
    LedgerFull,
    /// The bid id is already held (ids are unique, so a caller's mistake).
    Doubled,
    /// After an unclean stop: bids of before it may still be billed, and what is limited cannot
    /// be known to have room until their time has ended.
    Recovering,
}

/// What is reserved for one live bid.
pub(super) struct Hold {
    pub(super) claim: Claim,
    pub(super) account: Arc<Account>,
    pub(super) advertiser: AdvertiserKey,
    pub(super) capped: bool,
}

/// What another node holds: a slot under the caps of these people.
#[derive(Default)]
pub(super) struct RemoteHold {
    keys: EventKeys,
}

/// A hold as a checkpoint has it.
pub(super) struct HoldsRestored {
    pub(super) claim: Claim,
    pub(super) advertiser: AdvertiserKey,
    /// Whether it takes slots under caps.
    pub(super) capped: bool,
}

/// What must be reserved for a bid.
pub struct HoldRequest<'a> {
    /// What the bid promises.
    pub claim: &'a Claim,
    /// The campaign's account.
    pub account: &'a Arc<Account>,
    /// Whose campaign it is.
    pub advertiser: AdvertiserKey,
    /// The caps that must leave room.
    pub caps: &'a [(Scope, &'a Caps)],
}

impl Ledger {
    /// Reserves money and a cap slot for a bid, both or neither.
    ///
    /// # Errors
    /// What stood in the way; nothing is then reserved.
    pub fn hold(&self, request: &HoldRequest<'_>, now: UnixSeconds) -> Result<(), HoldRefusal> {
        let (claim, account) = (request.claim, request.account);
        let capped = request.caps.iter().any(|(_, caps)| !caps.is_empty());
        if self.is_recovering() && (capped || account.is_budgeted()) {
            return Err(HoldRefusal::Recovering);
        }
        account.reserve(claim.held, (now, claim.hold_ends())).map_err(HoldRefusal::Money)?;
        let held = if capped { self.hold_caps(request, now) } else { Ok(()) };
        let held = held.and_then(|()| {
            let hold = Hold {
                claim: claim.clone(),
                account: Arc::clone(account),
                advertiser: request.advertiser,
                capped,
            };
            self.holds.insert(claim.bid, hold, claim.hold_ends()).map_err(|refusal| {
                // One slot goes: that of a bid that is held already stays.
                if capped {
                    self.release_caps(claim);
                }
                match refusal {
                    expiry::Refusal::Full => HoldRefusal::LedgerFull,
                    expiry::Refusal::Doubled => HoldRefusal::Doubled,
                }
            })
        });
        if held.is_err() {
            account.unreserve(claim.held);
        }
        held
    }

    /// Takes a cap slot under every key. A concurrent bid may meet a slot that is given back a
    /// moment later, so it may be refused needlessly; it is never let through wrongly.
    fn hold_caps(&self, request: &HoldRequest<'_>, now: UnixSeconds) -> Result<(), HoldRefusal> {
        let (claim, advertiser) = (request.claim, request.advertiser);
        for (number, key) in claim.keys.iter().enumerate() {
            let held = self.persons.hold((*key, (claim, advertiser)), request.caps, now);
            if let Err(refusal) = held {
                let taken = &claim.keys[..number];
                taken.iter().for_each(|key| self.persons.release(*key, claim.bid));
                return Err(HoldRefusal::Cap(refusal));
            }
        }
        Ok(())
    }

    fn give_back(&self, hold: &Hold) {
        hold.account.unreserve(hold.claim.held);
        if hold.capped {
            self.release_caps(&hold.claim);
        }
    }

    fn release_caps(&self, claim: &Claim) {
        claim.keys.iter().for_each(|key| self.persons.release(*key, claim.bid));
    }

    /// Gives back what a bid holds, as if it had not been made: for bids that are not sent.
    pub fn release(&self, bid: BidId) {
        if let Some(hold) = self.holds.remove(bid) {
            self.give_back(&hold);
        }
    }

    /// Lowers what a bid holds to what its final claim needs, once its place is settled, and
    /// counts it under its final creative. A claim that would need more money changes nothing:
    /// holds only ever shrink without a check.
    pub fn settle(&self, claim: &Claim) {
        let changed = self.holds.change(claim.bid, |hold| {
            let freed = hold.claim.held.minus(claim.held);
            if freed.0 < 0 {
                return None;
            }
            let moved = hold.claim.creative != claim.creative;
            (hold.claim.held, hold.claim.creative) = (claim.held, claim.creative);
            Some((freed, Arc::clone(&hold.account), moved.then_some(hold.advertiser)))
        });
        let Some((freed, account, moved)) = changed.flatten() else { return };
        account.unreserve(freed);
        if let Some(advertiser) = moved {
            let of = (claim, advertiser);
            claim.keys.iter().for_each(|key| self.persons.move_hold(*key, of));
        }
    }

    /// Releases holds whose time has ended; returns how many of this node's own. Call it a few
    /// times a second. `now` must not be later than the arrival of any event that is not folded
    /// yet, or a billing could find its slot and its money given away though it came in time.
    pub fn advance(&self, now: UnixSeconds) -> usize {
        self.ended_by.fetch_max(now.0, Ordering::Relaxed);
        let ended = self.holds.take_ended(now);
        for (_, hold) in &ended {
            self.give_back(hold);
        }
        for (bid, hold) in self.remote_holds.take_ended(now) {
            hold.keys.iter().for_each(|key| self.persons.release(*key, bid));
        }
        self.holds_expired.fetch_add(ended.len() as u64, Ordering::Relaxed);
        ended.len()
    }

    /// The bids in flight, in the order of their ids.
    pub(super) fn live_holds(&self) -> Vec<HoldsRestored> {
        let mut holds = self.holds.map(|hold| HoldsRestored {
            claim: hold.claim.clone(),
            advertiser: hold.advertiser,
            capped: hold.capped,
        });
        holds.sort_unstable_by_key(|hold| hold.claim.bid);
        holds
    }

    /// Holds again what was held when the state was written.
    pub(super) fn restore_hold(&self, restored: HoldsRestored) {
        let HoldsRestored { claim, advertiser, capped } = restored;
        let account = self.open_account(claim.campaign);
        let hold = Hold { claim: claim.clone(), account: Arc::clone(&account), advertiser, capped };
        if self.holds.insert(claim.bid, hold, claim.hold_ends()).is_err() {
            return;
        }
        account.restore_hold(claim.held);
        if capped {
            claim.keys.iter().for_each(|key| self.persons.force_hold(*key, (&claim, advertiser)));
        }
    }

    /// Refuses holds on what is limited until [`Self::advance`] is told of `until`: to be told at
    /// the start after an unclean stop, with the longest time of a hold after this node was last
    /// alive. The clock alone does not end it: what was billed may wait on another node's disk.
    pub fn holds_unknown_until(&self, until: UnixSeconds) {
        self.holds_unknown_until.fetch_max(until.0, Ordering::Relaxed);
    }

    /// Whether bids of before an unclean stop may still be billed.
    pub fn is_recovering(&self) -> bool {
        let until = self.holds_unknown_until.load(Ordering::Relaxed);
        self.ended_by.load(Ordering::Relaxed) < until
    }

    /// Another node bids: its hold counts against caps here, until it is released, its notice is
    /// folded, or its time ends. Its money is that node's own lease.
    pub fn note_remote_hold(&self, claim: &Claim, advertiser: AdvertiserKey) {
        let settled = self.noted.get(claim.bid).is_some_and(|bits| bits & (BILLED | LOST) != 0);
        let hold = RemoteHold { keys: claim.keys.clone() };
        if settled || self.remote_holds.insert(claim.bid, hold, claim.hold_ends()).is_err() {
            return;
        }
        for key in &claim.keys {
            self.persons.force_hold(*key, (claim, advertiser));
        }
    }

    /// Another node's bid was not sent, or has been lost.
    pub fn release_remote_hold(&self, bid: BidId) {
        if let Some(hold) = self.remote_holds.remove(bid) {
            hold.keys.iter().for_each(|key| self.persons.release(*key, bid));
        }
    }
}
