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
#[cfg(feature = "nats")]
use crate::log::nats::{NatsError, Shore};
use crate::log::{
    Answer, Checkpoints, Engine, Fold, Folder, Log, LogStatus, RecoveryError, StreamLogin,
};
use crate::model::{Seconds, UnixSeconds};
use crate::server::clock;
use crate::server::settings::Settings;
use arc_swap::ArcSwapOption;
use std::io;
use std::path::{Path, PathBuf};
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
    /// The stream cannot be used.
    #[cfg(feature = "nats")]
    #[error(transparent)]
    Stream(#[from] NatsError),
    /// The node has a log of its own, and is now to share another.
    #[error(
        "this node has kept its log in {folder}, and is now told to share one: what is in it would \
         be forgotten. Take `log` out of [data] again, or move the folder away to begin without it"
    )]
    OwnLog {
        /// The folder.
        folder: PathBuf,
    },
}

/// A log whose checkpoint was read, and whose events after it were not yet.
pub struct Opened {
    place: Place,
    after: LogPosition,
    alive: Alive,
    /// When the node was last alive, if bids of then may be in flight that nobody knows of.
    unclean_since: Option<UnixSeconds>,
}

/// Where the log is.
enum Place {
    /// In files of this machine.
    Embedded(Folder),
    /// In a stream.
    #[cfg(feature = "nats")]
    Stream(Box<Shore>),
}

impl Place {
    fn open(settings: &Settings, login: &StreamLogin) -> Result<Self, LogbookError> {
        let path = settings.folders.data.join(FOLDER);
        #[cfg(feature = "nats")]
        if let Some(rules) = &settings.stream {
            if !segments_in(&path).is_empty() {
                return Err(LogbookError::OwnLog { folder: path });
            }
            let shore = Shore::open(&settings.folders.data, rules.clone(), login);
            return match shore {
                Err(NatsError::System(source)) => Err(failed(&settings.folders.data, source)),
                shore => Ok(Self::Stream(Box::new(shore?))),
            };
        }
        // Without the feature a file that names a stream is refused when it is read.
        let _ = login;
        Folder::open(&path).map(Self::Embedded).map_err(|source| failed(&path, source))
    }

    fn checkpoints(&self) -> &Arc<Checkpoints> {
        match self {
            Self::Embedded(folder) => folder.checkpoints(),
            #[cfg(feature = "nats")]
            Self::Stream(shore) => shore.checkpoints(),
        }
    }

    /// Begins to fold after the event at `after`, and to write.
    fn start(
        self,
        settings: &Settings,
        after: LogPosition,
        fold: Arc<dyn Fold>,
    ) -> Result<Box<dyn Engine>, LogbookError> {
        match self {
            Self::Embedded(folder) => Self::start_embedded(folder, settings, (after, fold)),
            #[cfg(feature = "nats")]
            Self::Stream(shore) => Ok(Box::new(shore.start(after, fold)?)),
        }
    }

    fn start_embedded(
        folder: Folder,
        settings: &Settings,
        (after, fold): (LogPosition, Arc<dyn Fold>),
    ) -> Result<Box<dyn Engine>, LogbookError> {
        let (embedded, report) = folder.start(settings.log, after, fold)?;
        if let Some(torn) = &report.torn {
            tracing::warn!(
                ?torn,
                "the log ended in the middle of a write: cut off, not acknowledged"
            );
        }
        tracing::info!(events = report.replayed, last = report.last.0, "log read");
        Ok(Box::new(embedded))
    }
}

/// The segments of a log in files, if there is one.
#[cfg(feature = "nats")]
fn segments_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "log")).collect()
}

fn failed(folder: &Path, source: io::Error) -> LogbookError {
    let folder = folder.to_path_buf();
    match source.kind() {
        io::ErrorKind::WouldBlock => LogbookError::Taken { folder },
        _ => LogbookError::Folder { folder, source },
    }
}

