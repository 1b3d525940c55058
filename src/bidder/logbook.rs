//! The log of this node and what is made of it: opened at the start, checkpointed now and then,
//! closed at the end.
//!
//! Guarantees: the bidder bids only once everything in the log is folded. After an unclean stop
//! campaigns with caps or budgets wait until every bid that was in flight has been told of or
//! is over; after a clean one nothing is unknown. A log that is damaged, or another process's,
//! keeps the bidder from starting: it would count wrongly.

use super::alive::Alive;
use super::folds::{FoldRules, Folds, FoldsError};
use crate::event::{Event, LogPosition};
use crate::ledger::checkpoint::Holds;
use crate::log::{Answer, Embedded, Folder, Log, LogStatus, RecoveryError};
use crate::model::{Seconds, UnixSeconds};
use crate::server::clock;
use crate::server::settings::Settings;
use arc_swap::ArcSwapOption;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// The log's folder within that of our own files.
pub const FOLDER: &str = "log";
/// Time between two checkpoints: what a start reads again is at most what came in it.
pub(super) const CHECKPOINT_EVERY: Duration = Duration::from_secs(300);
/// How many events after the last checkpoint make the next one due sooner: a second of replay.
const CHECKPOINT_EVENTS: u64 = 1_000_000;
/// How long the node may have been alive without saying so: the thread that says it once a second
/// may have had to wait for its turn.
const SILENCE_MAX: Seconds = Seconds(60);
/// How long a clean stop waits for the last checkpoint.
const CLOSE_WAIT: Duration = Duration::from_secs(60);
/// How often it looks whether the last request has let go of the log, and how often it does.
const CLOSE_POLL: Duration = Duration::from_millis(1);
const CLOSE_POLLS_MAX: u32 = 5_000;

/// Why the log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum LogbookError {
    /// Another process has it.
    #[error("the log in {folder} is another process's: is a bidder running with this data folder?")]
    Taken {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder cannot be made, listed or locked.
    #[error("the log in {folder} cannot be opened: {source}")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The checkpoint does not hold what its checksum says was written.
    #[error(
        "{0}; it was written by another version, or move the checkpoints away to read the whole log"
    )]
    Folds(#[from] FoldsError),
    /// The log is damaged.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
}

/// A log whose checkpoint was read, and whose events after it were not yet.
pub struct Opened {
    folder: Folder,
    after: LogPosition,
    alive: Alive,
    /// When the node was last alive, if bids of then may be in flight that nobody knows of.
    unclean_since: Option<UnixSeconds>,
}

impl Opened {
    /// Opens the log below the data folder and reads its latest checkpoint.
    ///
    /// # Errors
    /// See [`LogbookError`].
    pub fn new(settings: &Settings, rules: FoldRules) -> Result<(Self, Arc<Folds>), LogbookError> {
        let path = settings.folders.data.join(FOLDER);
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::WouldBlock => LogbookError::Taken { folder: path.clone() },
            _ => LogbookError::Folder { folder: path.clone(), source },
        };
        let folder = Folder::open(&path).map_err(failed)?;
        let latest = folder.checkpoints().latest().map_err(failed)?;
        for damage in &latest.damaged {
            tracing::error!(damage, "a checkpoint is damaged: an older one serves");
        }
        let (folds, after, with_holds) = match latest.checkpoint {
            None => (Folds::new(rules), LogPosition(0), false),
            Some((position, mut content)) => {
                let (folds, with_holds) = Folds::read(&mut content, rules)?;
                (folds, position, with_holds)
            }
        };
        let (alive, last) = Alive::begin(&settings.folders.data).map_err(failed)?;
        let last = last.map(|last| last.plus(SILENCE_MAX).min(clock::now()));
        // A checkpoint without the live holds stands for a clean stop only if there was no bid.
        let unclean_since = last.or((after.0 > 0 && !with_holds).then(clock::now));
        Ok((Self { folder, after, alive, unclean_since }, Arc::new(folds)))
    }

    /// Reads the rest of the log into the folds, and begins to write. The campaigns must be
    /// known by now, since days are counted in their time zones.
    ///
    /// # Errors
    /// See [`LogbookError`].
    pub fn start(self, settings: &Settings, folds: &Arc<Folds>) -> Result<Logbook, LogbookError> {
        let fold: Arc<dyn crate::log::Fold> = Arc::<Folds>::clone(folds);
        let (embedded, report) = self.folder.start(settings.log, self.after, fold)?;
        if let Some(torn) = &report.torn {
            tracing::warn!(
                ?torn,
                "the log ended in the middle of a write: cut off, not acknowledged"
            );
        }
        tracing::info!(events = report.replayed, last = report.last.0, "log read");
        // Bids of before a clean stop whose time has ended meanwhile.
        folds.ledger.advance(clock::now());
        if let Some(since) = self.unclean_since {
            let until = since.plus(longest_hold(settings)).plus(Seconds(1));
            folds.ledger.holds_unknown_until(until);
            tracing::warn!(%until, "unclean stop: campaigns with caps or budgets wait");
        }
        Ok(Logbook {
            embedded: ArcSwapOption::from_pointee(embedded),
            folds: Arc::clone(folds),
            alive: self.alive,
            checkpointing: Arc::new(AtomicBool::new(false)),
        })
    }
}

