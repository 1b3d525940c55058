//! Calls as they come in, over a log that keeps events in memory and folds them.

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
use crate::model::{AdvertiserKey, Currency, Seconds};
use crate::privacy::Basis;
use crate::telemetry::Metrics;
use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderName, ORIGIN, REFERER};
use parking_lot::Mutex;
use proptest::prelude::*;
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

#[test]
fn an_event_of_a_shop_s_server_is_kept_with_all_that_it_says() {
    let stand = Stand::new();
    let answer = stand.call(&Call::server(&event(json!({
        "event": "Order Completed", "time": NOW.0 - 3_600, "value": 49.9, "currency": "EUR",
        "transaction_id": "t-1", "items": [{"item_id": "shoe"}, "lace", "shoe"],
        "ids": [{"space": "buyeruid", "id": "u1"}, {"space": "ifa", "id": "A-1"}],
        "session_id": 77, "foreground_s": "12.5", "us_privacy": "1YNN", "other": {"tool": 1},
    }))));
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        told(&answer),
        json!({"accepted": 1, "no_consent": 0, "opted_out": 0, "refused": []})
    );
    let kept = &stand.events()[0];
    assert_eq!(kept.advertiser, AdvertiserKey::new("acme"));
    assert_eq!(kept.name, SiteEventName::Purchase);
    assert_eq!(kept.keys[..], [UserKey::new("buyeruid", "u1"), UserKey::new("ifa", "a-1")]);
    assert_eq!(kept.happened, UnixSeconds(NOW.0 - 3_600));
    let value = kept.value.expect("a value");
    assert_eq!((value.micros, value.currency), (49_900_000, Currency::parse("EUR")));
    assert!(kept.transaction.is_some() && kept.session.is_some() && !kept.clamped);
    assert_eq!(kept.session.map(|session| session.foreground), Some(Seconds(12)));
    assert_eq!(kept.items, ["shoe".into(), "lace".into()]);
    assert_eq!(kept.basis, Basis::UsNotOptedOut);
    assert!(answer.cookies.is_empty(), "servers get no cookies");
    let event = &stand.log.events.lock()[0];
    assert_eq!((event.at, event.node), (NOW, NodeKey::new("n")));
}

#[test]
fn bad_rows_are_refused_one_by_one_and_name_the_field() {
    let long = "x".repeat(600);
    let many: Vec<_> = (0..201).map(|n| n.to_string()).collect();
    let rows = [
        ("event", json!({"event": "No Such Event"})),
        ("event", json!({"event": 7})),
        ("event", json!({"event": "visitors"})),
        ("event", json!({"event": null})),
        ("ids", json!({"ids": {}})),
        ("ids", json!({"ids": null})),
        ("ids", json!({"ids": {"a b": "1"}})),
        ("ids", json!({"ids": {"a": long}})),
        ("ids", json!({"ids": {"a": {}}})),
        ("ids", json!({"ids": [{"space": "a"}]})),
        ("ids", json!({"ids": {"1":1,"2":1,"3":1,"4":1,"5":1,"6":1,"7":1,"8":1,"9":1}})),
        ("value", json!({"value": -1})),
        ("value", json!({"value": "much"})),
        ("value", json!({"value": 1e30})),
        ("value", json!({"value": 1_000_000_001})),
        ("currency", json!({"value": 1, "currency": "eur"})),
        ("currency", json!({"value": 1, "currency": "JPY"})),
        ("currency", json!({"value": 1, "currency": ["EUR"]})),
        ("time", json!({"time": "yesterday"})),
        ("time", json!({"time": -1})),
        ("time", json!({"time": [1]})),
        ("items", json!({"items": "shoe"})),
        ("items", json!({"items": [{"name": "shoe"}]})),
        ("items", json!({"items": [""]})),
        ("items", json!({"items": ["x".repeat(129)]})),
        ("items", json!({"items": many})),
        ("event_id", json!({"event_id": "x".repeat(129)})),
        ("event_id", json!({"event_id": ""})),
        ("transaction_id", json!({"transaction_id": {}})),
        ("session_id", json!({"session_id": true})),
        ("foreground_s", json!({"foreground_s": 3})),
        ("foreground_s", json!({"session_id": "s", "foreground_s": -3})),
        ("foreground_s", json!({"session_id": "s", "foreground_s": 86_401})),
        ("shop", json!({"shop": "mute"})),
        ("shop", json!({"shop": 7})),
    ];
    let stand = Stand::new();
    let mut batch: Vec<Value> = rows.iter().map(|(_, more)| event(more.clone())).collect();
    batch.push(event(json!({})));
    batch.push(json!(7));
    let answer = stand.call(&Call::server(&json!({"shop": "acme", "events": batch})));
    assert_eq!(answer.status, StatusCode::OK, "the good one is kept");
    let answer = told(&answer);
    assert_eq!(answer["accepted"], 1);
    let refused = answer["refused"].as_array().expect("a list");
    let fields: Vec<_> = refused.iter().map(|one| one["field"].as_str().expect("a text")).collect();
    let mut expected: Vec<_> = rows.iter().map(|(field, _)| *field).collect();
    expected.push("event");
    assert_eq!(fields, expected);
    assert_eq!(refused.last().expect("one")["index"], rows.len() + 1);
    assert!(
        refused
            .iter()
            .all(|one| one["why"].as_str().is_some_and(|why| why.starts_with("expected")))
    );
    assert_eq!(stand.events().len(), 1);
    assert_eq!(stand.counted(EventOutcome::Refused), rows.len() as u64 + 1);
    let alone = stand.call(&Call::server(&event(json!({"value": -1}))));
    assert_eq!(alone.status, StatusCode::BAD_REQUEST);
    assert_eq!(told(&alone)["refused"][0]["field"], "value");
}

