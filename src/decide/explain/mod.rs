//! Explain: the same decision, told to people.
//!
//! Guarantees: uses [`decide_observed`] and [`super::eligibility::Judge`], so what it tells is what
//! bidding does; it takes no holds and counts nothing. It may allocate: it is not on the bid
//! path.

mod because;

use super::eligibility::{Judge, LastShop};
use super::offers::Offers;
use super::price::{FACTOR_NAMES, Quote};
use super::{Case, Decision, No, Observer, decide_observed};
use crate::audience::Membership;
use crate::campaign::model::CampaignIndex;
use crate::model::{CpmMicros, Currency, NoBidReason};
use crate::openrtb::deals;
use serde::Serialize;

/// The whole story of one request.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// The request's id.
    pub request: String,
    /// The moment it was decided for.
    pub now: String,
    /// The exchange whose profile was applied.
    pub exchange: String,
    /// Why the request was refused before any campaign was looked at, if it was.
    pub refused: Option<&'static str>,
    /// The values compared there, in words.
    pub refused_because: Option<String>,
    /// Why recognising the person is lawful.
    pub legal_basis: Option<&'static str>,
    /// The keys under which the person counts.
    pub person: Vec<String>,
    /// What is known of the person, in the words of the campaigns.
    pub memberships: Vec<MembershipStory>,
    /// Every campaign, dearest first, then those that do not bid.
    pub campaigns: Vec<CampaignStory>,
}

/// One membership.
#[derive(Clone, Debug, Serialize)]
pub struct MembershipStory {
    /// The segment.
    pub segment: String,
    /// The latest event.
    pub last_seen: String,
    /// How long ago that was.
    pub age: String,
    /// How many events.
    pub count: u32,
    /// What it is worth.
    pub value: String,
    /// Whether it stands at that moment.
    pub live: bool,
}

/// What became of one campaign.
#[derive(Clone, Debug, Serialize)]
pub struct CampaignStory {
    /// `advertiser/campaign`.
    pub campaign: String,
    /// Whether it may bid.
    pub bids: bool,
    /// In the holdout: it would bid, and is not shown.
    pub holdout: bool,
    /// The first gate that it did not pass.
    pub reason: Option<&'static str>,
    /// The values compared there, in words.
    pub because: Option<String>,
    /// The price, factor by factor, if it was priced.
    pub price: Option<PriceStory>,
    /// What became of it on each impression that it could not take.
    pub impressions: Vec<ImpressionStory>,
    /// The impressions that it may take: `impression id: creative id as banner at 2.5`, and on
    /// which deal if on one.
    pub fits: Vec<String>,
}

/// A price as a product.
#[derive(Clone, Debug, Serialize)]
pub struct PriceStory {
    /// Where it starts, in units per thousand.
    pub base_cpm: f64,
    /// The campaign's currency.
    pub currency: String,
    /// What it is multiplied by; the product, rounded to micros, is `product_cpm`.
    pub factors: Vec<FactorStory>,
    /// Base times factors.
    pub product_cpm: f64,
    /// The product limited to the campaign's `max_cpm`.
    pub price_cpm: f64,
    /// The price in the auction's currency: the bid.
    pub bid_cpm: f64,
    /// The auction's currency.
    pub bid_currency: String,
}

/// A named factor.
#[derive(Clone, Debug, Serialize)]
pub struct FactorStory {
    /// Its name.
    pub name: &'static str,
    /// Its exact value.
    pub factor: f64,
}

/// A "no" on one impression.
#[derive(Clone, Debug, Serialize)]
pub struct ImpressionStory {
    /// The impression's id.
    pub impression: String,
    /// The gate.
    pub reason: &'static str,
    /// The values compared, in words.
    pub because: Option<String>,
}

#[derive(Default)]
struct Recorder {
    noes: Vec<(CampaignIndex, Option<usize>, No)>,
    quotes: Vec<(CampaignIndex, Quote)>,
}

impl Observer for Recorder {
    fn no(&mut self, campaign: CampaignIndex, impression: Option<usize>, no: No) {
        self.noes.push((campaign, impression, no));
    }

    fn priced(&mut self, campaign: CampaignIndex, quote: &Quote) {
        self.quotes.push((campaign, *quote));
    }
}

/// Explains a request. Returns the decision too, as `decide` would have made it.
pub fn explain(case: &Case<'_, '_>) -> (Explanation, Decision) {
    let mut decision = Decision::default();
    let mut recorder = Recorder::default();
    decide_observed(case, &mut decision, &mut recorder);
    if decision.refused.is_none() {
        judge_the_others(case, &decision, &mut recorder);
    }
    let explanation = Explanation {
        request: case.request.id.to_string(),
        now: case.now.to_string(),
        exchange: case.world.exchange.name.clone(),
        refused: decision.refused.map(NoBidReason::label),
        refused_because: decision.refused.and_then(|reason| because::request(case, reason)),
        legal_basis: decision.basis.map(super::Basis::label),
        person: decision.person.keys.iter().map(|key| format!("{key:?}")).collect(),
        memberships: decision.person.memberships().iter().map(|one| known(case, one)).collect(),
        campaigns: campaigns(case, &decision, &recorder),
    };
    (explanation, decision)
}

