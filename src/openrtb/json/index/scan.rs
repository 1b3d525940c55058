//! The first pass: bytes to bits. Strings, escapes and scalars are judged here.
//!
//! Guarantees: see [`super`].

use super::masks::{BLOCK_BYTES, Chunk, Masks};
use super::{Block, Index, grammar};
use crate::openrtb::json::scalar::{escape_length, is_scalar};

/// Longest text: places are numbers of 32 bits.
const TEXT_BYTES_MAX: usize = u32::MAX as usize;

/// What goes on from one block to the next.
#[derive(Default)]
struct Carry {
    /// All ones within a string.
    string: u64,
    /// Whether the next byte is escaped.
    escape: u64,
    /// Whether a scalar may go on.
    scalar: u64,
    /// Where that scalar began.
    scalar_start: usize,
    /// Whether there was any escape.
    escaped: bool,
    /// Not zero once anything was wrong.
    bad: u64,
}

/// Reads the skeleton of `text` into `index`; `masks` and `parity` are one of the ways of
/// [`super::masks`]. Compiled once for each of them.
#[inline(always)]
pub(super) fn read(
    index: &mut Index,
    text: &str,
    (masks, parity): (impl Fn(&Chunk) -> Masks, impl Fn(u64) -> u64),
) -> bool {
    let bytes = text.as_bytes();
    let begins = matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'['));
    if !begins || bytes.len() > TEXT_BYTES_MAX {
        return false;
    }
    let (chunks, rest) = bytes.as_chunks::<BLOCK_BYTES>();
    let mut last = [b' '; BLOCK_BYTES];
    last[..rest.len()].copy_from_slice(rest);
    index.blocks.resize(chunks.len() + 1, Block::default());
    index.containers.clear();
    let mut carry = Carry::default();
    let mut base = 0;
    for (block, chunk) in index.blocks.iter_mut().zip(chunks.iter().chain([&last])) {
        *block = scan((bytes, base), &masks(chunk), &parity, &mut carry);
        if !index.containers.note(base, block.open | block.close) {
            return false;
        }
        base += BLOCK_BYTES;
    }
    index.escaped = carry.escaped;
    if carry.bad | carry.string | carry.scalar != 0 {
        return false;
    }
    let Some(end) = index.containers.pair(bytes, &mut index.blocks) else { return false };
    grammar::holds(&index.blocks, parity) && bytes[end..].iter().all(|byte| is_white(*byte))
}

/// One block at `base`.
#[inline(always)]
fn scan(
    (bytes, base): (&[u8], usize),
    masks: &Masks,
    parity: impl Fn(u64) -> u64,
    carry: &mut Carry,
) -> Block {
    let mut quote = masks.quote;
    if masks.backslash | carry.escape != 0 {
        quote &= !escaped(bytes, base, masks.backslash, carry);
    }
    let in_string = parity(quote) ^ carry.string;
    carry.string = from_last_bit(in_string);
    carry.bad |= masks.control & in_string;
    let outside = !(in_string | quote);
    if masks.control & outside != 0 {
        carry.bad |= u64::from(!all_white(bytes, base, masks.control & outside));
    }
    let block = Block {
        quote,
        backslash: masks.backslash,
        in_string,
        blank: (masks.control | masks.space) & outside,
        open: masks.open & outside,
        close: masks.close & outside,
        comma: masks.comma & outside,
        colon: masks.colon & outside,
        turns: 0,
    };
    let scalar = block.scalars();
    let before = scalar << 1 | carry.scalar;
    let starts = scalar & !before;
    let is_odd = (scalar & !masks.digit) | (starts & masks.zero & (scalar >> 1));
    // Digits within the block, the first of several not 0, are a number.
    if is_odd | (before & 1) | (scalar >> (BLOCK_BYTES - 1)) != 0 {
        let scalars = Scalars { bytes: scalar, starts, digits: masks.digit };
        judge_scalars(bytes, base, scalars, carry);
    }
    carry.scalar = scalar >> (BLOCK_BYTES - 1);
    block
}

