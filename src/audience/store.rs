//! The bidder's own folder of sets, and the audience folder that others put sets into.
//!
//! Installing copies a set into the own folder and verifies the copy, so that whatever
//! happens to the source afterwards does not matter. Guarantees: what is installed was
//! verified; an older epoch is refused unless forced; at most two sets are kept. Called by
//! the shell, off the request threads; one install at a time.

use super::snapshot::files::{inspect, open_as, read_manifest, set_name};
use super::snapshot::format::shard_file_name;
use super::snapshot::manifest::{MANIFEST_BYTES_MAX, MANIFEST_FILE, Manifest};
use super::snapshot::{PARTIAL_SUFFIX, SetFolder, Snapshot, SnapshotError, SnapshotInfo};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// Most sets kept in the own folder: the one in service and the one before.
pub const INSTALLED_SETS_MAX: usize = 2;
/// Most entries of an audience folder; a year of hourly sets is fewer.
pub const FOLDER_ENTRIES_MAX: usize = 10_000;

/// What an audience folder holds.
#[derive(Debug, Default)]
pub struct FoundSets {
    /// The newest complete set.
    pub newest: Option<(PathBuf, SnapshotInfo)>,
    /// What was passed over, and why.
    pub skipped: Vec<(PathBuf, SnapshotError)>,
}

/// Copies the set in `source` into `own_folder`, verifies the copy and loads it. `loaded` is
/// the set in service; an older one than that is refused unless `force` is set.
pub fn install(
    source: &Path,
    own_folder: &Path,
    loaded: Option<&SnapshotInfo>,
    force: bool,
) -> Result<Snapshot, SnapshotError> {
    let source = fs::canonicalize(source).map_err(SnapshotError::io("find", source))?;
    let manifest = read_manifest(&source)?;
    if let Some(loaded) = loaded.filter(|loaded| manifest.epoch < loaded.epoch && !force) {
        return Err(SnapshotError::Older { offered: manifest.epoch, loaded: loaded.epoch });
    }
    fs::create_dir_all(own_folder).map_err(SnapshotError::io("create", own_folder))?;
    remove_partial(own_folder)?;
    let name = set_name(&source)?;
    let target = own_folder.join(&name);
    let snapshot = match installed_before(&target, &manifest) {
        Some(snapshot) => snapshot,
        None => copy(&source, &target, &manifest)?,
    };
    remove_older(own_folder, &name)?;
    Ok(snapshot)
}

/// The newest complete set among the sub-folders of `folder`: by epoch, then by name. Sets
/// in the making are not looked at.
pub fn newest_complete_set(folder: &Path) -> Result<FoundSets, SnapshotError> {
    let mut found = FoundSets::default();
    for path in set_folders(folder)? {
        match inspect(&path) {
            Ok(info) => {
                let rank = |info: &SnapshotInfo| (info.epoch, info.name.clone());
                if found.newest.as_ref().is_none_or(|(_, best)| rank(best) < rank(&info)) {
                    found.newest = Some((path, info));
                }
            }
            Err(why) => found.skipped.push((path, why)),
        }
    }
    Ok(found)
}

/// The very same set, if it is in the own folder and still sound: after a restart it need
/// not be copied again.
fn installed_before(target: &Path, manifest: &Manifest) -> Option<Snapshot> {
    let installed = read_manifest(target).ok()?;
    if installed != *manifest {
        return None;
    }
    open_as(target, &set_name(target).ok()?).ok()
}

fn copy(source: &Path, target: &Path, manifest: &Manifest) -> Result<Snapshot, SnapshotError> {
    let folder = SetFolder::begin(target)?;
    folder.copy(source, MANIFEST_FILE, MANIFEST_BYTES_MAX)?;
    for (number, shard) in manifest.shards.iter().enumerate() {
        // One byte more than promised, so that a longer file is seen to be one.
        folder.copy(source, &shard_file_name(number), shard.bytes + 1)?;
    }
    let snapshot = open_as(folder.path(), &set_name(target)?)?;
    remove_set(target)?;
    folder.publish()?;
    Ok(snapshot)
}

/// Removes what interrupted installs left.
fn remove_partial(own_folder: &Path) -> Result<(), SnapshotError> {
    let partial = folders(own_folder)?.into_iter().filter(|path| is_partial(path));
    partial.into_iter().try_for_each(|path| remove_set(&path))
}

/// Removes all sets but `keep` and the newest others. What is not a set was not put here by
/// us and is left alone.
fn remove_older(own_folder: &Path, keep: &str) -> Result<(), SnapshotError> {
    let mut others = Vec::new();
    for path in set_folders(own_folder)? {
        let kept = path.file_name() == Some(OsStr::new(keep));
        if let Some(manifest) = read_manifest(&path).ok().filter(|_| !kept) {
            others.push((manifest.epoch, path));
        }
    }
    others.sort_unstable();
    let surplus = others.len().saturating_sub(INSTALLED_SETS_MAX - 1);
    others.iter().take(surplus).try_for_each(|(_, path)| remove_set(path))
}

fn remove_set(folder: &Path) -> Result<(), SnapshotError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(SnapshotError::io("remove", folder)(error))
        }
        _ => Ok(()),
    }
}

fn set_folders(folder: &Path) -> Result<Vec<PathBuf>, SnapshotError> {
    Ok(folders(folder)?.into_iter().filter(|path| !is_hidden(path)).collect())
}

fn folders(folder: &Path) -> Result<Vec<PathBuf>, SnapshotError> {
    let entries = fs::read_dir(folder).map_err(SnapshotError::io("list", folder))?;
    let paths = entries.take(FOLDER_ENTRIES_MAX + 1).map(|entry| entry.map(|entry| entry.path()));
    let paths: Result<Vec<_>, _> = paths.collect();
    let mut paths = paths.map_err(SnapshotError::io("list", folder))?;
    if paths.len() > FOLDER_ENTRIES_MAX {
        let path = folder.to_path_buf();
        return Err(SnapshotError::Crowded { path, max: FOLDER_ENTRIES_MAX });
    }
    paths.retain(|path| path.is_dir());
    paths.sort_unstable();
    Ok(paths)
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

fn is_partial(path: &Path) -> bool {
    let suffix = OsStr::new(PARTIAL_SUFFIX.trim_start_matches('.'));
    is_hidden(path) && path.extension() == Some(suffix)
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
