//! The differences between exchanges, as data: one profile per `[[exchange]]` of `homing.toml`.

use crate::model::{Currency, ExchangeKey, Seconds};
use std::num::NonZeroU16;

/// How one exchange wants to be spoken to.
#[derive(Clone, Debug)]
pub struct ExchangeProfile {
    /// Stable identity.
    pub key: ExchangeKey,
    /// Its name: the last part of its path, `/openrtb2/{name}`, and its label in metrics.
    pub name: String,
    /// How it is told "no".
    pub no_bid: NoBidStyle,
    /// Sent as `x-openrtb-version`, if it wants that.
    pub version_header: Option<String>,
    /// `tmax` where the request has none, in milliseconds.
    pub tmax_default_ms: u32,
    /// How much of `tmax` the network eats, in milliseconds.
    pub network_allowance_ms: u32,
    /// Currencies that it settles in; empty: whatever a request allows and a rate exists for.
    pub currencies: Vec<Currency>,
    /// Where ids are read, in this order.
    pub ids: Vec<IdSource>,
    /// What makes an impression billable.
    pub billing: BillingEvent,
    /// How its notices write prices.
    pub price: PriceEncoding,
    /// The macro that its markup wants in front of a click URL.
    pub click_macro: Option<ClickMacro>,
    /// Our seat there.
    pub seat: Option<String>,
    /// Whether `test=1` requests are answered with a bid (never counted, never held).
    pub answer_test_requests: bool,
    /// How long a hold waits for its billing notice before it is released.
    pub hold_ttl: Seconds,
    /// Whether an impression that says nothing of `secure` is taken to need https.
    pub secure_by_default: bool,
    /// What is asked of its supply chains.
    pub supply_chain: SupplyChainRule,
    /// Fields that it wants on every bid besides those that every bid has: a creative that
    /// lacks one is not bid there.
    pub required_fields: Vec<RequiredField>,
    /// How markup travels.
    pub markup: MarkupDelivery,
    /// Most requests a second that are looked at; the rest are answered "no bid" at once.
    pub requests_per_second_max: Option<u32>,
    /// Whether answers are packed for callers that accept gzip.
    pub gzip_answers: bool,
    /// Its own number in the Global Vendor List: where GDPR applies, consent must name it too.
    pub gvl_id: Option<NonZeroU16>,
}

impl ExchangeProfile {
    /// OpenRTB 2.6 without anybody's habits, as the grammar of `[[exchange]]` has it by default.
    pub fn generic(name: &str) -> Self {
        Self {
            key: ExchangeKey::new(name),
            name: name.to_owned(),
            no_bid: NoBidStyle::NoContent,
            version_header: None,
            tmax_default_ms: 120,
            network_allowance_ms: 20,
            currencies: Vec::new(),
            ids: vec![IdSource::Buyeruid, IdSource::Ifa, IdSource::AnyEid],
            billing: BillingEvent::Burl,
            price: PriceEncoding::Plain,
            click_macro: None,
            seat: None,
            answer_test_requests: false,
            hold_ttl: Seconds(60),
            secure_by_default: true,
            supply_chain: SupplyChainRule::default(),
            required_fields: Vec::new(),
            markup: MarkupDelivery::InBid,
            requests_per_second_max: None,
            gzip_answers: false,
            gvl_id: None,
        }
    }
}

/// What is asked of a supply chain (`source.schain`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SupplyChainRule {
    /// Whether one that is absent, or says that it is incomplete, ends the request.
    pub complete: Completeness,
    /// Most nodes; longer chains end the request. `None`: any number.
    pub nodes_max: Option<u32>,
}

/// Whether a supply chain must be complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Completeness {
    /// It need not even be there.
    #[default]
    NotAsked,
    /// It may be absent, but not incomplete.
    IfPresent,
    /// It must be there and complete.
    Required,
}

/// A field of a bid that an exchange may insist on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RequiredField {
    /// `iurl`: a picture for the audit.
    SampleImage,
    /// `cat`.
    Categories,
    /// `attr`.
    Attributes,
    /// `language`.
    Language,
    /// `bundle`, on bids for impressions in apps that advertise apps.
    Bundle,
}

/// How markup travels.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum MarkupDelivery {
    /// In the bid (`adm`).
    #[default]
    InBid,
    /// In the answer to the win notice (`nurl`). Native always travels in the bid, since its
    /// assets depend on the request.
    OnWin,
}

/// How an exchange is told "no".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoBidStyle {
    /// 204 without a body: cheapest, required by several exchanges.
    NoContent,
    /// 200 with `{"id":..,"seatbid":[],"nbr":n}`.
    Nbr,
}

/// A place in the request where an id may stand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum IdSource {
    /// `user.buyeruid`: our own id, in id space `buyeruid`.
    Buyeruid,
    /// `user.id`, the exchange's id, in the named id space.
    UserId {
        /// The id space under which our audience knows this exchange's ids.
        space: String,
    },
    /// `device.ifa`, in id space `ifa`.
    Ifa,
    /// `user.eids` (and `user.ext.eids`) of one source; the source is the id space.
    Eid {
        /// E.g. `uidapi.com`.
        source: String,
    },
    /// `user.eids` of every source; each source is its own id space.
    AnyEid,
}

/// What makes an impression billable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BillingEvent {
    /// The billing notice (`burl`).
    Burl,
    /// The win notice (`nurl`): exchanges that know no `burl`.
    Nurl,
    /// Our pixel in the markup, carrying the price macro.
    Pixel,
}

/// How notices write prices. The keys of encrypted ones are secrets and stand elsewhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PriceEncoding {
    /// As a decimal CPM in the bid's currency.
    Plain,
    /// As Google encrypts them: a CPM in micros of the bid's currency.
    Google,
}

/// A click macro.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClickMacro {
    /// The text, e.g. `${CLICK_URL}`; what follows it is our click URL.
    pub text: String,
    /// Whether our URL behind it must be percent-encoded.
    pub escape: bool,
}
