//! The hash of a whole shard file, by which the manifest, and whoever signed it, vouches for it.
//!
//! SHA-256 up to version 2 of the format; BLAKE3 since, which takes a third of the time: with
//! SHA-256 hashing was more than a quarter of what loading took, and one core cannot do it faster.

use super::manifest::Checksum;
use sha2::{Digest, Sha256};
use std::io::{self, Read};

/// So much is read at once.
const READ_BYTES: usize = 1 << 20;
/// The last version with SHA-256.
const SHA256_VERSION_MAX: u32 = 2;

/// A hash in the making.
pub(crate) enum FileHasher {
    /// Of a set of version 1 or 2.
    Sha256(Sha256),
    /// Of a later one; it is large.
    Blake3(Box<blake3::Hasher>),
}

impl FileHasher {
    /// The hash that sets of this version have.
    pub(crate) fn of_version(format_version: u32) -> Self {
        if format_version <= SHA256_VERSION_MAX {
            return Self::Sha256(Sha256::new());
        }
        Self::Blake3(Box::default())
    }

    /// Goes on with these bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Blake3(hasher) => _ = hasher.update(bytes),
        }
    }

    /// The hash of all that can be read.
    pub(crate) fn of_all(mut self, mut source: impl Read) -> io::Result<Checksum> {
        let mut piece = vec![0; READ_BYTES];
        loop {
            match source.read(&mut piece)? {
                0 => return Ok(self.finish()),
                read => self.update(&piece[..read]),
            }
        }
    }

    /// The hash of all bytes.
    pub(crate) fn finish(self) -> Checksum {
        match self {
            Self::Sha256(hasher) => hasher.finalize().into(),
            Self::Blake3(hasher) => hasher.finalize().into(),
        }
    }
}

/// The hash of a file of a set of this version.
pub(crate) fn file_hash(format_version: u32, bytes: &[u8]) -> Checksum {
    let mut hasher = FileHasher::of_version(format_version);
    hasher.update(bytes);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_has_its_hash() {
        // printf homing | sha256sum; printf homing | b3sum
        let hex =
            |version| blake3::Hash::from_bytes(file_hash(version, b"homing")).to_hex().to_string();
        let sha256 = "3134110c345d32e5ae1be437afc45ac66c7325bd2f49bc3786b8ccfb60a71af5";
        let blake3 = "d9a11094f5ffb11660df6bafeb8ab660b7c1863f8048358253f9d5d3f037bd82";
        assert_eq!([1, 2, 3].map(hex), [sha256, sha256, blake3]);
    }

    #[test]
    fn pieces_make_the_same_hash() {
        let bytes: Vec<u8> = (0..100_000_u32).map(|n| (n * 31) as u8).collect();
        for version in [2, 3] {
            let mut hasher = FileHasher::of_version(version);
            bytes.chunks(7_777).for_each(|piece| hasher.update(piece));
            assert_eq!(hasher.finish(), file_hash(version, &bytes));
            let read = FileHasher::of_version(version).of_all(&bytes[..]).expect("bytes");
            assert_eq!(read, file_hash(version, &bytes));
        }
    }
}
