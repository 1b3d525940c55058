//! The core as a whole: books from their files' text, people made up, no socket and no clock.
//!
//! - [`reasons`] every "no" that a decision can give
//! - [`prices`] the product of factors, its limits, currencies
//! - [`pages`] several impressions: the best total, holds that fail, ghosts
//! - [`burned`] who has bought is let be, and who opted out
//! - [`people`] ids and who is behind them
//! - [`agreement`] bidding and explaining say the same, ten thousand times over
//! - [`forms`] so do JSON and protobuf
//! - [`formats`] what fits which place
//! - [`deals`] deals, floors and fixed prices
//! - [`pods`] several spots in a row
//! - [`quantity`] many impressions at once, and exact money

mod agreement;
mod burned;
mod consent;
mod context;
mod deals;
mod formats;
mod forms;
mod pages;
mod people;
mod pods;
mod prices;
mod quantity;
mod reasons;

use super::choose::BidIds;
use super::explain::{Explanation, explain};
use super::{BlockList, Case, Decision, World, commit, decide, record};
use crate::audience::{AudienceView, Membership, Person, ValueThousandths};
use crate::campaign::book::BookBuilder;
use crate::campaign::creative_section::CreativeFiles;
use crate::campaign::model::{Book, CampaignIndex};
use crate::config::{Source, render};
use crate::event::NoticeKind;
use crate::ledger::{Account, Ledger, LedgerLimits};
use crate::model::{
    CpmMicros, Currency, NoBidReason, NodeKey, Rates, Seconds, UnixSeconds, UserKey,
};
use crate::openrtb::decode_json;
use crate::openrtb::profile::{ExchangeProfile, IdSource};
use crate::privacy::PrivacyRules;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// A Friday, 2027-01-15 at 08:00 UTC.
const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

/// The shop behind most scenes; the secure 300x250 is creative `b300`.
const SHOP: &str = r#"
[advertiser]
id = "shop"
domain = "shop.example"
currency = "USD"
categories = ["IAB18"]
CAPS

[[creative]]
id = "b300"
type = "html5"
size = "300x250"
html = "<b>hello</b>"
landing = "https://shop.example/"

[[creative]]
id = "b728"
type = "image"
size = "728x90"
src = "https://cdn.example/728.png"
attributes = [6]
landing = "https://shop.example/"

[[creative]]
id = "b160"
type = "image"
size = "160x600"
src = "http://cdn.example/160.png"
landing = "https://shop.example/"

[[creative]]
id = "m320"
type = "html5"
size = "320x50"
html = "<b>app</b>"
frameworks = ["mraid-2"]
expands = ["up"]
renders_transparency = true
language = "de"
bundle = "com.shop.app"
taxonomies = { "7" = ["471", "47"] }
landing = "https://play.google.com/store/apps/details?id=com.shop.app"

[[creative]]
id = "v30"
type = "video"
landing = "https://shop.example/"
language = "en"
[creative.video]
title = "Shoes"
duration = "30s"
[[creative.video.file]]
url = "https://cdn.example/v30.mp4"
size = "1280x720"
bitrate_kbps = 900

[[creative]]
id = "a15"
type = "audio"
landing = "https://shop.example/"
[creative.audio]
title = "Shoes"
duration = "15s"
[[creative.audio.file]]
url = "https://cdn.example/a15.mp3"
bitrate_kbps = 128

[[creative]]
id = "n1"
type = "native"
landing = "https://shop.example/"
[creative.native]
titles = ["Shoes that wait for you", "Shoes"]
images = [{ role = "main", url = "https://cdn.example/1200.jpg", size = "1200x627" }]
sponsored = "The shop"
"#;

/// What is written of one campaign; the default bids 2 USD for whoever left a cart.
#[derive(Clone)]
struct Written {
    id: String,
    objective: &'static str,
    flight: &'static str,
    budget: &'static str,
    audience: &'static str,
    /// More keys of the campaign.
    keys: String,
    base: String,
    max: &'static str,
    /// More keys of its price.
    price: &'static str,
    target: &'static str,
    messages: String,
}

