//! The keys of `[[creative]]` and its sections. What is not here is refused.

use super::parse_size;
use crate::campaign::grammar::{CATEGORIES, CODES_MAX, OPTIONAL, REQUIRED, TAXONOMIES};
use crate::config::rules;
use crate::config::spec::{Field, Kind, ListRule, Need, Table, TextRule, field};
use crate::model::{MediaType, Seconds};

/// Most titles of a native creative: one for each length that publishers ask for.
const TITLES_MAX: usize = 16;
/// Most pictures of a native creative: two or three roles in the sizes that are asked for.
const IMAGES_MAX: usize = 32;
/// Most media files of a spot: a few media types in a few sizes. A bid names them by the bits of
/// a 32-bit number.
const MEDIA_FILES_MAX: usize = 32;
/// Most companions of a spot: one for each size that players have room for.
const COMPANIONS_MAX: usize = 16;
/// Longest spot: breaks are minutes long, and no infomercial is longer.
const SPOT_MAX: Seconds = Seconds(3_600);
/// Highest bitrate, in kbit/s: above that of masters of 8K film.
const BITRATE_KBPS_MAX: i64 = 1_000_000;
/// Longest text of a native creative or title of a spot, in bytes.
const SHOWN_BYTES_MAX: usize = 1_024;

/// AdCOM's list "API Frameworks": the number of each is its place, from 1.
pub(super) const FRAMEWORKS: [&str; 9] = [
    "vpaid-1",
    "vpaid-2",
    "mraid-1",
    "ormma",
    "mraid-2",
    "mraid-3",
    "omid-1",
    "simid-1.0",
    "simid-1.1",
];
/// AdCOM's list "Expandable Directions": the number of each is its place, from 1.
pub(super) const EXPANSIONS: [&str; 6] = ["left", "right", "up", "down", "full_screen", "resize"];
/// `dsaparams` (IAB, "DSA transparency"): the number of each is its place, from 1.
pub(in crate::campaign) const TRANSPARENCY_PARAMETERS: [&str; 3] =
    ["profiling", "basic", "location"];
/// What a native picture is: AdCOM's list "Native Image Asset Types".
pub(super) const ROLES: [(&str, u8); 2] = [("icon", 1), ("main", 3)];

/// Width and height.
pub(super) static SIZE: TextRule = TextRule {
    expected: "a size in pixels such as \"300x250\", each side 1 to 4096",
    pattern: "^[1-9][0-9]{0,3}x[1-9][0-9]{0,3}$",
    holds: |text| parse_size(text).is_some(),
};

static MARKUP: TextRule = TextRule {
    expected: "HTML that is not empty, at most 65536 bytes",
    pattern: "^[\\s\\S]+$",
    holds: |text| !text.is_empty() && text.len() as u64 <= super::CONTENTS_BYTES_MAX,
};

static SHOWN: TextRule = TextRule {
    expected: "a text that is not blank, without control characters, at most 1024 bytes",
    pattern: "^[^\\u0000-\\u001f\\u007f-\\u009f]*[^\\s\\u0000-\\u001f\\u007f-\\u009f]+\
              [^\\u0000-\\u001f\\u007f-\\u009f]*$",
    holds: |text| {
        !text.trim().is_empty()
            && text.len() <= SHOWN_BYTES_MAX
            && !text.contains(|letter: char| letter.is_control())
    },
};

static RATING: TextRule = TextRule {
    expected: "a rating from 0 to 5 such as \"4\" or \"4.5\"",
    pattern: "^([0-4](\\.[0-9])?|5(\\.0)?)$",
    holds: |text| {
        let (stars, tenths) = text.split_once('.').unwrap_or((text, "0"));
        let digit = |part: &str| part.len() == 1 && part.as_bytes()[0].is_ascii_digit();
        digit(stars) && digit(tenths) && (stars < "5" || (stars == "5" && tenths == "0"))
    },
};

static COUNT: TextRule = TextRule {
    expected: "a number of at most 12 digits such as \"12000\"",
    pattern: "^[0-9]{1,12}$",
    holds: |text| rules::is_made_of(text, 12, |byte| byte.is_ascii_digit()),
};

static MEDIA_TYPE: TextRule = TextRule {
    expected: "a media type of pictures, video or sound such as \"video/mp4\"",
    pattern: "^[A-Za-z]+/[A-Za-z0-9.+-]+( *;.*)?$",
    holds: |text| MediaType::parse(text).is_some(),
};

