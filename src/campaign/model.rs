//! The validated campaign model: what `decide` reads. Built only by [`crate::campaign`]'s
//! checking stage, so every value here is within its limits and every reference resolves.

use crate::audience::{Expression, SegmentTable};
use crate::model::{
    AdvertiserKey, CampaignKey, CpmMicros, CreativeKey, Currency, Factor, MediaType, MoneyNanos,
    Seconds, SegmentId, UnixSeconds,
};
use crate::openrtb::offer::Medium;
use smallvec::SmallVec;

pub use super::shop_events::{BrowserPurchases, ShopEvents};
pub use crate::model::{DeviceType, InventoryKind};

/// Most campaigns in one book: bounds the index and the scratch space of a decision.
pub const CAMPAIGNS_MAX: usize = 200_000;
/// Most caps on one scope.
pub const CAPS_MAX: usize = 8;
/// Largest `impressions` of one cap: the length of the ring of timestamps kept a person.
pub const CAP_IMPRESSIONS_MAX: u16 = 255;

/// Everything the business has loaded, bound together and indexed. Immutable; swapped whole.
#[derive(Clone, Debug, Default)]
pub struct Book {
    /// The advertisers, in file order.
    pub advertisers: Vec<Advertiser>,
    /// All campaigns of all advertisers: [`CampaignIndex`] numbers them.
    pub campaigns: Vec<Campaign>,
    /// All creatives of all advertisers.
    pub creatives: Vec<Creative>,
    /// The segments that expressions and prices mention.
    pub segments: SegmentTable,
    /// segment -> campaigns whose audience can hold only for someone in that segment (one of
    /// several, for an `or`). Indexed by [`SegmentId`].
    pub by_segment: Vec<Vec<CampaignIndex>>,
    /// Campaigns that are considered for everyone (`prospecting = true`); they are not in
    /// `by_segment`, so no campaign is met twice but by several segments.
    pub prospecting: Vec<CampaignIndex>,
    /// Campaigns that may be shown by context alone (`contextual = true`).
    pub contextual: Vec<CampaignIndex>,
}

/// A campaign's place in [`Book::campaigns`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CampaignIndex(pub u32);

/// A creative's place in [`Book::creatives`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CreativeIndex(pub u32);

/// An advertiser: the shop.
#[derive(Clone, Debug)]
pub struct Advertiser {
    /// Identity over restarts and nodes.
    pub key: AdvertiserKey,
    /// Unique among all files.
    pub id: String,
    /// The shop's domain: goes out as `adomain`, is matched against `badv`.
    pub domain: String,
    /// The currency of all its amounts.
    pub currency: Currency,
    /// Categories of the shop: `cat` of its bids.
    pub categories: Categories,
    /// Who pays and on whose behalf, as the Digital Services Act wants it said.
    pub transparency: Transparency,
    /// Frequency caps over all its campaigns together.
    pub caps: Caps,
    /// How its events are taken; `None`: they are not.
    pub events: Option<ShopEvents>,
    /// Where the file stands, for messages.
    pub file: String,
}

/// Content categories by the taxonomy that they are of (AdCOM list "Category Taxonomies").
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Categories(pub Vec<(i64, Vec<String>)>);

impl Categories {
    /// Codes of the IAB's first taxonomy (1).
    pub fn of_iab(codes: Vec<String>) -> Self {
        Self(if codes.is_empty() { Vec::new() } else { vec![(1, codes)] })
    }

    /// The codes in a taxonomy; none where none is declared in it.
    pub fn in_taxonomy(&self, taxonomy: i64) -> &[String] {
        let declared = self.0.iter().find(|(known, _)| *known == taxonomy);
        declared.map_or(&[], |(_, codes)| codes)
    }

    /// Whether nothing is declared.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What the Digital Services Act wants said of an ad (IAB, "DSA transparency", `bid.ext.dsa`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Transparency {
    /// On whose behalf the ad is shown, at most 100 characters. Empty: nothing can be said.
    pub behalf: String,
    /// Who pays for it, at most 100 characters.
    pub paid: String,
    /// `dsaparams` of us as the ones who apply user parameters: 1 profiling, 2 basic, 3 precise
    /// location.
    pub parameters: Vec<u8>,
}

