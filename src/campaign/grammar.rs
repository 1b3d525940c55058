//! The keys of an advertiser file: one table per section. What is not here is refused.

use super::creative_section::grammar::TRANSPARENCY_PARAMETERS;
use super::model::{CAP_IMPRESSIONS_MAX, CAPS_MAX};
use crate::config::rules;
use crate::config::spec::{
    Field, Kind, ListRule, MapRule, NameRule, Need, NumberRange, Table, TextRule, field,
};
use crate::model::{Factor, Seconds};

/// Longest time that any rule looks back or ahead: a year and a half, beyond which no
/// membership is kept.
const RULE_TIME_MAX: Seconds = Seconds(540 * Seconds::DAY.0);
/// Most elements of a list of names; real allow and block lists have hundreds.
const NAMES_MAX: usize = 10_000;
/// Most categories or attributes of one thing: the standards define a few hundred at most.
pub(super) const CODES_MAX: usize = 100;
/// Most taxonomies of one thing: AdCOM lists nine.
const TAXONOMIES_MAX: usize = 16;
/// Longest name of who is behind an ad, in characters (IAB, "DSA transparency").
const BEHALF_CHARS_MAX: usize = 100;
/// Most creatives of one file.
const CREATIVES_MAX: usize = 10_000;
/// Most campaigns of one file.
const CAMPAIGNS_IN_FILE_MAX: usize = 10_000;
/// Most messages of one campaign, so phases, steps or arms: real plans have two to ten.
const MESSAGES_MAX: usize = 100;
/// Most bands of a recency curve: real ones have three to six.
const BANDS_MAX: usize = 32;
/// Most entries of one map of price factors.
const FACTORS_MAX: usize = 1_000;
/// Largest holdout, per 10,000: beyond half, the holdout is the campaign.
const HOLDOUT_PER_10K_MAX: u16 = 5_000;
/// Most origins of one shop beside its domain: real ones have one to five.
const ORIGINS_MAX: usize = 100;
/// Longest prefix: with the longest name of an event it is still a segment's name.
const SEGMENT_PREFIX_BYTES_MAX: usize = 24;
/// Most hours that a list of dayparts can name is the week's 168, each on its own.
const DAYPARTS_MAX: usize = 168;

pub(super) const REQUIRED: Need = Need::Required;
pub(super) const OPTIONAL: Need = Need::Optional;

const FACTOR: Kind = Kind::Number(NumberRange::from_to(0.0, Factor::CONFIG_MAX));
pub(super) const CATEGORIES: Kind =
    Kind::List(&ListRule { of: Kind::Text(&rules::CATEGORY), min: 0, max: CODES_MAX });
pub(super) const TAXONOMIES: Kind = Kind::Map(&MapRule {
    names: NameRule::Text(&TAXONOMY),
    of: Kind::List(&ListRule { of: Kind::Text(&CODE), min: 1, max: CODES_MAX }),
    max: TAXONOMIES_MAX,
});
const INVENTORY: Kind =
    Kind::List(&ListRule { of: Kind::Text(&rules::INVENTORY), min: 0, max: NAMES_MAX });
const WANTED: Kind = Kind::Choice(&["any", "only", "exclude"]);
const CAPS: Kind = Kind::List(&ListRule { of: Kind::Table(&CAP), min: 0, max: CAPS_MAX + 1 });

/// The names of device types.
pub(super) const DEVICES: &[&str] = &["mobile", "tablet", "desktop", "tv", "other"];

static TIMEZONE: TextRule = TextRule {
    expected: "an IANA time zone such as \"Europe/Berlin\"",
    pattern: "^[A-Za-z0-9_+/-]{1,64}$",
    holds: |text| jiff::tz::TimeZone::get(text).is_ok(),
};

static SEGMENT_PREFIX: TextRule = TextRule {
    expected: "nothing, or a-z and then a-z, 0-9 and `_`, at most 24 characters",
    pattern: "^([a-z][a-z0-9_]{0,23})?$",
    holds: |text| {
        text.is_empty() || text.len() <= SEGMENT_PREFIX_BYTES_MAX && (rules::SEGMENT.holds)(text)
    },
};

static TAXONOMY: TextRule = TextRule {
    expected: "the number of a category taxonomy as AdCOM lists them, in quotes and above 1 \
               (that one is `categories`), such as \"7\"",
    pattern: "^([2-9]|[1-9][0-9]{1,3})$",
    holds: |text| {
        rules::is_made_of(text, 4, |byte| byte.is_ascii_digit())
            && !text.starts_with('0')
            && text != "1"
    },
};

