//! A bid request as the decision sees it: borrowed from the body, one form for every wire
//! encoding, with every signal that has two places already joined.
//!
//! Guarantees: holds only what a decision reads. Where a privacy signal stands in its 2.6 and
//! in its 2.5 place and the two differ, the stricter one is here (field note openrtb.md 1.4).

use super::eids;
pub use super::impressions::Impressions;
use super::list::RawList;
use super::offer::DsaRequest;
use super::raw::RawObject;
use crate::model::{CpmMicros, Currency, DeviceType, InventoryKind, MediaTypes};
use smallvec::SmallVec;
use std::borrow::Cow;

/// Most impressions of one request that are looked at; real ones have one to five.
pub const IMPRESSIONS_MAX: usize = 16;
/// Most sizes of one banner that are looked at.
pub const FORMATS_MAX: usize = 32;

/// So many sizes of a banner are kept without an allocation: more than nearly all have.
const INLINE: usize = 8;

/// A bid request. Absent means unknown (OpenRTB 2.6, 2.8).
#[derive(Clone, Debug, Default)]
pub struct BidRequest<'a> {
    /// The exchange's id of the request: echoed in the answer. Never empty.
    pub id: Cow<'a, str>,
    /// The impressions that can be read; the others are counted.
    pub impressions: Impressions<'a>,
    /// `test`: 1 is a test auction.
    pub test: bool,
    /// `at`: 1 first price, 2 second price, 3 fixed price; 2 where absent.
    pub auction_type: i64,
    /// `tmax` in milliseconds.
    pub tmax_ms: Option<u32>,
    /// `cur`; empty means US dollars only.
    pub currencies: RawList<'a>,
    /// `bcat`: blocked categories.
    pub blocked_categories: RawList<'a>,
    /// `badv`: blocked advertiser domains.
    pub blocked_advertisers: RawList<'a>,
    /// `wseat`: seats that may bid.
    pub allowed_seats: RawList<'a>,
    /// `bseat`: seats that may not.
    pub blocked_seats: RawList<'a>,
    /// `acat`: the only categories that are welcome.
    pub allowed_categories: RawList<'a>,
    /// `cattax`: the taxonomy of `bcat` and `acat`; 1 (IAB content categories 1.0) where absent.
    pub category_taxonomy: i64,
    /// `bapp`: apps that may not be advertised.
    pub blocked_apps: RawList<'a>,
    /// `wlang` and `wlangb`: the only languages that are welcome.
    pub allowed_languages: [RawList<'a>; 2],
    /// `source.schain` and `source.ext.schain`.
    pub supply_chains: [Option<RawObject<'a>>; 2],
    /// Where the ad would stand.
    pub inventory: Inventory<'a>,
    /// On what.
    pub device: Device<'a>,
    /// For whom.
    pub user: User<'a>,
    /// Under which rules.
    pub regulations: Regulations<'a>,
}

impl BidRequest<'_> {
    /// A request that says nothing: with the protocol's defaults (OpenRTB 2.6, 3.2.1).
    /// It is large: made where it stays, and filled there.
    #[allow(clippy::field_reassign_with_default, reason = "the other way all of it is copied")]
    pub fn silent() -> Self {
        let mut silent = Self::default();
        silent.auction_type = 2;
        silent.category_taxonomy = 1;
        silent
    }
}

/// One impression on offer.
#[derive(Clone, Debug, Default)]
pub struct Impression<'a> {
    /// Unique in the request; never empty.
    pub id: Cow<'a, str>,
    /// The banner on offer, if one is.
    pub banner: Option<Banner>,
    /// `bidfloor`, a CPM.
    pub floor: CpmMicros,
    /// `bidfloorcur`; US dollars where absent. `None`: a code that is none.
    pub floor_currency: Option<Currency>,
    /// `secure`: whether markup must be https; `None` where the request does not say.
    pub secure: Option<bool>,
    /// `pmp.private_auction`: only bids on deals are wanted.
    pub private_auction: bool,
    /// `pmp.deals`; see [`super::deals`].
    pub deals: RawList<'a>,
    /// `video`; see [`super::offer::Spot`].
    pub video: Option<RawObject<'a>>,
    /// `audio`.
    pub audio: Option<RawObject<'a>>,
    /// `native`; see [`super::offer::Native`].
    pub native: Option<RawObject<'a>>,
    /// `instl`: it covers the whole screen.
    pub interstitial: bool,
    /// `rwdd` (or its 2.5 places): people get something for watching.
    pub rewarded: bool,
    /// `exp`: seconds that may pass between the auction and the impression.
    pub expires_s: Option<u32>,
    /// `qty.multiplier` in thousandths: so many impressions at once, on screens in public;
    /// `None` where not said, which is one.
    pub quantity_thousandths: Option<u32>,
}

impl Impression<'_> {
    /// Whether anything is on offer that this bidder could fill.
    pub fn is_usable(&self) -> bool {
        let others = [&self.video, &self.audio, &self.native];
        self.banner.is_some() || others.iter().any(|other| other.is_some())
    }
}

