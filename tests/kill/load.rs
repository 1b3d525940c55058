//! What is sent to the bidder on several connections, and what was acknowledged of it.
//!
//! A step whose connection broke is unknown: nobody can say whether it counts. It is sent again
//! after the restart, as exchanges and shops do, and from then on counts once.

use crate::PATIENCE;
use crate::client::Client;
use crate::world::{
    Bidder, CHAIN_PEOPLE, COST_NANOS, HOLD_TTL_S, HOT_CAP, HOT_PEOPLE, HOT_ROUNDS, PUBLIC_URL,
    SHOP_KEY, TIGHT_IMPRESSIONS, TIGHT_PEOPLE, now, request_of,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Connections of each kind.
const CHAIN_WORKERS: usize = 3;
const HOT_WORKERS: usize = 2;
const TIGHT_WORKERS: usize = 1;
/// Bids in flight of `tight` that are billed after a kill, so that its budget lasts for a while.
const TIGHT_BILLS: usize = 8;
/// Buyers who are looked up after each kill.
const BUYERS_CHECKED: usize = 20;

/// What is told of a bid.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Step {
    Win,
    Bill,
    Click,
    Purchase,
}

/// Something that was sent, or will be.
#[derive(Clone, Debug)]
struct Sent {
    step: Step,
    campaign: &'static str,
    person: String,
    /// The path of a notice, or the body of an event.
    text: String,
}

/// What is known of all that was sent.
#[derive(Default)]
struct Known {
    acknowledged: BTreeMap<(&'static str, Step), u64>,
    unknown: Vec<Sent>,
    in_flight: Vec<Sent>,
    /// Impressions of `hot`, by person.
    shown: HashMap<String, u32>,
    buyers: Vec<String>,
}

#[derive(Default)]
struct Shared {
    known: Mutex<Known>,
    next_chain: AtomicUsize,
    next_tight: AtomicUsize,
    /// The second before the last request that was answered with a bid.
    last_bid: AtomicU32,
}

/// All of the load.
pub(crate) struct Load {
    shared: Arc<Shared>,
    dice: u64,
}

/// Workers that run until their connections break.
pub(crate) struct Running {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

impl Shared {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().expect("no worker panicked")
    }
}

impl Running {
    /// Waits for the workers' end; the second before the last request that got a bid.
    pub(crate) fn end(self) -> u32 {
        for worker in self.workers {
            worker.join().expect("a worker panicked");
        }
        self.shared.last_bid.load(Ordering::SeqCst)
    }
}

impl Known {
    fn acknowledge(&mut self, sent: &Sent) {
        *self.acknowledged.entry((sent.campaign, sent.step)).or_default() += 1;
        match sent.step {
            Step::Bill if sent.campaign == "hot" => {
                *self.shown.entry(sent.person.clone()).or_default() += 1;
            }
            Step::Purchase => self.buyers.push(sent.person.clone()),
            _ => {}
        }
    }

    fn count(&self, campaign: &'static str, step: Step) -> u64 {
        self.acknowledged.get(&(campaign, step)).copied().unwrap_or(0)
    }
}

/// One worker's connections.
struct Worker {
    shared: Arc<Shared>,
    bids: Client,
    notices: Client,
}

impl Worker {
    fn new(shared: &Arc<Shared>, (bid, notices): (SocketAddr, SocketAddr)) -> Option<Self> {
        let (bids, notices) = (Client::to(bid).ok()?, Client::to(notices).ok()?);
        Some(Self { shared: Arc::clone(shared), bids, notices })
    }

    /// The bid for a person; `Some(None)` if there is none, `None` if the connection broke.
    fn bid(&mut self, person: &str) -> Option<Option<Value>> {
        let second = now();
        let reply = self.bids.ask(("POST", "/openrtb2/adx"), "", &request_of(person)).ok()?;
        if reply.status != 200 {
            assert_eq!(reply.status, 204, "{}", String::from_utf8_lossy(&reply.body));
            return Some(None);
        }
        self.shared.last_bid.fetch_max(second, Ordering::SeqCst);
        let told: Value = serde_json::from_slice(&reply.body).expect("JSON");
        Some(Some(told["seatbid"][0]["bid"][0].clone()))
    }

    /// Sends a step; `None` if it was not acknowledged.
    fn send(&mut self, sent: Sent) -> Option<()> {
        if ask(&mut self.notices, &sent) {
            self.shared.known().acknowledge(&sent);
            return Some(());
        }
        self.shared.known().unknown.push(sent);
        None
    }