#[test]
fn impossible_times_are_clamped_and_said_to_be() {
    let day = 86_400;
    for (name, time, happened, clamped) in [
        ("add_to_cart", json!(null), NOW.0, false),
        ("add_to_cart", json!(NOW.0 - 60), NOW.0 - 60, false),
        ("add_to_cart", json!(u64::from(NOW.0 - 60) * 1_000 + 999), NOW.0 - 60, false),
        ("add_to_cart", json!(u64::from(NOW.0 - 60) * 1_000_000), NOW.0 - 60, false),
        ("add_to_cart", json!("2027-01-15T07:00:00Z"), NOW.0 - 3_600, false),
        ("add_to_cart", json!("2027-01-15T09:00:00+02:00"), NOW.0 - 3_600, false),
        ("add_to_cart", json!(NOW.0 + 300), NOW.0, false),
        ("add_to_cart", json!(NOW.0 + 301), NOW.0, true),
        ("add_to_cart", json!(NOW.0 - 30 * day), NOW.0 - 30 * day, false),
        ("add_to_cart", json!(NOW.0 - 31 * day), NOW.0 - 30 * day, true),
        ("add_to_cart", json!(0), NOW.0 - 30 * day, true),
        // A slow clock must not put a purchase before the cart that it ends.
        ("purchase", json!(NOW.0 - 300), NOW.0, false),
        ("purchase", json!(NOW.0 - 301), NOW.0 - 301, false),
    ] {
        let stand = Stand::new();
        let sent = event(json!({"event": name, "time": time}));
        assert_eq!(stand.call(&Call::server(&sent)).status, StatusCode::OK, "{sent}");
        let kept = &stand.events()[0];
        assert_eq!((kept.happened.0, kept.clamped), (happened, clamped), "{sent}");
    }
}

#[test]
fn values_are_exact_and_in_the_shop_s_own_currency() {
    for (value, currency, micros) in [
        (json!(49.9), "EUR", 49_900_000),
        (json!("49.90"), "EUR", 49_900_000),
        (json!(30.000_000_000_000_004_f64), "EUR", 30_000_000),
        (json!(29.999_999_999_999_996_f64), "EUR", 30_000_000),
        (json!(10), "USD", 8_000_000),
        (json!(0), "EUR", 0),
    ] {
        let stand = Stand::new();
        let sent = event(json!({"value": value, "currency": currency}));
        stand.call(&Call::server(&sent));
        let kept = stand.events()[0].value.expect("a value");
        assert_eq!((kept.micros, kept.currency), (micros, Currency::parse("EUR")), "{sent}");
    }
}

