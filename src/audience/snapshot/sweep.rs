//! Checks a block in one sweep, without a branch that depends on the numbers of a membership.
//!
//! A large set has hundreds of millions of memberships. Decoding each as a lookup does costs
//! some thirty nanoseconds here, nearly all for branches that were guessed wrong, and was half of
//! what loading took; this takes a seventh of it.
//!
//! What the widths of a shape allow is looked at once, when the shard is opened: of most shapes no
//! number can be out of bounds but a count of zero, so that is all that is looked for then.
//!
//! Guarantees: a block that passes would pass the exact check of the module `verify`, with as many
//! users and memberships. One that does not may still be sound, such as the last of a shard:
//! that is for the exact check to say, which also names the fault. Allocates nothing but the
//! table of plans, never panics and never looks beyond the bytes that it is given.

use super::format::{KeyLayout, SHAPE_BYTES, ShardHeader};
use super::reader::Block;
use super::record::Items;
use super::shape::{Shape, WRITTEN_OUT};
use super::verify::Verified;
use crate::model::UserKey;

/// So many bytes are looked at for the numbers before the value, which take up to 16: four from
/// any place that four bits can name.
const NUMBERS_BYTES: usize = NUMBERS_AT_MAX + size_of::<u32>();
/// Numbers of so many bytes have no bad values, in a shard whose newest is of this century.
const GLANCE_WIDTH_MAX: u8 = 3;
/// Width of a shape that is written out.
const SHAPE_WIDTH: u8 = SHAPE_BYTES as u8;
/// How many codes there are.
const CODES: usize = WRITTEN_OUT as usize + 1;
/// The last place that four bits can name.
const NUMBERS_AT_MAX: usize = 15;
/// What is a fault has one of these bits: the rest is less than 2^32 and not below zero.
const FAULT_BITS: u64 = !(u32::MAX as u64);

/// All that the blocks of a shard are checked by.
pub(super) struct Sweep<'a> {
    header: &'a ShardHeader,
    layout: KeyLayout,
    newest_seen: u64,
    segments: u64,
    are_three_bytes_sound: bool,
    glances: Box<[Glance; CODES]>,
    plans: Box<[Plan]>,
}

/// What a block was found to hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Swept {
    /// Its users.
    pub(super) users: u64,
    /// Their memberships.
    pub(super) memberships: u64,
}

/// What is to be seen of a shape that needs no more: all it takes in one place.
#[derive(Clone, Copy, Debug, Default)]
struct Glance {
    count_mask: u32,
    /// The count where none is written.
    count_usual: u32,
    /// How far the next segment is from the one before.
    step: u32,
    count_at: u8,
    /// Width of the code and all numbers.
    bytes: u8,
    /// Whether this is all there is to see.
    is_enough: bool,
}

/// Where the numbers of a shape are, and what is to be seen of each.
#[derive(Clone, Copy, Debug)]
struct Plan {
    last_seen_mask: u32,
    first_seen_mask: u32,
    /// Nothing where the end is written whole: then no number makes it impossible.
    expires_mask: u32,
    count_mask: u32,
    /// The count where none is written.
    count_usual: u32,
    /// How far the next segment is from the one before.
    step: u32,
    first_seen_at: u8,
    expires_at: u8,
    count_at: u8,
    /// Width of all numbers.
    bytes: u8,
    items: bool,
    extra: bool,
}

/// How far the sweep is within a block.
#[derive(Clone, Copy)]
struct Place {
    at: usize,
    next_segment: u64,
}

/// Where the records of a block end, counted from where the first begins.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// All ones at the place behind each record, so that one look tells where a user's
    /// memberships end.
    marks: Vec<i8>,
    /// Where the record of the user in the middle begins.
    middle: usize,
}

/// What was found so far; a fault has one of [`FAULT_BITS`].
#[derive(Default)]
struct Found {
    users: u64,
    memberships: u64,
    faults: u64,
}

