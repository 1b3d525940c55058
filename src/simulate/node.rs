//! One bidder: the real folds, `decide` and `commit`; a clock that may be wrong, a spool and
//! checkpoints on a disk that keeps what was synced.

use super::plan::{BEGIN_S, CLOCK_STEP_MAX_S, Millis, Plan};
use super::shop::{self, People};
use super::stream::Stream;
use crate::audience::overlay::{EventSegments, OverlayLimits, OverlayView};
use crate::bidder::folds::{FoldRules, Folds};
use crate::bidder::heard::{Moment, Now};
use crate::campaign::Book;
use crate::decide::{BidIds, BlockList, Case, Decision, World, commit, decide, record};
use crate::event::{Claim, Event, EventId, LogPosition, What};
use crate::ledger::checkpoint::Holds;
use crate::ledger::{Account, Noted, Standing};
use crate::log::Fold;
use crate::model::{NodeKey, Rates, Seconds, UnixSeconds};
use crate::openrtb::decode_json;
use crate::openrtb::profile::ExchangeProfile;
use crate::privacy::PrivacyRules;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// How long notices count: longer than any run's delays.
const NOTICES_FOR: Seconds = Seconds::DAY;

/// What every node of a run knows alike.
pub struct Common {
    /// The campaigns.
    pub book: Book,
    /// What the snapshot knows.
    pub people: People,
    /// Which segments events lead to.
    pub segments: EventSegments,
    /// The exchange.
    pub exchange: ExchangeProfile,
    rates: Rates,
    privacy: PrivacyRules,
    blocked: BlockList,
}

impl Common {
    /// What a plan says.
    pub fn of(plan: &Plan) -> Self {
        let book = shop::book();
        Self {
            people: People::of(&book, plan.people),
            segments: book.event_segments(),
            exchange: ExchangeProfile {
                hold_ttl: plan.hold_ttl,
                ..ExchangeProfile::generic("sim")
            },
            rates: Rates::default(),
            privacy: PrivacyRules::default(),
            blocked: BlockList::default(),
            book,
        }
    }
}

/// What is in memory while a node is up.
struct Running {
    folds: Folds,
    accounts: Vec<Arc<Account>>,
    folded: LogPosition,
    started: Millis,
}

/// A checkpoint on disk.
struct Checkpoint {
    bytes: Vec<u8>,
    position: LogPosition,
}

/// A bidder.
pub struct Node {
    /// Its name.
    pub key: NodeKey,
    running: Option<Running>,
    /// How often it has been started: what was under way in an earlier life is lost.
    pub life: u64,
    clock_wrong_s: i64,
    last_alive: UnixSeconds,
    checkpoint: Option<Checkpoint>,
    ended_cleanly: bool,
    /// Events that wait for the stream, on disk.
    pub spool: VecDeque<Event>,
    /// When the last event that it handed in is durable.
    durable: Millis,
    /// When events came that were handed in and are not folded yet.
    unfolded: BTreeMap<EventId, UnixSeconds>,
    rules: FoldRules,
    hold_ttl: Seconds,
    ids: u64,
    events: u128,
}

impl Node {
    /// A node that has not been started.
    pub fn new(number: usize, plan: &Plan, seed: u64) -> Self {
        let key = NodeKey(number as u32 + 1);
        let standing = if plan.nodes == 1 { Standing::Sole } else { Standing::Shared(key) };
        let rules =
            FoldRules { ledger: plan.limits, overlay: OverlayLimits::default(), standing, seed };
        Self {
            key,
            running: None,
            life: 0,
            clock_wrong_s: 0,
            last_alive: UnixSeconds(BEGIN_S),
            checkpoint: None,
            ended_cleanly: true,
            spool: VecDeque::new(),
            durable: 0,
            unfolded: BTreeMap::new(),
            rules,
            hold_ttl: plan.hold_ttl,
            ids: seed ^ u64::from(key.0) << 32,
            events: 0,
        }
    }