#[test]
fn without_consent_nothing_is_kept_and_no_cookie_is_set() {
    let stand = Stand::new();
    for call in [
        Call::page(&event(json!({"gdpr": 1}))),
        Call::page(&event(json!({"gdpr": 1, "gdpr_consent": "CPX"}))),
        Call::page(&event(json!({"coppa": 1}))),
        Call::page(&event(json!({"us_privacy": "1YYN"}))),
        Call::page(&event(json!({}))).with(HeaderName::from_static("sec-gpc"), "1"),
        Call::page(&event(json!({}))).with(HeaderName::from_static("dnt"), "1"),
    ] {
        let answer = stand.call(&call);
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", call.body);
        assert_eq!(told(&answer)["no_consent"], 1, "{}", call.body);
        assert!(answer.cookies.is_empty(), "{}", call.body);
    }
    let pixel = stand.call(&Call::pixel("shop=acme&event=page_view&gdpr=1"));
    assert_eq!((pixel.status, &pixel.body), (StatusCode::ACCEPTED, &EventBody::Pixel));
    assert!(pixel.cookies.is_empty() && stand.events().is_empty());
    assert_eq!(stand.counted(EventOutcome::NoConsent), 7);
    // What a server's own headers say is nothing of the person.
    let server = Call::server(&event(json!({}))).with(HeaderName::from_static("dnt"), "1");
    assert_eq!(stand.call(&server).status, StatusCode::OK);
}

#[test]
fn a_browser_is_given_an_id_and_known_by_it() {
    let stand = Stand::new();
    let pixel = "shop=acme&event=view_item&items=shoe&value=9.50&currency=EUR";
    let first = stand.call(&Call::pixel(pixel));
    assert_eq!((first.status, &first.body), (StatusCode::OK, &EventBody::Pixel));
    let cookie = set_cookie(&first).expect("a cookie");
    let id = cookie.strip_prefix("homing_id=").expect("ours");
    assert_eq!(stand.events()[0].keys[..], [UserKey::new(HOMING_SPACE, id)]);
    let page = Call::page(&event(json!({}))).with(COOKIE, &cookie);
    let second = stand.call(&page);
    assert!(second.cookies.is_empty(), "it has one already");
    let expected = [UserKey::new(HOMING_SPACE, id), UserKey::new("buyeruid", "u1")];
    assert_eq!(stand.events()[1].keys[..], expected);
    let forged = event(json!({"ids": {"homing": id}}));
    assert_eq!(told(&stand.call(&Call::page(&forged)))["refused"][0]["field"], "ids");
    assert_eq!(stand.call(&Call::server(&forged)).status, StatusCode::OK, "the server may");
}

#[test]
fn who_opted_out_is_not_followed_and_nobody_bids_for_them() {
    let stand = Stand::new();
    let first = stand.call(&Call::pixel("shop=acme&event=add_to_cart"));
    let cookie = set_cookie(&first).expect("a cookie");
    let key = stand.events()[0].keys[0];
    assert_eq!(stand.segments(key), ["add_to_cart", "engaged"]);
    let out = Call::new(EventRoute::OptOut, Method::GET).with(COOKIE, &cookie);
    let answer = stand.call(&out);
    assert_eq!(answer.status, StatusCode::OK);
    assert!(matches!(answer.body, EventBody::Html(page) if page.contains("opted out")));
    assert!(stand.log.overlay.is_opted_out(key) && stand.segments(key).is_empty());
    let set: Vec<_> = answer.cookies.iter().filter_map(|one| one.to_str().ok()).collect();
    assert!(set[0].starts_with("homing_optout=1;") && set[1].starts_with("homing_id=; Max-Age=0"));
    let later = Call::page(&event(json!({}))).with(COOKIE, "homing_optout=1");
    let answer = stand.call(&later);
    assert_eq!((answer.status, &told(&answer)["opted_out"]), (StatusCode::ACCEPTED, &json!(1)));
    assert!(answer.cookies.is_empty());
    // Without a cookie there is nobody to be marked, but the choice is kept.
    let stranger = stand.call(&Call::new(EventRoute::OptOut, Method::POST));
    assert_eq!((stranger.status, stranger.cookies.len()), (StatusCode::OK, 2));
    assert_eq!(stand.log.events.lock().len(), 2);
    // Where the log cannot know yet, the id stays, to be told again.
    *stand.log.state.lock() = State::Closed;
    let later = stand.call(&out);
    assert_eq!((later.status, later.cookies.len()), (StatusCode::SERVICE_UNAVAILABLE, 1));
}

