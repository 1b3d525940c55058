//! Why a log cannot go on: where, what was expected, what was found, and what to do.

use crate::event::LogPosition;
use crate::event::codec::DecodeError;
use crate::log::frames::{FrameFault, HeaderFault};
use std::io;

/// Why a log cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The disk's.
    #[error("the log in {place}: {source}")]
    Disk {
        /// The folder.
        place: String,
        /// What the disk says.
        source: io::Error,
    },
    /// Written by another version of the format.
    #[error("{segment}: {fault}")]
    Version {
        /// The segment's file.
        segment: String,
        /// Which.
        fault: HeaderFault,
    },
    /// The header of a segment is damaged.
    #[error("{segment}, byte 0: {fault}; {rescue}")]
    Header {
        /// The segment's file.
        segment: String,
        /// How.
        fault: HeaderFault,
        /// What to do.
        rescue: Rescue,
    },
    /// A frame is damaged, and events that came later are not.
    #[error("{segment}, byte {offset}, where event {} should be: {fault}; {rescue}", position.0)]
    Frame {
        /// The segment's file.
        segment: String,
        /// Where.
        offset: u64,
        /// The event that should be there.
        position: LogPosition,
        /// How.
        fault: FrameFault,
        /// What to do.
        rescue: Rescue,
    },
    /// Events are missing.
    #[error("events {} to {} are missing, expected {place}; {rescue}", from.0, to.0)]
    Missing {
        /// The first.
        from: LogPosition,
        /// The last.
        to: LogPosition,
        /// Where they should be.
        place: String,
        /// What to do.
        rescue: Rescue,
    },
    /// An event cannot be understood.
    #[error("{segment}, byte {offset}, event {}: {source}; {rescue}", position.0)]
    Event {
        /// The segment's file.
        segment: String,
        /// Where its frame is.
        offset: u64,
        /// Which.
        position: LogPosition,
        /// Why not.
        source: DecodeError,
        /// What to do.
        rescue: Rescue,
    },
}

/// What to do about a damaged log.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "put the files back from a copy, or take what can be read into a new folder: \
     homing log salvage --folder {place} --out NEW-FOLDER"
)]
pub struct Rescue {
    /// The folder.
    pub place: String,
}
