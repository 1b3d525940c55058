//! A log that outlives the process, as whoever runs it sees it: whichever engine it is.

use super::{Checkpoints, Log, LogError, LogStatus};
use crate::event::LogPosition;
use std::sync::Arc;
use std::time::Instant;

/// Something to be run between two events, with the position of the last one folded.
pub type Work = Box<dyn FnOnce(LogPosition) + Send>;

/// An engine. Dropping it closes it.
pub trait Engine: Log {
    /// Has `work` run on the folding thread between two events: everything up to its position
    /// is folded, and nothing is folded meanwhile.
    ///
    /// # Errors
    /// The log is closed.
    fn between(&self, work: Work) -> Result<(), LogError>;

    /// How it is.
    fn status(&self) -> LogStatus;

    /// The checkpoints of this node.
    fn checkpoints(&self) -> &Arc<Checkpoints>;

    /// Why nobody must bid by what is folded here, for people; `None`: nothing is in the way.
    fn obstacle(&self) -> Option<String>;
}

/// How a node stands to the log that it shares.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StreamStatus {
    /// Since when it has been connected to it, if it is.
    pub connected_since: Option<Instant>,
    /// Events that are in it and not yet folded here, as of the last one that came.
    pub behind: u64,
    /// Events that are durable here and not yet in it.
    pub spooled_events: u64,
    /// Their bytes.
    pub spooled_bytes: u64,
    /// How long ago this node last heard an event of its own come back, in milliseconds.
    pub silent_ms: u64,
}
