//! The one thread that writes and folds.
//!
//! Its round: take all that waits, write it as one batch, fold it event by event, answer, run
//! what was to be run between two events. While it waits for the disk, the next batch gathers:
//! nobody ever waits for a batch to fill.
//!
//! Guarantees: an event is folded once it is durable as the rules say, in order, by this thread
//! alone; what runs between two events finds everything up to its position on the disk. When
//! the disk fails, the batch is refused, and the journal is mended with growing pauses until
//! the disk is well again.

use super::checkpoints::Checkpoints;
use super::journal::Journal;
use super::queue::{Queue, Taken};
use super::rules::Fsync;
use super::{Fold, Folded, LogError, Work};
use crate::event::LogPosition;
use crate::model::UnixSeconds;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The first pause after a failure; each further one is twice as long.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest: a disk that is well again is noticed within this.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// What the writer and those who append share.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) queue: Queue,
    pub(super) folded: AtomicU64,
    pub(super) is_available: AtomicBool,
    pub(super) batches: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) segments: AtomicU64,
    pub(super) bytes: AtomicU64,
}

/// The thread's own.
pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) journal: Journal,
    pub(super) fsync: Fsync,
    pub(super) fold: Arc<dyn Fold>,
    pub(super) checkpoints: Arc<Checkpoints>,
    pub(super) times: Times,
}

/// When something is to be done without being asked.
#[derive(Default)]
pub(super) struct Times {
    /// The next attempt to mend the journal.
    mend: Option<Instant>,
    /// The pause after that attempt.
    pause: Duration,
    /// When what is not synced must be.
    sync: Option<Instant>,
    /// How many segments there were, and up to where checkpoints covered the log, when old
    /// segments were last looked for.
    removed_at: (usize, LogPosition),
}

impl Writer {
    /// Runs until the queue is closed and empty.
    pub(super) fn run(mut self) {
        let closing = Closing(Arc::clone(&self.shared));
        let mut taken = Taken::default();
        let mut works: Vec<Work> = Vec::new();
        self.tell_sizes();
        loop {
            self.shared.queue.take(&mut taken, self.wakes_at());
            self.mend_if_due();
            self.commit(&mut taken);
            works.append(&mut taken.works);
            self.sync_if_due(!works.is_empty() || taken.is_closing);
            if !self.journal.has_unsynced() {
                let folded = LogPosition(self.shared.folded.load(Ordering::Acquire));
                works.drain(..).for_each(|work| work(folded));
            }
            self.remove_old();
            // The queue takes nothing more in once it is closed, so it is empty now.
            if taken.is_closing {
                break;
            }
        }
        drop(closing);
    }

    fn wakes_at(&self) -> Option<Instant> {
        match (self.times.mend, self.times.sync) {
            (Some(mend), _) => Some(mend),
            (None, sync) => sync,
        }
    }

    /// Writes, folds and answers a batch.
    fn commit(&mut self, taken: &mut Taken) {
        if taken.events.is_empty() {
            return;
        }
        let at = taken.events.iter().map(|waiting| waiting.event.at).max();
        let written = self.journal.write(&taken.payloads, at.unwrap_or(UnixSeconds(0)));
        taken.payloads.clear();
        match written {
            Ok(first) => self.fold(taken, first),
            Err(error) => {
                let reason = error.to_string();
                for waiting in taken.events.drain(..) {
                    let _ = waiting.answer.send(Err(LogError::Unavailable(reason.clone())));
                }
                self.failed(&error);
            }
        }
    }

    fn fold(&mut self, taken: &mut Taken, first: LogPosition) {
        self.shared.batches.fetch_add(1, Ordering::Relaxed);
        self.tell_sizes();
        self.times.pause = PAUSE_MIN;
        let mut position = first;
        for waiting in taken.events.drain(..) {
            let noted = self.fold.apply(position, &waiting.event);
            self.shared.folded.store(position.0, Ordering::Release);
            // Whoever does not wait for the answer any more needs none.
            let _ = waiting.answer.send(Ok(Folded { position, noted }));
            position.0 += 1;
        }
        if let (Fsync::Every(interval), None) = (self.fsync, self.times.sync)
            && self.journal.has_unsynced()
        {
            self.times.sync = Some(Instant::now() + interval);
        }
    }

    /// Syncs what its time has come for, or everything.
    fn sync_if_due(&mut self, everything: bool) {
        let is_due = self.times.sync.is_some_and(|sync| sync <= Instant::now());
        if !self.journal.has_unsynced() {
            self.times.sync = None;
        } else if (is_due || everything) && !self.journal.is_broken() {
            self.times.sync = None;
            if let Err(error) = self.journal.sync() {
                self.failed(&error);
            }
        }
    }

    fn failed(&mut self, error: &io::Error) {
        self.shared.failures.fetch_add(1, Ordering::Relaxed);
        if self.times.mend.is_none() {
            tracing::error!(%error, "the log cannot be written: events are refused until it can");
            let pause = self.times.pause.max(PAUSE_MIN);
            self.times.mend = Some(Instant::now() + pause);
            self.times.pause = (pause * 2).min(PAUSE_MAX);
        }
        self.shared.is_available.store(false, Ordering::Release);
        self.shared.queue.set_unavailable(Some(error.to_string()));
    }

    fn mend_if_due(&mut self) {
        if self.times.mend.is_none_or(|mend| mend > Instant::now()) {
            return;
        }
        self.times.mend = None;
        match self.journal.mend() {
            Ok(()) => {
                tracing::info!("the log can be written again");
                self.shared.is_available.store(true, Ordering::Release);
                self.shared.queue.set_unavailable(None);
                self.tell_sizes();
            }
            Err(error) => self.failed(&error),
        }
    }

    /// Removes old segments when a checkpoint or a new segment may have made some needless.
    fn remove_old(&mut self) {
        let covered = self.checkpoints.covered();
        let now = (self.journal.segments().len(), covered);
        if now == self.times.removed_at {
            return;
        }
        self.times.removed_at = now;
        match self.journal.remove_old(covered) {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "old segments of the log removed"),
            Err(error) => tracing::warn!(%error, "an old segment of the log cannot be removed"),
        }
        self.tell_sizes();
    }

    fn tell_sizes(&self) {
        let segments = self.journal.segments();
        self.shared.segments.store(segments.len() as u64, Ordering::Relaxed);
        let bytes = segments.map(|segment| segment.bytes).sum();
        self.shared.bytes.store(bytes, Ordering::Relaxed);
    }
}

/// However the thread ends, by a panic of a fold too: nobody is left to wait for it.
struct Closing(Arc<Shared>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.is_available.store(false, Ordering::Release);
        self.0.queue.close();
        let mut rest = Taken::default();
        self.0.queue.take(&mut rest, None);
        for waiting in rest.events {
            let _ = waiting.answer.send(Err(LogError::Closed));
        }
    }
}
