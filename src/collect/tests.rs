//! Calls as they come in, over a log that keeps events in memory and folds them.
//!
//! - [`rows`] what an event may say, and what is made of it
//! - [`calls`] who may send, how often, and what is answered

mod calls;
mod rows;

use super::*;
use crate::audience::AudienceView;
use crate::audience::Person;
use crate::audience::overlay::{Overlay, OverlayLimits, OverlayView};
use crate::audience::view::EmptyAudience;
use crate::campaign::book::BookBuilder;
use crate::campaign::creative_section::CreativeFiles;
use crate::campaign::model::Book;
use crate::config::{Source, render};
use crate::event::{LogPosition, SiteEvent, SiteEventName};
use crate::ledger::Noted;
use crate::log::{Folded, LogError};
use crate::model::{AdvertiserKey, Currency, Seconds, UserKey};
use crate::privacy::Basis;
use crate::telemetry::Metrics;
use crate::telemetry::labels::EventOutcome;
use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderName, ORIGIN, REFERER};
use parking_lot::Mutex;
use serde_json::{Value, json};

const NOW: UnixSeconds = UnixSeconds(1_800_000_000);
const KEY: &str = "acme-key-0123456789";

/// How a log of these tests is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Good,
    Full,
    Closed,
    /// It never answers.
    Silent,
    Unavailable,
}

/// A log in memory.
struct MemoryLog {
    events: Mutex<Vec<Event>>,
    overlay: Overlay,
    state: Mutex<State>,
    /// Answers that were never given.
    unanswered: Mutex<Vec<tokio::sync::oneshot::Sender<Result<Folded, LogError>>>>,
}

impl Log for MemoryLog {
    fn append(&self, event: Event) -> Answer {
        let (sender, answer) = tokio::sync::oneshot::channel();
        let mut events = self.events.lock();
        let said = match *self.state.lock() {
            State::Good | State::Unavailable => {
                self.overlay.apply(&event);
                events.push(event);
                let position = LogPosition(events.len() as u64);
                Ok(Folded { position, noted: Noted::Counted })
            }
            State::Full => Err(LogError::Full(7)),
            State::Closed => Err(LogError::Closed),
            State::Silent => {
                self.unanswered.lock().push(sender);
                return answer;
            }
        };
        let _ = sender.send(said);
        answer
    }

    fn folded(&self) -> LogPosition {
        LogPosition(self.events.lock().len() as u64)
    }

    fn is_available(&self) -> bool {
        *self.state.lock() != State::Unavailable
    }
}

struct NoFiles;

impl CreativeFiles for NoFiles {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        Err(format!("{path} is not there"))
    }
}

fn shop_file(id: &str, events: &str) -> String {
    format!(
        "[advertiser]\nid = {id:?}\ndomain = \"{id}.example\"\ncurrency = \"EUR\"\n{events}\n\
         [[creative]]\nid = \"b\"\ntype = \"html5\"\nsize = \"300x250\"\nhtml = \"<b>x</b>\"\n\
         landing = \"https://s.example/\"\n\
         [[campaign]]\nid = \"c\"\nobjective = {{ conversion = \"purchase\" }}\n\
         flight = {{ from = 2027-01-01, to = 2027-12-31 }}\nbudget = {{ total = \"9 EUR\" }}\n\
         audience = \"PREFIXadd_to_cart and not PREFIXpurchase and not PREFIXbounced\"\n\
         [campaign.price]\nbase_cpm = \"1 EUR\"\nmax_cpm = \"2 EUR\"\n\
         [[campaign.message]]\ncreatives = [\"b\"]\n"
    )
}

fn book_of(files: &[(&str, &str, &str)]) -> Book {
    let mut builder = BookBuilder::new(None);
    for (id, prefix, events) in files {
        let text = shop_file(id, events).replace("PREFIX", prefix);
        builder.add(&Source::new(format!("{id}.toml"), text), &NoFiles);
    }
    let (book, diagnostics) = builder.finish();
    book.unwrap_or_else(|| panic!("{}", render::text(&diagnostics)))
}

/// A collector of three shops: `acme` takes events, `zeta` too and not purchases of
/// browsers, `mute` takes none.
struct Stand {
    collector: Collector,
    log: Arc<MemoryLog>,
    book: Book,
    metrics: Metrics,
    data: tempfile::TempDir,
}