impl Block {
    /// The bytes of numbers, literals, and whatever else is outside of strings.
    #[inline(always)]
    pub(super) fn scalars(&self) -> u64 {
        let marks = self.open | self.close | self.comma | self.colon;
        !(self.in_string | self.quote | self.blank | marks)
    }
}

/// All ones if the last bit is one.
#[inline(always)]
pub(super) fn from_last_bit(word: u64) -> u64 {
    0_u64.wrapping_sub(word >> (BLOCK_BYTES - 1))
}

/// The bytes of the block that are escaped by the one before. A backslash that begins no valid
/// escape is bad wherever it stands.
#[inline(never)]
fn escaped(bytes: &[u8], base: usize, mut backslash: u64, carry: &mut Carry) -> u64 {
    let mut escaped = carry.escape;
    backslash &= !carry.escape;
    carry.escape = 0;
    carry.escaped = true;
    while backslash != 0 {
        let at = backslash.trailing_zeros() as usize;
        carry.bad |= u64::from(escape_length(&bytes[base + at..]).is_none());
        if at == BLOCK_BYTES - 1 {
            carry.escape = 1;
            break;
        }
        escaped |= 2 << at;
        backslash &= !(3 << at);
    }
    escaped
}

/// Whether the control characters at those places are white space.
#[inline(never)]
fn all_white(bytes: &[u8], base: usize, mut control: u64) -> bool {
    let mut white = true;
    while control != 0 {
        let byte = bytes.get(base + control.trailing_zeros() as usize);
        white &= byte.is_none_or(|byte| is_white(*byte));
        control &= control - 1;
    }
    white
}

/// White space of JSON.
fn is_white(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

/// The scalars of a block.
#[derive(Clone, Copy)]
struct Scalars {
    bytes: u64,
    /// Where they begin.
    starts: u64,
    /// The digits of the block, those in strings with them.
    digits: u64,
}

impl Scalars {
    /// Whether the one that begins at `at` is digits, or digits with a point among them, all in
    /// this block: nearly all numbers are. Others may still be sound.
    #[inline]
    fn is_plain_number(self, bytes: &[u8], at: u32) -> bool {
        let ones = |word: u64, from: u32| word.checked_shr(from).unwrap_or(0).trailing_ones();
        let (length, whole) = (ones(self.bytes, at), ones(self.digits, at));
        if whole == 0 || at + length == BLOCK_BYTES as u32 {
            return false;
        }
        let is_led_by_zero = whole > 1 && bytes.get(at as usize) == Some(&b'0');
        let point = bytes.get((at + whole) as usize) == Some(&b'.');
        let fraction = ones(self.digits, at + whole + 1);
        let is_whole = whole == length || (point && fraction > 0 && whole + 1 + fraction == length);
        is_whole && !is_led_by_zero
    }
}

/// Holds the block's scalars against the grammar, one by one, and the one that began earlier.
#[inline(never)]
fn judge_scalars(bytes: &[u8], base: usize, scalars: Scalars, carry: &mut Carry) {
    let Scalars { bytes: scalar, mut starts, .. } = scalars;
    let block = bytes.get(base..).unwrap_or_default();
    let mut good = carry.scalar == 0 || is_scalar(bytes, carry.scalar_start);
    if starts != 0 {
        let last = BLOCK_BYTES - 1 - starts.leading_zeros() as usize;
        let goes_on = scalar >> last == !0 >> last;
        if goes_on {
            carry.scalar_start = base + last;
        }
    }
    while starts != 0 {
        let at = starts.trailing_zeros();
        good &= scalars.is_plain_number(block, at) || is_scalar(block, at as usize);
        starts &= starts - 1;
    }
    carry.bad |= u64::from(!good);
}
