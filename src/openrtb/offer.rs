//! What an impression offers besides banners: spots (video and audio), native placements and
//! deals. Read from their raw objects once a person is known who might be shown something.
//!
//! Guarantees: numbers and sets only, so that an offer outlives nothing and costs no
//! allocation in its usual sizes. An absent value means that the request does not say.

use crate::model::{CpmMicros, Currency, MediaTypes};
use smallvec::SmallVec;

/// Most companions, exact durations and floors by duration of one spot that are looked at.
pub const SPOT_LIST_MAX: usize = 16;
/// Most assets of one native placement that are looked at; real ones have three to eight.
pub const ASSETS_MAX: usize = 32;
/// Most deals of one impression that are looked at.
pub const DEALS_MAX: usize = 64;

/// The kinds of markup; their numbers are those of `mtype` (OpenRTB 2.6, 4.2.3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Medium {
    /// Pictures and HTML.
    Banner = 1,
    /// VAST with moving pictures.
    Video = 2,
    /// VAST with sound only.
    Audio = 3,
    /// Assets for the publisher's own layout.
    Native = 4,
}

impl Medium {
    /// Every kind, in the order of `mtype`.
    pub const ALL: [Self; 4] = [Self::Banner, Self::Video, Self::Audio, Self::Native];

    /// The word used in config, explain and metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Banner => "banner",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Native => "native",
        }
    }
}

/// A place for a video or a piece of audio (OpenRTB 2.6, 3.2.7 and 3.2.8).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Spot {
    /// `mimes`; `None` where the list is absent or empty: anything is welcome. Types that we
    /// do not know are left out.
    pub media_types: Option<MediaTypes>,
    /// How long an ad may be.
    pub durations: Durations,
    /// `protocols` (and 2.5's `protocol`), one bit each; 0 where not said.
    pub protocols: u32,
    /// `w` and `h` of the player.
    pub size: Option<(u16, u16)>,
    /// `startdelay`.
    pub start_delay_s: Option<i32>,
    /// `linearity`: 1 linear, 2 overlay.
    pub linearity: Option<u8>,
    /// `skip`: whether the player lets people skip.
    pub skip: Option<bool>,
    /// `battr`, one bit each.
    pub blocked_attributes: u32,
    /// `api`, one bit each; 0 where none is supported or said.
    pub apis: u32,
    /// `minbitrate` and `maxbitrate` in kbit/s; 0 and `u32::MAX` where not said.
    pub bitrate_kbps: (u32, u32),
    /// Sizes of `companionad`.
    pub companions: SmallVec<[(u16, u16); 2]>,
    /// The pod that it is a part of.
    pub pod: Option<Pod>,
    /// Floors of its own; before that of the impression, behind that of a deal.
    pub floors: SpotFloors,
    /// `plcmt`: 1 instream, 2 accompanying content, 3 interstitial, 4 standalone.
    pub placement: Option<u8>,
}

/// How long an ad of a spot may be. `exact` and the range exclude each other; where both come,
/// `exact` counts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Durations {
    /// `minduration` in seconds; 0 where not said.
    pub min_s: u32,
    /// `maxduration`; `None` where not said.
    pub max_s: Option<u32>,
    /// `rqddurs`: only exactly these.
    pub exact: SmallVec<[u32; 4]>,
}

impl Durations {
    /// Whether an ad of `seconds` fits.
    pub fn fit(&self, seconds: u32) -> bool {
        if self.exact.is_empty() {
            return seconds >= self.min_s && self.max_s.is_none_or(|max| seconds <= max);
        }
        self.exact.contains(&seconds)
    }
}

/// A pod: several ads in a row (OpenRTB 2.6, 7.6).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Pod {
    /// A hash of `podid`: the same for the impressions of one pod.
    pub key: u64,
    /// `poddur`: seconds that all ads of a dynamic pod share.
    pub duration_s: Option<u32>,
    /// `maxseq`: most ads of a dynamic pod.
    pub ads_max: Option<u32>,
    /// `slotinpod`: 1 first, -1 last, 2 first or last, 0 any.
    pub slot: i8,
    /// `poddedupe`, one bit each: 1 domain, 2 category, 3 creative, 4 media file.
    pub dedupe: u8,
}

/// Floors of a spot: by the second, or by duration; in the impression's floor currency.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SpotFloors {
    /// `mincpmpersec`.
    pub per_second: Option<CpmMicros>,
    /// `durfloors`; goes before `per_second`.
    pub by_duration: SmallVec<[DurationFloor; 2]>,
}

