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
const IAB_MACROS: &str = "OpenRTB 2.6, 4.4 Substitution Macros";
const IAB_REQUEST: &str = "OpenRTB 2.6, 3.2.1 BidRequest";
const IAB_IMP: &str = "OpenRTB 2.6, 3.2.4 Imp";
const IAB_BANNER: &str = "OpenRTB 2.6, 3.2.6 Banner";
const IAB_SPOT: &str = "OpenRTB 2.6, 3.2.7 Video and 3.2.8 Audio";
const IAB_DEAL: &str = "OpenRTB 2.6, 3.2.11 Pmp and 3.2.12 Deal";
const IAB_FLOORS: &str = "OpenRTB 2.6, 4.2.3 Bid; 7.11 priority of floors";
const IAB_PODS: &str = "OpenRTB 2.6, 7.6 Pod Bidding";
const NATIVE_REQUEST: &str = "OpenRTB Native 1.2, 4 request";
const NATIVE_RESPONSE: &str = "OpenRTB Native 1.2, 5 response";
const VAST: &str = "IAB VAST 2.0 to 4.2, InLine and Wrapper";
const VAST_LINEAR: &str = "IAB VAST 2.0 to 4.2, Linear";
const DSA: &str = "IAB, DSA transparency in OpenRTB; Prebid Server, validation of dsa";
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
    /// One bid for an impression, a dynamic pod aside: two of one bidder compete with each other.
    IMPRESSION_ONCE = "impression_once", OURS;
    /// A price above zero; zero only on a deal.
    PRICE_POSITIVE = "price_positive", PREBID_SERVER;
    /// A price in whole micros.
    PRICE_PLACES = "price_places", OURS;
    /// A price not below the floor: that of the deal, else of the spot, else of the impression.
    PRICE_FLOOR = "price_floor", IAB_FLOORS;
    /// A deal is one of the impression's, and is there where only deals are sold.
    DEAL = "deal", IAB_DEAL;
    /// The seat and the advertiser are ones that the deal is for.
    DEAL_PARTY = "deal_party", IAB_DEAL;
    /// On a deal of a fixed price the bid is that price.
    DEAL_PRICE = "deal_price", IAB_DEAL;
    /// A creative's id, of a length that is taken.
    CREATIVE_ID = "creative_id", "Google Authorized Buyers, OpenRTB response guide; Prebid Server";
    /// The same creative id means the same look: size, kind of markup and advertiser.
    CREATIVE_STABLE = "creative_stable", GOOGLE;
    /// A campaign's id.
    CAMPAIGN_ID = "campaign_id", GOOGLE;
    /// The advertiser's domains, bare.
    ADVERTISER_DOMAIN = "advertiser_domain", GOOGLE;
    /// No domain that the request blocks.
    ADVERTISER_BLOCKED = "advertiser_blocked", IAB_REQUEST;
    /// Where categories are blocked or chosen, ours are told in the same taxonomy.
    CATEGORY_TOLD = "category_told", IAB_REQUEST;
    /// No category that the request blocks, and only such as it welcomes.
    CATEGORY_BLOCKED = "category_blocked", IAB_REQUEST;
    /// No app that the request blocks.
    APP_BLOCKED = "app_blocked", IAB_REQUEST;
    /// Where languages are chosen, ours is told and is one of them.
    LANGUAGE = "language", IAB_REQUEST;
    /// No attribute that the impression blocks.
    ATTRIBUTE_BLOCKED = "attribute_blocked", "OpenRTB 2.6, 3.2.6 to 3.2.9: battr";
    /// No type of banner that the impression blocks.
    BANNER_TYPE_BLOCKED = "banner_type_blocked", IAB_BANNER;
    /// What expands does so where that is possible.
    EXPANSION = "expansion", IAB_BANNER;
    /// Frameworks that the markup needs are told, and the place has one of them.
    FRAMEWORK = "framework", "OpenRTB 2.6, 4.2.3 Bid: apis; 3.2.6 to 3.2.9: api";
    /// The bid holds for some time, and for as long as the impression asks.
    EXPIRY = "expiry", IAB_IMP;
    /// The kind of markup is said, and is one that the impression offers.
    MARKUP_TYPE = "markup_type", "OpenRTB 2.6, 4.2.3 Bid; Prebid.js, mediaType of a bid";
    /// A size that was asked for.
    SIZE = "size", "OpenRTB 2.6, 3.2.10 Format; Prebid Server, validation of bids";
    /// Markup that is not blank; or, where that is agreed, a win notice that brings it.
    MARKUP = "markup", IAB_BID;
    /// Nothing unencrypted in the markup for a secure page.
    MARKUP_SECURE = "markup_secure", PREBID_SERVER;
    /// No template placeholder left in the markup.
    MARKUP_PLACEHOLDER = "markup_placeholder", OURS;
    /// A way for the exchange to tell the price that is paid.
    PRICE_MACRO = "price_macro", INDEX;
    /// A macro of the exchange is one that there is.
    MACRO_KNOWN = "macro_known", IAB_MACROS;
    /// Addresses are absolute and on the web.
    URL = "url", IAB_BID;
    /// How long a spot plays is said, and fits the place.
    DURATION = "duration", IAB_SPOT;
    /// The protocol of a spot is said, is one of those asked for, and is that of its markup.
    PROTOCOL = "protocol", "OpenRTB 2.6, 4.2.3 Bid: protocol; AdCOM, Creative Subtypes";
    /// The markup of a spot is well-formed XML without a DTD, with the root `VAST`.
    VAST_WELL_FORMED = "vast_well_formed", "XML 1.0; IAB VAST 4.2, VAST";
    /// One ad, which is inline or a wrapper.
    VAST_AD = "vast_ad", VAST;
    /// Nothing is missing that its version of VAST asks for.
    VAST_PARTS = "vast_parts", VAST;
    /// Its duration can be read, and is the one that the bid says.
    VAST_DURATION = "vast_duration", VAST_LINEAR;
    /// Addresses in VAST are absolute and on the web.
    VAST_URL = "vast_url", VAST;
    /// Linear where that is asked for, else not.
    LINEARITY = "linearity", IAB_SPOT;
    /// What can be skipped says so (attribute 16), and is so only where that is possible.
    SKIP = "skip", IAB_SPOT;
    /// Media files are of the types that the place plays.
    MEDIA_TYPE = "media_type", IAB_SPOT;
    /// Media files say how they are delivered, their size where they have one.
    MEDIA_FILE = "media_file", "IAB VAST 2.0 to 4.2, MediaFile";
    /// Bit rates within the bounds of the place.
    BIT_RATE = "bit_rate", IAB_SPOT;
    /// A companion has a size and is of a type that is on offer; all are, if all are required.
    COMPANION = "companion", IAB_SPOT;
    /// Bids on a dynamic pod are not more than it takes, and not longer together.
    POD_BOUNDS = "pod_bounds", IAB_PODS;
    /// No two bids of a pod are what it says that it would drop as doubles.
    POD_DOUBLES = "pod_doubles", "OpenRTB 2.6, 3.2.7 Video: poddedupe; AdCOM, Pod Deduplication";
    /// Native markup is a JSON object, below `native` where the request is.
    NATIVE_ROOT = "native_root", NATIVE_RESPONSE;
    /// A native ad leads somewhere.
    NATIVE_LINK = "native_link", NATIVE_RESPONSE;
    /// Every required asset is there.
    NATIVE_REQUIRED = "native_required", NATIVE_REQUEST;
    /// Every asset was asked for, in its kind, and is there once.
    NATIVE_ASSET = "native_asset", NATIVE_RESPONSE;
    /// Titles and data have a text that is not too long.
    NATIVE_TEXT = "native_text", NATIVE_REQUEST;
    /// Pictures have an address and a size that was asked for.
    NATIVE_IMAGE = "native_image", NATIVE_REQUEST;
    /// Trackers are of the events and methods that are supported.
    NATIVE_TRACKER = "native_tracker", NATIVE_REQUEST;
    /// Who is behind an ad is told where the law asks for it.
    TRANSPARENCY = "transparency", DSA;
    /// It is shown by the publisher or by the ad: by one, and not by both.
    TRANSPARENCY_RENDERED = "transparency_rendered", DSA;
}