impl Stand {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut CollectRules)) -> Self {
        let book = book_of(&[
            ("acme", "", "[advertiser.events]\norigins = [\"https://pay.example\"]"),
            ("mute", "", ""),
        ]);
        Self::of(book, change)
    }

    fn of(book: Book, change: impl FnOnce(&mut CollectRules)) -> Self {
        let log = Arc::new(MemoryLog {
            events: Mutex::default(),
            overlay: Overlay::new(OverlayLimits::default(), 1),
            state: Mutex::new(State::Good),
            unanswered: Mutex::default(),
        });
        let mut rules = CollectRules {
            events_per_second_max: 0,
            calls_per_second_max: 0,
            past_max: Seconds(30 * Seconds::DAY.0),
            client_address_header: None,
            overlay: OverlayLimits::default(),
        };
        change(&mut rules);
        let mut rates = Rates::default();
        rates.set(Currency::parse("EUR").expect("a code"), 1_250_000_000);
        let metrics = Metrics::new(1);
        let data = tempfile::tempdir().expect("a folder");
        let mut collector = Collector::new(CollectorParts {
            log: Arc::<MemoryLog>::clone(&log),
            node: NodeKey::new("n"),
            privacy: PrivacyRules::default(),
            rates,
            rules,
            keys: vec![("acme".to_owned(), Secret::new(KEY.as_bytes().to_vec()))],
            metrics: metrics.events.clone(),
            data: data.path().to_path_buf(),
            seed: 1,
        });
        collector.know(Shops::of(&book));
        collector.ack_wait = Duration::from_millis(20);
        Self { collector, log, book, metrics, data }
    }

    fn call(&self, call: &Call) -> EventAnswer {
        self.call_at(call, Duration::ZERO)
    }

    fn call_at(&self, call: &Call, since_start: Duration) -> EventAnswer {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let arrived = EventCall {
            route: call.route,
            method: &call.method,
            query: &call.query,
            headers: &call.headers,
            content_kind: ContentKind::of(&call.headers),
            body: call.body.as_bytes(),
            peer: call.peer,
        };
        runtime.block_on(self.collector.answer(arrived, Moment { now: NOW, since_start }))
    }

    fn events(&self) -> Vec<SiteEvent> {
        let events = self.log.events.lock();
        let site = |event: &Event| match &event.what {
            What::Site(site) => Some(site.clone()),
            _ => None,
        };
        events.iter().filter_map(site).collect()
    }

    fn ids(&self) -> Vec<EventId> {
        self.log.events.lock().iter().map(|event| event.id).collect()
    }

    /// The names of the segments that a person is in.
    fn segments(&self, key: UserKey) -> Vec<String> {
        let view = OverlayView {
            base: &EmptyAudience,
            epoch: UnixSeconds(0),
            overlay: &self.log.overlay,
            segments: &self.book.event_segments(),
        };
        let mut person = Person::default();
        view.join(key, &mut person);
        let name =
            |one: &crate::audience::Membership| self.book.segments.name(one.segment).to_owned();
        let mut names: Vec<_> = person.memberships().iter().map(name).collect();
        names.sort();
        names
    }

    fn counted(&self, outcome: EventOutcome) -> u64 {
        let line = format!("homing_events_total{{outcome=\"{}\"}} ", outcome.label());
        let text = self.metrics.render();
        let found = text.lines().find_map(|text| text.strip_prefix(&line));
        found.map_or(0, |count| count.parse().expect("a count"))
    }
}

/// A call that is being written.
#[derive(Clone)]
struct Call {
    route: EventRoute,
    method: Method,
    query: String,
    headers: HeaderMap,
    body: String,
    peer: Option<std::net::IpAddr>,
}

impl Call {
    fn new(route: EventRoute, method: Method) -> Self {
        let (query, body) = (String::new(), String::new());
        let peer = Some(std::net::IpAddr::from([10, 0, 0, 1]));
        Self { route, method, query, headers: HeaderMap::new(), body, peer }
    }

    /// The server of `acme` sends.
    fn server(body: &Value) -> Self {
        Self::new(EventRoute::Events, Method::POST)
            .with(AUTHORIZATION, &format!("Bearer {KEY}"))
            .body(body)
    }

    /// A page of `acme` sends, as `navigator.sendBeacon` does.
    fn page(body: &Value) -> Self {
        Self::new(EventRoute::Events, Method::POST)
            .with(ORIGIN, "https://www.acme.example")
            .with(CONTENT_TYPE, "text/plain;charset=UTF-8")
            .body(body)
    }

    fn pixel(query: &str) -> Self {
        let call = Self::new(EventRoute::Pixel, Method::GET);
        Self { query: query.to_owned(), ..call.with(REFERER, "https://acme.example/cart") }
    }

    fn with(mut self, name: HeaderName, value: &str) -> Self {
        self.headers.append(name, value.parse().expect("a header"));
        self
    }

    fn body(self, body: &Value) -> Self {
        Self { body: body.to_string(), ..self }
    }
}

/// An event of `acme` with these fields too.
fn event(more: Value) -> Value {
    let mut event = json!({"shop": "acme", "event": "add_to_cart", "ids": {"buyeruid": "u1"}});
    let (Value::Object(fields), Value::Object(more)) = (&mut event, more) else {
        panic!("objects");
    };
    fields.extend(more);
    event
}

fn told(answer: &EventAnswer) -> Value {
    match &answer.body {
        EventBody::Json(body) => serde_json::from_slice(body).expect("JSON"),
        other => panic!("no JSON: {other:?}"),
    }
}

fn set_cookie(answer: &EventAnswer) -> Option<String> {
    let cookie = answer.cookies.first()?.to_str().expect("ASCII");
    Some(cookie.split(';').next().unwrap_or_default().to_owned())
}