#[test]
fn only_a_shop_that_takes_events_gets_any_and_only_from_its_own() {
    let stand = Stand::new();
    let named = |shop: &str| event(json!({"shop": shop}));
    for shop in ["mute", "nobody", ""] {
        let answer = stand.call(&Call::server(&named(shop)));
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{shop}");
    }
    let shopless = json!({"event": "page_view", "ids": {"a": "1"}});
    let answer = stand.call(&Call::server(&shopless));
    assert_eq!(
        (answer.status, &told(&answer)["refused"][0]["field"]),
        (StatusCode::BAD_REQUEST, &json!("shop"))
    );
    let bare = Call::new(EventRoute::Events, Method::POST).body(&named("acme"));
    assert_eq!(stand.call(&bare).status, StatusCode::FORBIDDEN);
    let wrong = bare.clone().with(AUTHORIZATION, "Bearer zeta-key-0123456789");
    assert_eq!(stand.call(&wrong).status, StatusCode::UNAUTHORIZED);
    let foreign = bare.clone().with(ORIGIN, "https://zeta.example");
    let answer = stand.call(&foreign);
    assert_eq!((answer.status, answer.origin), (StatusCode::FORBIDDEN, None));
    let own = bare.with(ORIGIN, "https://pay.example");
    let answer = stand.call(&own);
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.origin, Some("https://pay.example".parse().expect("a header")));
    let strange = Call::server(&named("acme"));
    let form = Call { headers: strange.headers.clone(), ..strange }.with(CONTENT_TYPE, "image/png");
    assert_eq!(stand.call(&form).status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(stand.counted(EventOutcome::Denied), 3);
    assert_eq!(stand.counted(EventOutcome::UnknownShop), 3);
    assert_eq!(stand.events().len(), 1);
}

#[test]
fn pages_of_shops_may_ask_whether_they_may_post() {
    let stand = Stand::new();
    let asks = |origin: &str| Call::new(EventRoute::Events, Method::OPTIONS).with(ORIGIN, origin);
    let answer = stand.call(&asks("https://www.acme.example"));
    assert_eq!((answer.status, answer.allow), (StatusCode::NO_CONTENT, Some("POST")));
    assert!(answer.origin.is_some());
    for origin in ["https://mute.example", "null", "https://acme.example.evil.example"] {
        let answer = stand.call(&asks(origin));
        assert_eq!((answer.status, answer.origin), (StatusCode::FORBIDDEN, None), "{origin}");
    }
    for (route, method) in [
        (EventRoute::Events, Method::GET),
        (EventRoute::Pixel, Method::POST),
        (EventRoute::OptOut, Method::DELETE),
    ] {
        let answer = stand.call(&Call::new(route, method));
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{route:?}");
    }
}

