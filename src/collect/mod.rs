//! Events in: what shops and browsers tell, made sound and lawful, into the log.
//!
//! A call's way through these files:
//! - `body` the events of a call; `field` their fields
//! - `shops` whose they are; `guard` who may send them; `throttle` how many
//! - `consent` whether they may be kept; `cookie` who the browser is
//! - [`names`] other tools' names of events; `row` one event, checked
//! - `optout`, [`erasure`]: people who do not want to be followed, or to be forgotten
//!
//! Guarantees: an event is answered for only when the log has it, durable and folded; nothing
//! is kept of whoever does not consent; whatever is sent, memory and time are bounded. What
//! comes twice has the same id. Must not fold anything itself.

mod body;
mod consent;
mod cookie;
pub mod erasure;
mod field;
mod guard;
pub mod names;
mod optout;
mod row;
mod shops;
#[cfg(any())]
mod tests;
mod throttle;

pub use body::EVENTS_MAX;
pub use erasure::{EraseError, SUPPRESSION_FILE};
pub use field::Refusal;
pub use row::HOMING_SPACE;
pub use shops::Shops;

use crate::event::{Event, EventId, What};
use crate::log::{Answer, Log};
use crate::model::{NodeKey, Rates, UnixSeconds, UserKey};
use crate::privacy::PrivacyRules;
use crate::server::clock;
use crate::server::events::{
    EventAnswer, EventBody, EventCall, EventFuture, EventRoute, EventService,
};
use crate::server::service::{ContentKind, StatusCode};
use crate::server::settings::CollectRules;
use crate::server::settings::secrets::Secret;
use crate::telemetry::EventMetrics;
use crate::telemetry::labels::EventOutcome;
use arc_swap::ArcSwap;
use body::Batch;
use consent::Wishes;
use field::{Fields, refusal};
use guard::{Denied, Sender, ShopKeys};
use hyper::Method;
use hyper::header::HeaderValue;
use row::{Counter, Told};
use shops::Shop;
use std::hash::{BuildHasher, Hasher};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use throttle::Throttle;

/// How long a call waits for the log before it is told to come again.
pub const ACK_WAIT: Duration = Duration::from_secs(5);
/// When to come again, in seconds.
const RETRY_AFTER_S: u32 = 1;
/// Clients remembered by the throttle.
const CLIENTS_MAX: usize = 100_000;
/// Shops remembered by the throttle: all of them.
const SHOPS_MAX: usize = 100_000;

/// What a collector is made of.
pub struct CollectorParts {
    /// Where events go.
    pub log: Arc<dyn Log>,
    /// This node.
    pub node: NodeKey,
    /// Under what consents are judged.
    pub privacy: PrivacyRules,
    /// For values in other currencies than the shop's.
    pub rates: Rates,
    /// Limits.
    pub rules: CollectRules,
    /// The keys of the shops' servers, by the shops' ids.
    pub keys: Vec<(String, Secret)>,
    /// What is counted.
    pub metrics: EventMetrics,
    /// The folder of our own files: the suppression list lies there.
    pub data: PathBuf,
    /// A secret number.
    pub seed: u64,
}

/// Takes in events. Shared by all threads.
pub struct Collector {
    log: Arc<dyn Log>,
    node: NodeKey,
    privacy: PrivacyRules,
    rates: Rates,
    rules: CollectRules,
    keys: ShopKeys,
    metrics: EventMetrics,
    data: PathBuf,
    shops: ArcSwap<Shops>,
    by_shop: Throttle,
    by_client: Throttle,
    seed: u64,
    started: Instant,
}

/// The moment of a call.
#[derive(Clone, Copy, Debug)]
struct Moment {
    now: UnixSeconds,
    since_start: Duration,
}

/// What came of the events of a call.
#[derive(Clone, PartialEq, Eq, Debug, Default, serde::Serialize)]
struct Outcome {
    /// Kept; also those that had come before.
    accepted: usize,
    /// Not kept, for want of consent.
    no_consent: usize,
    /// Not kept, as the person opted out.
    opted_out: usize,
    refused: Vec<Refused>,
}

/// An event that was refused.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
struct Refused {
    index: usize,
    #[serde(flatten)]
    refusal: Refusal,
}

