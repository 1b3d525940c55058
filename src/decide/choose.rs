//! Which campaign gets which impression, and the holds.
//!
//! A campaign pays the same for every impression of a page, so the best total is found by
//! taking campaigns from the dearest down and giving each an impression if the ones already
//! placed can be moved so that all still fit (an augmenting path; greedy is optimal on such
//! a matching). A campaign that is refused its hold leaves its place to the next.

use super::eligibility::cap_reason;
use super::{Candidate, Case, Decision};
use crate::campaign::model::{CampaignIndex, CreativeIndex};
use crate::ledger::{Account, Claim, HoldRefusal, HoldRequest};
use crate::model::{BidId, CpmMicros, Currency, NoBidReason};
use crate::openrtb::offer::Medium;
use crate::openrtb::request::IMPRESSIONS_MAX;
use std::sync::Arc;

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
    let candidates = std::mem::take(&mut decision.candidates);
    let mut places = Places::new(case.request.impressions.len());
    for (number, candidate) in candidates.iter().enumerate() {
        let outcome = place(case, decision, (&candidates, number), (&mut places, ids));
        if let Err(reason) = outcome {
            decision.noes.push((candidate.campaign, reason));
        }
    }
    for (impression, taken) in places.taken.iter().enumerate() {
        let Some(owner) = *taken else { continue };
        let candidate = &candidates[owner];
        let granted = decision
            .bids
            .iter_mut()
            .find(|bid| bid.campaign == candidate.campaign && bid.impression == UNPLACED);
        let fit = candidate.fits.iter().find(|fit| fit.impression == impression);
        if let (Some(bid), Some(fit)) = (granted, fit) {
            bid.impression = impression;
            (bid.creative, bid.medium, bid.deal) = (fit.creative, fit.medium, fit.deal);
            bid.claim.creative = case.world.book.creatives[fit.creative.0 as usize].key;
        }
    }
    decision.bids.sort_unstable_by_key(|bid| bid.impression);
    decision.candidates = candidates;
}

/// The impression of a bid that has its hold but not yet its final place.
const UNPLACED: usize = usize::MAX;

/// Places one candidate: once, or as often as it may where it may win several impressions.
fn place(
    case: &Case<'_, '_>,
    decision: &mut Decision,
    (candidates, number): (&[Candidate], usize),
    (places, ids): (&mut Places, &mut BidIds),
) -> Result<(), NoBidReason> {
    let candidate = &candidates[number];
    let (campaign, _) = case.world.campaign(candidate.campaign);
    let copies = if campaign.several_per_page { candidate.fits.len() } else { 1 };
    for copy in 0..copies {
        let Some(next) = places.with(candidates, number) else {
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

/// Which candidate has which impression.
#[derive(Clone)]
struct Places {
    taken: [Option<usize>; IMPRESSIONS_MAX],
    impressions: usize,
}

impl Places {
    fn new(impressions: usize) -> Self {
        Self { taken: [None; IMPRESSIONS_MAX], impressions: impressions.min(IMPRESSIONS_MAX) }
    }

    /// These places with one more for `candidate`, moving others if need be; `None` if there
    /// is none.
    fn with(&self, candidates: &[Candidate], candidate: usize) -> Option<Self> {
        let mut next = self.clone();
        let mut tried = [false; IMPRESSIONS_MAX];
        next.augment(candidates, candidate, &mut tried).then_some(next)
    }

    /// Depth is bounded by the impressions: each is tried once.
    fn augment(
        &mut self,
        candidates: &[Candidate],
        candidate: usize,
        tried: &mut [bool; IMPRESSIONS_MAX],
    ) -> bool {
        for fit in &candidates[candidate].fits {
            let at = fit.impression;
            if at >= self.impressions || std::mem::replace(&mut tried[at], true) {
                continue;
            }
            let movable = match self.taken[at] {
                None => true,
                Some(owner) => self.augment(candidates, owner, tried),
            };
            if movable {
                self.taken[at] = Some(candidate);
                return true;
            }
        }
        false
    }
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
        price: candidate.quote.bid,
        claim,
    })
}

fn claim(case: &Case<'_, '_>, (decision, candidate): (&Decision, &Candidate), bid: BidId) -> Claim {
    let world = case.world;
    let (campaign, _) = world.campaign(candidate.campaign);
    Claim {
        bid,
        exchange: world.exchange.key,
        campaign: campaign.key,
        creative: world.book.creatives[candidate.fits[0].creative.0 as usize].key,
        keys: decision.person.keys.clone(),
        ceiling: candidate.quote.bid,
        currency: decision.currency.unwrap_or(Currency::USD),
        held: candidate.quote.price.cost_of_one(),
        issued: case.now,
        hold_ttl: world.exchange.hold_ttl,
        notices_end: case.now.plus(world.notices_for),
        test: case.request.test,
        basis: decision.basis.unwrap_or_default(),
    }
}

fn take_hold(
    case: &Case<'_, '_>,
    candidate: &Candidate,
    (claim, account): (&Claim, &Arc<Account>),
) -> Result<(), NoBidReason> {
    let (campaign, advertiser) = case.world.campaign(candidate.campaign);
    let caps = [(campaign.key.into(), &campaign.caps), (advertiser.key.into(), &advertiser.caps)];
    let request = HoldRequest { claim, account, caps };
    case.world.ledger.hold(&request, case.now).map_err(|refusal| match refusal {
        HoldRefusal::Cap(refusal) => cap_reason(&refusal),
        HoldRefusal::Money(refusal) => refusal.reason,
        HoldRefusal::LedgerFull | HoldRefusal::Doubled => NoBidReason::HoldRefused,
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
    for (campaign, reason) in &decision.noes {
        let tally = case.world.account(*campaign).tally();
        tally.considered.add(1);
        tally.no(*reason).add(1);
        tally.ghosts.add(u64::from(*reason == NoBidReason::Holdout));
    }
    for (number, bid) in decision.bids.iter().enumerate() {
        let tally = case.world.account(bid.campaign).tally();
        let again = decision.bids[..number].iter().any(|other| other.campaign == bid.campaign);
        tally.considered.add(u64::from(!again));
        tally.bids.add(1);
    }
}
