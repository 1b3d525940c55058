//! The log in files of our own, on this machine.
//!
//! [`Folder::open`] takes the folder's lock; [`Folder::checkpoints`] has what the folds were;
//! [`Folder::start`] reads the rest again and begins to write.
//!
//! Guarantees: those of [`Log`], by [`super::writer`]; one process, and one engine in it, has
//! the folder at a time. What an event's id stands for may come twice, under two positions: an
//! event that was refused may be there all the same, and is sent again.

use super::checkpoints::Checkpoints;
use super::disk::real::RealDisk;
use super::disk::{Disk, FolderLock};
use super::frames::PAYLOAD_BYTES_MAX;
use super::queue::Waiting;
use super::recovery::{self, RecoveryError, RecoveryReport};
use super::rules::JournalRules;
use super::writer::{Shared, Times, Writer};
use super::{Answer, Engine, Fold, Log, LogError, StreamStatus, Work};
use crate::event::{Event, LogPosition, codec};
use std::cell::RefCell;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// The folder of a log, locked.
pub struct Folder {
    disk: Arc<dyn Disk>,
    checkpoints: Arc<Checkpoints>,
    lock: FolderLock,
}

impl Folder {
    /// The folder at `path`; made where it is missing.
    ///
    /// # Errors
    /// Another process has it (`WouldBlock`), or it cannot be made.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::on(Arc::new(RealDisk::open(path)?))
    }

    /// The folder that `disk` is.
    ///
    /// # Errors
    /// Somebody else has it (`WouldBlock`), or the disk's.
    pub fn on(disk: Arc<dyn Disk>) -> io::Result<Self> {
        let lock = disk.lock()?;
        let checkpoints = Arc::new(Checkpoints::new(Arc::clone(&disk)));
        Ok(Self { disk, checkpoints, lock })
    }

    /// Its checkpoints.
    pub fn checkpoints(&self) -> &Arc<Checkpoints> {
        &self.checkpoints
    }

    /// Gives the events after the checkpoint at `after` (0 where there is none) to `fold`, and
    /// begins to write.
    ///
    /// # Errors
    /// The log is damaged, or the disk fails: see [`RecoveryError`].
    pub fn start(
        self,
        rules: JournalRules,
        after: LogPosition,
        fold: Arc<dyn Fold>,
    ) -> Result<(Embedded, RecoveryReport), RecoveryError> {
        let place = self.disk.place();
        let mut apply = |position: LogPosition, event: &Event| {
            fold.apply(position, event);
        };
        let (journal, report) = recovery::open(self.disk, rules, after, &mut apply)?;
        let shared = Arc::new(Shared::default());
        shared.folded.store(report.last.0, Ordering::Release);
        shared.is_available.store(true, Ordering::Release);
        let writer = Writer {
            shared: Arc::clone(&shared),
            journal,
            fsync: rules.fsync,
            fold,
            checkpoints: Arc::clone(&self.checkpoints),
            times: Times::default(),
        };
        let thread = std::thread::Builder::new().name("log".to_owned());
        let thread = thread.spawn(move || writer.run());
        let thread = thread.map_err(|source| RecoveryError::Disk { place, source })?;
        let checkpoints = self.checkpoints;
        let embedded = Embedded { shared, checkpoints, thread: Some(thread), _lock: self.lock };
        Ok((embedded, report))
    }
}

/// How the log is, for metrics and status.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogStatus {
    /// Whether events are taken.
    pub is_available: bool,
    /// Up to where everything is folded.
    pub folded: LogPosition,
    /// Events that wait to be written.
    pub waiting_events: usize,
    /// Their bytes.
    pub waiting_bytes: usize,
    /// Batches written since start.
    pub batches: u64,
    /// Batches, syncs and attempts to mend that failed since start.
    pub failures: u64,
    /// Segments in the folder.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Up to where the two latest checkpoints cover the log.
    pub covered: LogPosition,
    /// What a log that is shared has besides.
    pub stream: Option<StreamStatus>,
}

/// The log. Dropping it writes what waits, syncs and ends.
pub struct Embedded {
    shared: Arc<Shared>,
    checkpoints: Arc<Checkpoints>,
    thread: Option<JoinHandle<()>>,
    _lock: FolderLock,
}

impl Embedded {
    /// The folder's checkpoints.
    pub fn checkpoints(&self) -> &Arc<Checkpoints> {
        &self.checkpoints
    }

    /// Has `work` run on the folding thread between two events, with the position of the last
    /// one folded: everything up to there is durable, and nothing is folded meanwhile. It runs
    /// after the events that were handed in before; while the disk fails it waits.
    ///
    /// # Errors
    /// The log is closed.
    pub fn between(&self, work: impl FnOnce(LogPosition) + Send + 'static) -> Result<(), LogError> {
        let is_taken = self.shared.queue.push_work(Box::new(work));
        if is_taken { Ok(()) } else { Err(LogError::Closed) }
    }

    /// How it is.
    pub fn status(&self) -> LogStatus {
        let shared = &self.shared;
        let (waiting_events, waiting_bytes) = shared.queue.waiting();
        LogStatus {
            is_available: self.is_available(),
            folded: self.folded(),
            waiting_events,
            waiting_bytes,
            batches: shared.batches.load(Ordering::Relaxed),
            failures: shared.failures.load(Ordering::Relaxed),
            segments: shared.segments.load(Ordering::Relaxed),
            bytes: shared.bytes.load(Ordering::Relaxed),
            covered: self.checkpoints.covered(),
            stream: None,
        }
    }

    /// Takes nothing more in; writes, folds and syncs what waits; returns when that is done.
    pub fn close(&mut self) {
        self.shared.queue.close();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the log ended by a panic");
        }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.close();
    }
}

thread_local! {
    /// Where this thread encodes its events.
    static ENCODED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Log for Embedded {
    fn append(&self, event: Event) -> Answer {
        let (answer, receiver) = oneshot::channel();
        ENCODED.with_borrow_mut(|payload| {
            payload.clear();
            codec::encode(&event, payload);
            if payload.len() > PAYLOAD_BYTES_MAX {
                // Whoever does not wait for the answer needs none.
                let _ = answer.send(Err(LogError::TooLarge(PAYLOAD_BYTES_MAX)));
            } else {
                self.shared.queue.push(Waiting { event, answer }, payload);
            }
        });
        receiver
    }

    fn folded(&self) -> LogPosition {
        LogPosition(self.shared.folded.load(Ordering::Acquire))
    }

    fn is_available(&self) -> bool {
        self.shared.is_available.load(Ordering::Acquire)
    }
}

impl Engine for Embedded {
    fn between(&self, work: Work) -> Result<(), LogError> {
        Embedded::between(self, work)
    }

    fn status(&self) -> LogStatus {
        Embedded::status(self)
    }

    fn checkpoints(&self) -> &Arc<Checkpoints> {
        Embedded::checkpoints(self)
    }

    fn obstacle(&self) -> Option<String> {
        let told = "the event log cannot be written: the disk is full or fails";
        (!self.is_available()).then(|| told.to_owned())
    }
}
