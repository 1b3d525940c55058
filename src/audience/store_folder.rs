//! The audience folder, which others put sets into: which set of it is meant, and whether
//! anything about it has changed.
//!
//! A regular file `current`, replaced atomically, that holds the name of a set beside it says
//! which; without one it is the newest complete set. Guarantees: looking reads names, sizes
//! and manifests only, and a bounded number of them; links and pipes are never opened.

use super::snapshot::files::{inspect, open_regular};
use super::snapshot::manifest::{Checksum, checksum};
use super::snapshot::{SnapshotError, SnapshotInfo};
use std::fmt::Write;
use std::fs;
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Most entries of an audience folder; a year of hourly sets is fewer.
pub const FOLDER_ENTRIES_MAX: usize = 10_000;
/// The pointer file's name within the audience folder, and within a prefix of an object store.
pub const POINTER_FILE: &str = "current";
/// Longest name of a set: what file systems take.
pub const SET_NAME_BYTES_MAX: usize = 255;

/// What an audience folder holds.
#[derive(Debug, Default)]
pub struct FoundSets {
    /// The newest complete set.
    pub newest: Option<(PathBuf, SnapshotInfo)>,
    /// What was passed over, and why.
    pub skipped: Vec<(PathBuf, SnapshotError)>,
}

/// The set that an audience folder means: the one that `current` names, whether it is sound
/// or not, else the newest complete one.
#[derive(Debug)]
pub enum Meant {
    /// This one.
    Set(PathBuf),
    /// There is no complete set, for these reasons.
    None(Vec<(PathBuf, SnapshotError)>),
}

/// Which set `folder` means.
pub fn meant_set(folder: &Path) -> Result<Meant, SnapshotError> {
    if let Some(name) = pointed(folder)? {
        return Ok(Meant::Set(folder.join(name)));
    }
    let found = newest_complete_set(folder)?;
    Ok(found.newest.map_or(Meant::None(found.skipped), |(path, _)| Meant::Set(path)))
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

/// The name in the pointer file; `None` where there is none.
fn pointed(folder: &Path) -> Result<Option<String>, SnapshotError> {
    let path = folder.join(POINTER_FILE);
    match fs::symlink_metadata(&path) {
        // Somebody's set may be called that.
        Ok(found) if found.is_dir() => return Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        _ => {}
    }
    let mut text = Vec::new();
    let (file, _) = open_regular(&path)?;
    let read = file.take(SET_NAME_BYTES_MAX as u64 + 2).read_to_end(&mut text);
    read.map_err(SnapshotError::io("read", &path))?;
    name_in(&text).map(Some).map_err(|found| SnapshotError::Pointer { path, found })
}

/// The name of a set in a pointer's bytes, or what stands there instead, shortened.
pub fn name_in(pointer: &[u8]) -> Result<String, String> {
    const FOUND_CHARS_MAX: usize = 80;
    let text = String::from_utf8_lossy(pointer.trim_ascii());
    if is_set_name(&text) {
        Ok(text.into_owned())
    } else {
        Err(format!("{:?}", text.chars().take(FOUND_CHARS_MAX).collect::<String>()))
    }
}

/// Whether a text is the name of a set: of one folder, not hidden, and of nothing else.
pub fn is_set_name(text: &str) -> bool {
    let mut parts = Path::new(text).components();
    let plain = matches!(parts.next(), Some(Component::Normal(name)) if name == text);
    plain
        && parts.next().is_none()
        && !text.starts_with('.')
        && text.len() <= SET_NAME_BYTES_MAX
        && !text.chars().any(char::is_control)
}

/// Of a set and all its files: names, sizes and times of change. As long as it stays the
/// same, loading the set again would come to the same end.
pub fn mark_of(set: &Path) -> Result<Checksum, SnapshotError> {
    let mut seen = Vec::new();
    for entry in entries(set)? {
        let told = fs::symlink_metadata(&entry).map_err(SnapshotError::io("look at", &entry))?;
        let changed = told.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let changed_ns = changed.map_or(0, |since| since.as_nanos());
        let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
        seen.push(format!("{name}\0{}\0{changed_ns}\0", told.len()));
    }
    seen.sort_unstable();
    let mut text = String::new();
    // Writing into a String cannot fail.
    let _ = write!(text, "{}\0{}", set.display(), seen.concat());
    Ok(checksum(text.as_bytes()))
}

/// The sub-folders that may be sets, in order of their names.
pub(super) fn set_folders(folder: &Path) -> Result<Vec<PathBuf>, SnapshotError> {
    let mut sets = folders(folder)?;
    sets.retain(|path| !is_hidden(path));
    Ok(sets)
}

/// All sub-folders, in order of their names.
pub(super) fn folders(folder: &Path) -> Result<Vec<PathBuf>, SnapshotError> {
    let mut paths = entries(folder)?;
    paths.retain(|path| path.is_dir());
    paths.sort_unstable();
    Ok(paths)
}

/// Whether a name begins with a dot, as those of sets in the making do.
pub(super) fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, SnapshotError> {
    let entries = fs::read_dir(folder).map_err(SnapshotError::io("list", folder))?;
    let paths = entries.take(FOLDER_ENTRIES_MAX + 1).map(|entry| entry.map(|entry| entry.path()));
    let paths: Result<Vec<_>, _> = paths.collect();
    let paths = paths.map_err(SnapshotError::io("list", folder))?;
    if paths.len() > FOLDER_ENTRIES_MAX {
        let path = folder.to_path_buf();
        return Err(SnapshotError::Crowded { path, max: FOLDER_ENTRIES_MAX });
    }
    Ok(paths)
}

#[cfg(test)]
#[path = "store_folder_tests.rs"]
mod tests;
