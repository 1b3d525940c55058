//! The keys of `[[exchange]]`: how one exchange is spoken to.

use super::{CURRENCIES_MAX, OPTIONAL, REQUIRED, VARIABLE};
use crate::config::rules;
use crate::config::spec::{Field, Kind, ListRule, Need, Table, TextRule, field};
use crate::model::Seconds;

/// Most places of ids of one exchange: one request's worth of look-ups.
const ID_SOURCES_MAX: usize = 16;
/// Most nodes of a supply chain that a rule can name; real ones have one to five.
const CHAIN_NODES_MAX: i64 = 100;
/// Kinds of fields that an exchange may insist on.
const REQUIRED_FIELDS: [&str; 5] = ["iurl", "cat", "attr", "language", "bundle"];

/// What stands in our markup unescaped, so it must need no escaping there.
static MACRO: TextRule = TextRule {
    expected: "1 to 256 visible ASCII characters without quotes, `<`, `>` and `\\`",
    pattern: "^[!#-&(-;=?-\\[\\]-~]{1,256}$",
    holds: |text| {
        rules::is_made_of(text, 256, |byte| byte.is_ascii_graphic() && !b"\"'<>\\".contains(&byte))
    },
};

static ID_SOURCE: TextRule = TextRule {
    expected: "one of: buyeruid, ifa, user.id, eids, or eids:source such as \"eids:uidapi.com\"",
    pattern: "^(buyeruid|ifa|user\\.id|eids|eids:[A-Za-z0-9_.-]{1,253})$",
    holds: |text| super::super::exchange::parse_id_source(text, "").is_some(),
};

static VERSION: TextRule = TextRule {
    expected: "a version such as \"2.6\"",
    pattern: "^[0-9.]{1,16}$",
    holds: |text| rules::is_made_of(text, 16, |byte| byte.is_ascii_digit() || byte == b'.'),
};

pub(super) static EXCHANGE: Table =
    Table { name: "[[exchange]]", doc: "How one exchange is spoken to.", fields: EXCHANGE_FIELDS };

