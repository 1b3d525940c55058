//! One event, from its fields to what the log keeps.
//!
//! Guarantees: every field is bounded and checked, and a refusal names the first that is not
//! right. The same event told twice gets the same id: of a purchase that of its transaction, by
//! which page and server mean the same; else that of its `event_id`; else, of a refund, that of
//! its transaction; else the hash of what it says.

use super::field::{Fields, Refusal, as_text, refusal};
use super::guard::Sender;
use super::names::event_name;
use super::shops::Shop;
use crate::audience::rows::ITEM_BYTES_MAX;
use crate::campaign::model::BrowserPurchases;
use crate::event::site::{EVENT_ITEMS_MAX, EventValue, Session};
use crate::event::{EventId, EventKeys, SiteEvent, SiteEventName};
use crate::model::ids::ID_BYTES_MAX;
use crate::model::money::parse_micros;
use crate::model::{CpmMicros, Currency, Rates, Rounding, Seconds, UnixSeconds, UserKey};
use crate::privacy::Basis;
use serde_json::Value;
use sha2::{Digest, Sha256};
use twox_hash::XxHash3_64;

/// Longest name of an event, before it is translated.
const NAME_BYTES_MAX: usize = 64;
/// Most ids of one event: a person has one to four.
const IDS_MAX: usize = 8;
/// Longest name of a space of ids.
const SPACE_BYTES_MAX: usize = 64;
/// Longest id of an event, a transaction or a session.
const REFERENCE_BYTES_MAX: usize = 128;
/// Most items of one event, as GA4 has it; the first [`EVENT_ITEMS_MAX`] are kept.
const ITEMS_MAX: usize = 200;
/// Largest value, in micros: a billion.
const VALUE_MICROS_MAX: i64 = 1_000_000_000_000_000;
/// Longest session: a day in the foreground.
const FOREGROUND_MAX: Seconds = Seconds::DAY;
/// How far clocks of browsers and servers are apart without anything being wrong.
pub(super) const SKEW_MAX: Seconds = Seconds(300);
/// The space of the ids that we give out by cookie.
pub const HOMING_SPACE: &str = "homing";

/// What an event is read with.
#[derive(Clone, Copy)]
pub(super) struct Counter<'a> {
    pub(super) shop: &'a Shop,
    pub(super) sender: &'a Sender,
    pub(super) rates: &'a Rates,
    pub(super) now: UnixSeconds,
    /// How old an event may be.
    pub(super) past_max: Seconds,
    /// The browser's key, if it has one.
    pub(super) cookie: Option<UserKey>,
}

/// An event that was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Told {
    pub(super) id: EventId,
    pub(super) site: SiteEvent,
}

type Read<T> = Result<T, Refusal>;

/// Reads an event whose keeping rests on `basis`.
pub(super) fn read(fields: Fields<'_>, basis: Basis, at: &Counter<'_>) -> Read<Told> {
    let name = name(fields)?;
    let worthless = by_browser(&name, at)?;
    let keys = keys(fields, at)?;
    let told = told_time(fields)?;
    let (happened, clamped) = clamped(told.unwrap_or(at.now), &name, at);
    let transaction = reference(fields, &["transaction_id", "order_id"])?;
    let site = SiteEvent {
        advertiser: at.shop.key,
        keys,
        happened,
        value: value(fields, at)?.filter(|_| !worthless),
        transaction: transaction.as_deref().map(|id| hashed(at, id)).filter(|_| !worthless),
        items: items(fields)?,
        session: session(fields, at)?,
        basis,
        clamped,
        name,
    };
    let id = match (reference(fields, &["event_id"])?, transaction) {
        (_, Some(id)) if site.name == SiteEventName::Purchase => {
            Named::new(at, &site, worthless).with("transaction", &id)
        }
        (Some(id), _) => Named::new(at, &site, worthless).with("event", &id),
        (None, Some(id)) if is_deal(&site.name) => {
            Named::new(at, &site, worthless).with("transaction", &id)
        }
        _ => Named::new(at, &site, worthless).with_content(&site, told.unwrap_or(at.now)),
    };
    Ok(Told { id, site })
}

fn name(fields: Fields<'_>) -> Read<SiteEventName> {
    const WHY: &str = "expected the name of an event: one of GA4's, of another tool's, or your \
                       own of at most 40 characters a-z, 0-9 and _";
    let names = ["event", "name", "event_name"];
    let told = fields.text(&names, NAME_BYTES_MAX, WHY)?.ok_or(refusal("event", WHY))?;
    event_name(&told).ok_or(refusal("event", WHY))
}

fn is_deal(name: &SiteEventName) -> bool {
    matches!(name, SiteEventName::Purchase | SiteEventName::Refund)
}

