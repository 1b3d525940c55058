//! Takes rows from several threads and keeps them by partition, in memory or in a spill file.
//!
//! A thread fills a [`Router`] of its own, which packs each row and appends it to a chunk of
//! the row's partition: the top bits of its key. Full chunks go to the partitions that all
//! share; beyond the memory for waiting rows the largest partitions are written to the spill
//! file. Guarantees: memory for waiting rows stays within its bound and one chunk a thread and
//! partition; no row is lost or taken twice; nothing depends on which thread took a row.

use super::dictionary::Dictionary;
use super::merge::{self, Merged};
use super::packed::PackedRow;
use super::rules::{Resources, Rules, Scope};
use super::spill::{Extent, Spill};
use super::{BuildError, BuildOptions, BuildSummary, PARTITIONS_MIN, ROWS_PER_SHARD_MAX};
use crate::audience::rows::{FieldFault, Row};
use crate::audience::snapshot::StoredMembership;
use crate::audience::snapshot::format::SHARDS_MAX;
use crate::model::{UnixSeconds, UserKey};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// Largest chunk of rows of one partition.
const CHUNK_BYTES_MAX: usize = 64 << 10;
/// Smallest: the longest row fits.
const CHUNK_BYTES_MIN: usize = 4 << 10;
/// How many rows a thread takes before it tells the others: the limit is kept to this.
const ROWS_TOLD_EVERY: u64 = 1 << 16;

/// Rows that were taken and not yet merged.
pub struct Intake {
    pub(super) options: BuildOptions,
    pub(super) rules: Rules,
    pub(super) resources: Resources,
    pub(super) scope: Scope,
    pub(super) dictionary: Dictionary,
    pub(super) partitions: Vec<Mutex<Partition>>,
    pub(super) spill: Option<Spill>,
    waiting_bytes: AtomicU64,
    spilling: Mutex<()>,
    totals: Mutex<Totals>,
    rows: AtomicU64,
}

#[derive(Default)]
pub(super) struct Partition {
    pub(super) chunks: Vec<Vec<u8>>,
    pub(super) extents: Vec<Extent>,
}

/// What was taken.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    /// Rows that were good.
    pub(super) rows: u64,
    /// Memberships of the set that the build began with.
    pub(super) base: u64,
    pub(super) future: u64,
    pub(super) suppressed: u64,
    /// Rows of other shards.
    pub(super) elsewhere: u64,
    /// The newest event that is not in the future.
    pub(super) newest_known: UnixSeconds,
}

impl Intake {
    /// An intake without rows.
    ///
    /// # Errors
    /// The number of shards, or a name among the segments, cannot be.
    pub fn new(
        options: BuildOptions,
        rules: Rules,
        resources: Resources,
        scope: Scope,
    ) -> Result<Self, BuildError> {
        let shards = scope.part.map(|part| part.of).or(options.shards);
        if let Some(found) = shards
            && (!found.is_power_of_two() || found > SHARDS_MAX)
        {
            return Err(BuildError::Shards { found });
        }
        if let Some(part) = scope.part.filter(|part| part.number >= part.of) {
            return Err(BuildError::Part { number: part.number, of: part.of });
        }
        // A part is one shard, and all partitions are of it.
        let partitions = if scope.part.is_some() { 1 } else { shards.unwrap_or(1) };
        let partitions = (partitions as usize).max(PARTITIONS_MIN);
        Ok(Self {
            options,
            rules,
            dictionary: Dictionary::new(scope.segments.as_deref())?,
            partitions: (0..partitions).map(|_| Mutex::default()).collect(),
            spill: resources.spill_folder.as_deref().map(Spill::new),
            resources,
            scope,
            waiting_bytes: AtomicU64::new(0),
            spilling: Mutex::new(()),
            totals: Mutex::default(),
            rows: AtomicU64::new(0),
        })
    }