impl<'a> Sweep<'a> {
    /// For the blocks of a shard with this header and these shapes.
    pub(super) fn new(Verified { header, shapes }: &'a Verified) -> Self {
        let newest_seen = u64::from(header.newest_seen.0);
        let greatest = u64::from(mask(GLANCE_WIDTH_MAX));
        let are_three_bytes_sound =
            2 * greatest <= newest_seen && u32::try_from(newest_seen + greatest).is_ok();
        let mut glances = Box::new([Glance::default(); CODES]);
        for (glance, shape) in glances.iter_mut().take(usize::from(WRITTEN_OUT)).zip(shapes) {
            *glance = Glance::of(*shape, are_three_bytes_sound);
        }
        Self {
            header,
            layout: header.layout(),
            newest_seen,
            segments: u64::from(header.segments),
            are_three_bytes_sound,
            glances,
            plans: shapes.iter().map(|shape| Plan::of(*shape)).collect(),
        }
    }

    /// What the block of this number, between these places of the shard, holds, if it passes;
    /// then `each_key` has heard of all its keys. `ends` is room that can be used again.
    pub(super) fn block(
        &self,
        shard: &[u8],
        (number, begin, end): (usize, usize, usize),
        (ends, each_key): (&mut Ends, &mut impl FnMut(UserKey)),
    ) -> Option<Swept> {
        let block = Block::new(shard.get(begin..end)?, self.layout)?;
        if !self.are_keys_sound(&block, self.header.key_prefix(number), each_key)? {
            return None;
        }
        ends.mark(&block)?;
        let swept = self.records(shard, (end - block.records_bytes(), end), ends)?;
        (swept.users == block.users() as u64).then_some(swept)
    }

    /// Whether the keys ascend; then the last is the greatest, and fits if all do.
    fn are_keys_sound(
        &self,
        block: &Block<'_>,
        prefix: u64,
        each_key: &mut impl FnMut(UserKey),
    ) -> Option<bool> {
        let mut keys = block.keys();
        let mut last = keys.next()?;
        each_key(UserKey(prefix | last));
        let mut ascend = true;
        for key in keys {
            ascend &= last < key;
            last = key;
            each_key(UserKey(prefix | key));
        }
        Some(ascend && last <= self.layout.remainder_mask())
    }

    /// The memberships of the records between these places, and how many records end behind one.
    /// All faults are gathered in a word: a difference that is below zero, or a sum that is too
    /// large, has one of [`FAULT_BITS`].
    #[inline(never)] // alone it has registers enough for all that it needs
    fn records(&self, shard: &[u8], (begin, end): (usize, usize), ends: &Ends) -> Option<Swept> {
        let (mut found, middle) = (Found::default(), begin + ends.middle);
        let [mut first, mut second] = [begin, middle].map(|at| Place { at, next_segment: 0 });
        let mut step = |place| self.step((shard, begin, &ends.marks), place, &mut found);
        // What one half waits for is read while the other is looked at.
        while first.at < middle && second.at < end {
            first = step(first)?;
            second = step(second)?;
        }
        while first.at < middle {
            first = step(first)?;
        }
        while second.at < end {
            second = step(second)?;
        }
        let Found { users, memberships, faults } = found;
        let is_sound = first.at == middle && faults & FAULT_BITS == 0;
        is_sound.then_some(Swept { users, memberships })
    }

    /// The place behind one membership.
    #[allow(clippy::inline_always, reason = "by the profile a call makes the sweep a third slower")]
    #[inline(always)]
    fn step(
        &self,
        (shard, begin, marks): (&[u8], usize, &[i8]),
        place: Place,
        found: &mut Found,
    ) -> Option<Place> {
        let (next, faults) = self.membership(shard, place)?;
        found.faults |= faults;
        found.memberships += 1;
        // All ones behind the last of a record: with a branch there, every user costs one
        // that was guessed wrong. None is behind the block.
        let last = i64::from(*marks.get(next.at - begin)?) as u64;
        found.users = found.users.wrapping_sub(last);
        Some(Place { at: next.at, next_segment: next.next_segment & !last })
    }

    /// Goes over one membership; what is wrong with it has one of [`FAULT_BITS`].
    #[allow(clippy::inline_always, reason = "by the profile a call makes the sweep a third slower")]
    #[inline(always)]
    fn membership(&self, shard: &[u8], place: Place) -> Option<(Place, u64)> {
        let bytes: &[u8; 1 + NUMBERS_BYTES] = shard.get(place.at..)?.first_chunk()?;
        let written;
        let mut glance = &self.glances[usize::from(bytes[0])];
        if !glance.is_enough {
            if bytes[0] != WRITTEN_OUT {
                return self.look_closely(shard, place);
            }
            written = Glance::written_out(bytes, self.are_three_bytes_sound);
            if !written.is_enough {
                return self.look_closely(shard, place);
            }
            glance = &written;
        }
        let count = number(bytes, glance.count_at, glance.count_mask) | glance.count_usual;
        let at = place.at + usize::from(glance.bytes);
        Some(self.counted(Place { at, ..place }, (count, glance.step)))
    }