    /// Bids, wins, is clicked, and buys, one person after another.
    fn chain(&mut self) -> Option<()> {
        loop {
            let n = self.shared.next_chain.fetch_add(1, Ordering::Relaxed);
            assert!(n < CHAIN_PEOPLE, "more people are needed");
            let person = format!("chain-{n}");
            let Some(bid) = self.bid(&person)? else { continue };
            for sent in steps("chain", &person, &bid) {
                self.send(sent)?;
            }
        }
    }

    /// Bids for the same few people over and over; every other bid stays in flight.
    fn hot(&mut self, round: usize) -> Option<()> {
        for n in 0.. {
            let person = format!("hot-{}", (round % HOT_ROUNDS) * HOT_PEOPLE + n % HOT_PEOPLE);
            let Some(bid) = self.bid(&person)? else { continue };
            let [_, bill, ..] = steps("hot", &person, &bid);
            if n % 2 == 0 {
                self.send(bill)?;
            } else {
                self.shared.known().in_flight.push(bill);
            }
        }
        None
    }

    /// Bids until all that is left of the budget is in flight, and bills a little of it.
    fn tight(&mut self) -> Option<()> {
        loop {
            let n = self.shared.next_tight.fetch_add(1, Ordering::Relaxed);
            let person = format!("tight-{}", n % TIGHT_PEOPLE);
            let Some(bid) = self.bid(&person)? else { continue };
            let [_, bill, ..] = steps("tight", &person, &bid);
            if n % 50 == 0 {
                self.send(bill)?;
            } else {
                self.shared.known().in_flight.push(bill);
            }
        }
    }
}

/// What follows a bid.
fn steps(campaign: &'static str, person: &str, bid: &Value) -> [Sent; 4] {
    assert_eq!(bid["cid"], campaign, "{bid}");
    let path = |address: &str| {
        let filled = address.replace("${AUCTION_PRICE}", "2");
        filled.strip_prefix(PUBLIC_URL).expect("a URL of ours").to_owned()
    };
    let markup = bid["adm"].as_str().expect("markup");
    let click = markup.split('"').find(|piece| piece.contains("/n/click/")).expect("a click URL");
    let notice = |name: &str| path(bid[name].as_str().expect("a URL"));
    let purchase = json!({
        "shop": "shop", "event": "purchase", "ids": { "buyeruid": person },
        "transaction_id": person, "value": 1,
    });
    let sent = |step, text| Sent { step, campaign, person: person.to_owned(), text };
    [
        sent(Step::Win, notice("nurl")),
        sent(Step::Bill, notice("burl")),
        sent(Step::Click, path(click)),
        sent(Step::Purchase, purchase.to_string()),
    ]
}

/// Sends a step; whether it was acknowledged.
fn ask(client: &mut Client, sent: &Sent) -> bool {
    let (reply, expected) = match sent.step {
        Step::Purchase => (client.ask(("POST", "/events"), SHOP_KEY, sent.text.as_bytes()), 200),
        step => {
            let expected = if step == Step::Click { 302 } else { 204 };
            (client.ask(("GET", &sent.text), "", b""), expected)
        }
    };
    let Ok(reply) = reply else { return false };
    let told = String::from_utf8_lossy(&reply.body);
    assert_eq!(reply.status, expected, "{sent:?}: {told}");
    true
}

impl Load {
    pub(crate) fn new(seed: u64) -> Self {
        Self { shared: Arc::default(), dice: seed }
    }

    /// A number from `from` to `to`.
    pub(crate) fn between(&mut self, (from, to): (u64, u64)) -> u64 {
        // SplitMix64, by Sebastiano Vigna (public domain).
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.dice;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        from + (mixed ^ (mixed >> 31)) % (to - from + 1)
    }

    /// Begins to send.
    pub(crate) fn begin(&self, bidder: &Bidder, round: u64) -> Running {
        let addresses = (bidder.bid, bidder.notices);
        let spawn = |work: fn(&mut Worker, usize) -> Option<()>| {
            let shared = Arc::clone(&self.shared);
            std::thread::spawn(move || {
                if let Some(mut worker) = Worker::new(&shared, addresses) {
                    work(&mut worker, round as usize);
                }
            })
        };
        let mut workers = Vec::new();
        workers.extend((0..CHAIN_WORKERS).map(|_| spawn(|worker, _| worker.chain())));
        workers.extend((0..HOT_WORKERS).map(|_| spawn(Worker::hot)));
        workers.extend((0..TIGHT_WORKERS).map(|_| spawn(|worker, _| worker.tight())));
        Running { shared: Arc::clone(&self.shared), workers }
    }

