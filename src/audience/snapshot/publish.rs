//! Writes a set so that it is there whole or not at all, after a power cut too.
//!
//! The files go into a folder of a temporary name beside the target; every file and the
//! folder are flushed to disk, the folder gets its name, and the parent is flushed. A name
//! that begins with a dot is never loaded, so what an interrupted write leaves is harmless.

use super::SnapshotError;
use super::files::{open_regular, set_name};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// How temporary folders end.
pub(crate) const PARTIAL_SUFFIX: &str = ".partial";

/// How many temporary names are tried: so many interrupted writes want looking into.
const PARTIAL_ATTEMPTS_MAX: u32 = 100;

/// A set in the making. Dropped before [`SetFolder::publish`], it is removed again.
pub(crate) struct SetFolder {
    temporary: PathBuf,
    target: PathBuf,
    published: bool,
}

impl SetFolder {
    /// Begins a set that will be at `target`, where nothing may be yet.
    pub(crate) fn create(target: &Path) -> Result<Self, SnapshotError> {
        if fs::symlink_metadata(target).is_ok() {
            return Err(SnapshotError::Exists { path: target.to_path_buf() });
        }
        Self::begin(target)
    }

    /// As [`SetFolder::create`], but what is at `target` only has to be gone when the set is
    /// published: so a set can be checked before it replaces its namesake.
    pub(crate) fn begin(target: &Path) -> Result<Self, SnapshotError> {
        let name = set_name(target)?;
        let parent = parent_of(target);
        fs::create_dir_all(parent).map_err(SnapshotError::io("create", parent))?;
        let temporary = create_partial(parent, &name)?;
        Ok(Self { temporary, target: target.to_path_buf(), published: false })
    }

    /// Where the files are until the set is published.
    pub(crate) fn path(&self) -> &Path {
        &self.temporary
    }

    /// Adds a file and flushes it.
    pub(crate) fn write(&self, file: &str, bytes: &[u8]) -> Result<(), SnapshotError> {
        let path = self.temporary.join(file);
        let written = File::create_new(&path).and_then(|mut out| {
            out.write_all(bytes)?;
            out.sync_all()
        });
        written.map_err(SnapshotError::io("write", &path))
    }

    /// Adds a copy of `file` in `folder`, at most `bytes_max` of it, and flushes it.
    pub(crate) fn copy(
        &self,
        folder: &Path,
        file: &str,
        bytes_max: u64,
    ) -> Result<(), SnapshotError> {
        let (source, _) = open_regular(&folder.join(file))?;
        let path = self.temporary.join(file);
        let copied = File::create_new(&path).and_then(|mut out| {
            io::copy(&mut source.take(bytes_max), &mut out)?;
            out.sync_all()
        });
        copied.map_err(SnapshotError::io("copy to", &path))
    }

    /// Gives the set its name.
    pub(crate) fn publish(mut self) -> Result<(), SnapshotError> {
        sync_folder(&self.temporary)?;
        fs::rename(&self.temporary, &self.target)
            .map_err(SnapshotError::io("rename to", &self.target))?;
        self.published = true;
        sync_folder(parent_of(&self.target))
    }
}

impl Drop for SetFolder {
    fn drop(&mut self) {
        if !self.published {
            // What cannot be removed is ignored by every reader.
            let _ = fs::remove_dir_all(&self.temporary);
        }
    }
}

/// Makes a folder of a temporary name that nobody else uses: process ids alone repeat, in
/// containers after every restart.
fn create_partial(parent: &Path, name: &str) -> Result<PathBuf, SnapshotError> {
    let mut attempt = 0;
    loop {
        let partial = format!(".{name}.{}-{attempt}{PARTIAL_SUFFIX}", std::process::id());
        let path = parent.join(partial);
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error)
                if error.kind() == io::ErrorKind::AlreadyExists
                    && attempt < PARTIAL_ATTEMPTS_MAX =>
            {
                attempt += 1;
            }
            Err(error) => return Err(SnapshotError::io("create", &path)(error)),
        }
    }
}

/// The folder that a path is in; `.` for a bare name.
pub(crate) fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Flushes the entries of a folder, so that a rename in it survives a power cut.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), SnapshotError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(SnapshotError::io("flush", folder))
}
