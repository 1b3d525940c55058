//! How long the real binary takes from its start until it is ready, with a million people in its
//! ledger: after a clean stop (all of it from a checkpoint), after a kill (a checkpoint and the
//! events since), and without any checkpoint (the whole log).
//!
//! `cargo bench --bench restart`; `HOMING_PERSONS` says how many people. Not a benchmark of
//! criterion's: a start is seconds long and leaves the caches as it found them.

use homing::bidder::folds::FoldRules;
use homing::bidder::logbook::Opened;
use homing::event::{Claim, Event, EventId, Notice, NoticeKind, What};
use homing::ledger::Scope;
use homing::log::{Answer, Log as _, StreamLogin};
use homing::model::{
    AdvertiserKey, BidId, CampaignKey, CpmMicros, CreativeKey, Currency, ExchangeKey, MoneyNanos,
    NodeKey, Seconds, UnixSeconds, UserKey,
};
use homing::privacy::Basis;
use homing::server::settings::Settings;
use std::fs;
use std::io::Write as _;
use std::time::{Duration, Instant};
use world::{World, now};

#[path = "../tests/kill/client.rs"]
mod client;
#[allow(dead_code, reason = "the kill test does more with it")]
#[path = "../tests/kill/world.rs"]
mod world;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(120);
const PERSONS: u64 = 1_000_000;
/// Events that are handed in before an answer is waited for.
const WINDOW: usize = 20_000;
const RUNS: usize = 5;

fn main() {
    let persons = std::env::var("HOMING_PERSONS").ok().and_then(|text| text.parse().ok());
    let persons = persons.unwrap_or(PERSONS);
    let world = World::new();
    fill(&world, persons);
    let log = world.path("data/log");
    say(&format!("{persons} people billed once each; log folder {:.1} MB", megabytes(&world)));
    let clean = (0..RUNS).map(|_| {
        let begun = Instant::now();
        let bidder = world.start();
        let ready = begun.elapsed();
        bidder.stop();
        ready
    });
    show("after a clean stop", clean.collect());
    let killed = (0..RUNS).map(|_| {
        let mut bidder = world.start();
        bidder.kill();
        let begun = Instant::now();
        let bidder = world.start();
        let ready = begun.elapsed();
        bidder.stop();
        ready
    });
    show("after a kill", killed.collect());
    for entry in fs::read_dir(&log).expect("a folder").flatten() {
        if entry.file_name().to_string_lossy().starts_with("checkpoint-") {
            fs::remove_file(entry.path()).expect("removed");
        }
    }
    let begun = Instant::now();
    let mut bidder = world.start();
    show("without a checkpoint", vec![begun.elapsed()]);
    bidder.kill();
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}");
}

fn show(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let told: Vec<_> = times.iter().map(|time| format!("{} ms", time.as_millis())).collect();
    say(&format!("{what}: {}", told.join(", ")));
}

fn megabytes(world: &World) -> f64 {
    let files = fs::read_dir(world.path("data/log")).expect("a folder").flatten();
    let bytes: u64 = files.filter_map(|file| file.metadata().ok()).map(|data| data.len()).sum();
    bytes as f64 / 1e6
}

/// Bills an impression of a capped campaign to so many people, and stops cleanly.
fn fill(world: &World, persons: u64) {
    let settings = Settings::read(&world.path("homing.toml")).expect("a good file");
    let (opened, folds) = Opened::new(&settings, &StreamLogin::Nobody, FoldRules::of(&settings, 1))
        .expect("an empty log");
    let logbook = opened.start(&settings, &folds).expect("an empty log");
    let at = UnixSeconds(now());
    let mut answers: Vec<Answer> = Vec::with_capacity(WINDOW);
    for n in 1..=persons {
        answers.push(logbook.append(event(n, at)));
        if answers.len() == WINDOW {
            answers.drain(..).for_each(taken);
        }
    }
    answers.drain(..).for_each(taken);
    let person = UserKey::new("buyeruid", "person-1");
    let scope = Scope::from(CampaignKey::new("shop", "hot"));
    assert_eq!(folds.ledger.shown_total(&[person], scope), 1);
    logbook.close();
}

fn taken(answer: Answer) {
    answer.blocking_recv().expect("the log is open").expect("the disk is well");
}

fn event(n: u64, at: UnixSeconds) -> Event {
    let claim = Claim {
        bid: BidId(n),
        exchange: ExchangeKey::new("adx"),
        campaign: CampaignKey::new("shop", "hot"),
        creative: CreativeKey::new("shop", "b300"),
        keys: std::iter::once(UserKey::new("buyeruid", &format!("person-{n}"))).collect(),
        ceiling: CpmMicros(2_000_000),
        currency: Currency::USD,
        held: MoneyNanos(2_000_000),
        issued: at,
        hold_ttl: Seconds(world::HOLD_TTL_S),
        notices_end: at.plus(Seconds(86_400)),
        test: false,
        node: NodeKey::new("kill-1"),
        basis: Basis::NoRestriction,
    };
    let advertiser = AdvertiserKey::new("shop");
    let notice = Notice { kind: NoticeKind::Bill(CpmMicros(2_000_000)), claim, advertiser };
    let id = EventId(u128::from(n) << 64 | 2);
    Event { id, at, node: NodeKey::new("kill-1"), what: What::Notice(notice) }
}
