//! Bits out of web-safe base64 text, six to a character, most significant first: the carrier of
//! consent strings. Nothing is copied or allocated.
//!
//! Guarantees: a text with a character outside the alphabet is refused whole, before anything is
//! read; reading past the end is `None`, never a guess. What a bit means is not known here.

/// Bits that one character carries.
const BITS_PER_CHARACTER: usize = 6;
/// In [`SEXTETS`]: no character of the alphabet.
const NONE: u8 = 0xFF;
/// The value of each byte in the web-safe alphabet (RFC 4648, section 5).
const SEXTETS: [u8; 256] = sextets();

const fn sextets() -> [u8; 256] {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut values = [NONE; 256];
    let mut value = 0_u8;
    while (value as usize) < alphabet.len() {
        values[alphabet[value as usize] as usize] = value;
        value += 1;
    }
    values
}

/// Characters that are read at once where there are as many.
const CHARACTERS_AT_ONCE: usize = 4;
/// A number has at most so many bits.
const NUMBER_BITS_MAX: usize = 32;

/// A reader that walks forward through the bits of a text.
#[derive(Clone, Debug)]
pub(super) struct Bits<'a> {
    /// The characters whose bits are not in the window yet.
    rest: &'a [u8],
    /// The next bits, the first of them on top; below them there is nothing but zeros.
    window: u64,
    /// How many bits of the window are still to be read.
    held: usize,
}

impl<'a> Bits<'a> {
    /// The bits of `text`; `None` where it holds anything but the alphabet, padding included:
    /// consent strings have none.
    pub(super) fn new(text: &'a str) -> Option<Self> {
        let text = text.as_bytes();
        // Every byte is looked at, whatever the others are: so it is done many at a time.
        let foreign =
            |byte: &u8| !matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_');
        let well_formed = text.iter().fold(true, |well_formed, byte| well_formed & !foreign(byte));
        well_formed.then_some(Self { rest: text, window: 0, held: 0 })
    }

    /// The next `count` bits (at most 32) as a number.
    #[inline]
    pub(super) fn take(&mut self, count: usize) -> Option<u32> {
        debug_assert!(count <= NUMBER_BITS_MAX, "a number of at most 32 bits");
        if self.held < count {
            self.fill();
        }
        if count == 0 || self.held < count {
            return (count == 0).then_some(0);
        }
        let number = self.window >> (u64::BITS as usize - count);
        self.drop_held(count);
        u32::try_from(number).ok()
    }

    /// Fills the window as far as whole characters go.
    fn fill(&mut self) {
        let join =
            |value, byte: &u8| value << BITS_PER_CHARACTER | u64::from(SEXTETS[usize::from(*byte)]);
        while let Some((some, rest)) = self.rest.split_first_chunk::<CHARACTERS_AT_ONCE>()
            && self.held <= u64::BITS as usize - CHARACTERS_AT_ONCE * BITS_PER_CHARACTER
        {
            self.add(some.iter().fold(0, join), CHARACTERS_AT_ONCE * BITS_PER_CHARACTER);
            self.rest = rest;
        }
        while let Some((one, rest)) = self.rest.split_first()
            && self.held < NUMBER_BITS_MAX
        {
            self.add(join(0, one), BITS_PER_CHARACTER);
            self.rest = rest;
        }
    }

    /// Adds `count` bits below those that are held.
    #[inline]
    fn add(&mut self, bits: u64, count: usize) {
        self.held += count;
        self.window |= bits << (u64::BITS as usize - self.held);
    }

    /// Forgets the first `count` of the bits that are held.
    #[inline]
    fn drop_held(&mut self, count: usize) {
        self.window = self.window.checked_shl(count as u32).unwrap_or(0);
        self.held -= count;
    }

    /// The next bit.
    pub(super) fn flag(&mut self) -> Option<bool> {
        self.take(1).map(|bit| bit == 1)
    }

    /// The next `count` bits (at most 16) as a small number.
    pub(super) fn small(&mut self, count: usize) -> Option<u16> {
        u16::try_from(self.take(count)?).ok()
    }