/// What the shop makes of purchases that browsers tell: whether this one is worth nothing.
fn by_browser(name: &SiteEventName, at: &Counter<'_>) -> Read<bool> {
    if !is_deal(name) || *at.sender == Sender::Server {
        return Ok(false);
    }
    match at.shop.events.browser_purchases {
        BrowserPurchases::Take => Ok(false),
        BrowserPurchases::WithoutValue => Ok(true),
        BrowserPurchases::Refuse => {
            Err(refusal("event", "this shop's purchases are taken from its server only"))
        }
    }
}

/// The person's keys: the ids told, and the browser's own.
fn keys(fields: Fields<'_>, at: &Counter<'_>) -> Read<EventKeys> {
    const WHY: &str = "expected {space: id} or [{\"space\": ..., \"id\": ...}] of 1 to 8 ids: \
                       spaces of at most 64 characters A-Z, a-z, 0-9, `.`, `_` and `-`, ids of \
                       at most 512 bytes";
    let bad = refusal("ids", WHY);
    let mut keys: EventKeys = at.cookie.into_iter().collect();
    let mut add = |space: &str, id: &Value| {
        let id = as_text(id).filter(|id| !id.is_empty() && id.len() <= ID_BYTES_MAX).ok_or(bad)?;
        if !is_space(space) {
            return Err(bad);
        }
        if space == HOMING_SPACE && *at.sender != Sender::Server {
            return Err(refusal("ids", "the space `homing` is told by our cookie alone"));
        }
        let key = UserKey::new(space, &id);
        if !keys.contains(&key) {
            keys.push(key);
        }
        Ok(())
    };
    match fields.value(&["ids"]) {
        None => {}
        Some(Value::Object(ids)) if ids.len() <= IDS_MAX => {
            ids.iter().try_for_each(|(space, id)| add(space, id))?;
        }
        Some(Value::Array(ids)) if ids.len() <= IDS_MAX => ids.iter().try_for_each(|one| {
            let space = one.get("space").and_then(Value::as_str).ok_or(bad)?;
            add(space, one.get("id").ok_or(bad)?)
        })?,
        Some(_) => return Err(bad),
    }
    if keys.is_empty() { Err(bad) } else { Ok(keys) }
}

fn is_space(space: &str) -> bool {
    let fits = (1..=SPACE_BYTES_MAX).contains(&space.len());
    fits && space.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

fn told_time(fields: Fields<'_>) -> Read<Option<UnixSeconds>> {
    let Some(told) = fields.value(&["time", "timestamp"]) else { return Ok(None) };
    moment(told).map(Some).ok_or(refusal(
        "time",
        "expected seconds or milliseconds since 1970, or a time such as 2027-01-15T08:00:00Z",
    ))
}

/// The time to go by, and whether an impossible one was told. The future is now. So is the
/// time of a purchase by a clock that is a little slow: it must not come to lie before the
/// cart that it ends.
fn clamped(told: UnixSeconds, name: &SiteEventName, at: &Counter<'_>) -> (UnixSeconds, bool) {
    let (now, earliest) = (at.now, at.now.minus(at.past_max));
    if told >= now {
        return (now, told.since(now) > SKEW_MAX);
    }
    if *name == SiteEventName::Purchase && now.since(told) <= SKEW_MAX {
        return (now, false);
    }
    (told.max(earliest), told < earliest)
}

/// Seconds, milliseconds or microseconds since 1970, told apart by their size, or RFC 3339.
fn moment(value: &Value) -> Option<UnixSeconds> {
    /// In seconds that is the year 5138, in milliseconds 1973.
    const MILLIS_FROM: f64 = 1e11;
    /// In milliseconds that is the year 5138.
    const MICROS_FROM: f64 = 1e14;
    let text = as_text(value)?;
    let Ok(number) = text.parse::<f64>() else {
        let stamp: jiff::Timestamp = text.parse().ok()?;
        return u32::try_from(stamp.as_second()).ok().map(UnixSeconds);
    };
    let seconds = match number {
        _ if number >= MICROS_FROM => number / 1e6,
        _ if number >= MILLIS_FROM => number / 1e3,
        _ => number,
    };
    let fits = (0.0..f64::from(u32::MAX)).contains(&seconds);
    fits.then_some(UnixSeconds(seconds as u32))
}

/// The value in the shop's own currency, by the machine's rates.
fn value(fields: Fields<'_>, at: &Counter<'_>) -> Read<Option<EventValue>> {
    let own = at.shop.currency;
    let bad = refusal("currency", "expected an ISO 4217 code that the machine has a rate for");
    let told = fields.text(&["currency"], 3, bad.why)?;
    let currency = told.map_or(Some(own), |code| Currency::parse(&code)).ok_or(bad)?;
    let Some(value) = fields.value(&["value"]) else { return Ok(None) };
    let micros = as_text(value).and_then(|text| micros(&text));
    let micros = micros.filter(|micros| *micros <= VALUE_MICROS_MAX).ok_or(refusal(
        "value",
        "expected an amount of at most a billion, not negative, such as 49.90",
    ))?;
    let pair = (currency, own);
    let micros = at.rates.convert(CpmMicros(micros), pair, Rounding::Down).ok_or(bad)?.0;
    Ok(Some(EventValue { micros: micros.unsigned_abs(), currency: Some(own) }))
}

/// Micros of a decimal; sums of floats such as 30.000000000000004 are rounded.
fn micros(text: &str) -> Option<i64> {
    let places = text.split_once('.').map_or("", |(_, places)| places);
    let Some(excess) = places.len().checked_sub(6).filter(|excess| *excess > 0) else {
        return parse_micros(text);
    };
    let (kept, dropped) = text.split_at(text.len() - excess);
    let digits = dropped.bytes().all(|byte| byte.is_ascii_digit());
    Some(parse_micros(kept).filter(|_| digits)? + i64::from(dropped.as_bytes()[0] >= b'5'))
}

/// The first items, each once.
fn items(fields: Fields<'_>) -> Read<Vec<Box<str>>> {
    let bad = refusal("items", "expected at most 200 ids of at most 128 bytes, or {item_id}");
    let Some(told) = fields.value(&["items", "content_ids", "products"]) else {
        return Ok(Vec::new());
    };
    let told = told.as_array().filter(|told| told.len() <= ITEMS_MAX).ok_or(bad)?;
    let mut items: Vec<Box<str>> = Vec::new();
    for one in told {
        let id = match one {
            Value::Object(item) => Fields(item).value(&["item_id", "id", "product_id", "sku"]),
            other => Some(other),
        };
        let id = id.and_then(as_text).ok_or(bad)?;
        if id.is_empty() || id.len() > ITEM_BYTES_MAX {
            return Err(bad);
        }
        if items.len() < EVENT_ITEMS_MAX && !items.iter().any(|known| **known == *id) {
            items.push(id.into());
        }
    }
    Ok(items)
}

fn session(fields: Fields<'_>, at: &Counter<'_>) -> Read<Option<Session>> {
    let id = reference(fields, &["session_id", "session"])?;
    let bad = refusal("foreground_s", "expected seconds, 0 to 86400, beside a `session_id`");
    let foreground = match fields.value(&["foreground_s"]) {
        None => Seconds(0),
        Some(told) => {
            let seconds = as_text(told).and_then(|text| text.parse::<f64>().ok());
            let fits = |seconds: &f64| (0.0..=f64::from(FOREGROUND_MAX.0)).contains(seconds);
            Seconds(seconds.filter(fits).filter(|_| id.is_some()).ok_or(bad)? as u32)
        }
    };
    Ok(id.map(|id| Session { id: hashed(at, &id).max(1), foreground }))
}

fn reference(fields: Fields<'_>, names: &[&'static str]) -> Read<Option<String>> {
    let why = "expected a text of 1 to 128 bytes";
    Ok(fields.text(names, REFERENCE_BYTES_MAX, why)?.map(std::borrow::Cow::into_owned))
}

