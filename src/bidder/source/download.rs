//! One file of a set, from an object store to the disk.
//!
//! Guarantees: it is complete and has the checksum that the manifest promises, or it is a
//! fault; what was there of the same object (the same ETag) is not asked for again, within a
//! load and from one to the next; at most as many bytes as promised are written; attempts,
//! pauses and silence are bounded.

use super::super::loading::LoadError;
use super::object::Bucket;
use crate::audience::snapshot::manifest::ShardEntry;
use crate::audience::snapshot::{FileHasher, ShardFault, SnapshotError};
use futures_util::StreamExt as _;
use object_store::path::Path;
use object_store::{GetOptions, GetRange};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

/// How often a file is begun or gone on with before the load is given up. The next load goes
/// on from there.
const ATTEMPTS_MAX: u32 = 6;
/// Silence after which an answer is given up.
const STALL_MAX: Duration = Duration::from_secs(30);
/// The longest first pause between two attempts; each later one is twice as long, up to the
/// maximum, and a random part of it is waited for, so that nodes do not come back as one.
const PAUSE_FIRST: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// A file to be downloaded.
pub(super) struct Download<'a> {
    /// Where from.
    pub(super) bucket: &'a Bucket,
    /// Its object.
    pub(super) path: Path,
    /// What the manifest promises of it.
    pub(super) entry: &'a ShardEntry,
    /// Of the set.
    pub(super) format_version: u32,
    /// Where to.
    pub(super) target: PathBuf,
}

/// What an attempt came to, short of the whole file.
enum Stopped {
    /// It is whole, and not what the manifest promises.
    Spoilt(LoadError),
    /// It may go on.
    Interrupted(LoadError),
    /// It will not.
    Final(LoadError),
}

impl From<SnapshotError> for Stopped {
    fn from(error: SnapshotError) -> Self {
        Self::Final(error.into())
    }
}

