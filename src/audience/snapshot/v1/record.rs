//! The record of one user: memberships in ascending order of segment, packed.
//!
//! Each membership is a head (a varint: the step from the segment before, shifted over five
//! flags), the seconds from `last_seen` to the newest of the set, and then only those fields
//! that differ from the commonest value. Decoding never panics and never allocates.

use crate::audience::ValueThousandths;
use crate::audience::snapshot::record::{Items, StoredMembership};
use crate::model::UnixSeconds;

const FLAG_FIRST_SEEN: u64 = 1;
const FLAG_EXPIRES: u64 = 2;
const FLAG_COUNT: u64 = 4;
const FLAG_VALUE: u64 = 8;
const FLAG_ITEMS: u64 = 16;
const FLAG_BITS: u32 = 5;

/// The memberships of one user: an iterator that reads them out of the snapshot in place.
#[derive(Clone, Debug, Default)]
pub struct Memberships<'a> {
    rest: &'a [u8],
    next_segment: u64,
    newest_seen: UnixSeconds,
    broken: bool,
}

impl<'a> Memberships<'a> {
    /// Over a record whose times count back from `newest_seen`.
    pub(crate) fn new(record: &'a [u8], newest_seen: UnixSeconds) -> Self {
        Self { rest: record, next_segment: 0, newest_seen, broken: false }
    }

    /// Whether the iteration ended before the record did: not so in a verified snapshot.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    fn decode(&mut self) -> Option<StoredMembership<'a>> {
        let head = take_varint(&mut self.rest)?;
        let segment = self.next_segment.checked_add(head >> FLAG_BITS)?;
        self.next_segment = segment.checked_add(1)?;
        let last_seen = back_from(self.newest_seen, take_varint(&mut self.rest)?)?;
        let mut optional = |flag: u64, absent: u64| {
            if head & flag == 0 { Some(absent) } else { take_varint(&mut self.rest) }
        };
        let first_seen = back_from(last_seen, optional(FLAG_FIRST_SEEN, 0)?)?;
        let expires = optional(FLAG_EXPIRES, u64::from(UnixSeconds::NEVER.0))?;
        let count = optional(FLAG_COUNT, 1)?;
        let value = optional(FLAG_VALUE, 0)?;
        let items_bytes = optional(FLAG_ITEMS, 0)?;
        let (packed, rest) = self.rest.split_at_checked(usize::try_from(items_bytes).ok()?)?;
        self.rest = rest;
        Some(StoredMembership {
            segment: u32::try_from(segment).ok()?,
            first_seen,
            last_seen,
            expires: UnixSeconds(u32::try_from(expires).ok()?),
            count: u32::try_from(count).ok()?,
            value: ValueThousandths(value),
            items: Items::from_packed(packed),
        })
    }
}

impl<'a> Iterator for Memberships<'a> {
    type Item = StoredMembership<'a>;

    fn next(&mut self) -> Option<StoredMembership<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let membership = self.decode();
        if membership.is_none() {
            self.rest = &[];
            self.broken = true;
        }
        membership
    }
}

fn back_from(time: UnixSeconds, seconds: u64) -> Option<UnixSeconds> {
    time.0.checked_sub(u32::try_from(seconds).ok()?).map(UnixSeconds)
}

/// Takes an integer off the front; `None` if it is cut short or longer than 64 bits.
fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for (position, byte) in bytes.iter().take(10).enumerate() {
        let bits = u64::from(byte & 0x7f);
        if position == 9 && bits > 1 {
            return None;
        }
        value |= bits << (7 * position);
        if byte & 0x80 == 0 {
            *bytes = &bytes[position + 1..];
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(record: Vec<u8>, newest: u32) {
            for one in Memberships::new(&record, UnixSeconds(newest)) {
                prop_assert!(one.first_seen <= one.last_seen);
                prop_assert!(one.items.count() <= record.len());
            }
        }
    }
}