    /// The place behind a membership with this count, which ends there and is so many segments
    /// on; and what is wrong with both.
    #[inline]
    fn counted(&self, place: Place, (count, step): (u32, u32)) -> (Place, u64) {
        let next_segment = place.next_segment + u64::from(step);
        let segments_left = self.segments.wrapping_sub(next_segment);
        (Place { next_segment, ..place }, u64::from(count).wrapping_sub(1) | segments_left)
    }

    /// As [`Sweep::membership`], of any shape.
    #[inline(never)]
    fn look_closely(&self, shard: &[u8], place: Place) -> Option<(Place, u64)> {
        let code = *shard.get(place.at)?;
        let written;
        let mut at = place.at + 1;
        let plan = if code == WRITTEN_OUT {
            written = written_out(shard.get(at..)?)?;
            at += SHAPE_BYTES;
            &written
        } else {
            self.plans.get(usize::from(code))?
        };
        let bytes = shard.get(at..)?.first_chunk()?;
        let count = number(bytes, plan.count_at, plan.count_mask) | plan.count_usual;
        let times = self.times(plan, bytes);
        at += usize::from(plan.bytes);
        if plan.items | plan.extra {
            at = tail_end(plan, shard, at)?;
        }
        let (place, found) = self.counted(Place { at, ..place }, (count, plan.step));
        Some((place, found | times))
    }

    #[inline]
    fn times(&self, plan: &Plan, bytes: &[u8; NUMBERS_BYTES]) -> u64 {
        let last_seen = u64::from(number(bytes, 0, plan.last_seen_mask));
        let first_seen = u64::from(number(bytes, plan.first_seen_at, plan.first_seen_mask));
        let expires = u64::from(number(bytes, plan.expires_at, plan.expires_mask));
        let seen = self.newest_seen.wrapping_sub(last_seen);
        seen.wrapping_sub(first_seen) | seen.wrapping_add(expires)
    }
}

impl Ends {
    /// Marks where the records of this block end; `None` where that is not where it ends
    /// itself. Where one has no bytes two ends are alike, so fewer are found than users.
    fn mark(&mut self, block: &Block<'_>) -> Option<()> {
        self.marks.clear();
        self.marks.resize(block.records_bytes() + 1, 0);
        let (lengths, width) = block.lengths();
        let half = block.users() / 2;
        match width {
            1 => self.mark_each(half, lengths.iter().map(|one| usize::from(*one))),
            2 => {
                let short = lengths.as_chunks().0.iter();
                self.mark_each(half, short.map(|two| usize::from(u16::from_le_bytes(*two))))
            }
            _ => {
                let long = lengths.as_chunks().0.iter();
                self.mark_each(half, long.map(|four| u32::from_le_bytes(*four) as usize))
            }
        }
    }

    #[inline]
    fn mark_each(&mut self, half: usize, lengths: impl Iterator<Item = usize>) -> Option<()> {
        let mut end: usize = 0;
        for (user, length) in lengths.enumerate() {
            if user == half {
                self.middle = end;
            }
            end = end.checked_add(length)?;
            *self.marks.get_mut(end)? = -1;
        }
        (end + 1 == self.marks.len()).then_some(())
    }
}

impl Plan {
    fn of(shape: Shape) -> Self {
        let first_seen_at = shape.last_seen;
        let expires_at = first_seen_at + shape.first_seen;
        let count_at = expires_at + shape.expires_bytes();
        Self {
            last_seen_mask: mask(shape.last_seen),
            first_seen_mask: mask(shape.first_seen),
            expires_mask: if shape.expires_after() { mask(shape.expires_bytes()) } else { 0 },
            count_mask: mask(shape.count),
            count_usual: u32::from(shape.count == 0),
            step: u32::from(shape.step) + 1,
            first_seen_at,
            expires_at,
            count_at,
            bytes: count_at + shape.count + shape.value,
            items: shape.items,
            extra: shape.extra,
        }
    }
}

