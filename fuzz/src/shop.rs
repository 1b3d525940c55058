//! A shop that bids: a whole bidder without sockets, and the world of a decision.
//!
//! Guarantees: the same shop (`shop/`) in every process. The bidder's ledger goes on from one
//! input to the next, so no target may assert that there is a bid, only that one is right.

use homing::audience::builder::{BuildOptions, Builder, ROWS_MAX_DEFAULT};
use homing::audience::rows::Row;
use homing::audience::{AudienceView, Membership, Person, ValueThousandths};
use homing::bidder::answer::Scratch;
use homing::bidder::{Bidder, Private};
use homing::campaign::advertiser_file::Machine;
use homing::campaign::files::load_book_for;
use homing::campaign::model::Book;
use homing::config::{Source, render};
use homing::decide::{BlockList, Case, Decision, World, decide};
use homing::ledger::{Account, Ledger, LedgerLimits};
use homing::model::{NodeKey, Seconds, SegmentId, UnixSeconds, UserKey};
use homing::notice::Keyring;
use homing::openrtb::BidRequest;
use homing::server::service::{BidAnswer, BidCall, BidService, ContentKind};
use homing::server::settings::{self, Settings};
use homing::server::{BearerToken, clock};
use homing::telemetry::Metrics;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// The moment of every decision: 2027-01-15, 08:00 UTC.
const NOW: UnixSeconds = UnixSeconds(1_800_000_000);
/// The ids that the bidder's audience knows, in every space; seeds and dictionaries have them.
const KNOWN: [&str; 4] = ["u1", "u2", "u3", "u4"];
/// The spaces of ids that the exchange's profile reads.
const SPACES: [&str; 4] = ["buyeruid", "ifa", "uidapi.com", "fuzz"];
/// So often the holds of bids end, long before the ledger's small tables are full.
const RUNS_A_HOLD: u32 = 100;

/// The settings of `shop/homing.toml`, with the folders that are written to below `data`.
fn shop_settings(data: &Path) -> Settings {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("shop");
    let source = Source::new("homing.toml", include_str!("../shop/homing.toml"));
    let checked = settings::check(&source, &base);
    let faults = render::text(&checked.diagnostics);
    let mut settings = checked.settings.unwrap_or_else(|| panic!("{faults}"));
    settings.folders.audience = data.join("audience");
    settings.folders.data = data.join("data");
    settings
}

/// A bidder and what one worker keeps from request to request.
pub struct Shop {
    bidder: Bidder,
    scratch: Scratch,
    out: Vec<u8>,
    runs: u32,
}

impl Default for Shop {
    fn default() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let settings = shop_settings(folder.path());
        write_audience(&settings);
        let private = Private {
            price_keys: HashMap::new(),
            keyring: Keyring::new(&[(1, vec![7; 32])]).expect("a long key"),
            admin_token: BearerToken::default(),
            seed: 42,
            signature_key: None,
        };
        let bidder = Bidder::in_memory(&settings, private, Metrics::new(1)).expect("sound rules");
        bidder.load_campaigns().unwrap_or_else(|faults| panic!("{}", render::text(&faults)));
        bidder.load_snapshot(None, false).expect("a sound snapshot");
        let scratch = bidder.scratch(0);
        Self { bidder, scratch, out: Vec::new(), runs: 0 }
    }
}

impl Shop {
    /// The answer to `body`, if it is answered with one that has a body.
    pub fn answer(&mut self, content_kind: ContentKind, body: &[u8]) -> Option<&[u8]> {
        self.runs += 1;
        if self.runs.is_multiple_of(RUNS_A_HOLD) {
            self.bidder.ledger().advance(clock::now().plus(Seconds::DAY));
        }
        let received = Instant::now();
        let call = BidCall { exchange: "fuzz", body, content_kind, received, worker: 0 };
        self.out.clear();
        match self.bidder.answer(&mut self.scratch, call, &mut self.out) {
            BidAnswer::Body { .. } => Some(&self.out),
            BidAnswer::NoContent | BidAnswer::BadRequest => None,
            BidAnswer::UnknownExchange => panic!("the shop has an exchange called fuzz"),
        }
    }
}