static CODE: TextRule = TextRule {
    expected: "the code of a category: 1 to 32 characters of A-Z, a-z, 0-9 and `-`",
    pattern: "^[A-Za-z0-9-]{1,32}$",
    holds: |text| rules::is_made_of(text, 32, |byte| byte.is_ascii_alphanumeric() || byte == b'-'),
};

static BEHALF: TextRule = TextRule {
    expected: "a name that is not blank, at most 100 characters",
    pattern: "^(?=.{1,100}$).*\\S.*$",
    holds: |text| {
        !text.trim().is_empty()
            && text.chars().count() <= BEHALF_CHARS_MAX
            && !text.contains(|letter: char| letter.is_control())
    },
};

static PHASE: TextRule = TextRule {
    expected: "a span of time since the visit such as \"0d..7d\", or \"7d..\" for an open end",
    pattern: "^([0-9]+[smhdw])+\\.\\.([0-9]+[smhdw])*$",
    holds: |text| super::message_section::parse_phase(text).is_some(),
};

static DAYPART: TextRule = TextRule {
    expected: "days and whole hours such as \"mon-fri 08:00-22:00\" or \"sat 10:00-24:00\"; \
               neither may wrap around",
    pattern: "^(mon|tue|wed|thu|fri|sat|sun)(-(mon|tue|wed|thu|fri|sat|sun))? \
              [0-2][0-9]:00-[0-2][0-9]:00$",
    holds: |text| super::target_section::parse_daypart(text).is_some(),
};

pub use super::creative_section::grammar::CREATIVE;

/// An advertiser file.
pub static ADVERTISER_FILE: Table = Table {
    name: "an advertiser file",
    doc: "One advertiser with its creatives and campaigns.",
    fields: &[
        field("advertiser", Kind::Table(&ADVERTISER), REQUIRED, "The shop."),
        field(
            "creative",
            Kind::List(&ListRule { of: Kind::Table(&CREATIVE), min: 0, max: CREATIVES_MAX }),
            OPTIONAL,
            "What can be shown.",
        ),
        field(
            "campaign",
            Kind::List(&ListRule {
                of: Kind::Table(&CAMPAIGN),
                min: 0,
                max: CAMPAIGNS_IN_FILE_MAX,
            }),
            OPTIONAL,
            "Who is reached, with what, when, and at what price.",
        ),
    ],
};

/// `[advertiser]`
pub static ADVERTISER: Table = Table {
    name: "[advertiser]",
    doc: "The shop.",
    fields: &[
        field("id", Kind::Text(&rules::ID), REQUIRED, "Unique over all files."),
        field("domain", Kind::Text(&rules::DOMAIN), REQUIRED, "The shop's domain; `adomain`."),
        field("currency", Kind::Text(&rules::CURRENCY), REQUIRED, "Of every amount in the file."),
        field("timezone", Kind::Text(&TIMEZONE), Need::Text("UTC"), "Whose days are counted."),
        field("categories", CATEGORIES, OPTIONAL, "IAB content categories, taxonomy 1; `cat`."),
        field("taxonomies", TAXONOMIES, OPTIONAL, "Categories in other taxonomies, by number."),
        field(
            "transparency",
            Kind::Table(&TRANSPARENCY),
            OPTIONAL,
            "Who is behind the ads, where the Digital Services Act asks.",
        ),
        field("caps", CAPS, OPTIONAL, "Frequency caps over all campaigns of the advertiser."),
        field(
            "events",
            Kind::Table(&EVENTS),
            OPTIONAL,
            "How the shop's events are taken; without it they are refused.",
        ),
    ],
};

/// `[advertiser.events]`
pub static EVENTS: Table = Table {
    name: "[advertiser.events]",
    doc: "The shop's events are taken: by its server with a key, and from its own pages.",
    fields: &[
        field(
            "segment_prefix",
            Kind::Text(&SEGMENT_PREFIX),
            Need::Text(""),
            "What the segments of its events begin with: the event `add_to_cart` makes members of \
             the segment `<prefix>add_to_cart`. No shop's prefix may begin with another's.",
        ),
        field(
            "segment_ttl",
            Kind::Duration(Seconds(1), RULE_TIME_MAX),
            Need::Text("540d"),
            "How long after the latest event a membership ends.",
        ),
        field(
            "browser_purchases",
            Kind::Choice(&["take", "without_value", "refuse"]),
            Need::Text("take"),
            "What is made of purchases that browsers tell: anybody can send one from a page. \
             \"without_value\": they stop the ads and are worth nothing.",
        ),
        field(
            "origins",
            Kind::List(&ListRule { of: Kind::Text(&rules::ORIGIN), min: 0, max: ORIGINS_MAX }),
            OPTIONAL,
            "Origins whose pages may send its events, beside those within its domain.",
        ),
        field(
            "country",
            Kind::Text(&rules::COUNTRY),
            OPTIONAL,
            "Where its visitors are if an event does not say; [privacy] of the machine's file \
             says where GDPR is taken to apply.",
        ),
    ],
};