impl Opened {
    /// Opens the log below the data folder, or the stream, and reads its latest checkpoint.
    ///
    /// # Errors
    /// See [`LogbookError`].
    pub fn new(
        settings: &Settings,
        login: &StreamLogin,
        rules: FoldRules,
    ) -> Result<(Self, Arc<Folds>), LogbookError> {
        let data = &settings.folders.data;
        let failed = |source| failed(data, source);
        let place = Place::open(settings, login)?;
        let latest = place.checkpoints().latest().map_err(failed)?;
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
        Ok((Self { place, after, alive, unclean_since }, Arc::new(folds)))
    }

    /// Begins to write, and reads the rest of the log into the folds: of a log in files before
    /// this returns; of a stream after that ([`Logbook::obstacle`]). The campaigns must be known
    /// by now, since days are counted in their time zones.
    ///
    /// # Errors
    /// See [`LogbookError`].
    pub fn start(self, settings: &Settings, folds: &Arc<Folds>) -> Result<Logbook, LogbookError> {
        let fold: Arc<dyn Fold> = Arc::<Folds>::clone(folds);
        let engine = self.place.start(settings, self.after, fold)?;
        if folds.ledger.node().is_none() {
            // Bids of before a clean stop whose time has ended meanwhile. A log that is shared is
            // not read yet: what they came to may be in it.
            folds.ledger.advance(clock::now());
        }
        if let Some(since) = self.unclean_since {
            let until = since.plus(longest_hold(settings)).plus(Seconds(1));
            folds.ledger.holds_unknown_until(until);
            tracing::warn!(%until, "unclean stop: campaigns with caps or budgets wait");
        }
        Ok(Logbook {
            engine: ArcSwapOption::from_pointee(engine),
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
    engine: ArcSwapOption<Box<dyn Engine>>,
    folds: Arc<Folds>,
    alive: Alive,
    checkpointing: Arc<AtomicBool>,
}

impl Logbook {
    /// How the log is; `None` once it is closed.
    pub fn status(&self) -> Option<LogStatus> {
        self.engine.load().as_ref().map(|engine| engine.status())
    }

    /// Why nobody must bid by what is folded here, for people; `None`: nothing is in the way.
    pub fn obstacle(&self) -> Option<String> {
        match &*self.engine.load() {
            Some(engine) => engine.obstacle(),
            None => Some("the log is closed".to_owned()),
        }
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
        let engine = self.engine.load();
        let Some(engine) = &*engine else { return };
        let (folds, checkpoints) = (Arc::clone(&self.folds), Arc::clone(engine.checkpoints()));
        let checkpointing = Arc::clone(&self.checkpointing);
        let work = move |position| {
            let written = checkpoints.write(position, |to| folds.write(to, holds));
            if let Err(error) = written {
                tracing::error!(%error, "no checkpoint: a start will take longer");
            }
            checkpointing.store(false, Ordering::Release);
            done();
        };
        if engine.between(Box::new(work)).is_err() {
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
        let Some(mut engine) = self.engine.swap(None) else { return };
        // Whoever hands something in at this moment has it still; dropping the last closes it.
        for _ in 0..CLOSE_POLLS_MAX {
            engine = match Arc::try_unwrap(engine) {
                Ok(last) => {
                    drop(last);
                    break;
                }
                Err(still_used) => still_used,
            };
            std::thread::sleep(CLOSE_POLL);
        }
        // While bids of before an unclean stop may be in flight, no stop is a clean one.
        if is_known && !self.folds.ledger.is_recovering() {
            self.alive.end();
        }
    }
}

impl Log for Logbook {
    fn append(&self, event: Event) -> Answer {
        match &*self.engine.load() {
            Some(engine) => engine.append(event),
            None => closed(),
        }
    }

    fn folded(&self) -> LogPosition {
        self.engine.load().as_ref().map_or(LogPosition(0), |engine| engine.folded())
    }

    fn is_available(&self) -> bool {
        self.engine.load().as_ref().is_some_and(|engine| engine.is_available())
    }
}

fn closed() -> Answer {
    let (sender, answer) = tokio::sync::oneshot::channel();
    let _ = sender.send(Err(crate::log::LogError::Closed));
    answer
}