/// A campaign. What every judgement asks, down to the audience and the flight, stands first and
/// together, so that looking at many campaigns waits for few lines of the cache.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Campaign {
    /// Identity over restarts and nodes.
    pub key: CampaignKey,
    /// Place of its advertiser in [`Book::advertisers`].
    pub advertiser: usize,
    /// The segments that can trigger it: the newest of the person's memberships among these
    /// is the visit from which recency, `start_after`, `stop_after` and phases count.
    /// Empty where no segment is needed, as prospecting campaigns may say.
    pub anchors: SmallVec<[SegmentId; 4]>,
    /// For whom.
    pub audience: Expression,
    /// The segment of those who did what it is for: who is in it since the visit is not
    /// reached. `None` where it has no such aim, or goes on all the same.
    pub burned_by: Option<SegmentId>,
    /// From when to when.
    pub flight: Flight,
    /// Not before this long after the visit.
    pub start_after: Seconds,
    /// Not from this long after the visit on.
    pub stop_after: Option<Seconds>,
    /// Never bids while set.
    pub paused: bool,
    /// Whether it may be shown where nobody may be recognised: by context alone, uncapped.
    pub contextual: bool,
    /// Whether it may win several impressions of one page.
    pub several_per_page: bool,
    /// Share of people never shown it, per 10,000.
    pub holdout_per_10k: u16,
    /// Where, when and on what it may run.
    pub target: Target,
    /// What is said.
    pub plan: MessagePlan,
    /// Frequency caps of this campaign.
    pub caps: Caps,
    /// How a bid is priced.
    pub price: Price,
    /// How much.
    pub budget: Budget,
    /// Unique within its advertiser; goes out as `cid`.
    pub id: String,
    /// What it is for.
    pub objective: Objective,
    /// The audience as written, for people; empty for everyone.
    pub audience_text: String,
}

/// What a campaign is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Objective {
    /// Be seen: reach and frequency.
    Awareness,
    /// Be clicked.
    Clicks,
    /// Bring about this event, e.g. `purchase`.
    Conversion(String),
}

/// When a campaign runs: `from <= now < to`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Flight {
    /// First second.
    pub from: UnixSeconds,
    /// First second after the end.
    pub to: UnixSeconds,
}

/// What a campaign may spend, in its advertiser's currency.
#[derive(Clone, Debug)]
pub struct Budget {
    /// A day, in the campaign's time zone.
    pub daily: Option<MoneyNanos>,
    /// The whole flight.
    pub total: Option<MoneyNanos>,
    /// How it is spread.
    pub pacing: Pacing,
    /// Whose midnight begins a day.
    pub timezone: jiff::tz::TimeZone,
}

/// How a budget is spread over its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pacing {
    /// In proportion to the time gone by.
    Even,
    /// As fast as it can be spent.
    Asap,
}

/// Frequency caps of one scope: all must hold (AND).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Caps {
    /// At most `impressions` in every rolling window of `per`.
    pub windows: Vec<Cap>,
    /// At least this long between two impressions.
    pub min_gap: Option<Seconds>,
}

impl Caps {
    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        self.windows.is_empty() && self.min_gap.is_none()
    }
}

/// At most `impressions` in every rolling window of `per`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cap {
    /// How many; 1 to [`CAP_IMPRESSIONS_MAX`].
    pub impressions: u16,
    /// The window's length.
    pub per: Seconds,
}

/// How a bid is priced: base x segment x value x recency x fatigue x modifiers, clamped.
#[derive(Clone, Debug)]
pub struct Price {
    /// The start, in the advertiser's currency.
    pub base: CpmMicros,
    /// Never bid more.
    pub max: CpmMicros,
    /// Rather not bid than bid less.
    pub min: CpmMicros,
    /// Multiplier by segment: the largest among the person's live memberships counts; one
    /// where none of them is listed.
    pub segments: Vec<(SegmentId, Factor)>,
    /// Whether and how the visit's own value scales the price.
    pub value: Option<ValueRule>,
    /// How interest fades.
    pub recency: Recency,
    /// What each impression since the last visit or click multiplies the price by.
    pub fatigue: Factor,
    /// Multipliers by device type.
    pub by_device: Vec<(DeviceType, Factor)>,
    /// Multipliers by exchange name.
    pub by_exchange: Vec<(String, Factor)>,
    /// Multipliers by ISO-3166 alpha-3 country.
    pub by_country: Vec<([u8; 3], Factor)>,
}

/// `value = "membership"`: the visit's value over a reference, within a range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ValueRule {
    /// The value that leaves the price as it is, in thousandths.
    pub reference_thousandths: u64,
    /// The smallest factor.
    pub low: Factor,
    /// The largest factor.
    pub high: Factor,
}

/// How interest fades with the age of the visit (product.md, F1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Recency {
    /// It does not.
    Flat,
    /// Halves every `half_life` after `start_after`, never below `floor`.
    HalfLife {
        /// Time to halve.
        half_life: Seconds,
        /// What remains in the end.
        floor: Factor,
    },
    /// Steps: the factor of the largest `from` not above the age. Ascending, first at zero.
    Bands(Vec<(Seconds, Factor)>),
}

