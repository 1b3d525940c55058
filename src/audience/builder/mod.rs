//! Rows to snapshot: takes rows in any order, sorts and merges them, packs the shards.
//!
//! Guarantees: the same rows give the same bytes, whatever their order, the number of threads
//! and the memory. Of the rows of one user and segment the newest wins with its items and
//! expiry, the earliest `first_seen` stays, counts and values follow the [`Rules`]; a removal
//! forgets every row up to its `last_seen`. Two ids with the same 64-bit key are one user: among
//! 100 million a chance of one in 3,700.
//!
//! In reading order: [`rules`] what a build is told, `packed` a waiting row, [`intake`] rows to
//! partitions, `spill` those that do not fit, [`feed`] inputs to rows on all cores, [`base`] a
//! set to begin with, `dictionary` the segments, `merge` a partition, `pack` a shard, [`files`] a
//! set on disk, [`part`] one shard built by itself. [`Builder`] is the same for those who have few
//! rows, all in memory and one thread. Only `spill` and `files` touch a file system.

pub mod base;
mod dictionary;
pub mod feed;
pub mod files;
pub mod intake;
mod merge;
mod pack;
mod packed;
pub mod part;
pub mod rules;
mod spill;

pub use files::{Built, Output};
pub use intake::{Intake, Router};
pub use rules::{Resources, Rule, Rules, Scope, ShardPart};

use super::rows::{FieldFault, Row};
use super::snapshot::format::{SEGMENTS_MAX, SHARDS_MAX, shard_file_name};
use super::snapshot::manifest::{Manifest, ShardEntry};
use super::snapshot::{Snapshot, SnapshotError};
use crate::model::UnixSeconds;
use merge::Merged;
use pack::{PackFault, Place};
use serde::Serialize;
use std::path::PathBuf;

/// Most rows of one build unless told otherwise: some 80 GB of spill file.
pub const ROWS_MAX_DEFAULT: usize = 4_000_000_000;
/// Most rows of a shard before there are more shards; from half as many on. Their users are
/// two to three million, their file some 50 to 100 MB, and all cores have something to do.
pub const ROWS_PER_SHARD_MAX: u64 = 8_000_000;
/// How many partitions rows wait in: enough that one fits into a processor's cache while a set
/// is small, and into a fraction of the memory when it is not.
const PARTITIONS_MIN: usize = 256;

/// How to build.
#[derive(Clone, Copy, Debug)]
pub struct BuildOptions {
    /// Later than this is the future: such rows are kept, counted and left out of the epoch.
    pub now: UnixSeconds,
    /// Event time through which the rows are complete; the newest `last_seen` if not given.
    pub epoch: Option<UnixSeconds>,
    /// How many shards, a power of two; by number of rows if not given.
    pub shards: Option<u32>,
    /// Most rows that are taken.
    pub rows_max: usize,
}

/// What was built.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct BuildSummary {
    /// Rows that were taken.
    pub rows: u64,
    /// Memberships of the set that the build began with.
    pub base: u64,
    /// Distinct user keys in the snapshot.
    pub users: u64,
    /// Memberships in the snapshot.
    pub memberships: u64,
    /// Rows that were merged into a newer one of the same user and segment.
    pub merged: u64,
    /// Rows that a removal forgot.
    pub removed: u64,
    /// Rows of users who must not be in the set.
    pub suppressed: u64,
    /// Rows of other shards than the one that was built.
    pub elsewhere: u64,
    /// Rows whose `last_seen` lies in the future.
    pub future: u64,
    /// Size of the shards.
    pub bytes: u64,
    /// How much went through the spill file.
    pub spilled_bytes: u64,
}

impl BuildSummary {
    /// What a user takes on average.
    pub fn bytes_per_user(&self) -> f64 {
        self.bytes as f64 / self.users.max(1) as f64
    }
}

/// Why a build fails.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A row is refused; the caller may go on with the next.
    #[error(transparent)]
    Row(#[from] FieldFault),
    /// More rows than allowed.
    #[error("expected at most {rows_max} rows, found more: raise --rows-max")]
    TooManyRows {
        /// The limit.
        rows_max: usize,
    },
    /// More segments than the format can number.
    #[error("expected at most {SEGMENTS_MAX} segments, found more: is a segment name made of ids?")]
    TooManySegments,
    /// A name that can be no segment's, among those that were given.
    #[error("expected names such as add_to_cart in the list of segments, found {found}")]
    SegmentName {
        /// What was given.
        found: String,
    },
    /// Rows that do not fit, and nowhere to put them.
    #[error(
        "expected rows that fit into the memory given, found more: give more or a spill folder"
    )]
    Memory,
    /// The spill file cannot be written or read.
    #[error(
        "cannot keep rows in a file in {folder}: {source}; give more --memory or another \
         --spill-folder", folder = folder.display()
    )]
    Spill {
        /// Where.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Rows did not come back from the spill file as they were written.
    #[error("expected the rows that were written to the spill file, found others: check the disk")]
    Damaged,
    /// A number of shards that cannot be.
    #[error("expected a power of two of at most {SHARDS_MAX} shards, found {found}")]
    Shards {
        /// What was asked for.
        found: u32,
    },
    /// A shard that there is none of.
    #[error("expected a shard from 0 to {last} of {of}, found {number}", last = of.saturating_sub(1))]
    Part {
        /// Which was asked for.
        number: u32,
        /// Of how many.
        of: u32,
    },
    /// Parts that do not make a set.
    #[error("{path}: {problem}", path = path.display())]
    Parts {
        /// The part with which it was noticed.
        path: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// No rows and no epoch.
    #[error(
        "expected a row or an epoch after 1970, found neither: to build an empty set, say \
        through which time it is complete"
    )]
    NoEpoch,
    /// The set cannot be written.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