/// The hash of something that a shop named.
fn hashed(at: &Counter<'_>, text: &str) -> u64 {
    XxHash3_64::oneshot_with_seed(at.shop.key.0, text.as_bytes())
}

/// The making of an event's id: a cryptographic hash, since who sends an event from a browser
/// must not be able to make one that stands for another's.
struct Named(Sha256);

impl Named {
    fn new(at: &Counter<'_>, site: &SiteEvent, worthless: bool) -> Self {
        let mut hash = Self(Sha256::new());
        hash.0.update(at.shop.key.0.to_le_bytes());
        hash.part(site.name.as_str());
        // What a browser told of a purchase must not stand for what the server will tell.
        hash.0.update([u8::from(worthless)]);
        hash
    }

    /// A text, its length before it, so that two texts cannot pass for two others.
    fn part(&mut self, text: &str) {
        self.0.update((text.len() as u64).to_le_bytes());
        self.0.update(text.as_bytes());
    }

    fn with(mut self, kind: &str, id: &str) -> EventId {
        self.part(kind);
        self.part(id);
        self.finish()
    }

    /// All that the event says; `told` is its time as it was told, or else when it came.
    fn with_content(mut self, site: &SiteEvent, told: UnixSeconds) -> EventId {
        self.part("content");
        let mut keys = site.keys.clone();
        keys.sort_unstable();
        let value = site.value.map_or(u64::MAX, |value| value.micros);
        let session = site.session.map_or([0, 0], |one| [one.id, u64::from(one.foreground.0)]);
        let numbers = [u64::from(told.0), value, site.transaction.unwrap_or(0)];
        let numbers = numbers.iter().chain(&session).copied();
        for number in numbers.chain(keys.iter().map(|key| key.0)) {
            self.0.update(number.to_le_bytes());
        }
        for item in &site.items {
            self.part(item);
        }
        self.finish()
    }

    fn finish(self) -> EventId {
        let digest: [u8; 32] = self.0.finalize().into();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        EventId(u128::from_be_bytes(id))
    }
}
