//! A bidder that is killed while it works: `kill -9` at random moments under load, again and
//! again, on the same folder.
//!
//! After every kill: the log is whole; every event and notice that was acknowledged is counted,
//! once, however often it is sent again; nobody is bid for until what was in flight is over; no
//! cap and no budget is broken, but by notices that came after their time, which are counted
//! apart; who bought stays burned.
//!
//! - [`world`] the folder and the process; [`client`] speaks to it; [`load`] what is sent, and
//!   what was acknowledged of it
//!
//! `HOMING_KILLS` says how often (5), `HOMING_SEED` at which moments. A table is printed:
//! `cargo test --test kill -- --nocapture`.

mod client;
mod load;
mod world;

use load::Load;
use std::io::Write as _;
use std::time::{Duration, Instant};
use world::World;

/// How often it is killed.
const KILLS: u64 = 5;
/// The first and the last moment of a kill after the load began, in milliseconds.
const MOMENTS_MS: (u64, u64) = (50, 1_200);
/// How long anything may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn nothing_acknowledged_is_lost_and_no_promise_broken_by_kills() {
    let (kills, seed) = (setting("HOMING_KILLS", KILLS), setting("HOMING_SEED", chance()));
    let world = World::new();
    let mut load = Load::new(seed);
    say(&format!("seed {seed}, {kills} kills\n{HEAD}"));
    let mut bidder = world.start();
    for kill in 1..=kills {
        let begun = Instant::now();
        let running = load.begin(&bidder, kill);
        std::thread::sleep(Duration::from_millis(load.between(MOMENTS_MS)));
        bidder.kill();
        let last_bid = running.end();
        let ran = begun.elapsed().as_millis();
        let events = world.verify();
        let restarting = Instant::now();
        bidder = world.start();
        let restart = restarting.elapsed().as_millis();
        let unknown = load.settle(&bidder);
        let waited = load.expect_quarantine(&bidder, last_bid).as_millis();
        let late = load.expect_counted(&bidder);
        load.expect_burned(&bidder);
        let acknowledged = load.acknowledged();
        say(&format!(
            "{kill:>4} {ran:>8} {acknowledged:>13} {unknown:>8} {late:>5} {events:>8} \
             {restart:>8} {waited:>8}"
        ));
    }
    bidder.stop();
    let events = world.verify();
    let bidder = world.start();
    load.expect_counted(&bidder);
    bidder.stop();
    say(&format!("{events} events; acknowledged: {}", load.told()));
}

/// Of the table; the acknowledged, the late and the events are sums since the beginning.
const HEAD: &str = "kill   ran ms  acknowledged  unknown  late   events  back ms  quiet ms";

/// The results are for people, also when a later step fails.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}");
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Another number with every run; it is printed, so that a run can be had again.
fn chance() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}