#[test]
fn what_two_shops_take_in_stays_apart() {
    let book = book_of(&[
        ("acme", "acme_", "[advertiser.events]\nsegment_prefix = \"acme_\""),
        (
            "zeta",
            "zeta_",
            "[advertiser.events]\nsegment_prefix = \"zeta_\"\nbrowser_purchases = \"refuse\"",
        ),
    ]);
    let stand = Stand::of(book, |_| {});
    stand.call(&Call::server(&event(json!({"event": "purchase"}))));
    // The other shop's page names this shop's segment, and is its own all the same.
    let sly = json!({"shop": "zeta", "event": "acme_add_to_cart", "ids": {"buyeruid": "u1"}});
    let from_zeta = |body: &Value| {
        Call::new(EventRoute::Events, Method::POST).with(ORIGIN, "https://zeta.example").body(body)
    };
    assert_eq!(stand.call(&from_zeta(&sly)).status, StatusCode::OK);
    let key = UserKey::new("buyeruid", "u1");
    assert_eq!(stand.segments(key), ["acme_engaged", "acme_purchase"]);
    let bought = json!({"shop": "zeta", "event": "purchase", "ids": {"buyeruid": "u1"}});
    let refused = stand.call(&from_zeta(&bought));
    assert_eq!(told(&refused)["refused"][0]["field"], "event");
}

#[test]
fn a_browser_s_purchase_may_stop_the_ads_and_be_worth_nothing() {
    let setting = "[advertiser.events]\nbrowser_purchases = \"without_value\"";
    let stand = Stand::of(book_of(&[("acme", "", setting)]), |_| {});
    let bought = event(json!({"event": "purchase", "value": 90, "transaction_id": "t"}));
    stand.call(&Call::page(&bought));
    stand.call(&Call::server(&bought));
    let kept = stand.events();
    assert_eq!((kept[0].value, kept[0].transaction), (None, None));
    assert!(kept[1].value.is_some() && kept[1].transaction.is_some());
    let ids = stand.ids();
    assert_ne!(ids[0], ids[1], "the browser's does not stand for the server's");
}

#[test]
fn the_same_event_has_the_same_id_however_often_it_is_sent() {
    let stand = Stand::new();
    let id_of = |more: Value| {
        stand.call(&Call::server(&event(more)));
        *stand.ids().last().expect("kept")
    };
    let named = id_of(json!({"event_id": "e1"}));
    assert_eq!(named, id_of(json!({"event_id": "e1", "value": 5, "time": NOW.0 - 9})));
    assert_ne!(named, id_of(json!({"event_id": "e2"})));
    assert_ne!(named, id_of(json!({"event": "purchase", "event_id": "e1"})));
    let bought = id_of(json!({"event": "purchase", "transaction_id": "t1", "value": 1}));
    assert_eq!(bought, id_of(json!({"event": "Purchase", "order_id": "t1", "value": 2})));
    assert_ne!(bought, id_of(json!({"event": "refund", "transaction_id": "t1"})));
    assert_ne!(bought, named);
    let content = id_of(json!({"time": NOW.0 - 9, "items": ["a", "b"]}));
    assert_eq!(content, id_of(json!({"items": ["a", "b"], "time": NOW.0 - 9})));
    for other in [
        json!({"time": NOW.0 - 8, "items": ["a", "b"]}),
        json!({"time": NOW.0 - 9, "items": ["ab"]}),
        json!({"time": NOW.0 - 9, "items": ["a", "b"], "value": 1}),
        json!({"time": NOW.0 - 9, "items": ["a", "b"], "ids": {"ifa": "x"}}),
        json!({"time": NOW.0 - 9, "items": ["a", "b"], "session_id": "s"}),
    ] {
        assert_ne!(content, id_of(other));
    }
    let cart = "add_to_cart".to_owned();
    assert!(stand.segments(UserKey::new("buyeruid", "u1")).contains(&cart));
}

#[test]
fn nothing_is_answered_for_that_the_log_has_not() {
    for state in [State::Full, State::Closed, State::Silent, State::Unavailable] {
        let stand = Stand::new();
        *stand.log.state.lock() = state;
        let page = Call::page(&json!([event(json!({})), event(json!({"event": "purchase"}))]));
        let answer = stand.call(&page);
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.retry_after_s, Some(1));
        assert!(answer.cookies.is_empty() && answer.origin.is_some());
        assert_eq!(stand.counted(EventOutcome::LogUnavailable), 2);
        assert_eq!(stand.counted(EventOutcome::Accepted), 0);
    }
}

