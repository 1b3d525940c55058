//! Starting a server and waiting for its end.
//!
//! Guarantees: a start either opens every port and every thread or fails and leaves nothing
//! behind; nothing is served before all of it is open.

use super::connection::Door;
use super::drain::{Busy, Conductor, DrainHandle, EndSignals, Outcome};
use super::events::EventService;
use super::limits::{
    ADMIN_CALLS_MAX, ADMIN_LOOKS_MAX, ConnectionLimits, DrainLimits, SIDE_EVENTS_MAX,
    TURN_REQUESTS_MAX,
};
use super::listen;
use super::service::{AdminService, BidService, NoticeService};
use super::side::{Public, Side};
use super::stage::{Stage, StageView};
use super::worker::BidDesk;
use crate::telemetry::ShellMetrics;
use crate::telemetry::labels::Port;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::LocalSet;

/// Where and within which limits a server runs. Port 0 is chosen by the kernel.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Where exchanges call.
    pub bid: SocketAddr,
    /// Where browsers call.
    pub notices: SocketAddr,
    /// Where operators call; keep it off the public networks.
    pub admin: SocketAddr,
    /// Bid workers: one a core.
    pub workers: NonZeroUsize,
    /// Limits of the bid port, over all workers.
    pub bid_limits: ConnectionLimits,
    /// Limits of the notices port.
    pub notices_limits: ConnectionLimits,
    /// Limits of the admin port.
    pub admin_limits: ConnectionLimits,
    /// Origins whose pages may call the bid port from a browser.
    pub browser_origins: Vec<String>,
    /// How the server ends.
    pub drain: DrainLimits,
    /// Whether SIGTERM and SIGINT end it. They belong to the whole process, so at most one
    /// server in a process should take them.
    pub end_on_signals: bool,
}

/// What a server serves.
pub struct Services<B, N, A> {
    /// The bidder.
    pub bids: Arc<B>,
    /// Whoever counts notices.
    pub notices: Arc<N>,
    /// Whoever takes in events; where nobody does, their paths are not found.
    pub events: Option<Arc<dyn EventService>>,
    /// Operations.
    pub admin: Arc<A>,
}

/// Where a server listens, with the ports that the kernel chose.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Addresses {
    /// Where exchanges call.
    pub bid: SocketAddr,
    /// Where browsers call.
    pub notices: SocketAddr,
    /// Where operators call.
    pub admin: SocketAddr,
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port could not be opened.
    #[error("the {port} port cannot be opened on {address}: {source}; is another process there?")]
    Listen {
        /// Which.
        port: &'static str,
        /// Where.
        address: SocketAddr,
        /// The kernel's reason.
        source: io::Error,
    },
    /// A thread or its runtime could not be made.
    #[error("thread {name} cannot be started: {source}; are files or threads limited too low?")]
    Thread {
        /// Which.
        name: String,
        /// The kernel's reason.
        source: io::Error,
    },
    /// The signals could not be taken over.
    #[error("SIGTERM and SIGINT cannot be handled: {0}")]
    Signals(io::Error),
}

/// Why a server's end is not known.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A thread of the server panicked outside any request: a bug in the server.
    #[error("thread {0} panicked: this is a bug in the server, see the message above it")]
    Panicked(String),
}

/// The server: see [`Server::start`].
#[derive(Debug)]
pub struct Server;

/// A server that runs. Dropping it asks the server to drain, and does not wait.
#[derive(Debug)]
pub struct Running {
    addresses: Addresses,
    workers: Vec<JoinHandle<()>>,
    side: JoinHandle<Outcome>,
    handle: DrainHandle,
}

impl Running {
    /// Where it listens.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Asks it to end: the first time it drains, the second time it ends at once.
    pub fn shutdown(&self) {
        self.handle.ask();
    }

    /// Waits until it has ended, by [`Self::shutdown`] or a signal.
    ///
    /// # Errors
    /// A thread of the server panicked.
    pub fn wait(self) -> Result<Outcome, RunError> {
        let Self { workers, side, .. } = self;
        let outcome = joined(side)?;
        workers.into_iter().try_for_each(joined)?;
        Ok(outcome)
    }
}

fn joined<T>(thread: JoinHandle<T>) -> Result<T, RunError> {
    let name = thread.thread().name().unwrap_or_default().to_owned();
    thread.join().map_err(|_| RunError::Panicked(name))
}