/// Everybody known left a cart an hour ago; some are more than that.
fn write_audience(settings: &Settings) {
    let now = clock::now();
    let options = BuildOptions { now, epoch: None, shards: None, rows_max: ROWS_MAX_DEFAULT };
    let mut builder = Builder::new(options).expect("good options");
    for space in SPACES {
        for (n, id) in KNOWN.iter().enumerate() {
            for segment in &["cart", "vip", "bought"][..=n % 3] {
                builder.add(&row((space, id, segment), now)).expect("a good row");
            }
        }
    }
    let mut audience = builder.finish().expect("a good audience");
    std::fs::create_dir(&settings.folders.audience).expect("a new folder");
    audience.write(&settings.folders.audience.join("people")).expect("a new set");
}

fn row<'a>((space, id, segment): (&'a str, &'a str, &'a str), now: UnixSeconds) -> Row<'a> {
    Row {
        id_space: space.into(),
        id: id.into(),
        segment: segment.into(),
        last_seen: now.minus(Seconds(3_600)),
        first_seen: None,
        expires: None,
        count: 1,
        value: ValueThousandths(1_000),
        items: Vec::new(),
        remove: false,
    }
}

/// What a decision looks at, at a fixed moment and with an untouched ledger.
pub struct Stage {
    settings: Settings,
    book: Book,
    accounts: Vec<Arc<Account>>,
    people: Everybody,
    ledger: Ledger,
    blocked: BlockList,
}

impl Default for Stage {
    fn default() -> Self {
        let settings = shop_settings(Path::new(""));
        let names = settings.exchange_names();
        let machine = Machine { exchanges: &names, rates: &settings.rates };
        let book = load_book_for(&settings.folders.business, machine)
            .unwrap_or_else(|faults| panic!("{}", render::text(&faults)));
        let ledger = Ledger::new(LedgerLimits::default(), 42);
        let blocked = BlockList {
            sites: settings.blocked_sites.clone(),
            apps: settings.blocked_apps.clone(),
            sellers: settings.blocked_sellers.clone(),
        };
        Self {
            accounts: ledger.adopt(&book),
            people: Everybody { segments: book.segments.len() as u32 },
            blocked,
            settings,
            book,
            ledger,
        }
    }
}

impl Stage {
    /// What is decided about `request`, as text.
    pub fn decided(&self, request: &BidRequest<'_>) -> String {
        let world = World {
            book: &self.book,
            accounts: &self.accounts,
            audience: &self.people,
            ledger: &self.ledger,
            exchange: &self.settings.exchanges[0],
            rates: &self.settings.rates,
            privacy: &self.settings.privacy,
            blocked: &self.blocked,
            notices_for: Seconds::DAY,
            node: NodeKey::default(),
        };
        let mut decision = Decision::default();
        decide(&Case { request, world: &world, now: NOW }, &mut decision);
        let Decision { refused, currency, basis, unrecognised, agent, .. } = &decision;
        let Decision { candidates, noes, .. } = &decision;
        let all = (refused, currency, basis, unrecognised, agent, candidates, noes);
        format!("{all:?}")
    }
}

/// Everybody is known, whatever their id, in segments that follow from it.
struct Everybody {
    segments: u32,
}

impl AudienceView for Everybody {
    fn join(&self, key: UserKey, person: &mut Person) -> bool {
        for segment in (0..self.segments).filter(|segment| key.0 >> segment & 1 == 1) {
            let last_seen = NOW.minus(Seconds((key.0 >> 40) as u32 % 1_000_000));
            person.add(Membership {
                segment: SegmentId(segment),
                first_seen: last_seen,
                last_seen,
                expires: UnixSeconds::NEVER,
                count: 1 + (key.0 >> 32) as u32 % 4,
                value: ValueThousandths(key.0 >> 44),
            });
        }
        true
    }
}