impl Download<'_> {
    /// Downloads the file, which errors call `file`.
    pub(super) async fn run(&self, file: &str) -> Result<(), LoadError> {
        let (mut stopped, mut was_spoilt) = (None, false);
        for attempt in 0..ATTEMPTS_MAX {
            if attempt > 0 {
                tokio::time::sleep(pause_before(attempt)).await;
            }
            match self.attempt(file).await {
                Ok(()) => return Ok(()),
                Err(Stopped::Interrupted(error)) => stopped = Some(error),
                // On its way, or on the disk; at its source, if it is so again.
                Err(Stopped::Spoilt(error)) if !was_spoilt => {
                    (stopped, was_spoilt) = (Some(error), true);
                }
                Err(Stopped::Spoilt(error) | Stopped::Final(error)) => return Err(error),
            }
        }
        Err(stopped.unwrap_or(LoadError::Busy))
    }

    async fn attempt(&self, file: &str) -> Result<(), Stopped> {
        let mut there = self.bytes_there();
        if there > self.entry.bytes {
            self.forget()?;
            there = 0;
        }
        if there < self.entry.bytes || there == 0 {
            self.transfer(file, there).await?;
        }
        if self.hash()? == self.entry.hash {
            return Ok(());
        }
        self.forget()?;
        let fault = ShardFault::Checksum { part: "the file".to_owned() };
        Err(Stopped::Spoilt(SnapshotError::Shard { file: file.to_owned(), fault }.into()))
    }

    /// Gets what is missing behind the first `there` bytes.
    async fn transfer(&self, file: &str, there: u64) -> Result<(), Stopped> {
        let tag = (there > 0).then(|| fs::read_to_string(self.tag_file()).ok()).flatten();
        let there = if tag.is_some() { there } else { 0 };
        let options = GetOptions {
            range: (there > 0).then_some(GetRange::Offset(there)),
            if_match: tag,
            ..GetOptions::default()
        };
        let found = match self.bucket.get(&self.path, options).await {
            Ok(found) => found,
            Err(error) => return Err(self.stopped_by(error, there)),
        };
        let (expected, offered) = (self.entry.bytes, found.meta.size);
        if offered != expected {
            let fault = if offered < expected {
                ShardFault::Truncated { expected, found: offered }
            } else {
                ShardFault::Trailing { expected, found: offered }
            };
            return Err(SnapshotError::Shard { file: file.to_owned(), fault }.into());
        }
        let from = found.range.start;
        let mut out = self.open_at(from, found.meta.e_tag.as_deref())?;
        let (mut chunks, mut left) = (found.into_stream(), expected - from.min(expected));
        while left > 0 {
            let chunk = match still(&self.path, chunks.next()).await {
                Ok(Some(Ok(chunk))) => chunk,
                Ok(Some(Err(error))) => return Err(self.stopped_by(error, 0)),
                Ok(None) => break,
                Err(silent) => return Err(Stopped::Interrupted(silent)),
            };
            let taken = chunk.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            out.write_all(&chunk[..taken]).map_err(SnapshotError::io("write", &self.target))?;
            left -= taken as u64;
        }
        out.sync_all().map_err(SnapshotError::io("write", &self.target))?;
        if left > 0 {
            let why = format!("the answer ended {left} bytes early");
            let object = self.path.to_string();
            return Err(Stopped::Interrupted(LoadError::Fetch { object, why, missing: false }));
        }
        Ok(())
    }

    /// What a store's refusal means. Where it will not go on from `there`, the next attempt
    /// begins anew.
    fn stopped_by(&self, error: object_store::Error, there: u64) -> Stopped {
        let refused_range = !matches!(error, object_store::Error::Generic { .. });
        let missing = matches!(error, object_store::Error::NotFound { .. });
        if there > 0
            && refused_range
            && !missing
            && let Err(fault) = self.forget()
        {
            return fault.into();
        }
        let error = refused(&self.path)(error);
        if missing { Stopped::Final(error) } else { Stopped::Interrupted(error) }
    }

    /// The file, ready to be written from `at` on; behind that nothing is left of before. The
    /// object's tag is noted first, or that it has none: then nothing can be gone on with.
    fn open_at(&self, at: u64, tag: Option<&str>) -> Result<File, SnapshotError> {
        use std::io::{Seek, SeekFrom};
        if at == 0 {
            self.forget()?;
        }
        if let Some(tag) = tag {
            let path = self.tag_file();
            fs::write(&path, tag).map_err(SnapshotError::io("write", &path))?;
        }
        let options = OpenOptions::new().create(true).write(true).truncate(false).clone();
        let opened = options.open(&self.target).and_then(|mut file| {
            file.set_len(at)?;
            file.seek(SeekFrom::Start(at))?;
            Ok(file)
        });
        opened.map_err(SnapshotError::io("open", &self.target))
    }

    fn bytes_there(&self) -> u64 {
        fs::symlink_metadata(&self.target).map_or(0, |found| found.len())
    }

    fn tag_file(&self) -> PathBuf {
        self.target.with_extension("etag")
    }

    /// Removes what is there of the file.
    fn forget(&self) -> Result<(), SnapshotError> {
        for path in [&self.tag_file(), &self.target] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(SnapshotError::io("remove", path)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn hash(&self) -> Result<[u8; 32], SnapshotError> {
        let hash = |file| FileHasher::of_version(self.format_version).of_all(file);
        File::open(&self.target).and_then(hash).map_err(SnapshotError::io("read", &self.target))
    }
}

/// A random part of a pause that doubles with every attempt, at least half of it.
fn pause_before(attempt: u32) -> Duration {
    let longest = PAUSE_FIRST.saturating_mul(1 << attempt.min(16)).min(PAUSE_MAX);
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    longest.mul_f64(0.5 + 0.5 * f64::from(random) / f64::from(u32::MAX))
}

/// Waits for the next piece of an answer, within bounds.
pub(super) async fn still<T>(path: &Path, next: impl Future<Output = T>) -> Result<T, LoadError> {
    tokio::time::timeout(STALL_MAX, next).await.map_err(|_| LoadError::Fetch {
        object: path.to_string(),
        why: format!("nothing came for {} seconds", STALL_MAX.as_secs()),
        missing: false,
    })
}

/// For `map_err` behind a call of the store.
pub(super) fn refused(path: &Path) -> impl FnOnce(object_store::Error) -> LoadError {
    let object = path.to_string();
    move |error| {
        let missing = matches!(error, object_store::Error::NotFound { .. });
        LoadError::Fetch { object, why: error.to_string(), missing }
    }
}
