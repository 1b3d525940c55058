//! A row as it waits to be merged: some twenty bytes, items included.
//!
//! ```text
//! key        8 bytes, segment 2, which fields follow 1, last_seen 4
//! first_seen 4, expires 4, count 1 or 4, value 4 or 8: each only where it is not the usual
//! items      2 bytes of length and as many bytes, as the snapshot packs them
//! ```
//!
//! The same form is kept in memory and in the spill file, so that spilling is copying. Reading
//! never panics: a file may come back damaged.

use crate::model::{UnixSeconds, UserKey};

/// Size of what every row has.
const FIXED_BYTES: usize = 15;
/// Where the segment stands.
const SEGMENT_AT: usize = 8;
const REMOVE: u8 = 1;
const FIRST_SEEN: u8 = 1 << 1;
const EXPIRES: u8 = 1 << 2;
const COUNT: u8 = 1 << 3;
const VALUE: u8 = 1 << 4;
const ITEMS: u8 = 1 << 5;
const COUNT_WIDE: u8 = 1 << 6;
const VALUE_WIDE: u8 = 1 << 7;

/// A row, its items borrowed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct PackedRow<'a> {
    pub(super) key: UserKey,
    pub(super) segment: u16,
    pub(super) remove: bool,
    pub(super) first_seen: UnixSeconds,
    pub(super) last_seen: UnixSeconds,
    pub(super) expires: UnixSeconds,
    pub(super) count: u32,
    pub(super) value: u64,
    pub(super) items: &'a [u8],
}

impl<'a> PackedRow<'a> {
    /// Appends the row.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let begin = out.len();
        let mut fields = if self.remove { REMOVE } else { 0 };
        let mut fixed = [0; FIXED_BYTES];
        fixed[..SEGMENT_AT].copy_from_slice(&self.key.0.to_le_bytes());
        fixed[SEGMENT_AT..10].copy_from_slice(&self.segment.to_le_bytes());
        fixed[11..].copy_from_slice(&self.last_seen.0.to_le_bytes());
        out.extend_from_slice(&fixed);
        if self.first_seen != self.last_seen {
            fields |= FIRST_SEEN;
            out.extend_from_slice(&self.first_seen.0.to_le_bytes());
        }
        if self.expires != UnixSeconds::NEVER {
            fields |= EXPIRES;
            out.extend_from_slice(&self.expires.0.to_le_bytes());
        }
        match u8::try_from(self.count) {
            Ok(1) => {}
            Ok(count) => {
                fields |= COUNT;
                out.push(count);
            }
            Err(_) => {
                fields |= COUNT | COUNT_WIDE;
                out.extend_from_slice(&self.count.to_le_bytes());
            }
        }
        match u32::try_from(self.value) {
            Ok(0) => {}
            Ok(value) => {
                fields |= VALUE;
                out.extend_from_slice(&value.to_le_bytes());
            }
            Err(_) => {
                fields |= VALUE | VALUE_WIDE;
                out.extend_from_slice(&self.value.to_le_bytes());
            }
        }
        if !self.items.is_empty() {
            fields |= ITEMS;
            out.extend_from_slice(&(self.items.len() as u16).to_le_bytes());
            out.extend_from_slice(self.items);
        }
        out[begin + 10] = fields;
    }

    /// Reads the row at the beginning of `bytes`; how long it is. `None` if it is cut off.
    pub(super) fn read(bytes: &'a [u8]) -> Option<(Self, usize)> {
        let fixed: &[u8; FIXED_BYTES] = bytes.first_chunk()?;
        let fields = fixed[10];
        let last_seen =
            UnixSeconds(u32::from_le_bytes([fixed[11], fixed[12], fixed[13], fixed[14]]));
        let (key, segment) = key_and_segment(fixed);
        let mut rest = Rest { bytes, at: FIXED_BYTES };
        let has = |field: u8| fields & field != 0;
        let first_seen = if has(FIRST_SEEN) { UnixSeconds(rest.wide()?) } else { last_seen };
        let expires = if has(EXPIRES) { UnixSeconds(rest.wide()?) } else { UnixSeconds::NEVER };
        let count = match (has(COUNT), has(COUNT_WIDE)) {
            (false, _) => 1,
            (true, false) => u32::from(u8::from_le_bytes(rest.take()?)),
            (true, true) => rest.wide()?,
        };
        let value = match (has(VALUE), has(VALUE_WIDE)) {
            (false, _) => 0,
            (true, false) => u64::from(rest.wide()?),
            (true, true) => u64::from_le_bytes(rest.take()?),
        };
        let items = if has(ITEMS) { rest.sized()? } else { &[] };
        let remove = has(REMOVE);
        let row =
            Self { key, segment, remove, first_seen, last_seen, expires, count, value, items };
        Some((row, rest.at))
    }
}