/// What an answer carries whatever it says.
#[derive(Clone, Debug, Default)]
struct Letter {
    origin: Option<HeaderValue>,
    cookies: Vec<HeaderValue>,
}

impl EventService for Collector {
    fn receive<'a>(&'a self, call: EventCall<'a>) -> EventFuture<'a> {
        let moment = Moment { now: clock::now(), since_start: self.started.elapsed() };
        Box::pin(self.answer(call, moment))
    }
}

impl Collector {
    /// A collector that knows no shop yet; see [`Self::know`].
    pub fn new(parts: CollectorParts) -> Self {
        let keys = parts.keys.iter().map(|(shop, key)| (shop.as_str(), key.expose()));
        let throttle = |per_second, met_max| Throttle::new(per_second, met_max, parts.seed);
        Self {
            keys: ShopKeys::new(keys),
            by_shop: throttle(parts.rules.events_per_second_max, SHOPS_MAX),
            by_client: throttle(parts.rules.calls_per_second_max, CLIENTS_MAX),
            log: parts.log,
            node: parts.node,
            privacy: parts.privacy,
            rates: parts.rates,
            rules: parts.rules,
            metrics: parts.metrics,
            data: parts.data,
            shops: ArcSwap::default(),
            seed: parts.seed,
            started: Instant::now(),
        }
    }

    /// Takes the events of these shops from now on.
    pub fn know(&self, shops: Shops) {
        self.shops.store(Arc::new(shops));
    }

    async fn answer(&self, call: EventCall<'_>, moment: Moment) -> EventAnswer {
        match (call.route, call.method) {
            (EventRoute::Events, &Method::OPTIONS) => self.preflight(&call),
            (EventRoute::Events, &Method::POST) => self.events(&call, moment).await,
            (EventRoute::Events, _) => wrong_method("POST, OPTIONS"),
            (EventRoute::Pixel, &Method::GET) => self.pixel(&call, moment).await,
            (EventRoute::Pixel, _) => wrong_method("GET"),
            (EventRoute::OptOut, &Method::GET | &Method::POST) => self.opt_out(&call, moment).await,
            (EventRoute::OptOut, _) => wrong_method("GET, POST"),
        }
    }

    /// A browser asks whether its page may POST: at this point the shop is not known yet.
    fn preflight(&self, call: &EventCall<'_>) -> EventAnswer {
        let origin = call.headers.get(hyper::header::ORIGIN);
        let text = origin.and_then(|origin| origin.to_str().ok());
        if text.is_some_and(|text| self.shops.load().allow(text)) {
            let origin = origin.cloned();
            let allow = Some("POST");
            return EventAnswer { origin, allow, ..bare(StatusCode::NO_CONTENT) };
        }
        told(StatusCode::FORBIDDEN, "this page belongs to no shop whose events are taken\n")
    }

    async fn events(&self, call: &EventCall<'_>, moment: Moment) -> EventAnswer {
        if !matches!(call.content_kind, ContentKind::Json | ContentKind::Text) {
            let why = "expected application/json or text/plain\n";
            return told(StatusCode::UNSUPPORTED_MEDIA_TYPE, why);
        }
        match body::of_body(call.body, call.query) {
            Ok(batch) => self.batch(call, &batch, moment).await,
            Err(refusal) => self.refused_whole(refusal),
        }
    }

    async fn pixel(&self, call: &EventCall<'_>, moment: Moment) -> EventAnswer {
        let answer = match body::of_pixel(call.query) {
            Ok(batch) => self.batch(call, &batch, moment).await,
            Err(refusal) => self.refused_whole(refusal),
        };
        // A picture is wanted: what was not kept is answered by one too.
        if answer.status.is_success() {
            return EventAnswer { body: EventBody::Pixel, ..answer };
        }
        answer
    }

    fn refused_whole(&self, refusal: Refusal) -> EventAnswer {
        self.metrics.count(EventOutcome::Refused, 1);
        let body = serde_json::json!({ "refused": [refusal] });
        EventAnswer::new(StatusCode::BAD_REQUEST, json(&body))
    }

