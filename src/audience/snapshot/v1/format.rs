//! The layout of a shard file, version 1.
//!
//! All integers are little-endian. A shard is
//!
//! ```text
//! header     64 bytes, see ShardHeader
//! directory  2^block_bits + 1 offsets of 8 bytes: where each block begins, and the end
//! blocks     one for each prefix of the key; an empty one has no bytes
//! ```
//!
//! and a block that is not empty is
//!
//! ```text
//! crc32      4 bytes, of all that follows in the block
//! users      4 bytes
//! keys       users x the key's remaining bytes, ascending
//! ends       users x 2 bytes (4 in a block of more than 65,535 bytes): where a record ends
//! records    the memberships of one user after another, see the module `record`
//! ```
//!
//! Keys are hashes, so their top bits spread users evenly: the bits name the shard, then the
//! block, and only the rest is stored. A lookup reads one directory entry and one block, two
//! dependent cache misses. Nothing here touches a file.

pub(crate) use crate::audience::snapshot::format::{u32_at, u64_at};
use crate::model::{UnixSeconds, UserKey};

/// Its version.
pub(crate) const VERSION: u32 = 1;
/// Size of the header.
pub(crate) const HEADER_BYTES: usize = 64;
/// Size of a directory entry.
pub(crate) const DIRECTORY_ENTRY_BYTES: usize = 8;
/// Size of a block's checksum and its number of users.
pub(crate) const BLOCK_HEAD_BYTES: usize = 8;
/// Size of a checksum.
pub(crate) const CRC_BYTES: usize = 4;
/// Longest block whose record ends are stored in two bytes.
pub(crate) const NARROW_BLOCK_BYTES_MAX: usize = 65_535;
/// Most bits of the key that name a block: 2^32 blocks are more than memory holds.
pub(crate) const BLOCK_BITS_MAX: u32 = 32;
/// Which bits of a key name its shard and its block, and which are stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct KeyLayout {
    /// How many top bits name the shard.
    pub(crate) shard_bits: u32,
    /// How many bits after those name the block.
    pub(crate) block_bits: u32,
}

impl KeyLayout {
    /// The block of a key within its shard.
    pub(crate) fn block_of(self, key: UserKey) -> usize {
        top_bits(key.0 << self.shard_bits, self.block_bits) as usize
    }

    /// What of the key is stored in its block.
    pub(crate) fn remainder(self, key: UserKey) -> u64 {
        key.0 & self.remainder_mask()
    }

    /// The bits that are stored.
    pub(crate) fn remainder_mask(self) -> u64 {
        u64::MAX >> (self.shard_bits + self.block_bits)
    }

    /// How many bytes the remainder takes.
    pub(crate) fn remainder_bytes(self) -> usize {
        (64 - self.shard_bits - self.block_bits).div_ceil(8) as usize
    }

    /// How many blocks the shard has, empty ones counted.
    pub(crate) fn blocks(self) -> usize {
        1 << self.block_bits
    }

    /// Size of the directory.
    pub(crate) fn directory_bytes(self) -> usize {
        (self.blocks() + 1) * DIRECTORY_ENTRY_BYTES
    }
}

/// The header of a shard file, in the order of its fields on disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ShardHeader {
    /// Which shard of the set this is.
    pub(crate) shard: u32,
    /// How many the set has; a power of two.
    pub(crate) shards: u32,
    /// How many bits of the key name a block.
    pub(crate) block_bits: u32,
    /// Distinct user keys.
    pub(crate) users: u64,
    /// Memberships.
    pub(crate) memberships: u64,
    /// Size of the file.
    pub(crate) file_bytes: u64,
    /// The latest `last_seen` of the set: records count back from it.
    pub(crate) newest_seen: UnixSeconds,
    /// How many segments the set's dictionary has.
    pub(crate) segments: u32,
    /// Checksum of the directory.
    pub(crate) directory_crc: u32,
}

impl ShardHeader {
    /// The layout of the shard's keys.
    pub(crate) fn layout(&self) -> KeyLayout {
        KeyLayout { shard_bits: self.shards.trailing_zeros(), block_bits: self.block_bits }
    }

    /// Reads the fields; `None` if there are too few bytes. Whether they make sense is for
    /// the module `verify` to say.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            shard: u32_at(bytes, 12)?,
            shards: u32_at(bytes, 16)?,
            block_bits: u32_at(bytes, 20)?,
            users: u64_at(bytes, 24)?,
            memberships: u64_at(bytes, 32)?,
            file_bytes: u64_at(bytes, 40)?,
            newest_seen: UnixSeconds(u32_at(bytes, 48)?),
            segments: u32_at(bytes, 52)?,
            directory_crc: u32_at(bytes, 56)?,
        })
    }
}

/// How wide the record ends of a block of this size are, in bytes.
pub(crate) fn end_bytes(block_bytes: usize) -> usize {
    if block_bytes <= NARROW_BLOCK_BYTES_MAX { 2 } else { 4 }
}

/// The integer made of the `count` highest bits; a shift by all 64 would overflow.
fn top_bits(word: u64, count: u32) -> u64 {
    word.checked_shr(64 - count).unwrap_or(0)
}
