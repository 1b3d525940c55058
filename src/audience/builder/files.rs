//! Writes what was taken as a set of files, or as one part of a set. Called by the shell.
//!
//! All threads merge partitions, in order of shard; who merges the last one of a shard packs
//! and writes it while the others go on. Guarantees: the set appears under its name whole or
//! not at all; beside the waiting rows there is in memory what the shards in the making take.

use super::intake::Intake;
use super::merge::Merged;
use super::pack::{self, Place};
use super::part::{self, PART_FILE, Part};
use super::{Audience, BuildError, BuildSummary};
use crate::audience::snapshot::format::{FORMAT_VERSION, shard_file_name};
use crate::audience::snapshot::manifest::{MANIFEST_FILE, Manifest, ShardEntry};
use crate::audience::snapshot::{FileHasher, SetFolder, SnapshotError, SnapshotInfo};
use crate::audience::threads::on_each;
use crate::model::UnixSeconds;
use parking_lot::Mutex;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a row of a shard in the making takes: packed, and twice its place in the file.
const SHARD_BYTES_PER_ROW: u64 = 48;

/// What was built.
#[derive(Clone, Debug)]
pub struct Built {
    /// The account.
    pub summary: BuildSummary,
    /// What is on disk.
    pub output: Output,
}

/// What is on disk.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// A set.
    Set(SnapshotInfo),
    /// One shard of a set.
    Part(Part),
}

impl Intake {
    /// Writes the set into the folder `out`, which must not exist yet. `progress` is told how
    /// many partitions out of [`Intake::steps`] are done.
    ///
    /// # Errors
    /// The folder or the spill file cannot be written or read, or there is no epoch.
    pub fn write(self, out: &Path, progress: &(dyn Fn(u64) + Sync)) -> Result<Built, BuildError> {
        let epoch = self.epoch();
        if self.scope.part.is_none() && epoch.is_none() {
            return Err(BuildError::NoEpoch);
        }
        let epoch = epoch.unwrap_or(UnixSeconds(0));
        let folder = SetFolder::create(out)?;
        let (segments, places) = self.dictionary.in_order();
        let part = self.scope.part;
        let shards = if part.is_some() { 1 } else { self.shards() as usize };
        let making = Making {
            intake: &self,
            folder: &folder,
            places: &places,
            of_each: self.partitions.len() / shards,
            next: AtomicUsize::new(0),
            progress,
            merged: self.partitions.iter().map(|_| Mutex::new(None)).collect(),
            left: (0..shards).map(|_| AtomicUsize::new(self.partitions.len() / shards)).collect(),
            entries: Mutex::new(vec![None; shards]),
            summary: Mutex::new(self.summary()),
        };
        making.run()?;
        let entries = making.entries.into_inner().into_iter().flatten().collect::<Vec<_>>();
        let mut summary = making.summary.into_inner();
        summary.bytes = entries.iter().map(|entry| entry.bytes).sum();
        let output = if let (Some(shard), Some(entry)) = (part, entries.first().cloned()) {
            let part = Part { shard, epoch, segments, entry };
            folder.write(PART_FILE, &part.encode())?;
            Output::Part(part)
        } else {
            let manifest = Manifest::new(epoch, segments, entries);
            folder.write(MANIFEST_FILE, &manifest.encode())?;
            Output::Set(SnapshotInfo::new(&name_of(out), &manifest))
        };
        folder.publish()?;
        Ok(Built { summary, output })
    }

    /// How many steps writing takes.
    pub fn steps(&self) -> u64 {
        self.partitions.len() as u64
    }

    /// How many threads can make shards at once within the memory.
    fn makers(&self) -> usize {
        let totals = self.totals();
        let rows = (totals.rows + totals.base - totals.elsewhere) / u64::from(self.shards());
        let fit = self.resources.memory_bytes / 2 / (rows * SHARD_BYTES_PER_ROW).max(1);
        (fit.max(1) as usize).min(self.resources.threads.max(1))
    }
}

/// A set in the making, shared by its threads.
struct Making<'a> {
    intake: &'a Intake,
    folder: &'a SetFolder,
    places: &'a [u16],
    /// How many partitions a shard has.
    of_each: usize,
    /// The next partition to be merged.
    next: AtomicUsize,
    progress: &'a (dyn Fn(u64) + Sync),
    merged: Vec<Mutex<Option<Merged>>>,
    /// How many partitions of each shard are not merged yet.
    left: Vec<AtomicUsize>,
    entries: Mutex<Vec<Option<ShardEntry>>>,
    summary: Mutex<BuildSummary>,
}

