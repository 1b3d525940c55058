//! Events in: what shops and browsers tell, made sound and lawful, into the log.
//!
//! A call's way through these files:
//! - `body` the events of a call; `field` their fields; `batch` from there to the log;
//!   `answers` what callers are told
//! - `shops` whose they are; `guard` who may send them; `throttle` how many
//! - `consent` whether they may be kept; `cookie` who the browser is
//! - [`names`] other tools' names of events; `row` one event, checked
//! - `optout`, [`erasure`]: people who do not want to be followed, or to be forgotten
//!
//! Guarantees: an event is answered for only when the log has it, durable and folded; nothing
//! is kept of whoever does not consent; whatever is sent, memory and time are bounded. What
//! comes twice has the same id. Must not fold anything itself.

mod answers;
mod batch;
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
use crate::model::{NodeKey, Rates, UnixSeconds};
use crate::privacy::PrivacyRules;
use crate::server::clock;
use crate::server::events::{
    EventAnswer, EventBody, EventCall, EventFuture, EventRoute, EventService,
};
use crate::server::service::{ContentKind, StatusCode};
use crate::server::settings::CollectRules;
use crate::server::settings::secrets::Secret;
use crate::telemetry::EventMetrics;
use answers::{bare, told, wrong_method};
use arc_swap::ArcSwap;
use guard::ShopKeys;
use hyper::Method;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use throttle::Throttle;

/// How long a call waits for the log before it is told to come again.
pub const ACK_WAIT: Duration = Duration::from_secs(5);
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
    ack_wait: Duration,
}

/// The moment of a call.
#[derive(Clone, Copy, Debug)]
struct Moment {
    now: UnixSeconds,
    since_start: Duration,
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
            ack_wait: ACK_WAIT,
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

    fn hand_in(&self, id: EventId, what: What, now: UnixSeconds) -> Answer {
        self.log.append(Event { id, at: now, node: self.node, what })
    }

    /// Waits until the log has answered for all, but not for long.
    async fn acknowledged(&self, answers: Vec<Answer>) -> bool {
        let all = async {
            for answer in answers {
                if !matches!(answer.await, Ok(Ok(_))) {
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(self.ack_wait, all).await.unwrap_or(false)
    }
}
