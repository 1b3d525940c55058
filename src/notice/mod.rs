//! What exchanges, browsers and players tell us after a bid: win, billing, loss, view, click,
//! and how far a spot was played.
//!
//! - [`token`] the signed claim in every notice URL
//! - [`urls`] the URLs of one bid
//! - [`variant`] which of a spot's variants a win notice asks for
//! - [`encrypted_price`] prices that only an exchange can have written
//! - [`price`] the price that a notice carries, in all the forms that arrive
//!
//! Guarantees: nothing counts without a valid signature of the right side; everything counts
//! once; a click leads only where the campaign's file says. Must not trust a query string
//! with anything but a price below the signed ceiling.

pub mod encrypted_price;
pub mod price;
pub mod token;
pub mod urls;
pub mod variant;

pub use token::{Keyring, Side, TokenError};

use crate::event::NoticeKind;
use crate::ledger::{Claim, Ledger, Noted};
use crate::model::{ExchangeKey, Seconds, UnixSeconds};
use crate::openrtb::profile::BillingEvent;
use encrypted_price::PriceKeys;
use price::{PriceForm, PriceSaid};

pub use crate::telemetry::labels::{NoticeKind as Kind, NoticeOutcome as Outcome};

/// The side whose signature a notice must carry.
fn side_of(kind: Kind) -> Side {
    match kind {
        Kind::Win | Kind::Bill | Kind::Loss => Side::Exchange,
        Kind::View
        | Kind::Click
        | Kind::Start
        | Kind::FirstQuartile
        | Kind::Midpoint
        | Kind::ThirdQuartile
        | Kind::Complete => Side::Browser,
    }
}

impl From<Noted> for Outcome {
    fn from(noted: Noted) -> Self {
        match noted {
            Noted::Counted => Self::Counted,
            Noted::CountedLate => Self::CountedLate,
            Noted::Duplicate => Self::Duplicate,
            Noted::Contradiction => Self::Contradiction,
            Noted::Expired => Self::Expired,
            Noted::LedgerFull => Self::LedgerFull,
        }
    }
}

/// A notice as it arrives.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// Its kind, from the path.
    pub kind: Kind,
    /// Its token, from the path.
    pub token: &'a str,
    /// Its query string, without the question mark.
    pub query: &'a str,
    /// When.
    pub now: UnixSeconds,
}

/// What a notice needs to know of the world.
pub struct Office<'a> {
    /// The keys that sign and verify.
    pub keyring: &'a Keyring,
    /// Where it is counted.
    pub ledger: &'a Ledger,
    /// What makes an impression billable at an exchange; `None` for one unknown by now.
    pub billing: &'a dyn Fn(ExchangeKey) -> Option<BillingEvent>,
    /// The keys of an exchange's prices; `None` for one that writes them plainly.
    pub price_keys: &'a dyn Fn(ExchangeKey) -> Option<&'a PriceKeys>,
}

/// How far an exchange's clock may be off ours: far more than a synchronised one ever is.
const CLOCK_SKEW_MAX: Seconds = Seconds(600);

impl Office<'_> {
    /// Takes a notice in. The claim is returned whenever the signature is good, so that a
    /// click can be sent on even if it no longer counts.
    pub fn receive(&self, arrival: &Arrival<'_>) -> (Outcome, Option<Claim>) {
        let claim = match self.keyring.open(arrival.token, side_of(arrival.kind)) {
            Ok(claim) => claim,
            Err(TokenError::BadSignature) => return (Outcome::BadSignature, None),
            Err(_) => return (Outcome::BadToken, None),
        };
        (self.count(arrival, &claim), Some(claim))
    }

    fn count(&self, arrival: &Arrival<'_>, claim: &Claim) -> Outcome {
        if claim.test {
            return Outcome::Test;
        }
        if arrival.now >= claim.notices_end {
            return Outcome::Expired;
        }
        if let Some(progress) = arrival.kind.progress() {
            return self.note(NoticeKind::Progress(progress), (arrival, claim));
        }
        match arrival.kind {
            Kind::Win => self.win(arrival, claim),
            Kind::Bill => self.bill(arrival, claim),
            Kind::Loss => self.note(NoticeKind::Loss, (arrival, claim)),
            Kind::Click => self.note(NoticeKind::Click, (arrival, claim)),
            _ => self.note(NoticeKind::View, (arrival, claim)),
        }
    }

    fn win(&self, arrival: &Arrival<'_>, claim: &Claim) -> Outcome {
        if (self.billing)(claim.exchange) != Some(BillingEvent::Nurl) {
            return match self.price(arrival, claim) {
                PriceSaid::Audit => Outcome::Test,
                PriceSaid::Unreplaced => Outcome::PriceUnreplaced,
                _ => self.note(NoticeKind::Win, (arrival, claim)),
            };
        }
        let billed = self.bill(arrival, claim);
        if matches!(billed, Outcome::Counted | Outcome::CountedLate) {
            self.note(NoticeKind::Win, (arrival, claim));
        }
        billed
    }

    /// The price in the form of its exchange: encrypted since the bid was made, and before now.
    fn price(&self, arrival: &Arrival<'_>, claim: &Claim) -> PriceSaid {
        let form = (self.price_keys)(claim.exchange).map_or(PriceForm::Plain, |keys| {
            let from = claim.issued.minus(CLOCK_SKEW_MAX);
            PriceForm::Encrypted(keys, from..=arrival.now.plus(CLOCK_SKEW_MAX))
        });
        PriceSaid::in_query(arrival.query, &form)
    }

    fn bill(&self, arrival: &Arrival<'_>, claim: &Claim) -> Outcome {
        let price = match self.price(arrival, claim) {
            PriceSaid::Amount(price) if price > claim.ceiling => return Outcome::PriceAboveBid,
            PriceSaid::Amount(price) => price,
            // The impression was delivered and has a cost that nobody tells: the bid is the
            // most it can be, so a budget is never overspent by it.
            PriceSaid::Nothing => claim.ceiling,
            PriceSaid::Audit => return Outcome::Test,
            PriceSaid::Unreplaced => return Outcome::PriceUnreplaced,
            PriceSaid::Unreadable => return Outcome::PriceUnreadable,
        };
        self.note(NoticeKind::Bill(price), (arrival, claim))
    }

    fn note(&self, kind: NoticeKind, (arrival, claim): (&Arrival<'_>, &Claim)) -> Outcome {
        self.ledger.note(kind, claim, arrival.now).into()
    }
}

#[cfg(test)]
mod tests;
