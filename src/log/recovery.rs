//! From the files of a log to a journal that goes on: everything after a checkpoint is read
//! again, in order, and what a loss of power has left at the very end is cut off.
//!
//! Guarantees: a loss of power is never a reason not to start. Damage that no loss of power
//! makes is one: it is named, with its place and what to do, and nothing is changed. The two
//! are told apart by what whole frames behind the damage say was durable when they were
//! written. Reads in bounded memory.

mod error;

pub use error::{RecoveryError, Rescue};

use super::disk::{Disk, DiskFile};
use super::frames::{FrameFault, HEADER_BYTES, HeaderFault};
use super::journal::{Journal, Resume};
use super::rules::JournalRules;
use super::scan::{FrameReader, Step};
use super::segments::{self, Found, Segment, UNFINISHED_SUFFIX};
use crate::event::codec;
use crate::event::{Event, LogPosition};
use crate::model::UnixSeconds;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::Arc;

/// How much is copied at a time.
const COPY_BYTES: usize = 1 << 20;

/// What was found at start.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RecoveryReport {
    /// Segments in the folder.
    pub segments: usize,
    /// Events that were read again: those after the checkpoint.
    pub replayed: u64,
    /// The last event.
    pub last: LogPosition,
    /// What was cut off at the end.
    pub torn: Option<TornTail>,
    /// Files without anything of worth that were removed: not finished when the power went.
    pub removed: Vec<String>,
    /// Segments that are damaged, but whose events are covered by the checkpoint.
    pub damaged: Vec<String>,
}

/// The end of the last segment, not finished when the power went: never acknowledged, unless
/// events are acknowledged before they are synced.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TornTail {
    /// The segment's file.
    pub segment: String,
    /// Where it begins.
    pub offset: u64,
    /// How much was cut off.
    pub bytes: u64,
    /// The position that its first event would have had.
    pub position: LogPosition,
}

/// Who takes in the events that are read again.
pub type Apply<'a> = &'a mut dyn FnMut(LogPosition, &Event);

/// Opens the log of a folder whose lock is held; the events after `after`, the position of the
/// checkpoint (0 without one), go to `apply`.
///
/// # Errors
/// See [`RecoveryError`]; nothing on the disk has changed then, except by disk errors.
pub fn open(
    disk: Arc<dyn Disk>,
    rules: JournalRules,
    after: LogPosition,
    apply: Apply<'_>,
) -> Result<(Journal, RecoveryReport), RecoveryError> {
    let mut recovery = Recovery {
        disk: &*disk,
        after,
        apply,
        time: UnixSeconds(0),
        report: RecoveryReport::default(),
    };
    let resume = recovery.run()?;
    let report = recovery.report;
    Ok((Journal::resume(disk, rules, resume), report))
}

/// Bytes in the last segment that are no frame.
pub(super) struct Bad {
    /// Where they begin.
    pub(super) offset: u64,
    /// The event before them.
    pub(super) after: LogPosition,
    /// What is wrong with them.
    pub(super) fault: FrameFault,
}