    /// Steps over `count` bits.
    pub(super) fn skip(&mut self, count: usize) -> Option<()> {
        let Some(beyond) = count.checked_sub(self.held) else {
            self.drop_held(count);
            return Some(());
        };
        let (characters, bits) = (beyond / BITS_PER_CHARACTER, beyond % BITS_PER_CHARACTER);
        let rest = self.rest.get(characters..).filter(|rest| bits == 0 || !rest.is_empty())?;
        (self.rest, self.window, self.held) = (rest, 0, 0);
        self.take(bits).map(drop)
    }

    /// A number in Fibonacci coding (IAB GPP, "Fibonacci Encoding"): a bit for each of 1, 2, 3,
    /// 5, 8 and so on, ended by a second 1 in a row. `None` where it does not fit 16 bits.
    pub(super) fn fibonacci(&mut self) -> Option<u16> {
        let (mut total, mut last) = (0_u16, false);
        let (mut term, mut next) = (1_u32, 2_u32);
        loop {
            let bit = self.flag()?;
            if bit && last {
                return Some(total);
            }
            if bit {
                total = total.checked_add(u16::try_from(term).ok()?)?;
            }
            (term, next, last) = (next, term.checked_add(next)?, bit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_read_across_characters() {
        // "CPX_" is 000010 001111 010111 111111.
        let mut bits = Bits::new("CPX_").expect("web-safe");
        assert_eq!(bits.take(6), Some(2));
        assert_eq!(bits.take(9), Some(0b0_0111_1010));
        assert_eq!(bits.flag(), Some(true));
        assert_eq!(bits.take(9), None, "eight are left");
        assert_eq!(bits.skip(7), Some(()));
        assert_eq!((bits.take(1), bits.take(1), bits.take(0)), (Some(1), None, Some(0)));
        assert_eq!(Bits::new("______").and_then(|mut bits| bits.take(32)), Some(u32::MAX));
    }

    proptest! {
        /// Against the text written out bit by bit.
        #[test]
        fn bits_are_read_as_they_stand(
            text in "[A-Za-z0-9_-]{0,40}",
            steps in prop::collection::vec((any::<bool>(), 0_usize..=32, 0_usize..120), 0..40),
        ) {
            let sextets = text.bytes().map(|byte| SEXTETS[usize::from(byte)]);
            let all: Vec<u32> = sextets
                .flat_map(|value| (0..6).rev().map(move |bit| u32::from(value >> bit & 1)))
                .collect();
            let (mut bits, mut at) = (Bits::new(&text).expect("of the alphabet"), 0);
            for (skips, few, many) in steps {
                let count = if skips { many } else { few };
                let there = all.get(at..at + count);
                if skips {
                    prop_assert_eq!(bits.skip(count), there.map(|_| ()));
                } else {
                    let number = there.map(|bits| bits.iter().fold(0, |sum, bit| sum << 1 | bit));
                    prop_assert_eq!(bits.take(count), number);
                }
                at += there.map_or(0, <[u32]>::len);
            }
        }
    }

    #[test]
    fn foreign_characters_are_refused() {
        for text in ["A=", "A A", "A+", "A/", "Aé", "A.B"] {
            assert!(Bits::new(text).is_none(), "{text:?}");
        }
        assert!(Bits::new("").is_some_and(|mut bits| bits.flag().is_none()));
    }

    #[test]
    fn fibonacci_numbers() {
        // 11 is 1, 011 is 2, 0011 is 3, 1011 is 4: 1101 1001 1101 1, padded.
        let mut bits = Bits::new("2di").expect("web-safe");
        let read: Vec<_> = std::iter::repeat_with(|| bits.fibonacci()).take(4).collect();
        assert_eq!(read, [Some(1), Some(2), Some(3), Some(4)]);
        assert_eq!(Bits::new("AAAAAAAAAAAAAAAAAAA").and_then(|mut bits| bits.fibonacci()), None);
        let beyond = Bits::new("AAAAAAw").and_then(|mut bits| bits.fibonacci());
        assert_eq!(beyond, None, "the 37th term is beyond 16 bits");
    }
}
