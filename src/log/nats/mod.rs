//! The log in a NATS JetStream stream that many nodes share: one order for all of them.
//!
//! - `sender` the one thread that sends, or spools while the stream is away; `spool` this
//!   node's own disk for that; `letter` an event on its way
//! - `reader` reads the stream in order; `folding` the one thread that folds it
//! - `desk` who waits for what; `shared` how it stands
//! - `connection` one connection, kept open; `stream` the stream, made and looked at;
//!   `namesake` that no two nodes have one name
//! - [`broadcast`] what nodes tell each other beside the log
//!
//! The place of an event is its sequence number in the stream. This node's own files: the
//! checkpoints of its folds, and the spool.
//!
//! Guarantees: every node folds every event of the stream, in its order, on one thread. An
//! answer comes when this node has folded the event; while the stream is away it comes when the
//! event is on this node's disk, and says so. Whoever uses it hands an event in about once a
//! second (a tick), by which it is known that this node hears the others.

pub mod broadcast;
mod connection;
mod desk;
mod folding;
mod letter;
mod namesake;
mod reader;
mod sender;
mod shared;
mod spool;
mod stream;

pub use connection::Refused;
pub use desk::EVENT_BYTES_MAX;

use super::disk::real::RealDisk;
use super::disk::{Disk, FolderLock};
use super::{
    Answer, Checkpoints, Engine, Fold, Log, LogError, LogStatus, RecoveryError, StreamLogin,
    StreamRules, Work,
};
use crate::event::{Event, LogPosition};
use crate::model::NodeKey;
use async_nats::jetstream::context::{Context, ContextBuilder};
use connection::Link;
use folding::{Folding, ITEMS_MAX, Item, Works};
use reader::Reader;
use sender::{ACK_WAIT, Sender, WINDOW};
use shared::Shared;
use spool::Spool;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};

/// The folder of the folds' checkpoints, within that of our own files.
const FOLDER: &str = "stream";
/// The folder of the spool.
const SPOOL_FOLDER: &str = "spool";
/// How long the end of the connection is waited for.
const SHUTDOWN_WAIT: Duration = Duration::from_secs(1);