impl Making<'_> {
    fn run(&self) -> Result<(), BuildError> {
        on_each(self.intake.makers(), || self.make())
    }

    fn make(&self) -> Result<(), BuildError> {
        let mut order = Vec::new();
        loop {
            let partition = self.next.fetch_add(1, Ordering::Relaxed);
            if partition >= self.merged.len() {
                return Ok(());
            }
            let done = self.make_one(partition, &mut order);
            if done.is_err() {
                // The others need not go on.
                self.next.store(self.merged.len(), Ordering::Relaxed);
                return done;
            }
            (self.progress)(1);
        }
    }

    fn make_one(&self, partition: usize, order: &mut Vec<u128>) -> Result<(), BuildError> {
        let merged = self.intake.merge_partition(partition, self.places, order)?;
        self.summary.lock().count(&merged);
        *self.merged[partition].lock() = Some(merged);
        let shard = partition / self.of_each;
        if self.left[shard].fetch_sub(1, Ordering::AcqRel) > 1 {
            return Ok(());
        }
        let begin = shard * self.of_each;
        let of_shard = &self.merged[begin..begin + self.of_each];
        let rows: Vec<_> = of_shard.iter().filter_map(|merged| merged.lock().take()).collect();
        let (number, shards) = match self.intake.scope.part {
            Some(part) => (part.number, part.of),
            None => (shard as u32, self.left.len() as u32),
        };
        let place = Place { shard: number, shards, segments: self.places.len() as u32 };
        let (bytes, entry) = pack::pack(place, &rows).map_err(|fault| fault.of_shard(number))?;
        drop(rows);
        self.folder.write(&shard_file_name(number as usize), &bytes)?;
        self.entries.lock()[shard] = Some(entry);
        Ok(())
    }
}

impl Audience {
    /// Packs the set into the folder `out`, which must not exist yet.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn write(&mut self, out: &Path) -> Result<SnapshotInfo, BuildError> {
        let folder = SetFolder::create(out)?;
        let mut entries = Vec::with_capacity(self.shards as usize);
        for shard in 0..self.shards {
            let (bytes, entry) = self.pack(shard)?;
            folder.write(&shard_file_name(shard as usize), &bytes)?;
            entries.push(entry);
        }
        let manifest = self.manifest(entries);
        folder.write(MANIFEST_FILE, &manifest.encode())?;
        folder.publish()?;
        self.summary.bytes = manifest.bytes();
        Ok(SnapshotInfo::new(&name_of(out), &manifest))
    }
}

/// Joins the parts in `folders`, in any order, into the set `out`, which must not exist yet:
/// byte for byte what one build of all rows would have made.
///
/// # Errors
/// The parts are not those of one set, or a file is damaged or cannot be read or written.
pub fn join_parts(folders: &[PathBuf], out: &Path) -> Result<SnapshotInfo, BuildError> {
    let parts = folders.iter().map(|folder| read_part(folder).map(|part| (folder, part)));
    let parts = part::in_order(parts.collect::<Result<_, _>>()?)?;
    let epoch = parts.iter().map(|(_, part)| part.epoch).max().filter(|epoch| epoch.0 > 0);
    let epoch = epoch.ok_or(BuildError::NoEpoch)?;
    let set = SetFolder::create(out)?;
    for (number, (folder, part)) in parts.iter().enumerate() {
        let file = shard_file_name(number);
        // One byte more than promised, so that a longer file is seen to be one.
        set.copy(folder, &file, part.entry.bytes + 1)?;
        if hash_of(&set.path().join(&file))? != part.entry.hash {
            let problem = format!("expected the {file} that was built here, found another");
            return Err(BuildError::Parts { path: (*folder).clone(), problem });
        }
    }
    let segments = parts.first().map(|(_, part)| part.segments.clone()).unwrap_or_default();
    let entries = parts.into_iter().map(|(_, part)| part.entry).collect();
    let manifest = Manifest::new(epoch, segments, entries);
    set.write(MANIFEST_FILE, &manifest.encode())?;
    set.publish()?;
    Ok(SnapshotInfo::new(&name_of(out), &manifest))
}

/// Reads what the folder of a part says of it.
///
/// # Errors
/// There is none, or it is damaged.
pub fn read_part(folder: &Path) -> Result<Part, BuildError> {
    let path = folder.join(PART_FILE);
    let mut bytes = Vec::new();
    File::open(&path)
        .and_then(|file| file.take(part::PART_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(SnapshotError::io("read", &path))?;
    Part::decode(&bytes).map_err(|problem| BuildError::Parts { path, problem })
}

fn hash_of(path: &Path) -> Result<[u8; 32], BuildError> {
    let hash = |file| FileHasher::of_version(FORMAT_VERSION).of_all(file);
    Ok(File::open(path).and_then(hash).map_err(SnapshotError::io("read", path))?)
}

fn name_of(out: &Path) -> String {
    out.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
