//! Rows to snapshot: takes rows in any order, sorts and merges them, packs the shards.
//!
//! Guarantees: the same rows give the same bytes, whatever their order. Of the rows of one
//! user and segment the newest wins with its value, items and expiry, the earliest
//! `first_seen` stays, and counts add up; a removal forgets every row up to its `last_seen`.
//! Memory is 40 bytes a row and the items, within `rows_max`. Pure: `builder_files` writes.
//! Two ids with the same 64-bit key are one user: among 100 million a chance of one in 3,700.

use super::ValueThousandths;
use super::rows::{FieldFault, Row};
use super::snapshot::format::{SEGMENTS_MAX, SHARDS_MAX, shard_file_name};
use super::snapshot::manifest::{Manifest, ShardEntry, checksum};
use super::snapshot::{
    Items, ShardFault, ShardPlan, ShardSurvey, Snapshot, SnapshotError, StoredMembership,
};
use crate::model::{UnixSeconds, UserKey};
use serde::Serialize;
use std::collections::HashMap;

/// Most rows of one build unless told otherwise: 4 GB of memory at 40 bytes a row.
pub const ROWS_MAX_DEFAULT: usize = 100_000_000;
/// Users a shard is given by default before there are two: some 150 MB.
pub const SHARD_USERS_TARGET: u64 = 4_000_000;

/// How to build.
#[derive(Clone, Copy, Debug)]
pub struct BuildOptions {
    /// Later than this is the future: such rows are kept, counted and left out of the epoch.
    pub now: UnixSeconds,
    /// Event time through which the rows are complete; the newest `last_seen` if not given.
    pub epoch: Option<UnixSeconds>,
    /// How many shards, a power of two; by number of users if not given.
    pub shards: Option<u32>,
    /// Most rows that are taken.
    pub rows_max: usize,
}