    /// A way in, for one thread.
    pub fn router(&self) -> Router<'_> {
        let sets = self.resources.threads.max(1) as u64 * self.partitions.len() as u64 * 8;
        let chunk_bytes = (self.resources.memory_bytes / sets) as usize;
        self.resume(Held {
            chunks: vec![Vec::new(); self.partitions.len()],
            chunk_bytes: chunk_bytes.clamp(CHUNK_BYTES_MIN, CHUNK_BYTES_MAX),
            ..Held::default()
        })
    }

    /// Goes on with a way in that was put aside.
    pub(super) fn resume(&self, held: Held) -> Router<'_> {
        Router { intake: self, held }
    }

    /// Merges a partition; it is empty afterwards. `order` is a buffer that is used again.
    pub(super) fn merge_partition(
        &self,
        number: usize,
        places: &[u16],
        order: &mut Vec<u128>,
    ) -> Result<Merged, BuildError> {
        let pieces = self.take_partition(number)?;
        merge::merge(&pieces, places, self.rules, order).map_err(|_| BuildError::Damaged)
    }

    /// The account of what was taken.
    pub(super) fn summary(&self) -> BuildSummary {
        let totals = self.totals();
        BuildSummary {
            rows: totals.rows,
            base: totals.base,
            suppressed: totals.suppressed,
            elsewhere: totals.elsewhere,
            future: totals.future,
            spilled_bytes: self.spill.as_ref().map_or(0, Spill::bytes),
            ..BuildSummary::default()
        }
    }

    /// What was taken by the routers that are closed.
    pub(super) fn totals(&self) -> Totals {
        *self.totals.lock()
    }

    /// How many shards the set has, or how many partitions make one.
    pub(super) fn shards(&self) -> u32 {
        let totals = self.totals();
        let by_rows = (totals.rows + totals.base).div_ceil(ROWS_PER_SHARD_MAX).next_power_of_two();
        let most = self.partitions.len().min(SHARDS_MAX as usize) as u64;
        self.options.shards.unwrap_or(by_rows.min(most) as u32)
    }

    /// The event time through which the rows are complete. One wrong clock must not move it
    /// into the future: live events up to there would then be taken for known.
    pub(super) fn epoch(&self) -> Option<UnixSeconds> {
        let totals = self.totals();
        let known = Some(totals.newest_known).filter(|newest| newest.0 > 0);
        let newest = known.or((totals.rows > 0).then_some(self.options.now));
        self.options.epoch.or(newest).filter(|epoch| epoch.0 > 0)
    }

    /// Takes a set that the build begins with to be complete through `epoch`.
    pub fn begin_with(&self, epoch: UnixSeconds) {
        let mut totals = self.totals.lock();
        totals.newest_known = totals.newest_known.max(epoch);
    }

    /// The rows of a partition, in pieces; it is empty afterwards.
    fn take_partition(&self, number: usize) -> Result<Vec<Vec<u8>>, BuildError> {
        let Partition { mut chunks, extents } =
            std::mem::take(&mut *self.partitions[number].lock());
        for extent in extents {
            let spill = self.spill.as_ref().ok_or(BuildError::Damaged)?;
            chunks.push(spill.read(extent).map_err(|error| self.spill_fault(error))?);
        }
        Ok(chunks)
    }

    /// The partition of a key; `None` if it belongs to another shard than the one wanted.
    fn partition_of(&self, key: UserKey) -> Option<usize> {
        let part_bits = self.scope.part.map_or(0, |part| part.of.trailing_zeros());
        let shard = key.0.checked_shr(64 - part_bits).unwrap_or(0);
        if self.scope.part.is_some_and(|part| u64::from(part.number) != shard) {
            return None;
        }
        let within = key.0 << part_bits;
        Some((within >> (64 - self.partitions.len().trailing_zeros())) as usize)
    }

    fn hand_over(&self, partition: usize, chunk: Vec<u8>) -> Result<(), BuildError> {
        let bytes = chunk.len() as u64;
        self.partitions[partition].lock().chunks.push(chunk);
        let waiting = self.waiting_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if waiting <= self.waiting_max() {
            return Ok(());
        }
        let Some(spill) = &self.spill else { return Err(BuildError::Memory) };
        // One thread spills; the others go on while there is a little room, then they wait.
        let own = match self.spilling.try_lock() {
            Some(own) => own,
            None if waiting <= self.waiting_max() / 8 * 9 => return Ok(()),
            None => self.spilling.lock(),
        };
        let done = self.spill_down(spill);
        drop(own);
        done
    }

    /// How many bytes of rows may wait in memory.
    fn waiting_max(&self) -> u64 {
        self.resources.memory_bytes / 2
    }

    /// Writes partitions out, the largest first, until half of the memory is free again.
    fn spill_down(&self, spill: &Spill) -> Result<(), BuildError> {
        if self.waiting_bytes.load(Ordering::Relaxed) <= self.waiting_max() {
            return Ok(());
        }
        let mut by_size: Vec<_> = self.partitions.iter().collect();
        by_size.sort_by_cached_key(|partition| std::cmp::Reverse(partition.lock().bytes()));
        for partition in by_size {
            let chunks = std::mem::take(&mut partition.lock().chunks);
            if chunks.is_empty() {
                continue;
            }
            // A piece of the file has whole chunks, so that it begins and ends with a row.
            for chunks in chunks.chunks(merge::PIECE_BYTES_MAX / CHUNK_BYTES_MAX / 2) {
                let extent = spill.append(chunks).map_err(|error| self.spill_fault(error))?;
                partition.lock().extents.push(extent);
            }
            let bytes: usize = chunks.iter().map(Vec::len).sum();
            let waiting = self.waiting_bytes.fetch_sub(bytes as u64, Ordering::Relaxed);
            if waiting - bytes as u64 <= self.waiting_max() / 2 {
                break;
            }
        }
        Ok(())
    }

    fn spill_fault(&self, source: std::io::Error) -> BuildError {
        let folder = self.spill.as_ref().map(|spill| spill.folder().to_path_buf());
        BuildError::Spill { folder: folder.unwrap_or_default(), source }
    }
}