/// `transparency`
pub static TRANSPARENCY: Table = Table {
    name: "`transparency`",
    doc: "Who is behind the ads; without it, places that ask for it are not bid on.",
    fields: &[
        field("behalf", Kind::Text(&BEHALF), REQUIRED, "On whose behalf they are shown."),
        field("paid", Kind::Text(&BEHALF), REQUIRED, "Who pays for them."),
        field(
            "parameters",
            Kind::List(&ListRule {
                of: Kind::Choice(&TRANSPARENCY_PARAMETERS),
                min: 1,
                max: TRANSPARENCY_PARAMETERS.len(),
            }),
            REQUIRED,
            "By what people are chosen: by profiling, by nothing of their own, by where they are.",
        ),
    ],
};

/// An entry of `caps`.
pub static CAP: Table = Table {
    name: "an entry of `caps`",
    doc: "Either { impressions, per }: at most so many in every window of that length; \
          or { min_gap }: at least so long between two impressions.",
    fields: &[
        field(
            "impressions",
            Kind::Integer(1, CAP_IMPRESSIONS_MAX as i64),
            OPTIONAL,
            "At most so many in every rolling window of `per`.",
        ),
        field("per", Kind::Duration(Seconds(1), RULE_TIME_MAX), OPTIONAL, "The window's length."),
        field(
            "min_gap",
            Kind::Duration(Seconds(1), RULE_TIME_MAX),
            OPTIONAL,
            "At least so long between two impressions.",
        ),
    ],
};

/// `[[campaign]]`
pub static CAMPAIGN: Table = Table {
    name: "[[campaign]]",
    doc: "Who is reached, with what, when, and at what price.",
    fields: CAMPAIGN_FIELDS,
};

static CAMPAIGN_FIELDS: &[Field] = &[
    field("id", Kind::Text(&rules::ID), REQUIRED, "Unique in the file; goes out as `cid`."),
    field("paused", Kind::Flag, Need::Flag(false), "Never bids while true."),
    field(
        "objective",
        Kind::Either(&[Kind::Choice(&["awareness", "clicks"]), Kind::Table(&OBJECTIVE)]),
        REQUIRED,
        "What it is for: \"awareness\", \"clicks\" or { conversion = \"purchase\" }.",
    ),
    field(
        "after_conversion",
        Kind::Choice(&["stop", "go_on"]),
        Need::Text("stop"),
        "Whether who has converted since the visit is still reached; an audience that asks for \
         those who converted goes on by itself.",
    ),
    field("flight", Kind::Table(&FLIGHT), REQUIRED, "From when to when it runs."),
    field("budget", Kind::Table(&BUDGET), REQUIRED, "What it may spend."),
    field(
        "audience",
        Kind::Text(&rules::ANY),
        OPTIONAL,
        "Whom it reaches, e.g. \"add_to_cart within 14d and not bounced\"; required unless \
         `prospecting` is true.",
    ),
    field(
        "prospecting",
        Kind::Flag,
        Need::Flag(false),
        "Whether people who are in no segment are reached too.",
    ),
    field(
        "contextual",
        Kind::Flag,
        Need::Flag(false),
        "Whether it is also shown where nobody may be recognised, if [privacy] of the machine's \
         file allows that: uncapped, and without a holdout. Needs `prospecting = true`.",
    ),
    field(
        "start_after",
        Kind::Duration(Seconds(0), RULE_TIME_MAX),
        Need::Text("0s"),
        "Not before this long after the visit.",
    ),
    field(
        "stop_after",
        Kind::Duration(Seconds(1), RULE_TIME_MAX),
        OPTIONAL,
        "Not from this long after the visit on.",
    ),
    field("caps", CAPS, OPTIONAL, "Frequency caps of this campaign; all must hold."),
    field(
        "holdout",
        Kind::Percent(HOLDOUT_PER_10K_MAX),
        Need::Text("0%"),
        "Share of people never shown it, so that lift can be measured.",
    ),
    field("several_per_page", Kind::Flag, Need::Flag(false), "May win several slots of a page."),
    field(
        "gap",
        Kind::Choice(&["silent", "previous"]),
        Need::Text("silent"),
        "Between phases: say nothing, or go on with the phase before.",
    ),
    field(
        "phase_from",
        Kind::Choice(&["last_seen", "first_seen"]),
        Need::Text("last_seen"),
        "Whether phases count from the latest or from the first visit.",
    ),
    field("price", Kind::Table(&PRICE), REQUIRED, "How a bid is priced."),
    field("target", Kind::Table(&TARGET), OPTIONAL, "Where, when and on what it may run."),
    field(
        "message",
        Kind::List(&ListRule { of: Kind::Table(&MESSAGE), min: 1, max: MESSAGES_MAX }),
        REQUIRED,
        "What is said: one message; or phases, steps or arms.",
    ),
];