    /// Whether it is up.
    pub fn is_up(&self) -> bool {
        self.running.is_some()
    }

    /// Its clock.
    pub fn clock(&self, now: Millis) -> UnixSeconds {
        let right = i64::from(BEGIN_S) + (now / 1_000) as i64;
        UnixSeconds((right + self.clock_wrong_s) as u32)
    }

    /// Lets time pass for holds: what came in time and is not folded here yet has its hold still,
    /// whichever node it came to.
    fn end_holds(&self, stream: &Stream, now: Millis) {
        let Some(running) = &self.running else { return };
        let clock = self.clock(now);
        let oldest = self.unfolded.values().min();
        let mut settled = oldest.map_or(clock, |oldest| clock.min(*oldest));
        if running.folds.ledger.node().is_some() {
            let reachable_for = stream.reachable_for(now);
            let connected_for = reachable_for.map(|since| since.min(now - running.started));
            let connected_for = connected_for.map(Duration::from_millis);
            let moment = Moment(Duration::from_millis(now));
            let now = Now { clock, moment, connected_for };
            settled = settled.min(running.folds.heard.until(self.key, now));
        }
        running.folds.ledger.advance(settled);
    }

    /// Sets its clock wrong by so much, from minus to plus [`CLOCK_STEP_MAX_S`].
    pub fn step_clock(&mut self, wrong_s: i64) {
        let most = i64::from(CLOCK_STEP_MAX_S);
        self.clock_wrong_s = wrong_s.clamp(-most, most);
    }

    /// Starts it: checkpoint, then the log after it.
    pub fn start(&mut self, common: &Common, stream: &Stream, now: Millis) {
        self.life += 1;
        // What the spool has is not folded; all else was lost, or is in the log.
        self.unfolded = self.spool.iter().map(|event| (event.id, event.at)).collect();
        let (folds, folded, with_holds) = match &self.checkpoint {
            None => (Folds::new(self.rules), LogPosition(0), false),
            Some(Checkpoint { bytes, position }) => {
                let read = Folds::read(&mut bytes.as_slice(), self.rules);
                let (folds, with_holds) = read.expect("a checkpoint that was written is sound");
                (folds, *position, with_holds)
            }
        };
        let accounts = folds.ledger.adopt(&common.book);
        let mut running = Running { folds, accounts, folded, started: now };
        running.fold(stream, stream.end());
        self.spool.iter().for_each(|event| running.folds.keep(event));
        let first = self.life == 1;
        let is_known = self.ended_cleanly && with_holds;
        if !first && !is_known {
            // The clock may have been set back meanwhile.
            let doubt = Seconds(2 * CLOCK_STEP_MAX_S + 1);
            let until = self.last_alive.plus(self.hold_ttl).plus(doubt);
            running.folds.ledger.holds_unknown_until(until.max(self.clock(now)));
        }
        self.ended_cleanly = false;
        self.running = Some(running);
        self.end_holds(stream, now);
    }

    /// Ends it without a word.
    pub fn crash(&mut self) {
        self.running = None;
        self.ended_cleanly = false;
    }

    /// Ends it in order.
    pub fn stop(&mut self) {
        self.write_checkpoint(Holds::Written);
        let running = self.running.take();
        // While bids of before a crash may be in flight, no stop is a clean one.
        self.ended_cleanly = running.is_some_and(|running| !running.folds.ledger.is_recovering());
    }

    /// Writes a checkpoint.
    pub fn write_checkpoint(&mut self, holds: Holds) {
        let Some(running) = &self.running else { return };
        let mut bytes = Vec::new();
        running.folds.write(&mut bytes, holds).expect("a Vec takes everything");
        self.checkpoint = Some(Checkpoint { bytes, position: running.folded });
    }

    /// Folds what the stream has, up to `to`; what the last of them did.
    pub fn fold(&mut self, stream: &Stream, to: LogPosition) {
        let Some(running) = &mut self.running else { return };
        for (_, event) in stream.between(running.folded, to.max(running.folded)) {
            self.unfolded.remove(&event.id);
        }
        running.fold(stream, to);
    }