/// A floor for ads of `min_s` to `max_s` seconds, both included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DurationFloor {
    /// Shortest; 0 where not said.
    pub min_s: u32,
    /// Longest; `u32::MAX` where not said.
    pub max_s: u32,
    /// The floor.
    pub floor: CpmMicros,
}

impl SpotFloors {
    /// The floor of an ad of `seconds`; `None` where the spot has none of its own.
    pub fn of(&self, seconds: u32) -> Option<CpmMicros> {
        let listed = |one: &&DurationFloor| (one.min_s..=one.max_s).contains(&seconds);
        let by_duration = self.by_duration.iter().find(listed).map(|one| one.floor);
        let by_second = || {
            let floor = self.per_second?.0.saturating_mul(i64::from(seconds));
            Some(CpmMicros(floor))
        };
        by_duration.or_else(by_second)
    }
}

/// A native placement (OpenRTB Native 1.2, 4).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "independent answers, not states of one thing")]
pub struct Native {
    /// The request came with the root object `native`, as in version 1.0: so does the answer.
    pub wrapped: bool,
    /// The request came as a protobuf message (`request_native`): so does the answer.
    pub message: bool,
    /// What is asked for, in order.
    pub assets: SmallVec<[Asset; 8]>,
    /// `battr`, one bit each.
    pub blocked_attributes: u32,
    /// `api`, one bit each.
    pub apis: u32,
    /// Whether image trackers of the event "impression" may be sent as `eventtrackers`;
    /// otherwise `imptrackers` are.
    pub event_trackers: bool,
    /// Whether a link to the advertiser's privacy notice may be sent.
    pub privacy: bool,
}

/// An asset that is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Asset {
    /// Its id: an answer names it.
    pub id: i64,
    /// Whether an answer without it is worth nothing.
    pub required: bool,
    /// What it is.
    pub kind: AssetKind,
}

/// Kinds of assets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AssetKind {
    /// A title of at most `len` characters.
    Title {
        /// `u32::MAX` where not said.
        len: u32,
    },
    /// A picture.
    Image {
        /// 1 icon, 2 logo (deprecated), 3 main; others are the exchange's own.
        role: Option<u8>,
        /// `w` and `h`: the size wished for; 0 where not said.
        size: (u16, u16),
        /// `wmin` and `hmin`; 0 where not said.
        min: (u16, u16),
        /// `mimes`; `None`: any.
        media_types: Option<MediaTypes>,
    },
    /// A text of a kind.
    Data {
        /// 1 sponsored, 2 description, 3 rating, ... 12 call to action.
        kind: u16,
        /// Most characters; `u32::MAX` where not said.
        len: u32,
    },
    /// A video.
    Video {
        /// `minduration` and `maxduration`; 0 and `u32::MAX` where not said.
        durations_s: (u32, u32),
        /// `protocols`, one bit each; 0 where not said.
        protocols: u32,
        /// `mimes`; `None`: any.
        media_types: Option<MediaTypes>,
    },
    /// Something that this bidder does not know.
    Unknown,
}

/// What of a deal a decision compares (OpenRTB 2.6, 3.2.12). Its id is read when it is
/// written.
#[derive(Clone, Debug)]
pub struct Deal<'a> {
    /// Its id; never empty.
    pub id: std::borrow::Cow<'a, str>,
    /// `bidfloor`.
    pub floor: CpmMicros,
    /// `bidfloorcur`: said here, or US dollars; never inherited. `None`: a code that is none.
    pub floor_currency: Option<Currency>,
    /// `at`: 1 first price, 2 second price, 3 the floor is the price.
    pub auction_type: Option<i64>,
    /// `guar`: bids are guaranteed to be taken, and wanted.
    pub guaranteed: bool,
    /// `wseat`: only these seats, where any is named.
    pub allowed_seats: super::list::RawList<'a>,
    /// `wadomain`: only these advertisers, where any is named.
    pub allowed_advertisers: super::list::RawList<'a>,
    /// `mincpmpersec` and `durfloors`; go before `floor` for spots.
    pub floors: SpotFloors,
}

/// `source.schain`, as far as a rule looks at it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SupplyChain {
    /// `complete`: whether every hop up to the publisher is listed.
    pub complete: bool,
    /// How many nodes there are.
    pub nodes: u32,
}

/// `regs.ext.dsa` (or `regs.dsa`): what the Digital Services Act asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DsaRequest {
    /// `dsarequired`: 0 not, 1 supported, 2 required, 3 required on an online platform.
    pub required: u8,
    /// `pubrender`: 0 the publisher cannot render it, 1 could, 2 will.
    pub publisher_renders: u8,
    /// `datatopub`: 0 do not send, 1 optional, 2 send the data.
    pub data_to_publisher: u8,
}