/// What was built.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct BuildSummary {
    /// Rows that were taken.
    pub rows: u64,
    /// Distinct user keys in the snapshot.
    pub users: u64,
    /// Memberships in the snapshot.
    pub memberships: u64,
    /// Rows that were merged into a newer one of the same user and segment.
    pub merged: u64,
    /// Rows that a removal forgot.
    pub removed: u64,
    /// Rows whose `last_seen` lies in the future.
    pub future: u64,
    /// Size of the shards.
    pub bytes: u64,
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
    #[error("expected at most {rows_max} rows, found more: raise --rows-max (40 bytes a row)")]
    TooManyRows {
        /// The limit.
        rows_max: usize,
    },
    /// More segments than the format can number.
    #[error("expected at most {SEGMENTS_MAX} segments, found more: is a segment name made of ids?")]
    TooManySegments,
    /// More items than fit.
    #[error("expected at most 4 GiB of items, found more: build several sets")]
    TooManyItems,
    /// A number of shards that cannot be.
    #[error("expected a power of two of at most {SHARDS_MAX} shards, found {found}")]
    Shards {
        /// What was asked for.
        found: u32,
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

/// Takes rows.
pub struct Builder {
    options: BuildOptions,
    rows: Vec<PackedRow>,
    segments: HashMap<String, u16>,
    items: ItemArena,
    newest_known: UnixSeconds,
    summary: BuildSummary,
}

/// The merged audience: ready to be packed.
pub struct Audience {
    rows: Vec<PackedRow>,
    segments: Vec<String>,
    items: ItemArena,
    epoch: UnixSeconds,
    shards: u32,
    pub(super) summary: BuildSummary,
}

#[derive(Clone, Copy)]
struct PackedRow {
    key: UserKey,
    value: u64,
    first_seen: u32,
    last_seen: u32,
    expires: u32,
    count: u32,
    items: u32,
    segment: u16,
    remove: bool,
}

impl Builder {
    /// A builder without rows.
    pub fn new(options: BuildOptions) -> Result<Self, BuildError> {
        if let Some(found) = options.shards
            && (!found.is_power_of_two() || found > SHARDS_MAX)
        {
            return Err(BuildError::Shards { found });
        }
        Ok(Self {
            options,
            rows: Vec::new(),
            segments: HashMap::new(),
            items: ItemArena::new(),
            newest_known: UnixSeconds(0),
            summary: BuildSummary::default(),
        })
    }

    /// Takes a row.
    pub fn add(&mut self, row: &Row<'_>) -> Result<(), BuildError> {
        row.check()?;
        if self.rows.len() >= self.options.rows_max {
            return Err(BuildError::TooManyRows { rows_max: self.options.rows_max });
        }
        let packed = PackedRow {
            key: UserKey::new(&row.id_space, &row.id),
            value: row.value.0,
            first_seen: row.first_seen.unwrap_or(row.last_seen).0,
            last_seen: row.last_seen.0,
            expires: row.expires.unwrap_or(UnixSeconds::NEVER).0,
            count: row.count,
            items: self.items.add(row)?,
            segment: self.segment_number(&row.segment)?,
            remove: row.remove,
        };
        self.rows.push(packed);
        self.summary.rows += 1;
        if row.last_seen > self.options.now {
            self.summary.future += 1;
        } else {
            self.newest_known = self.newest_known.max(row.last_seen);
        }
        Ok(())
    }

    /// Sorts and merges what was taken.
    pub fn finish(mut self) -> Result<Audience, BuildError> {
        let segments = self.number_segments_by_name();
        sort(&mut self.rows, &self.items);
        self.merge();
        let users = self.rows.chunk_by(|one, next| one.key == next.key).count() as u64;
        self.summary.users = users;
        self.summary.memberships = self.rows.len() as u64;
        let by_users = users.div_ceil(SHARD_USERS_TARGET).next_power_of_two();
        let by_users = u32::try_from(by_users).unwrap_or(SHARDS_MAX).min(SHARDS_MAX);
        Ok(Audience {
            epoch: self.epoch().ok_or(BuildError::NoEpoch)?,
            rows: self.rows,
            segments,
            items: self.items,
            shards: self.options.shards.unwrap_or(by_users),
            summary: self.summary,
        })
    }

    /// One wrong clock must not move the epoch into the future: live events up to there
    /// would then be taken for known.
    fn epoch(&self) -> Option<UnixSeconds> {
        let known = Some(self.newest_known).filter(|newest| newest.0 > 0);
        let newest = known.or((self.summary.rows > 0).then_some(self.options.now));
        self.options.epoch.or(newest).filter(|epoch| epoch.0 > 0)
    }

    fn segment_number(&mut self, name: &str) -> Result<u16, BuildError> {
        if let Some(number) = self.segments.get(name) {
            return Ok(*number);
        }
        if self.segments.len() >= SEGMENTS_MAX {
            return Err(BuildError::TooManySegments);
        }
        let number = self.segments.len() as u16;
        self.segments.insert(name.to_owned(), number);
        Ok(number)
    }

    /// Numbers the segments in order of name, so that the order of rows does not show.
    fn number_segments_by_name(&mut self) -> Vec<String> {
        let mut by_name: Vec<_> = std::mem::take(&mut self.segments).into_iter().collect();
        by_name.sort_unstable();
        let mut renumbered = vec![0; by_name.len()];
        for (new, (_, old)) in by_name.iter().enumerate() {
            renumbered[usize::from(*old)] = new as u16;
        }
        for row in &mut self.rows {
            row.segment = renumbered[usize::from(row.segment)];
        }
        by_name.into_iter().map(|(name, _)| name).collect()
    }

    /// Leaves one row for each user and segment, or none where a removal came last.
    fn merge(&mut self) {
        let (mut kept, mut begin) = (0, 0);
        while begin < self.rows.len() {
            let pair = self.rows[begin].pair();
            let group = self.rows[begin..].iter().take_while(|row| row.pair() == pair).count();
            let end = begin + group;
            if let Some(one) = merged(&self.rows[begin..end], &mut self.summary) {
                self.rows[kept] = one;
                kept += 1;
            }
            begin = end;
        }
        self.rows.truncate(kept);
        self.rows.shrink_to_fit();
    }
}

/// Sorts by user, segment and time; rows of one second by what they say, so that their order
/// in the input does not matter.
fn sort(rows: &mut [PackedRow], items: &ItemArena) {
    let rank = |row: &PackedRow| (row.key, row.segment, row.last_seen, row.value, row.expires);
    rows.sort_unstable_by(|one, other| {
        let by_items = || items.get(one.items).packed().cmp(items.get(other.items).packed());
        rank(one).cmp(&rank(other)).then_with(by_items)
    });
}

/// Merges the rows of one user and segment, which ascend by time.
fn merged(group: &[PackedRow], summary: &mut BuildSummary) -> Option<PackedRow> {
    let removed_until = group.iter().filter(|row| row.remove).map(|row| row.last_seen).max();
    let is_live = |row: &&PackedRow| !row.remove && Some(row.last_seen) > removed_until;
    let events = group.iter().filter(|row| !row.remove).count() as u64;
    let live = group.iter().filter(is_live);
    let survivors = live.clone().count() as u64;
    summary.removed += events - survivors;
    summary.merged += survivors.saturating_sub(1);
    let newest = *live.clone().next_back()?;
    Some(PackedRow {
        first_seen: live.clone().map(|row| row.first_seen).min().unwrap_or(newest.first_seen),
        count: live.fold(0, |sum, row| sum.saturating_add(row.count)),
        ..newest
    })
}

impl PackedRow {
    fn pair(&self) -> (UserKey, u16) {
        (self.key, self.segment)
    }
}

impl Audience {
    /// What was merged; the size is known once the set is packed.
    pub fn summary(&self) -> &BuildSummary {
        &self.summary
    }

    /// Packs the set into a snapshot in memory.
    pub fn into_snapshot(self, name: &str) -> Result<Snapshot, BuildError> {
        let shards = (0..self.shards).map(|shard| self.pack(shard));
        let shards = shards.collect::<Result<Vec<_>, _>>()?;
        let manifest = self.manifest(shards.iter().map(|(_, entry)| entry.clone()).collect());
        let files = shards.into_iter().map(|(bytes, _)| bytes).collect();
        Ok(Snapshot::from_bytes(name, &manifest.encode(), files)?)
    }

    /// The manifest of shards that were packed.
    pub(super) fn manifest(&self, entries: Vec<ShardEntry>) -> Manifest {
        Manifest::new(self.epoch, self.segments.clone(), entries)
    }

    /// How many shards there are to pack.
    pub(super) fn shards(&self) -> u32 {
        self.shards
    }

    /// The bytes of a shard, and what the manifest says of it.
    ///
    /// # Errors
    /// It is larger than a shard can be.
    pub(super) fn pack(&self, shard: u32) -> Result<(Vec<u8>, ShardEntry), SnapshotError> {
        let rows = self.rows_of(shard);
        let by_user = rows.chunk_by(|one, next| one.key == next.key);
        let users = by_user.clone().count() as u64;
        let newest = rows.iter().map(|row| row.last_seen).max().unwrap_or(0);
        let mut survey = ShardSurvey::new(ShardPlan {
            shard,
            shards: self.shards,
            users,
            segments: self.segments.len() as u32,
            newest_seen: UnixSeconds(newest),
        });
        for user in by_user.clone() {
            survey.look(user.iter().map(|row| self.stored(row)));
        }
        let mut writer = survey.into_writer();
        for user in by_user {
            writer.push(user[0].key, user.iter().map(|row| self.stored(row)));
        }
        let file = || shard_file_name(shard as usize);
        let too_large = |fault: ShardFault| SnapshotError::Shard { file: file(), fault };
        let bytes = writer.finish().map_err(too_large)?;
        let entry = ShardEntry {
            bytes: bytes.len() as u64,
            sha256: checksum(&bytes),
            users,
            memberships: rows.len() as u64,
        };
        Ok((bytes, entry))
    }

    fn rows_of(&self, shard: u32) -> &[PackedRow] {
        let shift = 64 - self.shards.trailing_zeros();
        let shard_of = |row: &PackedRow| row.key.0.checked_shr(shift).unwrap_or(0);
        let begin = self.rows.partition_point(|row| shard_of(row) < u64::from(shard));
        let end = self.rows.partition_point(|row| shard_of(row) <= u64::from(shard));
        &self.rows[begin..end]
    }

    fn stored(&self, row: &PackedRow) -> StoredMembership<'_> {
        StoredMembership {
            segment: u32::from(row.segment),
            first_seen: UnixSeconds(row.first_seen),
            last_seen: UnixSeconds(row.last_seen),
            expires: UnixSeconds(row.expires),
            count: row.count,
            value: ValueThousandths(row.value),
            items: self.items.get(row.items),
        }
    }
}

/// The items of all rows, packed as the snapshot packs them: two bytes of length, then each
/// name preceded by its own length. Place 0 is "no items".
struct ItemArena(Vec<u8>);

impl ItemArena {
    fn new() -> Self {
        Self(vec![0; 2])
    }

    fn add(&mut self, row: &Row<'_>) -> Result<u32, BuildError> {
        if row.items.is_empty() {
            return Ok(0);
        }
        let at = u32::try_from(self.0.len()).map_err(|_| BuildError::TooManyItems)?;
        let length: usize = row.items.iter().map(|item| item.len() + 1).sum();
        self.0.extend_from_slice(&(length as u16).to_le_bytes());
        for item in &row.items {
            self.0.push(item.len() as u8);
            self.0.extend_from_slice(item.as_bytes());
        }
        Ok(at)
    }

    fn get(&self, at: u32) -> Items<'_> {
        let (length, names) = self.0[at as usize..].split_at(2);
        let length = usize::from(u16::from_le_bytes([length[0], length[1]]));
        Items::from_packed(&names[..length])
    }
}

#[cfg(test)]
#[path = "builder_tests.rs"]
mod tests;
