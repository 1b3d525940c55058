//! The writing side of a log on one disk, without threads: batches in, positions out.
//!
//! Guarantees: what [`Journal::write`] has acknowledged is durable as [`Fsync`] says, and is
//! read again in order after any loss of power. After a failure nothing of the failed batch is
//! acknowledged and nothing more is written, until [`Journal::mend`] has begun a new segment:
//! what a failed sync leaves behind cannot be trusted, so it is never synced again. What was
//! acknowledged but not yet synced is written again there.
//!
//! Must not know what events mean, nor read a clock: ages are by the time of the log, which is
//! the latest `at` of its events.

use super::batch::Payloads;
use super::disk::{Disk, DiskFile};
use super::frames::{
    FRAME_HEADER_BYTES, FrameHeader, HEADER_BYTES, Header, encode_frame, frame_bytes, peek_frame,
};
use super::rules::{Fsync, JournalRules, SEGMENT_BYTES_MAX};
use super::segments::{self, Segment};
use crate::event::LogPosition;
use crate::model::UnixSeconds;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

/// What is acknowledged but not synced is kept in memory, to be written again should the sync
/// fail; with more than this it is synced before its time.
pub const UNSYNCED_BYTES_MAX: usize = 64 << 20;
/// A new segment after a failure is begun only where there is room for this much: a disk that
/// takes one batch and refuses the next helps nobody.
const RESERVE_BYTES: usize = 1 << 20;
/// The writing side.
pub struct Journal {
    disk: Arc<dyn Disk>,
    rules: JournalRules,
    /// What is there, the last one being written; never empty.
    segments: VecDeque<Segment>,
    /// The last segment's file; none after a failure.
    file: Option<Box<dyn DiskFile>>,
    next: LogPosition,
    /// How much of the last segment is synced.
    synced: u64,
    /// The frames behind that.
    unsynced: Vec<u8>,
    /// The position of the first of them.
    unsynced_first: LogPosition,
    /// The latest `at` of any event.
    time: UnixSeconds,
    /// The time that the last segment's age counts from.
    since: UnixSeconds,
    frames: Vec<u8>,
}

/// Where a journal goes on: what recovery has found, all of it durable.
pub(super) struct Resume {
    pub(super) segments: VecDeque<Segment>,
    pub(super) file: Box<dyn DiskFile>,
    pub(super) next: LogPosition,
    pub(super) time: UnixSeconds,
}

impl Resume {
    /// A log that begins after the event at `after`.
    pub(super) fn anew(disk: &dyn Disk, after: LogPosition) -> io::Result<Self> {
        let time = UnixSeconds(0);
        let header = segments::first_header(after, time);
        let (segment, file) = segments::begin(disk, header, &[], 0)?;
        let next = segment.header.first;
        Ok(Self { segments: VecDeque::from([segment]), file, next, time })
    }
}

impl Journal {
    pub(super) fn resume(disk: Arc<dyn Disk>, rules: JournalRules, found: Resume) -> Self {
        let Resume { segments, file, next, time } = found;
        let synced = segments.back().map_or(0, |segment| segment.bytes);
        let begun = segments.back().map_or(UnixSeconds(0), |segment| segment.header.begun);
        Self {
            since: if begun == UnixSeconds(0) { time } else { begun },
            disk,
            rules,
            segments,
            file: Some(file),
            next,
            synced,
            unsynced: Vec::new(),
            unsynced_first: next,
            time,
            frames: Vec::new(),
        }
    }

    /// The position that the next event gets.
    pub fn next_position(&self) -> LogPosition {
        self.next
    }

    /// The segments that are there, oldest first.
    pub fn segments(&self) -> impl ExactSizeIterator<Item = &Segment> {
        self.segments.iter()
    }

    /// Whether something acknowledged is not synced.
    pub fn has_unsynced(&self) -> bool {
        !self.unsynced.is_empty()
    }

    /// Whether it has failed, and waits for [`Journal::mend`].
    pub fn is_broken(&self) -> bool {
        self.file.is_none()
    }

    /// Writes a batch, whose latest event is of `at`; the position of its first event.
    ///
    /// # Errors
    /// None of the batch counts. It may be read after a restart all the same, as far as the
    /// journal was not mended before.
    pub fn write(&mut self, batch: &Payloads, at: UnixSeconds) -> io::Result<LogPosition> {
        let first = self.next;
        self.time = self.time.max(at);
        if self.since == UnixSeconds(0) {
            // A new log has no time before its first event.
            self.since = at;
        }
        let done = self.write_frames(batch);
        if done.is_err() {
            self.give_up();
        }
        done.map(|()| first)
    }

    fn write_frames(&mut self, batch: &Payloads) -> io::Result<()> {
        self.end_segment_if_due()?;
        if self.unsynced.len() + batch.bytes() > UNSYNCED_BYTES_MAX {
            self.sync_file()?;
        }
        self.encode(batch);
        let file = self.file.as_mut().ok_or_else(broken)?;
        file.write(&self.frames)?;
        if self.rules.fsync == Fsync::Always {
            file.sync()?;
        } else {
            self.unsynced.extend_from_slice(&self.frames);
        }
        let bytes = self.current().bytes + self.frames.len() as u64;
        self.current_mut().bytes = bytes;
        self.next.0 += batch.count() as u64;
        if self.rules.fsync == Fsync::Always {
            self.all_is_synced();
        }
        Ok(())
    }

