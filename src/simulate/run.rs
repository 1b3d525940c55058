//! The world of a run: an exchange that asks and tells, a network that delays, people who buy,
//! and what goes wrong. One thing happens at a time, in the order of simulated time.

use super::node::{Common, Node};
use super::oracle::{Oracle, Violation};
use super::plan::{CLOCK_STEP_MAX_S, Millis, Plan};
use super::shop;
use super::stream::Stream;
use crate::demo::dice::Dice;
use crate::event::site::EventValue;
use crate::event::{
    Claim, Event, EventId, LogPosition, Notice, NoticeKind, SiteEvent, SiteEventName, What,
};
use crate::ledger::checkpoint::Holds;
use crate::ledger::report::{GroupBy, Query, TimeSpan};
use crate::model::{CpmMicros, Currency, Seconds, UnixSeconds};
use crate::privacy::Basis;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashSet};
use std::fmt;

/// How long whoever tells something waits for an answer before telling it again.
const RETRY: Millis = 4_000;
/// How often it is told again.
const RETRIES_MAX: u32 = 20;

/// What a run came to.
#[derive(Clone, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct Ran {
    /// Things that happened.
    pub steps: u64,
    /// Bid requests.
    pub requests: u64,
    /// Bids.
    pub bids: u64,
    /// Impressions.
    pub impressions: u64,
    /// Those that were billed after their hold had ended.
    pub late: u64,
    /// Events in the log.
    pub events: u64,
    /// Nodes that ended without a word.
    pub crashes: u64,
    /// Times that the stream was out of reach.
    pub outages: u64,
    /// By how many the fullest window was over its cap: only possible with several nodes.
    pub over_cap: usize,
}

impl Ran {
    /// Adds another run's counts.
    pub fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        self.requests += other.requests;
        self.bids += other.bids;
        self.impressions += other.impressions;
        self.late += other.late;
        self.events += other.events;
        self.crashes += other.crashes;
        self.outages += other.outages;
        self.over_cap = self.over_cap.max(other.over_cap);
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { steps, requests, bids, impressions, late, events, .. } = self;
        let Self { crashes, outages, over_cap, .. } = self;
        write!(
            f,
            "{steps} steps, {requests} requests, {bids} bids, {impressions} impressions ({late} late), \
             {events} events, {crashes} crashes, {outages} outages, fullest window {over_cap} over its cap"
        )
    }
}

/// What somebody wants to have in the log.
#[derive(Clone, Debug)]
enum Told {
    Notice(NoticeKind, Claim),
    Purchase(u64, u64),
}

/// What happens.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "a few hundred of them at a time")]
enum Happens {
    Request,
    Second,
    /// Somebody tells a node something, for the so many-th time.
    Tell(Told, u32),
    /// A node's event becomes durable, if the node is in the same life still.
    Append(usize, u64, Event, Option<(Told, u32)>),
    /// A node hears of the log up to there.
    Fold(usize, LogPosition),
    Hold(usize, Claim),
    Start(usize),
    StreamBack,
}

impl Happens {
    /// The only node that it changes, if there is but one.
    fn touches(&self) -> Option<usize> {
        match self {
            Self::Fold(node, _)
            | Self::Hold(node, _)
            | Self::Start(node)
            | Self::Append(node, ..) => Some(*node),
            Self::Request | Self::Second | Self::Tell(..) | Self::StreamBack => None,
        }
    }
}

/// The world.
struct World<'a> {
    plan: &'a Plan,
    common: Common,
    dice: Dice,
    now: Millis,
    queue: BinaryHeap<Reverse<(Millis, u64)>>,
    things: BTreeMap<u64, Happens>,
    number: u64,
    nodes: Vec<Node>,
    stream: Stream,
    oracle: Oracle,
    acknowledged: HashSet<EventId>,
    ran: Ran,
}

/// Runs a plan.
///
/// # Errors
/// What did not hold, and after how many steps.
pub fn run(plan: &Plan, seed: u64) -> Result<Ran, (Violation, u64)> {
    let mut world = World {
        plan,
        common: Common::of(plan),
        dice: Dice::new(seed),
        now: 0,
        queue: BinaryHeap::new(),
        things: BTreeMap::new(),
        number: 0,
        nodes: (0..plan.nodes).map(|number| Node::new(number, plan, seed)).collect(),
        stream: Stream::default(),
        oracle: Oracle::default(),
        acknowledged: HashSet::new(),
        ran: Ran::default(),
    };
    for node in 0..plan.nodes {
        world.in_so_many(0, Happens::Start(node));
    }
    world.in_so_many(500, Happens::Request);
    world.in_so_many(1, Happens::Second);
    let done = world.go();
    let steps = world.ran.steps;
    done.and_then(|()| world.end()).map_err(|violation| (violation, steps))?;
    Ok(world.ran)
}

