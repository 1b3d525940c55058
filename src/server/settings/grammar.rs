//! The keys of the machine's file, `homing.toml`: one table per section. What is not here is
//! refused. The tables are also its published schema.

use crate::config::rules;
use crate::config::spec::{Field, Kind, ListRule, MapRule, NameRule, Need, Table, TextRule, field};
use crate::model::{Currency, Seconds};
use exchange::EXCHANGE;
use std::net::SocketAddr;

mod exchange;

/// Most elements of a block list; real ones have up to some ten thousand.
const BLOCKS_MAX: usize = 100_000;
/// Most exchanges; a bidder is connected to one to thirty.
const EXCHANGES_MAX: usize = 1_000;
/// Most currencies: ISO 4217 has fewer than 200.
const CURRENCIES_MAX: usize = 200;
/// Most notice keys: the one that signs, and old ones until their notices have expired.
const NOTICE_KEYS_MAX: usize = 16;
/// Most keys of shops: two for each of a large bidder's.
const SHOP_KEYS_MAX: usize = 10_000;
/// Most countries: ISO 3166-1 has fewer than 300.
const COUNTRIES_MAX: usize = 300;
/// Longest id of a seller: sellers.json allows 64 characters (IAB, "sid").
const SELLER_BYTES_MAX: usize = 64;
/// Most origins: each is compared with every request that a browser sends.
const ORIGINS_MAX: usize = 1_000;

/// Purposes of TCF 2.x.
const PURPOSES_MAX: usize = 11;

const REQUIRED: Need = Need::Required;
const OPTIONAL: Need = Need::Optional;
const BLOCKS: Kind =
    Kind::List(&ListRule { of: Kind::Text(&rules::INVENTORY), min: 0, max: BLOCKS_MAX });

const PURPOSES: Kind =
    Kind::List(&ListRule { of: Kind::Integer(1, PURPOSES_MAX as i64), min: 0, max: PURPOSES_MAX });

static ADDRESS: TextRule = TextRule {
    expected: "an IP address and a port such as \"127.0.0.1:8080\"",
    pattern: "^.+:[0-9]{1,5}$",
    holds: |text| text.parse::<SocketAddr>().is_ok(),
};

/// Where sets are fetched from. Credentials come from the environment, never from here.
static SOURCE_URL: TextRule = TextRule {
    expected: "a URL such as \"s3://bucket/prefix\" (s3, gs, az, https, http or file:///...) \
               without credentials, a query and a slash at its end",
    pattern: "^((s3|gs|az|https?)://[^\\s?#@'/]+|file://)(/[^\\s?#@'/]+)*$",
    holds: super::audience::is_source,
};

static FSYNC: TextRule = TextRule {
    expected: "\"always\", or milliseconds such as \"100ms\", 1 to 9999",
    pattern: "^(always|[1-9][0-9]{0,3}ms)$",
    holds: |text| super::data::fsync_of(text).is_some(),
};

static STREAM_SERVERS: TextRule = TextRule {
    expected: "the addresses of NATS servers with commas between, such as \
               \"nats://127.0.0.1:4222\" (or tls://...); a login belongs in `stream` of [secrets]",
    pattern: "^(nats|tls)://[A-Za-z0-9._:\\[\\]-]+:[0-9]{1,5}\
              (,(nats|tls)://[A-Za-z0-9._:\\[\\]-]+:[0-9]{1,5})*$",
    holds: super::data::is_servers,
};

static STREAM_NAME: TextRule = TextRule {
    expected: "1 to 32 characters of a-z, 0-9, `-` and `_`",
    pattern: "^[a-z0-9_-]{1,32}$",
    holds: |text| (rules::ID.holds)(text) && text.len() <= 32 && !text.contains('.'),
};

static BASE_URL: TextRule = TextRule {
    expected: "an http or https URL without a query and without a slash at its end",
    pattern: "^https?://[^\\s?#@']*[^\\s?#@/']$",
    holds: |text| {
        (rules::URL.holds)(text) && !text.ends_with('/') && !text.contains(['?', '#', '\''])
    },
};

static VARIABLE: TextRule = TextRule {
    expected: "the name of an environment variable such as \"HOMING_NOTICE_KEY\"",
    pattern: "^[A-Za-z_][A-Za-z0-9_]{0,127}$",
    holds: |text| {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        rules::is_made_of(text, 128, word) && !text.as_bytes()[0].is_ascii_digit()
    },
};

static HEADER: TextRule = TextRule {
    expected: "the name of a header such as \"x-forwarded-for\"",
    pattern: "^[A-Za-z0-9-]{1,64}$",
    holds: |text| rules::is_made_of(text, 64, |byte| byte.is_ascii_alphanumeric() || byte == b'-'),
};