/// Where, when and on what a campaign may run. Empty lists do not limit.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// ISO-3166 alpha-3 countries.
    pub countries: Vec<[u8; 3]>,
    /// Regions (ISO-3166-2 subdivision without its country), compared without case.
    pub regions: Vec<String>,
    /// Device types.
    pub devices: Vec<DeviceType>,
    /// Operating systems, compared without case.
    pub operating_systems: Vec<String>,
    /// Exchange profiles by name.
    pub exchanges: Vec<String>,
    /// Kinds of inventory: sites, apps, screens in public.
    pub kinds: Vec<InventoryKind>,
    /// Only on these domains (and their subdomains) or app bundles.
    pub allow: Vec<String>,
    /// Never on these.
    pub block: Vec<String>,
    /// Hours of the week in the campaign's time zone; `None` is always.
    pub dayparts: Option<WeekHours>,
    /// Only on these deals; empty: on any, and in the open auction.
    pub deals: Vec<String>,
    /// Whether impressions for which people get something are wanted (`Some(true)`: only they).
    pub rewarded: Option<bool>,
    /// Whether impressions that cover the screen are wanted (`Some(true)`: only they).
    pub interstitial: Option<bool>,
}

/// A set of the 168 hours of a week; hour 0 is Monday 00:00.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct WeekHours(pub [u64; 3]);

impl WeekHours {
    /// Adds an hour (0 to 167; others are ignored).
    pub fn insert(&mut self, hour: u8) {
        if let Some(word) = self.0.get_mut(usize::from(hour / 64)) {
            *word |= 1 << (hour % 64);
        }
    }

    /// Whether an hour is in the set.
    pub fn contains(&self, hour: u8) -> bool {
        self.0.get(usize::from(hour / 64)).is_some_and(|word| word & (1 << (hour % 64)) != 0)
    }
}

/// What a campaign says to a person, and when.
#[derive(Clone, Debug)]
pub enum MessagePlan {
    /// One message, always.
    Single(Message),
    /// By time since the visit: phases do not overlap, ascending by `from`.
    Phased {
        /// The phases.
        phases: Vec<Phase>,
        /// What happens between and after phases.
        gap: Gap,
        /// From which moment phases count.
        from: PhaseStart,
    },
    /// One step after another, by exposures.
    Sequence(Vec<Step>),
    /// A comparison: a person stays with one arm.
    Ab(Vec<Arm>),
}

impl MessagePlan {
    /// All its messages, in the order of the file.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        let (single, phases, steps, arms): (_, &[Phase], &[Step], &[Arm]) = match self {
            Self::Single(message) => (Some(message), &[], &[], &[]),
            Self::Phased { phases, .. } => (None, phases, &[], &[]),
            Self::Sequence(steps) => (None, &[], steps, &[]),
            Self::Ab(arms) => (None, &[], &[], arms),
        };
        let phases = phases.iter().map(|phase| &phase.message);
        let steps = steps.iter().map(|step| &step.message);
        let arms = arms.iter().map(|arm| &arm.message);
        single.into_iter().chain(phases).chain(steps).chain(arms)
    }
}

/// A message: the creatives that carry it, one or more sizes and variants.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// Its creatives, in the order of the file; the first that fits the impression is taken.
    pub creatives: Vec<CreativeIndex>,
}

/// A message for `from <= age < to`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Phase {
    /// First age.
    pub from: Seconds,
    /// First age after it.
    pub to: Seconds,
    /// What is said.
    pub message: Message,
}

/// What a phased plan does where no phase covers the age.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gap {
    /// Nothing is said.
    Silent,
    /// The phase before goes on.
    Previous,
}

/// From which moment phases count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PhaseStart {
    /// The latest visit: coming back starts the plan again.
    LastSeen,
    /// The first visit: the plan runs once.
    FirstSeen,
}

/// A step of a sequence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// After so many impressions of this step the next begins; `None` on the last: for ever.
    pub impressions: Option<u32>,
    /// What is said.
    pub message: Message,
}

/// An arm of a comparison.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arm {
    /// Its name in reports.
    pub name: String,
    /// First of the 10,000 split numbers that are not this arm's nor an earlier one's.
    pub below_per_10k: u16,
    /// What is said.
    pub message: Message,
}

