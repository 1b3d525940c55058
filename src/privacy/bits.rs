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

/// A reader that walks forward through the bits of a text.
#[derive(Clone, Debug)]
pub(super) struct Bits<'a> {
    text: &'a [u8],
    at: usize,
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
        well_formed.then_some(Self { text, at: 0 })
    }

    /// The next `count` bits (at most 32) as a number.
    pub(super) fn take(&mut self, count: usize) -> Option<u32> {
        debug_assert!(count <= 32, "a number of at most 32 bits");
        if let Some(number) = self.take_few(count) {
            return Some(number);
        }
        let end = self.end_of(count)?;
        let mut value = 0_u64;
        let characters = self.at / BITS_PER_CHARACTER..end.div_ceil(BITS_PER_CHARACTER);
        let bits_read = characters.end * BITS_PER_CHARACTER;
        for byte in self.text.get(characters)? {
            value = (value << BITS_PER_CHARACTER) | u64::from(SEXTETS[usize::from(*byte)]);
        }
        self.at = end;
        let wanted = (value >> (bits_read - end)) & ((1 << count) - 1);
        u32::try_from(wanted).ok()
    }

    /// As [`Self::take`], where four characters are there and hold all of it; most numbers are
    /// small, and this costs no loop.
    #[inline]
    fn take_few(&mut self, count: usize) -> Option<u32> {
        let (first, skipped) = (self.at / BITS_PER_CHARACTER, self.at % BITS_PER_CHARACTER);
        let four = self.text.get(first..)?.first_chunk::<4>()?;
        let beyond = (4 * BITS_PER_CHARACTER).checked_sub(skipped + count)?;
        let join =
            |value, byte: &u8| value << BITS_PER_CHARACTER | u32::from(SEXTETS[usize::from(*byte)]);
        let value = four.iter().fold(0, join);
        self.at += count;
        Some((value >> beyond) & ((1 << count) - 1))
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
        self.at = self.end_of(count)?;
        Some(())
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

    fn end_of(&self, count: usize) -> Option<usize> {
        let end = self.at.checked_add(count)?;
        (end <= self.text.len() * BITS_PER_CHARACTER).then_some(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
