//! The layout of a shard file, version 2: what the writer and the reader agree on. The whole
//! specification, good enough to write another reader from, is `docs/snapshot-format.md`.
//!
//! All integers are little-endian. A shard is
//!
//! ```text
//! header     64 bytes, see ShardHeader
//! shapes     255 x 5 bytes: the commonest forms of a membership, see the module `shape`
//! directory  2^block_bits + 1 offsets of 4 bytes: where each block begins, and the end,
//!            counted from the first block
//! blocks     one for each prefix of the key; an empty one has no bytes
//! checksums  2^block_bits x 4 bytes: the CRC-32 of each block
//! ```
//!
//! and a block that is not empty is
//!
//! ```text
//! head       2 bytes: the number of users, and how wide the lengths are
//! marks      users x 1 byte: the last byte of the key
//! lengths    users x 1, 2 or 4 bytes: how long each record is
//! keys       users x the rest of the key's remaining bytes; with the marks they ascend
//! records    the memberships of one user after another, see the module `record`
//! ```
//!
//! Keys are hashes, so their top bits spread users evenly: the bits name the shard, then the
//! block, and only the rest is stored. Who looks a stranger up reads one directory entry, which
//! is mostly in a cache, and the marks: one or two lines of memory. Nothing here touches a file.

use crate::model::{UnixSeconds, UserKey};

/// The first bytes of a shard file.
pub const MAGIC: [u8; 8] = *b"HOMSHARD";
/// The version of the sets that this program writes. It reads all before too.
pub const FORMAT_VERSION: u32 = 3;
/// What their shard files say: they are as they were in version 2.
pub const SHARD_VERSION: u32 = 2;
/// Size of the header.
pub const HEADER_BYTES: usize = 64;
/// Size of a checksum.
pub const CRC_BYTES: usize = 4;
/// How many shapes a shard names: one code is left for those that are written out.
pub const SHAPES_MAX: usize = 255;
/// Size of a shape.
pub const SHAPE_BYTES: usize = 5;
/// Where the directory begins.
pub const DIRECTORY_AT: usize = HEADER_BYTES + SHAPES_MAX * SHAPE_BYTES;
/// Size of a directory entry.
pub const DIRECTORY_ENTRY_BYTES: usize = 4;
/// Size of a block's head.
pub const BLOCK_HEAD_BYTES: usize = 2;
/// Blocks hold half to all of this many users on average: their marks fill one cache line.
pub const BLOCK_USERS_TARGET: u64 = 64;
/// Most users of a block: its head has 14 bits for them.
pub const BLOCK_USERS_MAX: usize = (1 << 14) - 1;
/// Most bytes of all blocks of a shard: offsets have 32 bits.
pub const BLOCKS_BYTES_MAX: u64 = u32::MAX as u64;
/// Most bits of the key that name a block: 2^28 blocks are more than 4 GiB hold.
pub const BLOCK_BITS_MAX: u32 = 28;
/// Most shards of one set: each should hold a million users or more.
pub const SHARDS_MAX: u32 = 1_024;
/// Most segments of one set: their numbers are kept in 16 bits while building.
pub const SEGMENTS_MAX: usize = 65_535;
/// How many bits of a key its mark has.
const MARK_BITS: u32 = 8;

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

    /// How many bytes the remainder takes besides its mark.
    pub fn key_bytes(self) -> usize {
        (64 - MARK_BITS - self.shard_bits - self.block_bits).div_ceil(8) as usize
    }

    /// How many blocks the shard has, empty ones counted.
    pub fn blocks(self) -> usize {
        1 << self.block_bits
    }

    /// Size of the directory.
    pub fn directory_bytes(self) -> usize {
        (self.blocks() + 1) * DIRECTORY_ENTRY_BYTES
    }

    /// Where the first block begins.
    pub fn blocks_at(self) -> usize {
        DIRECTORY_AT + self.directory_bytes()
    }

    /// Size of the checksums.
    pub fn checksums_bytes(self) -> usize {
        self.blocks() * CRC_BYTES
    }
}

/// What stands in a block's head.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BlockHead {
    /// How many users it has.
    pub users: usize,
    /// How wide the lengths of records are, in bytes: 1, 2 or 4.
    pub length_bytes: usize,
}

impl BlockHead {
    /// The head of a block with `users` users whose longest record has `longest` bytes.
    pub fn new(users: usize, longest: usize) -> Self {
        let length_bytes = match longest {
            0..=0xff => 1,
            0x100..=0xffff => 2,
            _ => 4,
        };
        Self { users, length_bytes }
    }

    /// Reads a head; `None` where its width is none.
    pub fn from_bits(bits: u16) -> Option<Self> {
        let length_bytes = match bits >> 14 {
            0 => 1,
            1 => 2,
            2 => 4,
            _ => return None,
        };
        Some(Self { users: usize::from(bits & 0x3fff), length_bytes })
    }

