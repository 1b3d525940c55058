//! Walks a whole log, damaged or not: what is there, what is missing, what cannot be read.
//!
//! Guarantees: changes nothing; never gives up for damage; hands out every event that can be
//! read, once, in order. What recovery would cut off as a torn tail is told apart from damage.

use super::checkpoints::Checkpoints;
use super::disk::Disk;
use super::recovery::{Bad, TornTail};
use super::scan::{FrameReader, Step};
use super::segments::{self, Found};
use crate::event::{Event, LogPosition, codec};
use std::io;
use std::sync::Arc;

/// Most entries in each list of a survey; the counts go on.
const LISTED_MAX: usize = 1_000;

/// A list that keeps its first entries, and counts all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bounded<T> {
    /// The first ones.
    pub first: Vec<T>,
    /// How many there are.
    pub count: u64,
}

impl<T> Default for Bounded<T> {
    fn default() -> Self {
        Self { first: Vec::new(), count: 0 }
    }
}

impl<T> Bounded<T> {
    fn push(&mut self, one: T) {
        self.count += 1;
        if self.first.len() < LISTED_MAX {
            self.first.push(one);
        }
    }
}

/// Bytes that cannot be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unreadable {
    /// The file.
    pub file: String,
    /// Where they begin.
    pub offset: u64,
    /// How many they are.
    pub bytes: u64,
    /// Why.
    pub reason: String,
}

/// What a log is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Survey {
    /// Its segments.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The events that can be read.
    pub events: u64,
    /// The first of them.
    pub first: Option<LogPosition>,
    /// The last of them.
    pub last: Option<LogPosition>,
    /// The events that are missing: from, to.
    pub missing: Bounded<(LogPosition, LogPosition)>,
    /// What cannot be read.
    pub unreadable: Bounded<Unreadable>,
    /// What a start would cut off at the end: not finished when the power went.
    pub torn: Option<TornTail>,
    /// Frames of batches that were refused, and written again elsewhere.
    pub replaced: u64,
    /// The checkpoints that are whole, oldest first.
    pub checkpoints: Vec<LogPosition>,
}

impl Survey {
    /// Whether a node starts from it, and nothing was found that should not be.
    pub fn is_whole(&self) -> bool {
        self.missing.count == 0 && self.unreadable.count == 0
    }
}

/// Takes an event: its position, itself, and its bytes.
pub type Sink<'a> = &'a mut dyn FnMut(LogPosition, &Event, &[u8]) -> io::Result<()>;

/// Walks the log of a folder; every event that can be read goes to `sink`.
///
/// # Errors
/// The disk's, or the sink's.
pub fn survey(disk: &Arc<dyn Disk>, sink: Sink<'_>) -> io::Result<Survey> {
    let mut walk = Walk { disk: &**disk, sink, survey: Survey::default(), expected: 1 };
    walk.checkpoints(&Checkpoints::new(Arc::clone(disk)))?;
    let found = segments::find(&**disk)?;
    for (index, segment) in found.iter().enumerate() {
        walk.begin_segment(segment, index == 0);
        walk.segment(segment, found.get(index + 1).map(follows))?;
    }
    walk.finish(found.last());
    Ok(walk.survey)
}

/// The last event that counts before a segment.
fn follows(segment: &Found) -> LogPosition {
    let by_name = LogPosition(segment.first.0.saturating_sub(1));
    segment.header.map_or(by_name, |header| header.follows)
}

struct Walk<'a> {
    disk: &'a dyn Disk,
    sink: Sink<'a>,
    survey: Survey,
    /// The position that should come next.
    expected: u64,
}

