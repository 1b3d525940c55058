//! The events of one call, from who sends them to the log's answer.
//!
//! Guarantees: in this order and no other: whose events, who sends, how many, whether the
//! person opted out, consent, and only then what an event says. One bad event of a call keeps
//! no other out.

use super::answers::{Letter, Outcome, Refused, again, told};
use super::body::Batch;
use super::consent::{self, Wishes};
use super::cookie::{self, Cookies};
use super::field::{Fields, Refusal, refusal};
use super::guard::{self, Denied, Sender};
use super::row::{self, Counter, Told};
use super::shops::Shop;
use super::{Collector, Moment};
use crate::event::What;
use crate::log::Answer;
use crate::model::hashing::Seeded;
use crate::model::{UnixSeconds, UserKey};
use crate::server::events::{EventAnswer, EventCall};
use crate::server::service::StatusCode;
use crate::telemetry::labels::EventOutcome;
use hyper::header::HeaderValue;
use serde_json::{Map, Value};
use std::hash::{BuildHasher, Hasher};
use std::net::IpAddr;

/// A call of somebody who may send.
struct Intake<'a> {
    collector: &'a Collector,
    batch: &'a Batch,
    shop: &'a Shop,
    sender: &'a Sender,
    wishes: Wishes,
    now: UnixSeconds,
    visitor: Visitor,
    answers: Vec<Answer>,
}

impl Collector {
    /// Answers a call with events.
    pub(super) async fn batch(
        &self,
        call: &EventCall<'_>,
        batch: &Batch,
        moment: Moment,
    ) -> EventAnswer {
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
        let count = batch.events.len();
        let is_browser = *sender != Sender::Server;
        let cookies = if is_browser { cookie::read(call.headers) } else { Cookies::default() };
        if cookies.opted_out {
            let outcome = Outcome { opted_out: count, ..Outcome::default() };
            return self.finish(&outcome, letter);
        }
        if !self.log.is_available() {
            return self.unavailable(count, letter);
        }
        let visitor = Visitor { key: cookies.key, is_browser, set: None };
        let wishes = wishes(call, shop, is_browser);
        let (collector, answers) = (self, Vec::with_capacity(count));
        let mut intake = Intake { collector, batch, shop, sender, wishes, now, visitor, answers };
        let outcome = intake.take_all();
        let Intake { answers, visitor, .. } = intake;
        if !self.acknowledged(answers).await {
            return self.unavailable(count, letter);
        }
        letter.cookies.extend(visitor.set.filter(|_| outcome.accepted > 0));
        self.finish(&outcome, letter)
    }
}

impl Intake<'_> {
    fn take_all(&mut self) -> Outcome {
        let mut outcome = Outcome::default();
        let batch = self.batch;
        for (index, event) in batch.events.iter().enumerate() {
            match self.take_one(event.as_ref()) {
                Ok(true) => outcome.accepted += 1,
                Ok(false) => outcome.no_consent += 1,
                Err(refusal) => outcome.refused.push(Refused { index, refusal }),
            }
        }
        outcome
    }

    /// Takes one event; `false` where it may not be kept.
    fn take_one(&mut self, event: Option<&Map<String, Value>>) -> Result<bool, Refusal> {
        let fields = Fields(event.ok_or(refusal("event", "expected an object"))?);
        let collector = self.collector;
        let Ok(basis) = consent::judge(fields, self.wishes, &collector.privacy) else {
            return Ok(false);
        };
        let counter = Counter {
            shop: self.shop,
            sender: self.sender,
            rates: &collector.rates,
            now: self.now,
            past_max: collector.rules.past_max,
            cookie: self.visitor.key(),
        };
        same_shop(fields, self.batch)?;
        let Told { id, site } = row::read(fields, basis, &counter)?;
        self.answers.push(collector.hand_in(id, What::Site(site), self.now));
        Ok(true)
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
    if named.is_none_or(|named| named.as_str() == batch.shop.as_deref()) {
        return Ok(());
    }
    Err(refusal("shop", "expected the shop that the call is for"))
}

/// What the browser says by its headers; those of a server say nothing of the person.
fn wishes(call: &EventCall<'_>, shop: &Shop, is_browser: bool) -> Wishes {
    let says = |name: &str| is_browser && call.headers.get(name).is_some_and(|value| value == "1");
    Wishes { gpc: says("sec-gpc"), do_not_track: says("dnt"), country: shop.events.country }
}

/// A client for the throttle: an IPv4 address, or the network of an IPv6 one, as everybody
/// has as many addresses in it as they like.
fn network(client: IpAddr, seed: u64) -> u64 {
    let mut hasher = Seeded(seed).build_hasher();
    match client.to_canonical() {
        IpAddr::V4(address) => hasher.write(&address.octets()),
        IpAddr::V6(address) => hasher.write(&address.octets()[..8]),
    }
    hasher.finish()
}
