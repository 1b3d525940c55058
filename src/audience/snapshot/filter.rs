//! Who is surely not in a snapshot, in one access to memory: most of the traffic is strangers.
//!
//! A Bloom filter whose bits of a key are all in one word. It is made when a set is loaded, not
//! stored: a byte and a half a user, and no second reader needs to know of it. Each shard has its
//! own, filled while the shard is verified, so that all cores do. The word is named by the bits of the key after those that name
//! the shard, which the shard is ordered by, so that filling it is one walk from left to right.
//!
//! Guarantees: a key that was added is never called a stranger; of others about one in eighty
//! is not recognised as one, and is looked for in vain. (With a byte a user it was one in twenty,
//! and those searches cost half of what all strangers did.)

use super::{Pages, SnapshotError};
use crate::model::UserKey;
use std::path::Path;

/// Bits of the filter a key.
const BITS_PER_KEY: u64 = 12;
const WORD_BYTES: usize = size_of::<u64>();

/// What is known of the keys of a shard.
#[derive(Debug)]
pub(super) struct Filter {
    bytes: Pages,
    words: u64,
    shard_bits: u32,
}

impl Filter {
    /// A filter for so many keys, none of which is added yet; they are alike in so many of their
    /// top bits.
    ///
    /// # Errors
    /// The memory is not there.
    pub(super) fn for_users(users: u64, shard_bits: u32) -> Result<Self, SnapshotError> {
        let words = users.saturating_mul(BITS_PER_KEY).div_ceil(u64::from(u64::BITS)).max(1);
        let bytes = usize::try_from(words).unwrap_or(usize::MAX).saturating_mul(WORD_BYTES);
        let no_memory = SnapshotError::io("find memory for a filter of", Path::new("the set"));
        Ok(Self { bytes: Pages::zeroed(bytes).map_err(no_memory)?, words, shard_bits })
    }

    /// Adds a key.
    #[inline]
    pub(super) fn add(&mut self, key: UserKey) {
        let at = self.place(key);
        if let Some(word) = self.bytes.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
            *word = (u64::from_le_bytes(*word) | bits(key)).to_le_bytes();
        }
    }

    /// Whether the key may be one that was added.
    #[inline]
    pub(super) fn may_know(&self, key: UserKey) -> bool {
        self.word(key) & bits(key) == bits(key)
    }

    /// The word of a key; reading it brings it into the cache.
    #[inline]
    pub(super) fn word(&self, key: UserKey) -> u64 {
        let at = self.place(key);
        let word = self.bytes.get(at..).and_then(<[u8]>::first_chunk);
        word.map_or(u64::MAX, |word| u64::from_le_bytes(*word))
    }

    /// How much memory it takes.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    #[inline]
    fn place(&self, key: UserKey) -> usize {
        ((u128::from(key.0 << self.shard_bits) * u128::from(self.words)) >> 64) as usize
            * WORD_BYTES
    }
}

/// The bits of a key within its word: up to four, by its lowest 24 bits, which have no part in
/// which word it is.
#[inline]
fn bits(key: UserKey) -> u64 {
    let bit = |shift: u32| 1 << (key.0 >> shift & 63);
    bit(0) | bit(6) | bit(12) | bit(18)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::BidId;

    fn keys(seed: u64, count: u64) -> impl Iterator<Item = UserKey> {
        (0..count).map(move |n| UserKey(BidId::nth(seed, n).0))
    }

    #[test]
    fn who_was_added_is_known_and_few_strangers_are_taken_for_known() {
        for users in [0, 1, 7, 8, 9, 1_000, 100_000] {
            let mut filter = Filter::for_users(users, 0).expect("memory");
            keys(1, users).for_each(|key| filter.add(key));
            assert!(keys(1, users).all(|key| filter.may_know(key)), "{users} users");
            let mistaken = keys(2, 100_000).filter(|key| filter.may_know(*key)).count();
            assert!(mistaken < 1_800, "{mistaken} of 100,000 strangers to {users} users");
            assert!(filter.bytes() as u64 <= users * 3 / 2 + 8, "{users} users");
        }
    }

    #[test]
    fn keys_that_begin_alike_are_told_apart_by_the_rest() {
        let shard = |key: UserKey| UserKey(key.0 >> 10 | 0x2a << 54);
        let mut filter = Filter::for_users(10_000, 10).expect("memory");
        keys(1, 10_000).for_each(|key| filter.add(shard(key)));
        assert!(keys(1, 10_000).all(|key| filter.may_know(shard(key))));
        let mistaken = keys(2, 100_000).filter(|key| filter.may_know(shard(*key))).count();
        assert!(mistaken < 1_800, "{mistaken} of 100,000 strangers");
    }

    #[test]
    fn the_first_and_the_last_key_have_their_place() {
        let mut filter = Filter::for_users(17, 0).expect("memory");
        for key in [UserKey(0), UserKey(u64::MAX)] {
            assert!(!filter.may_know(key));
            filter.add(key);
            assert!(filter.may_know(key));
        }
    }
}