    async fn batch(&self, call: &EventCall<'_>, batch: &Batch, moment: Moment) -> EventAnswer {
        let Some(id) = &batch.shop else {
            return self.refused_whole(refusal("shop", "expected the advertiser's id"));
        };
        let shops = self.shops.load();
        let count = batch.events.len();
        let Some(shop) = shops.get(id) else {
            self.metrics.count(EventOutcome::UnknownShop, count);
            return told(StatusCode::FORBIDDEN, "no shop of this id takes events\n");
        };
        let sender = match guard::sender(call.headers, shop, &self.keys) {
            Ok(sender) => sender,
            Err(denied) => return self.denied(denied, count),
        };
        let origin = if let Sender::Browser(origin) = &sender { origin.clone() } else { None };
        let letter = Letter { origin, cookies: Vec::new() };
        if !self.admits(call, (shop, count), moment) {
            self.metrics.count(EventOutcome::Throttled, count);
            let why = "more events or calls a second than are allowed\n";
            return again(letter, StatusCode::TOO_MANY_REQUESTS, why);
        }
        self.take(call, (batch, shop, &sender), (moment.now, letter)).await
    }

    fn denied(&self, denied: Denied, count: usize) -> EventAnswer {
        self.metrics.count(EventOutcome::Denied, count);
        match denied {
            Denied::WrongKey => told(StatusCode::UNAUTHORIZED, "this is no key of this shop\n"),
            Denied::NotFromShop => {
                let why = "send `Authorization: Bearer <the shop's key>`, or from a page of the \
                           shop\n";
                told(StatusCode::FORBIDDEN, why)
            }
        }
    }

    fn admits(&self, call: &EventCall<'_>, (shop, count): (&Shop, usize), moment: Moment) -> bool {
        let header = self.rules.client_address_header.as_ref();
        let client = guard::client(call.headers, header, call.peer);
        let who = client.map_or(0, |client| network(client, self.seed));
        self.by_client.admits(who, 1, moment.since_start)
            && self.by_shop.admits(shop.key.0, count, moment.since_start)
    }

    /// Hands what is lawful and sound to the log, and waits until it has it all.
    async fn take(
        &self,
        call: &EventCall<'_>,
        (batch, shop, sender): (&Batch, &Shop, &Sender),
        (now, mut letter): (UnixSeconds, Letter),
    ) -> EventAnswer {
        let mut outcome = Outcome::default();
        let is_browser = *sender != Sender::Server;
        let cookies = if is_browser { cookie::read(call.headers) } else { Default::default() };
        if cookies.opted_out {
            outcome.opted_out = batch.events.len();
            return self.finish(outcome, letter);
        }
        if !self.log.is_available() {
            return self.unavailable(batch.events.len(), letter);
        }
        let mut visitor = Visitor { key: cookies.key, is_browser, set: None };
        let wishes = if is_browser {
            wishes(call, shop)
        } else {
            Wishes { country: shop.events.country, ..Wishes::default() }
        };
        let mut answers = Vec::with_capacity(batch.events.len());
        for (index, event) in batch.events.iter().enumerate() {
            let Some(event) = event else {
                let refusal = refusal("event", "expected an object");
                outcome.refused.push(Refused { index, refusal });
                continue;
            };
            let fields = Fields(event);
            let Ok(basis) = consent::judge(fields, wishes, &self.privacy) else {
                outcome.no_consent += 1;
                continue;
            };
            let counter = Counter {
                shop,
                sender,
                rates: &self.rates,
                now,
                past_max: self.rules.past_max,
                cookie: visitor.key(),
            };
            let told = same_shop(fields, batch).and_then(|()| row::read(fields, basis, &counter));
            match told {
                Ok(told) => answers.push(self.append(told, now)),
                Err(refusal) => outcome.refused.push(Refused { index, refusal }),
            }
        }
        outcome.accepted = answers.len();
        if !acknowledged(answers).await {
            return self.unavailable(batch.events.len(), letter);
        }
        letter.cookies.extend(visitor.set.filter(|_| outcome.accepted > 0));
        self.finish(outcome, letter)
    }

    fn append(&self, told: Told, now: UnixSeconds) -> Answer {
        self.hand_in(told.id, What::Site(told.site), now)
    }

    fn hand_in(&self, id: EventId, what: What, now: UnixSeconds) -> Answer {
        self.log.append(Event { id, at: now, node: self.node, what })
    }

