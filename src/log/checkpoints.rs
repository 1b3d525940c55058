//! Checkpoints: all folds of the log at one position, in a file beside its segments.
//!
//! A file is a header (magic, version, position, checksum), what the folds wrote, and a trailer
//! (length, checksum of all): `docs/log-format.md`.
//!
//! Guarantees: a checkpoint has its name only once it is durable; one that is damaged is never
//! used, and the one before it is; the two latest that are whole are kept, and the log from the
//! older one on with them. Must not know what is in a checkpoint.

use super::disk::{Disk, DiskFile};
use crate::event::LogPosition;
use parking_lot::Mutex;
use std::hash::Hasher;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use twox_hash::XxHash3_64;

const MAGIC: [u8; 8] = *b"HOMINGCK";
/// The version of the file around a checkpoint; what is in it has versions of its own.
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 24;
const TRAILER_BYTES: usize = 16;
const PREFIX: &str = "checkpoint-";
const UNFINISHED: &str = "checkpoint.new";
/// How many are kept: should the latest be damaged, there is another.
const KEPT: usize = 2;
/// How much is written and read at a time.
const BUFFER_BYTES: usize = 1 << 20;

/// Why a file is no checkpoint.
#[derive(Debug, thiserror::Error)]
enum Damage {
    #[error("{0}")]
    Disk(#[from] io::Error),
    #[error("expected a checkpoint of version {VERSION}, found other bytes")]
    Header,
    #[error("expected {expected} bytes, found {found}")]
    Length { expected: u64, found: u64 },
    #[error("the checksum is wrong")]
    Checksum,
}

/// The latest checkpoint.
pub struct Latest {
    /// Its position, and what the folds wrote; none where there is none that is whole.
    pub checkpoint: Option<(LogPosition, Box<dyn Read + Send>)>,
    /// The later ones that are damaged, each with the reason.
    pub damaged: Vec<String>,
}

/// The checkpoints of a folder.
pub struct Checkpoints {
    disk: Arc<dyn Disk>,
    /// Those that are whole, oldest first.
    whole: Mutex<Vec<LogPosition>>,
    covered: AtomicU64,
}

impl Checkpoints {
    /// Those of a folder whose lock is held.
    pub fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk, whole: Mutex::default(), covered: AtomicU64::new(0) }
    }

    /// Verifies what is there, and opens the latest that is whole.
    ///
    /// # Errors
    /// The folder cannot be listed. A file that cannot be read counts as damaged.
    pub fn latest(&self) -> io::Result<Latest> {
        let mut positions = self.find()?;
        let mut damaged = Vec::new();
        positions.retain(|position| match self.verify(*position) {
            Ok(()) => true,
            Err(damage) => {
                damaged.push(format!("{}: {damage}", Self::name_of(*position)));
                false
            }
        });
        let latest = positions.last().copied();
        self.set_whole(&mut self.whole.lock(), positions);
        let checkpoint =
            latest.map(|position| Ok::<_, io::Error>((position, self.open(position)?)));
        Ok(Latest { checkpoint: checkpoint.transpose()?, damaged })
    }

    /// Writes one: all folds after the event at `position`, which must be durable. Older ones
    /// than the two latest are removed.
    ///
    /// # Errors
    /// The disk's, or `content`'s own; the ones that were there are there still.
    pub fn write(
        &self,
        position: LogPosition,
        content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut whole = self.whole.lock();
        let mut file = Hashed::new(self.disk.create(UNFINISHED)?);
        file.write_all(&header(position))?;
        content(&mut file)?;
        file.finish()?;
        self.disk.rename(UNFINISHED, &Self::name_of(position))?;
        self.disk.sync_folder()?;
        let mut positions = whole.clone();
        positions.retain(|one| *one != position);
        positions.push(position);
        positions.sort_unstable();
        let kept = positions.split_off(positions.len().saturating_sub(KEPT));
        self.set_whole(&mut whole, kept);
        self.remove_others(&whole)
    }

    /// Up to where no event is needed any more: the position of the older of two that are
    /// whole, else 0.
    pub fn covered(&self) -> LogPosition {
        LogPosition(self.covered.load(Ordering::Acquire))
    }

    /// Those that [`Checkpoints::latest`] found to be whole, or that were written since; oldest
    /// first.
    pub(super) fn whole(&self) -> Vec<LogPosition> {
        self.whole.lock().clone()
    }

    /// The file of the checkpoint at `position`.
    pub(super) fn name_of(position: LogPosition) -> String {
        format!("{PREFIX}{:020}", position.0)
    }

    /// Those that have the name of one, oldest first.
    pub(super) fn find(&self) -> io::Result<Vec<LogPosition>> {
        let names = self.disk.list()?;
        let mut found: Vec<_> = names.iter().filter_map(|name| position_of(name)).collect();
        found.sort_unstable();
        Ok(found)
    }

    /// What the folds wrote into one that is whole.
    pub(super) fn open(&self, position: LogPosition) -> io::Result<Box<dyn Read + Send>> {
        let name = Self::name_of(position);
        let file_bytes = self.disk.bytes(&name)?;
        let length = file_bytes.saturating_sub((HEADER_BYTES + TRAILER_BYTES) as u64);
        Ok(Box::new(self.disk.read(&name, HEADER_BYTES as u64)?.take(length)))
    }

    fn set_whole(&self, whole: &mut Vec<LogPosition>, positions: Vec<LogPosition>) {
        let covered = positions.len().checked_sub(KEPT).map_or(0, |index| positions[index].0);
        self.covered.store(covered, Ordering::Release);
        *whole = positions;
    }

    fn remove_others(&self, kept: &[LogPosition]) -> io::Result<()> {
        for position in self.find()? {
            if !kept.contains(&position) {
                self.disk.remove(&Self::name_of(position))?;
            }
        }
        self.disk.sync_folder()
    }

    /// Reads one whole.
    fn verify(&self, position: LogPosition) -> Result<(), Damage> {
        let name = Self::name_of(position);
        let found = self.disk.bytes(&name)?;
        let least = (HEADER_BYTES + TRAILER_BYTES) as u64;
        if found < least {
            return Err(Damage::Length { expected: least, found });
        }
        let mut file = self.disk.read(&name, 0)?;
        let mut begin = [0; HEADER_BYTES];
        file.read_exact(&mut begin)?;
        if begin != header(position) {
            return Err(Damage::Header);
        }
        let mut hash = XxHash3_64::new();
        hash.write(&begin);
        let mut rest = found - least;
        let mut buffer = vec![0; BUFFER_BYTES];
        while rest > 0 {
            let part = &mut buffer[..rest.min(BUFFER_BYTES as u64) as usize];
            file.read_exact(part)?;
            hash.write(part);
            rest -= part.len() as u64;
        }
        let mut trailer = [0; TRAILER_BYTES];
        file.read_exact(&mut trailer)?;
        let [length, checksum] = read_trailer(trailer);
        if length != found - least {
            return Err(Damage::Length { expected: length.saturating_add(least), found });
        }
        if checksum == hash.finish() { Ok(()) } else { Err(Damage::Checksum) }
    }
}

