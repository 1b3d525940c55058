//! The quick way through a line of NDJSON: the usual forms only, borrowed from the line.
//!
//! Guarantees: what it reads, the careful way in `ndjson` reads alike (a property test holds
//! them together); whatever it does not know at sight it leaves to that way, which also says
//! what is wrong. So it has no messages of its own. Three to four times as fast as serde.

use super::Row;
use super::fields::{Found, thousandths, time};
use crate::audience::ValueThousandths;
use crate::model::UnixSeconds;
use crate::openrtb::json::plain_run_end;
use std::borrow::Cow;

/// Most digits of an integer that is read here: no overflow is possible.
const DIGITS_MAX: usize = 12;

/// The fields that were seen, one bit each in the order of [`super::fields::FIELDS`].
const REQUIRED: u16 = 0b1111;

/// Reads a line; `None` leaves it to the careful way.
pub(super) fn row(text: &str) -> Option<Row<'_>> {
    let mut scan = Scan { text, at: 0 };
    let mut row = Row {
        id_space: Cow::Borrowed(""),
        id: Cow::Borrowed(""),
        segment: Cow::Borrowed(""),
        last_seen: UnixSeconds(0),
        first_seen: None,
        expires: None,
        count: 1,
        value: ValueThousandths(0),
        items: Vec::new(),
        remove: false,
    };
    let mut seen = 0_u16;
    scan.byte(b'{')?;
    loop {
        let key = scan.text()?;
        scan.byte(b':')?;
        let field = scan.field(key, &mut row)?;
        if seen & field != 0 {
            return None;
        }
        seen |= field;
        match scan.next()? {
            b',' => {}
            b'}' => break,
            _ => return None,
        }
    }
    scan.space();
    (scan.at == text.len() && seen & REQUIRED == REQUIRED).then_some(row)
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    /// Reads the value of `key` into the row; the bit of the field.
    fn field(&mut self, key: &str, row: &mut Row<'a>) -> Option<u16> {
        Some(match key {
            "id_space" => {
                row.id_space = Cow::Borrowed(self.text()?);
                1
            }
            "id" => {
                row.id = Cow::Borrowed(self.text()?);
                1 << 1
            }
            "segment" => {
                row.segment = Cow::Borrowed(self.text()?);
                1 << 2
            }
            "last_seen" => {
                row.last_seen = self.time()?;
                1 << 3
            }
            "first_seen" => {
                row.first_seen = Some(self.time()?);
                1 << 4
            }
            "expires" => {
                row.expires = Some(self.time()?);
                1 << 5
            }
            "count" => {
                row.count = u32::try_from(self.integer()?).ok().filter(|count| *count > 0)?;
                1 << 6
            }
            "value" => {
                row.value = self.value()?;
                1 << 7
            }
            "items" => {
                row.items = self.items()?;
                1 << 8
            }
            "remove" => {
                row.remove = self.flag()?;
                1 << 9
            }
            _ => return None,
        })
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is no white space, stepped over.
    fn next(&mut self) -> Option<u8> {
        self.space();
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn byte(&mut self, wanted: u8) -> Option<()> {
        (self.next()? == wanted).then_some(())
    }

    /// A text without escapes.
    fn text(&mut self) -> Option<&'a str> {
        self.byte(b'"')?;
        let end = plain_run_end(self.text.as_bytes(), self.at);
        if self.text.as_bytes().get(end) != Some(&b'"') {
            return None;
        }
        let text = self.text.get(self.at..end)?;
        self.at = end + 1;
        Some(text)
    }

    /// The digits of an integer that is not negative.
    fn integer(&mut self) -> Option<u64> {
        let number = self.digits()?;
        (!matches!(self.peek(), Some(b'.' | b'e' | b'E'))).then_some(number)
    }

    fn digits(&mut self) -> Option<u64> {
        self.space();
        let from = self.at;
        let mut number = 0_u64;
        while let Some(byte @ b'0'..=b'9') = self.peek() {
            number = number.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'));
            self.at += 1;
        }
        let digits = self.at - from;
        // JSON knows no leading zeros.
        let leading = digits > 1 && self.text.as_bytes()[from] == b'0';
        (digits > 0 && digits <= DIGITS_MAX && !leading).then_some(number)
    }

    fn time(&mut self) -> Option<UnixSeconds> {
        self.space();
        if self.peek() == Some(b'"') {
            let text = Found::Text(Cow::Borrowed(self.text()?));
            return time("", &text).ok()?;
        }
        u32::try_from(self.integer()?).ok().map(UnixSeconds)
    }

    /// A text, or a number of at most fifteen digits: as many as a double carries exactly.
    fn value(&mut self) -> Option<ValueThousandths> {
        self.space();
        if self.peek() == Some(b'"') {
            return thousandths(self.text()?).map(ValueThousandths);
        }
        let from = self.at;
        self.digits()?;
        if self.peek() == Some(b'.') {
            self.at += 1;
            while matches!(self.peek(), Some(b'0'..=b'9')) {
                self.at += 1;
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            return None;
        }
        thousandths(self.text.get(from..self.at)?).map(ValueThousandths)
    }

    fn items(&mut self) -> Option<Vec<Cow<'a, str>>> {
        self.byte(b'[')?;
        let mut items = Vec::new();
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Some(items);
        }
        loop {
            items.push(Cow::Borrowed(self.text()?));
            match self.next()? {
                b',' => {}
                b']' => return Some(items),
                _ => return None,
            }
        }
    }

    fn flag(&mut self) -> Option<bool> {
        self.space();
        let rest = self.text.get(self.at..)?;
        for (word, flag) in [("true", true), ("false", false)] {
            if rest.starts_with(word) {
                self.at += word.len();
                return Some(flag);
            }
        }
        None
    }
}
