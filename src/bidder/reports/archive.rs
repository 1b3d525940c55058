//! The folds of a log that no bidder has open, for reports of a node that is stopped.
//!
//! Guarantees: takes the folder's lock, so that nobody writes meanwhile; changes nothing but
//! that; a log that is damaged is refused, as it would be counted wrongly. Reads the whole log
//! that is kept, in bounded memory.

use crate::bidder::folds::{FoldRules, Folds, FoldsError};
use crate::campaign::Book;
use crate::event::LogPosition;
use crate::log::disk::real::RealDisk;
use crate::log::disk::{Disk, FolderLock};
use crate::log::survey::survey;
use crate::log::{Checkpoints, Fold as _};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a log cannot be reported on.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// A bidder has it.
    #[error("{0}")]
    Taken(io::Error),
    /// It cannot be read.
    #[error("the log in {folder} cannot be read: {source}")]
    Read {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Its checkpoint is of another version.
    #[error("{0}; was it written by another version?")]
    Folds(#[from] FoldsError),
    /// It is damaged.
    #[error(
        "the log is damaged: what is missing would not be counted; see \
         `homing log verify --folder {0}`"
    )]
    Damaged(PathBuf),
}

/// Folds the log in `folder`, which nobody may have open.
///
/// # Errors
/// See [`ArchiveError`].
pub fn fold(folder: &Path, rules: FoldRules, book: &Book) -> Result<Folds, ArchiveError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::WouldBlock => ArchiveError::Taken(source),
        _ => ArchiveError::Read { folder: folder.to_owned(), source },
    };
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::existing(folder).map_err(failed)?);
    let _lock = lock(&*disk).map_err(failed)?;
    let latest = Checkpoints::new(Arc::clone(&disk)).latest().map_err(failed)?;
    let (folds, after) = match latest.checkpoint {
        None => (Folds::new(rules), LogPosition(0)),
        Some((position, mut content)) => (Folds::read(&mut content, rules)?.0, position),
    };
    // Purchases are credited by whose campaign it was.
    folds.ledger.adopt(book);
    let mut sink = |position: LogPosition, event: &_, _: &[u8]| {
        if position > after {
            folds.apply(position, event);
        }
        Ok(())
    };
    let found = survey(&disk, &mut sink).map_err(failed)?;
    if found.is_whole() { Ok(folds) } else { Err(ArchiveError::Damaged(folder.to_owned())) }
}

/// The lock; none on a medium that nobody can write, which needs none.
fn lock(disk: &dyn Disk) -> io::Result<Option<FolderLock>> {
    match disk.lock() {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(error),
        lock => Ok(lock.ok()),
    }
}