static RATED_CURRENCY: TextRule = TextRule {
    expected: "an ISO 4217 code of three capitals such as \"EUR\", but not \"USD\", which is 1",
    pattern: "^(?!USD)[A-Z]{3}$",
    holds: |text| Currency::parse(text).is_some_and(|currency| currency != Currency::USD),
};

static SELLER: TextRule = TextRule {
    expected: "an ad system such as \"ssp.example\", or one of its sellers: \"ssp.example/1234\"",
    pattern: "^[A-Za-z0-9_.-]{1,253}(/[!-~]{1,64})?$",
    holds: |text| {
        let (system, seller) = text.split_once('/').unwrap_or((text, "all"));
        (rules::INVENTORY.holds)(system)
            && rules::is_made_of(seller, SELLER_BYTES_MAX, |byte| byte.is_ascii_graphic())
    },
};

static COUNTRY_ALPHA_2: TextRule = TextRule {
    expected: "an ISO 3166-1 alpha-2 code such as \"DE\"",
    pattern: "^[A-Z]{2}$",
    holds: |text| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase()),
};

/// `homing.toml`.
pub static MACHINE_FILE: Table = Table {
    name: "the machine's file",
    doc: "How this machine listens, what it loads, its limits, its secrets and its exchanges.",
    fields: MACHINE_FIELDS,
};

static MACHINE_FIELDS: &[Field] = &[
    field("node", Kind::Text(&rules::ID), Need::Text("node-1"), "This node's name in a cluster."),
    field("listen", Kind::Table(&LISTEN), OPTIONAL, "Sockets."),
    field("business", Kind::Table(&BUSINESS), OPTIONAL, "The advertisers."),
    field("audience", Kind::Table(&AUDIENCE), OPTIONAL, "The audience snapshots."),
    field("data", Kind::Table(&DATA), OPTIONAL, "Our own files."),
    field("collect", Kind::Table(&COLLECT), OPTIONAL, "The events of shops."),
    field("limits", Kind::Table(&LIMITS), OPTIONAL, "A limit on everything."),
    field("privacy", Kind::Table(&PRIVACY), OPTIONAL, "Privacy."),
    field("block", Kind::Table(&BLOCK), OPTIONAL, "Where nothing is ever bid on."),
    field("currency", Kind::Table(&CURRENCY), OPTIONAL, "Exchange rates."),
    field("secrets", Kind::Table(&SECRETS), REQUIRED, "Where the secrets are; never themselves."),
    field(
        "exchange",
        Kind::List(&ListRule { of: Kind::Table(&EXCHANGE), min: 1, max: EXCHANGES_MAX }),
        REQUIRED,
        "The exchanges that send bid requests.",
    ),
];

static LISTEN: Table = Table {
    name: "[listen]",
    doc: "Sockets.",
    fields: &[
        field("bid", Kind::Text(&ADDRESS), Need::Text("127.0.0.1:8080"), "Bid requests."),
        field(
            "notice",
            Kind::Text(&ADDRESS),
            Need::Text("127.0.0.1:8081"),
            "Notices; the bid port answers them too.",
        ),
        field("admin", Kind::Text(&ADDRESS), Need::Text("127.0.0.1:9090"), "Admin and probes."),
        field(
            "public_url",
            Kind::Text(&BASE_URL),
            OPTIONAL,
            "What the URLs in our bids begin with; default: http:// and the notice address.",
        ),
        field("workers", Kind::Integer(0, 256), Need::Integer(0), "Threads; 0 is one a core."),
        field(
            "browser_origins",
            Kind::List(&ListRule { of: Kind::Text(&rules::ORIGIN), min: 0, max: ORIGINS_MAX }),
            OPTIONAL,
            "Origins whose pages may call the bid port from a browser, with credentials.",
        ),
    ],
};

static BUSINESS: Table = Table {
    name: "[business]",
    doc: "The advertisers.",
    fields: &[field(
        "folder",
        Kind::Text(&rules::PATH),
        Need::Text("advertisers"),
        "Advertiser files; relative to this file's folder.",
    )],
};

