//! Campaigns and snapshots in, while bids go on.
//!
//! Guarantees: a load either replaces the whole of what it loads or changes nothing; one
//! snapshot is loaded at a time, a second order meanwhile is refused; campaigns are loaded
//! meanwhile all the same. What was replaced is freed by the loading thread, bit by bit, once
//! the last request has let go of it, never by a request.

use super::Bidder;
use super::served::{Audience, Business, Served};
use crate::audience::Snapshot;
use crate::audience::snapshot::{SnapshotError, SnapshotInfo};
use crate::audience::store::{self, Identity, Offer, Store};
use crate::campaign::advertiser_file::Machine;
use crate::campaign::files::load_book_for;
use crate::collect::Shops;
use crate::config::Diagnostic;
use crate::server::clock;
use crate::telemetry::memory;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often a loading thread looks whether the last request has let go of the old state.
const RELEASE_POLL: Duration = Duration::from_millis(5);
/// After how many looks it gives up and lets the last user free it: a minute.
const RELEASE_POLLS_MAX: u32 = 12_000;
/// Pause after each shard that is freed: whoever asks the system for memory meanwhile waits
/// for one shard at most.
const FREE_PAUSE: Duration = Duration::from_millis(2);

/// How far a loading thread steps back (of 19): it gets a tenth of a core that bids want too. With
/// less it would not come to an end where bids want all there is.
#[cfg(target_os = "linux")]
const BACKGROUND_NICE: i32 = 10;

/// Why a snapshot was not loaded; the one before serves on.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The set is missing, damaged, unsigned or too old.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// No complete set is where sets come from.
    #[error("no complete snapshot in {place}{skipped}: `homing snapshot build --out` makes one")]
    None {
        /// The audience folder, or the object store.
        place: String,
        /// What was passed over, and why.
        skipped: String,
    },
    /// A name that is not one of a set.
    #[error("{0:?} is not the name of a set: expected the name of a folder, without slashes")]
    Name(String),
    /// Another load is under way.
    #[error("another snapshot is being loaded: try again when it is in service or refused")]
    Busy,
    /// The object store cannot be reached, or does not give what is asked for.
    #[error("cannot fetch {object}: {why}")]
    Fetch {
        /// What was asked for.
        object: String,
        /// What came back.
        why: String,
        /// Whether it is not there, for which the store was reached.
        missing: bool,
    },
}

impl LoadError {
    /// The word for metrics and answers.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Snapshot(error) => error.reason(),
            Self::None { .. } => "none",
            Self::Name(_) => "name",
            Self::Busy => "busy",
            Self::Fetch { missing: true, .. } => "missing",
            Self::Fetch { .. } => "fetch",
        }
    }

    /// Whether the same set would be refused again, so that trying is of no use until
    /// something about it changes. A full disk or a lost connection may pass.
    pub(super) fn is_final(&self) -> bool {
        !matches!(self.reason(), "io" | "busy" | "fetch")
    }
}

/// What loading campaigns brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
pub struct BookCounts {
    /// Advertisers.
    pub advertisers: usize,
    /// Campaigns.
    pub campaigns: usize,
    /// Creatives.
    pub creatives: usize,
}

/// What loading a snapshot brought.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Loaded {
    /// What is in service now.
    pub info: SnapshotInfo,
    /// Whether that is what was in service before: the very same set, so nothing was done.
    pub unchanged: bool,
    /// Whether the own folder has it for the next start.
    pub kept: bool,
}

