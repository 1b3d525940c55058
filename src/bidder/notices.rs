//! Notices: from the URL to the log, and what the caller is told once they are counted.
//!
//! Guarantees: what counts is durable before it is acknowledged; a log that cannot be written
//! is told to the caller (503), so that an exchange tries again.

use super::Bidder;
use crate::event::{Event, EventId, Notice, NoticeKind, What};
use crate::ledger::{Claim, Noted};
use crate::model::UnixSeconds;
use crate::notice::{Arrival, Judged, Kind, Office, Outcome};
use crate::openrtb::profile::BillingEvent;
use crate::server::clock;
use crate::server::service::{NoticeAnswer, NoticeService, NoticeWork, StatusCode};

/// The answer for a creative that is in no file any more.
pub(super) const NO_LONGER_RUNNING: NoticeAnswer =
    NoticeAnswer::Refused(StatusCode::NOT_FOUND, "this advertisement is no longer running");
/// The answer to what could not be made durable.
const TRY_AGAIN: NoticeAnswer =
    NoticeAnswer::Refused(StatusCode::SERVICE_UNAVAILABLE, "try again later");

impl NoticeService for Bidder {
    fn notice<'a>(&'a self, kind: Kind, token: &'a str, query: &'a str) -> NoticeWork<'a> {
        let billing = |exchange| self.desk_of(exchange).map(|desk| desk.profile.billing);
        let office = Office {
            keyring: &self.keyring,
            billing: &billing,
            price_keys: &|exchange| self.desk_of(exchange)?.price_keys.as_ref(),
        };
        let now = clock::now();
        match office.judge(&Arrival { kind, token, query, now }) {
            Judged::Told(outcome, claim) => {
                NoticeWork::Ready(self.told((kind, query), outcome, claim.as_ref()))
            }
            Judged::Event(event, claim) => {
                NoticeWork::Waiting(Box::pin(self.count((kind, query), (event, claim), now)))
            }
        }
    }
}

impl Bidder {
    /// Hands a notice to the log, and answers once it is durable and counted.
    async fn count(
        &self,
        (kind, query): (Kind, &str),
        (event, claim): (NoticeKind, Claim),
        now: UnixSeconds,
    ) -> NoticeAnswer {
        let arrival = self.arrivals.begin(now);
        let answer = self.log().append(self.event_of(event, &claim, now));
        // A task of its own: whoever told us may hang up, and the notice is on its way still.
        let folded = tokio::spawn(async move {
            let folded = answer.await;
            drop(arrival);
            folded
        });
        let Ok(Ok(Ok(folded))) = folded.await else {
            self.metrics.notices.count(kind, Outcome::NotWritten);
            return if kind == Kind::Click { self.landing(&claim) } else { TRY_AGAIN };
        };
        if matches!(folded.noted, Noted::Counted | Noted::CountedLate) {
            self.count_by_exchange(kind, &claim);
        }
        self.told((kind, query), folded.noted.into(), Some(&claim))
    }

    /// The event that a notice is: of the same id however often the notice comes.
    fn event_of(&self, kind: NoticeKind, claim: &Claim, at: UnixSeconds) -> Event {
        let business = &self.served.load().business;
        let notice =
            Notice { kind, claim: claim.clone(), advertiser: business.owner_of(claim.campaign) };
        let id = EventId(u128::from(claim.bid.0) << 64 | u128::from(number_of(kind)));
        Event { id, at, node: self.rules.node_key, what: What::Notice(notice) }
    }

    fn told(
        &self,
        (kind, query): (Kind, &str),
        outcome: Outcome,
        claim: Option<&Claim>,
    ) -> NoticeAnswer {
        self.metrics.notices.count(kind, outcome);
        match claim {
            Some(claim) => self.reply((kind, query), outcome, claim),
            None => NoticeAnswer::Refused(StatusCode::FORBIDDEN, "this link was not made by us"),
        }
    }

    /// The exchange's own counters; what a campaign has is in its account.
    fn count_by_exchange(&self, kind: Kind, claim: &Claim) {
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
            (_, Outcome::LedgerFull) => TRY_AGAIN,
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

/// A number for each kind of notice, for ids: kept for ever, as ids are in logs.
fn number_of(kind: NoticeKind) -> u64 {
    match kind {
        NoticeKind::Win => 1,
        NoticeKind::Bill(_) => 2,
        NoticeKind::WinAndBill(_) => 3,
        NoticeKind::Loss => 4,
        NoticeKind::View => 5,
        NoticeKind::Click => 6,
        NoticeKind::Progress(progress) => 16 + progress.index() as u64,
    }
}