static AUDIENCE: Table = Table {
    name: "[audience]",
    doc: "The audience snapshots.",
    fields: &[
        field(
            "folder",
            Kind::Text(&rules::PATH),
            Need::Text("audience"),
            "Snapshot sets; the one that its file `current` names is loaded, or else the newest \
             complete one; relative to this file's folder.",
        ),
        field(
            "source",
            Kind::Text(&SOURCE_URL),
            OPTIONAL,
            "Where sets are fetched from, in place of `folder`: the one that the object `current` \
             names. Credentials and endpoints come from the environment, e.g. AWS_ENDPOINT.",
        ),
        field(
            "poll_s",
            Kind::Integer(0, 86_400),
            Need::Integer(10),
            "Seconds between two looks whether there is a new set; 0: only when told to.",
        ),
        field(
            "signature_key",
            Kind::Table(&SIGNATURE_KEY),
            OPTIONAL,
            "The key that sets must be signed with; without one, signatures are not looked at.",
        ),
    ],
};

static SIGNATURE_KEY: Table = Table {
    name: "`signature_key`",
    doc: "The place of a key of at least 32 bytes, in hex, in base64 or raw.",
    fields: &[
        field("env", Kind::Text(&VARIABLE), OPTIONAL, "The environment variable that holds it."),
        field("file", Kind::Text(&rules::PATH), OPTIONAL, "The file that holds it."),
    ],
};

static DATA: Table = Table {
    name: "[data]",
    doc: "Our own files.",
    fields: &[
        field(
            "folder",
            Kind::Text(&rules::PATH),
            Need::Text("data"),
            "Installed snapshots and the event log; relative to this file's folder.",
        ),
        field(
            "fsync",
            Kind::Text(&FSYNC),
            Need::Text("always"),
            "When an event counts as written: once it is on the disk (always), or once the system \
             has it, which loses up to this much when power is lost.",
        ),
        field(
            "log_keep",
            Kind::Duration(Seconds(3_600), Seconds(10 * 366 * 86_400)),
            Need::Text("7d"),
            "Events older than this are removed once checkpoints cover them.",
        ),
        field(
            "log_keep_bytes_max",
            Kind::Integer(1 << 20, 1 << 50),
            Need::Integer(64 << 30),
            "With more than this, so are the oldest.",
        ),
        field(
            "log_segment_bytes",
            Kind::Integer(1 << 20, 1 << 30),
            Need::Integer(256 << 20),
            "Length of a segment file of the log.",
        ),
        field(
            "log",
            Kind::Text(&STREAM_SERVERS),
            OPTIONAL,
            "The NATS servers in whose stream the log is kept, so that other nodes share it; \
             without, it is kept in files of this machine.",
        ),
        field(
            "stream",
            Kind::Text(&STREAM_NAME),
            Need::Text("homing"),
            "The name of that stream; made where it is missing.",
        ),
        field(
            "stream_replicas",
            Kind::Integer(1, 5),
            Need::Integer(1),
            "On how many NATS servers each event is, where the stream is made: 3 outlives the \
             loss of a server.",
        ),
        field(
            "stream_silence_max",
            Kind::Duration(Seconds(5), Seconds(3_600)),
            Need::Text("5m"),
            "A node that has not heard the others for so long bids no more: it would not know of \
             purchases and opt-outs.",
        ),
        field(
            "spool_bytes_max",
            Kind::Integer(1 << 20, 1 << 40),
            Need::Integer(1 << 30),
            "Events that wait on this machine's disk while the stream cannot be reached; beyond \
             this they are refused.",
        ),
    ],
};

static COLLECT: Table = Table {
    name: "[collect]",
    doc: "How much shops and browsers may send, and how much of it is kept in memory.",
    fields: &[
        field(
            "events_per_second_max",
            Kind::Integer(0, 10_000_000),
            Need::Integer(2_000),
            "Events a second of one shop, a second's worth at once; 0: no limit.",
        ),
        field(
            "calls_per_second_max",
            Kind::Integer(0, 10_000_000),
            Need::Integer(50),
            "Calls a second of one client (an IPv4 address, an IPv6 network); 0: no limit.",
        ),
        field(
            "past_max",
            Kind::Duration(Seconds(3_600), Seconds(540 * Seconds::DAY.0)),
            Need::Text("30d"),
            "How old an event may be; an older one is taken to be as old as that.",
        ),
        field(
            "client_address_header",
            Kind::Text(&HEADER),
            OPTIONAL,
            "Behind a balancer: the header in which it writes the client's address last, such \
             as \"x-forwarded-for\". Without a balancer that does, clients could forge it.",
        ),
        field(
            "overlay_users_max",
            Kind::Integer(1_000, 1_000_000_000),
            Need::Integer(1_000_000),
            "User keys with events newer than the snapshot; beyond it the oldest go, buyers last.",
        ),
        field(
            "overlay_mib_max",
            Kind::Integer(16, 1_048_576),
            Need::Integer(512),
            "Memory in MiB for them, about.",
        ),
        field(
            "events_seen_max",
            Kind::Integer(1_000, 100_000_000),
            Need::Integer(500_000),
            "Events whose ids are remembered, so that one that comes twice counts once.",
        ),
    ],
};

