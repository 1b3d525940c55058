//! The record of one user: memberships in ascending order of segment, packed.
//!
//! Each membership is a byte that tells its shape (see the module `shape`), then its numbers
//! in the widths that the shape has, then its items. Encoder and decoder stand side by side
//! here, since neither may change without the other. Decoding never panics, never allocates
//! and never looks beyond the bytes that it is given.

use super::format::{SHAPE_BYTES, uint_at};
use super::shape::{Census, Shape, Shapes, WRITTEN_OUT};
use super::v1;
use crate::audience::ValueThousandths;
use crate::model::UnixSeconds;

/// Size of the length in front of items and of what is skipped.
const LENGTH_BYTES: u8 = 2;

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

    /// Whether the packed form is names to its end.
    pub(super) fn is_whole(&self) -> bool {
        if self.packed.is_ascii() {
            return self.is_whole_ascii();
        }
        let named_bytes: usize = self.clone().map(|name| name.len() + 1).sum();
        named_bytes == self.packed.len()
    }

    /// Names of ASCII can be read whatever they are, if they end where the packed form does.
    fn is_whole_ascii(&self) -> bool {
        let mut rest = self.packed;
        while let Some((length, names)) = rest.split_first() {
            let Some(others) = names.get(usize::from(*length)..) else { return false };
            rest = others;
        }
        true
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
#[derive(Clone, Debug)]
pub enum Memberships<'a> {
    /// Of a set of version 1.
    V1(v1::Memberships<'a>),
    /// Of a set of version 2.
    V2(Record<'a>),
}

impl Default for Memberships<'_> {
    fn default() -> Self {
        Self::V2(Record::default())
    }
}

impl<'a> Iterator for Memberships<'a> {
    type Item = StoredMembership<'a>;

    #[inline]
    fn next(&mut self) -> Option<StoredMembership<'a>> {
        match self {
            Self::V1(memberships) => memberships.next(),
            Self::V2(record) => record.next(),
        }
    }
}

/// The bytes of one user, being read.
#[derive(Clone, Debug, Default)]
pub struct Record<'a> {
    /// From the record on; what is behind it is never used, but may be read with it.
    bytes: &'a [u8],
    at: usize,
    end: usize,
    shapes: &'a [Shape],
    next_segment: u32,
    newest_seen: UnixSeconds,
    broken: bool,
}

impl<'a> Record<'a> {
    /// The record of `length` bytes at the beginning of `bytes`.
    pub(super) fn new(
        (bytes, length): (&'a [u8], usize),
        shapes: &'a [Shape],
        newest_seen: UnixSeconds,
    ) -> Self {
        let end = length.min(bytes.len());
        Self { bytes, at: 0, end, shapes, next_segment: 0, newest_seen, broken: false }
    }

    /// Whether the iteration ended before the record did: not so in a verified snapshot.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    #[inline]
    fn decode(&mut self) -> Option<StoredMembership<'a>> {
        let shape = self.shape()?;
        let segment = self.next_segment.checked_add(u32::from(shape.step))?;
        self.next_segment = segment.checked_add(1)?;
        let last_seen = back_from(self.newest_seen, self.number(shape.last_seen)?)?;
        let first_seen = back_from(last_seen, self.number(shape.first_seen)?)?;
        let expires = self.number(shape.expires_bytes())?;
        let count = self.number(shape.count)?;
        let value = self.number(shape.value)?;
        let packed = if shape.items { self.sized()? } else { &[] };
        if shape.extra {
            self.sized()?;
        }
        Some(StoredMembership {
            segment,
            first_seen,
            last_seen,
            expires: shape.expires_at(expires, last_seen)?,
            count: if shape.count == 0 { 1 } else { count as u32 },
            value: ValueThousandths(shape.value_of(value)),
            items: Items { packed },
        })
    }

    #[inline]
    fn shape(&mut self) -> Option<Shape> {
        let code = self.number(1)? as u8;
        if code != WRITTEN_OUT {
            return self.shapes.get(usize::from(code)).copied();
        }
        let begin = self.at;
        self.at = begin + SHAPE_BYTES;
        if self.at > self.end {
            return None;
        }
        let written = self.bytes.get(begin..self.at)?;
        Shape::from_bytes(written.try_into().ok()?)
    }

