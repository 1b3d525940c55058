//! Events that wait on this node's own disk until the stream can be reached.
//!
//! A log of its own in the format of `docs/log-format.md`; its checkpoints are empty, and their
//! positions say up to where everything is in the stream.
//!
//! Guarantees: what was written is read again in order after any crash, until it was marked as
//! sent; after a crash what was sent since the last mark is read once more. Bounded in bytes.

use super::letter::Letter;
use crate::event::{Event, LogPosition};
use crate::log::batch::Payloads;
use crate::log::disk::{Disk, FolderLock};
use crate::log::frames::FRAME_HEADER_BYTES;
use crate::log::journal::Journal;
use crate::log::recovery::{self, RecoveryError};
use crate::log::scan::{FrameReader, Step};
use crate::log::{Checkpoints, Fsync, JournalRules};
use crate::model::{Seconds, UnixSeconds};
use std::io;
use std::sync::Arc;

/// Length of a file: what a drained spool leaves on the disk at most.
const SEGMENT_BYTES: u64 = 16 << 20;

const RULES: JournalRules = JournalRules {
    fsync: Fsync::Always,
    segment_bytes: SEGMENT_BYTES,
    segment_age: Seconds(u32::MAX),
    // Whatever is marked as sent goes.
    keep: Seconds(0),
    keep_bytes: 0,
};

/// The spool.
pub(super) struct Spool {
    disk: Arc<dyn Disk>,
    journal: Journal,
    marks: Checkpoints,
    /// Up to where everything is in the stream.
    sent: LogPosition,
    marked: LogPosition,
    /// The next event to be read.
    next: LogPosition,
    reading: Option<Reading>,
    /// Bytes of the events that are not yet sent.
    bytes: u64,
    bytes_max: u64,
    _lock: FolderLock,
}

/// A segment that is being read.
struct Reading {
    name: String,
    reader: FrameReader,
}

impl Spool {
    /// Opens the spool of a folder; what waits there goes to `waiting`, in order.
    ///
    /// # Errors
    /// Another process has it, or it is damaged.
    pub(super) fn open(
        disk: Arc<dyn Disk>,
        bytes_max: u64,
        waiting: &mut dyn FnMut(&Event),
    ) -> Result<Self, RecoveryError> {
        let place = disk.place();
        let failed = |source| RecoveryError::Disk { place: place.clone(), source };
        let lock = disk.lock().map_err(failed)?;
        let marks = Checkpoints::new(Arc::clone(&disk));
        let latest = marks.latest().map_err(failed)?;
        let sent = latest.checkpoint.map_or(LogPosition(0), |(position, _)| position);
        let mut bytes = 0;
        let mut apply = |_: LogPosition, event: &Event| {
            bytes += Self::bytes_of(&Letter::of(event));
            waiting(event);
        };
        let (journal, _) = recovery::open(Arc::clone(&disk), RULES, sent, &mut apply)?;
        Ok(Self {
            disk,
            journal,
            marks,
            sent,
            marked: sent,
            next: LogPosition(sent.0 + 1),
            reading: None,
            bytes,
            bytes_max,
            _lock: lock,
        })
    }

    /// Makes a batch durable.
    ///
    /// # Errors
    /// The disk's: none of it counts.
    pub(super) fn write(&mut self, batch: &[Letter]) -> io::Result<()> {
        if self.journal.is_broken() {
            return Err(io::Error::other("the spool waits for the disk since an earlier failure"));
        }
        let mut payloads = Payloads::default();
        batch.iter().for_each(|letter| payloads.push(&letter.payload));
        let at = batch.iter().map(|letter| letter.at).max();
        self.journal.write(&payloads, at.unwrap_or(UnixSeconds(0)))?;
        self.bytes += batch.iter().map(Self::bytes_of).sum::<u64>();
        Ok(())
    }

    /// Tries to go on after the disk failed.
    ///
    /// # Errors
    /// It fails still.
    pub(super) fn mend(&mut self) -> io::Result<()> {
        self.reading = None;
        self.journal.mend()
    }

    /// The next event that was not yet read, with its place here.
    ///
    /// # Errors
    /// The disk's, or what was written is not there any more.
    pub(super) fn next(&mut self) -> io::Result<Option<(LogPosition, Letter)>> {
        if self.next >= self.journal.next_position() {
            return Ok(None);
        }
        let mut reading = self.reading_at_next()?;
        let mut is_anew = false;
        loop {
            match reading.reader.step()? {
                Step::Frame(frame) if frame.position < self.next => {}
                Step::Frame(frame) if frame.position == self.next => {
                    let letter = Letter::read(frame.payload).map_err(io::Error::other)?;
                    let position = self.next;
                    self.next.0 += 1;
                    self.reading = Some(reading);
                    return Ok(Some((position, letter)));
                }
                Step::End if !is_anew => {
                    // It was at the end of the file, which has grown since.
                    let offset = reading.reader.offset();
                    reading.reader = FrameReader::open_at(&*self.disk, &reading.name, offset)?;
                    is_anew = true;
                }
                _ => {
                    let told = format!("{}: expected event {}", reading.name, self.next.0);
                    return Err(io::Error::other(told));
                }
            }
        }
    }

    /// The reader of the segment that has the next event.
    fn reading_at_next(&mut self) -> io::Result<Reading> {
        let segments = self.journal.segments();
        let own = segments.filter(|segment| segment.header.first <= self.next).last();
        let name = own.map(super::super::segments::Segment::name).unwrap_or_default();
        match self.reading.take().filter(|reading| reading.name == name) {
            Some(reading) => Ok(reading),
            None => Ok(Reading { reader: FrameReader::open(&*self.disk, &name)?, name }),
        }
    }

    /// What was read and is not yet sent is read again.
    pub(super) fn rewind(&mut self) {
        self.next = LogPosition(self.sent.0 + 1);
        self.reading = None;
    }

    /// The event at `position`, and all before it, are in the stream.
    pub(super) fn sent(&mut self, position: LogPosition, letter: &Letter) {
        self.sent = position;
        self.bytes = self.bytes.saturating_sub(Self::bytes_of(letter));
    }

    /// Makes durable what was sent, and removes what is needless for that.
    ///
    /// # Errors
    /// The disk's: more is sent again after a crash.
    pub(super) fn mark(&mut self) -> io::Result<()> {
        if self.sent == self.marked {
            return Ok(());
        }
        self.marks.write(self.sent, |_| Ok(()))?;
        self.marked = self.sent;
        self.journal.remove_old(self.marks.covered()).map(|_| ())
    }

    /// Whether everything is in the stream.
    pub(super) fn is_drained(&self) -> bool {
        self.events() == 0
    }

    /// Events that are not yet in the stream.
    pub(super) fn events(&self) -> u64 {
        self.journal.next_position().0 - 1 - self.sent.0
    }

    /// Their bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether the last attempt to write failed.
    pub(super) fn is_broken(&self) -> bool {
        self.journal.is_broken()
    }

    /// Whether there is no room for more.
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= self.bytes_max
    }

    fn bytes_of(letter: &Letter) -> u64 {
        (FRAME_HEADER_BYTES + letter.payload.len()) as u64
    }
}

#[cfg(test)]
mod tests;