impl Written {
    fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            objective: r#""clicks""#,
            flight: "{ from = 2027-01-01, to = 2027-12-31 }",
            budget: r#"{ total = "1000 USD", pacing = "asap" }"#,
            audience: "cart",
            keys: String::new(),
            base: "2 USD".to_owned(),
            max: "50 USD",
            price: "",
            target: "",
            messages: message("b300"),
        }
    }

    fn based(id: &str, base: &str) -> Self {
        Self { base: base.to_owned(), ..Self::new(id) }
    }

    fn keyed(id: &str, keys: &str) -> Self {
        Self { keys: keys.to_owned(), ..Self::new(id) }
    }

    fn text(&self) -> String {
        let Self { id, objective, flight, budget, audience, keys, .. } = self;
        let Self { base, max, price, target, messages, .. } = self;
        let audience = match *audience {
            "" => String::new(),
            text => format!("audience = {text:?}"),
        };
        format!(
            "\n[[campaign]]\nid = {id:?}\nobjective = {objective}\nflight = {flight}\n\
             budget = {budget}\n{audience}\n{keys}\n[campaign.price]\nbase_cpm = {base:?}\n\
             max_cpm = {max:?}\n{price}\n[campaign.target]\n{target}\n{messages}"
        )
    }
}

fn message(creative: &str) -> String {
    format!("[[campaign.message]]\ncreatives = [{creative:?}]\n")
}

/// Every creative is inline, so no file is ever asked for.
struct NoFiles;

impl CreativeFiles for NoFiles {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        Err(format!("{path} is not there"))
    }
}

/// People that a test makes up.
#[derive(Default)]
struct People(HashMap<UserKey, Vec<Membership>>, Vec<UserKey>);

impl AudienceView for People {
    fn join(&self, key: UserKey, person: &mut Person) -> bool {
        let Some(memberships) = self.0.get(&key) else { return false };
        for one in memberships {
            person.add(*one);
        }
        true
    }

    fn is_opted_out(&self, key: UserKey) -> bool {
        self.1.contains(&key)
    }
}

/// Everything that a decision looks at, owned.
struct Scene {
    book: Book,
    accounts: Vec<Arc<Account>>,
    people: People,
    ledger: Ledger,
    exchange: ExchangeProfile,
    rates: Rates,
    privacy: PrivacyRules,
    blocked: BlockList,
    ids: BidIds,
}

impl Scene {
    /// The shop with these campaigns; `u1` left a cart an hour ago.
    fn new(campaigns: &[Written]) -> Self {
        let text = SHOP.replace("CAPS", "");
        Self::of(&campaigns.iter().fold(text, |text, one| text + &one.text()))
    }

    /// As [`Self::new`], with caps over all campaigns.
    fn capped(caps: &str, campaigns: &[Written]) -> Self {
        Self::headed(&format!("caps = {caps}"), campaigns)
    }

    /// As [`Self::new`], with more keys of the shop.
    fn headed(keys: &str, campaigns: &[Written]) -> Self {
        let text = SHOP.replace("CAPS", keys);
        Self::of(&campaigns.iter().fold(text, |text, one| text + &one.text()))
    }

    fn of(text: &str) -> Self {
        Self::of_files(&[text])
    }

    /// A scene of several shops.
    fn of_files(texts: &[impl AsRef<str>]) -> Self {
        let mut builder = BookBuilder::new(None);
        for text in texts {
            builder.add(&Source::new("shop.toml", text.as_ref()), &NoFiles);
        }
        let (book, diagnostics) = builder.finish();
        let book = book.unwrap_or_else(|| panic!("{}", render::text(&diagnostics)));
        let ledger = Ledger::new(LedgerLimits::default(), 1);
        let accounts = ledger.adopt(&book);
        let mut scene = Self {
            book,
            accounts,
            ledger,
            people: People::default(),
            exchange: exchange(),
            rates: rates(),
            privacy: PrivacyRules::default(),
            blocked: BlockList::default(),
            ids: BidIds::new(7),
        };
        scene.person("u1", &[("cart", 3_600)]);
        scene
    }

    /// Makes a person known under a buyeruid, in segments last met so many seconds ago.
    fn person(&mut self, id: &str, segments: &[(&str, u32)]) {
        self.person_in("buyeruid", id, segments);
    }

    fn person_in(&mut self, space: &str, id: &str, segments: &[(&str, u32)]) {
        let member = |(name, age): &(&str, u32)| {
            let segment = self.book.segments.get(name)?;
            let last_seen = NOW.minus(Seconds(*age));
            Some(Membership {
                segment,
                first_seen: last_seen,
                last_seen,
                expires: UnixSeconds::NEVER,
                count: 1,
                value: ValueThousandths(0),
            })
        };
        let memberships = segments.iter().filter_map(member).collect();
        self.people.0.insert(UserKey::new(space, id), memberships);
    }

