//! The demo: a whole retargeting business on one machine, offline, in one command.
//!
//! - [`workspace`] the folder: settings, secrets, two made-up advertisers; [`artwork`] draws
//!   their creatives
//! - [`people`] the made-up audience as a snapshot
//! - [`ports`] free ports, where the wanted ones are taken
//! - [`crowd`] who of the audience is online; [`asks`] their bid requests
//! - [`exchange`] a small ad exchange: asks over real HTTP, holds auctions ([`auction`]),
//!   judges our answers ([`verdict`]), fills macros in ([`macros`]) and fires the notices
//!   ([`errands`]), all by a [`mod@line`] kept alive; [`tally`] counts
//! - [`shopper`] one person's story from the first visit to the last ad; [`example`] another,
//!   whom a reader can bid on by hand
//! - [`summary`] what is going on, in lines
//!
//! Guarantees: nothing leaves the machine; chance comes from a seed ([`dice`]); a folder that
//! is no demo is never touched. Must not know the command line, and must not reach into the
//! bidder by any way that an operator or an exchange does not have, but for reading.

pub mod artwork;
pub mod asks;
pub mod auction;
pub mod crowd;
pub mod dice;
pub mod errands;
pub mod example;
pub mod exchange;
pub mod line;
pub mod macros;
pub mod people;
pub mod ports;
pub mod shopper;
pub mod summary;
pub mod tally;
pub mod verdict;
pub mod workspace;

#[cfg(test)]
mod tests;

use crate::audience::builder::BuildError;
use crate::audience::snapshot::SnapshotError;
use std::io;
use std::path::{Path, PathBuf};

/// The name of the demo's exchange in its `homing.toml`.
pub const EXCHANGE: &str = "demo";

/// Why the demo cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A folder with something else in it.
    #[error(
        "expected an empty folder or a demo's, found other files in {0}: choose another --folder"
    )]
    NotADemo(PathBuf),
    /// A file or folder.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The kernel's reason.
        source: io::Error,
    },
    /// No randomness to be had from the operating system.
    #[error("the operating system gives no random numbers: {0}")]
    Randomness(String),
    /// The audience cannot be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The audience folder cannot be read.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// No free port.
    #[error("no free port from {from} on among {tried}: end what listens there")]
    NoPort {
        /// The first that was tried.
        from: std::net::SocketAddr,
        /// How many were.
        tried: u16,
    },
}

impl DemoError {
    /// For `map_err`: what was tried on which path.
    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}
