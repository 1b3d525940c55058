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
use crate::model::{CpmMicros, ExchangeKey, Seconds, UnixSeconds};
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
            Noted::Kept => Self::Kept,
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
    /// What makes an impression billable at an exchange; `None` for one unknown by now.
    pub billing: &'a dyn Fn(ExchangeKey) -> Option<BillingEvent>,
    /// The keys of an exchange's prices; `None` for one that writes them plainly.
    pub price_keys: &'a dyn Fn(ExchangeKey) -> Option<&'a PriceKeys>,
}

/// What a notice is, before anything is counted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Judged {
    /// Something that happened, to be counted once.
    Event(NoticeKind, Claim),
    /// Nothing to be counted. The claim is there whenever the signature is good, so that a
    /// click can be sent on even if it no longer counts.
    Told(Outcome, Option<Claim>),
}

/// How far an exchange's clock may be off ours: far more than a synchronised one ever is.
const CLOCK_SKEW_MAX: Seconds = Seconds(600);

impl Office<'_> {
    /// Says what a notice is.
    pub fn judge(&self, arrival: &Arrival<'_>) -> Judged {
        let claim = match self.keyring.open(arrival.token, side_of(arrival.kind)) {
            Ok(claim) => claim,
            Err(TokenError::BadSignature) => return Judged::Told(Outcome::BadSignature, None),
            Err(_) => return Judged::Told(Outcome::BadToken, None),
        };
        match self.kind_of(arrival, &claim) {
            Ok(kind) => Judged::Event(kind, claim),
            Err(outcome) => Judged::Told(outcome, Some(claim)),
        }
    }

    /// Judges a notice and counts it in a ledger that has no log: for tests and tools.
    pub fn receive(&self, arrival: &Arrival<'_>, ledger: &Ledger) -> (Outcome, Option<Claim>) {
        match self.judge(arrival) {
            Judged::Event(kind, claim) => {
                (ledger.note(kind, &claim, arrival.now).into(), Some(claim))
            }
            Judged::Told(outcome, claim) => (outcome, claim),
        }
    }

    fn kind_of(&self, arrival: &Arrival<'_>, claim: &Claim) -> Result<NoticeKind, Outcome> {
        if claim.test {
            return Err(Outcome::Test);
        }
        if arrival.now >= claim.notices_end {
            return Err(Outcome::Expired);
        }
        if let Some(progress) = arrival.kind.progress() {
            return Ok(NoticeKind::Progress(progress));
        }
        match arrival.kind {
            Kind::Win => self.win(arrival, claim),
            Kind::Bill => self.billed(arrival, claim).map(NoticeKind::Bill),
            Kind::Loss => Ok(NoticeKind::Loss),
            Kind::Click => Ok(NoticeKind::Click),
            _ => Ok(NoticeKind::View),
        }
    }

    fn win(&self, arrival: &Arrival<'_>, claim: &Claim) -> Result<NoticeKind, Outcome> {
        if (self.billing)(claim.exchange) == Some(BillingEvent::Nurl) {
            return self.billed(arrival, claim).map(NoticeKind::WinAndBill);
        }
        match self.price(arrival, claim) {
            PriceSaid::Audit => Err(Outcome::Test),
            PriceSaid::Unreplaced => Err(Outcome::PriceUnreplaced),
            _ => Ok(NoticeKind::Win),
        }
    }

    /// The price in the form of its exchange: encrypted since the bid was made, and before now.
    fn price(&self, arrival: &Arrival<'_>, claim: &Claim) -> PriceSaid {
        let form = (self.price_keys)(claim.exchange).map_or(PriceForm::Plain, |keys| {
            let from = claim.issued.minus(CLOCK_SKEW_MAX);
            PriceForm::Encrypted(keys, from..=arrival.now.plus(CLOCK_SKEW_MAX))
        });
        PriceSaid::in_query(arrival.query, &form)
    }

    fn billed(&self, arrival: &Arrival<'_>, claim: &Claim) -> Result<CpmMicros, Outcome> {
        match self.price(arrival, claim) {
            PriceSaid::Amount(price) if price > claim.ceiling => Err(Outcome::PriceAboveBid),
            PriceSaid::Amount(price) => Ok(price),
            // The impression was delivered and has a cost that nobody tells: the bid is the
            // most it can be, so a budget is never overspent by it.
            PriceSaid::Nothing => Ok(claim.ceiling),
            PriceSaid::Audit => Err(Outcome::Test),
            PriceSaid::Unreplaced => Err(Outcome::PriceUnreplaced),
            PriceSaid::Unreadable => Err(Outcome::PriceUnreadable),
        }
    }
}

#[cfg(test)]
mod tests;
