//! What a build is told besides its rows: how rows are merged, what it may use, what it is to
//! leave out.

use crate::model::UserKey;
use std::collections::HashSet;
use std::path::PathBuf;

/// Memory of a build unless told otherwise.
pub const MEMORY_BYTES_DEFAULT: u64 = 4 << 30;
/// Least memory: below this the buffers of the partitions alone would not fit.
pub const MEMORY_BYTES_MIN: u64 = 64 << 20;
/// Most keys to be left out: each takes some 16 bytes beside the memory for rows.
pub const SUPPRESSED_MAX: usize = 50_000_000;

/// What becomes of a number where rows of one user and segment are merged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rule {
    /// All are added up.
    Sum,
    /// That of the newest row.
    Newest,
    /// The largest.
    Max,
}

impl Rule {
    /// Merges the numbers of rows that ascend by time.
    pub(super) fn merge(self, numbers: impl Iterator<Item = u64>) -> u64 {
        match self {
            Self::Sum => numbers.fold(0, u64::saturating_add),
            Self::Newest => numbers.last().unwrap_or(0),
            Self::Max => numbers.max().unwrap_or(0),
        }
    }
}

/// How rows of one user and segment are merged. The newest row always says items and expiry,
/// and the earliest `first_seen` stays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// For counts.
    pub counts: Rule,
    /// For values.
    pub values: Rule,
}

impl Default for Rules {
    fn default() -> Self {
        Self { counts: Rule::Sum, values: Rule::Newest }
    }
}

/// What a build may use.
#[derive(Clone, Debug)]
pub struct Resources {
    /// Memory, about: half of it for rows that wait, half for shards in the making.
    pub memory_bytes: u64,
    /// How many threads read and merge rows.
    pub threads: usize,
    /// Where rows go that do not fit; without it, all must.
    pub spill_folder: Option<PathBuf>,
}

impl Default for Resources {
    fn default() -> Self {
        Self { memory_bytes: MEMORY_BYTES_DEFAULT, threads: 1, spill_folder: None }
    }
}

/// One shard of a set that is built elsewhere, from 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
pub struct ShardPart {
    /// Which.
    pub number: u32,
    /// Of how many; a power of two.
    pub of: u32,
}

/// Which of the rows are wanted.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Only the users of one shard.
    pub part: Option<ShardPart>,
    /// The segments that there are; those of the rows if not given.
    pub segments: Option<Vec<String>>,
    /// Users who must not be in the set.
    pub suppressed: HashSet<UserKey>,
}
