//! The texts and numbers of the reader: scanning, unescaping, converting.

use std::borrow::Cow;

/// The end of the run of bytes that need no attention in a string: eight at a time.
pub(crate) fn plain_run_end(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = ONES << 7;
    while let Some(chunk) = bytes.get(at..at + 8) {
        let word = u64::from_le_bytes(chunk.try_into().expect("the slice is eight bytes long"));
        let zero_bytes = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        let special = control
            | zero_bytes(word ^ (ONES * u64::from(b'"')))
            | zero_bytes(word ^ (ONES * u64::from(b'\\')));
        if special != 0 {
            // The lowest flagged byte is exact; higher ones may be borrowed from it.
            return at + (special.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while bytes.get(at).is_some_and(|byte| *byte >= 0x20 && *byte != b'"' && *byte != b'\\') {
        at += 1;
    }
    at
}

/// The length of a valid escape at the start of `bytes`, which begin with a backslash.
pub(super) fn escape_length(bytes: &[u8]) -> Option<usize> {
    match bytes.get(1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => bytes.get(2..6)?.iter().all(u8::is_ascii_hexdigit).then_some(6),
        _ => None,
    }
}

/// A string as it stands between its quotes.
pub(super) struct RawText<'a> {
    pub(super) inside: &'a str,
    pub(super) escaped: bool,
}

impl<'a> RawText<'a> {
    #[inline]
    pub(super) fn unescaped(&self) -> Cow<'a, str> {
        if self.escaped { Cow::Owned(unescape(self.inside)) } else { Cow::Borrowed(self.inside) }
    }
}

/// Resolves escapes whose grammar was checked; lone surrogates become U+FFFD.
fn unescape(inside: &str) -> String {
    let mut plain = String::with_capacity(inside.len());
    let mut rest = inside;
    while let Some(backslash) = rest.find('\\') {
        plain.push_str(&rest[..backslash]);
        let escape = rest.as_bytes()[backslash + 1];
        rest = &rest[backslash + 2..];
        match escape {
            b'b' => plain.push('\u{8}'),
            b'f' => plain.push('\u{c}'),
            b'n' => plain.push('\n'),
            b'r' => plain.push('\r'),
            b't' => plain.push('\t'),
            b'u' => {
                let (letter, length) = unicode_escape(rest);
                plain.push(letter);
                rest = &rest[length..];
            }
            other => plain.push(char::from(other)),
        }
    }
    plain.push_str(rest);
    plain
}

/// The letter of `hhhh` or `hhhh\uhhhh`, and how many bytes of `rest` it took.
fn unicode_escape(rest: &str) -> (char, usize) {
    let unit = |at: usize| rest.get(at..at + 4).and_then(|hex| u16::from_str_radix(hex, 16).ok());
    let first = unit(0).unwrap_or(0xfffd);
    if let Some(letter) = char::from_u32(u32::from(first)) {
        return (letter, 4);
    }
    let pair = (rest.get(4..6) == Some("\\u")).then(|| unit(6)).flatten();
    let joined = pair.and_then(|second| char::decode_utf16([first, second]).next()?.ok());
    joined.map_or((char::REPLACEMENT_CHARACTER, 4), |letter| (letter, 10))
}

/// The whole number that a decimal text denotes, if it is one within `i64`.
pub(super) fn integral(text: &str) -> Option<i64> {
    if let Ok(whole) = text.parse() {
        return Some(whole);
    }
    let float: f64 = text.parse().ok()?;
    let fits = float.fract() == 0.0 && float.abs() < 9e15;
    fits.then_some(float as i64)
}

/// Whether a number or a literal begins at `at` and ends where something else begins.
#[inline]
pub(super) fn is_scalar(bytes: &[u8], at: usize) -> bool {
    let rest = bytes.get(at..).unwrap_or_default();
    let length = match rest.first() {
        Some(b'-' | b'0'..=b'9') => number_length(rest),
        Some(b't') => rest.starts_with(b"true").then_some(4),
        Some(b'f') => rest.starts_with(b"false").then_some(5),
        Some(b'n') => rest.starts_with(b"null").then_some(4),
        _ => None,
    };
    let ends = |byte: &u8| {
        matches!(
            byte,
            b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t' | b':' | b'{' | b'[' | b'"'
        )
    };
    length.is_some_and(|length| rest.get(length).is_none_or(ends))
}

/// The length of the number at the start of `bytes`, by JSON's grammar.
#[inline]
fn number_length(bytes: &[u8]) -> Option<usize> {
    let mut at = usize::from(bytes.first() == Some(&b'-'));
    at = if bytes.get(at) == Some(&b'0') { at + 1 } else { digits_end(bytes, at)? };
    if bytes.get(at) == Some(&b'.') {
        at = digits_end(bytes, at + 1)?;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let signed = matches!(bytes.get(at + 1), Some(b'+' | b'-'));
        at = digits_end(bytes, at + 1 + usize::from(signed))?;
    }
    Some(at)
}

/// The end of the digits from `at` on, of which there must be one.
#[inline]
fn digits_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    while bytes.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    (at > start).then_some(at)
}
