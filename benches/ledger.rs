//! The ledger under a full table: caps, holds and bills at a million live (person, campaign)
//! pairs, on one thread and on two; what a pair takes; and how long a checkpoint takes.
//!
//! Pairs take turns in an order that no cache foresees. With two threads the time is that of
//! one operation of each: the same number as with one thread means perfect scaling.

#![allow(unsafe_code, reason = "a counting allocator cannot be written without")]

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion};
use homing::campaign::model::{Cap, Caps};
use homing::event::NoticeKind;
use homing::ledger::{
    Account, Claim, HoldRequest, Holds, Ledger, LedgerLimits, Noted, Scope, Standing,
};
use homing::model::{
    AdvertiserKey, BidId, CampaignKey, CpmMicros, CreativeKey, Currency, ExchangeKey, NodeKey,
    Seconds, UnixSeconds, UserKey,
};
use homing::privacy::Basis;
use smallvec::smallvec;
use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The system's allocator, and a count of the bytes in use.
struct Counting;

static BYTES: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call is handed on to the system's allocator unchanged, with the same layout,
// so its contract is the system's; counting touches an atomic and no memory block.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps `alloc`'s contract, and `System` asks for the same one.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: `block` came from `System` with this layout, since every allocation does.
        unsafe { System.dealloc(block, layout) }
    }
}

/// 2026-11-23, noon.
const NOW: UnixSeconds = UnixSeconds(1_795_435_200);
/// A person with an impression of a campaign, so many times.
const PAIRS: u64 = 1_000_000;
/// Campaigns over which the pairs are spread.
const CAMPAIGNS: u64 = 100;
/// Campaigns of which each person has had impressions: of a few shops, one or two of each.
const CAMPAIGNS_A_PERSON: u64 = 4;
/// Other such numbers for which memory is measured: the dearest for a pair, and the most there are.
const OTHERS_A_PERSON: [u64; 2] = [1, CAMPAIGNS];
/// Walks through the pairs without meeting one twice: it shares no factor with their number.
const STEP: u64 = 618_033;
const PRICE: CpmMicros = CpmMicros(2_400_000);

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(2))
        .sample_size(30)
        .configure_from_args();
    for a_person in [CAMPAIGNS_A_PERSON].into_iter().chain(OTHERS_A_PERSON) {
        measure_memory(a_person);
    }
    let book = Shelf::filled();
    measure_checkpoint(&book);
    let mut group = criterion.benchmark_group("ledger_1m_pairs");
    for threads in [1, 2] {
        measure(&mut group, ("check_caps", threads), |turn| book.check_caps(turn));
        measure_holding(&mut group, threads, &book);
        measure(&mut group, ("hold_and_release", threads), |turn| book.hold_and_release(turn));
        measure(&mut group, ("hold_and_bill", threads), |turn| book.hold_and_bill(turn));
    }
    group.finish();
    criterion.final_summary();
}

/// A ledger with its campaigns' accounts.
struct Shelf {
    ledger: Ledger,
    accounts: Vec<Arc<Account>>,
    caps: Caps,
    no_caps: Caps,
    turns: AtomicU64,
    /// Campaigns that each person has met.
    a_person: u64,
}

impl Shelf {
    /// Every pair has had one impression, an hour ago.
    fn filled() -> Self {
        let limits = LedgerLimits { notices_max: 100_000_000, ..LedgerLimits::default() };
        let shelf = Self::new(limits);
        (0..PAIRS).for_each(|turn| shelf.hold_and_bill(turn));
        assert_eq!(shelf.ledger.persons(), PAIRS as usize);
        shelf
    }

    fn new(limits: LedgerLimits) -> Self {
        let ledger = Ledger::new(limits, 42);
        let accounts = (0..CAMPAIGNS).map(|n| ledger.open_account(CampaignKey(n))).collect();
        let cap = |impressions, per| Cap { impressions, per };
        Self {
            ledger,
            accounts,
            // Wide enough that the bills of a whole run do not fill it.
            caps: Caps {
                windows: vec![cap(50, Seconds::DAY), cap(60, Seconds(604_800))],
                min_gap: None,
            },
            no_caps: Caps::default(),
            turns: AtomicU64::new(0),
            a_person: CAMPAIGNS_A_PERSON,
        }
    }

    fn claim(&self, turn: u64) -> Claim {
        let pair = turn.wrapping_mul(STEP) % PAIRS;
        let (person, number) = (pair / self.a_person, pair % self.a_person);
        Claim {
            bid: BidId::nth(1, self.turns.fetch_add(1, Ordering::Relaxed)),
            exchange: ExchangeKey(1),
            campaign: CampaignKey((person + number) % CAMPAIGNS),
            creative: CreativeKey(1),
            keys: smallvec![UserKey(BidId::nth(2, person).0)],
            ceiling: PRICE,
            currency: Currency::USD,
            held: PRICE.cost_of_one(),
            issued: NOW,
            hold_ttl: Seconds(60),
            notices_end: NOW.plus(Seconds::DAY),
            test: false,
            basis: Basis::default(),
            node: NodeKey(7),
        }
    }

    fn check_caps(&self, turn: u64) {
        let claim = self.claim(turn);
        let caps = (Scope::from(claim.campaign), &self.caps);
        self.ledger.check_caps(&claim.keys, caps, NOW).expect("the caps are wide");
    }

