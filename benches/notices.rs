//! Durable notices through the real binary: billing URLs, signed with its key, each of another
//! bid, over HTTP, each answered only after it is on the disk and counted; and what becomes of
//! the latency of bids beside it, set against that beside forged ones, turn by turn.
//!
//! `cargo bench --bench notices`; needs `wrk`. `HOMING_SECONDS` says how long each part takes,
//! `HOMING_ROUNDS` how many turns each kind of notice has. The load, the bids and the bidder share
//! the machine: a ninety-ninth percentile of one part is moved more by it than by what is asked.

use homing::event::Claim;
use homing::model::{
    BidId, CampaignKey, CpmMicros, CreativeKey, Currency, ExchangeKey, MoneyNanos, NodeKey,
    Seconds, UnixSeconds, UserKey,
};
use homing::notice::Keyring;
use homing::notice::token::Tokens;
use homing::privacy::Basis;
use std::fmt;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use world::{Bidder, World, now, request_of};

#[path = "../tests/kill/client.rs"]
mod client;
#[allow(dead_code, reason = "the kill test does more with it")]
#[path = "../tests/kill/world.rs"]
mod world;

const PATIENCE: Duration = Duration::from_secs(120);
/// Seconds of each part.
const SECONDS: u64 = 10;
/// Turns of durable and of forged notices at each pace: of an odd number one is in the middle.
const ROUNDS: u64 = 5;
/// Notices a second that there are URLs for; beyond it they come again, and count once.
const PER_SECOND_MAX: u64 = 60_000;
/// Between two bids whose latency is taken.
const BID_EVERY: Duration = Duration::from_millis(2);
/// Pause of each of 64 connections that makes about 5,000 notices a second, which two cores bear
/// beside wrk and the bids.
const PAUSE_MS: u64 = 12;
/// How much more of the processor the thread gets that takes the latency of bids, where the system
/// allows it: it stands for an exchange, which has its own.
#[cfg(target_os = "linux")]
const FIRST_OF_ALL: i32 = -20;
/// What the bidder's key is made of, and a forger's. Forged notices are as many and as long as
/// true ones, so that wrk has as much to read, and are refused when their signature is checked.
const OWN_KEY: u8 = 0x5a;
const FORGER: u8 = 0xa5;
/// Threads of wrk, and its connections, from few to many.
const THREADS: &str = "1";
const CONNECTIONS: [&str; 5] = ["8", "32", "64", "128", "256"];

fn main() {
    if Command::new("wrk").arg("--version").stdout(Stdio::null()).spawn().is_err() {
        return say("skipped: wrk is not installed");
    }
    let seconds = number("HOMING_SECONDS").unwrap_or(SECONDS);
    let rounds = number("HOMING_ROUNDS").unwrap_or(ROUNDS).max(1);
    let world = World::new();
    let bidder = world.start();
    let urls = world.path("urls.txt");
    let per_part = seconds * PER_SECOND_MAX;
    say(&format!("bids alone: {}", bids(&bidder, || sleep(seconds))));
    for (part, connections) in CONNECTIONS.iter().enumerate() {
        write_urls(&urls, OWN_KEY, (part as u64 * per_part, per_part));
        let before = counted(&bidder);
        let told = wrk(&bidder, (&urls, connections, seconds));
        let counted = counted(&bidder) - before;
        say(&format!("{connections} connections: {told}; {counted} counted"));
    }
    let forged = world.path("forged.txt");
    write_urls(&forged, FORGER, (0, per_part));
    let mut part = CONNECTIONS.len() as u64;
    for (pace, pause_ms) in [("as many as go", 0), ("paced", PAUSE_MS)] {
        let mut pairs = Vec::new();
        for round in 0..rounds {
            write_urls(&urls, OWN_KEY, (part * per_part, per_part));
            part += 1;
            let is_odd = round % 2 == 1;
            pairs.push(pair(&bidder, (&forged, &urls, is_odd), (pace, pause_ms, seconds)));
        }
        say(&format!("durable to forged, {pace}, medians of {rounds}: {}", ratios(&pairs)));
    }
    say(&format!("bids alone again: {}", bids(&bidder, || sleep(seconds))));
    bidder.stop();
    say(&format!("log verified: {} events", world.verify()));
}

/// The latencies of bids beside forged notices and beside durable ones, which come first if it says
/// so: the machine's mood is not to favour one.
fn pair(
    bidder: &Bidder,
    (forged, durable, durable_first): (&Path, &Path, bool),
    (pace, pause_ms, seconds): (&str, u64, u64),
) -> (Latencies, Latencies) {
    let beside = |kind: &str, urls: &Path| {
        let mut told = String::new();
        let times = bids(bidder, || told = paced_wrk(bidder, (urls, seconds), pause_ms));
        say(&format!("bids beside {kind} notices, {pace} ({told}): {times}"));
        times
    };
    if durable_first {
        let high = beside("durable", durable);
        (beside("forged", forged), high)
    } else {
        let low = beside("forged", forged);
        (low, beside("durable", durable))
    }
}

/// A number that the environment gives.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}");
}

fn sleep(seconds: u64) {
    std::thread::sleep(Duration::from_secs(seconds));
}

fn counted(bidder: &Bidder) -> u64 {
    bidder.report("chain")["impressions"].as_u64().unwrap_or(0)
}

