//! One running bidder: what it serves, how it answers, how it is operated.
//!
//! - [`served`] the state in service: campaigns and audience, swapped whole
//! - [`answer`] a bid request's way from body to bid; [`offered`] the place of a bid read again,
//!   [`writing`] the bytes; [`rate`] how many requests are looked at
//! - [`folds`] everything that is a fold of the log; [`logbook`] the log of this node, opened,
//!   checkpointed and closed; `alive` whether it was closed
//! - [`heard`] up to when the other nodes were heard, [`withheld`] people whose deeds are not yet
//!   in a log that is shared; `hold_news` bids in flight, told to the other nodes; `cluster` what
//!   a node among others does once a second
//! - `arrivals` notices that are on their way into the log
//! - [`notices`] win, billing, loss, view, click, progress; [`on_win`] markup by win notice
//! - [`loading`] campaigns and snapshots in, while bids go on
//! - `source` where sets come from; `watching` looks for new ones
//! - [`operations`] the admin API; [`reports`] what it says of what happened
//! - [`housekeeping`] what happens once a second, and on SIGHUP
//! - [`assembly`] from settings to a running server
//!
//! Guarantees: a request sees one consistent state from beginning to end; a faulty load
//! changes nothing; what is replaced is freed away from the request threads.

mod alive;
pub mod answer;
mod arrivals;
pub mod assembly;
mod cluster;
pub mod folds;
pub mod heard;
#[cfg(feature = "nats")]
mod hold_news;
pub mod housekeeping;
pub mod loading;
pub mod logbook;
pub mod notices;
mod offered;
mod on_win;
pub mod operations;
mod rate;
pub mod reports;
pub mod served;
mod source;
mod watching;
pub mod withheld;
mod writing;

pub use assembly::{AssemblyError, start};
pub use served::Served;

use crate::audience::overlay::Overlay;
use crate::audience::signature::SigningKey;
use crate::audience::store::Identity;
use crate::collect::{Collector, Shops};
use crate::decide::BlockList;
use crate::event::{Event, LogPosition};
use crate::ledger::Ledger;
use crate::log::direct::Direct;
use crate::log::{Answer, Log, LogError};
use crate::model::{ExchangeKey, NodeKey, Rates, Seconds};
use crate::notice::Keyring;
use crate::notice::encrypted_price::PriceKeys;
use crate::openrtb::profile::ExchangeProfile;
use crate::privacy::{Basis, PrivacyRules};
use crate::server::BearerToken;
use crate::server::service::HeaderValue;
use crate::server::settings::{Folders, Settings};
use crate::telemetry::{ExchangeMetrics, Metrics};
use arc_swap::ArcSwap;
use arrivals::Arrivals;
use folds::{FoldRules, Folds};
use logbook::Logbook;
use parking_lot::Mutex;
use rate::RateLimit;
use source::Source;
use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use writing::Letterhead;

/// A bidder. Shared by all threads.
pub struct Bidder {
    served: ArcSwap<Served>,
    folds: Arc<Folds>,
    /// Notices that are not folded yet.
    arrivals: Arrivals,
    /// Set once the log is read.
    log: OnceLock<Arc<dyn Log>>,
    /// The log that outlives the process, if that is what it is.
    logbook: OnceLock<Arc<Logbook>>,
    /// Tells the other nodes of this one's bids; set with the log, if that is shared.
    #[cfg(feature = "nats")]
    hold_news: OnceLock<cluster::Neighbours>,
    /// Takes in what shops tell; set with the log.
    collector: OnceLock<Arc<Collector>>,
    keyring: Keyring,
    admin_token: BearerToken,
    desks: Vec<ExchangeDesk>,
    rules: Rules,
    folders: Folders,
    metrics: Metrics,
    source: Source,
    /// The source, for people.
    source_name: String,
    /// What sets must be signed with, if with anything.
    signature_key: Option<SigningKey>,
    /// Held while the state in service is being replaced.
    loading: Mutex<()>,
    /// Held while a snapshot is fetched, loaded, and the old one freed: one at a time.
    installing: Mutex<()>,
    /// Which set is in service.
    in_service: Mutex<Option<Identity>>,
    /// Secret numbers from which bid ids and hash seeds are made.
    seed: u64,
    /// How many streams of bid ids have been given out.
    streams: AtomicU64,
    started: Instant,
}

/// Everything about one exchange that a request needs.
struct ExchangeDesk {
    profile: ExchangeProfile,
    version_header: Option<HeaderValue>,
    metrics: ExchangeMetrics,
    price_keys: Option<PriceKeys>,
    rate: Option<RateLimit>,
}

/// The machine's rules that do not change while it runs.
struct Rules {
    node: String,
    node_key: NodeKey,
    public_url: String,
    decision_budget: Duration,
    notices_for: Seconds,
    privacy: PrivacyRules,
    blocked: BlockList,
    rates: Rates,
}

/// The secrets and randomness that a bidder is made with.
pub struct Private {
    /// Signs and verifies notices.
    pub keyring: Keyring,
    /// Guards the admin API.
    pub admin_token: BearerToken,
    /// From the operating system's source of randomness.
    pub seed: u64,
    /// The keys of the exchanges that encrypt prices, by name.
    pub price_keys: HashMap<String, PriceKeys>,
    /// What audience sets must be signed with, if with anything.
    pub signature_key: Option<SigningKey>,
}