    fn hold(&self, claim: &Claim) {
        let caps = [(claim.campaign.into(), &self.caps), (AdvertiserKey(1).into(), &self.no_caps)];
        let account = &self.accounts[claim.campaign.0 as usize];
        let advertiser = AdvertiserKey(1);
        let request = HoldRequest { claim, account, advertiser, caps: &caps };
        self.ledger.hold(&request, NOW).expect("there is room");
    }

    fn hold_and_release(&self, turn: u64) {
        let claim = self.claim(turn);
        self.hold(&claim);
        self.ledger.release(claim.bid);
    }

    fn hold_and_bill(&self, turn: u64) {
        let claim = self.claim(turn);
        self.hold(&claim);
        assert_eq!(self.bill(&claim), Noted::Counted);
    }

    fn bill(&self, claim: &Claim) -> Noted {
        self.ledger.note(NoticeKind::Bill(PRICE), claim, claim.issued)
    }
}

fn measure(
    group: &mut BenchmarkGroup<'_, WallTime>,
    (name, threads): (&str, u64),
    operation: impl Fn(u64) + Sync,
) {
    let mut done = 0;
    group.bench_function(format!("{name}_{threads}_threads"), |bencher| {
        bencher.iter_custom(|iterations| {
            let first = done;
            done += iterations * threads;
            // Each thread walks a stretch of its own.
            let walk = |thread: u64| {
                let from = first + thread * iterations;
                (from..from + iterations).for_each(&operation);
            };
            let start = Instant::now();
            std::thread::scope(|scope| {
                (1..threads).for_each(|thread| drop(scope.spawn(move || walk(thread))));
                walk(0);
            });
            start.elapsed()
        });
    });
}

/// Checks and holds, as a bid does; giving back is not part of the time.
fn measure_holding(group: &mut BenchmarkGroup<'_, WallTime>, threads: u64, shelf: &Shelf) {
    const BATCH: u64 = 256;
    let mut done = 0;
    group.bench_function(format!("check_and_hold_{threads}_threads"), |bencher| {
        bencher.iter_custom(|iterations| {
            let first = done;
            done += iterations * threads;
            let walk = |thread: u64| {
                let from = first + thread * iterations;
                let mut spent = Duration::ZERO;
                for batch in (from..from + iterations).step_by(BATCH as usize) {
                    let turns = batch..(batch + BATCH).min(from + iterations);
                    let claims: Vec<Claim> = turns.map(|turn| shelf.claim(turn)).collect();
                    let start = Instant::now();
                    for claim in &claims {
                        let caps = (Scope::from(claim.campaign), &shelf.caps);
                        shelf.ledger.check_caps(&claim.keys, caps, NOW).expect("the caps are wide");
                        shelf.hold(claim);
                    }
                    spent += start.elapsed();
                    claims.iter().for_each(|claim| shelf.ledger.release(claim.bid));
                }
                spent
            };
            std::thread::scope(|scope| {
                let others: Vec<_> =
                    (1..threads).map(|thread| scope.spawn(move || walk(thread))).collect();
                let own = walk(0);
                let theirs = others.into_iter().map(|other| other.join().expect("it ran"));
                theirs.fold(own, Duration::max)
            })
        });
    });
}

/// What a (person, campaign) pair takes at one impression and at ten, where people have met so many
/// campaigns each.
fn measure_memory(a_person: u64) {
    let before = BYTES.load(Ordering::Relaxed);
    // Next to nothing is remembered of notices, so that what is measured is people.
    let limits = LedgerLimits { notices_max: 1_000, ..LedgerLimits::default() };
    let shelf = Shelf { a_person, ..Shelf::new(limits) };
    let mut out = std::io::stdout();
    for impressions in 1..=10 {
        for turn in 0..PAIRS {
            let issued = NOW.plus(Seconds(3_600 * impressions));
            shelf.bill(&Claim { issued, ..shelf.claim(turn) });
        }
        let bytes = BYTES.load(Ordering::Relaxed) - before;
        let each = bytes as f64 / shelf.ledger.persons() as f64;
        if impressions == 1 || impressions == 10 {
            writeln!(
                out,
                "a pair with {impressions} impressions, {a_person} campaigns a person: {each:.1} bytes"
            )
            .expect("told");
        }
    }
    assert_eq!(shelf.ledger.persons(), PAIRS as usize);
}

/// How long the state of a million pairs takes to write and to read.
fn measure_checkpoint(shelf: &Shelf) {
    let mut out = std::io::stdout();
    let mut bytes = Vec::new();
    for _ in 0..3 {
        bytes.clear();
        let start = Instant::now();
        shelf.ledger.write_checkpoint(&mut bytes, Holds::LeftOut).expect("a vector has room");
        let written = start.elapsed();
        let start = Instant::now();
        let limits = (LedgerLimits::default(), 43);
        let read = Ledger::read_checkpoint(&mut &bytes[..], Standing::Sole, limits);
        let (ledger, _) = read.expect("just written");
        let taken = start.elapsed();
        assert_eq!(ledger.persons(), PAIRS as usize);
        let size = bytes.len();
        writeln!(out, "a checkpoint of {size} bytes: written in {written:?}, read in {taken:?}")
            .expect("told");
    }
}
