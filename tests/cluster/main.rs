//! Three bidders that share their log: real processes, a real nats-server, on one machine.
//!
//! - [`budgets`] no budget is overspent, whichever node bids and whichever is billed
//! - [`caps`] how far a cap can be missed by bids that nodes make at the same moment
//! - [`burning`] how soon the other nodes know of a purchase
//! - [`crashes`] a node is killed and comes back: nothing acknowledged is lost
//! - [`outages`] the stream is away: bids go on, what comes is kept, and sent in order after that
//! - [`refusals`] streams and names that a node must not use
//!
//! - [`server`] the nats-server; [`world`] files and processes; [`client`] speaks to them
//!
//! Where there is no nats-server the tests say so and pass. Figures are printed:
//! `cargo test --features nats --test cluster -- --nocapture`. `HOMING_OUTAGE_S` says how long
//! the stream is away (5).
#![cfg(feature = "nats")]

mod budgets;
mod burning;
mod caps;
#[path = "../kill/client.rs"]
mod client;
mod crashes;
mod outages;
mod refusals;
mod server;
mod world;

use std::io::Write as _;
use std::time::Duration;

/// How long anything may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(90);

/// Says something even where the output of tests is captured.
fn say(text: &str) {
    let mut out = std::io::stderr();
    let _ = writeln!(out, "{text}");
}

/// The median, the 99th of a hundred, and the worst, in milliseconds.
fn spread(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |percent: usize| {
        let place = (times.len() * percent / 100).min(times.len().saturating_sub(1));
        times.get(place).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    };
    format!(
        "p50 {:.1} ms, p99 {:.1} ms, worst {:.1} ms of {}",
        at(50),
        at(99),
        at(100),
        times.len()
    )
}
