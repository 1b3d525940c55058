//! The layout of a shard file, version 1: what the writer and the reader agree on.
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

use crate::model::{UnixSeconds, UserKey};

/// The first bytes of a shard file.
pub const MAGIC: [u8; 8] = *b"HOMSHARD";
/// The only version that this program reads and writes.
pub const FORMAT_VERSION: u32 = 1;
/// Size of the header.
pub const HEADER_BYTES: usize = 64;
/// Size of a directory entry.
pub const DIRECTORY_ENTRY_BYTES: usize = 8;
/// Size of a block's checksum and its number of users.
pub const BLOCK_HEAD_BYTES: usize = 8;
/// Size of a checksum.
pub const CRC_BYTES: usize = 4;
/// Blocks hold half to all of this many users on average: a few cache lines of keys.
pub const BLOCK_USERS_TARGET: u64 = 64;
/// Longest block whose record ends are stored in two bytes.
pub const NARROW_BLOCK_BYTES_MAX: usize = 65_535;
/// Most bits of the key that name a block: 2^32 blocks are more than memory holds.
pub const BLOCK_BITS_MAX: u32 = 32;
/// Most shards of one set: each should hold a million users or more.
pub const SHARDS_MAX: u32 = 1_024;
/// Most segments of one set: their numbers are kept in 16 bits while building.
pub const SEGMENTS_MAX: usize = 65_535;

/// Which bits of a key name its shard and its block, and which are stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct KeyLayout {
    /// How many top bits name the shard.
    pub shard_bits: u32,
    /// How many bits after those name the block.
    pub block_bits: u32,
}

impl KeyLayout {
    /// The layout of a shard with `users` users, one of `2^shard_bits` shards.
    pub fn for_users(shard_bits: u32, users: u64) -> Self {
        let blocks = users.div_ceil(BLOCK_USERS_TARGET).next_power_of_two();
        Self { shard_bits, block_bits: blocks.trailing_zeros().min(BLOCK_BITS_MAX) }
    }

    /// The shard of a key.
    pub fn shard_of(self, key: UserKey) -> usize {
        top_bits(key.0, self.shard_bits) as usize
    }

    /// The block of a key within its shard.
    pub fn block_of(self, key: UserKey) -> usize {
        top_bits(key.0 << self.shard_bits, self.block_bits) as usize
    }

    /// What of the key is stored in its block.
    pub fn remainder(self, key: UserKey) -> u64 {
        key.0 & self.remainder_mask()
    }

    /// The bits that are stored.
    pub fn remainder_mask(self) -> u64 {
        u64::MAX >> (self.shard_bits + self.block_bits)
    }

    /// How many bytes the remainder takes.
    pub fn remainder_bytes(self) -> usize {
        (64 - self.shard_bits - self.block_bits).div_ceil(8) as usize
    }

    /// How many blocks the shard has, empty ones counted.
    pub fn blocks(self) -> usize {
        1 << self.block_bits
    }

    /// Size of the directory.
    pub fn directory_bytes(self) -> usize {
        (self.blocks() + 1) * DIRECTORY_ENTRY_BYTES
    }
}

/// The header of a shard file, in the order of its fields on disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ShardHeader {
    /// Which shard of the set this is.
    pub shard: u32,
    /// How many the set has; a power of two.
    pub shards: u32,
    /// How many bits of the key name a block.
    pub block_bits: u32,
    /// Distinct user keys.
    pub users: u64,
    /// Memberships.
    pub memberships: u64,
    /// Size of the file.
    pub file_bytes: u64,
    /// The latest `last_seen` of the set: records count back from it.
    pub newest_seen: UnixSeconds,
    /// How many segments the set's dictionary has.
    pub segments: u32,
    /// Checksum of the directory.
    pub directory_crc: u32,
}

impl ShardHeader {
    /// The layout of the shard's keys.
    pub fn layout(&self) -> KeyLayout {
        KeyLayout { shard_bits: self.shards.trailing_zeros(), block_bits: self.block_bits }
    }

    /// The header as it is written, its own checksum included.
    pub fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        out[..8].copy_from_slice(&MAGIC);
        out[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        out[12..16].copy_from_slice(&self.shard.to_le_bytes());
        out[16..20].copy_from_slice(&self.shards.to_le_bytes());
        out[20..24].copy_from_slice(&self.block_bits.to_le_bytes());
        out[24..32].copy_from_slice(&self.users.to_le_bytes());
        out[32..40].copy_from_slice(&self.memberships.to_le_bytes());
        out[40..48].copy_from_slice(&self.file_bytes.to_le_bytes());
        out[48..52].copy_from_slice(&self.newest_seen.0.to_le_bytes());
        out[52..56].copy_from_slice(&self.segments.to_le_bytes());
        out[56..60].copy_from_slice(&self.directory_crc.to_le_bytes());
        let crc = crc32fast::hash(&out[..HEADER_BYTES - CRC_BYTES]);
        out[60..].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// Reads the fields; `None` if there are too few bytes. Whether they make sense is for
    /// the module `verify` to say.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
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

/// The name of a shard's file.
pub fn shard_file_name(shard: usize) -> String {
    format!("shard-{shard:03}.hom")
}

/// How wide the record ends of a block of this size are, in bytes.
pub fn end_bytes(block_bytes: usize) -> usize {
    if block_bytes <= NARROW_BLOCK_BYTES_MAX { 2 } else { 4 }
}

/// The 32-bit integer at `at`.
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

/// The 64-bit integer at `at`.
pub fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(8)?)?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

/// The integer made of the `count` highest bits; a shift by all 64 would overflow.
fn top_bits(word: u64, count: u32) -> u64 {
    word.checked_shr(64 - count).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_parts_of_a_key_make_up_the_key() {
        let key = UserKey(0xfedc_ba98_7654_3210);
        for (shard_bits, block_bits) in [(0, 0), (0, 14), (3, 0), (10, 32), (4, 16)] {
            let layout = KeyLayout { shard_bits, block_bits };
            let whole = (layout.shard_of(key) as u128) << (64 - shard_bits)
                | (layout.block_of(key) as u128) << (64 - shard_bits - block_bits)
                | u128::from(layout.remainder(key));
            assert_eq!(whole, u128::from(key.0), "{layout:?}");
            assert!(layout.remainder_mask().leading_zeros() >= 64 - 8 * bytes_u32(layout));
        }
    }

    fn bytes_u32(layout: KeyLayout) -> u32 {
        layout.remainder_bytes() as u32
    }

    #[test]
    fn blocks_hold_half_to_all_of_the_target_on_average() {
        for users in [1, 63, 64, 65, 1_000, 999_999, 4_000_000, 100_000_000] {
            let average = users / KeyLayout::for_users(0, users).blocks() as u64;
            assert!(average <= BLOCK_USERS_TARGET, "{users} users: {average} a block");
            assert!(users <= 64 || average >= BLOCK_USERS_TARGET / 2 - 1, "{users}: {average}");
        }
        assert_eq!(KeyLayout::for_users(0, 0).blocks(), 1);
    }

    #[test]
    fn a_header_is_read_as_it_was_written() {
        let header = ShardHeader {
            shard: 1,
            shards: 4,
            block_bits: 5,
            users: 6,
            memberships: 7,
            file_bytes: 8,
            newest_seen: UnixSeconds(9),
            segments: 10,
            directory_crc: 11,
        };
        assert_eq!(ShardHeader::from_bytes(&header.to_bytes()), Some(header));
        assert_eq!(ShardHeader::from_bytes(&header.to_bytes()[..50]), None);
    }
}