    /// Nothing is answered for: all of it is to come again, under the same ids.
    fn unavailable(&self, count: usize, letter: Letter) -> EventAnswer {
        self.metrics.count(EventOutcome::LogUnavailable, count);
        let why = "events cannot be kept now: send them again, with the same event ids\n";
        again(letter, StatusCode::SERVICE_UNAVAILABLE, why)
    }

    fn finish(&self, outcome: Outcome, letter: Letter) -> EventAnswer {
        let counts = [
            (EventOutcome::Accepted, outcome.accepted),
            (EventOutcome::NoConsent, outcome.no_consent),
            (EventOutcome::OptedOut, outcome.opted_out),
            (EventOutcome::Refused, outcome.refused.len()),
        ];
        counts.iter().for_each(|(outcome, count)| self.metrics.count(*outcome, *count));
        let status = match outcome {
            Outcome { accepted: 1.., .. } => StatusCode::OK,
            Outcome { ref refused, .. } if !refused.is_empty() => StatusCode::BAD_REQUEST,
            _ => StatusCode::ACCEPTED,
        };
        let body = serde_json::to_value(&outcome).unwrap_or_default();
        let Letter { origin, cookies } = letter;
        EventAnswer { origin, cookies, ..EventAnswer::new(status, json(&body)) }
    }
}

/// Who the browser is to us: by its cookie, or by one that is made when it is needed.
struct Visitor {
    key: Option<UserKey>,
    is_browser: bool,
    /// The header that sets a new id.
    set: Option<HeaderValue>,
}

impl Visitor {
    fn key(&mut self) -> Option<UserKey> {
        if self.key.is_none() && self.is_browser {
            (self.key, self.set) = cookie::new_id().unzip();
        }
        self.key
    }
}

/// An event of a call may name the call's shop, and no other.
fn same_shop(fields: Fields<'_>, batch: &Batch) -> Result<(), Refusal> {
    let named = fields.value(&["shop"]);
    match named.is_none_or(|named| named.as_str() == batch.shop.as_deref()) {
        true => Ok(()),
        false => Err(refusal("shop", "expected the shop that the call is for")),
    }
}

/// What the browser says by its headers.
fn wishes(call: &EventCall<'_>, shop: &Shop) -> Wishes {
    let says_yes = |name: &str| call.headers.get(name).is_some_and(|value| value == "1");
    Wishes { gpc: says_yes("sec-gpc"), do_not_track: says_yes("dnt"), country: shop.events.country }
}

/// Waits until the log has answered for all, for at most [`ACK_WAIT`] in all.
async fn acknowledged(answers: Vec<Answer>) -> bool {
    let all = async {
        for answer in answers {
            if !matches!(answer.await, Ok(Ok(_))) {
                return false;
            }
        }
        true
    };
    tokio::time::timeout(ACK_WAIT, all).await.unwrap_or(false)
}

/// A client for the throttle: an IPv4 address, or the network of an IPv6 one, as everybody
/// has as many addresses in it as they like.
fn network(client: std::net::IpAddr, seed: u64) -> u64 {
    let mut hasher = crate::model::hashing::Seeded(seed).build_hasher();
    match client.to_canonical() {
        std::net::IpAddr::V4(address) => hasher.write(&address.octets()),
        std::net::IpAddr::V6(address) => hasher.write(&address.octets()[..8]),
    }
    hasher.finish()
}

fn json(value: &serde_json::Value) -> EventBody {
    EventBody::Json(format!("{value}\n").into_bytes())
}

fn bare(status: StatusCode) -> EventAnswer {
    EventAnswer::new(status, EventBody::None)
}

fn told(status: StatusCode, why: &'static str) -> EventAnswer {
    EventAnswer::new(status, EventBody::Text(why))
}

fn again(letter: Letter, status: StatusCode, why: &'static str) -> EventAnswer {
    let retry_after_s = Some(RETRY_AFTER_S);
    EventAnswer { origin: letter.origin, retry_after_s, ..told(status, why) }
}

fn wrong_method(allow: &'static str) -> EventAnswer {
    let why = "see the Allow header for the right method\n";
    EventAnswer { allow: Some(allow), ..told(StatusCode::METHOD_NOT_ALLOWED, why) }
}
