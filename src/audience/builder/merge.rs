//! Sorts and merges the rows of one partition.
//!
//! Guarantees: what comes out depends on which rows there are, not on their order. Rows of one
//! second are ordered by what they say. Of 16 bytes a row are sorted: key, segment, place; the
//! rows themselves stay in the pieces in which they waited.

use super::packed::{self, PackedRow};
use super::rules::Rules;
use crate::audience::rows::VALUE_THOUSANDTHS_MAX;
use crate::model::{UnixSeconds, UserKey};

/// The rows of a partition, merged and in order, packed as before.
#[derive(Debug, Default)]
pub(super) struct Merged {
    /// The rows: by user, then by segment, with the segments' final numbers.
    pub(super) rows: Vec<u8>,
    /// Distinct users.
    pub(super) users: u64,
    /// How many rows there are.
    pub(super) memberships: u64,
    /// The newest of them.
    pub(super) newest_seen: UnixSeconds,
    /// Rows that went into a newer one.
    pub(super) joined: u64,
    /// Rows that a removal forgot.
    pub(super) removed: u64,
}

/// What was read back is not what was written.
#[derive(Debug)]
pub(super) struct Damaged;

/// How many bits of a sort key name the place of a row: which piece, and where in it.
const PLACE_BITS: u32 = 48;
const PLACE_MASK: u128 = (1 << PLACE_BITS) - 1;
/// How many of them name the place in a piece.
const OFFSET_BITS: u32 = 28;
const OFFSET_MASK: usize = (1 << OFFSET_BITS) - 1;
/// Longest piece.
pub(super) const PIECE_BYTES_MAX: usize = 1 << OFFSET_BITS;
/// Most pieces of a partition: of the usual 64 KiB, 64 GiB of rows.
pub(super) const PIECES_MAX: usize = 1 << (PLACE_BITS - OFFSET_BITS);

/// The rows of a partition before they are merged: each piece has whole rows, one behind
/// another.
pub(super) type Pieces = [Vec<u8>];

/// Merges the rows of `pieces`; `places` tells the final number of a segment. `order` is a
/// buffer that is used again.
pub(super) fn merge(
    pieces: &Pieces,
    places: &[u16],
    rules: Rules,
    order: &mut Vec<u128>,
) -> Result<Merged, Damaged> {
    put_in_order(pieces, places, order)?;
    let bytes = pieces.iter().map(Vec::len).sum();
    let mut out = Merged { rows: Vec::with_capacity(bytes), ..Merged::default() };
    let mut last_key = None;
    for group in order.chunk_by(|one, next| one >> PLACE_BITS == next >> PLACE_BITS) {
        let segment = (group[0] >> PLACE_BITS) as u16;
        let kept = match group {
            [one] => out.take_one(row_at(pieces, *one), segment)?,
            _ => out.take_group(pieces, group, (segment, rules))?,
        };
        let key = (group[0] >> 64) as u64;
        if kept && last_key != Some(key) {
            out.users += 1;
            last_key = Some(key);
        }
    }
    Ok(out)
}

/// Key, segment and place of every row in one number each, ascending.
fn put_in_order(pieces: &Pieces, places: &[u16], order: &mut Vec<u128>) -> Result<(), Damaged> {
    order.clear();
    if pieces.len() > PIECES_MAX {
        return Err(Damaged);
    }
    for (number, rows) in pieces.iter().enumerate() {
        if rows.len() > PIECE_BYTES_MAX {
            return Err(Damaged);
        }
        let mut at = 0;
        while at < rows.len() {
            let (UserKey(key), segment, length) = packed::head(&rows[at..]).ok_or(Damaged)?;
            let segment = places.get(usize::from(segment)).ok_or(Damaged)?;
            let place = (number << OFFSET_BITS | at) as u128;
            order.push(u128::from(key) << 64 | u128::from(*segment) << PLACE_BITS | place);
            at += length;
        }
    }
    order.sort_unstable();
    Ok(())
}

fn row_at(pieces: &Pieces, sorted: u128) -> &[u8] {
    let place = (sorted & PLACE_MASK) as usize;
    &pieces[place >> OFFSET_BITS][place & OFFSET_MASK..]
}

impl Merged {
    fn take_one(&mut self, row: &[u8], segment: u16) -> Result<bool, Damaged> {
        if packed::is_removal(row) {
            return Ok(false);
        }
        let (one, length) = PackedRow::read(row).ok_or(Damaged)?;
        packed::copy(&row[..length], segment, &mut self.rows);
        self.memberships += 1;
        self.newest_seen = self.newest_seen.max(one.last_seen);
        Ok(true)
    }

    fn take_group(
        &mut self,
        pieces: &Pieces,
        group: &[u128],
        (segment, rules): (u16, Rules),
    ) -> Result<bool, Damaged> {
        let read = |sorted: &u128| PackedRow::read(row_at(pieces, *sorted)).map(|(row, _)| row);
        let mut group = group.iter().map(read).collect::<Option<Vec<_>>>().ok_or(Damaged)?;
        group.sort_unstable_by_key(|row| {
            (row.last_seen, row.value, row.expires, row.items, row.count, row.first_seen)
        });
        let removed_until = group.iter().filter(|row| row.remove).map(|row| row.last_seen).max();
        let events = group.iter().filter(|row| !row.remove).count() as u64;
        group.retain(|row| !row.remove && Some(row.last_seen) > removed_until);
        self.removed += events - group.len() as u64;
        let Some(newest) = group.last() else { return Ok(false) };
        self.joined += group.len() as u64 - 1;
        let count = rules.counts.merge(group.iter().map(|row| u64::from(row.count)));
        let value = rules.values.merge(group.iter().map(|row| row.value));
        let one = PackedRow {
            segment,
            first_seen: group.iter().map(|row| row.first_seen).min().unwrap_or(newest.first_seen),
            count: u32::try_from(count).unwrap_or(u32::MAX),
            value: value.min(VALUE_THOUSANDTHS_MAX),
            ..*newest
        };
        one.write(&mut self.rows);
        self.memberships += 1;
        self.newest_seen = self.newest_seen.max(one.last_seen);
        Ok(true)
    }
}