impl Glance {
    /// What a glance has to see of a shape, if that is enough.
    #[inline]
    fn of(shape: Shape, are_three_bytes_sound: bool) -> Self {
        let before_count = shape.last_seen + shape.first_seen + shape.expires_bytes();
        let longest = shape.last_seen.max(shape.first_seen).max(shape.expires_bytes());
        let has_tail = shape.items || shape.extra;
        Self {
            count_mask: mask(shape.count),
            count_usual: u32::from(shape.count == 0),
            step: u32::from(shape.step) + 1,
            count_at: 1 + before_count,
            bytes: 1 + before_count + shape.count + shape.value,
            is_enough: are_three_bytes_sound && longest <= GLANCE_WIDTH_MAX && !has_tail,
        }
    }

    /// As [`Glance::of`] a shape that is written out between the code and the numbers.
    #[inline]
    fn written_out(bytes: &[u8; 1 + NUMBERS_BYTES], are_three_bytes_sound: bool) -> Self {
        let shape = bytes[1..].first_chunk().and_then(|shape| Shape::from_bytes(*shape));
        let glance = shape.map(|shape| Self::of(shape, are_three_bytes_sound)).unwrap_or_default();
        let (count_at, bytes) = (glance.count_at + SHAPE_WIDTH, glance.bytes + SHAPE_WIDTH);
        Self { count_at, bytes, ..glance }
    }
}

/// The number that the mask leaves of the four bytes there; a place is at most 12.
#[inline]
fn number<const BYTES: usize>(bytes: &[u8; BYTES], at: u8, mask: u32) -> u32 {
    let at = usize::from(at) & NUMBERS_AT_MAX;
    bytes[at..].first_chunk().map_or(0, |four| u32::from_le_bytes(*four) & mask)
}

/// A mask of the lowest `width` bytes, at most 4.
fn mask(width: u8) -> u32 {
    u32::MAX.checked_shr(32 - 8 * u32::from(width)).unwrap_or(0)
}

#[cold]
fn written_out(bytes: &[u8]) -> Option<Plan> {
    Shape::from_bytes(*bytes.first_chunk()?).map(Plan::of)
}