/// A banner on offer.
#[derive(Clone, Debug, Default)]
pub struct Banner {
    /// Sizes in pixels, in the exchange's order; from `format`, else `w` and `h`.
    pub sizes: SmallVec<[(u16, u16); INLINE]>,
    /// `battr`: blocked creative attributes, one bit each (bit n: attribute n).
    pub blocked_attributes: u32,
    /// `btype`: blocked banner types, one bit each.
    pub blocked_types: u32,
    /// `api`: frameworks that the place has, one bit each; 0 where none is said.
    pub apis: u32,
    /// `expdir`: directions in which it may expand, one bit each; 0 where none is said.
    pub expansions: u32,
    /// `mimes`; `None` where the list is absent or empty: anything is welcome.
    pub media_types: Option<MediaTypes>,
}

/// `site`, `app` or `dooh`.
#[derive(Clone, Debug, Default)]
pub struct Inventory<'a> {
    /// Which of the objects is there.
    pub kind: Option<InventoryKind>,
    /// `site.domain`, else the host of `site.page`.
    pub domain: Option<Cow<'a, str>>,
    /// `app.bundle`.
    pub bundle: Option<Cow<'a, str>>,
}

impl Inventory<'_> {
    /// The domain or bundle by which block and allow lists know this inventory.
    pub fn name(&self) -> Option<&str> {
        self.bundle.as_deref().or(self.domain.as_deref())
    }
}

/// `device`.
#[derive(Clone, Debug, Default)]
pub struct Device<'a> {
    /// `devicetype`, in the words of campaigns.
    pub device_type: Option<DeviceType>,
    /// `os`.
    pub operating_system: Option<Cow<'a, str>>,
    /// `ua`.
    pub user_agent: Option<Cow<'a, str>>,
    /// `sua`: the same in structure; goes before `ua`.
    pub structured_user_agent: Option<RawObject<'a>>,
    /// `ifa`; an all-zero one is none.
    pub ifa: Option<Cow<'a, str>>,
    /// `lmt`, `dnt`, or an `ext.atts` that refuses: tracking is unwelcome.
    pub tracking_limited: bool,
    /// `geo.country`: ISO-3166 alpha-3.
    pub country: Option<[u8; 3]>,
    /// `geo.region`: ISO-3166-2 subdivision.
    pub region: Option<Cow<'a, str>>,
}

/// `user`.
#[derive(Clone, Debug, Default)]
pub struct User<'a> {
    /// `id`: the exchange's.
    pub id: Option<Cow<'a, str>>,
    /// `buyeruid`: ours.
    pub buyeruid: Option<Cow<'a, str>>,
    /// `eids` and `ext.eids`.
    pub eids: [RawList<'a>; 2],
    /// `consent`: the TCF string; empty where two places contradict each other.
    pub consent: Option<Cow<'a, str>>,
}

impl User<'_> {
    /// Calls `visit(source, id)` for each extended id, in the order of the request, until it
    /// returns `false`. Ids that were inferred (`mm` 5) are left out: a guess about a person
    /// is no ground for reaching them (field note openrtb.md 1.3).
    pub fn each_eid(&self, mut visit: impl FnMut(&str, &str) -> bool) {
        let mut going = true;
        for list in &self.eids {
            eids::each(list, |source, id| {
                going = going && visit(source, id);
                going
            });
        }
    }
}

/// `regs`, both places joined.
#[derive(Clone, Debug, Default)]
pub struct Regulations<'a> {
    /// Child-directed.
    pub coppa: bool,
    /// Whether GDPR applies; `None` where the request does not say.
    pub gdpr: Option<bool>,
    /// The US privacy strings of both places.
    pub us_privacy: [Option<Cow<'a, str>>; 2],
    /// Global Privacy Control.
    pub gpc: bool,
    /// The strings of the Global Privacy Platform of both places.
    pub gpp: [Option<Cow<'a, str>>; 2],
    /// Sections of the Global Privacy Platform that apply (`gpp_sid`), both places.
    pub gpp_sections: [RawList<'a>; 2],
    /// Whether a flag stood there that could not be read: then the strictest is assumed.
    pub unreadable: bool,
    /// `ext.dsa`: what the Digital Services Act asks of an answer.
    pub dsa: Option<DsaRequest>,
}

/// Why a body is not a bid request; answered 400.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidRequest {
    /// Not UTF-8.
    #[error("the body is not UTF-8")]
    NotText,
    /// Not JSON.
    #[error("the body is not JSON: {0}")]
    NotJson(#[from] super::json::JsonError),
    /// Not protocol buffers.
    #[error("the body is not protobuf: {0}")]
    NotProtobuf(#[from] super::protobuf::WireError),
    /// JSON, but not an object.
    #[error("the body is not a JSON object")]
    NotAnObject,
    /// `id` is missing or empty.
    #[error("`id` is missing or empty")]
    MissingId,
    /// `imp` is missing or empty.
    #[error("`imp` is missing or empty")]
    MissingImpressions,
}
