//! The command line: one file a command, each a function from its arguments to an exit code.
//!
//! Exit codes are those of BSD's sysexits, see [`exit`]. Results go to standard output,
//! progress and errors to standard error. The wall clock is read here and handed down.

mod admin_client;
pub mod check;
pub mod check_response;
pub mod demo;
pub mod exit;
pub mod explain;
pub mod log;
mod progress;
pub mod report;
pub mod serve;
pub mod simulate;
pub mod snapshot;

use crate::model::UnixSeconds;
use clap::{Parser, Subcommand};

/// A retargeting bidder: recognises who left without buying, and decides in microseconds.
#[derive(Debug, Parser)]
#[command(name = "homing", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
enum Command {
    /// Check configuration files and report every fault at once.
    Check(check::CheckArgs),
    /// Run everything on one machine: a bidder, a made-up audience, and an exchange that asks.
    Demo(demo::DemoArgs),
    /// Explain why a bid request would or would not be answered.
    Explain(explain::ExplainArgs),
    /// Verify the event log, or take what can be read of a damaged one into a new folder.
    #[command(subcommand)]
    Log(log::LogCommand),
    /// Say what happened: bids, impressions, clicks, purchases, money.
    Report(Box<report::ReportArgs>),
    /// Serve bids until told to stop.
    Serve(serve::ServeArgs),
    /// Simulate clusters under faults, from a seed, and check every promise at every step.
    Simulate(simulate::SimulateArgs),
    /// Build, inspect, verify and search audience snapshots.
    #[command(subcommand)]
    Snapshot(snapshot::SnapshotCommand),
}

/// Parses the command line, runs the command, and returns the exit code.
pub fn run() -> u8 {
    match Arguments::try_parse() {
        Ok(arguments) => dispatch(&arguments.command),
        Err(error) => {
            // With a closed terminal there is no one left to tell.
            let _ = error.print();
            if error.use_stderr() { exit::USAGE } else { exit::OK }
        }
    }
}

fn dispatch(command: &Command) -> u8 {
    match command {
        Command::Check(args) => check::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Log(command) => log::run(command),
        Command::Report(args) => report::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Simulate(args) => simulate::run(args),
        Command::Snapshot(command) => snapshot::run(command),
    }
}

/// The time by the wall clock.
#[allow(clippy::disallowed_methods, reason = "commands read the clock once and hand it down")]
fn wall_clock() -> UnixSeconds {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    UnixSeconds(since_1970.map_or(0, |since| u32::try_from(since.as_secs()).unwrap_or(u32::MAX)))
}