    fn world(&self) -> World<'_> {
        World {
            book: &self.book,
            accounts: &self.accounts,
            audience: &self.people,
            ledger: &self.ledger,
            exchange: &self.exchange,
            rates: &self.rates,
            privacy: &self.privacy,
            blocked: &self.blocked,
            notices_for: Seconds::DAY,
            node: NodeKey::default(),
        }
    }

    /// Decides only.
    fn decide_at(&self, body: &str, now: UnixSeconds) -> Decision {
        let request = decode_json(body.as_bytes()).expect("a bid request");
        let mut decision = Decision::default();
        decide(&Case { request: &request, world: &self.world(), now }, &mut decision);
        decision
    }

    fn decide(&self, body: &str) -> Decision {
        self.decide_at(body, NOW)
    }

    /// Decides and takes the holds.
    fn bid_at(&mut self, body: &str, now: UnixSeconds) -> Decision {
        let mut decision = self.decide_at(body, now);
        self.commit_at(body, &mut decision, now);
        decision
    }

    fn bid(&mut self, body: &str) -> Decision {
        self.bid_at(body, NOW)
    }

    fn commit_at(&mut self, body: &str, decision: &mut Decision, now: UnixSeconds) {
        let request = decode_json(body.as_bytes()).expect("a bid request");
        let mut ids = self.ids;
        let world = self.world();
        let case = Case { request: &request, world: &world, now };
        commit(&case, decision, &mut ids);
        record(&case, decision);
        self.ids = ids;
    }

    fn explain(&self, body: &str) -> (Explanation, Decision) {
        let request = decode_json(body.as_bytes()).expect("a bid request");
        explain(&Case { request: &request, world: &self.world(), now: NOW })
    }

    /// Bills every bid of a decision at its price.
    fn bill(&self, decision: &Decision, now: UnixSeconds) {
        for bid in &decision.bids {
            self.ledger.note(NoticeKind::Bill(bid.price), &bid.claim, now);
        }
    }

    fn campaign_id(&self, index: CampaignIndex) -> &str {
        &self.book.campaigns[index.0 as usize].id
    }

    /// Impression and campaign of every bid.
    fn placed(&self, decision: &Decision) -> Vec<(usize, &str)> {
        let place = |bid: &super::Bid| (bid.impression, self.campaign_id(bid.campaign));
        decision.bids.iter().map(place).collect()
    }

    /// Why a campaign does not bid.
    fn reason(&self, decision: &Decision, id: &str) -> Option<NoBidReason> {
        let found = decision.noes.iter().find(|(index, _)| self.campaign_id(*index) == id);
        found.map(|(_, reason)| *reason)
    }
}

fn exchange() -> ExchangeProfile {
    ExchangeProfile { seat: Some("homing-1".to_owned()), ..ExchangeProfile::generic("adx") }
}

/// A euro is 1.08 dollars, a yen 0.0065.
fn rates() -> Rates {
    let mut rates = Rates::default();
    rates.set(eur(), 1_080_000_000);
    rates.set(Currency::parse("JPY").expect("a code"), 6_500_000);
    rates
}

fn eur() -> Currency {
    Currency::parse("EUR").expect("a code")
}

/// A request of `u1` with one 300x250, and whatever else is said.
fn request(rest: &str) -> String {
    let impression = r#"{"id":"i","banner":{"w":300,"h":250}}"#;
    if rest.contains("\"user\"") { with(impression, rest) } else { known(impression, rest) }
}

/// A request of `u1` for these impressions.
fn known(impressions: &str, rest: &str) -> String {
    let separator = if rest.is_empty() { "" } else { "," };
    with(impressions, &format!(r#""user":{{"buyeruid":"u1"}}{separator}{rest}"#))
}

fn with(impressions: &str, rest: &str) -> String {
    format!(r#"{{"id":"r","imp":[{impressions}],{rest}}}"#)
}

/// Impressions `0`, `1`, ... of one size each.
fn page(sizes: &[&str]) -> String {
    let mut page = String::new();
    for (number, size) in sizes.iter().enumerate() {
        let (width, height) = size.split_once('x').expect("a size");
        let comma = if number == 0 { "" } else { "," };
        write!(page, r#"{comma}{{"id":"{number}","banner":{{"w":{width},"h":{height}}}}}"#)
            .expect("a String takes everything");
    }
    page
}

fn micros(units: f64) -> CpmMicros {
    CpmMicros((units * 1e6).round() as i64)
}
