//! The memory behind a shard: ordinary heap, or pages of 2 MiB where the system has them.
//!
//! A lookup goes to a random place, so with pages of 4 KiB nearly every one also misses the
//! processor's table of pages; `ARCHITECTURE.md` has what that costs. Guarantees: the bytes are
//! the process's own, so nothing that happens to a file later can touch them; what the
//! system refuses falls back to small pages, and it can be told which it became.

use memmap2::{MmapMut, MmapOptions};
use std::io::{self, Read};
use std::ops::{Deref, DerefMut};

/// From this size on huge pages are asked for: two of them.
pub(super) const HUGE_BYTES_MIN: usize = 4 << 20;
/// So much is read at once: other threads get the processor and the disk in between.
const CHUNK_BYTES: usize = 1 << 20;

/// Bytes of a shard.
#[derive(Debug)]
pub struct Pages(Backing);

#[derive(Debug)]
enum Backing {
    Heap(Box<[u8]>),
    Mapped(MmapMut),
}

impl Pages {
    /// So many zeros, to be written over.
    ///
    /// # Errors
    /// The memory is not there.
    pub(super) fn zeroed(length: usize) -> io::Result<Self> {
        if length < HUGE_BYTES_MIN {
            return Ok(Self(Backing::Heap(vec![0; length].into_boxed_slice())));
        }
        let mapped = MmapOptions::new().len(length).map_anon()?;
        advise_huge(&mapped);
        Ok(Self(Backing::Mapped(mapped)))
    }

    /// Reads exactly `length` bytes, or what there is if that is less.
    ///
    /// # Errors
    /// What cannot be read, or memory that is not there.
    pub fn read(source: impl Read, length: usize) -> io::Result<Self> {
        if length < HUGE_BYTES_MIN {
            return read_heap(source, length).map(|bytes| Self(Backing::Heap(bytes)));
        }
        let mut mapped = MmapOptions::new().len(length).map_anon()?;
        advise_huge(&mapped);
        let filled = fill(source, &mut mapped)?;
        if filled < length {
            return Ok(Self(Backing::Heap(mapped[..filled].into())));
        }
        Ok(Self(Backing::Mapped(mapped)))
    }
}

/// Where the kernel has no huge pages, or is told not to give any, small ones do.
#[cfg(target_os = "linux")]
fn advise_huge(mapped: &MmapMut) {
    let _ = mapped.advise(memmap2::Advice::HugePage);
}

#[cfg(not(target_os = "linux"))]
fn advise_huge(_mapped: &MmapMut) {}

fn fill(mut source: impl Read, place: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < place.len() {
        let end = place.len().min(filled + CHUNK_BYTES);
        match source.read(&mut place[filled..end]) {
            Ok(0) => break,
            Ok(bytes) => filled += bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn read_heap(source: impl Read, length: usize) -> io::Result<Box<[u8]>> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(length)?;
    source.take(length as u64).read_to_end(&mut bytes)?;
    Ok(bytes.into_boxed_slice())
}

impl From<Vec<u8>> for Pages {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Backing::Heap(bytes.into_boxed_slice()))
    }
}

impl DerefMut for Pages {
    fn deref_mut(&mut self) -> &mut [u8] {
        match &mut self.0 {
            Backing::Heap(bytes) => bytes,
            Backing::Mapped(bytes) => bytes,
        }
    }
}

impl Deref for Pages {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match &self.0 {
            Backing::Heap(bytes) => bytes,
            Backing::Mapped(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_was_there_in_small_and_in_huge_pages() {
        for length in [0, 1, HUGE_BYTES_MIN - 1, HUGE_BYTES_MIN, HUGE_BYTES_MIN + CHUNK_BYTES + 7] {
            let source: Vec<u8> = (0..length).map(|at| ((at * 31) >> 3) as u8).collect();
            let pages = Pages::read(source.as_slice(), length).expect("read");
            assert!(pages[..] == source[..], "{length} bytes");
            let cut = Pages::read(source.as_slice(), length + HUGE_BYTES_MIN).expect("read");
            assert!(cut[..] == source[..], "{length} of more bytes");
        }
    }

    #[test]
    fn a_source_that_fails_is_told() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("broken"))
            }
        }
        for length in [10, HUGE_BYTES_MIN] {
            assert!(Pages::read(Broken, length).is_err());
        }
    }
}