    /// Sends again what is unknown, and bills what was in flight; how many were unknown.
    pub(crate) fn settle(&self, bidder: &Bidder) -> usize {
        let mut known = self.shared.known();
        let unknown = std::mem::take(&mut known.unknown);
        let count = unknown.len();
        let mut tight = 0;
        let in_flight = std::mem::take(&mut known.in_flight).into_iter().filter(|sent| {
            tight += usize::from(sent.campaign == "tight");
            sent.campaign != "tight" || tight <= TIGHT_BILLS
        });
        let mut client = Client::to(bidder.notices).expect("it listens");
        for sent in unknown.into_iter().chain(in_flight) {
            assert!(ask(&mut client, &sent), "no answer to {sent:?}");
            known.acknowledge(&sent);
        }
        count
    }

    /// Nobody is bid for until all that was in flight at the kill is over; how long that was.
    pub(crate) fn expect_quarantine(&self, bidder: &Bidder, last_bid: u32) -> Duration {
        let begun = Instant::now();
        let addresses = (bidder.bid, bidder.notices);
        let mut worker = Worker::new(&self.shared, addresses).expect("it listens");
        loop {
            let n = self.shared.next_chain.load(Ordering::Relaxed);
            if worker.bid(&format!("chain-{n}")).expect("an answer").is_some() {
                self.shared.next_chain.fetch_add(1, Ordering::Relaxed);
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "it never bids again");
            std::thread::sleep(Duration::from_millis(20));
        }
        let (at, over) = (now(), last_bid + HOLD_TTL_S);
        assert!(at >= over, "a bid at {at}, when bids in flight were billable until {over}");
        begun.elapsed()
    }

    /// The report has what was acknowledged, to the nano, and no cap or budget was broken but by
    /// late notices; how many of those there were.
    pub(crate) fn expect_counted(&self, bidder: &Bidder) -> u64 {
        let known = self.shared.known();
        let mut late_in_all = 0;
        for campaign in ["chain", "hot", "tight"] {
            let told = bidder.report(campaign);
            let count = |name: &str| told[name].as_u64().unwrap_or(0);
            for (name, step) in [
                ("wins", Step::Win),
                ("impressions", Step::Bill),
                ("clicks", Step::Click),
                ("conversions_click", Step::Purchase),
            ] {
                assert_eq!(count(name), known.count(campaign, step), "{name} of {campaign}");
            }
            let impressions = count("impressions");
            assert_eq!(nanos(&told["spend"]), impressions * COST_NANOS, "spent on {campaign}");
            let late = count("late_impressions");
            let over = match campaign {
                "tight" => impressions.saturating_sub(TIGHT_IMPRESSIONS),
                "hot" => known.shown.values().map(|n| u64::from(n.saturating_sub(HOT_CAP))).sum(),
                _ => 0,
            };
            assert!(over <= late, "{campaign}: {over} impressions too many, {late} of them late");
            late_in_all += late;
        }
        late_in_all
    }

    /// The last who bought are not bid for, and the reason is that they bought.
    pub(crate) fn expect_burned(&self, bidder: &Bidder) {
        let buyers = self.shared.known().buyers.clone();
        for buyer in buyers.iter().rev().take(BUYERS_CHECKED) {
            assert_eq!(bidder.reason(buyer, "chain"), "burned", "{buyer}");
        }
    }

    /// How much was acknowledged.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.shared.known().acknowledged.values().sum()
    }

    /// What was acknowledged, in words.
    pub(crate) fn told(&self) -> String {
        let known = self.shared.known();
        let told = known.acknowledged.iter();
        let told = told.map(|((campaign, step), count)| format!("{campaign} {step:?} {count}"));
        told.collect::<Vec<_>>().join(", ")
    }
}

/// An exact decimal of units, in nanos.
fn nanos(text: &Value) -> u64 {
    let text = text.as_str().expect("an amount is a text");
    let (units, places) = text.split_once('.').unwrap_or((text, ""));
    let whole: u64 = units.parse().expect("digits");
    let fraction: u64 = format!("{places:0<9}").parse().expect("digits");
    whole * 1_000_000_000 + fraction
}
