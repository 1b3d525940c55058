//! Events as shops and browsers send them: bodies and queries that nobody thought of.
//!
//! Law: any call is answered without a panic, by what such a call may be answered with; what
//! is handed to the log is within its bounds, can be encoded, and is the same when it is read
//! back; the same call makes the same events; folding them never panics, and what the overlay
//! holds afterwards is the same after a checkpoint.

#![no_main]

use homing::audience::overlay::{Overlay, OverlayLimits};
use homing::campaign::book::BookBuilder;
use homing::campaign::creative_section::CreativeFiles;
use homing::collect::{Collector, CollectorParts, Shops};
use homing::config::Source;
use homing::event::site::{EVENT_ITEMS_MAX, EVENT_NAME_BYTES_MAX};
use homing::event::{Event, EventId, LogPosition, What, codec};
use homing::ledger::Noted;
use homing::log::{Answer, Folded, Log};
use homing::model::{NodeKey, Rates, Seconds};
use homing::privacy::PrivacyRules;
use homing::server::events::{EventCall, EventRoute, EventService};
use homing::server::service::ContentKind;
use homing::server::settings::CollectRules;
use homing::server::settings::secrets::Secret;
use homing::telemetry::Metrics;
use hyper::Method;
use hyper::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderValue, REFERER};
use std::sync::{Arc, Mutex};
use tokio::runtime::{Builder, Runtime};

const SHOP: &str = "[advertiser]\nid = \"acme\"\ndomain = \"acme.example\"\ncurrency = \"EUR\"\n\
                    [advertiser.events]\n";
const KEY: &str = "acme-key-0123456789";
/// Small, so that what is evicted is met too.
const LIMITS: OverlayLimits = OverlayLimits { users_max: 50, bytes_max: 100_000, seen_max: 1_000 };

/// Keeps what it is handed, and answers at once.
#[derive(Default)]
struct Kept(Mutex<Vec<Event>>);

impl Log for Kept {
    fn append(&self, event: Event) -> Answer {
        let (sender, answer) = tokio::sync::oneshot::channel();
        self.0.lock().expect("one thread").push(event);
        let folded = Folded { position: LogPosition(1), noted: Noted::Counted };
        sender.send(Ok(folded)).expect("the answer is held");
        answer
    }

    fn folded(&self) -> LogPosition {
        LogPosition(0)
    }

    fn is_available(&self) -> bool {
        true
    }
}

struct NoFiles;

impl CreativeFiles for NoFiles {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        Err(path.to_owned())
    }
}

struct Desk {
    collector: Collector,
    log: Arc<Kept>,
    overlay: Overlay,
    runtime: Runtime,
}

impl Desk {
    fn new() -> Self {
        let mut builder = BookBuilder::new(None);
        builder.add(&Source::new("acme.toml", SHOP), &NoFiles);
        let (book, faults) = builder.finish();
        let book = book.unwrap_or_else(|| panic!("{faults:?}"));
        let log = Arc::new(Kept::default());
        let collector = Collector::new(CollectorParts {
            log: Arc::<Kept>::clone(&log),
            node: NodeKey::new("fuzz"),
            privacy: PrivacyRules::default(),
            rates: Rates::default(),
            rules: CollectRules {
                events_per_second_max: 0,
                calls_per_second_max: 0,
                past_max: Seconds(30 * 86_400),
                client_address_header: None,
                overlay: LIMITS,
            },
            keys: vec![("acme".to_owned(), Secret::new(KEY.into()))],
            metrics: Metrics::new(1).events,
            data: std::env::temp_dir(),
            seed: 42,
        });
        collector.know(Shops::of(&book));
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        Self { collector, log, overlay: Overlay::new(LIMITS, 42), runtime }
    }

    /// What a call is answered, and what it hands to the log.
    fn call(&self, call: EventCall<'_>) -> (u16, Vec<Event>) {
        let answer = self.runtime.block_on(self.collector.receive(call));
        (answer.status.as_u16(), std::mem::take(&mut *self.log.0.lock().expect("one thread")))
    }
}

thread_local! {
    static DESK: Desk = Desk::new();
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| DESK.with(|desk| judge(desk, bytes)));

fn judge(desk: &Desk, bytes: &[u8]) {
    let mut headers = HeaderMap::new();
    let key = HeaderValue::try_from(format!("Bearer {KEY}")).expect("ASCII");
    headers.insert(AUTHORIZATION, key);
    let post = EventCall {
        route: EventRoute::Events,
        method: &Method::POST,
        query: "shop=acme",
        headers: &headers,
        content_kind: ContentKind::Text,
        body: bytes,
        peer: None,
    };
    let (status, events) = desk.call(post);
    assert!(matches!(status, 200 | 202 | 400), "{status}");
    assert_eq!(status == 200, !events.is_empty());
    let (_, again) = desk.call(post);
    let told: fn(&Event) -> bool = |event| matches!(&event.what, What::Site(site) if !site.clamped);
    let ids = |events: &[Event]| events.iter().map(|event| event.id).collect::<Vec<EventId>>();
    // An event without a time of its own may be told in the next second.
    let same_second = events.iter().zip(&again).all(|(one, two)| one.at == two.at);
    if same_second && events.iter().all(told) {
        assert_eq!(ids(&events), ids(&again));
    }
    fold(desk, &events);
    if let Ok(query) = std::str::from_utf8(bytes) {
        let mut headers = HeaderMap::new();
        headers.insert(REFERER, HeaderValue::from_static("https://acme.example/"));
        let cookie = "homing_id=0123456789abcdef0123456789abcdef";
        headers.insert(COOKIE, HeaderValue::from_static(cookie));
        let pixel = EventCall {
            route: EventRoute::Pixel,
            method: &Method::GET,
            query: &format!("shop=acme&{query}"),
            headers: &headers,
            content_kind: ContentKind::Json,
            body: &[],
            peer: None,
        };
        let (status, events) = desk.call(pixel);
        assert!(matches!(status, 200 | 202 | 400), "{status}");
        fold(desk, &events);
    }
}

fn fold(desk: &Desk, events: &[Event]) {
    for event in events {
        let What::Site(site) = &event.what else { panic!("only events of shops") };
        assert!(!site.keys.is_empty() && site.items.len() <= EVENT_ITEMS_MAX);
        assert!(site.name.as_str().len() <= EVENT_NAME_BYTES_MAX);
        assert!(site.happened <= event.at);
        let mut encoded = Vec::new();
        codec::encode(event, &mut encoded);
        assert_eq!(codec::decode(&encoded).as_ref(), Ok(event));
        desk.overlay.apply(event);
    }
    let counts = desk.overlay.counts();
    assert!(counts.users <= LIMITS.users_max as u64 && counts.bytes <= LIMITS.bytes_max as u64);
    let (mut bytes, mut again) = (Vec::new(), Vec::new());
    desk.overlay.encode(&mut bytes);
    let read = Overlay::decode(&bytes, LIMITS, 7).expect("just encoded");
    read.encode(&mut again);
    assert_eq!(bytes, again);
}