static EXCHANGE_FIELDS: &[Field] = &[
    field(
        "name",
        Kind::Text(&rules::EXCHANGE),
        REQUIRED,
        "Unique; the last part of its path, /openrtb2/{name}.",
    ),
    field(
        "preset",
        Kind::Choice(super::super::presets::NAMES),
        Need::Text("generic"),
        "Defaults of the other keys from what an exchange publishes; keys written here win.",
    ),
    field(
        "no_bid",
        Kind::Choice(&["204", "nbr"]),
        Need::Text("204"),
        "How it is told \"no\": an empty 204, or a body with a reason.",
    ),
    field("version_header", Kind::Text(&VERSION), OPTIONAL, "Sent as x-openrtb-version."),
    field(
        "tmax_default_ms",
        Kind::Integer(1, 10_000),
        Need::Integer(120),
        "Milliseconds that it waits where a request has no tmax.",
    ),
    field(
        "network_allowance_ms",
        Kind::Integer(0, 10_000),
        Need::Integer(20),
        "Milliseconds of tmax that the network eats.",
    ),
    field(
        "currencies",
        Kind::List(&ListRule { of: Kind::Text(&rules::CURRENCY), min: 1, max: CURRENCIES_MAX }),
        OPTIONAL,
        "What it settles in; default: whatever a request allows and a rate exists for.",
    ),
    field(
        "ids",
        Kind::List(&ListRule { of: Kind::Text(&ID_SOURCE), min: 1, max: ID_SOURCES_MAX }),
        Need::Texts(&["buyeruid", "ifa", "eids"]),
        "Where ids are read, in this order.",
    ),
    field(
        "user_id_space",
        Kind::Text(&rules::ID),
        OPTIONAL,
        "The id space of this exchange's own ids; needed by \"user.id\" in ids.",
    ),
    field(
        "billing",
        Kind::Choice(&["burl", "nurl", "pixel"]),
        Need::Text("burl"),
        "What makes an impression billable.",
    ),
    field(
        "price",
        Kind::Choice(&["plain", "google"]),
        Need::Text("plain"),
        "How its notices write prices: as a number, or encrypted as Google does.",
    ),
    field(
        "price_keys",
        Kind::Table(&PRICE_KEYS),
        OPTIONAL,
        "Where the keys of encrypted prices are.",
    ),
    field("click_macro", Kind::Table(&CLICK_MACRO), OPTIONAL, "What precedes our click URL."),
    field(
        "seat",
        Kind::Text(&rules::ANY),
        OPTIONAL,
        "Our seat there. Without one, requests that name seats (`wseat`) are not bid on.",
    ),
    field(
        "answer_test_requests",
        Kind::Flag,
        Need::Flag(false),
        "Whether test requests are answered with a bid, never counted.",
    ),
    field(
        "hold_ttl",
        Kind::Duration(Seconds(1), Seconds::HOUR),
        Need::Text("60s"),
        "How long a bid's money waits for its billing notice.",
    ),
    field(
        "secure_by_default",
        Kind::Flag,
        Need::Flag(true),
        "Whether an impression that does not say is taken to need https.",
    ),
    field("supply_chain", Kind::Table(&SUPPLY_CHAIN), OPTIONAL, "What its supply chains must be."),
    field(
        "required",
        Kind::List(&ListRule {
            of: Kind::Choice(&REQUIRED_FIELDS),
            min: 1,
            max: REQUIRED_FIELDS.len(),
        }),
        OPTIONAL,
        "Fields that it wants on every bid: a creative that lacks one is not bid there.",
    ),
    field(
        "markup",
        Kind::Choice(&["bid", "win"]),
        Need::Text("bid"),
        "Whether markup travels in the bid or in the answer to the win notice; native always \
         travels in the bid.",
    ),
    field(
        "requests_per_second_max",
        Kind::Integer(1, 10_000_000),
        OPTIONAL,
        "Most requests a second that are looked at; the rest are answered \"no bid\" at once.",
    ),
    field(
        "gzip_answers",
        Kind::Flag,
        Need::Flag(false),
        "Whether larger answers are packed where the request accepts gzip.",
    ),
    field(
        "gvl_id",
        Kind::Integer(1, 65_535),
        OPTIONAL,
        "Its own number in the Global Vendor List: under GDPR, consent must name it too.",
    ),
];

static SUPPLY_CHAIN: Table = Table {
    name: "`supply_chain`",
    doc: "What is asked of the supply chains of its requests; what is not met ends the request.",
    fields: &[
        field(
            "complete",
            Kind::Choice(&["no", "if_present", "required"]),
            Need::Text("no"),
            "Whether a chain may be incomplete, must be complete if there is one, or must be \
             there and complete.",
        ),
        field(
            "nodes_max",
            Kind::Integer(1, CHAIN_NODES_MAX),
            OPTIONAL,
            "Most nodes; a longer chain ends the request.",
        ),
    ],
};

static PRICE_KEYS: Table = Table {
    name: "`price_keys`",
    doc: "The two keys of encrypted prices, 32 bytes each, as the exchange gave them.",
    fields: &[
        field("encryption", Kind::Table(&PRICE_KEY), REQUIRED, "The encryption key's place."),
        field("integrity", Kind::Table(&PRICE_KEY), REQUIRED, "The integrity key's place."),
    ],
};

static PRICE_KEY: Table = Table {
    name: "a price key",
    doc: "A secret's place.",
    fields: &[
        field("env", Kind::Text(&VARIABLE), OPTIONAL, "The environment variable that holds it."),
        field("file", Kind::Text(&rules::PATH), OPTIONAL, "The file that holds it."),
    ],
};

static CLICK_MACRO: Table = Table {
    name: "`click_macro`",
    doc: "The exchange's macro for counting clicks.",
    fields: &[
        field("text", Kind::Text(&MACRO), REQUIRED, "E.g. \"${CLICK_URL}\"."),
        field(
            "escape",
            Kind::Flag,
            Need::Flag(false),
            "Whether our URL behind it must be percent-encoded.",
        ),
    ],
};