impl Bidder {
    /// Loads the advertiser files anew. Spending, caps and holds stay as they are.
    ///
    /// # Errors
    /// Every fault of every file; what was loaded before serves on.
    pub fn load_campaigns(&self) -> Result<BookCounts, Vec<Diagnostic>> {
        let one_at_a_time = self.loading.lock();
        let exchanges: Vec<String> =
            self.desks.iter().map(|desk| desk.profile.name.clone()).collect();
        let machine = Machine { exchanges: &exchanges, rates: &self.rules.rates };
        let book = load_book_for(&self.folders.business, machine)?;
        let counts = BookCounts {
            advertisers: book.advertisers.len(),
            campaigns: book.campaigns.len(),
            creatives: book.creatives.len(),
        };
        let audience = self.served.load().audience.clone();
        let audience = audience.map(|old| Audience::new(old.snapshot, &book));
        let accounts = self.ledger().adopt(&book);
        let business = Arc::new(Business::new(book, accounts));
        if let Some(collector) = self.collector.get() {
            collector.know(Shops::of(&business.book));
        }
        let old = self.served.swap(Arc::new(Served { business, audience }));
        drop(one_at_a_time);
        release(old);
        Ok(counts)
    }

    /// Installs and loads a snapshot: the set of this name, or the one that the source means
    /// (the newest complete one, unless it points to another). An older epoch than the one in
    /// service needs `force`. Returns when the old one is freed.
    ///
    /// # Errors
    /// Why not; the snapshot in service serves on.
    pub fn load_snapshot(&self, set: Option<&str>, force: bool) -> Result<Loaded, LoadError> {
        let began = Instant::now();
        let load = || self.load_snapshot_uncounted((set, force), began);
        // While there are bids to be made, their threads come first.
        let serving = self.served.load().audience.is_some();
        let loaded = if serving { in_the_background(load) } else { load() };
        match &loaded {
            Ok(Loaded { info, unchanged: true, .. }) => {
                self.metrics.snapshot.loads_unchanged.increment(1);
                tracing::info!(set = info.name, "snapshot in service already");
            }
            Ok(Loaded { info, .. }) => {
                self.metrics.snapshot.loads_ok.increment(1);
                tracing::info!(set = info.name, users = info.users, "snapshot in service");
            }
            Err(LoadError::Busy) => tracing::info!("{}", LoadError::Busy),
            Err(error) => self.count_refused(error),
        }
        loaded
    }

    /// Puts the newest set of the own folder into service, as after a restart while its
    /// source cannot be reached; `false` if there is none.
    pub(super) fn reopen_snapshot(&self) -> bool {
        let _one_at_a_time = self.installing.lock();
        let began = Instant::now();
        let own_folder = self.own_folder();
        let store = self.store(&own_folder, None, false);
        let Some((snapshot, identity)) = store.reopen() else { return false };
        tracing::info!(set = identity.name, "the set that was installed last is in service");
        self.put_into_service((snapshot, identity), (began, None));
        true
    }

    /// Counts and logs a load that was refused.
    pub(super) fn count_refused(&self, error: &LoadError) {
        self.metrics.snapshot.loads_refused.increment(1);
        self.metrics.snapshot_refused(error.reason());
        tracing::error!(reason = error.reason(), %error, "snapshot refused");
    }

    fn load_snapshot_uncounted(
        &self,
        (set, force): (Option<&str>, bool),
        began: Instant,
    ) -> Result<Loaded, LoadError> {
        let _one_at_a_time = self.installing.try_lock().ok_or(LoadError::Busy)?;
        let in_service = self.in_service.lock().clone();
        let own_folder = self.own_folder();
        let store = self.store(&own_folder, in_service.as_ref(), force);
        let huge_before = memory::huge_page_bytes();
        let (info, kept) = match self.source.fetch(set, &store)? {
            store::Loaded::Kept(snapshot, identity) => {
                (self.put_into_service((*snapshot, identity), (began, huge_before)), true)
            }
            store::Loaded::New(snapshot, offer) => {
                let set = (*snapshot, offer.identity().clone());
                let info = self.put_into_service(set, (began, huge_before));
                (info, self.keep(&store, &offer))
            }
            store::Loaded::Same => {
                let served = self.served.load();
                let info = served.audience.as_ref().map(|one| one.snapshot.info().clone());
                // Only what is in service is found to be the same as it.
                let info = info.ok_or(LoadError::Busy)?;
                return Ok(Loaded { info, unchanged: true, kept: true });
            }
        };
        Ok(Loaded { info, unchanged: false, kept })
    }

