//! The holds and the bids: which candidate gets its money and its cap slot, and what is promised.
//!
//! Campaigns are taken from the dearest down, each to a place that [`super::places`] finds. A
//! campaign that is refused its hold leaves its place to the next. What is held at first is the
//! most that any of its places would cost; it is lowered once it is known which place it is.

use super::eligibility::cap_reason;
use super::places::{Board, Places};
use super::{Candidate, Case, Decision, Fit};
use crate::campaign::model::{CampaignIndex, CreativeIndex};
use crate::ledger::{Account, Claim, Counted, HoldRefusal, HoldRequest};
use crate::model::{BidId, CpmMicros, CreativeKey, Currency, NoBidReason, Seconds};
use crate::openrtb::offer::Medium;
use std::sync::Arc;

/// Longest time that an exchange can have a bid's money held by what it says of `exp`. Ads in
/// apps are shown half an hour or more after their auction; a longer hold would let a few
/// requests lock a day's budget.
pub const EXPIRY_MAX: Seconds = Seconds(3_600);

/// A bid that was granted its hold: ready to be written.
#[derive(Clone, Debug)]
pub struct Bid {
    /// Place of the impression in the request.
    pub impression: usize,
    /// The campaign that pays.
    pub campaign: CampaignIndex,
    /// The creative that is shown.
    pub creative: CreativeIndex,
    /// As which kind of markup.
    pub medium: Medium,
    /// On which of the impression's deals; `None`: in the open auction.
    pub deal: Option<u8>,
    /// The price, in the currency of the decision.
    pub price: CpmMicros,
    /// What its notices will refer to.
    pub claim: Claim,
}

/// Where new bid ids come from: a seed and a counter, both given from outside.
#[derive(Clone, Copy, Debug)]
pub struct BidIds {
    seed: u64,
    next: u64,
}

impl BidIds {
    /// A stream of ids of its own for each `seed`.
    pub fn new(seed: u64) -> Self {
        Self { seed, next: 0 }
    }

    fn take(&mut self) -> BidId {
        let id = BidId::nth(self.seed, self.next);
        self.next = self.next.wrapping_add(1);
        id
    }
}

/// Takes the holds for a decision's candidates and fills `decision.bids`. Test auctions hold
/// nothing.
pub fn commit(case: &Case<'_, '_>, decision: &mut Decision, ids: &mut BidIds) {
    if decision.candidates.is_empty() {
        // Nobody asks what is on offer, so it need not be read either.
        return;
    }
    let candidates = std::mem::take(&mut decision.candidates);
    let board = Board { book: case.world.book, candidates: &candidates };
    let mut places = Places::new(case.request.impressions.len());
    for (number, candidate) in candidates.iter().enumerate() {
        let outcome = place(case, decision, (&board, number), (&mut places, ids));
        if let Err(reason) = outcome {
            decision.noes.push((candidate.campaign, reason));
        }
    }
    while places.pod_has_room(&board) && place_outranked(case, decision, &board, (&mut places, ids))
    {
    }
    for (owner, fit) in places.taken(&board) {
        let campaign = candidates[owner].campaign;
        let unplaced = |bid: &&mut Bid| bid.campaign == campaign && bid.impression == UNPLACED;
        if let Some(bid) = decision.bids.iter_mut().find(unplaced) {
            bid.take(case, fit);
        }
    }
    decision.bids.sort_unstable_by_key(|bid| bid.impression);
    decision.candidates = candidates;
}

/// The impression of a bid that has its hold but not yet its final place.
const UNPLACED: usize = usize::MAX;

impl Bid {
    /// Takes its final place, and gives back what it holds beyond what that costs.
    fn take(&mut self, case: &Case<'_, '_>, fit: &Fit) {
        self.impression = fit.impression;
        (self.creative, self.medium, self.deal) = (fit.creative, fit.medium, fit.deal);
        self.price = fit.price;
        let held = self.claim.held;
        self.claim.creative = case.world.book.creatives[fit.creative.0 as usize].key;
        (self.claim.ceiling, self.claim.held) = (fit.price, fit.cost);
        if !self.claim.test && held != fit.cost {
            case.world.ledger.settle(&self.claim);
        }
    }
}