fn position_of(name: &str) -> Option<LogPosition> {
    let digits = name.strip_prefix(PREFIX)?;
    let is_ours = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_ours.then(|| digits.parse().ok().map(LogPosition))?
}

fn header(position: LogPosition) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[12..20].copy_from_slice(&position.0.to_le_bytes());
    let checksum = crc32fast::hash(&bytes[..20]);
    bytes[20..].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

fn read_trailer(bytes: [u8; TRAILER_BYTES]) -> [u64; 2] {
    let number = |at: usize| {
        let bytes = bytes[at..at + 8].try_into().expect("eight bytes are eight bytes");
        u64::from_le_bytes(bytes)
    };
    [number(0), number(8)]
}

/// Writes in large pieces, and counts and hashes what it writes.
struct Hashed {
    file: Box<dyn DiskFile>,
    buffer: Vec<u8>,
    hash: XxHash3_64,
    bytes: u64,
}

impl Hashed {
    fn new(file: Box<dyn DiskFile>) -> Self {
        let buffer = Vec::with_capacity(BUFFER_BYTES);
        Self { file, buffer, hash: XxHash3_64::new(), bytes: 0 }
    }

    fn finish(mut self) -> io::Result<()> {
        let (length, checksum) = (self.bytes - HEADER_BYTES as u64, self.hash.finish());
        self.buffer.extend_from_slice(&length.to_le_bytes());
        self.buffer.extend_from_slice(&checksum.to_le_bytes());
        self.flush()?;
        self.file.sync()
    }
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hash.write(bytes);
        self.bytes += bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}
