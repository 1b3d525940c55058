//! Campaigns and snapshots in, while bids go on.
//!
//! Guarantees: a load either replaces the whole of what it loads or changes nothing; loads
//! do not overlap (the second waits); what was replaced is freed by the loading thread once
//! the last request has let go of it, never by a request.

use super::Bidder;
use super::served::{Audience, Business, Served};
use crate::audience::snapshot::{SnapshotError, SnapshotInfo};
use crate::audience::store::{install, newest_complete_set};
use crate::campaign::advertiser_file::Machine;
use crate::campaign::files::load_book_for;
use crate::config::Diagnostic;
use crate::server::clock;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How often a loading thread looks whether the last request has let go of the old state.
const RELEASE_POLL: Duration = Duration::from_millis(5);
/// After how many looks it gives up and lets the last user free it: a minute.
const RELEASE_POLLS_MAX: u32 = 12_000;

/// Why a snapshot was not loaded; the one before serves on.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The set is missing, damaged or too old.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// No complete set is in the audience folder.
    #[error("no complete snapshot in {folder}{skipped}: `homing snapshot build --out` makes one")]
    None {
        /// The audience folder.
        folder: PathBuf,
        /// What was passed over, and why.
        skipped: String,
    },
    /// A name that is not one of a set in the audience folder.
    #[error("{0:?} is not the name of a set: expected the name of a folder, without slashes")]
    Name(String),
}

impl LoadError {
    /// The word for metrics and answers.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Snapshot(error) => error.reason(),
            Self::None { .. } => "none",
            Self::Name(_) => "name",
        }
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

impl Bidder {
    /// Loads the advertiser files anew. Spending, caps and holds stay as they are.
    ///
    /// # Errors
    /// Every fault of every file; what was loaded before serves on.
    pub fn load_campaigns(&self) -> Result<BookCounts, Vec<Diagnostic>> {
        let _one_at_a_time = self.loading.lock();
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
        let accounts = self.ledger.adopt(&book);
        self.replace(Served { business: Arc::new(Business::new(book, accounts)), audience });
        Ok(counts)
    }

    /// Installs and loads a snapshot: the set named `set` in the audience folder, or the
    /// newest complete one there. An older epoch than the one in service needs `force`.
    ///
    /// # Errors
    /// Why not; the snapshot in service serves on.
    pub fn load_snapshot(&self, set: Option<&str>, force: bool) -> Result<SnapshotInfo, LoadError> {
        let loaded = self.load_snapshot_uncounted(set, force);
        match &loaded {
            Ok(info) => {
                self.metrics.snapshot.loads_ok.increment(1);
                tracing::info!(set = info.name, users = info.users, "snapshot in service");
            }
            Err(error) => {
                self.metrics.snapshot.loads_refused.increment(1);
                tracing::error!(reason = error.reason(), %error, "snapshot refused");
            }
        }
        loaded
    }

    fn load_snapshot_uncounted(
        &self,
        set: Option<&str>,
        force: bool,
    ) -> Result<SnapshotInfo, LoadError> {
        let _one_at_a_time = self.loading.lock();
        let source = self.find_set(set)?;
        let in_service =
            self.served.load().audience.as_ref().map(|one| one.snapshot.info().clone());
        let own_folder = self.folders.data.join("snapshots");
        let snapshot = Arc::new(install(&source, &own_folder, in_service.as_ref(), force)?);
        let info = snapshot.info().clone();
        let business = Arc::clone(&self.served.load().business);
        let audience = Audience::new(snapshot, &business.book);
        self.replace(Served { business, audience: Some(audience) });
        self.show_snapshot(&info);
        Ok(info)
    }

    fn find_set(&self, set: Option<&str>) -> Result<PathBuf, LoadError> {
        let folder = &self.folders.audience;
        let Some(name) = set else { return newest(folder) };
        let plain = Path::new(name).file_name().is_some_and(|file| file == name);
        if plain { Ok(folder.join(name)) } else { Err(LoadError::Name(name.to_owned())) }
    }

    /// Puts a new state into service and frees the old one here.
    fn replace(&self, new: Served) {
        let old = self.served.swap(Arc::new(new));
        for _ in 0..RELEASE_POLLS_MAX {
            if Arc::strong_count(&old) == 1 {
                break;
            }
            std::thread::sleep(RELEASE_POLL);
        }
        drop(old);
    }

    /// Shows in the metrics what is in service.
    pub(super) fn show_snapshot(&self, info: &SnapshotInfo) {
        let metrics = &self.metrics.snapshot;
        metrics.users.set(info.users as f64);
        metrics.bytes.set(info.bytes as f64);
        metrics.age_seconds.set(f64::from(clock::now().since(info.epoch).0));
    }
}

fn newest(folder: &Path) -> Result<PathBuf, LoadError> {
    let found = newest_complete_set(folder)?;
    found.newest.map(|(path, _)| path).ok_or_else(|| {
        let told = found.skipped.iter().map(|(path, why)| format!("; {}: {why}", path.display()));
        LoadError::None { folder: folder.to_owned(), skipped: told.collect() }
    })
}