static LIMITS: Table =
    Table { name: "[limits]", doc: "A limit on everything.", fields: LIMIT_FIELDS };

static LIMIT_FIELDS: &[Field] = &[
    field(
        "decision_budget_us",
        Kind::Integer(50, 1_000_000),
        Need::Integer(1_000),
        "Microseconds from a request's head to its answer; later it is answered no-bid, as an \
         answer that an exchange no longer waits for helps nobody.",
    ),
    field(
        "body_bytes_max",
        Kind::Integer(1_024, 16_777_216),
        Need::Integer(131_072),
        "Largest request body in bytes, unpacked; real ones are 1 to 30 KiB.",
    ),
    field(
        "connections_max",
        Kind::Integer(1, 1_000_000),
        Need::Integer(10_000),
        "Open connections; each costs memory and a file descriptor.",
    ),
    field(
        "first_byte_ms",
        Kind::Integer(10, 600_000),
        Need::Integer(10_000),
        "Wait for the first byte of a new connection, in milliseconds; exchanges open some ahead.",
    ),
    field(
        "head_ms",
        Kind::Integer(10, 600_000),
        Need::Integer(2_000),
        "Wait for the rest of a request's head, in milliseconds; slower is an attack.",
    ),
    field(
        "body_ms",
        Kind::Integer(10, 600_000),
        Need::Integer(1_000),
        "Wait for a request's body, in milliseconds; beyond it the auction is over.",
    ),
    field(
        "write_ms",
        Kind::Integer(10, 600_000),
        Need::Integer(5_000),
        "Wait for a peer to take an answer, in milliseconds; one that does not holds memory.",
    ),
    field(
        "idle_s",
        Kind::Integer(1, 86_400),
        Need::Integer(180),
        "Seconds an idle connection is kept; longer than exchanges' pools keep theirs.",
    ),
    field(
        "drain_s",
        Kind::Integer(0, 3_600),
        Need::Integer(10),
        "Seconds that open requests get when the server stops.",
    ),
    field(
        "drain_delay_ms",
        Kind::Integer(0, 600_000),
        Need::Integer(500),
        "Milliseconds for which readiness fails before accepting stops, so that balancers see it.",
    ),
    field(
        "holds_max",
        Kind::Integer(1_000, 100_000_000),
        Need::Integer(1_000_000),
        "Open holds; bids per second times the exchanges' hold_ttl, with room.",
    ),
    field(
        "persons_max",
        Kind::Integer(1_000, 1_000_000_000),
        Need::Integer(10_000_000),
        "People whose impressions are counted; bounds the ledger's memory.",
    ),
    field(
        "notices_max",
        Kind::Integer(1_000, 1_000_000_000),
        Need::Integer(10_000_000),
        "Notices remembered, so that a doubled one counts once; bounds the ledger's memory.",
    ),
    field(
        "notice_ttl",
        Kind::Duration(Seconds(60), Seconds(30 * Seconds::DAY.0)),
        Need::Text("24h"),
        "How long a notice URL is accepted; devices report late, attackers later.",
    ),
];

static PRIVACY: Table = Table {
    name: "[privacy]",
    doc: "What is assumed of privacy, and what a consent must grant.",
    fields: PRIVACY_FIELDS,
};

