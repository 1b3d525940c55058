//! A text's skeleton: where its strings end and its containers close, and that it is JSON.
//!
//! One pass over the bytes turns every 64 of them into a few words of bits ([`masks`]); a second
//! walks over the brackets alone ([`containers`]); a third holds every token against the one
//! before it, 64 bytes at a time ([`grammar`]). Who reads with the skeleton at hand steps over
//! whatever is not needed, and need not check it again.
//!
//! Guarantees: what [`Index::read`] accepts is JSON by the grammar of RFC 8259, an object or an
//! array, nested no deeper than [`DEPTH_MAX`]; it may refuse what is JSON (with very many
//! containers), so whoever is refused asks the plain reader, which also says what is wrong where.
//! Buffers are reused: once warm, nothing is allocated. No recursion.

// What is compiled for more than one kind of processor must be inlined where the kind is known.
#![allow(clippy::inline_always)]

mod containers;
mod grammar;
mod masks;
mod scan;

pub(super) use containers::Container;

use containers::Containers;
use masks::{BLOCK_BYTES, narrow};

/// What later passes need of 64 bytes; all but quotes and backslashes outside of strings.
#[derive(Clone, Copy, Debug, Default)]
struct Block {
    /// Quotes that begin and end strings.
    quote: u64,
    /// Backslashes.
    backslash: u64,
    /// The bytes of strings: their first quote with them, their last not.
    in_string: u64,
    /// White space.
    blank: u64,
    open: u64,
    close: u64,
    comma: u64,
    colon: u64,
    /// From where on commas part something else than before: members, elements.
    turns: u64,
}

/// The skeleton of one text. Kept, and filled anew for each.
#[derive(Debug, Default)]
pub struct Index {
    blocks: Vec<Block>,
    containers: Containers,
    /// Whether any string holds an escape.
    escaped: bool,
}

impl Index {
    /// Reads the skeleton of `text`; `false` if it is not to be used, and the plain reader asked.
    pub fn read(&mut self, text: &str) -> bool {
        #[cfg(target_arch = "x86_64")]
        if masks::wide::is_available() {
            return wide::read(self, text);
        }
        self.read_narrow(text)
    }

    /// As [`Self::read`], by the way that all processors can go.
    fn read_narrow(&mut self, text: &str) -> bool {
        scan::read(self, text, (narrow::masks, narrow::parity))
    }

    /// Where the string ends whose inside begins at `at`: the place of its last quote.
    #[inline]
    pub(super) fn string_end(&self, at: usize) -> usize {
        self.next(at, |block| block.quote)
    }

    /// Where the number or word ends that goes on at `at`: at a comma, a closing bracket or white
    /// space, one of which follows since a container holds it.
    #[inline]
    pub(super) fn scalar_end(&self, at: usize) -> usize {
        self.next(at, |block| block.comma | block.close | block.blank)
    }

    /// The first place from `at` on that has a bit in the word that is taken of each block.
    #[inline]
    fn next(&self, at: usize, word: impl Fn(&Block) -> u64) -> usize {
        let bits = |number: usize| self.blocks.get(number).map_or(0, &word);
        let mut number = at / BLOCK_BYTES;
        let mut found = bits(number) & (!0 << (at % BLOCK_BYTES));
        while found == 0 && number < self.blocks.len() {
            number += 1;
            found = bits(number);
        }
        number * BLOCK_BYTES + found.trailing_zeros() as usize
    }

    /// The container of that number, counted in the order in which they open.
    #[inline]
    pub(super) fn container(&self, number: u32) -> Container {
        self.containers.get(number)
    }

    /// Whether there is an escape from `start` to before `end`.
    #[inline]
    pub(super) fn is_escaped(&self, start: usize, end: usize) -> bool {
        self.escaped && self.any_backslash(start, end)
    }

    fn any_backslash(&self, start: usize, end: usize) -> bool {
        let (first, last) = (start / BLOCK_BYTES, end / BLOCK_BYTES);
        let backslash = |number: usize| self.blocks.get(number).map_or(0, |block| block.backslash);
        let from_start = !0 << (start % BLOCK_BYTES);
        let to_end = !(!0 << (end % BLOCK_BYTES));
        if first == last {
            return backslash(first) & from_start & to_end != 0;
        }
        let between = (first + 1..last).any(|number| backslash(number) != 0);
        between || backslash(first) & from_start != 0 || backslash(last) & to_end != 0
    }
}

/// The one place that asks more of the processor than the program was built for.
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod wide {
    use super::{Index, masks, scan};

    /// As [`Index::read_narrow`], 32 bytes at a time. To be called only where
    /// [`masks::wide::is_available`].
    pub(super) fn read(index: &mut Index, text: &str) -> bool {
        debug_assert!(masks::wide::is_available(), "asked by the caller");
        // SAFETY: the processor has the features: `Index::read`, the only caller, has asked it.
        unsafe { with_features(index, text) }
    }

    #[target_feature(enable = "avx2,pclmulqdq,bmi1,popcnt")]
    fn with_features(index: &mut Index, text: &str) -> bool {
        scan::read(
            index,
            text,
            (|chunk: &_| masks::wide::masks(chunk), |word| masks::wide::parity(word)),
        )
    }
}

#[cfg(test)]
mod tests;