impl Bad {
    /// Whether they are damage, and not what a loss of power leaves at the end: something
    /// written later knows that they were durable.
    pub(super) fn is_damage(&self, disk: &dyn Disk, segment: &str) -> io::Result<bool> {
        if matches!(self.fault, FrameFault::Position { .. }) {
            return Ok(true);
        }
        let mut reader = FrameReader::open_at(disk, segment, self.offset)?;
        while reader.resync(|position| position > self.after)? {
            if let Step::Frame(frame) = reader.step()?
                && frame.synced > self.offset
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

struct Recovery<'a> {
    disk: &'a dyn Disk,
    after: LogPosition,
    apply: Apply<'a>,
    time: UnixSeconds,
    report: RecoveryReport,
}

/// How far a segment could be read.
struct Extent {
    /// The last event read; the one before the segment's first where there is none.
    last: LogPosition,
    /// Where reading ended.
    offset: u64,
    /// All bytes before this offset were durable, by what the frames say.
    proven: u64,
    /// Why it ended there, if not at the end of the file or with the last event that counts.
    fault: Option<FrameFault>,
}

impl Recovery<'_> {
    fn run(&mut self) -> Result<Resume, RecoveryError> {
        let mut found = segments::find(self.disk).map_err(self.on_disk())?;
        self.drop_unfinished(&mut found)?;
        let Some(last) = found.len().checked_sub(1) else { return self.begin_anew() };
        let start = found.iter().rposition(|one| one.first.0 <= self.after.0 + 1).unwrap_or(0);
        let segments = self.headers(&found, start)?;
        self.expect_no_gap_before(&segments[start])?;
        for index in start..last {
            let limit = segments[index + 1].header.follows;
            let read = self.read(&segments[index], limit)?;
            self.expect_whole(&segments[index], &read, limit)?;
        }
        self.finish(segments.into())
    }

    /// A folder without any segment.
    fn begin_anew(&mut self) -> Result<Resume, RecoveryError> {
        if self.after.0 > 0 {
            return Err(self.missing(1, self.after.0, "segments in the folder: there is none"));
        }
        self.report.segments = 1;
        Resume::anew(self.disk, self.after).map_err(self.on_disk())
    }

    /// Removes what has no name of its own yet, and a last segment without header and frames.
    fn drop_unfinished(&mut self, found: &mut Vec<Found>) -> Result<(), RecoveryError> {
        let names = self.disk.list().map_err(self.on_disk())?;
        let unfinished = names.into_iter().filter(|name| name.ends_with(UNFINISHED_SUFFIX));
        let mut useless: Vec<String> = unfinished.collect();
        if let Some(last) = found.last()
            && let Err(fault) = last.header
            && !matches!(fault, HeaderFault::Version(_))
            && !self.has_frames(last).map_err(self.on_disk())?
        {
            useless.extend(found.pop().map(|last| last.name));
        }
        for name in &useless {
            self.disk.remove(name).map_err(self.on_disk())?;
        }
        self.report.removed = useless;
        Ok(())
    }

    fn has_frames(&self, found: &Found) -> io::Result<bool> {
        let mut reader = FrameReader::open(self.disk, &found.name)?;
        reader.resync(|position| position >= found.first)
    }

    /// The segments with their headers, which must be whole from `start` on.
    fn headers(&mut self, found: &[Found], start: usize) -> Result<Vec<Segment>, RecoveryError> {
        let mut segments: Vec<Segment> = Vec::with_capacity(found.len());
        for (index, one) in found.iter().enumerate() {
            let header = match one.header {
                Ok(header) => header,
                Err(fault @ HeaderFault::Version(_)) => {
                    return Err(RecoveryError::Version { segment: one.name.clone(), fault });
                }
                Err(fault) if index >= start => {
                    let (segment, rescue) = (one.name.clone(), self.rescue());
                    return Err(RecoveryError::Header { segment, fault, rescue });
                }
                Err(_) => {
                    self.report.damaged.push(one.name.clone());
                    let begun = segments.last().map_or(UnixSeconds(0), |last| last.header.begun);
                    segments::first_header(LogPosition(one.first.0.saturating_sub(1)), begun)
                }
            };
            segments.push(Segment { header, bytes: one.bytes });
        }
        self.report.segments = segments.len();
        Ok(segments)
    }

    fn expect_no_gap_before(&self, start: &Segment) -> Result<(), RecoveryError> {
        let header = start.header;
        if header.first.0 > self.after.0 + 1 && header.follows > self.after {
            let place = format!("before {}", start.name());
            return Err(self.missing(self.after.0 + 1, header.first.0 - 1, &place));
        }
        Ok(())
    }

    /// Reads a segment up to the event at `limit`.
    fn read(&mut self, segment: &Segment, limit: LogPosition) -> Result<Extent, RecoveryError> {
        let name = segment.name();
        let mut reader = FrameReader::open(self.disk, &name).map_err(self.on_disk())?;
        let mut read = Extent {
            last: LogPosition(segment.header.first.0 - 1),
            offset: HEADER_BYTES as u64,
            proven: HEADER_BYTES as u64,
            fault: None,
        };
        self.time = self.time.max(segment.header.begun);
        while read.last < limit {
            let frame = match reader.step().map_err(self.on_disk())? {
                Step::Frame(frame) => frame,
                Step::End => break,
                Step::Bad(fault) => {
                    read.fault = Some(fault);
                    break;
                }
            };
            let (expected, found) = (read.last.0 + 1, frame.position.0);
            if found != expected {
                read.fault = Some(FrameFault::Position { expected, found });
                break;
            }
            if frame.position > self.after {
                let event = codec::decode(frame.payload).map_err(|source| {
                    let (segment, rescue) = (name.clone(), self.rescue());
                    let (offset, position) = (frame.offset, frame.position);
                    RecoveryError::Event { segment, offset, position, source, rescue }
                })?;
                self.time = self.time.max(event.at);
                (self.apply)(frame.position, &event);
                self.report.replayed += 1;
            }
            read.last = frame.position;
            read.proven = read.proven.max(frame.synced);
            read.offset = reader.offset();
        }
        Ok(read)
    }

    /// A segment that another one follows must have all up to what that says.
    fn expect_whole(
        &self,
        segment: &Segment,
        read: &Extent,
        limit: LogPosition,
    ) -> Result<(), RecoveryError> {
        if read.last >= limit {
            return Ok(());
        }
        if let Some(fault) = read.fault {
            return Err(self.damaged(segment, read, fault));
        }
        let place = format!("after {}", segment.name());
        Err(self.missing(read.last.0 + 1, limit.0, &place))
    }

    /// Reads the last segment, and makes it ready to be written on.
    fn finish(&mut self, mut segments: VecDeque<Segment>) -> Result<Resume, RecoveryError> {
        let segment = segments.pop_back().expect("there is a last segment");
        let read = self.read(&segment, LogPosition(u64::MAX))?;
        if let Some(fault) = read.fault {
            let bad = Bad { offset: read.offset, after: read.last, fault };
            if bad.is_damage(self.disk, &segment.name()).map_err(self.on_disk())? {
                return Err(self.damaged(&segment, &read, fault));
            }
        }
        if read.last < self.after {
            let place = format!("at the end of {}", segment.name());
            return Err(self.missing(read.last.0 + 1, self.after.0, &place));
        }
        let file = self.mend(&segment, &read).map_err(self.on_disk())?;
        self.report.last = read.last;
        segments.push_back(Segment { header: segment.header, bytes: read.offset });
        let next = LogPosition(read.last.0 + 1);
        Ok(Resume { segments, file, next, time: self.time })
    }

    /// Cuts off a torn tail, and makes durable what was read. The last batch is written once
    /// more for that: should its sync have failed before the process ended, the system has it
    /// in memory and would not write it again by itself.
    fn mend(&mut self, segment: &Segment, read: &Extent) -> io::Result<Box<dyn DiskFile>> {
        let name = segment.name();
        let mut file = self.disk.append(&name)?;
        if segment.bytes > read.offset {
            file.truncate(read.offset)?;
            self.report.torn = Some(TornTail {
                segment: name.clone(),
                offset: read.offset,
                bytes: segment.bytes - read.offset,
                position: LogPosition(read.last.0 + 1),
            });
        }
        let mut at = read.proven.min(read.offset);
        let mut bytes = Vec::new();
        while at < read.offset {
            let length = (read.offset - at).min(COPY_BYTES as u64);
            bytes.clear();
            self.disk.read(&name, at)?.take(length).read_to_end(&mut bytes)?;
            file.overwrite(at, &bytes)?;
            at += length;
        }
        file.sync()?;
        self.disk.sync_folder()?;
        Ok(file)
    }

    fn damaged(&self, segment: &Segment, read: &Extent, fault: FrameFault) -> RecoveryError {
        RecoveryError::Frame {
            segment: segment.name(),
            offset: read.offset,
            position: LogPosition(read.last.0 + 1),
            fault,
            rescue: self.rescue(),
        }
    }

    fn missing(&self, from: u64, to: u64, place: &str) -> RecoveryError {
        let (from, to, place) = (LogPosition(from), LogPosition(to), place.to_owned());
        RecoveryError::Missing { from, to, place, rescue: self.rescue() }
    }

    fn rescue(&self) -> Rescue {
        Rescue { place: self.disk.place() }
    }

    fn on_disk(&self) -> impl FnOnce(io::Error) -> RecoveryError + use<> {
        let place = self.disk.place();
        move |source| RecoveryError::Disk { place, source }
    }
}
