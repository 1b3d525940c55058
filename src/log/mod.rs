//! The ordered event log: one order, durable before it is acknowledged, folded as it grows.
//!
//! Whoever has an event hands it to a [`Log`] and waits for the answer. By the time it comes
//! the event is durable, has a place in the order, and has been folded: a purchase that was
//! acknowledged stops the ads with the next request.
//!
//! - [`embedded`] the log in files of our own: the engine, and where to begin reading
//!   - [`queue`] what waits, [`writer`] the one thread that writes and folds
//!   - [`rules`] how it is kept
//!   - [`batch`] and [`journal`] batches into segments, and how it goes on after the disk failed
//!   - [`recovery`] from files to a journal that goes on, after any crash
//!   - [`checkpoints`] all folds at one position
//!   - [`segments`], [`frames`], [`scan`] the files, their bytes, and reading them
//!   - [`survey`], [`salvage`] walking a damaged log, and taking what can be read into a new one
//! - `nats` the log in a JetStream stream that many nodes share (cargo feature `nats`);
//!   [`stream_rules`] how it is reached and kept
//! - [`engine`] either of them, as whoever runs it sees it
//! - [`direct`] a log that keeps nothing, for benches and tools
//! - [`disk`] what of a disk is used; a real one, and one that fails on request
//!
//! Guarantees: every event that was acknowledged is folded again after any crash, in the same
//! order; an event is folded by exactly one thread, in order, on every node alike. Must not
//! know what events mean: that is the business of the [`Fold`].

pub mod batch;
pub mod checkpoints;
pub mod direct;
pub mod disk;
pub mod embedded;
pub mod engine;
pub mod frames;
pub mod journal;
#[cfg(feature = "nats")]
pub mod nats;
pub mod queue;
pub mod recovery;
pub mod rules;
pub mod salvage;
pub mod scan;
pub mod segments;
pub mod stream_rules;
pub mod survey;
mod writer;

pub use checkpoints::Checkpoints;
pub use embedded::{Embedded, Folder, LogStatus};
pub use engine::{Engine, StreamStatus, Work};
pub use recovery::{RecoveryError, RecoveryReport};
pub use rules::{Fsync, JournalRules};
pub use stream_rules::{StreamLogin, StreamRules};

use crate::event::{Event, EventId, LogPosition};
use crate::ledger::Noted;

/// What grows with the log: everything that is a function of its events.
///
/// Called by one thread, in the order of the log, for each event that is durable. Events may
/// come twice (with the same id); what counts once is for the fold to see to.
pub trait Fold: Send + Sync {
    /// Takes in the event at `position`; what it did.
    fn apply(&self, position: LogPosition, event: &Event) -> Noted;

    /// Takes notice of an event of this node that is durable and acknowledged, but has no place
    /// in the order yet, as the log that is shared cannot be reached: what it is going to change
    /// must not be given away meanwhile. It is applied later, like any other; until then it may
    /// be kept again, after a restart.
    fn keep(&self, _event: &Event) {}

    /// An event that was kept has its place before those that were applied already.
    fn let_go(&self, _id: EventId) {}
}

/// What came of an event that was handed in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Folded {
    /// Its place in the order.
    pub position: LogPosition,
    /// What it did.
    pub noted: Noted,
}

/// Why an event was not acknowledged. It may be durable all the same, so whoever sends it
/// again must do so under the same id.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LogError {
    /// More is waiting to be written than the bound allows.
    #[error("more events wait to be written than the bound of {0} allows: try again later")]
    Full(usize),
    /// It has more bytes than any event may have.
    #[error("the event has more than {0} bytes: split it")]
    TooLarge(usize),
    /// It cannot be written now: the disk, or the stream.
    #[error("the log cannot be written: {0}")]
    Unavailable(String),
    /// The log is being closed.
    #[error("the log is closed")]
    Closed,
}

/// The answer to an event handed in: comes once it is durable and folded, or durable on this
/// node ([`Noted::Kept`]) while a log that is shared cannot be reached.
pub type Answer = tokio::sync::oneshot::Receiver<Result<Folded, LogError>>;

/// Where events go.
pub trait Log: Send + Sync {
    /// Hands in an event; returns at once. Events of one caller keep their order.
    fn append(&self, event: Event) -> Answer;

    /// Up to where everything is folded.
    fn folded(&self) -> LogPosition;

    /// Whether events can be written: while not, nobody must bid with money that could not be
    /// counted.
    fn is_available(&self) -> bool;
}

#[cfg(test)]
mod tests;