/// Takes few rows, in memory and on one thread: for tests, demos and tools. What is large goes
/// through an [`Intake`] and [`feed`].
pub struct Builder {
    intake: Intake,
    /// What a [`Router`] of the intake holds between two rows.
    held: intake::Held,
}

/// A merged audience in memory: ready to be packed.
pub struct Audience {
    merged: Vec<Merged>,
    segments: Vec<String>,
    epoch: UnixSeconds,
    shards: u32,
    pub(super) summary: BuildSummary,
}

impl Builder {
    /// A builder without rows.
    ///
    /// # Errors
    /// The number of shards cannot be.
    pub fn new(options: BuildOptions) -> Result<Self, BuildError> {
        let resources = Resources { memory_bytes: u64::MAX, ..Resources::default() };
        Self::with(options, Rules::default(), (resources, Scope::default()))
    }

    /// A builder with rules of its own.
    ///
    /// # Errors
    /// As [`Intake::new`].
    pub fn with(
        options: BuildOptions,
        rules: Rules,
        (resources, scope): (Resources, Scope),
    ) -> Result<Self, BuildError> {
        let intake = Intake::new(options, rules, resources, scope)?;
        let held = intake.router().hold();
        Ok(Self { intake, held })
    }

    /// Takes a row.
    ///
    /// # Errors
    /// As [`Router::add`].
    pub fn add(&mut self, row: &Row<'_>) -> Result<(), BuildError> {
        let mut router = self.intake.resume(std::mem::take(&mut self.held));
        let done = router.add(row);
        self.held = router.hold();
        done
    }

    /// Sorts and merges what was taken.
    ///
    /// # Errors
    /// There is neither a row nor an epoch.
    pub fn finish(mut self) -> Result<Audience, BuildError> {
        self.intake.resume(std::mem::take(&mut self.held)).close()?;
        let epoch = self.intake.epoch().ok_or(BuildError::NoEpoch)?;
        let (segments, places) = self.intake.dictionary.in_order();
        let mut order = Vec::new();
        let merged = (0..self.intake.partitions.len())
            .map(|number| self.intake.merge_partition(number, &places, &mut order))
            .collect::<Result<Vec<_>, _>>()?;
        let mut summary = self.intake.summary();
        for one in &merged {
            summary.count(one);
        }
        Ok(Audience { merged, segments, epoch, shards: self.intake.shards(), summary })
    }
}

impl BuildSummary {
    fn count(&mut self, merged: &Merged) {
        self.users += merged.users;
        self.memberships += merged.memberships;
        self.merged += merged.joined;
        self.removed += merged.removed;
    }
}

impl Audience {
    /// What was merged; the size is known once the set is packed.
    pub fn summary(&self) -> &BuildSummary {
        &self.summary
    }

    /// Packs the set into a snapshot in memory.
    ///
    /// # Errors
    /// A shard is larger than a shard can be.
    pub fn into_snapshot(self, name: &str) -> Result<Snapshot, BuildError> {
        let shards = (0..self.shards).map(|shard| self.pack(shard));
        let shards = shards.collect::<Result<Vec<_>, _>>()?;
        let manifest = self.manifest(shards.iter().map(|(_, entry)| entry.clone()).collect());
        let files = shards.into_iter().map(|(bytes, _)| bytes).collect();
        Ok(Snapshot::from_bytes(name, &manifest.encode(), files)?)
    }

    fn manifest(&self, entries: Vec<ShardEntry>) -> Manifest {
        Manifest::new(self.epoch, self.segments.clone(), entries)
    }

    /// The bytes of a shard, and what the manifest says of it.
    fn pack(&self, shard: u32) -> Result<(Vec<u8>, ShardEntry), BuildError> {
        let of_each = self.merged.len() / self.shards as usize;
        let begin = shard as usize * of_each;
        let segments = self.segments.len() as u32;
        let place = Place { shard, shards: self.shards, segments };
        pack::pack(place, &self.merged[begin..begin + of_each])
            .map_err(|fault| fault.of_shard(shard))
    }
}

impl PackFault {
    fn of_shard(self, shard: u32) -> BuildError {
        match self {
            Self::Damaged => BuildError::Damaged,
            Self::Shard(fault) => {
                let file = shard_file_name(shard as usize);
                SnapshotError::Shard { file, fault }.into()
            }
        }
    }
}

#[cfg(test)]
mod tests;
