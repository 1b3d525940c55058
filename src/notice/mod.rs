//! What exchanges and browsers tell us after a bid: win, billing, loss, view, click.
//!
//! - [`token`] the signed claim in every notice URL
//! - [`urls`] the URLs of one bid
//! - [`price`] the price that a notice carries, in all the forms that arrive
//!
//! Guarantees: nothing counts without a valid signature of the right side; everything counts
//! once; a click leads only where the campaign's file says. Must not trust a query string
//! with anything but a price below the signed ceiling.

pub mod price;
pub mod token;
pub mod urls;

pub use token::{Keyring, Side, TokenError};

use crate::campaign::model::Creative;
use crate::ledger::{Claim, Ledger, Noted};
use crate::model::{CreativeKey, ExchangeKey, UnixSeconds};
use crate::openrtb::profile::BillingEvent;
use price::PriceSaid;

/// The kinds of notices, as they stand in URLs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `/n/win/`: the auction was won; not billable as such.
    Win,
    /// `/n/bill/`: the impression is billable.
    Bill,
    /// `/n/loss/`: the auction was lost.
    Loss,
    /// `/n/view/`: the ad is on the page.
    View,
    /// `/n/click/`: the ad was clicked.
    Click,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Win, Self::Bill, Self::Loss, Self::View, Self::Click];

    /// The word in the URL and in metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Win => "win",
            Self::Bill => "bill",
            Self::Loss => "loss",
            Self::View => "view",
            Self::Click => "click",
        }
    }

    /// The side whose signature it must carry.
    fn side(self) -> Side {
        match self {
            Self::Win | Self::Bill | Self::Loss => Side::Exchange,
            Self::View | Self::Click => Side::Browser,
        }
    }
}

/// What became of a notice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Counted.
    Counted,
    /// Counted after its hold had ended.
    CountedLate,
    /// Counted before.
    Duplicate,
    /// A loss of what was already billed.
    Contradiction,
    /// The ledger is full.
    LedgerFull,
    /// A test auction, or an exchange's audit: answered, never counted.
    Test,
    /// The price macro was not replaced: a preview, or a fraud. Not billed.
    PriceUnreplaced,
    /// A price that is no number.
    PriceUnreadable,
    /// A price above what was bid. Not billed.
    PriceAboveBid,
    /// The token's time is over.
    Expired,
    /// The token is not one of ours.
    Refused(TokenError),
}

impl Outcome {
    /// The word used in metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::CountedLate => "late",
            Self::Duplicate => "duplicate",
            Self::Contradiction => "contradiction",
            Self::LedgerFull => "ledger_full",
            Self::Test => "test",
            Self::PriceUnreplaced => "price_unreplaced",
            Self::PriceUnreadable => "price_unreadable",
            Self::PriceAboveBid => "price_above_bid",
            Self::Expired => "expired",
            Self::Refused(TokenError::BadSignature) => "bad_signature",
            Self::Refused(_) => "bad_token",
        }
    }

    /// All labels, for metrics that are made before the first notice.
    pub const LABELS: [&'static str; 12] = [
        "counted",
        "late",
        "duplicate",
        "contradiction",
        "ledger_full",
        "test",
        "price_unreplaced",
        "price_unreadable",
        "price_above_bid",
        "expired",
        "bad_signature",
        "bad_token",
    ];
}

impl From<Noted> for Outcome {
    fn from(noted: Noted) -> Self {
        match noted {
            Noted::Counted => Self::Counted,
            Noted::CountedLate => Self::CountedLate,
            Noted::Duplicate => Self::Duplicate,
            Noted::Contradiction => Self::Contradiction,
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
}

impl Office<'_> {
    /// Takes a notice in. The claim is returned whenever the signature is good, so that a
    /// click can be sent on even if it no longer counts.
    pub fn receive(&self, arrival: &Arrival<'_>) -> (Outcome, Option<Claim>) {
        let claim = match self.keyring.open(arrival.token, arrival.kind.side()) {
            Ok(claim) => claim,
            Err(error) => return (Outcome::Refused(error), None),
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
        match arrival.kind {
            Kind::Win => self.win(arrival, claim),
            Kind::Bill => self.bill(arrival, claim),
            Kind::Loss => self.ledger.lose(claim).into(),
            Kind::View => self.ledger.view(claim).into(),
            Kind::Click => self.ledger.click(claim, arrival.now).into(),
        }
    }

    fn win(&self, arrival: &Arrival<'_>, claim: &Claim) -> Outcome {
        if (self.billing)(claim.exchange) != Some(BillingEvent::Nurl) {
            return match PriceSaid::in_query(arrival.query) {
                PriceSaid::Audit => Outcome::Test,
                PriceSaid::Unreplaced => Outcome::PriceUnreplaced,
                _ => self.ledger.win(claim).into(),
            };
        }
        let billed = self.bill(arrival, claim);
        if matches!(billed, Outcome::Counted | Outcome::CountedLate) {
            self.ledger.win(claim);
        }
        billed
    }

    fn bill(&self, arrival: &Arrival<'_>, claim: &Claim) -> Outcome {
        let price = match PriceSaid::in_query(arrival.query) {
            PriceSaid::Amount(price) if price > claim.ceiling => return Outcome::PriceAboveBid,
            PriceSaid::Amount(price) => price,
            // The impression was delivered and has a cost that nobody tells: the bid is the
            // most it can be, so a budget is never overspent by it.
            PriceSaid::Nothing => claim.ceiling,
            PriceSaid::Audit => return Outcome::Test,
            PriceSaid::Unreplaced => return Outcome::PriceUnreplaced,
            PriceSaid::Unreadable => return Outcome::PriceUnreadable,
        };
        self.ledger.bill(claim, price, arrival.now).into()
    }
}

/// Where a click on `creative` leads: the landing page in the campaign's file, nowhere else.
pub fn landing(creatives: &[Creative], key: CreativeKey) -> Option<&str> {
    creatives.iter().find(|creative| creative.key == key).map(|creative| creative.landing.as_str())
}

#[cfg(test)]
mod tests;