/// The longest time that a bid's money is held.
fn longest_hold(settings: &Settings) -> Seconds {
    let holds = settings.exchanges.iter().map(|exchange| exchange.hold_ttl);
    holds.max().unwrap_or_default()
}

/// The log of this node.
pub struct Logbook {
    /// `None` once it is closed. Bids ask whether it is available, so no lock.
    embedded: ArcSwapOption<Embedded>,
    folds: Arc<Folds>,
    alive: Alive,
    checkpointing: Arc<AtomicBool>,
}

impl Logbook {
    /// How the log is; `None` once it is closed.
    pub fn status(&self) -> Option<LogStatus> {
        self.embedded.load().as_ref().map(|embedded| embedded.status())
    }

    /// Says that the node is alive, and writes a checkpoint if one is due by the number of
    /// events, or if `due` says so.
    pub(super) fn keep(&self, due: bool) {
        self.alive.touch();
        let since = self
            .status()
            .map_or(0, |status| status.folded.0 - status.covered.0.min(status.folded.0));
        if since > 0 && (due || since >= 2 * CHECKPOINT_EVENTS) {
            self.checkpoint(Holds::LeftOut, || ());
        }
    }

    /// Has the folding thread write a checkpoint, unless it is at it; `done` is called after it.
    fn checkpoint(&self, holds: Holds, done: impl FnOnce() + Send + 'static) {
        if self.checkpointing.swap(true, Ordering::AcqRel) {
            return;
        }
        let embedded = self.embedded.load();
        let Some(embedded) = &*embedded else { return };
        let (folds, checkpoints) = (Arc::clone(&self.folds), Arc::clone(embedded.checkpoints()));
        let checkpointing = Arc::clone(&self.checkpointing);
        let work = move |position| {
            let written = checkpoints.write(position, |to| folds.write(to, holds));
            if let Err(error) = written {
                tracing::error!(%error, "no checkpoint: a start will take longer");
            }
            checkpointing.store(false, Ordering::Release);
            done();
        };
        if embedded.between(work).is_err() {
            self.checkpointing.store(false, Ordering::Release);
        }
    }

    /// Writes a last checkpoint, with the bids in flight, and closes the log. To be called once
    /// nobody bids any more.
    pub fn close(&self) {
        let (sender, done) = mpsc::channel();
        self.checkpoint(Holds::Written, move || {
            let _ = sender.send(());
        });
        let is_known = done.recv_timeout(CLOSE_WAIT).is_ok();
        let Some(mut embedded) = self.embedded.swap(None) else { return };
        // Whoever hands something in at this moment has it still; dropping the last closes it.
        for _ in 0..CLOSE_POLLS_MAX {
            embedded = match Arc::try_unwrap(embedded) {
                Ok(last) => {
                    drop(last);
                    break;
                }
                Err(still_used) => still_used,
            };
            std::thread::sleep(CLOSE_POLL);
        }
        if is_known {
            self.alive.end();
        }
    }
}

impl Log for Logbook {
    fn append(&self, event: Event) -> Answer {
        match &*self.embedded.load() {
            Some(embedded) => embedded.append(event),
            None => closed(),
        }
    }

    fn folded(&self) -> LogPosition {
        self.embedded.load().as_ref().map_or(LogPosition(0), |embedded| embedded.folded())
    }

    fn is_available(&self) -> bool {
        self.embedded.load().as_ref().is_some_and(|embedded| embedded.is_available())
    }
}

fn closed() -> Answer {
    let (sender, answer) = tokio::sync::oneshot::channel();
    let _ = sender.send(Err(crate::log::LogError::Closed));
    answer
}