impl Partition {
    fn bytes(&self) -> usize {
        self.chunks.iter().map(Vec::len).sum()
    }
}

/// One thread's way into an [`Intake`]. What it holds is handed over when it is closed; without
/// that the build must not go on.
pub struct Router<'a> {
    intake: &'a Intake,
    held: Held,
}

/// What a router holds.
#[derive(Default)]
pub(super) struct Held {
    chunks: Vec<Vec<u8>>,
    chunk_bytes: usize,
    /// The numbers of the names that this thread has met.
    numbers: HashMap<String, u16>,
    items: Vec<u8>,
    totals: Totals,
    /// How many rows the others know of.
    told: u64,
}

impl Router<'_> {
    /// Puts the way in aside, to be resumed.
    pub(super) fn hold(self) -> Held {
        self.held
    }

    /// Takes a row.
    ///
    /// # Errors
    /// [`BuildError::Row`] refuses the row: the caller may go on with the next. All others end
    /// the build.
    pub fn add(&mut self, row: &Row<'_>) -> Result<(), BuildError> {
        row.check()?;
        let segment = self.segment(&row.segment)?;
        self.count_row(row.last_seen)?;
        let mut items = std::mem::take(&mut self.held.items);
        items.clear();
        for item in &row.items {
            items.push(item.len() as u8);
            items.extend_from_slice(item.as_bytes());
        }
        let packed = PackedRow {
            key: UserKey::new(&row.id_space, &row.id),
            segment,
            remove: row.remove,
            first_seen: row.first_seen.unwrap_or(row.last_seen),
            last_seen: row.last_seen,
            expires: row.expires.unwrap_or(UnixSeconds::NEVER),
            count: row.count,
            value: row.value.0,
            items: &items,
        };
        let done = self.put(&packed);
        self.held.items = items;
        done
    }

    /// Takes a membership of the set that the build begins with, under its segment's name.
    ///
    /// # Errors
    /// As [`Router::add`].
    pub fn add_known(
        &mut self,
        key: UserKey,
        segment: &str,
        known: &StoredMembership<'_>,
    ) -> Result<(), BuildError> {
        let segment = self.segment(segment)?;
        self.held.totals.base += 1;
        self.put(&PackedRow {
            key,
            segment,
            remove: false,
            first_seen: known.first_seen,
            last_seen: known.last_seen,
            expires: known.expires,
            count: known.count,
            value: known.value.0,
            items: known.items.packed(),
        })
    }

    /// Hands over what is left.
    ///
    /// # Errors
    /// The spill file cannot be written, or there are too many rows.
    pub fn close(mut self) -> Result<(), BuildError> {
        self.tell_rows()?;
        for partition in 0..self.held.chunks.len() {
            let mut chunk = std::mem::take(&mut self.held.chunks[partition]);
            if !chunk.is_empty() {
                chunk.shrink_to_fit();
                self.intake.hand_over(partition, chunk)?;
            }
        }
        let mut totals = self.intake.totals.lock();
        totals.rows += self.held.totals.rows;
        totals.base += self.held.totals.base;
        totals.future += self.held.totals.future;
        totals.suppressed += self.held.totals.suppressed;
        totals.elsewhere += self.held.totals.elsewhere;
        totals.newest_known = totals.newest_known.max(self.held.totals.newest_known);
        Ok(())
    }

    fn count_row(&mut self, last_seen: UnixSeconds) -> Result<(), BuildError> {
        self.held.totals.rows += 1;
        if last_seen > self.intake.options.now {
            self.held.totals.future += 1;
        } else {
            self.held.totals.newest_known = self.held.totals.newest_known.max(last_seen);
        }
        let every = ROWS_TOLD_EVERY.min(self.intake.options.rows_max as u64);
        if self.held.totals.rows - self.held.told >= every { self.tell_rows() } else { Ok(()) }
    }

    fn tell_rows(&mut self) -> Result<(), BuildError> {
        let new = self.held.totals.rows - self.held.told;
        self.held.told = self.held.totals.rows;
        let all = self.intake.rows.fetch_add(new, Ordering::Relaxed) + new;
        let rows_max = self.intake.options.rows_max;
        if all > rows_max as u64 { Err(BuildError::TooManyRows { rows_max }) } else { Ok(()) }
    }

    fn segment(&mut self, name: &str) -> Result<u16, BuildError> {
        if let Some(number) = self.held.numbers.get(name) {
            return Ok(*number);
        }
        let number = self.intake.dictionary.number(name)?;
        let number =
            number.ok_or_else(|| FieldFault::new("segment", "a segment of the list", name))?;
        self.held.numbers.insert(name.to_owned(), number);
        Ok(number)
    }

    fn put(&mut self, row: &PackedRow<'_>) -> Result<(), BuildError> {
        let Some(partition) = self.intake.partition_of(row.key) else {
            self.held.totals.elsewhere += 1;
            return Ok(());
        };
        let suppressed = &self.intake.scope.suppressed;
        if !suppressed.is_empty() && suppressed.contains(&row.key) {
            self.held.totals.suppressed += 1;
            return Ok(());
        }
        let chunk = &mut self.held.chunks[partition];
        if chunk.capacity() == 0 {
            chunk.reserve_exact(self.held.chunk_bytes);
        }
        let before = chunk.len();
        row.write(chunk);
        if chunk.len() + (chunk.len() - before) * 2 > self.held.chunk_bytes {
            let full = std::mem::take(chunk);
            return self.intake.hand_over(partition, full);
        }
        Ok(())
    }
}
