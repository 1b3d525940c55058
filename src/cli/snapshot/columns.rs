//! A Parquet file on disk, as its reader wants it: any part at any time, from several threads.
//!
//! The library's own reading of files moves one position that all threads share.

use super::super::exit::Failure;
use super::super::progress::Progress;
use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// How much is read at once where a page's head is: what lies behind a small page is read again.
const BUFFER_BYTES: usize = 8 << 10;

/// A file that is read by position.
pub(super) struct Positioned {
    file: Arc<File>,
    bytes: u64,
    progress: Arc<Progress>,
}

impl Positioned {
    /// Opens the file; what is read of it is told to `progress`.
    pub(super) fn open(path: &Path, progress: &Arc<Progress>) -> Result<Self, Failure> {
        let file = File::open(path).map_err(Failure::reading(path))?;
        let bytes = file.metadata().map_err(Failure::reading(path))?.len();
        Ok(Self { file: Arc::new(file), bytes, progress: Arc::clone(progress) })
    }
}

impl Length for Positioned {
    fn len(&self) -> u64 {
        self.bytes
    }
}

impl ChunkReader for Positioned {
    type T = BufReader<From>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        let (file, progress) = (Arc::clone(&self.file), Arc::clone(&self.progress));
        Ok(BufReader::with_capacity(BUFFER_BYTES, From { file, at: start, progress }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        // A damaged file may promise more than there is: memory is taken for what there is.
        if start.checked_add(length as u64).is_none_or(|end| end > self.bytes) {
            return Err(ParquetError::EOF("the file is cut off".to_owned()));
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, start)?;
        self.progress.advance(length as u64);
        Ok(bytes.into())
    }
}

/// The file from some place on.
pub(super) struct From {
    file: Arc<File>,
    at: u64,
    progress: Arc<Progress>,
}

impl Read for From {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        self.progress.advance(read as u64);
        Ok(read)
    }
}
