//! The shape of a membership: which fields it has, and how many bytes each takes.
//!
//! Most memberships of an audience have one of a few dozen shapes. A shard names the commonest
//! once, in front; a membership then begins with one byte that tells its shape, and its fields
//! follow without any framing of their own. A field that has its usual value takes no bytes.

use super::format::{SHAPE_BYTES, SHAPES_MAX};
use super::record::StoredMembership;
use crate::model::UnixSeconds;
use std::collections::HashMap;

/// The code of a membership whose shape is written out behind it.
pub(super) const WRITTEN_OUT: u8 = 255;
/// `expires` is not counted from `last_seen` but written whole, in four bytes.
const EXPIRES_WHOLE: u8 = 5;
/// What a value is divided by, by `scale`: thousandths, cents, units.
const SCALES: [u64; 3] = [1, 10, 1_000];

/// A shape. Widths are in bytes; zero means the usual value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub(super) struct Shape {
    /// From the segment after the one before to this one.
    pub(super) step: u16,
    /// Width of the seconds from `last_seen` to the newest of the shard.
    pub(super) last_seen: u8,
    /// Width of the seconds from `first_seen` to `last_seen`; usually they are the same.
    pub(super) first_seen: u8,
    /// Width of the seconds from `last_seen` to `expires`, or 5: usually there is no end.
    expires: u8,
    /// Width of `count`; usually it is 1.
    pub(super) count: u8,
    /// Width of the scaled value; usually it is 0.
    pub(super) value: u8,
    /// Place in [`SCALES`].
    scale: u8,
    /// Whether items follow: two bytes of length and as many bytes.
    pub(super) items: bool,
    /// Whether something follows that this version does not know: two bytes of length and as
    /// many bytes, to be skipped.
    pub(super) extra: bool,
}

/// The numbers of a membership as they are written.
pub(super) struct Numbers {
    /// Back from the newest of the shard.
    pub(super) last_seen: u64,
    /// Back from `last_seen`.
    pub(super) first_seen: u64,
    /// As the shape says.
    pub(super) expires: u64,
    /// How many.
    pub(super) count: u64,
    /// Scaled.
    pub(super) value: u64,
}

impl Shape {
    /// The shape of `one`, whose segment comes `step` after, and its numbers. The smallest
    /// form is always taken, so that there is only one.
    pub(super) fn of(
        one: &StoredMembership<'_>,
        step: u16,
        newest_seen: UnixSeconds,
    ) -> (Self, Numbers) {
        let (expires_width, expires) = expiry(one);
        let scale = scale_of(one.value.0);
        let numbers = Numbers {
            last_seen: u64::from(newest_seen.since(one.last_seen).0),
            first_seen: u64::from(one.last_seen.since(one.first_seen).0),
            expires,
            count: if one.count == 1 { 0 } else { u64::from(one.count) },
            value: one.value.0 / SCALES[usize::from(scale)],
        };
        let shape = Self {
            step,
            last_seen: width(numbers.last_seen),
            first_seen: width(numbers.first_seen),
            expires: expires_width,
            count: width(numbers.count),
            value: width(numbers.value),
            scale,
            items: !one.items.packed().is_empty(),
            extra: false,
        };
        (shape, numbers)
    }

    /// How many bytes `expires` takes.
    pub(super) fn expires_bytes(self) -> u8 {
        self.expires.min(4)
    }

    /// Whether `expires` is counted from `last_seen`.
    pub(super) fn expires_after(self) -> bool {
        self.expires != EXPIRES_WHOLE
    }

    /// The moment that the written number stands for; `None` where it is beyond time.
    pub(super) fn expires_at(self, number: u64, last_seen: UnixSeconds) -> Option<UnixSeconds> {
        let at = match self.expires {
            0 => u64::from(UnixSeconds::NEVER.0),
            EXPIRES_WHOLE => number,
            _ => u64::from(last_seen.0) + number,
        };
        u32::try_from(at).ok().map(UnixSeconds)
    }

    /// The value in thousandths that the written number stands for.
    pub(super) fn value_of(self, number: u64) -> u64 {
        number.saturating_mul(SCALES[usize::from(self.scale.min(2))])
    }