/// `objective`
pub static OBJECTIVE: Table = Table {
    name: "`objective`",
    doc: "Bring about an event.",
    fields: &[field("conversion", Kind::Text(&rules::SEGMENT), REQUIRED, "The event.")],
};

/// `flight`
pub static FLIGHT: Table = Table {
    name: "`flight`",
    doc: "From when to when. Dates are whole days in the advertiser's time zone, the last one \
          included; date-times with an offset are exact, the last one excluded.",
    fields: &[
        field("from", Kind::When, REQUIRED, "The first day or moment."),
        field("to", Kind::When, REQUIRED, "The last day, or the first moment after the end."),
    ],
};

/// `budget`
pub static BUDGET: Table = Table {
    name: "`budget`",
    doc: "What may be spent; at least one of daily and total.",
    fields: &[
        field("daily", Kind::Amount, OPTIONAL, "A day."),
        field("total", Kind::Amount, OPTIONAL, "The whole flight."),
        field("pacing", Kind::Choice(&["even", "asap"]), Need::Text("even"), "How it is spread."),
        field("timezone", Kind::Text(&TIMEZONE), OPTIONAL, "Default: the advertiser's."),
    ],
};

/// `[campaign.price]`
pub static PRICE: Table =
    Table { name: "[campaign.price]", doc: "How a bid is priced.", fields: PRICE_FIELDS };

static PRICE_FIELDS: &[Field] = &[
    field("base_cpm", Kind::Amount, REQUIRED, "The price before all factors; above 0."),
    field("max_cpm", Kind::Amount, REQUIRED, "Never bid more; above 0."),
    field("min_cpm", Kind::Amount, OPTIONAL, "Rather not bid than bid less; default 0."),
    field(
        "value",
        Kind::Choice(&["membership", "none"]),
        Need::Text("none"),
        "Whether the price scales with the visit's value, e.g. the cart's.",
    ),
    field(
        "value_reference",
        Kind::Number(NumberRange::from_to(0.001, 1e12)),
        Need::Number(1.0),
        "The value that leaves the price as it is.",
    ),
    field(
        "value_range",
        Kind::List(&ListRule {
            of: Kind::Number(NumberRange::above_to(0.0, Factor::CONFIG_MAX)),
            min: 2,
            max: 2,
        }),
        OPTIONAL,
        "Smallest and largest factor of the value; default [0.1, 10.0].",
    ),
    field("recency", Kind::Table(&RECENCY), OPTIONAL, "How interest fades; default: it does not."),
    field(
        "fatigue",
        Kind::Number(NumberRange::above_to(0.0, 1.0)),
        Need::Number(1.0),
        "What each impression since the last visit or click multiplies the price by.",
    ),
    field(
        "segments",
        Kind::Map(&MapRule {
            names: NameRule::Text(&rules::SEGMENT),
            of: FACTOR,
            max: FACTORS_MAX,
        }),
        OPTIONAL,
        "Factors by segment; the largest that applies counts.",
    ),
    field(
        "device",
        Kind::Map(&MapRule { names: NameRule::Choice(DEVICES), of: FACTOR, max: FACTORS_MAX }),
        OPTIONAL,
        "Factors by device type.",
    ),
    field(
        "exchange",
        Kind::Map(&MapRule {
            names: NameRule::Text(&rules::EXCHANGE),
            of: FACTOR,
            max: FACTORS_MAX,
        }),
        OPTIONAL,
        "Factors by exchange.",
    ),
    field(
        "country",
        Kind::Map(&MapRule {
            names: NameRule::Text(&rules::COUNTRY),
            of: FACTOR,
            max: FACTORS_MAX,
        }),
        OPTIONAL,
        "Factors by country.",
    ),
];