/// Why the engine cannot start.
#[derive(Debug, thiserror::Error)]
pub enum NatsError {
    /// The login, or an address.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// A folder or a thread.
    #[error("{0}")]
    System(#[from] io::Error),
    /// The spool is damaged.
    #[error("events that wait to be sent: {0}")]
    Spool(#[from] RecoveryError),
}

/// This node's own files, and a connection that is being made.
pub struct Shore {
    disk: Arc<dyn Disk>,
    lock: FolderLock,
    checkpoints: Arc<Checkpoints>,
    spool: Arc<dyn Disk>,
    rules: StreamRules,
    engine: EngineRoom,
    link: Link,
}

/// The thread that runs everything that waits for the network.
struct EngineRoom {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl EngineRoom {
    fn new(name: &str) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let run = move || {
            let _ = runtime.block_on(stopped);
            runtime.shutdown_timeout(SHUTDOWN_WAIT);
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(Self { handle, stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for EngineRoom {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shore {
    /// Opens this node's folders below `data`, and connects.
    ///
    /// # Errors
    /// Another process has them (`WouldBlock`), or the servers refuse this node.
    pub fn open(data: &Path, rules: StreamRules, login: &StreamLogin) -> Result<Self, NatsError> {
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::open(&data.join(FOLDER))?);
        let spool: Arc<dyn Disk> = Arc::new(RealDisk::open(&data.join(SPOOL_FOLDER))?);
        let lock = disk.lock()?;
        let engine = EngineRoom::new("stream")?;
        let link = engine.handle.block_on(connection::connect(&rules, login, "log"))?;
        let checkpoints = Arc::new(Checkpoints::new(Arc::clone(&disk)));
        Ok(Self { disk, lock, checkpoints, spool, rules, engine, link })
    }

    /// The checkpoints of this node.
    pub fn checkpoints(&self) -> &Arc<Checkpoints> {
        &self.checkpoints
    }

    /// Begins to read the stream after the event at `after`, to fold, and to send. Returns at
    /// once: [`Engine::obstacle`] says how far it is.
    ///
    /// # Errors
    /// The spool is damaged, or a thread cannot be started.
    pub fn start(self, after: LogPosition, fold: Arc<dyn Fold>) -> Result<Nats, NatsError> {
        let Self { disk, lock, checkpoints, spool, rules, engine, link } = self;
        let shared = Arc::new(Shared::new(after.0, rules.silence_max));
        shared.desk.begin_after(after);
        let mut waiting = |event: &Event| fold.keep(event);
        let spool = Spool::open(spool, rules.spool_bytes_max, &mut waiting)?;
        let identity = stream::read_identity(&*disk)?;
        let (items, received) = mpsc::channel(ITEMS_MAX);
        let (is_open, opened) = watch::channel(false);
        let works = Works::default();
        let _entered = engine.handle.enter();
        let context = context_of(&link);
        let sender = Sender {
            shared: Arc::clone(&shared),
            context: context.clone(),
            subject: stream::subject_of(&rules),
            fold: Arc::clone(&fold),
            spool,
            is_open: opened,
            trip: sender::Trip::default(),
        };
        let folding = Folding {
            shared: Arc::clone(&shared),
            fold,
            node: NodeKey::new(&rules.node),
            works: works.clone(),
            items: received,
        };
        let reader = Reader {
            link,
            context,
            rules,
            shared: Arc::clone(&shared),
            items: items.clone(),
            disk,
            identity,
            is_open,
            is_named: false,
            read: after,
        };
        let handle = engine.handle.clone();
        let threads = Threads {
            sending: spawn("log-sender", move || handle.block_on(sender.run()))?,
            folding: spawn("log", move || folding.run())?,
            reading: tokio::spawn(reader.run()),
        };
        Ok(Nats {
            shared,
            checkpoints,
            works,
            items,
            threads: Some((threads, engine)),
            _lock: lock,
        })
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run)
}

fn context_of(link: &Link) -> Context {
    // Twice the window: acknowledgements that nobody waits for any more take places for a while.
    let context = ContextBuilder::new().timeout(ACK_WAIT).ack_timeout(ACK_WAIT);
    context.max_ack_inflight(2 * WINDOW).build(link.client.clone())
}

/// The shared log. Dropping it sends what waits, or leaves it in the spool, and ends.
pub struct Nats {
    shared: Arc<Shared>,
    checkpoints: Arc<Checkpoints>,
    works: Works,
    items: mpsc::Sender<Item>,
    threads: Option<(Threads, EngineRoom)>,
    _lock: FolderLock,
}

struct Threads {
    sending: JoinHandle<()>,
    folding: JoinHandle<()>,
    reading: tokio::task::JoinHandle<()>,
}

impl Nats {
    fn close(&mut self) {
        let Some((threads, engine)) = self.threads.take() else { return };
        self.shared.desk.close();
        let ended = |thread: JoinHandle<()>, name: &str| {
            if thread.join().is_err() {
                tracing::error!(name, "a thread of the log ended by a panic");
            }
        };
        ended(threads.sending, "log-sender");
        threads.reading.abort();
        drop(engine);
        // The folding thread ends when nobody can give it anything any more.
        let (none, _) = mpsc::channel(1);
        self.items = none;
        ended(threads.folding, "log");
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.close();
    }
}

impl Log for Nats {
    fn append(&self, event: Event) -> Answer {
        self.shared.desk.hand_in(event)
    }

    fn folded(&self) -> LogPosition {
        LogPosition(self.shared.folded.load(Ordering::Acquire))
    }

    fn is_available(&self) -> bool {
        self.shared.is_available()
    }
}

impl Engine for Nats {
    fn between(&self, work: Work) -> Result<(), LogError> {
        if self.threads.is_none() {
            return Err(LogError::Closed);
        }
        self.works.add(work);
        // Where there is no room the thread is busy, and looks after each event.
        let _ = self.items.try_send(Item::Look);
        Ok(())
    }

    fn status(&self) -> LogStatus {
        let (waiting_events, waiting_bytes) = self.shared.desk.waiting();
        LogStatus {
            is_available: self.is_available(),
            folded: self.folded(),
            waiting_events,
            waiting_bytes,
            batches: self.shared.sent.load(Ordering::Relaxed),
            failures: self.shared.failures.load(Ordering::Relaxed),
            segments: 0,
            bytes: self.shared.spooled_bytes.load(Ordering::Relaxed),
            covered: self.checkpoints.covered(),
            stream: Some(self.shared.status()),
        }
    }

    fn checkpoints(&self) -> &Arc<Checkpoints> {
        &self.checkpoints
    }

    fn obstacle(&self) -> Option<String> {
        self.shared.obstacle()
    }
}