/// What rows are sorted by, read without the rest; and how long the row is.
pub(super) fn head(bytes: &[u8]) -> Option<(UserKey, u16, usize)> {
    let fixed: &[u8; FIXED_BYTES] = bytes.first_chunk()?;
    let fields = fixed[10];
    let has = |field: u8, width: usize| if fields & field == field { width } else { 0 };
    let count = has(COUNT, 1) + has(COUNT | COUNT_WIDE, 3);
    let value = has(VALUE, 4) + has(VALUE | VALUE_WIDE, 4);
    let mut length = FIXED_BYTES + has(FIRST_SEEN, 4) + has(EXPIRES, 4) + count + value;
    if fields & ITEMS != 0 {
        let items = bytes.get(length..)?.first_chunk()?;
        length += 2 + usize::from(u16::from_le_bytes(*items));
    }
    let (key, segment) = key_and_segment(fixed);
    (length <= bytes.len()).then_some((key, segment, length))
}

/// Copies a row under another number of its segment; whether it is a removal is for the caller
/// to know.
pub(super) fn copy(row: &[u8], segment: u16, out: &mut Vec<u8>) {
    let begin = out.len();
    out.extend_from_slice(row);
    out[begin + SEGMENT_AT..begin + 10].copy_from_slice(&segment.to_le_bytes());
}

/// Whether the row at the beginning of `bytes` is a removal.
pub(super) fn is_removal(bytes: &[u8]) -> bool {
    bytes.get(10).is_some_and(|fields| fields & REMOVE != 0)
}

fn key_and_segment(fixed: &[u8; FIXED_BYTES]) -> (UserKey, u16) {
    let key = fixed.first_chunk().map_or(0, |key| u64::from_le_bytes(*key));
    (UserKey(key), u16::from_le_bytes([fixed[SEGMENT_AT], fixed[SEGMENT_AT + 1]]))
}

struct Rest<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Rest<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let found = *self.bytes.get(self.at..)?.first_chunk()?;
        self.at += N;
        Some(found)
    }

    fn wide(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn sized(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(u16::from_le_bytes(self.take()?));
        let found = self.bytes.get(self.at..self.at + length)?;
        self.at += length;
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_come_back(
            (key, segment, remove) in any::<(u64, u16, bool)>(),
            (first_seen, last_seen) in any::<(u32, u32)>(),
            expires in prop_oneof![Just(u32::MAX), any::<u32>()],
            count in prop_oneof![Just(1), 0_u32..300, any::<u32>()],
            value in prop_oneof![Just(0), 0_u64..1 << 33, any::<u64>()],
            items: Vec<u8>, tail: Vec<u8>, other: u16,
        ) {
            let row = PackedRow {
                key: UserKey(key), segment, remove, first_seen: UnixSeconds(first_seen),
                last_seen: UnixSeconds(last_seen), expires: UnixSeconds(expires), count, value,
                items: &items,
            };
            let mut bytes = Vec::new();
            row.write(&mut bytes);
            let length = bytes.len();
            for cut in 0..length {
                prop_assert_eq!(PackedRow::read(&bytes[..cut]), None);
                prop_assert_eq!(head(&bytes[..cut]), None);
            }
            bytes.extend_from_slice(&tail);
            prop_assert_eq!(PackedRow::read(&bytes), Some((row, length)));
            prop_assert_eq!(head(&bytes), Some((row.key, segment, length)));
            prop_assert_eq!(is_removal(&bytes), remove);
            let mut copied = Vec::new();
            copy(&bytes[..length], other, &mut copied);
            let renamed = PackedRow { segment: other, ..row };
            prop_assert_eq!(PackedRow::read(&copied), Some((renamed, length)));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            prop_assert_eq!(
                PackedRow::read(&bytes).map(|(_, length)| length),
                head(&bytes).map(|(_, _, length)| length)
            );
        }
    }
}