    /// The next number of `width` bytes; 0 for none.
    #[inline]
    fn number(&mut self, width: u8) -> Option<u64> {
        if width == 0 {
            return Some(0);
        }
        let (at, width) = (self.at, usize::from(width));
        if at + width > self.end {
            return None;
        }
        self.at = at + width;
        uint_at(self.bytes, at, width)
    }

    /// Bytes behind their length.
    fn sized(&mut self) -> Option<&'a [u8]> {
        let length = self.number(LENGTH_BYTES)? as usize;
        let begin = self.at;
        self.at = begin + length;
        if self.at > self.end { None } else { self.bytes.get(begin..self.at) }
    }
}

impl<'a> Iterator for Record<'a> {
    type Item = StoredMembership<'a>;

    #[inline]
    fn next(&mut self) -> Option<StoredMembership<'a>> {
        if self.at >= self.end {
            return None;
        }
        let membership = self.decode();
        if membership.is_none() {
            self.at = self.end;
            self.broken = true;
        }
        membership
    }
}

/// Counts the shapes of one user's memberships; they must be as for [`encode`].
pub(super) fn count<'a>(
    census: &mut Census,
    newest_seen: UnixSeconds,
    memberships: impl Iterator<Item = StoredMembership<'a>>,
) {
    let mut next_segment = 0;
    for one in memberships {
        census.add(Shape::of(&one, step(&one, &mut next_segment), newest_seen).0);
    }
}

/// Appends the record of one user. The memberships must ascend by segment, none may be newer
/// than `newest_seen`, none may begin after it was last seen, and segments are below 65,536.
pub(super) fn encode<'a>(
    out: &mut Vec<u8>,
    (shapes, newest_seen): (&Shapes, UnixSeconds),
    memberships: impl Iterator<Item = StoredMembership<'a>>,
) {
    let mut next_segment = 0;
    for one in memberships {
        debug_assert!(one.segment >= next_segment, "segments ascend");
        debug_assert!(one.first_seen <= one.last_seen && one.last_seen <= newest_seen, "{one:?}");
        let (shape, numbers) = Shape::of(&one, step(&one, &mut next_segment), newest_seen);
        if let Some(code) = shapes.code_of(shape) {
            out.push(code);
        } else {
            out.push(WRITTEN_OUT);
            out.extend_from_slice(&shape.to_bytes());
        }
        for (number, width) in [
            (numbers.last_seen, shape.last_seen),
            (numbers.first_seen, shape.first_seen),
            (numbers.expires, shape.expires_bytes()),
            (numbers.count, shape.count),
            (numbers.value, shape.value),
        ] {
            out.extend_from_slice(&number.to_le_bytes()[..usize::from(width)]);
        }
        if shape.items {
            let length = one.items.packed.len() as u16;
            out.extend_from_slice(&length.to_le_bytes());
            out.extend_from_slice(one.items.packed);
        }
    }
}

fn step(one: &StoredMembership<'_>, next_segment: &mut u32) -> u16 {
    let step = one.segment.wrapping_sub(*next_segment) as u16;
    *next_segment = one.segment + 1;
    step
}