impl World<'_> {
    fn in_so_many(&mut self, delay: Millis, what: Happens) {
        self.number += 1;
        self.things.insert(self.number, what);
        self.queue.push(Reverse((self.now + delay, self.number)));
    }

    fn go(&mut self) -> Result<(), Violation> {
        while let Some(Reverse((at, number))) = self.queue.pop() {
            if at > self.plan.length {
                return Ok(());
            }
            self.now = at;
            self.ran.steps += 1;
            let Some(what) = self.things.remove(&number) else { continue };
            let touched = what.touches();
            self.happens(what)?;
            for (number, node) in self.nodes.iter().enumerate() {
                if touched.is_none_or(|touched| touched == number) {
                    self.oracle.books(node, &self.common, node.clock(self.now))?;
                }
            }
        }
        Ok(())
    }

    fn happens(&mut self, what: Happens) -> Result<(), Violation> {
        match what {
            Happens::Request => self.request(),
            Happens::Second => {
                self.second();
                Ok(())
            }
            Happens::Tell(told, times) => {
                self.tell(told, times);
                Ok(())
            }
            Happens::Append(node, life, event, told) => self.append((node, life), event, told),
            Happens::Fold(node, to) => {
                self.fold(node, to);
                Ok(())
            }
            Happens::Hold(node, claim) => {
                self.nodes[node].hear_of(&claim);
                Ok(())
            }
            Happens::Start(node) => {
                self.nodes[node].start(&self.common, &self.stream, self.now);
                self.send_spool(node)
            }
            Happens::StreamBack => self.stream_back(),
        }
    }

    /// An exchange asks one of the nodes that are up.
    fn request(&mut self) -> Result<(), Violation> {
        let pause = 1 + self.dice.below(2 * self.plan.request_every);
        self.in_so_many(pause, Happens::Request);
        let node = self.dice.below(self.plan.nodes as u64) as usize;
        if !self.nodes[node].is_up() {
            return Ok(());
        }
        self.ran.requests += 1;
        let person = self.dice.below(self.plan.people);
        let body = shop::request(self.ran.requests, person);
        for claim in self.nodes[node].ask(&self.common, &body, self.now) {
            self.oracle.bid(&self.nodes[node], &claim, &self.common)?;
            self.ran.bids += 1;
            self.bid(node, &claim);
        }
        Ok(())
    }

    /// A bid goes to the exchange, and its hold to the other nodes.
    fn bid(&mut self, node: usize, claim: &Claim) {
        for other in (0..self.plan.nodes).filter(|other| *other != node) {
            let delay = self.dice.below(1 + self.plan.hold_delay_max);
            if self.stream.is_reachable(self.now) {
                self.in_so_many(delay, Happens::Hold(other, claim.clone()));
            }
        }
        if self.dice.per_mille(350) {
            let delay = self.dice.between(50, 1_500);
            self.notice(delay, NoticeKind::Loss, claim);
            return;
        }
        let won = self.dice.between(30, 800);
        self.notice(won, NoticeKind::Win, claim);
        let price = CpmMicros(claim.ceiling.0 * self.dice.between(50, 101) as i64 / 100);
        let shown = won + self.shown_after(claim);
        self.notice(shown, NoticeKind::Bill(price), claim);
        if self.dice.per_mille(600) {
            self.notice(shown + 900, NoticeKind::View, claim);
        }
        if self.dice.per_mille(100) {
            self.notice(shown + 2_500, NoticeKind::Click, claim);
        }
    }

    /// How long after the auction an impression is told of.
    fn shown_after(&mut self, claim: &Claim) -> Millis {
        let ttl = Millis::from(claim.hold_ttl.0) * 1_000;
        if self.dice.per_mille(self.plan.late_per_mille) {
            return ttl + self.dice.below(60_000);
        }
        self.dice.below((ttl - 1_000).saturating_sub(1_000).max(1))
    }

    fn notice(&mut self, delay: Millis, kind: NoticeKind, claim: &Claim) {
        if self.dice.per_mille(self.plan.lost_per_mille) {
            return;
        }
        let told = Told::Notice(kind, claim.clone());
        if self.dice.per_mille(self.plan.doubled_per_mille) {
            let again = delay + self.dice.below(20_000);
            self.in_so_many(again, Happens::Tell(told.clone(), 0));
        }
        self.in_so_many(delay, Happens::Tell(told, 0));
    }

    /// Somebody tells one of the nodes; without an answer it is told again.
    fn tell(&mut self, told: Told, times: u32) {
        let node = self.dice.below(self.plan.nodes as u64) as usize;
        if !self.nodes[node].is_up() {
            self.tell_again(told, times);
            return;
        }
        let what = match &told {
            Told::Notice(kind, claim) => {
                if self.nodes[node].clock(self.now) >= claim.notices_end {
                    return;
                }
                let (claim, advertiser) = (claim.clone(), shop::shop_key());
                What::Notice(Notice { kind: *kind, claim, advertiser })
            }
            Told::Purchase(person, number) => {
                What::Site(Self::purchase(*person, *number, self.nodes[node].clock(self.now)))
            }
        };
        let event = self.nodes[node].event(what, self.now);
        let event = Event { id: id_of(&told), ..event };
        self.hand_in(node, event, Some((told, times)));
    }

    fn tell_again(&mut self, told: Told, times: u32) {
        if times < RETRIES_MAX {
            self.in_so_many(RETRY, Happens::Tell(told, times + 1));
        }
    }

    fn purchase(person: u64, number: u64, at: UnixSeconds) -> SiteEvent {
        SiteEvent {
            advertiser: shop::shop_key(),
            name: SiteEventName::Purchase,
            keys: std::iter::once(shop::person_key(person)).collect(),
            happened: at,
            value: Some(EventValue { micros: 50_000_000, currency: Some(Currency::USD) }),
            transaction: Some(number),
            items: Vec::new(),
            session: None,
            basis: Basis::NoRestriction,
            clamped: false,
        }
    }

    /// A node hands an event to its log: it takes a moment until it is durable.
    fn hand_in(&mut self, node: usize, event: Event, told: Option<(Told, u32)>) {
        let durable = self.now + self.dice.between(1, 20);
        let delay = self.nodes[node].durable_at(durable) - self.now;
        let life = self.nodes[node].life;
        self.nodes[node].await_fold(&event);
        self.in_so_many(delay, Happens::Append(node, life, event, told));
    }

    fn append(
        &mut self,
        (node, life): (usize, u64),
        event: Event,
        told: Option<(Told, u32)>,
    ) -> Result<(), Violation> {
        let is_same_life = self.nodes[node].is_up() && self.nodes[node].life == life;
        if !is_same_life {
            // It crashed meanwhile: what it wrote may be durable or not, but nobody was told.
            if self.dice.per_mille(500) && self.stream.is_reachable(self.now) {
                self.put_into_stream(node, &event)?;
            }
            if let Some((told, times)) = told {
                self.tell_again(told, times);
            }
            return Ok(());
        }
        if !self.stream.is_reachable(self.now) || !self.nodes[node].spool.is_empty() {
            self.acknowledged.insert(event.id);
            self.nodes[node].keep(event);
            return Ok(());
        }
        let id = event.id;
        let position = self.put_into_stream(node, &event)?;
        // What is acknowledged was folded by the node that acknowledges it.
        self.fold(node, position);
        self.acknowledged.insert(id);
        Ok(())
    }

    /// Puts an event into the log; every node hears of it in its time.
    fn put_into_stream(&mut self, node: usize, event: &Event) -> Result<LogPosition, Violation> {
        self.stream.note_silence(node, (self.now, self.plan.stream_delay_max));
        let was_waited_for = self.stream.is_waited_for(node, self.plan.earliest(event.at));
        let position = self.stream.append(node, (event.clone(), self.now));
        self.oracle.see((position, event, was_waited_for), &self.common, self.plan)?;
        for node in 0..self.plan.nodes {
            let delay = self.dice.below(1 + self.plan.stream_delay_max);
            self.in_so_many(delay, Happens::Fold(node, position));
        }
        Ok(position)
    }

    fn fold(&mut self, node: usize, to: LogPosition) {
        if self.nodes[node].is_up() && to > self.nodes[node].folded() {
            self.nodes[node].fold(&self.stream, to);
        }
    }

    /// A second passes on every node, and something may go wrong.
    fn second(&mut self) {
        self.in_so_many(1_000, Happens::Second);
        let tell_counts = (self.now / 1_000).is_multiple_of(10);
        for node in 0..self.plan.nodes {
            for what in self.nodes[node].second(&self.stream, (self.now, tell_counts)) {
                let event = self.nodes[node].event(what, self.now);
                self.hand_in(node, event, None);
            }
            self.trouble(node);
        }
        if self.dice.per_mille(8) {
            let (person, number) = (self.dice.below(self.plan.people), self.number);
            self.in_so_many(1, Happens::Tell(Told::Purchase(person, number), 0));
        }
        if self.dice.per_mille(self.plan.outage_per_mille) {
            let length = self.dice.between(500, 20_000);
            self.stream.go_out(self.now + length);
            self.ran.outages += 1;
            self.in_so_many(length, Happens::StreamBack);
        }
    }

    fn trouble(&mut self, node: usize) {
        if self.plan.clocks_step && self.dice.per_mille(20) {
            let most = u64::from(CLOCK_STEP_MAX_S);
            let wrong = self.dice.below(2 * most + 1) as i64 - most as i64;
            self.nodes[node].step_clock(wrong);
        }
        if !self.nodes[node].is_up() {
            return;
        }
        if self.dice.per_mille(self.plan.crash_per_mille) {
            self.ran.crashes += 1;
            self.nodes[node].crash();
        } else if self.dice.per_mille(self.plan.stop_per_mille) {
            self.nodes[node].stop();
        } else {
            if self.dice.per_mille(40) {
                self.nodes[node].write_checkpoint(Holds::LeftOut);
            }
            return;
        }
        let pause = self.dice.between(100, 20_000);
        self.in_so_many(pause, Happens::Start(node));
    }

    /// The stream can be reached again: every node sends what it kept, in order.
    fn stream_back(&mut self) -> Result<(), Violation> {
        if !self.stream.is_reachable(self.now) {
            return Ok(());
        }
        (0..self.plan.nodes).try_for_each(|node| self.send_spool(node))
    }

    /// A node that is up sends what is on its disk.
    fn send_spool(&mut self, node: usize) -> Result<(), Violation> {
        if !self.nodes[node].is_up() || !self.stream.is_reachable(self.now) {
            return Ok(());
        }
        while let Some(event) = self.nodes[node].spool.pop_front() {
            self.put_into_stream(node, &event)?;
        }
        Ok(())
    }

    /// The end: everything that was acknowledged is in the log, and all nodes agree.
    fn end(&mut self) -> Result<(), Violation> {
        self.now = self.plan.length.max(self.now) + 60_000;
        for node in &mut self.nodes {
            if !node.is_up() {
                node.start(&self.common, &self.stream, self.now);
            }
        }
        self.stream_back()?;
        let end = self.stream.end();
        let mut left: HashSet<EventId> = std::mem::take(&mut self.acknowledged);
        for (_, event) in self.stream.between(LogPosition(0), end) {
            left.remove(&event.id);
        }
        if !left.is_empty() {
            return Err(Violation::Lost);
        }
        for node in &mut self.nodes {
            node.fold(&self.stream, end);
            self.oracle.books(node, &self.common, node.clock(self.now))?;
        }
        self.ran.events = end.0;
        (self.ran.impressions, self.ran.late) = (self.oracle.impressions, self.oracle.late);
        self.ran.over_cap = self.oracle.over_cap;
        self.agree()
    }

    fn agree(&self) -> Result<(), Violation> {
        let Some((first, others)) = self.nodes.split_first() else { return Ok(()) };
        for other in others {
            let apart = |what| Err(Violation::Apart(first.key, other.key, what));
            if report_of(first) != report_of(other) {
                return apart("their reports");
            }
            let spent = |node: &Node| {
                let of = |campaign: &crate::campaign::Campaign| {
                    node.folds()?.ledger.account(campaign.key).map(|one| one.money().spent)
                };
                self.common.book.campaigns.iter().map(of).collect::<Vec<_>>()
            };
            if spent(first) != spent(other) {
                return apart("what was spent");
            }
        }
        Ok(())
    }
}

/// What a node reports.
fn report_of(node: &Node) -> Vec<crate::ledger::report::Row> {
    let by = GroupBy { time: TimeSpan::Hour, campaign: true, creative: true, exchange: true };
    let query = Query {
        from: UnixSeconds(0),
        to: UnixSeconds::NEVER.minus(Seconds::DAY),
        by,
        currency_of: &|_| Some(Currency::USD),
    };
    node.folds().map(|folds| folds.ledger.report(&query)).unwrap_or_default()
}

/// The name of what is told: the same however often, and by whomever, it is told.
fn id_of(told: &Told) -> EventId {
    let (number, kind) = match told {
        Told::Notice(kind, claim) => {
            let kind = match kind {
                NoticeKind::Win => 1,
                NoticeKind::Loss => 3,
                NoticeKind::View => 4,
                NoticeKind::Click => 5,
                _ => 2,
            };
            (claim.bid.0, kind)
        }
        Told::Purchase(_, number) => (*number, 9),
    };
    EventId(1 << 127 | u128::from(number) << 8 | kind)
}
