//! The core: should this person be reached, by which campaign, at what price, with what?
//!
//! In reading order:
//! - [`world`] what a decision may look at
//! - [`gates`] what ends most requests at once
//! - [`identity`] who is it
//! - [`offers`] what its impressions offer, read when it is asked for
//! - [`eligibility`] may this campaign bid, campaign by campaign, to the first "no"
//! - [`plan`] which message is due
//! - [`price`] what reaching the person is worth
//! - [`places`] which campaign gets which impression
//! - [`choose`] the holds, and the bids
//! - [`explain`] the same, told to people
//!
//! [`decide`] is pure: the same case always gives the same [`Decision`] and nothing changes.
//! [`choose::commit`] takes the holds and [`choose::record`] counts: the only steps that change
//! anything (the ledger). Bidding, explain, replay and tests call these and nothing else.

pub mod choose;
pub mod eligibility;
pub mod explain;
pub mod gates;
pub mod identity;
pub mod offers;
pub mod places;
pub mod plan;
pub mod price;
pub mod world;

pub use choose::{Bid, BidIds, commit, record};
pub use world::{BlockList, Case, World};

use crate::audience::Person;
use crate::campaign::model::{CampaignIndex, CreativeIndex};
use crate::ledger::{CapRefusal, MoneyRefusal};
use crate::model::{CpmMicros, Currency, MoneyNanos, NoBidReason, Seconds, SegmentId, UnixSeconds};
use crate::openrtb::Impression;
use crate::openrtb::offer::{Medium, Pod};
use crate::openrtb::user_agent::{self, UserAgentClass};
use crate::privacy::{Basis, context_suffices};
use price::Quote;
use smallvec::SmallVec;

/// Most campaigns judged for one person: far above what a person's segments lead to in
/// practice, low enough that no request can hold a worker for long.
pub const CANDIDATES_MAX: usize = 4_096;

/// So many campaigns are fetched from memory together before they are judged one by one. With a
/// hundred thousand of them each is somewhere else, and the waits would add up.
const TOUCHED_AT_ONCE: usize = 16;

/// A "no" with the values that were compared.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct No {
    /// Which gate.
    pub reason: NoBidReason,
    /// What it compared.
    pub compared: Compared,
}

impl From<NoBidReason> for No {
    fn from(reason: NoBidReason) -> Self {
        Self { reason, compared: Compared::Nothing }
    }
}

/// The values behind a "no".
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Compared {
    /// The reason says it all.
    Nothing,
    /// The time since the visit, and the limit.
    Age {
        /// Time since the visit.
        age: Seconds,
        /// The limit it was compared with.
        limit: Seconds,
    },
    /// The moment that the flight begins or ended.
    Moment(UnixSeconds),
    /// A price and the least it would have to be, in the auction's currency.
    Price {
        /// What the campaign would pay.
        price: CpmMicros,
        /// What is asked.
        least: CpmMicros,
        /// The currency of both.
        currency: Currency,
    },
    /// The cap that is full.
    Cap(CapRefusal),
    /// The budget that is spent.
    Money(MoneyRefusal),
}

/// What was decided about a request. Reused from request to request.
#[derive(Default)]
pub struct Decision {
    /// The person, as far as the request was let through to ask.
    pub person: Person,
    /// Why the whole request was refused, if it was.
    pub refused: Option<NoBidReason>,
    /// The currency of all prices below.
    pub currency: Option<Currency>,
    /// Why recognising the person is lawful, or that nobody is; set once the privacy gate is
    /// passed.
    pub basis: Option<Basis>,
    /// Why nobody may be recognised, where campaigns are shown by context alone.
    pub unrecognised: Option<NoBidReason>,
    /// What the user agent says of the device.
    pub agent: UserAgentClass,
    /// Campaigns that may bid, dearest first.
    pub candidates: Vec<Candidate>,
    /// Campaigns that may not, with the last gate that each of them reached.
    pub noes: Vec<(CampaignIndex, NoBidReason)>,
    /// The bids that [`commit`] was granted.
    pub bids: SmallVec<[Bid; 2]>,
    /// The campaigns to be judged, each once.
    led_to: Vec<CampaignIndex>,
    /// Which campaigns were judged in this generation: a set that is emptied by counting.
    judged: Vec<u32>,
    generation: u32,
}

/// A campaign that may bid.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Which.
    pub campaign: CampaignIndex,
    /// What it would pay, factor by factor.
    pub quote: Quote,
    /// The impressions that it may take, and with which creative, in request order.
    pub fits: Fits,
    /// The person is in its holdout: it competes, but is not shown.
    pub ghost: bool,
}

/// The impressions that a candidate may take; as many as most requests have need no allocation.
pub type Fits = SmallVec<[Fit; 4]>;

/// An impression that a candidate may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fit {
    /// Place of the impression in the request.
    pub impression: usize,
    /// The creative that fits it.
    pub creative: CreativeIndex,
    /// As which of the kinds that the impression offers.
    pub medium: Medium,
    /// On which of its deals, by place in `pmp.deals`; `None`: in the open auction.
    pub deal: Option<u8>,
    /// The price there, a CPM in the auction's currency: the campaign's, or a fixed one.
    pub price: CpmMicros,
    /// What it costs if that price is charged, in the campaign's currency: for as many
    /// impressions as are shown at once.
    pub cost: MoneyNanos,
    /// The pod that the place is part of.
    pub pod: Option<Pod>,
}

/// Who watches a decision being made: explain does, bidding does not.
pub trait Observer {
    /// A campaign ended at a gate, on one impression or as a whole.
    fn no(&mut self, _campaign: CampaignIndex, _impression: Option<usize>, _no: No) {}
    /// A campaign was priced.
    fn priced(&mut self, _campaign: CampaignIndex, _quote: &Quote) {}
}

