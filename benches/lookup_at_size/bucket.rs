//! The other candidate: buckets of one cache line with fingerprints and offsets, and a packed
//! payload elsewhere. Measured here, not used: see ARCHITECTURE.md.

use homing::audience::Snapshot;
use homing::audience::snapshot::StoredMembership;
use homing::model::UserKey;

/// Slots of a bucket: 64 bytes.
const SLOTS: usize = 8;
/// How full buckets are made: beyond that, keys flow over into many others.
const FILL: f64 = 0.75;
/// Bits of an offset; the others of a slot are the fingerprint.
const OFFSET_BITS: u32 = 40;
const EMPTY: u64 = 0;

/// Buckets and their payload.
pub(crate) struct Buckets {
    buckets: Vec<[u64; SLOTS]>,
    payload: Vec<u8>,
}

impl Buckets {
    /// The same people in buckets.
    pub(crate) fn of(people: &Snapshot, keys: &[UserKey]) -> Self {
        let count = (keys.len() as f64 / FILL / SLOTS as f64).ceil() as usize + 1;
        // Offset 0 is never used, so that no slot in use is zero.
        let mut made = Self { buckets: vec![[EMPTY; SLOTS]; count], payload: vec![0] };
        for key in keys {
            let offset = made.payload.len() as u64;
            made.payload.extend_from_slice(&key.0.to_le_bytes());
            let begin = made.payload.len();
            made.payload.push(0);
            people.memberships(*key).for_each(|one| pack(&mut made.payload, &one));
            made.payload[begin] = (made.payload.len() - begin - 1).min(255) as u8;
            made.insert(*key, offset);
        }
        made
    }

    fn insert(&mut self, key: UserKey, offset: u64) {
        let mut at = self.home(key);
        loop {
            if let Some(slot) = self.buckets[at].iter_mut().find(|slot| **slot == EMPTY) {
                *slot = fingerprint(key) | offset;
                return;
            }
            at = (at + 1) % self.buckets.len();
        }
    }

    fn home(&self, key: UserKey) -> usize {
        ((u128::from(key.0) * self.buckets.len() as u128) >> 64) as usize
    }

    /// The sum of `last_seen` of a key's memberships.
    pub(crate) fn look_up(&self, key: UserKey) -> u64 {
        let mut at = self.home(key);
        let wanted = fingerprint(key);
        loop {
            let bucket = &self.buckets[at];
            for slot in bucket {
                if *slot != EMPTY && (*slot >> OFFSET_BITS) << OFFSET_BITS == wanted {
                    let payload = &self.payload[(*slot & ((1 << OFFSET_BITS) - 1)) as usize..];
                    if payload[..8] == key.0.to_le_bytes() {
                        return sum(&payload[9..], payload[8]);
                    }
                }
            }
            if bucket[SLOTS - 1] == EMPTY {
                return 0;
            }
            at = (at + 1) % self.buckets.len();
        }
    }

    /// Size of everything.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.buckets[..]) + self.payload.len()
    }
}

/// Low bits, since the high ones name the bucket.
fn fingerprint(key: UserKey) -> u64 {
    key.0 << OFFSET_BITS
}

fn pack(out: &mut Vec<u8>, one: &StoredMembership<'_>) {
    for mut number in [
        u64::from(one.segment),
        u64::from(one.last_seen.0),
        u64::from(one.last_seen.since(one.first_seen).0),
        u64::from(one.expires.0.wrapping_add(1)),
        u64::from(one.count),
        one.value.0,
    ] {
        while number >= 0x80 {
            out.push(number as u8 | 0x80);
            number >>= 7;
        }
        out.push(number as u8);
    }
}

fn sum(payload: &[u8], length: u8) -> u64 {
    let mut rest = &payload[..usize::from(length).min(payload.len())];
    let (mut sum, mut field) = (0, 0);
    while !rest.is_empty() {
        let mut number = 0_u64;
        for (place, byte) in rest.iter().enumerate() {
            number |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                rest = &rest[place + 1..];
                break;
            }
        }
        sum += if field % 6 == 1 { number } else { 0 };
        field += 1;
    }
    sum
}
