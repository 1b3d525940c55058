//! Takes what can be read of a damaged log into a new one.
//!
//! Guarantees: the old folder is not changed; events keep their positions, so checkpoints stay
//! good and are taken along; where events are lost, the new log says so and starts all the
//! same. The report says what is missing.

use super::batch::Payloads;
use super::checkpoints::Checkpoints;
use super::disk::Disk;
use super::journal::{Journal, Resume};
use super::rules::{Fsync, JournalRules};
use super::survey::{Survey, survey};
use super::{frames, segments};
use crate::event::LogPosition;
use crate::model::UnixSeconds;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// How much is written at a time.
const BATCH_BYTES: usize = 1 << 20;

/// Takes what can be read of the log in `from` into `to`, which must have none; both are
/// locked by the caller.
///
/// # Errors
/// `to` has a log (`AlreadyExists`), or a disk fails.
pub fn salvage(from: &Arc<dyn Disk>, to: &Arc<dyn Disk>) -> io::Result<Survey> {
    let checkpoints = Checkpoints::new(Arc::clone(to));
    if !segments::find(&**to)?.is_empty() || !checkpoints.find()?.is_empty() {
        let message = format!("expected a folder without a log, found one in {}", to.place());
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
    }
    let covered = copy_checkpoints(from, &checkpoints)?;
    let mut copy = Copy {
        journal: begin(from, to, covered)?,
        payloads: Payloads::default(),
        at: UnixSeconds(0),
        next: LogPosition(0),
    };
    copy.next = copy.journal.next_position();
    let survey = survey(from, &mut |position, event, payload| {
        copy.at = copy.at.max(event.at);
        copy.take(position, payload)
    })?;
    copy.skip_to(LogPosition(covered.0 + 1))?;
    copy.flush()?;
    copy.journal.sync()?;
    Ok(survey)
}

/// The position of the latest checkpoint that was copied.
fn copy_checkpoints(from: &Arc<dyn Disk>, to: &Checkpoints) -> io::Result<LogPosition> {
    let old = Checkpoints::new(Arc::clone(from));
    // Looks which of them are whole.
    old.latest()?;
    let mut latest = LogPosition(0);
    for position in old.whole() {
        let mut content = old.open(position)?;
        to.write(position, |out| io::copy(&mut content, out).map(|_| ()))?;
        latest = position;
    }
    Ok(latest)
}

/// The new log: it begins where the old one does, if what was before that is covered.
fn begin(from: &Arc<dyn Disk>, to: &Arc<dyn Disk>, covered: LogPosition) -> io::Result<Journal> {
    let headers = segments::find(&**from)?.into_iter().next().map(|first| first.header);
    let after = match headers {
        Some(Ok(frames::Header { follows, .. })) if follows <= covered => follows,
        _ => LogPosition(0),
    };
    // Synced when much is there, and at the end.
    let rules = JournalRules { fsync: Fsync::Every(Duration::MAX), ..JournalRules::default() };
    Ok(Journal::resume(Arc::clone(to), rules, Resume::anew(&**to, after)?))
}

struct Copy {
    journal: Journal,
    payloads: Payloads,
    at: UnixSeconds,
    /// The position after what is in `payloads`.
    next: LogPosition,
}

impl Copy {
    fn take(&mut self, position: LogPosition, payload: &[u8]) -> io::Result<()> {
        self.skip_to(position)?;
        self.payloads.push(payload);
        self.next = LogPosition(position.0 + 1);
        if self.payloads.bytes() >= BATCH_BYTES { self.flush() } else { Ok(()) }
    }

    fn skip_to(&mut self, position: LogPosition) -> io::Result<()> {
        if position <= self.next {
            return Ok(());
        }
        self.flush()?;
        self.next = position;
        self.journal.skip_to(position)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.payloads.count() > 0 {
            self.journal.write(&self.payloads, self.at)?;
            self.payloads.clear();
        }
        Ok(())
    }
}
