//! `homing serve`: the bidder, until it is told to stop.
//!
//! SIGTERM and SIGINT drain it (readiness fails first, what is in flight is answered), a
//! second one ends it at once; SIGHUP reloads the campaigns.

use super::exit;
use crate::bidder::{self, AssemblyError};
use crate::config::{Diagnostic, render};
use crate::server::settings::Settings;
use crate::server::{Outcome, StartError};
use crate::telemetry::logs::{self, LogFormat};
use std::path::PathBuf;

/// Serve bids until told to stop
#[derive(Clone, Debug, clap::Args)]
pub struct ServeArgs {
    /// The machine's file
    #[arg(long, value_name = "FILE", default_value = "homing.toml")]
    pub config: PathBuf,
    /// Write logs as JSON lines
    #[arg(long)]
    pub json_logs: bool,
}

/// Serves; the exit code.
pub fn run(args: &ServeArgs) -> u8 {
    let format = if args.json_logs { LogFormat::Json } else { LogFormat::Text };
    if let Err(error) = logs::start(format) {
        eprintln!("homing: {error}");
        return exit::USAGE;
    }
    let settings = match Settings::read(&args.config) {
        Ok(settings) => settings,
        Err(faults) => return refuse(&faults),
    };
    let started = match bidder::start(&settings, true) {
        Ok(started) => started,
        Err(AssemblyError::Config(faults)) => return refuse(&faults),
        Err(error) => {
            eprintln!("homing: {error}");
            let port = matches!(error, AssemblyError::Start(StartError::Listen { .. }));
            return if port { exit::UNAVAILABLE } else { exit::OS };
        }
    };
    if let Some(error) = &started.no_snapshot {
        tracing::warn!(%error, "not ready: no snapshot in service");
    }
    let addresses = started.running.addresses();
    tracing::info!(bid = %addresses.bid, notices = %addresses.notices, admin = %addresses.admin, "serving");
    match started.wait() {
        Ok(outcome) => {
            tracing::info!(?outcome, "stopped");
            if outcome == Outcome::Drained { exit::OK } else { exit::TEMPORARY }
        }
        Err(error) => {
            eprintln!("homing: {error}");
            exit::SOFTWARE
        }
    }
}

/// Prints the faults of a configuration.
pub(super) fn refuse(faults: &[Diagnostic]) -> u8 {
    eprint!("{}", render::text(faults));
    eprintln!("{}", render::Tally::of(faults).sentence());
    if faults.iter().all(|fault| fault.place.is_whole_file()) {
        exit::NO_INPUT
    } else {
        exit::CONFIG
    }
}
