//! On which terms an impression is bid on: the deal or the open auction, its floor, the price, and
//! what that costs the campaign.
//!
//! - The floor of a deal goes before that of the spot, that before the impression's (OpenRTB 2.6,
//!   7.11). A deal's currency is its own and never inherited.
//! - Where the auction type is 3 the floor is the price: exactly that is bid if the campaign would
//!   pay at least as much. A fixed price of nothing is none: then the campaign's own price is bid.
//! - Of the deals that a price suffices for, a guaranteed one is taken first, then the cheapest
//!   with a fixed price, then the one with the lowest floor; else the open auction.
//! - A price is a CPM of single impressions; money is held for as many as are shown at once.

use super::{Gate, Judge, duration_s};
use crate::campaign::model::{Campaign, CampaignIndex};
use crate::decide::price::Quote;
use crate::decide::{Compared, Fit, Fits, No, Observer};
use crate::ledger::MoneyRefusal;
use crate::model::{CpmMicros, Currency, MoneyNanos, NoBidReason, Rounding};
use crate::openrtb::offer::Deal;

/// `at`: the floor is the price.
const FIXED_PRICE: i64 = 3;
/// What a deal may say of `at`; anything else is as the request says.
const AUCTION_TYPES: std::ops::RangeInclusive<i64> = 1..=FIXED_PRICE;
/// One impression, in thousandths.
const ONE: u32 = 1_000;

/// A way to bid on an impression that a price suffices for. The least is taken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Way {
    /// How it compares with the others before their floors are.
    rank: Rank,
    floor: CpmMicros,
    deal: Option<u8>,
    fixed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Guaranteed,
    FixedPrice,
    Deal,
    OpenAuction,
}

