//! The second pass: which bracket closes which.
//!
//! Guarantees: at most [`CONTAINERS_MAX`] containers, nested at most [`DEPTH_MAX`] deep, one that
//! holds all others; each closed by a bracket of its kind.

use super::Block;
use super::masks::BLOCK_BYTES;
use crate::openrtb::json::DEPTH_MAX;

/// Most containers of a text: a request of 10 KB has a hundred or two.
const CONTAINERS_MAX: usize = 4_096;
/// Brackets that are noted whether they are there or not: few blocks have more.
const AT_ONCE: usize = 4;
/// Room for all brackets, and for a block's beyond them.
const BRACKETS_MAX: usize = 2 * CONTAINERS_MAX + BLOCK_BYTES;
/// What opening brackets have and closing ones have not.
const OPENS: u8 = 0b10;
/// What curly brackets have and square ones have not.
const CURLY: u8 = 0x20;
/// A closing bracket less its opening one.
const TO_CLOSING: u8 = 2;

/// An object or an array of the text.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::openrtb::json) struct Container {
    /// Where its closing bracket stands.
    pub(in crate::openrtb::json) close: u32,
    /// The number of the first container that opens after it has closed.
    pub(in crate::openrtb::json) next: u32,
    /// Its opening bracket.
    bracket: u8,
}

/// All containers of a text, in the order in which they open.
#[derive(Debug)]
pub(super) struct Containers {
    brackets: Box<[u32]>,
    noted: usize,
    list: Vec<Container>,
}

impl Default for Containers {
    fn default() -> Self {
        let list = Vec::with_capacity(CONTAINERS_MAX);
        Self { brackets: vec![0; BRACKETS_MAX].into_boxed_slice(), noted: 0, list }
    }
}

impl Containers {
    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.noted = 0;
    }

    /// The container of that number.
    #[inline]
    pub(super) fn get(&self, number: u32) -> Container {
        self.list.get(number as usize).copied().unwrap_or_default()
    }

    /// Notes the brackets of the block at `base`; `false` if they are too many.
    #[inline(always)]
    pub(super) fn note(&mut self, base: usize, mut brackets: u64) -> bool {
        let places = self.brackets.get_mut(self.noted..self.noted + BLOCK_BYTES);
        let Some((first, others)) = places.and_then(|places| places.split_at_mut_checked(AT_ONCE))
        else {
            return false;
        };
        self.noted += brackets.count_ones() as usize;
        for place in first {
            *place = base as u32 + brackets.trailing_zeros();
            brackets &= brackets.wrapping_sub(1);
        }
        if brackets != 0 {
            note_rest(base as u32, brackets, others);
        }
        true
    }

    /// Finds where each container closes, and marks in `blocks` where commas turn from parting
    /// elements to parting members and back. Where the text ends; `None` if it does not hold
    /// together.
    #[inline(always)]
    pub(super) fn pair(&mut self, bytes: &[u8], blocks: &mut [Block]) -> Option<usize> {
        self.list.clear();
        let brackets = self.brackets.get(..self.noted)?;
        let mut stack = [0; DEPTH_MAX as usize + 1];
        let mut kinds = [0; DEPTH_MAX as usize + 1];
        let (mut depth, mut kind) = (0, 0);
        for (number, place) in brackets.iter().enumerate() {
            let byte = bytes[*place as usize];
            let old_kind = kind;
            if byte & OPENS != 0 {
                depth += 1;
                *stack.get_mut(depth)? = self.list.len();
                if self.list.len() == CONTAINERS_MAX {
                    return None;
                }
                self.list.push(Container { close: 0, next: 0, bracket: byte });
                kind = byte & CURLY;
                kinds[depth] = kind;
            } else {
                let next = self.list.len() as u32;
                let container = self.list.get_mut(stack[depth])?;
                if depth == 0 || container.bracket + TO_CLOSING != byte {
                    return None;
                }
                *container = Container { close: *place, next, ..*container };
                depth -= 1;
                if depth == 0 && number + 1 < brackets.len() {
                    return None;
                }
                kind = kinds[depth];
            }
            let turns = u64::from(kind != old_kind) << (*place as usize % BLOCK_BYTES);
            blocks[*place as usize / BLOCK_BYTES].turns |= turns;
        }
        let end = *brackets.last()? as usize + 1;
        (depth == 0).then_some(end)
    }
}

#[inline(never)]
fn note_rest(base: u32, mut brackets: u64, places: &mut [u32]) {
    for place in places {
        if brackets == 0 {
            break;
        }
        *place = base + brackets.trailing_zeros();
        brackets &= brackets - 1;
    }
}