/// A creative: what is shown, and where a click leads.
#[derive(Clone, Debug)]
pub struct Creative {
    /// Identity over restarts and nodes.
    pub key: CreativeKey,
    /// Unique within its advertiser; goes out as `crid`.
    pub id: String,
    /// Place of its advertiser in [`Book::advertisers`].
    pub advertiser: usize,
    /// Width in pixels; 0 for what has no size of its own (native, audio).
    pub width: u16,
    /// Height in pixels; as `width`.
    pub height: u16,
    /// Where a click leads: an absolute https (or http) URL.
    pub landing: String,
    /// OpenRTB creative attributes it has (`attr`).
    pub attributes: Vec<u8>,
    /// Its own categories; empty: the advertiser's.
    pub categories: Categories,
    /// Its language (ISO 639-1), if it has one.
    pub language: Option<String>,
    /// Whether every address in it is https (or inline): fit for `secure=1`.
    pub secure: bool,
    /// A picture of it for the exchange's audit.
    pub sample_image: Option<String>,
    /// The app that it advertises (`bundle`), by which publishers block it.
    pub bundle: Option<String>,
    /// Frameworks that it needs (AdCOM list "API Frameworks": 3, 5, 6 MRAID, 7 OMID): the place
    /// must have one of them.
    pub frameworks: Vec<u8>,
    /// Directions in which it expands, one bit each (AdCOM list "Expandable Directions").
    pub expansions: u32,
    /// Whether it shows itself who pays for it, as the Digital Services Act asks.
    pub renders_transparency: bool,
    /// What it is made of.
    pub body: CreativeBody,
}

/// What a creative is made of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CreativeBody {
    /// One picture that is a link.
    Image {
        /// Its address: https, or a data URI that was made from a file.
        src: String,
        /// Text for those who do not see it.
        alt: String,
    },
    /// A piece of HTML; `{{click_url}}` and `{{cachebuster}}` are replaced, and `clickTag` is
    /// set for it.
    Html {
        /// The markup.
        html: String,
    },
    /// Assets for the publisher's own layout.
    Native(NativeAd),
    /// A video, as VAST.
    Video(SpotAd),
    /// A piece of audio, as VAST.
    Audio(SpotAd),
}

impl CreativeBody {
    /// Which kind of markup it becomes.
    pub fn medium(&self) -> Medium {
        match self {
            Self::Image { .. } | Self::Html { .. } => Medium::Banner,
            Self::Native(_) => Medium::Native,
            Self::Video(_) => Medium::Video,
            Self::Audio(_) => Medium::Audio,
        }
    }

    /// Its OpenRTB banner ad type, as `btype` blocks them: 2 XHTML banner, 3 JavaScript.
    pub fn banner_type(&self) -> u8 {
        match self {
            Self::Html { .. } => 3,
            _ => 2,
        }
    }
}

/// The assets of a native creative.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NativeAd {
    /// Titles: the longest that fits is taken; where none fits, the shortest is cut.
    pub titles: Vec<String>,
    /// Pictures: the first that fits is taken.
    pub images: Vec<NativeImage>,
    /// Texts by kind (1 sponsored, 2 description, 12 call to action, ...).
    pub data: Vec<(u16, String)>,
    /// The advertiser's privacy notice.
    pub privacy_url: Option<String>,
}

/// A picture of a native creative.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NativeImage {
    /// 1 icon, 3 main; others are an exchange's own.
    pub role: u8,
    /// Its address.
    pub url: String,
    /// Width in pixels.
    pub width: u16,
    /// Height in pixels.
    pub height: u16,
    /// Its media type.
    pub media_type: MediaType,
}

/// A video or a piece of audio: what its VAST says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SpotAd {
    /// Its title in VAST.
    pub title: String,
    /// How long it is.
    pub duration_s: u32,
    /// After how many seconds it may be skipped; `None`: not at all.
    pub skip_after_s: Option<u32>,
    /// Where its media is.
    pub source: SpotSource,
    /// Pictures that may stand beside it.
    pub companions: Vec<Companion>,
}

/// Where the media of a spot is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SpotSource {
    /// In these files; at least one.
    Files(Vec<MediaFile>),
    /// In somebody else's VAST at this address (a wrapper).
    Wrapped {
        /// The address (`VASTAdTagURI`).
        url: String,
    },
}

/// A media file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MediaFile {
    /// Its address.
    pub url: String,
    /// Its media type.
    pub media_type: MediaType,
    /// Width in pixels; 0 for audio.
    pub width: u16,
    /// Height in pixels; 0 for audio.
    pub height: u16,
    /// In kbit/s; 0 where not said.
    pub bitrate_kbps: u32,
}

/// A picture beside a spot; a click on it leads where one on the spot leads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Companion {
    /// Its address.
    pub url: String,
    /// Its media type.
    pub media_type: MediaType,
    /// Width in pixels.
    pub width: u16,
    /// Height in pixels.
    pub height: u16,
}
