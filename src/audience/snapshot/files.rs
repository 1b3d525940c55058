//! Reads a snapshot from its folder. Called by the shell, off the request threads.
//!
//! Guarantees: only regular files are read, never through a link; memory is taken for what
//! a file holds, never for what a manifest promises; the snapshot that comes back is
//! independent of the files. All cores read and verify, a shard each at a time.

use super::SnapshotError;
use super::error::{ManifestFault, ShardFault};
use super::format::shard_file_name;
use super::manifest::{MANIFEST_BYTES_MAX, MANIFEST_FILE, Manifest};
use super::{FilteredShard, Pages, Shard, Snapshot, SnapshotInfo};
use crate::audience::threads::on_each;
use parking_lot::Mutex;
use std::convert::Infallible;
use std::fs::{self, File};
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Reads and verifies the whole set in `folder`; its name is the folder's.
pub fn open(folder: &Path) -> Result<Snapshot, SnapshotError> {
    open_as(folder, &set_name(folder)?)
}

/// As [`open`], under a name that is not the folder's.
pub(crate) fn open_as(folder: &Path, name: &str) -> Result<Snapshot, SnapshotError> {
    open_promised(folder, name, &read_manifest(folder)?)
}

/// As [`open_as`], the shards being what `manifest` says, whatever manifest the folder has.
pub(crate) fn open_promised(
    folder: &Path,
    name: &str,
    manifest: &Manifest,
) -> Result<Snapshot, SnapshotError> {
    let places: Vec<_> = manifest.shards.iter().map(|_| Mutex::new(None)).collect();
    let next = AtomicUsize::new(0);
    let open_all = || -> Result<(), Infallible> {
        while let number = next.fetch_add(1, Ordering::Relaxed)
            && let Some(place) = places.get(number)
        {
            let opened = read_shard(folder, manifest, number)
                .and_then(|bytes| FilteredShard::verified(bytes, number, manifest));
            if opened.is_err() {
                next.store(places.len(), Ordering::Relaxed);
            }
            *place.lock() = Some(opened);
        }
        Ok(())
    };
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let Ok(()) = on_each(threads.min(places.len()), open_all);
    // Shards are begun in order, so what is told of a set is its first fault, however many
    // threads there are; what is missing behind it was not begun.
    let opened = places.into_iter().filter_map(Mutex::into_inner);
    let shards = opened.collect::<Result<Vec<_>, _>>()?;
    Ok(Snapshot::of_shards(name, manifest, shards))
}

/// Reads and verifies one shard of the set in `folder`.
pub(crate) fn open_shard(
    folder: &Path,
    manifest: &Manifest,
    number: usize,
) -> Result<Shard, SnapshotError> {
    let bytes = read_shard(folder, manifest, number)?;
    let damaged = |fault| SnapshotError::Shard { file: shard_file_name(number), fault };
    Shard::verified(bytes, number, manifest).map_err(damaged)
}

/// Reads one shard of the set in `folder`, as long as the manifest says.
fn read_shard(folder: &Path, manifest: &Manifest, number: usize) -> Result<Pages, SnapshotError> {
    let file = shard_file_name(number);
    let path = folder.join(&file);
    let (opened, found) = open_regular(&path)?;
    check_size(&file, manifest.shards[number].bytes, found)?;
    read_pages(opened, found, &path)
}

/// Reads and checks the manifest in `folder`.
pub fn read_manifest(folder: &Path) -> Result<Manifest, SnapshotError> {
    let path = folder.join(MANIFEST_FILE);
    let (file, found) = open_regular(&path)?;
    if found > MANIFEST_BYTES_MAX {
        return Err(ManifestFault::TooLong { max: MANIFEST_BYTES_MAX, found }.into());
    }
    Ok(Manifest::decode(&read_exactly(file, found, &path)?)?)
}

/// What the set in `folder` says it is, with every shard file there in its full size; their
/// content is not read.
pub fn inspect(folder: &Path) -> Result<SnapshotInfo, SnapshotError> {
    let manifest = read_manifest(folder)?;
    for (number, entry) in manifest.shards.iter().enumerate() {
        let file = shard_file_name(number);
        let (_, found) = open_regular(&folder.join(&file))?;
        check_size(&file, entry.bytes, found)?;
    }
    Ok(SnapshotInfo::new(&set_name(folder)?, &manifest))
}

/// The name of the set in `folder`: the folder's own.
pub(crate) fn set_name(folder: &Path) -> Result<String, SnapshotError> {
    let name = folder.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    name.ok_or_else(|| SnapshotError::Unnamed { path: folder.to_path_buf() })
}

/// Opens a regular file and says how long it is. What stands there is looked at before it
/// is opened, since opening a FIFO would wait for ever, and again afterwards.
pub(crate) fn open_regular(path: &Path) -> Result<(File, u64), SnapshotError> {
    let refused = |found| SnapshotError::NotAFile { path: path.to_path_buf(), found };
    let before = fs::symlink_metadata(path).map_err(SnapshotError::io("find", path))?;
    if let Some(found) = other_kind(&before) {
        return Err(refused(found));
    }
    let file = File::open(path).map_err(SnapshotError::io("open", path))?;
    let opened = file.metadata().map_err(SnapshotError::io("look at", path))?;
    match other_kind(&opened) {
        Some(found) => Err(refused(found)),
        None => Ok((file, opened.len())),
    }
}

fn other_kind(found: &fs::Metadata) -> Option<&'static str> {
    if found.is_file() {
        None
    } else if found.is_dir() {
        Some("a folder")
    } else if found.is_symlink() {
        Some("a symbolic link")
    } else {
        Some("a pipe, a socket or a device")
    }
}

fn check_size(file: &str, expected: u64, found: u64) -> Result<(), SnapshotError> {
    let fault = match found.cmp(&expected) {
        std::cmp::Ordering::Equal => return Ok(()),
        std::cmp::Ordering::Less => ShardFault::Truncated { expected, found },
        std::cmp::Ordering::Greater => ShardFault::Trailing { expected, found },
    };
    Err(SnapshotError::Shard { file: file.to_owned(), fault })
}

fn read_pages(file: File, length: u64, path: &Path) -> Result<Pages, SnapshotError> {
    let room = usize::try_from(length).map_err(io::Error::other);
    room.and_then(|room| Pages::read(file, room)).map_err(SnapshotError::io("read", path))
}

fn read_exactly(file: File, length: u64, path: &Path) -> Result<Box<[u8]>, SnapshotError> {
    let mut bytes = Vec::new();
    let room = usize::try_from(length).map_err(io::Error::other);
    room.and_then(|room| bytes.try_reserve_exact(room).map_err(io::Error::from))
        .and_then(|()| file.take(length).read_to_end(&mut bytes))
        .map_err(SnapshotError::io("read", path))?;
    Ok(bytes.into_boxed_slice())
}