    /// The head as it is written.
    pub fn bits(self) -> u16 {
        let width = match self.length_bytes {
            1 => 0,
            2 => 1,
            _ => 2,
        };
        width << 14 | self.users as u16
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
    /// The latest `last_seen` of the shard: records count back from it.
    pub newest_seen: UnixSeconds,
    /// How many segments the set's dictionary has.
    pub segments: u32,
    /// Checksum of the shapes, the directory and the blocks' checksums.
    pub index_crc: u32,
}

impl ShardHeader {
    /// The layout of the shard's keys.
    pub fn layout(&self) -> KeyLayout {
        KeyLayout { shard_bits: self.shards.trailing_zeros(), block_bits: self.block_bits }
    }

    /// The bits of a key that this shard and its block of this number stand for.
    pub fn key_prefix(&self, block: usize) -> u64 {
        let layout = self.layout();
        key_prefix((self.shard, layout.shard_bits), (block, layout.block_bits))
    }

    /// The header as it is written, its own checksum included.
    pub fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        out[..8].copy_from_slice(&MAGIC);
        out[8..12].copy_from_slice(&SHARD_VERSION.to_le_bytes());
        out[12..16].copy_from_slice(&self.shard.to_le_bytes());
        out[16..20].copy_from_slice(&self.shards.to_le_bytes());
        out[20..24].copy_from_slice(&self.block_bits.to_le_bytes());
        out[24..32].copy_from_slice(&self.users.to_le_bytes());
        out[32..40].copy_from_slice(&self.memberships.to_le_bytes());
        out[40..48].copy_from_slice(&self.file_bytes.to_le_bytes());
        out[48..52].copy_from_slice(&self.newest_seen.0.to_le_bytes());
        out[52..56].copy_from_slice(&self.segments.to_le_bytes());
        out[56..60].copy_from_slice(&self.index_crc.to_le_bytes());
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
            index_crc: u32_at(bytes, 56)?,
        })
    }
}

/// The name of a shard's file.
pub fn shard_file_name(shard: usize) -> String {
    format!("shard-{shard:03}.hom")
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

/// The integer of `width` bytes (at most 8) at `at`.
pub fn uint_at(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    // Eight bytes at once reach into what follows, which the mask cuts off again.
    if let Some(word) = u64_at(bytes, at) {
        return Some(word & low_bytes(width));
    }
    let tail = bytes.get(at..at.checked_add(width)?)?;
    Some(tail.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)))
}

/// A mask of the lowest `width` bytes (at most 8).
pub(super) fn low_bytes(width: usize) -> u64 {
    u64::MAX.checked_shr(64 - 8 * width as u32).unwrap_or(0)
}

/// The bits of a key that its shard and its block stand for.
pub(super) fn key_prefix(
    (shard, shard_bits): (u32, u32),
    (block, block_bits): (usize, u32),
) -> u64 {
    let bits = u64::from(shard) << block_bits | block as u64;
    bits.checked_shl(64 - shard_bits - block_bits).unwrap_or(0)
}

/// The integer made of the `count` highest bits; a shift by all 64 would overflow.
fn top_bits(word: u64, count: u32) -> u64 {
    word.checked_shr(64 - count).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_bit_of_a_key_is_lost(key: u64, shard_bits in 0_u32..=10, block_bits in 0_u32..=28) {
            let layout = KeyLayout { shard_bits, block_bits };
            let key = UserKey(key);
            let prefix = (layout.shard_of(key) << block_bits | layout.block_of(key)) as u64;
            let high = prefix.checked_shl(64 - shard_bits - block_bits).unwrap_or(0);
            prop_assert_eq!(high | layout.remainder(key), key.0);
            prop_assert!(layout.remainder(key) >> 8 <= low_bytes(layout.key_bytes()));
        }

        #[test]
        fn integers_of_any_width_are_read_at_any_place(value: u64, width in 1_usize..=8, after in 0_usize..10) {
            let mut bytes = value.to_le_bytes()[..width].to_vec();
            bytes.resize(width + after, 0xff);
            prop_assert_eq!(uint_at(&bytes, 0, width), Some(value & low_bytes(width)));
            prop_assert_eq!(uint_at(&bytes[..width - 1], 0, width), None);
        }
    }

    #[test]
    fn blocks_are_neither_empty_nor_long() {
        for users in [1, 63, 64, 65, 1_000, 999_999, 4_000_000, 100_000_000] {
            let average = users / KeyLayout::for_users(0, users).blocks() as u64;
            assert!(average <= BLOCK_USERS_TARGET, "{users} users: {average} a block");
            assert!(users <= 64 || average >= BLOCK_USERS_TARGET / 2 - 1, "{users}: {average}");
        }
        assert_eq!(KeyLayout::for_users(0, 0).blocks(), 1);
    }

    #[test]
    fn heads_are_read_as_they_were_written() {
        for (users, longest) in [(0, 0), (1, 255), (64, 256), (BLOCK_USERS_MAX, 70_000)] {
            let head = BlockHead::new(users, longest);
            assert_eq!(BlockHead::from_bits(head.bits()), Some(head));
        }
        assert_eq!(BlockHead::from_bits(0xc001), None);
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
            index_crc: 11,
        };
        assert_eq!(ShardHeader::from_bytes(&header.to_bytes()), Some(header));
        assert_eq!(ShardHeader::from_bytes(&header.to_bytes()[..50]), None);
    }
}