/// Campaigns to which the person's segments do not lead are judged too, by the same gates.
fn judge_the_others(case: &Case<'_, '_>, decision: &Decision, recorder: &mut Recorder) {
    let currency = decision.currency.unwrap_or(Currency::USD);
    let offers = Offers::new(case);
    let judge = Judge {
        case,
        person: &decision.person,
        unrecognised: decision.unrecognised,
        currency,
        agent: decision.agent,
        offers: &offers,
        welcome: LastShop::default(),
    };
    for number in 0..case.world.book.campaigns.len() {
        let index = CampaignIndex(number as u32);
        let met = decision.noes.iter().any(|(one, _)| *one == index)
            || decision.candidates.iter().any(|one| one.campaign == index);
        if !met {
            let _ = judge.campaign(index, recorder);
        }
    }
}

fn known(case: &Case<'_, '_>, membership: &Membership) -> MembershipStory {
    MembershipStory {
        segment: case.world.book.segments.name(membership.segment).to_owned(),
        last_seen: membership.last_seen.to_string(),
        age: membership.age(case.now).to_string(),
        count: membership.count,
        value: membership.value.to_string(),
        live: membership.is_live(case.now),
    }
}

fn campaigns(case: &Case<'_, '_>, decision: &Decision, recorder: &Recorder) -> Vec<CampaignStory> {
    if decision.refused.is_some() {
        return Vec::new();
    }
    let bidding = decision.candidates.iter().map(|candidate| candidate.campaign);
    let all = (0..case.world.book.campaigns.len()).map(|number| CampaignIndex(number as u32));
    let others = all.filter(|index| !decision.candidates.iter().any(|one| one.campaign == *index));
    bidding.chain(others).map(|index| campaign(case, decision, (recorder, index))).collect()
}

fn campaign(
    case: &Case<'_, '_>,
    decision: &Decision,
    (recorder, index): (&Recorder, CampaignIndex),
) -> CampaignStory {
    let (campaign, advertiser) = case.world.campaign(index);
    let candidate = decision.candidates.iter().find(|one| one.campaign == index);
    let noes = || recorder.noes.iter().filter(|(one, ..)| *one == index);
    let whole = noes().find(|(_, impression, _)| impression.is_none()).map(|(.., no)| *no);
    let on_impressions = noes().filter_map(|(_, impression, no)| Some(((*impression)?, *no)));
    let quote = recorder.quotes.iter().find(|(one, _)| *one == index).map(|(_, quote)| quote);
    CampaignStory {
        campaign: format!("{}/{}", advertiser.id, campaign.id),
        bids: candidate.is_some_and(|one| !one.ghost),
        holdout: candidate.is_some_and(|one| one.ghost),
        reason: whole.map(|no| no.reason.label()),
        because: whole.and_then(|no| because::campaign(case, decision, (no, index))),
        price: quote.map(|quote| price(quote, decision.currency)),
        impressions: on_impressions.map(|no| on_impression(case, decision, (no, index))).collect(),
        fits: candidate.map_or_else(Vec::new, |one| {
            one.fits.iter().map(|fit| story_of_fit(case, fit)).collect()
        }),
    }
}

fn story_of_fit(case: &Case<'_, '_>, fit: &super::Fit) -> String {
    let offer = &case.request.impressions[fit.impression];
    let creative = &case.world.book.creatives[fit.creative.0 as usize];
    let (medium, price) = (fit.medium.label(), fit.price);
    let told = format!("{}: {} as {medium} at {price}", offer.id, creative.id);
    let deal = fit.deal.and_then(|place| deals::nth(&offer.deals, usize::from(place)));
    deal.map_or_else(|| told.clone(), |deal| format!("{told} on deal {}", deal.id))
}

fn on_impression(
    case: &Case<'_, '_>,
    decision: &Decision,
    ((impression, no), index): ((usize, No), CampaignIndex),
) -> ImpressionStory {
    ImpressionStory {
        impression: case.request.impressions[impression].id.to_string(),
        reason: no.reason.label(),
        because: because::impression(case, decision, (impression, no, index)),
    }
}

fn price(quote: &Quote, bid_currency: Option<Currency>) -> PriceStory {
    let units = |price: CpmMicros| price.0 as f64 / 1e6;
    let named = FACTOR_NAMES.iter().zip(quote.factors);
    PriceStory {
        base_cpm: units(quote.base),
        currency: quote.currency.to_string(),
        factors: named
            .map(|(name, factor)| FactorStory { name, factor: factor.to_f64() })
            .collect(),
        product_cpm: units(quote.product),
        price_cpm: units(quote.price),
        bid_cpm: units(quote.bid),
        bid_currency: bid_currency.unwrap_or(Currency::USD).to_string(),
    }
}
