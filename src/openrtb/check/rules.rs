//! Every rule by name, each with the public text that it comes from.
//!
//! A rule is here once and is broken by a row of the table in the tests, which know all of
//! [`ALL`]. Where exchanges differ, the strictest is restated, so that one answer suits all.

use serde::Serialize;

/// A rule that exchanges hold answers against.
#[derive(PartialEq, Eq, Debug, Serialize)]
pub struct Rule {
    /// A short name, stable, for programs.
    #[serde(rename = "rule")]
    pub name: &'static str,
    /// Who says so.
    pub source: &'static str,
}

macro_rules! rules {
    ($($(#[$doc:meta])+ $constant:ident = $name:literal, $source:expr;)+) => {
        $($(#[$doc])+ pub static $constant: Rule = Rule { name: $name, source: $source };)+
        /// Every rule.
        pub static ALL: &[&Rule] = &[$(&$constant),+];
    };
}

const IAB_RESPONSE: &str = "OpenRTB 2.6, 4.2.1 BidResponse";
const IAB_SEAT: &str = "OpenRTB 2.6, 4.2.2 SeatBid";
const IAB_BID: &str = "OpenRTB 2.6, 4.2.3 Bid";
const IAB_REQUEST: &str = "OpenRTB 2.6, 3.2.1 BidRequest";
const IAB_BANNER: &str = "OpenRTB 2.6, 3.2.6 Banner";
const IAB_DEAL: &str = "OpenRTB 2.6, 3.2.11 Pmp and 3.2.12 Deal";
const PREBID_SERVER: &str = "Prebid Server, validation of bids";
const GOOGLE: &str = "Google Authorized Buyers, OpenRTB response guide";
const INDEX: &str = "Index Exchange, notification macros";
const XANDR: &str = "Xandr, bid response";
/// No exchange publishes it, but none could use an answer that breaks it.
const OURS: &str = "Homing's own";

rules! {
    /// A field has the JSON type that the specification gives it.
    TYPES = "types", IAB_BID;
    /// The response's id is the request's.
    ID_ECHOED = "id_echoed", IAB_RESPONSE;
    /// The currency is said.
    CURRENCY_SAID = "currency_said", PREBID_SERVER;
    /// The currency is one of the request's, or US dollars where it names none.
    CURRENCY_ASKED = "currency_asked", PREBID_SERVER;
    /// Not more bids than are read.
    BIDS_MAX = "bids_max", XANDR;
    /// A seat holds at least one bid.
    SEAT_NOT_EMPTY = "seat_not_empty", IAB_SEAT;
    /// The seat is one that may bid.
    SEAT_ALLOWED = "seat_allowed", IAB_REQUEST;
    /// Every bid has an id of its own.
    BID_ID = "bid_id", IAB_BID;
    /// The bid is for an impression of the request.
    IMPRESSION_KNOWN = "impression_known", IAB_BID;
    /// One bid for an impression: two of one bidder compete with each other.
    IMPRESSION_ONCE = "impression_once", OURS;
    /// A price above zero; zero only on a deal.
    PRICE_POSITIVE = "price_positive", PREBID_SERVER;
    /// A price in whole micros.
    PRICE_PLACES = "price_places", OURS;
    /// A price not below the floor.
    PRICE_FLOOR = "price_floor", IAB_BID;
    /// A deal is one of the impression's, and is there where only deals are sold.
    DEAL = "deal", IAB_DEAL;
    /// A creative's id, of a length that is taken.
    CREATIVE_ID = "creative_id", "Google Authorized Buyers, OpenRTB response guide; Prebid Server";
    /// A campaign's id.
    CAMPAIGN_ID = "campaign_id", GOOGLE;
    /// The advertiser's domains, bare.
    ADVERTISER_DOMAIN = "advertiser_domain", GOOGLE;
    /// No domain that the request blocks.
    ADVERTISER_BLOCKED = "advertiser_blocked", IAB_REQUEST;
    /// No category that the request blocks.
    CATEGORY_BLOCKED = "category_blocked", IAB_REQUEST;
    /// No attribute that the impression blocks.
    ATTRIBUTE_BLOCKED = "attribute_blocked", IAB_BANNER;
    /// The kind of markup is said, and is one that the impression offers.
    MARKUP_TYPE = "markup_type", "OpenRTB 2.6, 4.2.3 Bid; Prebid.js, mediaType of a bid";
    /// A size that was asked for.
    SIZE = "size", "OpenRTB 2.6, 3.2.10 Format; Prebid Server, validation of bids";
    /// Markup that is not blank.
    MARKUP = "markup", IAB_BID;
    /// Nothing unencrypted in the markup for a secure page.
    MARKUP_SECURE = "markup_secure", PREBID_SERVER;
    /// No template placeholder left in the markup.
    MARKUP_PLACEHOLDER = "markup_placeholder", OURS;
    /// A way for the exchange to tell the price that is paid.
    PRICE_MACRO = "price_macro", INDEX;
    /// Addresses are absolute and on the web.
    URL = "url", IAB_BID;
}