impl Bidder {
    /// A bidder without campaigns and audience; see [`loading`].
    ///
    /// # Errors
    /// Why sets cannot be fetched from where the settings say, for people.
    pub fn new(
        settings: &Settings,
        mut private: Private,
        metrics: Metrics,
        folds: Arc<Folds>,
    ) -> Result<Self, String> {
        let mut desk = |profile: &ExchangeProfile| ExchangeDesk {
            version_header: profile.version_header.as_deref().and_then(|text| text.parse().ok()),
            metrics: metrics.exchange(&profile.name, &Basis::ALL.map(Basis::label)),
            price_keys: private.price_keys.remove(&profile.name),
            rate: profile.requests_per_second_max.map(RateLimit::new),
            profile: profile.clone(),
        };
        let desks = settings.exchanges.iter().map(&mut desk).collect();
        let source = Source::new(settings)?;
        let folder = || settings.folders.audience.display().to_string();
        Ok(Self {
            served: ArcSwap::from_pointee(Served::default()),
            folds,
            arrivals: Arrivals::default(),
            log: OnceLock::new(),
            logbook: OnceLock::new(),
            #[cfg(feature = "nats")]
            hold_news: OnceLock::new(),
            collector: OnceLock::new(),
            keyring: private.keyring,
            admin_token: private.admin_token,
            desks,
            rules: Rules::of(settings),
            folders: settings.folders.clone(),
            metrics,
            source,
            source_name: settings.audience.store.clone().unwrap_or_else(folder),
            signature_key: private.signature_key,
            loading: Mutex::new(()),
            installing: Mutex::new(()),
            in_service: Mutex::new(None),
            seed: private.seed,
            streams: AtomicU64::new(0),
            started: Instant::now(),
        })
    }

    /// As [`Self::new`], with a log that keeps nothing: for benches and fuzzing.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn in_memory(
        settings: &Settings,
        private: Private,
        metrics: Metrics,
    ) -> Result<Self, String> {
        let folds = Arc::new(Folds::new(FoldRules::of(settings, private.seed)));
        let bidder = Self::new(settings, private, metrics, Arc::clone(&folds))?;
        bidder.write_to(Arc::new(Direct::new(folds)));
        Ok(bidder)
    }

    /// What is in service now.
    pub fn served(&self) -> Arc<Served> {
        self.served.load_full()
    }

    /// The ledger.
    pub fn ledger(&self) -> &Ledger {
        &self.folds.ledger
    }

    /// The overlay of the audience.
    pub fn overlay(&self) -> &Overlay {
        &self.folds.overlay
    }

    /// Has events go to `log`, whose folds are this bidder's. Only the first log counts.
    pub fn write_to(&self, log: Arc<dyn Log>) {
        let _ = self.log.set(log);
    }

    /// Has events go to the log of this node, and those of shops in by `collector`.
    fn keep_books(&self, logbook: Arc<Logbook>, collector: Arc<Collector>) {
        collector.know(Shops::of(&self.served.load().business.book));
        self.write_to(Arc::clone(&logbook) as Arc<dyn Log>);
        let _ = self.logbook.set(logbook);
        let _ = self.collector.set(collector);
    }

    /// Closes the log, once nobody bids any more.
    pub fn close_books(&self) {
        // What was counted last goes into the log before it closes.
        drop(self.tell_counts());
        self.return_leases();
        if let Some(logbook) = self.logbook.get() {
            logbook.close();
        }
    }

    /// Where events go.
    fn log(&self) -> &dyn Log {
        self.log.get().map_or(&Unopened, |log| &**log)
    }

    /// The metrics.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    fn letterhead(&self) -> Letterhead<'_> {
        Letterhead {
            keyring: &self.keyring,
            public_url: &self.rules.public_url,
            domain: host_of(&self.rules.public_url),
        }
    }

    fn desk(&self, exchange: &str) -> Option<&ExchangeDesk> {
        self.desks.iter().find(|desk| desk.profile.name == exchange)
    }

    fn desk_of(&self, exchange: ExchangeKey) -> Option<&ExchangeDesk> {
        self.desks.iter().find(|desk| desk.profile.key == exchange)
    }
}

/// Stands where no log is opened yet: takes nothing.
struct Unopened;

impl Log for Unopened {
    fn append(&self, _event: Event) -> Answer {
        let (sender, answer) = tokio::sync::oneshot::channel();
        let _ = sender.send(Err(LogError::Closed));
        answer
    }

    fn folded(&self) -> LogPosition {
        LogPosition(0)
    }

    fn is_available(&self) -> bool {
        false
    }
}

/// The host of a URL with a scheme; without its port.
fn host_of(url: &str) -> &str {
    let (_, rest) = url.split_once("://").unwrap_or(("", url));
    let host = rest.split('/').next().unwrap_or_default();
    host.rsplit_once(':').map_or(host, |(host, _)| host)
}

impl Rules {
    fn of(settings: &Settings) -> Self {
        Self {
            node: settings.node.clone(),
            node_key: NodeKey::new(&settings.node),
            public_url: settings.listen.public_url.clone(),
            decision_budget: settings.limits.decision_budget,
            notices_for: settings.limits.notice_ttl,
            privacy: settings.privacy.clone(),
            blocked: BlockList {
                sites: settings.blocked_sites.clone(),
                apps: settings.blocked_apps.clone(),
                sellers: settings.blocked_sellers.clone(),
            },
            rates: settings.rates.clone(),
        }
    }
}
