//! The ledger under a full table: caps, holds and bills at a million live (person, campaign)
//! pairs, on one thread and on two.
//!
//! Pairs take turns in an order that no cache foresees. With two threads the time is that of
//! one operation of each: the same number as with one thread means perfect scaling.

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion};
use homing::campaign::model::{Cap, Caps};
use homing::ledger::{Account, Claim, HoldRequest, Ledger, LedgerLimits, Noted, Scope};
use homing::model::{
    AdvertiserKey, BidId, CampaignKey, CpmMicros, CreativeKey, Currency, ExchangeKey, NodeKey,
    Seconds, UnixSeconds, UserKey,
};
use homing::privacy::Basis;
use smallvec::smallvec;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// 2026-11-23, noon.
const NOW: UnixSeconds = UnixSeconds(1_795_435_200);
/// A person with an impression of a campaign, so many times.
const PAIRS: u64 = 1_000_000;
/// Campaigns over which the pairs are spread.
const CAMPAIGNS: u64 = 100;
/// Walks through the pairs without meeting one twice: it shares no factor with their number.
const STEP: u64 = 618_033;
const PRICE: CpmMicros = CpmMicros(2_400_000);

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(2))
        .sample_size(30)
        .configure_from_args();
    let book = Shelf::filled();
    let mut group = criterion.benchmark_group("ledger_1m_pairs");
    for threads in [1, 2] {
        measure(&mut group, ("check_caps", threads), |turn| book.check_caps(turn));
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
}

impl Shelf {
    /// Every pair has had one impression, an hour ago.
    fn filled() -> Self {
        let limits = LedgerLimits { notices_max: 100_000_000, ..LedgerLimits::default() };
        let ledger = Ledger::new(limits, 42);
        let accounts = (0..CAMPAIGNS).map(|n| ledger.open_account(CampaignKey(n))).collect();
        let cap = |impressions, per| Cap { impressions, per };
        let shelf = Self {
            ledger,
            accounts,
            // Wide enough that the bills of a whole run do not fill it.
            caps: Caps {
                windows: vec![cap(50, Seconds::DAY), cap(60, Seconds(604_800))],
                min_gap: None,
            },
            no_caps: Caps::default(),
            turns: AtomicU64::new(0),
        };
        (0..PAIRS).for_each(|turn| shelf.hold_and_bill(turn));
        assert_eq!(shelf.ledger.persons(), PAIRS as usize);
        shelf
    }

    fn claim(&self, turn: u64) -> Claim {
        let pair = turn.wrapping_mul(STEP) % PAIRS;
        Claim {
            bid: BidId::nth(1, self.turns.fetch_add(1, Ordering::Relaxed)),
            exchange: ExchangeKey(1),
            campaign: CampaignKey(pair % CAMPAIGNS),
            creative: CreativeKey(1),
            keys: smallvec![UserKey(BidId::nth(2, pair / CAMPAIGNS).0)],
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
        let request = HoldRequest { claim, account, caps };
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
        assert_eq!(self.ledger.bill(&claim, PRICE, NOW), Noted::Counted);
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