const TEXT: Kind = Kind::Text(&SHOWN);
const ADDRESS: Kind = Kind::Text(&rules::URL);
const SIZED: Kind = Kind::Text(&SIZE);
const TYPED: Kind = Kind::Text(&MEDIA_TYPE);
const BITRATE: Kind = Kind::Integer(1, BITRATE_KBPS_MAX);
const SPOT_TIME: Kind = Kind::Duration(Seconds(1), SPOT_MAX);

const TYPE_DOC: &str = "Its media type; default: as its extension says.";
const BITRATE_DOC: &str = "In kbit/s; a file without it is left out where a place limits bitrates.";
const TITLE_DOC: &str = "Its title in VAST.";
const DURATION_DOC: &str = "How long it is.";
const SKIP_DOC: &str = "After which time it may be skipped; absent: not at all. Says that it is \
                        skippable (attribute 16), too.";
const WRAPPER_DOC: &str = "Instead of files: the address of somebody else's VAST to wrap.";

/// `[[creative]]`
pub static CREATIVE: Table = Table {
    name: "[[creative]]",
    doc: "What is shown, and where a click leads.",
    fields: CREATIVE_FIELDS,
};

static CREATIVE_FIELDS: &[Field] = &[
    field("id", Kind::Text(&rules::ID), REQUIRED, "Unique in the file; goes out as `crid`."),
    field(
        "type",
        Kind::Choice(&["image", "html5", "native", "video", "audio"]),
        REQUIRED,
        "What it is made of.",
    ),
    field(
        "size",
        SIZED,
        OPTIONAL,
        "Width x height in pixels; required for image and html5; of a video, default: of its \
         largest file.",
    ),
    field("src", ADDRESS, OPTIONAL, "An image's address."),
    field("html", Kind::Text(&MARKUP), OPTIONAL, "An html5 creative's markup."),
    field(
        "file",
        Kind::Text(&rules::PATH_BELOW),
        OPTIONAL,
        "Instead of `src` or `html`: a file relative to this one, at most 64 KiB, inlined.",
    ),
    field(
        "alt",
        Kind::Text(&rules::ANY_OR_EMPTY),
        Need::Text(""),
        "Text for those who do not see the image.",
    ),
    field("native", Kind::Table(&NATIVE), OPTIONAL, "A native creative's assets."),
    field("video", Kind::Table(&VIDEO), OPTIONAL, "A video creative's media."),
    field("audio", Kind::Table(&AUDIO), OPTIONAL, "An audio creative's media."),
    field("landing", ADDRESS, REQUIRED, "Where a click leads."),
    field(
        "attributes",
        Kind::List(&ListRule { of: Kind::Integer(1, 17), min: 0, max: CODES_MAX }),
        OPTIONAL,
        "OpenRTB creative attributes it has; `attr`.",
    ),
    field("categories", CATEGORIES, OPTIONAL, "Its own categories; default: the advertiser's."),
    field("taxonomies", TAXONOMIES, OPTIONAL, "Its own categories in other taxonomies."),
    field("language", Kind::Text(&rules::LANGUAGE), OPTIONAL, "ISO 639-1."),
    field("sample_image", ADDRESS, OPTIONAL, "A picture of it for the exchange's audit; `iurl`."),
    field(
        "bundle",
        Kind::Text(&rules::INVENTORY),
        OPTIONAL,
        "The app that it advertises, by its store's id; `bundle`.",
    ),
    field(
        "frameworks",
        Kind::List(&ListRule { of: Kind::Choice(&FRAMEWORKS), min: 1, max: FRAMEWORKS.len() }),
        OPTIONAL,
        "What it needs to run, one of them: html5 in an app, or what a video's script speaks.",
    ),
    field(
        "expands",
        Kind::List(&ListRule { of: Kind::Choice(&EXPANSIONS), min: 1, max: EXPANSIONS.len() }),
        OPTIONAL,
        "Directions in which an html5 creative expands.",
    ),
    field(
        "renders_transparency",
        Kind::Flag,
        Need::Flag(false),
        "Whether it shows itself what the Digital Services Act wants shown.",
    ),
];

