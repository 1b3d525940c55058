//! Identifiers: 64-bit keys hashed from names, so that every node and every restart agrees.
//!
//! The hash is XXH3-64 with a fixed seed per kind; it is part of the snapshot format and
//! of the notice token, so it must never change within a format version.

use std::fmt;
use twox_hash::XxHash3_64;

const SEED_USER: u64 = 0x686f_6d69_6e67_0001;
const SEED_CAMPAIGN: u64 = 0x686f_6d69_6e67_0002;
const SEED_CREATIVE: u64 = 0x686f_6d69_6e67_0003;
const SEED_EXCHANGE: u64 = 0x686f_6d69_6e67_0004;
const SEED_NODE: u64 = 0x686f_6d69_6e67_0007;
const SEED_ADVERTISER: u64 = 0x686f_6d69_6e67_0006;
const SEED_SPLIT: u64 = 0x686f_6d69_6e67_0005;

/// Longest id (and id space) in bytes that is hashed; longer ones are refused by readers.
/// Real ids are 16 to 200 bytes (UID2 tokens are the longest common ones).
pub const ID_BYTES_MAX: usize = 512;

/// Length of a UUID as text.
pub const UUID_CHARS: usize = 36;

/// Appends a UUID as text: 32 digits of hexadecimal in five groups, in lower case (RFC 9562,
/// section 4).
pub fn push_uuid(text: &mut String, bytes: [u8; 16]) {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    for (place, byte) in bytes.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

/// The name of a space of user ids, e.g. `buyeruid`, `ifa`, `uidapi.com`.
pub type IdSpace = str;

/// The 64-bit hash of (id space, id): how a person is known in the audience and the ledger.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserKey(pub u64);

impl UserKey {
    /// Hashes `id` in `space`. Ids are case-sensitive but for `ifa`, whose UUIDs exchanges
    /// send in either case: it is hashed in lower case.
    pub fn new(space: &IdSpace, id: &str) -> Self {
        let seed = XxHash3_64::oneshot_with_seed(SEED_USER, space.as_bytes());
        if space == "ifa" && id.len() <= 64 && id.bytes().any(|byte| byte.is_ascii_uppercase()) {
            let mut lower = [0_u8; 64];
            let lower = &mut lower[..id.len()];
            lower.copy_from_slice(id.as_bytes());
            lower.make_ascii_lowercase();
            return Self(XxHash3_64::oneshot_with_seed(seed, lower));
        }
        Self(XxHash3_64::oneshot_with_seed(seed, id.as_bytes()))
    }

    /// A number in `0..10_000` that is fixed for this person and `salt`: the basis of
    /// holdouts and A/B arms, independent between salts.
    pub fn split_per_10k(self, salt: u64) -> u16 {
        let hash = XxHash3_64::oneshot_with_seed(salt ^ SEED_SPLIT, &self.0.to_le_bytes());
        ((u128::from(hash) * 10_000) >> 64) as u16
    }
}

impl fmt::Debug for UserKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "user:{:016x}", self.0)
    }
}

/// Stable identity of a campaign: the hash of (advertiser id, campaign id).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct CampaignKey(pub u64);

impl CampaignKey {
    /// Hashes the two ids.
    pub fn new(advertiser: &str, campaign: &str) -> Self {
        Self(pair(SEED_CAMPAIGN, advertiser, campaign))
    }
}

/// Stable identity of an advertiser: the hash of its id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct AdvertiserKey(pub u64);

impl AdvertiserKey {
    /// Hashes the id.
    pub fn new(advertiser: &str) -> Self {
        Self(XxHash3_64::oneshot_with_seed(SEED_ADVERTISER, advertiser.as_bytes()))
    }
}

/// Stable identity of a creative: the hash of (advertiser id, creative id).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct CreativeKey(pub u64);

impl CreativeKey {
    /// Hashes the two ids.
    pub fn new(advertiser: &str, creative: &str) -> Self {
        Self(pair(SEED_CREATIVE, advertiser, creative))
    }
}

/// Stable identity of an exchange: the hash of its profile's name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ExchangeKey(pub u64);

impl ExchangeKey {
    /// Hashes the name.
    pub fn new(name: &str) -> Self {
        Self(XxHash3_64::oneshot_with_seed(SEED_EXCHANGE, name.as_bytes()))
    }
}

/// One bidder of a cluster: the hash of its name. 0 is none: what is older than names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct NodeKey(pub u32);

impl NodeKey {
    /// Hashes the name.
    pub fn new(node: &str) -> Self {
        Self((XxHash3_64::oneshot_with_seed(SEED_NODE, node.as_bytes()) as u32).max(1))
    }
}

/// One bid of ours, unique over all nodes: the key of its hold and of its notices.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BidId(pub u64);

impl BidId {
    /// The `n`-th id of the stream that starts at `seed` (splitmix64: a bijection of the
    /// counter, so one stream never repeats an id).
    pub fn nth(seed: u64, n: u64) -> Self {
        let mut z = seed.wrapping_add(n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self(z ^ (z >> 31))
    }
}

impl fmt::Display for BidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A segment's number in the book's segment table (`audience::SegmentTable`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SegmentId(pub u32);

/// Hashes two names so that ("ab","c") and ("a","bc") differ.
fn pair(seed: u64, first: &str, second: &str) -> u64 {
    let seed = XxHash3_64::oneshot_with_seed(seed, first.as_bytes());
    XxHash3_64::oneshot_with_seed(seed, second.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_keys_are_frozen_by_the_snapshot_format() {
        // These values are in snapshots on disk: a change here is a new format version.
        assert_eq!(UserKey::new("buyeruid", "u1").0, 2_071_692_129_545_359_926);
        assert_eq!(
            UserKey::new("ifa", "6d92078a-8246-4ba4-ae5b-76104861e7dc").0,
            3_321_339_208_830_379_481
        );
        assert_ne!(UserKey::new("buyeruid", "u1"), UserKey::new("ifa", "u1"));
        assert_ne!(UserKey::new("ab", "c"), UserKey::new("a", "bc"));
    }

    #[test]
    fn an_ifa_is_the_same_in_either_case_and_other_ids_are_not() {
        let upper = "6D92078A-8246-4BA4-AE5B-76104861E7DC";
        assert_eq!(UserKey::new("ifa", upper), UserKey::new("ifa", &upper.to_lowercase()));
        assert_ne!(UserKey::new("uidapi.com", "aB"), UserKey::new("uidapi.com", "ab"));
    }

    #[test]
    fn splits_are_even_and_independent_of_each_other() {
        let in_both = |limit: u16| {
            (0..100_000_u64)
                .map(|n| UserKey(BidId::nth(7, n).0))
                .filter(|key| key.split_per_10k(1) < limit && key.split_per_10k(2) < limit)
                .count()
        };
        let share = in_both(5_000) as f64 / 100_000.0;
        assert!((share - 0.25).abs() < 0.01, "two independent halves meet in a quarter: {share}");
    }

    #[test]
    fn bid_ids_do_not_repeat() {
        let mut seen = std::collections::HashSet::new();
        assert!((0..100_000).all(|n| seen.insert(BidId::nth(42, n))));
    }
}