    /// Keeps an event on its disk until the stream can be reached.
    pub fn keep(&mut self, event: Event) {
        if let Some(running) = &self.running {
            running.folds.keep(&event);
        }
        self.spool.push_back(event);
    }

    /// When what is handed in now is durable: what a node hands in stays in its order.
    pub fn durable_at(&mut self, at: Millis) -> Millis {
        self.durable = self.durable.max(at);
        self.durable
    }

    /// Takes note of an event that is handed in.
    pub fn await_fold(&mut self, event: &Event) {
        self.unfolded.insert(event.id, event.at);
    }

    /// Up to where it has folded.
    pub fn folded(&self) -> LogPosition {
        self.running.as_ref().map_or(LogPosition(0), |running| running.folded)
    }

    /// Its folds, while it is up.
    pub fn folds(&self) -> Option<&Folds> {
        self.running.as_ref().map(|running| &running.folds)
    }

    /// Lets a second pass; what it wants to have in the log.
    pub fn second(&mut self, stream: &Stream, (now, tell_counts): (Millis, bool)) -> Vec<What> {
        let clock = self.clock(now);
        self.last_alive = self.last_alive.max(clock);
        self.end_holds(stream, now);
        let Some(running) = &self.running else { return Vec::new() };
        let ledger = &running.folds.ledger;
        let mut wanted: Vec<What> =
            ledger.lease_needs(clock).into_iter().map(What::LeaseRequest).collect();
        if tell_counts {
            let counts = ledger.take_counts(clock);
            if !counts.is_empty() {
                wanted.push(What::Counts(counts));
            }
        }
        if self.rules.standing != Standing::Sole {
            wanted.push(What::Tick);
        }
        wanted
    }

    /// An event of this node, under a name of its own.
    pub fn event(&mut self, what: What, now: Millis) -> Event {
        self.events += 1;
        let id = EventId(u128::from(self.key.0) << 96 | u128::from(self.life) << 64 | self.events);
        Event { id, at: self.clock(now), node: self.key, what }
    }

    /// Asks it for a bid; the claims of its bids.
    pub fn ask(&mut self, common: &Common, body: &str, now: Millis) -> Vec<Claim> {
        let now = self.clock(now);
        self.last_alive = self.last_alive.max(now);
        let Some(running) = &self.running else { return Vec::new() };
        let request = decode_json(body.as_bytes()).expect("a bid request");
        let people = OverlayView {
            base: &common.people,
            epoch: UnixSeconds(BEGIN_S),
            overlay: &running.folds.overlay,
            segments: &common.segments,
        };
        let world = World {
            book: &common.book,
            accounts: &running.accounts,
            audience: &people,
            ledger: &running.folds.ledger,
            exchange: &common.exchange,
            rates: &common.rates,
            privacy: &common.privacy,
            blocked: &common.blocked,
            notices_for: NOTICES_FOR,
            node: self.key,
        };
        let case = Case { request: &request, world: &world, now };
        let mut decision = Decision::default();
        decide(&case, &mut decision);
        self.ids = self.ids.wrapping_add(1 << 8);
        commit(&case, &mut decision, &mut BidIds::new(self.ids));
        record(&case, &decision);
        decision.bids.iter().map(|bid| bid.claim.clone()).collect()
    }

    /// Hears of another node's bid.
    pub fn hear_of(&self, claim: &Claim) {
        if let Some(running) = &self.running {
            running.folds.ledger.note_remote_hold(claim, shop::shop_key());
        }
    }
}

impl Running {
    fn fold(&mut self, stream: &Stream, to: LogPosition) {
        for (position, event) in stream.between(self.folded, to.max(self.folded)) {
            let _: Noted = self.folds.apply(position, event);
            self.folded = position;
        }
    }
}
