//! Finding a user in the bytes of a shard, in place.
//!
//! Works on any bytes without panicking and without allocating; that they are what the
//! writer meant is established once, by the module `verify`, before anyone looks here.

use super::format::{
    BLOCK_HEAD_BYTES, BlockHead, DIRECTORY_AT, DIRECTORY_ENTRY_BYTES, KeyLayout, low_bytes, u64_at,
    uint_at,
};
use crate::model::UserKey;

/// One in each byte.
const ONES: u64 = 0x0101_0101_0101_0101;
/// The top bit of each byte.
const TOPS: u64 = 0x8080_8080_8080_8080;

/// Where the record of `key` begins in the shard, and its length; `None` for a stranger.
#[inline]
pub(crate) fn find(layout: KeyLayout, shard: &[u8], key: UserKey) -> Option<(usize, usize)> {
    let (begin, end) = block_range(layout, shard, layout.block_of(key))?;
    let block = Block::new(shard.get(begin..end)?, layout)?;
    let (at, length) = block.record(block.position(layout.remainder(key))?)?;
    Some((begin + at, length))
}

/// Reads the first byte of the block in which `key` would be, so that it comes into the
/// cache; what it is does not matter, but must be used so that it is read at all.
#[inline]
pub(crate) fn touch(layout: KeyLayout, shard: &[u8], key: UserKey) -> u8 {
    let range = block_range(layout, shard, layout.block_of(key));
    range.and_then(|(begin, _)| shard.get(begin)).copied().unwrap_or(0)
}

/// Where a block begins and ends in the shard; the same for a block without users.
#[inline]
pub(crate) fn block_range(layout: KeyLayout, shard: &[u8], block: usize) -> Option<(usize, usize)> {
    let pair = u64_at(shard, DIRECTORY_AT + block * DIRECTORY_ENTRY_BYTES)?;
    let blocks_at = layout.blocks_at();
    let (begin, end) = (pair & u64::from(u32::MAX), pair >> 32);
    Some((blocks_at + begin as usize, blocks_at + end as usize))
}

/// A block with at least one user.
#[derive(Clone, Copy)]
pub(crate) struct Block<'a> {
    bytes: &'a [u8],
    users: usize,
    length_bytes: usize,
    key_bytes: usize,
    lengths_at: usize,
    keys_at: usize,
    records_at: usize,
}

impl<'a> Block<'a> {
    /// `None` if it has no users, or is too short for those that it claims.
    #[inline]
    pub(crate) fn new(bytes: &'a [u8], layout: KeyLayout) -> Option<Self> {
        let bits = u16::from_le_bytes([*bytes.first()?, *bytes.get(1)?]);
        let BlockHead { users, length_bytes } = BlockHead::from_bits(bits)?;
        let key_bytes = layout.key_bytes();
        let lengths_at = BLOCK_HEAD_BYTES + users;
        let keys_at = lengths_at + users * length_bytes;
        let records_at = keys_at + users * key_bytes;
        (users > 0 && records_at <= bytes.len()).then_some(Self {
            bytes,
            users,
            length_bytes,
            key_bytes,
            lengths_at,
            keys_at,
            records_at,
        })
    }

    /// How many users it holds.
    pub(crate) fn users(&self) -> usize {
        self.users
    }

    /// The stored part of the key of the user at `position`.
    #[inline]
    pub(crate) fn key(&self, position: usize) -> Option<u64> {
        let mark = *self.bytes.get(BLOCK_HEAD_BYTES + position)?;
        let at = self.keys_at + position * self.key_bytes;
        let rest = uint_at(self.bytes, at, self.key_bytes)?;
        Some(rest << 8 | u64::from(mark))
    }