    /// Writes the set that has just been put into service into the own folder; whether that
    /// succeeded. Without it the set serves all the same, but not after a restart.
    fn keep(&self, store: &Store<'_>, offer: &Offer) -> bool {
        let served = self.served.load_full();
        let snapshot = served.audience.as_ref().map(|audience| Arc::clone(&audience.snapshot));
        drop(served);
        let Some(snapshot) = snapshot else { return false };
        if let Err(error) = store.keep(&snapshot, offer) {
            self.metrics.snapshot.loads_unkept.increment(1);
            tracing::error!(%error, "the set in service is not kept for the next start");
            return false;
        }
        true
    }

    fn put_into_service(
        &self,
        (snapshot, identity): (Snapshot, Identity),
        (began, huge_before): (Instant, Option<u64>),
    ) -> SnapshotInfo {
        let info = snapshot.info().clone();
        let huge_bytes = memory::huge_page_bytes()
            .map(|now| now.saturating_sub(huge_before.unwrap_or(0)).min(info.bytes));
        let snapshot = Arc::new(snapshot);
        let old = {
            let _one_at_a_time = self.loading.lock();
            let business = Arc::clone(&self.served.load().business);
            let audience = Audience::new(snapshot, &business.book);
            self.served.swap(Arc::new(Served { business, audience: Some(audience) }))
        };
        // What the set knows, the overlay need not.
        let business = Arc::clone(&self.served.load().business);
        self.overlay().trim(info.epoch, clock::now(), &business.event_segments);
        *self.in_service.lock() = Some(identity);
        let metrics = &self.metrics.snapshot;
        metrics.load_seconds.set(began.elapsed().as_secs_f64());
        metrics.huge_page_bytes.set(huge_bytes.unwrap_or(0) as f64);
        self.show_snapshot(&info);
        release(old);
        info
    }

    fn own_folder(&self) -> PathBuf {
        self.folders.data.join("snapshots")
    }

    fn store<'a>(
        &'a self,
        folder: &'a std::path::Path,
        loaded: Option<&'a Identity>,
        force: bool,
    ) -> Store<'a> {
        Store { folder, loaded, force, key: self.signature_key.as_ref() }
    }

    /// Shows in the metrics what is in service.
    pub(super) fn show_snapshot(&self, info: &SnapshotInfo) {
        let metrics = &self.metrics.snapshot;
        metrics.users.set(info.users as f64);
        metrics.bytes.set(info.bytes as f64);
        metrics.age_seconds.set(f64::from(clock::now().since(info.epoch).0));
    }
}

/// Runs `work` on a thread of its own, and those that it starts, which get the processor when
/// nobody else wants it much.
fn in_the_background<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let background = scope.spawn(|| {
            // Where the system does not allow it, the work is done all the same.
            #[cfg(target_os = "linux")]
            let _ = rustix::process::setpriority_process(None, BACKGROUND_NICE);
            work()
        });
        background.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Frees an old state here: waits for the last request to let go of it, then gives its
/// snapshot back shard by shard, if nothing new shares that.
fn release(mut old: Arc<Served>) {
    for _ in 0..RELEASE_POLLS_MAX {
        old = match Arc::try_unwrap(old) {
            Ok(Served { business, audience }) => {
                drop(business);
                let snapshot = audience.and_then(|audience| Arc::into_inner(audience.snapshot));
                if let Some(snapshot) = snapshot {
                    snapshot.free(|| std::thread::sleep(FREE_PAUSE));
                }
                return;
            }
            Err(still_used) => still_used,
        };
        std::thread::sleep(RELEASE_POLL);
    }
}
