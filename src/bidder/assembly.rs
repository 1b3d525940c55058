//! From settings to a running server: the bidder, its campaigns, its snapshot, its ports.

use super::folds::FoldRules;
use super::loading::LoadError;
use super::logbook::{LogbookError, Opened};
use super::{Bidder, Private, housekeeping, watching};
use crate::audience::signature::SigningKey;
use crate::collect::{Collector, CollectorParts};
use crate::config::Diagnostic;
use crate::log::{Log, StreamLogin};
use crate::model::NodeKey;
use crate::notice::Keyring;
use crate::notice::encrypted_price::PriceKeys;
use crate::notice::token::WeakKeyring;
use crate::server::settings::secrets::{Secret, Secrets, resolve};
use crate::server::settings::{Limits, Settings};
use crate::server::{
    BearerToken, ConnectionLimits, DrainLimits, Outcome, RunError, Running, Server, ServerConfig,
    Services, StartError,
};
use crate::telemetry::Metrics;
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// Why a bidder did not start.
#[derive(Debug, thiserror::Error)]
pub enum AssemblyError {
    /// The machine's file, a secret or an advertiser file is faulty.
    #[error("the configuration has faults")]
    Config(Vec<Diagnostic>),
    /// The notice keys cannot be used.
    #[error("the notice keys cannot be used: {0}")]
    Keyring(#[from] WeakKeyring),
    /// No randomness to be had from the operating system.
    #[error("the operating system gives no random numbers: {0}")]
    Randomness(String),
    /// A port or a thread.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The log of what happened.
    #[error(transparent)]
    Log(#[from] LogbookError),
    /// The object store that sets come from.
    #[error("sets cannot be fetched: {0}")]
    Source(String),
    /// The housekeeping thread, or the one that looks for new sets.
    #[error("the housekeeping threads cannot be started: {0}")]
    Housekeeping(std::io::Error),
}

/// A bidder with its open ports.
pub struct Started {
    /// The bidder.
    pub bidder: Arc<Bidder>,
    /// The server.
    pub running: Running,
    /// Why there is no snapshot yet, if there is none: the server runs, but is not ready.
    pub no_snapshot: Option<LoadError>,
}

impl Started {
    /// Waits until the server has ended, then closes the log.
    ///
    /// # Errors
    /// A thread of the server panicked.
    pub fn wait(self) -> Result<Outcome, RunError> {
        let ended = self.running.wait();
        self.bidder.close_books();
        ended
    }
}

/// Starts a bidder: secrets, campaigns, snapshot, ports. A missing or refused snapshot does
/// not keep it from starting, only from being ready, so that one can still be loaded.
///
/// # Errors
/// What is wrong; nothing is left running.
pub fn start(settings: &Settings, end_on_signals: bool) -> Result<Started, AssemblyError> {
    let secrets = resolve(&settings.secrets).map_err(AssemblyError::Config)?;
    let workers = workers(settings);
    let private = private(&secrets)?;
    let login = login(&secrets);
    let (opened, folds) = Opened::new(settings, &login, FoldRules::of(settings, private.seed))?;
    let metrics = Metrics::new(workers.get());
    let bidder = Bidder::new(settings, private, metrics, Arc::clone(&folds));
    let bidder = Arc::new(bidder.map_err(AssemblyError::Source)?);
    bidder.load_campaigns().map_err(AssemblyError::Config)?;
    let logbook = Arc::new(opened.start(settings, &folds)?);
    let log = Arc::clone(&logbook) as Arc<dyn Log>;
    let collector = collector(settings, secrets.shop_keys, (&bidder, log));
    bidder.keep_books(logbook, Arc::clone(&collector));
    #[cfg(feature = "nats")]
    bidder.meet_neighbours(settings.stream.as_ref(), &login).map_err(LogbookError::from)?;
    let first = bidder.first_load();
    let services = Services {
        bids: Arc::clone(&bidder),
        notices: Arc::clone(&bidder),
        events: Some(collector),
        admin: Arc::clone(&bidder),
    };
    let config = server_config(settings, workers, end_on_signals);
    let running = Server::start(&config, &services, &bidder.metrics().shell)?;
    housekeeping::start(&bidder, end_on_signals).map_err(AssemblyError::Housekeeping)?;
    if let Some(poll) = settings.audience.poll {
        watching::start(&bidder, poll, &first).map_err(AssemblyError::Housekeeping)?;
    }
    Ok(Started { bidder, running, no_snapshot: first.fault })
}

/// Takes in the events of the shops that the bidder's book has.
fn collector(
    settings: &Settings,
    keys: Vec<(String, Secret)>,
    (bidder, log): (&Bidder, Arc<dyn Log>),
) -> Arc<Collector> {
    Arc::new(Collector::new(CollectorParts {
        log,
        node: NodeKey::new(&settings.node),
        privacy: settings.privacy.clone(),
        rates: settings.rates.clone(),
        rules: settings.collect.clone(),
        keys,
        metrics: bidder.metrics().events.clone(),
        data: settings.folders.data.clone(),
        seed: bidder.seed,
    }))
}

fn workers(settings: &Settings) -> NonZeroUsize {
    let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    NonZeroUsize::new(usize::from(settings.listen.workers)).unwrap_or(cores)
}

fn private(secrets: &Secrets) -> Result<Private, AssemblyError> {
    let keys = secrets.notice_keys.iter().map(|(id, key)| (*id, key.expose().to_vec()));
    let token = secrets
        .admin_token
        .as_ref()
        .and_then(|token| std::str::from_utf8(token.expose()).ok().map(str::to_owned));
    let mut seed = [0; 8];
    getrandom::fill(&mut seed).map_err(|error| AssemblyError::Randomness(error.to_string()))?;
    Ok(Private {
        keyring: Keyring::new(&keys.collect::<Vec<_>>())?,
        price_keys: price_keys(secrets),
        signature_key: secrets.signature_key.as_ref().and_then(|key| SigningKey::new(key.expose())),
        admin_token: BearerToken::new(token.as_deref()),
        seed: u64::from_le_bytes(seed),
    })
}

/// How this node logs in to the servers of a log that is shared.
fn login(secrets: &Secrets) -> StreamLogin {
    let text = secrets.stream.as_ref().and_then(|one| std::str::from_utf8(one.expose()).ok());
    text.map(StreamLogin::read).unwrap_or_default()
}

fn price_keys(secrets: &Secrets) -> HashMap<String, PriceKeys> {
    let keys = secrets.price_keys.iter().filter_map(|(exchange, [encryption, integrity])| {
        Some((exchange.clone(), PriceKeys::new(encryption.expose(), integrity.expose())?))
    });
    keys.collect()
}

fn server_config(settings: &Settings, workers: NonZeroUsize, end_on_signals: bool) -> ServerConfig {
    let limits = &settings.limits;
    ServerConfig {
        bid: settings.listen.bid,
        notices: settings.listen.notice,
        admin: settings.listen.admin,
        workers,
        bid_limits: bid_limits(limits),
        notices_limits: ConnectionLimits::of_notices(),
        admin_limits: ConnectionLimits::of_admin(),
        browser_origins: settings.listen.browser_origins.clone(),
        drain: DrainLimits { delay: limits.drain_delay, drain: limits.drain },
        end_on_signals,
    }
}

fn bid_limits(limits: &Limits) -> ConnectionLimits {
    ConnectionLimits {
        connections_max: limits.connections_max,
        body_bytes_max: limits.body_bytes_max,
        first_byte: limits.first_byte,
        head: limits.head,
        body: limits.body,
        write: limits.write,
        idle: limits.idle,
        ..ConnectionLimits::default()
    }
}