#[test]
fn shops_and_clients_have_rates() {
    let stand = Stand::with(|rules| rules.events_per_second_max = 4);
    let batch = json!([event(json!({})), event(json!({"event": "view_item"}))]);
    let sent = |at| stand.call_at(&Call::server(&batch), Duration::from_millis(at)).status;
    assert_eq!([sent(0), sent(0)], [StatusCode::OK; 2]);
    assert_eq!(sent(1), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(sent(500), StatusCode::OK);
    assert_eq!(stand.counted(EventOutcome::Throttled), 2);
    let stand = Stand::with(|rules| {
        rules.calls_per_second_max = 2;
        rules.client_address_header = Some(HeaderName::from_static("x-forwarded-for"));
    });
    let from = |client: &str| {
        let name = HeaderName::from_static("x-forwarded-for");
        stand.call(&Call::page(&event(json!({}))).with(name, client))
    };
    for client in ["1.1.1.1", "2.2.2.2", "9.9.9.9, 3.3.3.3", "2001:db8::1"] {
        assert_eq!(from(client).status, StatusCode::OK, "{client}");
        assert_eq!(from(client).status, StatusCode::OK, "{client}");
        let answer = from(client);
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{client}");
        assert_eq!(answer.retry_after_s, Some(1));
    }
    assert_eq!(from("2001:db8::2").status, StatusCode::TOO_MANY_REQUESTS, "the same network");
    assert_eq!(from("::ffff:1.1.1.1").status, StatusCode::TOO_MANY_REQUESTS, "the same address");
}

#[test]
fn a_person_is_forgotten_and_suppressed() {
    let stand = Stand::new();
    stand.call(&Call::server(&event(json!({}))));
    let key = UserKey::new("buyeruid", "u1");
    assert!(!stand.segments(key).is_empty());
    let erase = |path: &str, query: &str| stand.collector.erase_call(("DELETE", path, query), NOW);
    let answer = erase("/api/v1/users/u1", "space=buyeruid").expect("its path");
    assert_eq!(answer.status, StatusCode::OK);
    assert!(stand.segments(key).is_empty() && stand.log.overlay.hides(key, NOW));
    erase("/api/v1/users", "space=uidapi.com&id=a%2Bb%3D%3D").expect("its path");
    let list = std::fs::read_to_string(stand.data.path().join(SUPPRESSION_FILE)).expect("a list");
    let other = UserKey::new("uidapi.com", "a+b==");
    assert_eq!(list, format!("user:{:016x}\nuser:{:016x}\n", key.0, other.0));
    for (path, query) in [
        ("/api/v1/users/u1", ""),
        ("/api/v1/users", "space=buyeruid"),
        ("/api/v1/users/u1", "space=buyeruid&id=u2"),
        ("/api/v1/usersx", "space=buyeruid&id=u2"),
        ("/api/v1/users/", "space=buyeruid"),
    ] {
        let answer = erase(path, query).expect("its path");
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}?{query}");
    }
    assert_eq!(stand.collector.erase_call(("GET", "/api/v1/users/u1", "space=a"), NOW), None);
    assert_eq!(erase("/api/v1/status", ""), None);
    *stand.log.state.lock() = State::Closed;
    let failed = erase("/api/v1/users/u1", "space=buyeruid").expect("its path");
    assert_eq!(failed.status, StatusCode::SERVICE_UNAVAILABLE);
}

proptest! {
    #[test]
    fn whatever_is_sent_is_answered(body in "\\PC{0,200}", query in "[a-z.=&%0-9]{0,60}") {
        let stand = Stand::new();
        let call = Call { query: format!("shop=acme&{query}"), body, ..Call::server(&json!(1)) };
        let status = stand.call(&call).status;
        prop_assert!(status.is_success() || status.is_client_error(), "{}", status);
        let pixel = stand.call(&Call::pixel(&format!("shop=acme&event=page_view&{query}"))).status;
        prop_assert!(pixel.is_success() || pixel.is_client_error(), "{}", pixel);
    }
}
