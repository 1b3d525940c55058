//! Notices: from the URL to the ledger, and what the caller is told.

use super::Bidder;
use crate::ledger::Claim;
use crate::notice::{Arrival, Kind, Office, Outcome};
use crate::openrtb::profile::BillingEvent;
use crate::server::clock;
use crate::server::service::{NoticeAnswer, NoticeService, StatusCode};

/// The answer for a creative that is in no file any more.
pub(super) const NO_LONGER_RUNNING: NoticeAnswer =
    NoticeAnswer::Refused(StatusCode::NOT_FOUND, "this advertisement is no longer running");

impl NoticeService for Bidder {
    fn notice(&self, kind: Kind, token: &str, query: &str) -> NoticeAnswer {
        let billing = |exchange| self.desk_of(exchange).map(|desk| desk.profile.billing);
        let office = Office {
            keyring: &self.keyring,
            ledger: &self.ledger,
            billing: &billing,
            price_keys: &|exchange| self.desk_of(exchange)?.price_keys.as_ref(),
        };
        let arrival = Arrival { kind, token, query, now: clock::now() };
        let (outcome, claim) = office.receive(&arrival);
        self.metrics.notices.count(kind, outcome);
        let Some(claim) = claim else {
            return NoticeAnswer::Refused(StatusCode::FORBIDDEN, "this link was not made by us");
        };
        if matches!(outcome, Outcome::Counted | Outcome::CountedLate) {
            self.count(kind, &claim);
        }
        self.reply((kind, query), outcome, &claim)
    }
}

impl Bidder {
    /// The exchange's own counters; what a campaign has is in its account.
    fn count(&self, kind: Kind, claim: &Claim) {
        let Some(desk) = self.desk_of(claim.exchange) else { return };
        let metrics = &desk.metrics;
        match kind {
            Kind::Win => metrics.wins.increment(1),
            Kind::Bill => metrics.impressions.increment(1),
            Kind::Loss => metrics.losses.increment(1),
            Kind::View => metrics.views.increment(1),
            Kind::Click => metrics.clicks.increment(1),
            _ => {}
        }
        if let Some(progress) = kind.progress() {
            metrics.progress(progress);
        }
        if kind == Kind::Win && desk.profile.billing == BillingEvent::Nurl {
            metrics.impressions.increment(1);
        }
    }

    fn reply(&self, (kind, query): (Kind, &str), outcome: Outcome, claim: &Claim) -> NoticeAnswer {
        match (kind, outcome) {
            // A genuine click is sent on whether or not it counts.
            (Kind::Click, _) => self.landing(claim),
            (_, Outcome::Expired) => {
                NoticeAnswer::Refused(StatusCode::GONE, "this link has expired")
            }
            (_, Outcome::PriceAboveBid | Outcome::PriceUnreadable) => {
                NoticeAnswer::Refused(StatusCode::BAD_REQUEST, "the price is not one of this bid")
            }
            (_, Outcome::LedgerFull) => {
                NoticeAnswer::Refused(StatusCode::SERVICE_UNAVAILABLE, "try again later")
            }
            (Kind::Win, _) => self.markup_on_win(claim, query).unwrap_or(NoticeAnswer::NoContent),
            (Kind::View, _) => NoticeAnswer::Pixel,
            _ if kind.progress().is_some() => NoticeAnswer::Pixel,
            (Kind::Bill, _) if self.bills_by_pixel(claim) => NoticeAnswer::Pixel,
            _ => NoticeAnswer::NoContent,
        }
    }

    /// Where the campaign's file says a click leads; nothing in the URL has a say in it.
    fn landing(&self, claim: &Claim) -> NoticeAnswer {
        let business = &self.served.load().business;
        match business.creatives.get(&claim.creative) {
            Some(index) => {
                NoticeAnswer::Redirect(business.book.creatives[index.0 as usize].landing.clone())
            }
            None => NO_LONGER_RUNNING,
        }
    }

    fn bills_by_pixel(&self, claim: &Claim) -> bool {
        self.desk_of(claim.exchange).is_some_and(|desk| desk.profile.billing == BillingEvent::Pixel)
    }
}