impl Server {
    /// Opens every port, then starts serving.
    ///
    /// # Errors
    /// What could not be opened; nothing is left running then.
    pub fn start<B: BidService, N: NoticeService, A: AdminService>(
        config: &ServerConfig,
        services: &Services<B, N, A>,
        metrics: &ShellMetrics,
    ) -> Result<Running, StartError> {
        let open = Open::all(config)?;
        let addresses = open.addresses;
        let (sender, _) = watch::channel(Stage::Serving);
        let stage = StageView::of(&sender);
        let (conductor, handle, busy) = Conductor::new(sender, config.drain.clone());
        let mut workers = Vec::new();
        for (number, (runtime, listener)) in open.workers.into_iter().enumerate() {
            let worker = Worker {
                runtime,
                listener,
                number,
                config: config.clone(),
                until: (stage.clone(), busy.clone()),
            };
            let bids = Arc::clone(&services.bids);
            let notices = (Arc::clone(&services.notices), services.events.clone());
            let metrics = metrics.clone();
            workers.push(thread(worker_name(number), move || worker.run(bids, notices, metrics))?);
        }
        let public = (Arc::clone(&services.notices), services.events.clone());
        let side = Side {
            runtime: open.side,
            notices: (open.notices, config.notices_limits.clone(), public),
            admin: (open.admin, config.admin_limits.clone(), Arc::clone(&services.admin)),
            stage,
            conductor,
            busy,
            signals: open.signals.map(|signals| (signals, handle.clone())),
            metrics: metrics.clone(),
        };
        let side = thread(SIDE_NAME.to_owned(), move || side.run())?;
        Ok(Running { addresses, workers, side, handle })
    }
}

const SIDE_NAME: &str = "homing-side";

fn worker_name(number: usize) -> String {
    format!("homing-bid-{number}")
}

/// Everything that is opened before anything is served.
struct Open {
    addresses: Addresses,
    workers: Vec<(Runtime, TcpListener)>,
    side: Runtime,
    notices: TcpListener,
    admin: TcpListener,
    signals: Option<EndSignals>,
}

impl Open {
    fn all(config: &ServerConfig) -> Result<Self, StartError> {
        let failed = |port: Port, address| {
            move |source| StartError::Listen { port: port.label(), address, source }
        };
        let mut workers = Vec::new();
        let bid_failed = failed(Port::Bid, config.bid);
        let listeners = listen::shared(config.bid, config.workers.get()).map_err(bid_failed)?;
        for (number, listener) in listeners.into_iter().enumerate() {
            let runtime = runtime(&worker_name(number), TURN_REQUESTS_MAX)?;
            let listener = registered(&runtime, listener).map_err(failed(Port::Bid, config.bid))?;
            workers.push((runtime, listener));
        }
        let side = runtime(SIDE_NAME, SIDE_EVENTS_MAX)?;
        let open = |address| listen::one(address).and_then(|one| registered(&side, one));
        let notices = open(config.notices).map_err(failed(Port::Notices, config.notices))?;
        let admin = open(config.admin).map_err(failed(Port::Admin, config.admin))?;
        let addresses = Addresses {
            bid: workers[0].1.local_addr().map_err(failed(Port::Bid, config.bid))?,
            notices: notices.local_addr().map_err(failed(Port::Notices, config.notices))?,
            admin: admin.local_addr().map_err(failed(Port::Admin, config.admin))?,
        };
        let signals = if config.end_on_signals {
            let _context = side.enter();
            Some(EndSignals::take_over().map_err(StartError::Signals)?)
        } else {
            None
        };
        Ok(Self { addresses, workers, side, notices, admin, signals })
    }
}

/// A listener in the care of a runtime.
fn registered(runtime: &Runtime, listener: std::net::TcpListener) -> io::Result<TcpListener> {
    let _context = runtime.enter();
    TcpListener::from_std(listener)
}

/// A thread's runtime; it takes in news of so many sockets at once before it sees to them.
pub(super) fn runtime(name: &str, events_max: usize) -> Result<Runtime, StartError> {
    tokio::runtime::Builder::new_current_thread()
        .max_io_events_per_tick(events_max)
        .enable_io()
        .enable_time()
        .max_blocking_threads(ADMIN_CALLS_MAX + ADMIN_LOOKS_MAX)
        .build()
        .map_err(|source| StartError::Thread { name: name.to_owned(), source })
}

fn thread<T: Send + 'static>(
    name: String,
    run: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, StartError> {
    let builder = Builder::new().name(name.clone());
    builder.spawn(run).map_err(|source| StartError::Thread { name, source })
}

/// One bid worker's share of the start.
struct Worker {
    runtime: Runtime,
    listener: TcpListener,
    number: usize,
    config: ServerConfig,
    until: (StageView, Busy),
}

impl Worker {
    /// Serves until the server ends.
    fn run<B: BidService, N: NoticeService>(
        self,
        bids: Arc<B>,
        notices: Public<N>,
        metrics: ShellMetrics,
    ) {
        let Self { runtime, listener, number, config, until: (stage, busy) } = self;
        let limits = &config.bid_limits;
        let desk = BidDesk::new(bids, notices, number, (limits, &config.browser_origins));
        let place = (Port::Bid, number, config.workers.get());
        let door = Door::new(desk, limits, place, metrics);
        let local = LocalSet::new();
        local.block_on(&runtime, door.serve(listener, (stage, Stage::Closing)));
        drop(local);
        drop(busy);
    }
}