/// Places one candidate: once, or as often as it may where it may win several impressions.
fn place(
    case: &Case<'_, '_>,
    decision: &mut Decision,
    (board, number): (&Board<'_>, usize),
    (places, ids): (&mut Places, &mut BidIds),
) -> Result<(), NoBidReason> {
    let candidate = &board.candidates[number];
    let (campaign, _) = case.world.campaign(candidate.campaign);
    let copies = if campaign.several_per_page { candidate.fits.len() } else { 1 };
    for copy in 0..copies {
        let Some(next) = places.with(board, number) else {
            return if copy == 0 { Err(NoBidReason::Outranked) } else { Ok(()) };
        };
        if candidate.ghost {
            return Err(NoBidReason::Holdout);
        }
        match hold(case, (decision, candidate), ids) {
            Ok(bid) => decision.bids.push(bid),
            Err(reason) => return if copy == 0 { Err(reason) } else { Ok(()) },
        }
        *places = next;
    }
    Ok(())
}

/// Tries those again that found no place: whoever was moved within a pod since may have made
/// room. Whether anybody was placed, which bounds the rounds by the impressions.
fn place_outranked(
    case: &Case<'_, '_>,
    decision: &mut Decision,
    board: &Board<'_>,
    (places, ids): (&mut Places, &mut BidIds),
) -> bool {
    let mut placed = false;
    for (number, candidate) in board.candidates.iter().enumerate() {
        let outranked = (candidate.campaign, NoBidReason::Outranked);
        let Some(no) = decision.noes.iter().position(|no| *no == outranked) else { continue };
        match place(case, decision, (board, number), (places, ids)) {
            Ok(()) => {
                decision.noes.remove(no);
                placed = true;
            }
            Err(reason) => decision.noes[no].1 = reason,
        }
    }
    placed
}

/// Reserves money and a cap slot for a candidate.
fn hold(
    case: &Case<'_, '_>,
    (decision, candidate): (&Decision, &Candidate),
    ids: &mut BidIds,
) -> Result<Bid, NoBidReason> {
    let claim = claim(case, (decision, candidate), ids.take());
    if !claim.test {
        let account = case.world.account(candidate.campaign);
        take_hold(case, candidate, (&claim, account))?;
    }
    Ok(Bid {
        impression: UNPLACED,
        campaign: candidate.campaign,
        creative: candidate.fits[0].creative,
        medium: candidate.fits[0].medium,
        deal: candidate.fits[0].deal,
        price: claim.ceiling,
        claim,
    })
}

fn claim(case: &Case<'_, '_>, (decision, candidate): (&Decision, &Candidate), bid: BidId) -> Claim {
    let world = case.world;
    let (campaign, _) = world.campaign(candidate.campaign);
    let held = candidate.fits.iter().map(|fit| fit.cost).max().unwrap_or_default();
    let hold_ttl = world.exchange.hold_ttl.max(expiry(case, candidate));
    Claim {
        bid,
        exchange: world.exchange.key,
        campaign: campaign.key,
        creative: world.book.creatives[candidate.fits[0].creative.0 as usize].key,
        keys: decision.person.keys.clone(),
        ceiling: candidate.fits[0].price,
        currency: decision.currency.unwrap_or(Currency::USD),
        held,
        issued: case.now,
        hold_ttl,
        // A notice in the hold's time must always count.
        notices_end: case.now.plus(world.notices_for.max(hold_ttl)),
        test: case.request.test,
        node: world.node,
        basis: decision.basis.unwrap_or_default(),
    }
}

/// How long the impressions that a candidate may take can come after the auction (`exp`).
fn expiry(case: &Case<'_, '_>, candidate: &Candidate) -> Seconds {
    let of = |fit: &Fit| case.request.impressions[fit.impression].expires_s;
    let longest = candidate.fits.iter().filter_map(of).max();
    Seconds(longest.unwrap_or(0)).min(EXPIRY_MAX)
}

fn take_hold(
    case: &Case<'_, '_>,
    candidate: &Candidate,
    (claim, account): (&Claim, &Arc<Account>),
) -> Result<(), NoBidReason> {
    let (campaign, advertiser) = case.world.campaign(candidate.campaign);
    let caps = [(campaign.key.into(), &campaign.caps), (advertiser.key.into(), &advertiser.caps)];
    let request = HoldRequest { claim, account, advertiser: advertiser.key, caps: &caps };
    case.world.ledger.hold(&request, case.now).map_err(|refusal| match refusal {
        HoldRefusal::Cap(refusal) => cap_reason(&refusal),
        HoldRefusal::Money(refusal) => refusal.reason,
        HoldRefusal::LedgerFull | HoldRefusal::Doubled => NoBidReason::HoldRefused,
        HoldRefusal::Recovering => NoBidReason::Recovering,
    })
}

/// Gives back every hold of a decision whose answer is not sent after all.
pub fn abandon(case: &Case<'_, '_>, decision: &mut Decision, reason: NoBidReason) {
    for bid in decision.bids.drain(..) {
        case.world.ledger.release(bid.claim.bid);
        decision.noes.push((bid.campaign, reason));
    }
}

/// Counts what became of every campaign that was judged, once it is known whether the answer
/// is sent. Test auctions count nothing.
pub fn record(case: &Case<'_, '_>, decision: &Decision) {
    if case.request.test {
        return;
    }
    let exchange = case.world.exchange.key;
    // What is counted before a creative is chosen is counted under none.
    let undecided = (CreativeKey(0), exchange);
    for (campaign, reason) in &decision.noes {
        let account = case.world.account(*campaign);
        account.count_no(*reason, exchange);
        if *reason == NoBidReason::Holdout {
            account.count(Counted::Ghost, undecided);
        }
    }
    for (number, bid) in decision.bids.iter().enumerate() {
        let account = case.world.account(bid.campaign);
        if !decision.bids[..number].iter().any(|other| other.campaign == bid.campaign) {
            account.count_bid_on(exchange);
        }
        account.count(Counted::Bid, (bid.claim.creative, exchange));
    }
}