    fn encode(&mut self, batch: &Payloads) {
        self.frames.clear();
        let mut header = FrameHeader { position: self.next, synced: self.synced as u32 };
        for payload in batch.iter() {
            encode_frame(header, payload, &mut self.frames);
            header.position.0 += 1;
        }
    }

    /// Makes everything acknowledged durable.
    ///
    /// # Errors
    /// It is not, and the journal is broken.
    pub fn sync(&mut self) -> io::Result<()> {
        let done = self.sync_file();
        if done.is_err() {
            self.give_up();
        }
        done
    }

    fn sync_file(&mut self) -> io::Result<()> {
        let file = self.file.as_mut().ok_or_else(broken)?;
        if !self.unsynced.is_empty() {
            file.sync()?;
            self.all_is_synced();
        }
        Ok(())
    }

    fn all_is_synced(&mut self) {
        self.synced = self.current().bytes;
        self.unsynced.clear();
        self.unsynced_first = self.next;
    }

    fn end_segment_if_due(&mut self) -> io::Result<()> {
        let current = self.current();
        let is_long = current.bytes >= self.rules.segment_bytes.min(SEGMENT_BYTES_MAX);
        let is_old = self.time.since(self.since) >= self.rules.segment_age;
        if segments::is_empty(current) || !(is_long || is_old) {
            return Ok(());
        }
        self.sync_file()?;
        let previous = LogPosition(self.next.0 - 1);
        self.begin(segments::first_header(previous, self.time), 0)
    }

    /// Begins a new segment after a failure; what was acknowledged but not synced comes first
    /// in it. It replaces whatever the failure left behind from there on.
    ///
    /// # Errors
    /// The disk's: it is not yet well.
    pub fn mend(&mut self) -> io::Result<()> {
        self.give_up();
        let first = self.unsynced_first;
        let mut header = segments::first_header(LogPosition(first.0 - 1), self.time);
        if self.current().header.first == first {
            // Nothing of it was durable but its header: it is replaced.
            header = self.current().header;
        }
        self.begin(header, RESERVE_BYTES)
    }

    /// Leaves out the positions before `next`, which are known to be lost.
    ///
    /// # Errors
    /// The disk's; the journal is broken.
    pub fn skip_to(&mut self, next: LogPosition) -> io::Result<()> {
        self.sync()?;
        if next <= self.next {
            return Ok(());
        }
        let unused = Some(self.current().clone()).filter(segments::is_empty);
        let previous = LogPosition(self.next.0 - 1);
        let follows = unused.as_ref().map_or(previous, |unused| unused.header.follows);
        let done = self.begin(Header { first: next, follows, begun: self.time }, 0);
        if done.is_err() {
            self.give_up();
            return done;
        }
        self.next = next;
        self.unsynced_first = next;
        if let Some(unused) = unused {
            self.segments.retain(|segment| *segment != unused);
            self.disk.remove(&unused.name())?;
        }
        Ok(())
    }

    fn begin(&mut self, header: Header, reserve: usize) -> io::Result<()> {
        let frames = rebased(&self.unsynced);
        let (segment, file) = segments::begin(&*self.disk, header, &frames, reserve)?;
        if self.segments.back().is_some_and(|last| last.header.first == header.first) {
            self.segments.pop_back();
        }
        self.segments.push_back(segment);
        self.file = Some(file);
        self.since = self.time;
        self.all_is_synced();
        Ok(())
    }

    /// Writes no more to the file. What was half written is cut off: it is in the way of a disk
    /// that is full, and of people who look; whether that works makes no other difference.
    fn give_up(&mut self) {
        if let Some(mut file) = self.file.take() {
            let _ = file.truncate(self.current().bytes);
        }
    }

    /// Removes the oldest segments that are past keeping and whose events all are at or before
    /// `covered`; how many were.
    ///
    /// # Errors
    /// The disk's; what could not be removed is tried again the next time.
    pub fn remove_old(&mut self, covered: LogPosition) -> io::Result<usize> {
        let mut removed = 0;
        while self.is_oldest_due(covered) {
            self.disk.remove(&self.segments[0].name())?;
            // One by one: a later one must never be gone while an earlier one is there.
            self.segments.pop_front();
            removed += 1;
            self.disk.sync_folder()?;
        }
        Ok(removed)
    }

    fn is_oldest_due(&self, covered: LogPosition) -> bool {
        let Some(second) = self.segments.get(1) else { return false };
        let bytes: u64 = self.segments.iter().map(|segment| segment.bytes).sum();
        let is_old = self.time.since(second.header.begun) >= self.rules.keep;
        (is_old || bytes > self.rules.keep_bytes) && second.header.first.0 <= covered.0 + 1
    }

    fn current(&self) -> &Segment {
        self.segments.back().expect("there is always a segment")
    }

    fn current_mut(&mut self) -> &mut Segment {
        self.segments.back_mut().expect("there is always a segment")
    }
}

/// Frames as they are in a new segment, where nothing but the header is known to be synced.
fn rebased(frames: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(frames.len());
    let mut rest = frames;
    while !rest.is_empty() {
        let length = frame_bytes(rest).expect("a frame of our own is well made");
        let (frame, behind) = rest.split_at(length);
        let header = FrameHeader { synced: HEADER_BYTES as u32, ..peek_frame(frame) };
        encode_frame(header, &frame[FRAME_HEADER_BYTES..], &mut out);
        rest = behind;
    }
    out
}

fn broken() -> io::Error {
    io::Error::other("the log waits for the disk since an earlier failure")
}