impl Walk<'_> {
    fn checkpoints(&mut self, checkpoints: &Checkpoints) -> io::Result<()> {
        let names: Vec<_> = checkpoints.find()?;
        let damaged = checkpoints.latest()?.damaged;
        for position in names {
            let file = Checkpoints::name_of(position);
            match damaged.iter().find(|damage| damage.starts_with(&file)) {
                None => self.survey.checkpoints.push(position),
                Some(damage) => {
                    let bytes = self.disk.bytes(&file)?;
                    let reason = damage[file.len() + 2..].to_owned();
                    self.survey.unreadable.push(Unreadable { file, offset: 0, bytes, reason });
                }
            }
        }
        Ok(())
    }

    fn begin_segment(&mut self, segment: &Found, is_first: bool) {
        self.survey.segments += 1;
        self.survey.bytes += segment.bytes;
        let follows = follows(segment).0;
        if let Err(fault) = segment.header {
            let (file, reason) = (segment.name.clone(), fault.to_string());
            let bytes = segment.bytes.min(super::frames::HEADER_BYTES as u64);
            self.survey.unreadable.push(Unreadable { file, offset: 0, bytes, reason });
        }
        // What is before the first segment is known by a checkpoint, or lost.
        let covered = self.survey.checkpoints.last().map_or(0, |position| position.0);
        if is_first && covered >= follows {
            self.expected = segment.first.0;
        }
        if follows + 1 == self.expected {
            self.expected = segment.first.0;
        }
    }

    /// Walks a segment whose events up to `limit` count; all of the last one's do.
    fn segment(&mut self, segment: &Found, limit: Option<LogPosition>) -> io::Result<()> {
        let mut reader = FrameReader::open(self.disk, &segment.name)?;
        loop {
            let offset = reader.offset();
            let fault = match reader.step()? {
                Step::End => return Ok(()),
                Step::Frame(frame) => {
                    let is_replaced = limit.is_some_and(|limit| frame.position > limit);
                    if is_replaced || frame.position.0 < self.expected {
                        self.survey.replaced += 1;
                    } else {
                        self.event(&segment.name, offset, (frame.position, frame.payload))?;
                    }
                    continue;
                }
                Step::Bad(fault) => fault,
            };
            let after = LogPosition(self.expected - 1);
            let bad = Bad { offset, after, fault };
            if limit.is_none() && !bad.is_damage(self.disk, &segment.name)? {
                let (name, bytes) = (segment.name.clone(), segment.bytes - offset);
                let position = LogPosition(self.expected);
                self.survey.torn = Some(TornTail { segment: name, offset, bytes, position });
                return Ok(());
            }
            reader.resync(|position| {
                position > after && limit.is_none_or(|limit| position <= limit)
            })?;
            let (bytes, reason) = (reader.offset() - offset, fault.to_string());
            // Behind its last event, a segment may hold whatever a failure has left.
            if limit.is_none_or(|limit| after < limit) {
                let file = segment.name.clone();
                self.survey.unreadable.push(Unreadable { file, offset, bytes, reason });
            }
        }
    }

    fn event(
        &mut self,
        name: &str,
        offset: u64,
        (position, payload): (LogPosition, &[u8]),
    ) -> io::Result<()> {
        let event = match codec::decode(payload) {
            Ok(event) => event,
            Err(error) => {
                let (file, bytes) = (name.to_owned(), payload.len() as u64);
                let reason = format!("event {}: {error}", position.0);
                self.survey.unreadable.push(Unreadable { file, offset, bytes, reason });
                return Ok(());
            }
        };
        self.expect_up_to(position.0);
        self.expected = position.0 + 1;
        self.survey.events += 1;
        self.survey.first.get_or_insert(position);
        self.survey.last = Some(position);
        (self.sink)(position, &event, payload)
    }

    /// All events before `position` should have been seen by now.
    fn expect_up_to(&mut self, position: u64) {
        if position > self.expected {
            let missing = (LogPosition(self.expected), LogPosition(position - 1));
            self.survey.missing.push(missing);
            self.expected = position;
        }
    }

    fn finish(&mut self, last: Option<&Found>) {
        let begun = last.map_or(0, |segment| segment.first.0);
        let covered = self.survey.checkpoints.last().map_or(0, |position| position.0 + 1);
        self.expect_up_to(begun.max(covered));
    }
}