    /// The shape as it is written.
    pub(super) fn to_bytes(self) -> [u8; SHAPE_BYTES] {
        let [low, high] = self.step.to_le_bytes();
        [
            low,
            high,
            self.last_seen
                | self.first_seen << 3
                | u8::from(self.items) << 6
                | u8::from(self.extra) << 7,
            self.expires | self.count << 3 | self.scale << 6,
            self.value,
        ]
    }

    /// Reads a shape; `None` where it is none.
    pub(super) fn from_bytes(bytes: [u8; SHAPE_BYTES]) -> Option<Self> {
        let [low, high, times, others, value] = bytes;
        let shape = Self {
            step: u16::from_le_bytes([low, high]),
            last_seen: times & 7,
            first_seen: times >> 3 & 7,
            items: times & 0x40 != 0,
            extra: times & 0x80 != 0,
            expires: others & 7,
            count: others >> 3 & 7,
            scale: others >> 6,
            value,
        };
        let known = shape.last_seen <= 4
            && shape.first_seen <= 4
            && shape.expires <= EXPIRES_WHOLE
            && shape.count <= 4
            && shape.scale < 3
            && shape.value <= 7;
        known.then_some(shape)
    }

    /// A number by which shapes can be told apart quickly.
    fn packed(self) -> u64 {
        self.to_bytes().iter().fold(0, |packed, byte| packed << 8 | u64::from(*byte))
    }
}

/// Width and number of the expiry: from `last_seen` on where it is after it.
fn expiry(one: &StoredMembership<'_>) -> (u8, u64) {
    if one.expires == UnixSeconds::NEVER {
        return (0, 0);
    }
    match u64::from(one.expires.0).checked_sub(u64::from(one.last_seen.0)) {
        Some(after @ 1..) => (width(after), after),
        _ => (EXPIRES_WHOLE, u64::from(one.expires.0)),
    }
}

/// The largest scale that divides a value without a rest.
fn scale_of(value: u64) -> u8 {
    match value {
        0 => 0,
        value if value.is_multiple_of(SCALES[2]) => 2,
        value if value.is_multiple_of(SCALES[1]) => 1,
        _ => 0,
    }
}

/// How many bytes a number takes; none for zero.
fn width(number: u64) -> u8 {
    (64 - number.leading_zeros()).div_ceil(8) as u8
}

/// Counts shapes, to find the commonest.
#[derive(Default)]
pub(super) struct Census {
    seen: HashMap<u64, (Shape, u64), std::hash::BuildHasherDefault<Mixed>>,
}

impl Census {
    pub(super) fn add(&mut self, shape: Shape) {
        self.seen.entry(shape.packed()).or_insert((shape, 0)).1 += 1;
    }

    /// The commonest shapes; which of two that are equally common does not depend on order.
    pub(super) fn commonest(self) -> Shapes {
        let mut by_count: Vec<_> = self.seen.into_values().collect();
        by_count.sort_unstable_by_key(|(shape, count)| (std::cmp::Reverse(*count), *shape));
        by_count.truncate(SHAPES_MAX);
        Shapes::new(by_count.into_iter().map(|(shape, _)| shape).collect())
    }
}

/// A hasher for numbers that are made of few bits: one multiplication.
#[derive(Default)]
pub(super) struct Mixed(u64);

impl std::hash::Hasher for Mixed {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}

/// The shapes that a shard names, by their code.
#[derive(Clone, Debug, Default)]
pub(super) struct Shapes {
    by_code: Vec<Shape>,
    codes: HashMap<u64, u8, std::hash::BuildHasherDefault<Mixed>>,
}

impl Shapes {
    fn new(by_code: Vec<Shape>) -> Self {
        let codes = by_code.iter().enumerate().map(|(code, shape)| (shape.packed(), code as u8));
        Self { codes: codes.collect(), by_code }
    }

    /// The code of a shape, where it has one.
    pub(super) fn code_of(&self, shape: Shape) -> Option<u8> {
        self.codes.get(&shape.packed()).copied()
    }

    /// The table as it is written: unused codes are zeros.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.by_code.iter().flat_map(|shape| shape.to_bytes()).collect();
        bytes.resize(SHAPES_MAX * SHAPE_BYTES, 0);
        bytes
    }

    /// Reads a table; `None` where one of its shapes is none.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Box<[Shape]>> {
        let table = bytes.get(..SHAPES_MAX * SHAPE_BYTES)?;
        table.as_chunks::<SHAPE_BYTES>().0.iter().map(|shape| Shape::from_bytes(*shape)).collect()
    }
}
