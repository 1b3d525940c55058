//! The third pass: no token stands where the one before it forbids it.
//!
//! Strings, scalars and brackets were judged before, each for itself; what is left of JSON's
//! grammar is a rule for every token about the next:
//!
//! | after | comes |
//! |---|---|
//! | `{` | a string (a key) or a closing bracket |
//! | `[` | a value or a closing bracket |
//! | a comma in an object | a string (a key) |
//! | a comma in an array, a colon | a value |
//! | a string, a scalar, a closing bracket | a comma, a colon, a closing bracket |
//! | a key | a colon, and nothing but keys is followed by one |
//!
//! The last rule is kept by a switch that each key throws and each colon throws back: while it is
//! thrown no bracket and no comma may stand, and a colon that no key awaits throws it itself.

use super::Block;
use super::masks::BLOCK_BYTES;
use super::scan::from_last_bit;

/// What goes on from one block to the next.
#[derive(Default)]
struct Carry {
    object: u64,
    awaits_colon: u64,
    scalar: u64,
    /// Whether the next token comes after one that wants: a key, a value, no closing bracket,
    /// the end of a value.
    after: [u64; 4],
}

/// Whether every token may stand where it does.
#[inline(always)]
pub(super) fn holds(blocks: &[Block], parity: impl Fn(u64) -> u64) -> bool {
    let mut carry = Carry::default();
    let mut bad = 0;
    for block in blocks {
        bad |= if block.blank == 0 {
            faults::<false>(block, &parity, &mut carry)
        } else {
            faults::<true>(block, &parity, &mut carry)
        };
    }
    bad == 0
}

/// The tokens of a block that may not stand where they do, and perhaps some beside them.
#[inline(always)]
fn faults<const BLANKS: bool>(
    block: &Block,
    parity: impl Fn(u64) -> u64,
    carry: &mut Carry,
) -> u64 {
    let Block { quote, in_string, blank, open, close, comma, colon, turns, .. } = *block;
    let in_object = parity(turns) ^ carry.object;
    carry.object = from_last_bit(in_object);
    let begins_string = quote & in_string;
    let scalar = block.scalars();
    let before = scalar << 1 | carry.scalar;
    carry.scalar = scalar >> (BLOCK_BYTES - 1);
    let begins_value = begins_string | (scalar & !before) | open;
    let [key, value, no_close, end] = [0, 1, 2, 3];
    // A container's own kind is in force from its opening bracket on.
    let wants_key = (open | comma) & in_object;
    let wants_value = ((open | comma) & !in_object) | colon;
    let ends = (quote & !in_string) | close;
    let mut next = |which: usize, tokens: u64, beside: u64| {
        let places = tokens << 1 | carry.after[which] | beside;
        carry.after[which] = tokens >> (BLOCK_BYTES - 1);
        if !BLANKS {
            return places;
        }
        // Adding to the lowest bit of a run of blanks carries over to the byte behind it.
        let (over_blanks, goes_on) = (places & blank).overflowing_add(blank);
        carry.after[which] |= u64::from(goes_on);
        (places | over_blanks) & !blank
    };
    let keys = next(key, wants_key, 0);
    let values = next(value, wants_value, 0);
    let after_mark = next(no_close, comma | colon, 0);
    let after_end = next(end, ends, before & !scalar);
    let awaits_colon = parity((keys & begins_string) ^ colon) ^ carry.awaits_colon;
    carry.awaits_colon = from_last_bit(awaits_colon);
    (keys & !(begins_string | close))
        | (values & !(begins_value | close))
        | (after_mark & close)
        | (after_end & !(comma | colon | close))
        | (awaits_colon & (open | close | comma | colon))
}