fn back_from(time: UnixSeconds, seconds: u64) -> Option<UnixSeconds> {
    time.0.checked_sub(u32::try_from(seconds).ok()?).map(UnixSeconds)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    const NEWEST: UnixSeconds = UnixSeconds(1_790_000_000);

    fn membership(segment: u32) -> StoredMembership<'static> {
        StoredMembership {
            segment,
            first_seen: UnixSeconds(NEWEST.0 - 200),
            last_seen: UnixSeconds(NEWEST.0 - 100),
            expires: UnixSeconds::NEVER,
            count: 1,
            value: ValueThousandths(0),
            items: Items::from_packed(b"\x02s1\x02s2"),
        }
    }

    fn packed(memberships: &[StoredMembership<'_>], named: bool) -> (Vec<u8>, Box<[Shape]>) {
        let mut census = Census::default();
        if named {
            count(&mut census, NEWEST, memberships.iter().cloned());
        }
        let shapes = census.commonest();
        let mut record = Vec::new();
        encode(&mut record, (&shapes, NEWEST), memberships.iter().cloned());
        (record, Shapes::from_bytes(&shapes.to_bytes()).expect("just written"))
    }

    fn read<'a>(record: &'a [u8], shapes: &'a [Shape]) -> Record<'a> {
        Record::new((record, record.len()), shapes, NEWEST)
    }

    #[test]
    fn the_commonest_membership_takes_few_bytes() {
        let seen = UnixSeconds(NEWEST.0 - 86_400);
        let plain = StoredMembership {
            first_seen: seen,
            last_seen: seen,
            items: Items::default(),
            ..membership(0)
        };
        let (record, _) = packed(std::slice::from_ref(&plain), true);
        assert_eq!(record.len(), 4, "a shape and three bytes of age");
        let value = ValueThousandths(129_900);
        let cart = StoredMembership { value, count: 2, ..plain };
        assert_eq!(packed(&[cart], true).0.len(), 7, "one byte of count, two of cents");
    }

    #[test]
    fn what_is_not_known_is_skipped() {
        let (plain, _) = packed(&[membership(3)], false);
        let (mut shape, _) = Shape::of(&membership(3), 3, NEWEST);
        shape.extra = true;
        let mut record = vec![WRITTEN_OUT];
        record.extend_from_slice(&shape.to_bytes());
        record.extend_from_slice(&plain[1 + SHAPE_BYTES..]);
        record.extend_from_slice(b"\x03\x00new");
        let (next, _) = packed(&[membership(1)], false);
        record.extend_from_slice(&next);
        let read: Vec<_> = read(&record, &[]).collect();
        assert_eq!(read, [membership(3), membership(5)]);
    }

    #[test]
    fn items_are_read_in_order() {
        assert_eq!(membership(0).items.collect::<Vec<_>>(), ["s1", "s2"]);
        assert_eq!(Items::from_packed(b"\x02s1\x09cut").collect::<Vec<_>>(), ["s1"]);
        assert_eq!(Items::from_packed(b"\x01\xff").count(), 0, "not UTF-8");
    }

    #[test]
    fn a_cut_record_ends_early_and_says_so() {
        for named in [true, false] {
            let (record, shapes) = packed(&[membership(3), membership(9)], named);
            let mut whole = read(&record, &shapes);
            assert_eq!(whole.by_ref().collect::<Vec<_>>(), [membership(3), membership(9)]);
            assert!(!whole.is_broken());
            let mut cut = read(&record[..record.len() - 1], &shapes);
            assert_eq!(cut.by_ref().count(), 1);
            assert!(cut.is_broken());
        }
    }

    pub(in crate::audience::snapshot) fn any_membership()
    -> impl Strategy<Value = StoredMembership<'static>> {
        let times = (0..NEWEST.0, any::<u32>(), prop_oneof![Just(u32::MAX), any::<u32>()]);
        let value = (any::<u32>(), prop_oneof![Just(1_u64), Just(10), Just(1_000)]);
        (times, prop_oneof![Just(1_u32), 1..=u32::MAX], value).prop_map(
            |((last, before, expires), count, (value, scale))| StoredMembership {
                first_seen: UnixSeconds(last.saturating_sub(before)),
                last_seen: UnixSeconds(last),
                expires: UnixSeconds(expires),
                count,
                value: ValueThousandths(u64::from(value) * scale),
                ..membership(0)
            },
        )
    }

    proptest! {
        #[test]
        fn memberships_come_back(
            memberships in prop::collection::btree_map(0_u32..65_535, any_membership(), 1..20),
            named: bool,
        ) {
            let memberships: Vec<_> = memberships
                .into_iter()
                .map(|(segment, one)| StoredMembership { segment, ..one })
                .collect();
            let (record, shapes) = packed(&memberships, named);
            let mut reader = read(&record, &shapes);
            prop_assert_eq!(reader.by_ref().collect::<Vec<_>>(), memberships);
            prop_assert!(!reader.is_broken());
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(
            record: Vec<u8>, table in prop::collection::vec(any::<[u8; SHAPE_BYTES]>(), 0..40),
        ) {
            let shapes: Vec<_> = table.into_iter().filter_map(Shape::from_bytes).collect();
            for one in read(&record, &shapes) {
                prop_assert!(one.first_seen <= one.last_seen);
                prop_assert!(one.items.count() <= record.len());
            }
        }
    }
}
