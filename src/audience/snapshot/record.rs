//! The record of one user: memberships in ascending order of segment, packed.
//!
//! Each membership is a head (a varint: the step from the segment before, shifted over five
//! flags), the seconds from `last_seen` to the newest of the set, and then only those fields
//! that differ from the commonest value. Encoder and decoder stand side by side here, since
//! neither may change without the other. Decoding never panics and never allocates.

use crate::audience::ValueThousandths;
use crate::model::UnixSeconds;

const FLAG_FIRST_SEEN: u64 = 1;
const FLAG_EXPIRES: u64 = 2;
const FLAG_COUNT: u64 = 4;
const FLAG_VALUE: u64 = 8;
const FLAG_ITEMS: u64 = 16;
const FLAG_BITS: u32 = 5;

/// A membership as the snapshot holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredMembership<'a> {
    /// Which segment, as numbered by the snapshot's own dictionary
    /// ([`super::SnapshotInfo::segments`]).
    pub segment: u32,
    /// The first event.
    pub first_seen: UnixSeconds,
    /// The latest event.
    pub last_seen: UnixSeconds,
    /// From this second on the membership is gone ([`UnixSeconds::NEVER`]: no end).
    pub expires: UnixSeconds,
    /// How many events; at least 1.
    pub count: u32,
    /// What it is worth.
    pub value: ValueThousandths,
    /// What was looked at, put into the cart or bought, in the order of the input.
    pub items: Items<'a>,
}

/// The items of a membership: an iterator over their names.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Items<'a> {
    packed: &'a [u8],
}

impl<'a> Items<'a> {
    /// Items from their packed form: each name preceded by its length in one byte.
    pub(crate) fn from_packed(packed: &'a [u8]) -> Self {
        Self { packed }
    }

    /// The packed form.
    pub(crate) fn packed(&self) -> &'a [u8] {
        self.packed
    }

    fn take(&mut self) -> Option<&'a str> {
        let (length, rest) = self.packed.split_first()?;
        let (name, rest) = rest.split_at_checked(usize::from(*length))?;
        self.packed = rest;
        std::str::from_utf8(name).ok()
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let name = self.take();
        if name.is_none() {
            self.packed = &[];
        }
        name
    }
}

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
            items: Items { packed },
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

/// Appends the record of one user. The memberships must ascend by segment, none may be newer
/// than `newest_seen`, and none may begin after its own end.
pub(crate) fn encode<'a>(
    out: &mut Vec<u8>,
    newest_seen: UnixSeconds,
    memberships: impl Iterator<Item = StoredMembership<'a>>,
) {
    let mut next_segment = 0;
    for one in memberships {
        debug_assert!(one.segment >= next_segment, "segments ascend");
        debug_assert!(one.first_seen <= one.last_seen && one.last_seen <= newest_seen, "{one:?}");
        let fields = [
            (FLAG_FIRST_SEEN, u64::from(one.last_seen.since(one.first_seen).0), 0),
            (FLAG_EXPIRES, u64::from(one.expires.0), u64::from(UnixSeconds::NEVER.0)),
            (FLAG_COUNT, u64::from(one.count), 1),
            (FLAG_VALUE, one.value.0, 0),
            (FLAG_ITEMS, one.items.packed.len() as u64, 0),
        ];
        let present = fields.iter().filter(|(_, value, usual)| value != usual);
        let flags: u64 = present.clone().map(|(flag, ..)| flag).sum();
        put_varint(out, u64::from(one.segment - next_segment) << FLAG_BITS | flags);
        put_varint(out, u64::from(newest_seen.since(one.last_seen).0));
        present.for_each(|(_, value, _)| put_varint(out, *value));
        out.extend_from_slice(one.items.packed);
        next_segment = one.segment + 1;
    }
}

fn back_from(time: UnixSeconds, seconds: u64) -> Option<UnixSeconds> {
    time.0.checked_sub(u32::try_from(seconds).ok()?).map(UnixSeconds)
}

/// Appends an integer, seven bits a byte, lowest first; the top bit says that more follow.
fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
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

    fn membership(segment: u32) -> StoredMembership<'static> {
        StoredMembership {
            segment,
            first_seen: UnixSeconds(100),
            last_seen: UnixSeconds(200),
            expires: UnixSeconds::NEVER,
            count: 1,
            value: ValueThousandths(0),
            items: Items::from_packed(b"\x02s1\x02s2"),
        }
    }

    #[test]
    fn the_commonest_membership_takes_few_bytes() {
        let mut record = Vec::new();
        let plain = StoredMembership {
            first_seen: UnixSeconds(200),
            items: Items::default(),
            ..membership(0)
        };
        encode(&mut record, UnixSeconds(200 + 86_400), [plain].into_iter());
        assert_eq!(record.len(), 4, "a head and three bytes of age");
    }

    #[test]
    fn items_are_read_in_order() {
        assert_eq!(membership(0).items.collect::<Vec<_>>(), ["s1", "s2"]);
        assert_eq!(Items::from_packed(b"\x02s1\x09cut").collect::<Vec<_>>(), ["s1"]);
        assert_eq!(Items::from_packed(b"\x01\xff").count(), 0, "not UTF-8");
    }

    #[test]
    fn a_cut_record_ends_early_and_says_so() {
        let mut record = Vec::new();
        encode(&mut record, UnixSeconds(300), [membership(3), membership(9)].into_iter());
        let mut whole = Memberships::new(&record, UnixSeconds(300));
        assert_eq!(whole.by_ref().collect::<Vec<_>>(), [membership(3), membership(9)]);
        assert!(!whole.is_broken());
        let mut cut = Memberships::new(&record[..record.len() - 1], UnixSeconds(300));
        assert_eq!(cut.by_ref().count(), 1);
        assert!(cut.is_broken());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(record: Vec<u8>, newest: u32) {
            for one in Memberships::new(&record, UnixSeconds(newest)) {
                prop_assert!(one.first_seen <= one.last_seen);
                prop_assert!(one.items.count() <= record.len());
            }
        }

        #[test]
        fn integers_come_back(value: u64) {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            let mut rest = &bytes[..];
            prop_assert_eq!(take_varint(&mut rest), Some(value));
            prop_assert!(rest.is_empty());
        }
    }
}