static PRIVACY_FIELDS: &[Field] = &[
    field(
        "gdpr_assumed_in",
        Kind::Either(&[
            Kind::Choice(&["eea", "nowhere"]),
            Kind::List(&ListRule { of: Kind::Text(&rules::COUNTRY), min: 1, max: COUNTRIES_MAX }),
        ]),
        Need::Text("eea"),
        "Where GDPR is taken to apply when a request does not say: \"eea\" (with the United \
         Kingdom and Switzerland), \"nowhere\", or a list of ISO 3166-1 alpha-3 codes.",
    ),
    field(
        "gvl_id",
        Kind::Integer(1, 65_535),
        OPTIONAL,
        "Our number in the Global Vendor List; without one nobody is reached under GDPR.",
    ),
    field(
        "tcf_policy_min",
        Kind::Integer(2, 63),
        Need::Integer(4),
        "The oldest policy version of a TCF string that is accepted; 4 is TCF 2.2.",
    ),
    field(
        "purposes_by_consent",
        PURPOSES,
        Need::Integers(&[1, 3, 4, 7]),
        "TCF purposes that the person must have consented to; purpose 2 is always needed.",
    ),
    field(
        "purposes_by_legitimate_interest",
        PURPOSES,
        Need::Integers(&[]),
        "TCF purposes that must be granted, but may rest on legitimate interest instead of \
         consent, also where the list above names them; of 2 and 7 to 11.",
    ),
    field(
        "purpose_one_exempt_countries",
        Kind::List(&ListRule { of: Kind::Text(&COUNTRY_ALPHA_2), min: 0, max: COUNTRIES_MAX }),
        OPTIONAL,
        "Countries of publishers, ISO 3166-1 alpha-2, where purpose 1 is not asked for if the \
         string says so (PurposeOneTreatment).",
    ),
    field(
        "require_disclosed_vendors",
        Kind::Flag,
        Need::Flag(false),
        "Whether a TCF string without the disclosed vendors of TCF 2.3 is refused.",
    ),
    field(
        "contextual",
        Kind::Flag,
        Need::Flag(false),
        "Whether campaigns with `contextual = true` are shown by context alone where nobody \
         may be recognised: no id is looked up, kept or counted. Never to children.",
    ),
];

static BLOCK: Table = Table {
    name: "[block]",
    doc: "Where nothing is ever bid on.",
    fields: &[
        field("sites", BLOCKS, OPTIONAL, "Domains, with their subdomains."),
        field("apps", BLOCKS, OPTIONAL, "App bundles."),
        field(
            "sellers",
            Kind::List(&ListRule { of: Kind::Text(&SELLER), min: 0, max: BLOCKS_MAX }),
            OPTIONAL,
            "Sellers of supply chains: a whole ad system (`asi`), or one of its sellers (`asi/sid`).",
        ),
    ],
};

static CURRENCY: Table = Table {
    name: "[currency]",
    doc: "Exchange rates.",
    fields: &[field(
        "rates",
        Kind::Map(&MapRule {
            names: NameRule::Text(&RATED_CURRENCY),
            of: Kind::Rate,
            max: CURRENCIES_MAX,
        }),
        OPTIONAL,
        "US dollars per unit, e.g. EUR = 1.08; at most nine decimals, taken exactly.",
    )],
};

static SECRETS: Table = Table {
    name: "[secrets]",
    doc: "Where the secrets are: environment variables or files, never this file.",
    fields: &[
        field(
            "notice_keys",
            Kind::List(&ListRule { of: Kind::Table(&NOTICE_KEY), min: 1, max: NOTICE_KEYS_MAX }),
            REQUIRED,
            "Keys of notice URLs: the first signs, all verify.",
        ),
        field(
            "admin_token",
            Kind::Table(&SECRET),
            OPTIONAL,
            "The admin API's bearer token; without it the API is refused, probes answer.",
        ),
        field(
            "shop_keys",
            Kind::List(&ListRule { of: Kind::Table(&SHOP_KEY), min: 0, max: SHOP_KEYS_MAX }),
            OPTIONAL,
            "Keys with which shops' servers send events, as bearer tokens; a shop may have \
             several, so that they can be changed.",
        ),
        field(
            "stream",
            Kind::Table(&SECRET),
            OPTIONAL,
            "How this node logs in to the servers of `log` in [data]: `user:password`, or a token.",
        ),
    ],
};

static NOTICE_KEY: Table = Table {
    name: "an entry of `notice_keys`",
    doc: "A key of at least 32 bytes, in hex, in base64 or raw.",
    fields: &[
        field("id", Kind::Integer(0, 255), REQUIRED, "Goes into the URLs it signs; unique."),
        field("env", Kind::Text(&VARIABLE), OPTIONAL, "The environment variable that holds it."),
        field("file", Kind::Text(&rules::PATH), OPTIONAL, "The file that holds it."),
    ],
};

static SHOP_KEY: Table = Table {
    name: "an entry of `shop_keys`",
    doc: "The key of a shop's server: at least 16 visible ASCII characters.",
    fields: &[
        field("advertiser", Kind::Text(&rules::ID), REQUIRED, "The shop's id."),
        field("env", Kind::Text(&VARIABLE), OPTIONAL, "The environment variable that holds it."),
        field("file", Kind::Text(&rules::PATH), OPTIONAL, "The file that holds it."),
    ],
};

static SECRET: Table = Table {
    name: "`admin_token`",
    doc: "A secret's place.",
    fields: &[
        field("env", Kind::Text(&VARIABLE), OPTIONAL, "The environment variable that holds it."),
        field("file", Kind::Text(&rules::PATH), OPTIONAL, "The file that holds it."),
    ],
};