    /// The stored parts of all keys, in order.
    pub(super) fn keys(&self) -> impl Iterator<Item = u64> + use<'a> {
        let marks = self.bytes.get(BLOCK_HEAD_BYTES..self.lengths_at).unwrap_or_default();
        let (bytes, key_bytes) = (self.bytes, self.key_bytes);
        let mask = low_bytes(key_bytes);
        let places = (self.keys_at..).step_by(key_bytes.max(1));
        marks.iter().zip(places).map_while(move |(mark, at)| {
            // Eight bytes at once reach into the records; of the last keys, they may not be there.
            let rest = match u64_at(bytes, at) {
                Some(word) => word & mask,
                None => uint_at(bytes, at, key_bytes)?,
            };
            Some(rest << 8 | u64::from(*mark))
        })
    }

    /// How long the record of the user at `position` is.
    #[inline]
    pub(crate) fn length(&self, position: usize) -> Option<usize> {
        let at = self.lengths_at + position * self.length_bytes;
        uint_at(self.bytes, at, self.length_bytes).map(|length| length as usize)
    }

    /// The lengths of all records as they are written, and how wide each is.
    pub(super) fn lengths(&self) -> (&'a [u8], usize) {
        let lengths = self.bytes.get(self.lengths_at..self.keys_at);
        (lengths.unwrap_or_default(), self.length_bytes)
    }

    /// Where the record of the user at `position` begins in the block, and its length.
    #[inline]
    pub(crate) fn record(&self, position: usize) -> Option<(usize, usize)> {
        let before = self.lengths_before(position)?;
        let length = self.length(position)?;
        let end = self.records_at.checked_add(before)?.checked_add(length)?;
        (end <= self.bytes.len()).then_some((self.records_at + before, length))
    }

    /// How many bytes all records take.
    pub(crate) fn records_bytes(&self) -> usize {
        self.bytes.len() - self.records_at
    }

    #[inline]
    fn lengths_before(&self, position: usize) -> Option<usize> {
        let bytes = self.bytes.get(self.lengths_at..)?.get(..position * self.length_bytes)?;
        Some(match self.length_bytes {
            1 => bytes.iter().map(|one| u32::from(*one)).sum::<u32>() as usize,
            2 => bytes.as_chunks().0.iter().map(|one| usize::from(u16::from_le_bytes(*one))).sum(),
            _ => bytes.as_chunks().0.iter().map(|one| u32::from_le_bytes(*one) as usize).sum(),
        })
    }

    /// Where the key with this stored part is: eight marks at a time, then the rest of the key
    /// of each that is alike, one in 256 of the others.
    #[inline]
    fn position(&self, wanted: u64) -> Option<usize> {
        let marks = self.bytes.get(BLOCK_HEAD_BYTES..self.lengths_at)?;
        let (words, tail) = marks.as_chunks::<8>();
        let pattern = ONES * (wanted & 0xff);
        for (number, word) in words.iter().enumerate() {
            let different = u64::from_le_bytes(*word) ^ pattern;
            // A top bit for each byte that is zero, and perhaps for some above such a byte.
            let mut alike = different.wrapping_sub(ONES) & !different & TOPS;
            while alike != 0 {
                let position = number * 8 + (alike.trailing_zeros() / 8) as usize;
                if self.key(position)? == wanted {
                    return Some(position);
                }
                alike &= alike - 1;
            }
        }
        let done = words.len() * 8;
        let is_wanted = |position: &usize| self.key(*position) == Some(wanted);
        (done..done + tail.len()).find(is_wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_searched_without_a_panic(
            bytes: Vec<u8>, block: Vec<u8>, key: u64, block_bits in 0_u32..6,
        ) {
            let layout = KeyLayout { shard_bits: 0, block_bits };
            let mut shard = vec![0; layout.blocks_at()];
            shard.extend_from_slice(&bytes);
            for (at, byte) in bytes.iter().enumerate().take(shard.len() - DIRECTORY_AT) {
                shard[DIRECTORY_AT + at] = *byte % 64;
            }
            for shard in [&shard, &bytes] {
                if let Some((at, length)) = find(layout, shard, UserKey(key)) {
                    prop_assert!(at + length <= shard.len());
                }
                touch(layout, shard, UserKey(key));
            }
            if let Some(block) = Block::new(&block, layout) {
                prop_assert!(block.position(key).is_none_or(|at| at < block.users()));
            }
        }
    }
}