/// Runs wrk; its requests a second, its percentiles, and its errors.
fn wrk(bidder: &Bidder, (urls, connections, seconds): (&Path, &str, u64)) -> String {
    tell(wrk_command(bidder, (urls, connections, seconds)))
}

/// As [`wrk`], each of its connections pausing so long between two notices.
fn paced_wrk(bidder: &Bidder, (urls, seconds): (&Path, u64), pause_ms: u64) -> String {
    let mut command = wrk_command(bidder, (urls, "64", seconds));
    if pause_ms > 0 {
        command.env("NOTICE_PAUSE_MS", pause_ms.to_string());
    }
    tell(command)
}

fn wrk_command(bidder: &Bidder, (urls, connections, seconds): (&Path, &str, u64)) -> Command {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/load-tests/notices.lua");
    let mut command = Command::new("wrk");
    command
        .args(["-t", THREADS, "-c", connections, "-d", &format!("{seconds}s"), "--latency"])
        .args(["-s", script, &format!("http://{}", bidder.notices), "--"])
        .arg(urls)
        .arg(THREADS);
    command
}

fn tell(mut command: Command) -> String {
    let output = command.output().expect("wrk is there");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let wanted = ["50%", "90%", "99%", "Requests/sec", "Non-2xx", "Socket errors"];
    let lines = told
        .lines()
        .map(str::trim)
        .filter(|line| wanted.iter().any(|wanted| line.starts_with(wanted)));
    let told: Vec<_> =
        lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    told.join(", ")
}

/// The latencies of bids, from the least on.
struct Latencies(Vec<Duration>);

impl Latencies {
    fn us(&self, per_mille: usize) -> u128 {
        self.0[self.0.len() * per_mille / 1_000].as_micros()
    }
}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p50, p90, p99] = [500, 900, 990].map(|per_mille| self.us(per_mille));
        write!(f, "{} bids, p50 {p50} us, p90 {p90} us, p99 {p99} us", self.0.len())
    }
}

/// How many times the first of each pair the second is: the median, the lowest and the highest.
fn ratios(pairs: &[(Latencies, Latencies)]) -> String {
    let of = |per_mille: usize| {
        let ratio = |(low, high): &(Latencies, Latencies)| {
            high.us(per_mille) as f64 / low.us(per_mille) as f64
        };
        let mut ratios: Vec<_> = pairs.iter().map(ratio).collect();
        ratios.sort_by(f64::total_cmp);
        let (middle, highest) = (ratios[ratios.len() / 2], ratios[ratios.len() - 1]);
        format!("{middle:.2} x ({:.2} to {highest:.2})", ratios[0])
    };
    format!("p50 {}, p90 {}, p99 {}", of(500), of(900), of(990))
}

/// The latency of bids while `beside` runs.
fn bids(bidder: &Bidder, beside: impl FnOnce()) -> Latencies {
    let is_over = AtomicBool::new(false);
    let mut times = std::thread::scope(|scope| {
        let is_over = &is_over;
        let bidding = scope.spawn(move || {
            // What is measured is the bidder's time, not how long this thread waits for wrk's.
            #[cfg(target_os = "linux")]
            let _ = rustix::process::setpriority_process(None, FIRST_OF_ALL);
            let mut client = client::Client::to(bidder.bid).expect("it listens");
            let mut times = Vec::new();
            for n in 0.. {
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                let body = request_of(&format!("chain-{}", n % world::CHAIN_PEOPLE));
                let begun = Instant::now();
                client.ask(("POST", "/openrtb2/adx"), "", &body).expect("an answer");
                times.push(begun.elapsed());
                std::thread::sleep(BID_EVERY);
            }
            times
        });
        beside();
        is_over.store(true, Ordering::Relaxed);
        bidding.join().expect("no panic")
    });
    times.sort();
    Latencies(times)
}

/// The paths of so many billing notices, of bids from the `first` on, signed with `key`.
fn write_urls(path: &Path, key: u8, (first, count): (u64, u64)) {
    let keyring = Keyring::new(&[(1, vec![key; 32])]).expect("a strong key");
    let mut file = BufWriter::new(File::create(path).expect("created"));
    let issued = UnixSeconds(now());
    let mut tokens = Tokens::default();
    for n in first..first + count {
        let claim = Claim {
            bid: BidId(0xb1d0_0000_0000_0000 + n),
            exchange: ExchangeKey::new("adx"),
            campaign: CampaignKey::new("shop", "chain"),
            creative: CreativeKey::new("shop", "b300"),
            keys: std::iter::once(UserKey::new("buyeruid", &format!("chain-{n}"))).collect(),
            ceiling: CpmMicros(2_000_000),
            currency: Currency::USD,
            held: MoneyNanos(2_000_000),
            issued,
            // They are sent for a while after they were made: that is not late here.
            hold_ttl: Seconds(3_600),
            notices_end: issued.plus(Seconds(86_400)),
            test: false,
            node: NodeKey::new("kill-1"),
            basis: Basis::NoRestriction,
        };
        keyring.sign(&claim, &mut tokens);
        writeln!(file, "/n/bill/{}?p=2", tokens.exchange).expect("written");
    }
    file.flush().expect("written");
}