impl Judge<'_, '_, '_> {
    /// Of the impressions that fit, those on which there is money for a price that is enough,
    /// each with its terms.
    pub(super) fn terms(
        &self,
        index: CampaignIndex,
        (mut fits, quote): (Fits, &Quote),
        observer: &mut impl Observer,
    ) -> Gate<Fits> {
        let mut furthest: Option<No> = None;
        let mut room = Room { judge: self, index, last: None };
        fits.retain(|fit| match self.settle((index, fit), quote, &mut room) {
            Ok(()) => true,
            Err(no) => {
                observer.no(index, Some(fit.impression), no);
                if furthest.is_none_or(|so_far| so_far.reason <= no.reason) {
                    furthest = Some(no);
                }
                false
            }
        });
        match furthest.filter(|_| fits.is_empty()) {
            Some(no) => Err(no),
            None => Ok(fits),
        }
    }

    fn settle(
        &self,
        (index, fit): (CampaignIndex, &mut Fit),
        quote: &Quote,
        room: &mut Room<'_, '_, '_, '_>,
    ) -> Gate<()> {
        let (campaign, _) = self.case.world.campaign(index);
        let way = self.way((index, fit), quote);
        let fixed = |way: &Way| way.fixed && way.floor.0 > 0;
        let price = way.as_ref().ok().filter(|way| fixed(way)).map_or(quote.bid, |way| way.floor);
        let cost = self.cost((quote, price), fit.impression);
        // Budgets are asked before floors, as the order of the reasons says.
        room.check(cost)?;
        at_least(campaign, quote)?;
        (fit.deal, fit.price, fit.cost) = (way?.deal, price, cost);
        Ok(())
    }

    /// What showing a fit once costs at `price`, in the campaign's own currency: never more
    /// than its own price.
    fn cost(&self, (quote, price): (&Quote, CpmMicros), impression: usize) -> MoneyNanos {
        let pair = (self.currency, quote.currency);
        let converted = || self.case.world.rates.convert(price, pair, Rounding::Up);
        let own = if price == quote.bid { None } else { converted() };
        let quantity = self.case.request.impressions[impression].quantity_thousandths;
        own.map_or(quote.price, |own| own.min(quote.price)).cost_of(quantity.unwrap_or(ONE))
    }

    /// The best way to bid on a fit at the campaign's price.
    fn way(&self, (index, fit): (CampaignIndex, &Fit), quote: &Quote) -> Gate<Way> {
        let (campaign, advertiser) = self.case.world.campaign(index);
        let mut best: Gate<Way> = Err(NoBidReason::DealMissing.into());
        let mut consider = |way: Gate<Way>| {
            let way = way.and_then(|way| self.suffices(quote, way));
            let better = match (&way, &best) {
                (Ok(way), Ok(so_far)) => way < so_far,
                (Ok(_), Err(_)) => true,
                (Err(_), Ok(_)) => false,
                (Err(no), Err(so_far)) => no.reason > so_far.reason,
            };
            if better {
                best = way;
            }
        };
        for open in self.open_deals((campaign, advertiser), fit.impression) {
            consider(self.way_by_deal(fit, (open.place, &open.deal)));
        }
        if self.open_auction(campaign, fit.impression) {
            consider(self.way_in_the_open(fit));
        }
        best
    }

    fn way_by_deal(&self, fit: &Fit, (place, deal): (u8, &Deal<'_>)) -> Gate<Way> {
        let of_spot = self.of_spot(fit, |seconds| deal.floors.of(seconds));
        let floor = self.in_our_currency(of_spot.unwrap_or(deal.floor), deal.floor_currency)?;
        let said = deal.auction_type.filter(|at| AUCTION_TYPES.contains(at));
        let fixed = said.unwrap_or(self.case.request.auction_type) == FIXED_PRICE;
        let rank = match (deal.guaranteed, fixed) {
            (true, _) => Rank::Guaranteed,
            (false, true) => Rank::FixedPrice,
            (false, false) => Rank::Deal,
        };
        Ok(Way { rank, floor, deal: Some(place), fixed })
    }

    fn way_in_the_open(&self, fit: &Fit) -> Gate<Way> {
        let offer = &self.case.request.impressions[fit.impression];
        let spot = || self.offers.spot(fit.impression, fit.medium);
        let of_spot = self.of_spot(fit, |seconds| spot()?.floors.of(seconds));
        let floor = self.in_our_currency(of_spot.unwrap_or(offer.floor), offer.floor_currency)?;
        let fixed = self.case.request.auction_type == FIXED_PRICE;
        Ok(Way { rank: Rank::OpenAuction, floor, deal: None, fixed })
    }

    /// A floor by the length of what is played, for what plays.
    fn of_spot(
        &self,
        fit: &Fit,
        floor: impl FnOnce(u32) -> Option<CpmMicros>,
    ) -> Option<CpmMicros> {
        let creative = &self.case.world.book.creatives[fit.creative.0 as usize];
        duration_s(creative).and_then(floor)
    }

    fn in_our_currency(&self, floor: CpmMicros, currency: Option<Currency>) -> Gate<CpmMicros> {
        let convert =
            |from| self.case.world.rates.convert(floor, (from, self.currency), Rounding::Up);
        currency.and_then(convert).ok_or_else(|| NoBidReason::CurrencyMismatch.into())
    }

    fn suffices(&self, quote: &Quote, way: Way) -> Gate<Way> {
        if quote.bid >= way.floor {
            return Ok(way);
        }
        let (price, least, currency) = (quote.bid, way.floor, self.currency);
        let compared = Compared::Price { price, least, currency };
        Err(No { reason: NoBidReason::BelowFloor, compared })
    }
}

/// The campaign's own minimum. A price of zero could win nothing but a dispute: it counts as
/// below any minimum.
fn at_least(campaign: &Campaign, quote: &Quote) -> Gate<()> {
    let least = campaign.price.min.max(CpmMicros(1));
    if quote.price >= least && quote.bid.0 > 0 {
        return Ok(());
    }
    let compared = Compared::Price { price: quote.price, least, currency: quote.currency };
    Err(No { reason: NoBidReason::BelowMinimum, compared })
}

/// A campaign's budget, asked once for each amount: nearly all impressions of a page cost the
/// same, and each question takes a lock.
struct Room<'t, 'j, 'c, 'r> {
    judge: &'t Judge<'j, 'c, 'r>,
    index: CampaignIndex,
    last: Option<(MoneyNanos, Result<(), MoneyRefusal>)>,
}

impl Room<'_, '_, '_, '_> {
    fn check(&mut self, cost: MoneyNanos) -> Gate<()> {
        let answer = match self.last {
            Some((known, answer)) if known == cost => answer,
            _ => self.judge.case.world.account(self.index).check(cost, self.judge.case.now),
        };
        self.last = Some((cost, answer));
        answer.map_err(|refusal| No { reason: refusal.reason, compared: Compared::Money(refusal) })
    }
}
