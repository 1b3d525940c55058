//! Finding a user in the bytes of a shard, in place.
//!
//! Works on any bytes without panicking and without allocating; that they are what the
//! writer meant is established once, by the module `verify`, before anyone looks here.

use super::format::{
    BLOCK_HEAD_BYTES, CRC_BYTES, DIRECTORY_ENTRY_BYTES, HEADER_BYTES, KeyLayout, ShardHeader,
    end_bytes, u32_at, u64_at,
};
use crate::model::UserKey;

/// The record of `key`; empty if the shard does not know it.
pub(crate) fn record<'a>(header: &ShardHeader, shard: &'a [u8], key: UserKey) -> &'a [u8] {
    find(header.layout(), shard, key).unwrap_or_default()
}

fn find(layout: KeyLayout, shard: &[u8], key: UserKey) -> Option<&[u8]> {
    let block = Block::new(block_bytes(shard, layout.block_of(key))?, layout)?;
    block.record(block.position(layout.remainder(key))?)
}

/// The bytes of the block of this number; empty for a block without users.
pub(crate) fn block_bytes(shard: &[u8], block: usize) -> Option<&[u8]> {
    let entry = HEADER_BYTES + block * DIRECTORY_ENTRY_BYTES;
    let begin = usize::try_from(u64_at(shard, entry)?).ok()?;
    let end = usize::try_from(u64_at(shard, entry + DIRECTORY_ENTRY_BYTES)?).ok()?;
    shard.get(begin..end)
}

/// A block with at least one user.
#[derive(Clone, Copy)]
pub(crate) struct Block<'a> {
    bytes: &'a [u8],
    users: usize,
    key_bytes: usize,
    key_mask: u64,
    ends_at: usize,
    records_at: usize,
}

impl<'a> Block<'a> {
    /// `None` if it is too short for the users it claims.
    pub(crate) fn new(bytes: &'a [u8], layout: KeyLayout) -> Option<Self> {
        let users = usize::try_from(u32_at(bytes, CRC_BYTES)?).ok()?;
        let key_bytes = layout.remainder_bytes();
        let ends_at = users.checked_mul(key_bytes)?.checked_add(BLOCK_HEAD_BYTES)?;
        let records_at = users.checked_mul(end_bytes(bytes.len()))?.checked_add(ends_at)?;
        let key_mask = u64::MAX >> (64 - 8 * key_bytes as u32);
        (users > 0 && records_at <= bytes.len()).then_some(Self {
            bytes,
            users,
            key_bytes,
            key_mask,
            ends_at,
            records_at,
        })
    }

    /// How many users it holds.
    pub(crate) fn users(&self) -> usize {
        self.users
    }

    /// The stored part of the key of the user at `position`.
    pub(crate) fn key(&self, position: usize) -> Option<u64> {
        let at = BLOCK_HEAD_BYTES + position * self.key_bytes;
        // Eight bytes at once reach into what follows the key, which the mask cuts off again.
        if let Some(word) = u64_at(self.bytes, at) {
            return Some(word & self.key_mask);
        }
        let tail = self.bytes.get(at..at + self.key_bytes)?;
        Some(tail.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)))
    }

    /// Where the record of the user at `position` ends, counted from the first record.
    pub(crate) fn end(&self, position: usize) -> Option<usize> {
        let width = end_bytes(self.bytes.len());
        let at = self.ends_at + position * width;
        let end = self.bytes.get(at..at + width)?;
        Some(end.iter().rev().fold(0, |word, byte| word << 8 | usize::from(*byte)))
    }

    /// The record of the user at `position`.
    pub(crate) fn record(&self, position: usize) -> Option<&'a [u8]> {
        let begin = if position == 0 { 0 } else { self.end(position - 1)? };
        self.bytes.get(self.records_at..)?.get(begin..self.end(position)?)
    }

    /// How many bytes all records take.
    pub(crate) fn records_bytes(&self) -> usize {
        self.bytes.len() - self.records_at
    }

    /// Where the key with this stored part is: a binary search.
    fn position(&self, wanted: u64) -> Option<usize> {
        let (mut low, mut high) = (0, self.users);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.key(middle)? < wanted {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        (low < self.users && self.key(low)? == wanted).then_some(low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::UnixSeconds;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_searched_without_a_panic(
            bytes: Vec<u8>, key: u64, block_bits in 0_u32..6,
        ) {
            let header = ShardHeader {
                shard: 0, shards: 1, block_bits, users: 0, memberships: 0, file_bytes: 0,
                newest_seen: UnixSeconds(0), segments: 0, directory_crc: 0,
            };
            prop_assert!(record(&header, &bytes, UserKey(key)).len() <= bytes.len());
            if let Some(block) = Block::new(&bytes, header.layout()) {
                prop_assert!(block.position(key).is_none_or(|at| at < block.users()));
            }
        }
    }
}