/// `recency`
pub static RECENCY: Table = Table {
    name: "`recency`",
    doc: "How interest fades: either half_life and floor, or bands.",
    fields: &[
        field(
            "half_life",
            Kind::Duration(Seconds(1), RULE_TIME_MAX),
            OPTIONAL,
            "The factor halves every so long after `start_after`.",
        ),
        field(
            "floor",
            Kind::Number(NumberRange::from_to(0.0, 1.0)),
            OPTIONAL,
            "What remains in the end; only with half_life; default 0.",
        ),
        field(
            "bands",
            Kind::List(&ListRule { of: Kind::Table(&BAND), min: 1, max: BANDS_MAX }),
            OPTIONAL,
            "Steps, ascending, the first from \"0s\".",
        ),
    ],
};

/// An entry of `bands`.
pub static BAND: Table = Table {
    name: "an entry of `bands`",
    doc: "A factor from an age on.",
    fields: &[
        field(
            "from",
            Kind::Duration(Seconds(0), RULE_TIME_MAX),
            REQUIRED,
            "From this age of the visit on.",
        ),
        field("factor", FACTOR, REQUIRED, "The factor."),
    ],
};

/// `[campaign.target]`
pub static TARGET: Table = Table {
    name: "[campaign.target]",
    doc: "Where, when and on what a campaign may run; what is absent does not limit.",
    fields: &[
        field(
            "countries",
            Kind::List(&ListRule { of: Kind::Text(&rules::COUNTRY), min: 1, max: NAMES_MAX }),
            OPTIONAL,
            "ISO 3166-1 alpha-3.",
        ),
        field(
            "regions",
            Kind::List(&ListRule { of: Kind::Text(&rules::ANY), min: 1, max: NAMES_MAX }),
            OPTIONAL,
            "ISO 3166-2 subdivisions without their country, in any case.",
        ),
        field(
            "devices",
            Kind::List(&ListRule { of: Kind::Choice(DEVICES), min: 1, max: DEVICES.len() }),
            OPTIONAL,
            "Device types.",
        ),
        field(
            "os",
            Kind::List(&ListRule { of: Kind::Text(&rules::ANY), min: 1, max: CODES_MAX }),
            OPTIONAL,
            "Operating systems, in any case.",
        ),
        field(
            "exchanges",
            Kind::List(&ListRule { of: Kind::Text(&rules::EXCHANGE), min: 1, max: NAMES_MAX }),
            OPTIONAL,
            "Names of [[exchange]] sections of the machine's file.",
        ),
        field(
            "inventory",
            Kind::List(&ListRule { of: Kind::Choice(&["site", "app", "dooh"]), min: 1, max: 3 }),
            OPTIONAL,
            "Kinds of inventory; \"dooh\" is screens in public.",
        ),
        field("allow", INVENTORY, OPTIONAL, "Only on these domains, their subdomains, or bundles."),
        field(
            "block",
            INVENTORY,
            OPTIONAL,
            "Never on these domains, their subdomains, or bundles.",
        ),
        field(
            "dayparts",
            Kind::List(&ListRule { of: Kind::Text(&DAYPART), min: 1, max: DAYPARTS_MAX }),
            OPTIONAL,
            "Hours of the week in the campaign's time zone.",
        ),
        field(
            "deals",
            Kind::List(&ListRule { of: Kind::Text(&rules::ANY), min: 1, max: NAMES_MAX }),
            OPTIONAL,
            "Only on these deals, by the exchanges' ids, and never in the open auction.",
        ),
        field("rewarded", WANTED, Need::Text("any"), "Places where people get something for it."),
        field("interstitial", WANTED, Need::Text("any"), "Places that cover the whole screen."),
    ],
};

/// `[[campaign.message]]`
pub static MESSAGE: Table = Table {
    name: "[[campaign.message]]",
    doc: "What is said. Either all messages have a phase, or all a step, or all an arm; or \
          there is one without any of them.",
    fields: &[
        field(
            "creatives",
            Kind::List(&ListRule { of: Kind::Text(&rules::ID), min: 1, max: CREATIVES_MAX }),
            REQUIRED,
            "Ids of [[creative]] sections; the first that fits the slot is shown.",
        ),
        field("phase", Kind::Text(&PHASE), OPTIONAL, "Time since the visit, e.g. \"0d..7d\"."),
        field("step", Kind::Integer(1, MESSAGES_MAX as i64), OPTIONAL, "1, 2, 3, in order."),
        field(
            "impressions",
            Kind::Integer(1, CAP_IMPRESSIONS_MAX as i64),
            OPTIONAL,
            "After so many the next step begins; required on every step but the last.",
        ),
        field("arm", Kind::Text(&rules::ID), OPTIONAL, "A comparison's arm: its name in reports."),
        field("weight", Kind::Integer(1, 10_000), OPTIONAL, "The arm's share; required with arm."),
    ],
};