/// Watches nothing, at no cost.
pub struct Silent;

impl Observer for Silent {}

impl Decision {
    /// Forgets the last request, keeps the buffers.
    fn begin(&mut self, campaigns: usize) {
        self.person.clear();
        self.refused = None;
        self.currency = None;
        self.basis = None;
        self.unrecognised = None;
        self.agent = UserAgentClass::default();
        self.candidates.clear();
        self.led_to.clear();
        self.noes.clear();
        self.bids.clear();
        self.generation = self.generation.wrapping_add(1);
        if self.generation == 0 || self.judged.len() != campaigns {
            self.judged.clear();
            self.judged.resize(campaigns, 0);
            self.generation = 1;
        }
    }

    /// Whether `campaign` is met for the first time in this request.
    fn first_met(&mut self, campaign: CampaignIndex) -> bool {
        let mark = &mut self.judged[campaign.0 as usize];
        let first = *mark != self.generation;
        *mark = self.generation;
        first
    }

    /// Why there is no bid: the reason that got furthest. `None` if there is a bid.
    pub fn no_bid_reason(&self) -> Option<NoBidReason> {
        if !self.bids.is_empty() {
            return None;
        }
        let furthest = || self.noes.iter().map(|(_, reason)| *reason).max();
        Some(self.refused.or_else(furthest).unwrap_or(NoBidReason::NotInAudience))
    }
}

/// Decides, without changing anything but `decision`.
pub fn decide(case: &Case<'_, '_>, decision: &mut Decision) {
    decide_observed(case, decision, &mut Silent);
}

/// [`decide`], watched.
pub fn decide_observed(case: &Case<'_, '_>, decision: &mut Decision, observer: &mut impl Observer) {
    decision.begin(case.world.book.campaigns.len());
    if let Err(reason) = judge_request(case, decision) {
        decision.refused = Some(reason);
        return;
    }
    judge_campaigns(case, decision, observer);
    let key = |candidate: &Candidate| case.world.book.campaigns[candidate.campaign.0 as usize].key;
    decision
        .candidates
        .sort_unstable_by(|a, b| b.quote.bid.cmp(&a.quote.bid).then_with(|| key(a).cmp(&key(b))));
}

/// Gates, privacy, identity: everything about the request that needs no campaign.
fn judge_request(case: &Case<'_, '_>, decision: &mut Decision) -> Result<(), NoBidReason> {
    decision.currency = Some(gates::pass(case)?);
    let world = case.world;
    let verdict = crate::privacy::verdict(case.request, world.ground());
    let recognised = verdict.and_then(|basis| {
        decision.basis = Some(basis);
        identity::recognise(case, &mut decision.person)
    });
    if let Err(reason) = recognised {
        let by_context = !world.book.contextual.is_empty()
            && context_suffices(case.request, world.privacy, reason);
        if !by_context {
            return Err(reason);
        }
        decision.person.clear();
        decision.unrecognised = Some(reason);
        decision.basis = Some(Basis::Contextual);
    }
    // Only now: for most requests nobody is recognised, and the impressions are never looked at.
    if !case.request.impressions.iter().any(Impression::is_usable) {
        return Err(NoBidReason::NoUsableImpression);
    }
    decision.agent = user_agent::class(&case.request.device);
    if decision.agent.crawler { Err(NoBidReason::Crawler) } else { Ok(()) }
}

/// Finds the campaigns that the person's segments lead to (those of context alone where nobody
/// is recognised), each once.
fn find_campaigns(case: &Case<'_, '_>, decision: &mut Decision, person: &Person) {
    let book = case.world.book;
    let led_to = |segment: SegmentId| book.by_segment.get(segment.0 as usize);
    let live = person.memberships().iter().filter(|one| one.is_live(case.now));
    let by_segment = live.filter_map(|one| led_to(one.segment)).flatten();
    let nobody = decision.unrecognised.is_some();
    let everybodys = if nobody { &book.contextual } else { &book.prospecting };
    for campaign in by_segment.chain(everybodys) {
        if decision.led_to.len() == CANDIDATES_MAX {
            break;
        }
        if decision.first_met(*campaign) {
            decision.led_to.push(*campaign);
        }
    }
}

/// Reads where judging campaigns begins. No read waits for another, so the processor has them all
/// on their way at once.
fn touch(case: &Case<'_, '_>, campaigns: &[CampaignIndex]) {
    let read = |index: &&CampaignIndex| {
        let campaign = &case.world.book.campaigns[index.0 as usize];
        campaign.paused ^ campaign.audience.touch() ^ case.world.account(**index).touch()
    };
    std::hint::black_box(campaigns.iter().filter(read).count());
}

/// Judges each campaign that the person's segments lead to.
fn judge_campaigns(case: &Case<'_, '_>, decision: &mut Decision, observer: &mut impl Observer) {
    let person = std::mem::take(&mut decision.person);
    find_campaigns(case, decision, &person);
    let currency = decision.currency.unwrap_or(Currency::USD);
    let (unrecognised, agent) = (decision.unrecognised, decision.agent);
    let offers = offers::Offers::new(case);
    let judge = eligibility::Judge {
        case,
        person: &person,
        unrecognised,
        currency,
        agent,
        offers: &offers,
        welcome: eligibility::LastShop::default(),
    };
    let led_to = std::mem::take(&mut decision.led_to);
    for few in led_to.chunks(TOUCHED_AT_ONCE) {
        touch(case, few);
        for campaign in few {
            match judge.campaign(*campaign, observer) {
                Ok(candidate) => decision.candidates.push(candidate),
                Err(reason) => decision.noes.push((*campaign, reason)),
            }
        }
    }
    (decision.person, decision.led_to) = (person, led_to);
}

#[cfg(test)]
mod tests;