/// Where the items, and what is skipped, end. What ends behind its record steps over the end of
/// that, which is then not found.
fn tail_end(plan: &Plan, shard: &[u8], mut at: usize) -> Option<usize> {
    for (is_there, are_items) in [(plan.items, true), (plan.extra, false)] {
        if is_there {
            let bytes = shard.get(at..)?;
            let (length, rest) = bytes.split_first_chunk()?;
            let tail = rest.get(..usize::from(u16::from_le_bytes(*length)))?;
            if are_items && !Items::from_packed(tail).is_whole() {
                return None;
            }
            at += length.len() + tail.len();
        }
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::super::format::BlockHead;
    use super::super::record::tests::any_membership;
    use super::super::record::{self, StoredMembership};
    use super::super::shape::{Census, Shapes};
    use super::super::verify::check_block;
    use super::*;
    use proptest::prelude::*;

    use crate::audience::ValueThousandths;
    use crate::model::UnixSeconds;

    /// No `last_seen` of [`any_membership`] is later.
    const NEWEST: UnixSeconds = UnixSeconds(1_790_000_000);
    const HEADER: ShardHeader = ShardHeader {
        shard: 0,
        shards: 1,
        block_bits: 0,
        users: 0,
        memberships: 0,
        file_bytes: 0,
        newest_seen: NEWEST,
        segments: 60_000,
        index_crc: 0,
    };

    type User = Vec<StoredMembership<'static>>;

    fn users() -> impl Strategy<Value = Vec<User>> {
        let items = prop_oneof![Just(&b""[..]), Just(&b"\x02s1\x03\xc3\xa9x"[..])];
        let user = prop::collection::btree_map(0_u32..60_000, (any_membership(), items), 1..9);
        prop::collection::vec(user, 1..80).prop_map(|users| {
            let membership = |(segment, (one, items)): (u32, (StoredMembership<'static>, _))| {
                StoredMembership { segment, items: Items::from_packed(items), ..one }
            };
            users.into_iter().map(|user| user.into_iter().map(membership).collect()).collect()
        })
    }

    /// The only block of a shard, with what follows it, and where it ends; shapes are named, or
    /// all written out.
    fn block_of(users: &[User], named: bool) -> (Vec<u8>, usize, Verified) {
        let mut census = Census::default();
        if named {
            users.iter().for_each(|user| record::count(&mut census, NEWEST, user.iter().cloned()));
        }
        let shapes = census.commonest();
        let record_of = |user: &User| {
            let mut record = Vec::new();
            record::encode(&mut record, (&shapes, NEWEST), user.iter().cloned());
            record
        };
        let records: Vec<Vec<u8>> = users.iter().map(record_of).collect();
        let longest = records.iter().map(Vec::len).max().unwrap_or(0);
        let head = BlockHead::new(records.len(), longest);
        let mut bytes = head.bits().to_le_bytes().to_vec();
        bytes.extend((0..records.len()).map(|user| user as u8));
        for record in &records {
            bytes.extend_from_slice(&record.len().to_le_bytes()[..head.length_bytes]);
        }
        let key_bytes = HEADER.layout().key_bytes();
        bytes.extend(std::iter::repeat_n(7, records.len() * key_bytes));
        bytes.extend(records.iter().flatten());
        let end = bytes.len();
        bytes.extend_from_slice(&[9; NUMBERS_BYTES]);
        let shapes = Shapes::from_bytes(&shapes.to_bytes()).expect("just written");
        (bytes, end, Verified { header: HEADER, shapes })
    }

    /// Of a block of one user with two memberships, the length of the first alone.
    #[test]
    fn a_membership_behind_the_last_record_does_not_pass() {
        let membership = |segment| StoredMembership {
            segment,
            first_seen: NEWEST,
            last_seen: NEWEST,
            expires: UnixSeconds::NEVER,
            count: 1,
            value: ValueThousandths(0),
            items: Items::default(),
        };
        let user = vec![membership(0), membership(1)];
        let (mut shard, end, verified) = block_of(&[user], true);
        let sweep = |shard: &[u8]| {
            Sweep::new(&verified).block(shard, (0, 0, end), (&mut Ends::default(), &mut |_| {}))
        };
        assert_eq!(sweep(&shard), Some(Swept { users: 1, memberships: 2 }));
        let length_at = size_of::<u16>() + 1; // behind the head and the first byte of the key
        assert_eq!(shard[length_at] % 2, 0, "both are as long");
        shard[length_at] /= 2;
        assert_eq!(sweep(&shard), None);
        assert!(check_block(&shard, (0, 0, end), &verified, &mut |_| {}).is_err());
    }

    proptest! {
        #[test]
        fn a_sound_block_passes(users in users(), named: bool) {
            let (shard, end, verified) = block_of(&users, named);
            let (mut ends, mut swept_keys) = (Ends::default(), Vec::new());
            let swept =
                Sweep::new(&verified)
                    .block(&shard, (0, 0, end), (&mut ends, &mut |key| swept_keys.push(key)));
            let memberships = users.iter().map(Vec::len).sum::<usize>() as u64;
            let expected = Swept { users: users.len() as u64, memberships };
            prop_assert_eq!(swept, Some(expected));
            let mut keys = Vec::new();
            let exact = check_block(&shard, (0, 0, end), &verified, &mut |key| keys.push(key));
            prop_assert_eq!(exact, Ok(expected));
            prop_assert_eq!(swept_keys, keys);
        }

        #[test]
        fn what_passes_would_pass_the_exact_check(
            users in users(),
            named: bool,
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 200),
        ) {
            let (mut shard, end, verified) = block_of(&users, named);
            let (sweep, mut ends) = (Sweep::new(&verified), Ends::default());
            for (place, change) in changes {
                let at = place.index(end);
                shard[at] ^= change;
                let swept = sweep.block(&shard, (0, 0, end), (&mut ends, &mut |_| {}));
                let exact = check_block(&shard, (0, 0, end), &verified, &mut |_| {});
                prop_assert_eq!(swept, exact.ok());
                shard[at] ^= change;
            }
        }

        #[test]
        fn any_bytes_are_swept_without_a_panic(
            bytes: Vec<u8>, table in prop::collection::vec(any::<[u8; SHAPE_BYTES]>(), 0..40),
        ) {
            let shapes = table.into_iter().filter_map(Shape::from_bytes).collect();
            let verified = Verified { header: HEADER, shapes };
            let place = (0, 0, bytes.len());
            let room = (&mut Ends::default(), &mut |_| {});
            if let Some(swept) = Sweep::new(&verified).block(&bytes, place, room) {
                prop_assert_eq!(check_block(&bytes, place, &verified, &mut |_| {}), Ok(swept));
            }
        }
    }
}