/// `[creative.native]`
pub static NATIVE: Table = Table {
    name: "[creative.native]",
    doc: "Assets for the publisher's own layout; a place takes those that it asks for.",
    fields: &[
        field(
            "titles",
            Kind::List(&ListRule { of: TEXT, min: 1, max: TITLES_MAX }),
            OPTIONAL,
            "The longest that fits a place is shown; where none does, the shortest is cut.",
        ),
        field(
            "images",
            Kind::List(&ListRule { of: Kind::Table(&NATIVE_IMAGE), min: 1, max: IMAGES_MAX }),
            OPTIONAL,
            "The first that fits a place is shown.",
        ),
        field("sponsored", TEXT, OPTIONAL, "The brand that pays."),
        field("description", TEXT, OPTIONAL, "What is offered."),
        field("rating", Kind::Text(&RATING), OPTIONAL, "Stars, 0 to 5."),
        field("likes", Kind::Text(&COUNT), OPTIONAL, "How many like it."),
        field("downloads", Kind::Text(&COUNT), OPTIONAL, "How often it was downloaded."),
        field("price", TEXT, OPTIONAL, "The price with its currency."),
        field("sale_price", TEXT, OPTIONAL, "The reduced price with its currency."),
        field("phone", TEXT, OPTIONAL, "A telephone number."),
        field("address", TEXT, OPTIONAL, "An address."),
        field("more", TEXT, OPTIONAL, "A second description."),
        field("display_url", TEXT, OPTIONAL, "The address on the web as it is shown."),
        field("call_to_action", TEXT, OPTIONAL, "What the button says."),
        field("privacy_url", ADDRESS, OPTIONAL, "The advertiser's privacy notice."),
    ],
};

/// An entry of `images`.
pub static NATIVE_IMAGE: Table = Table {
    name: "an entry of `images`",
    doc: "A picture of a native creative.",
    fields: &[
        field("role", Kind::Choice(&["main", "icon"]), REQUIRED, "What it is in the layout."),
        field("url", ADDRESS, REQUIRED, "Its address."),
        field("size", SIZED, REQUIRED, "Width x height in pixels."),
        field("type", TYPED, OPTIONAL, TYPE_DOC),
    ],
};

/// `[creative.video]`
pub static VIDEO: Table = Table {
    name: "[creative.video]",
    doc: "A video: its files, or somebody else's VAST.",
    fields: &[
        field("title", TEXT, REQUIRED, TITLE_DOC),
        field("duration", SPOT_TIME, REQUIRED, DURATION_DOC),
        field("skip_after", SPOT_TIME, OPTIONAL, SKIP_DOC),
        field("vast_url", ADDRESS, OPTIONAL, WRAPPER_DOC),
        field(
            "file",
            Kind::List(&ListRule { of: Kind::Table(&VIDEO_FILE), min: 1, max: MEDIA_FILES_MAX }),
            OPTIONAL,
            "The same video in several forms: a player takes what it can play.",
        ),
        field("companion", COMPANIONS, OPTIONAL, "Pictures that may stand beside it."),
    ],
};

/// `[[creative.video.file]]`
pub static VIDEO_FILE: Table = Table {
    name: "[[creative.video.file]]",
    doc: "A media file of a video.",
    fields: &[
        field("url", ADDRESS, REQUIRED, "Its address."),
        field("type", TYPED, OPTIONAL, TYPE_DOC),
        field("size", SIZED, REQUIRED, "Width x height in pixels."),
        field("bitrate_kbps", BITRATE, OPTIONAL, BITRATE_DOC),
    ],
};

/// `[creative.audio]`
pub static AUDIO: Table = Table {
    name: "[creative.audio]",
    doc: "A piece of audio: its files, or somebody else's VAST.",
    fields: &[
        field("title", TEXT, REQUIRED, TITLE_DOC),
        field("duration", SPOT_TIME, REQUIRED, DURATION_DOC),
        field("skip_after", SPOT_TIME, OPTIONAL, SKIP_DOC),
        field("vast_url", ADDRESS, OPTIONAL, WRAPPER_DOC),
        field(
            "file",
            Kind::List(&ListRule { of: Kind::Table(&AUDIO_FILE), min: 1, max: MEDIA_FILES_MAX }),
            OPTIONAL,
            "The same piece in several forms: a player takes what it can play.",
        ),
        field("companion", COMPANIONS, OPTIONAL, "Pictures that may be shown beside it."),
    ],
};

/// `[[creative.audio.file]]`
pub static AUDIO_FILE: Table = Table {
    name: "[[creative.audio.file]]",
    doc: "A media file of a piece of audio.",
    fields: &[
        field("url", ADDRESS, REQUIRED, "Its address."),
        field("type", TYPED, OPTIONAL, TYPE_DOC),
        field("bitrate_kbps", BITRATE, OPTIONAL, BITRATE_DOC),
    ],
};

const COMPANIONS: Kind =
    Kind::List(&ListRule { of: Kind::Table(&COMPANION), min: 1, max: COMPANIONS_MAX });

/// An entry of `companion`.
pub static COMPANION: Table = Table {
    name: "an entry of `companion`",
    doc: "A picture beside a spot; a click on it leads where one on the spot leads.",
    fields: &[
        field("url", ADDRESS, REQUIRED, "Its address."),
        field("type", TYPED, OPTIONAL, TYPE_DOC),
        field("size", SIZED, REQUIRED, "Width x height in pixels."),
    ],
};
