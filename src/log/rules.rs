//! How a log is kept: when its events count as written, how long its files are, what is removed.

use crate::model::Seconds;
use std::time::Duration;

/// Largest segment: offsets in it are 32 bits, and the last batch may go beyond.
pub const SEGMENT_BYTES_MAX: u64 = 1 << 30;

/// When an event counts as written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fsync {
    /// Once it is on the disk: loss of power loses nothing.
    Always,
    /// Once the operating system has it, which syncs it at the latest after this long: a crash
    /// of the process loses nothing, loss of power loses this much.
    Every(Duration),
}

/// How a log is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JournalRules {
    /// When an event counts as written.
    pub fsync: Fsync,
    /// A segment ends with the batch that makes it this long; at most [`SEGMENT_BYTES_MAX`].
    pub segment_bytes: u64,
    /// A segment ends when it spans this much time.
    pub segment_age: Seconds,
    /// Events older than this are removed, segment by segment, once checkpoints cover them.
    pub keep: Seconds,
    /// As are the oldest beyond this many bytes in all.
    pub keep_bytes: u64,
}

impl Default for JournalRules {
    fn default() -> Self {
        Self {
            fsync: Fsync::Always,
            segment_bytes: 256 << 20,
            segment_age: Seconds(24 * 3600),
            keep: Seconds(7 * 24 * 3600),
            keep_bytes: 64 << 30,
        }
    }
}
