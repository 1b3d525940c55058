//! Rows as messages `Row` of `proto/audience.proto`, each behind its length as a varint.
//!
//! Walked by hand, borrowed from the block: prost would own every string, and it passes over
//! fields that it does not know, where a row that is not understood in full must be refused.
//! Its types are the oracle in the tests.

use super::fields::TIME;
use super::{FieldFault, ITEMS_MAX, Offered, ROW_BYTES_MAX, ReadError, Row};
use crate::audience::ValueThousandths;
use crate::model::UnixSeconds;
use std::borrow::Cow;

const MESSAGE: &str = "a message Row of proto/audience.proto";
const FIELD_NUMBER: &str = "fields 1 to 10 of Row, each in its own type";
const COUNT: &str = "an integer from 1 to 4294967295";

/// Longest varint: ten bytes hold 64 bits.
const VARINT_BYTES_MAX: usize = 10;
const TYPE_VARINT: u64 = 0;
const TYPE_BYTES: u64 = 2;

/// Hands the row of every message of `block` to `each`, until `each` fails. `number` is that
/// of the first.
pub(super) fn rows<E>(
    block: &[u8],
    mut number: u64,
    mut each: impl FnMut(Offered<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut walk = Walk { bytes: block, at: 0 };
    // A block ends where a message does, so this reads all of it.
    while let Some(message) = walk.sized() {
        each(Offered { line: number, raw: b"", row: row(message) })?;
        number += 1;
    }
    Ok(())
}

/// Where the last whole message of `bytes` ends, and how many there are.
pub(super) fn last_end(bytes: &[u8], first: u64) -> Result<(usize, u64), ReadError> {
    let mut walk = Walk { bytes, at: 0 };
    let (mut end, mut messages) = (0, 0);
    loop {
        match walk.varint() {
            Some(length) if length > ROW_BYTES_MAX as u64 => break,
            Some(length) if length as usize <= bytes.len() - walk.at => {
                walk.at += length as usize;
                end = walk.at;
                messages += 1;
            }
            None if bytes.len() - end >= VARINT_BYTES_MAX => break,
            _ => return Ok((end, messages)),
        }
    }
    let message = "expected a message of at most 65536 bytes: is this a file of such messages?";
    Err(ReadError::invalid(first + messages, message))
}

/// Appends a row as a message behind its length.
pub fn write(out: &mut Vec<u8>, row: &Row<'_>) {
    let begin = out.len();
    for (field, name) in [(1, &row.id_space), (2, &row.id), (3, &row.segment)] {
        // An empty text is what a field that is not there says.
        if !name.is_empty() {
            text(out, field, name);
        }
    }
    number(out, 4, u64::from(row.last_seen.0));
    number(out, 5, row.first_seen.map_or(0, |time| u64::from(time.0)));
    number(out, 6, row.expires.map_or(0, |time| u64::from(time.0)));
    number(out, 7, if row.count == 1 { 0 } else { u64::from(row.count) });
    number(out, 8, row.value.0);
    row.items.iter().for_each(|item| text(out, 9, item));
    number(out, 10, u64::from(row.remove));
    let length = out.len() - begin;
    varint(out, length as u64);
    // The length is known only now: it goes to the front, what is behind it one place back.
    let width = out.len() - begin - length;
    out[begin..].rotate_right(width);
}

fn text(out: &mut Vec<u8>, field: u64, text: &str) {
    varint(out, field << 3 | TYPE_BYTES);
    varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// Zero is what a field that is not there says.
fn number(out: &mut Vec<u8>, field: u64, number: u64) {
    if number != 0 {
        varint(out, field << 3 | TYPE_VARINT);
        varint(out, number);
    }
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn row(message: &[u8]) -> Result<Row<'_>, FieldFault> {
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
    let mut walk = Walk { bytes: message, at: 0 };
    while walk.at < message.len() {
        let tag = walk.varint().ok_or_else(broken)?;
        match tag & 7 {
            TYPE_BYTES => {
                let bytes = walk.sized().ok_or_else(broken)?;
                text_field(&mut row, tag >> 3, bytes)?;
            }
            TYPE_VARINT => {
                let number = walk.varint().ok_or_else(broken)?;
                number_field(&mut row, tag >> 3, number)?;
            }
            _ => return Err(unknown(tag >> 3)),
        }
    }
    Ok(row)
}

fn text_field<'a>(row: &mut Row<'a>, field: u64, bytes: &'a [u8]) -> Result<(), FieldFault> {
    let name = match field {
        1 => "id_space",
        2 => "id",
        3 => "segment",
        9 => "items",
        _ => return Err(unknown(field)),
    };
    let text = std::str::from_utf8(bytes)
        .map_err(|_| FieldFault::new(name, "UTF-8", "other bytes"))
        .map(Cow::Borrowed)?;
    match field {
        1 => row.id_space = text,
        2 => row.id = text,
        3 => row.segment = text,
        // One more than may be is enough to be refused.
        _ if row.items.len() <= ITEMS_MAX => row.items.push(text),
        _ => {}
    }
    Ok(())
}

fn number_field(row: &mut Row<'_>, field: u64, number: u64) -> Result<(), FieldFault> {
    match field {
        4 => row.last_seen = time("last_seen_s", number)?.unwrap_or(UnixSeconds(0)),
        5 => row.first_seen = time("first_seen_s", number)?,
        6 => row.expires = time("expires_s", number)?,
        7 => {
            let count = u32::try_from(number);
            row.count =
                count.map_err(|_| FieldFault::new("count", COUNT, &number.to_string()))?.max(1);
        }
        8 => row.value = ValueThousandths(number),
        10 => row.remove = number != 0,
        _ => return Err(unknown(field)),
    }
    Ok(())
}

/// Zero is what a field that is not there says.
fn time(field: &str, number: u64) -> Result<Option<UnixSeconds>, FieldFault> {
    match u32::try_from(number) {
        Ok(0) => Ok(None),
        Ok(seconds) => Ok(Some(UnixSeconds(seconds))),
        Err(_) => Err(FieldFault::new(field, TIME, &number.to_string())),
    }
}

fn broken() -> FieldFault {
    FieldFault::new("the message", MESSAGE, "bytes that are none")
}

fn unknown(field: u64) -> FieldFault {
    FieldFault::new("the message", FIELD_NUMBER, &format!("field {field}"))
}

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Walk<'a> {
    fn varint(&mut self) -> Option<u64> {
        let rest = self.bytes.get(self.at..)?;
        let mut number = 0_u64;
        for (place, byte) in rest.iter().take(VARINT_BYTES_MAX).enumerate() {
            number |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                self.at += place + 1;
                return Some(number);
            }
        }
        None
    }

    fn sized(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.varint()?).ok()?;
        let bytes = self.bytes.get(self.at..self.at.checked_add(length)?)?;
        self.at += length;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audience::snapshot::manifest::proto;
    use proptest::prelude::*;
    use prost::Message;

    /// The row as prost knows it.
    fn oracle(row: &Row<'_>) -> proto::Row {
        proto::Row {
            id_space: row.id_space.to_string(),
            id: row.id.to_string(),
            segment: row.segment.to_string(),
            last_seen_s: u64::from(row.last_seen.0),
            first_seen_s: row.first_seen.map_or(0, |time| u64::from(time.0)),
            expires_s: row.expires.map_or(0, |time| u64::from(time.0)),
            count: if row.count == 1 { 0 } else { row.count },
            value_thousandths: row.value.0,
            items: row.items.iter().map(ToString::to_string).collect(),
            remove: row.remove,
        }
    }

    fn any_row() -> impl Strategy<Value = Row<'static>> {
        let times = (1..=u32::MAX, proptest::option::of(1..=u32::MAX), 0..=u32::MAX);
        let texts = (".{0,9}", ".{0,200}", "[a-z]{1,9}", prop::collection::vec(".{0,9}", 0..9));
        (texts, times, 1..=u32::MAX, any::<u64>(), any::<bool>()).prop_map(
            |((id_space, id, segment, items), (last, first, expires), count, value, remove)| Row {
                id_space: id_space.into(),
                id: id.into(),
                segment: segment.into(),
                last_seen: UnixSeconds(last),
                first_seen: first.map(UnixSeconds),
                expires: (expires > 0).then_some(UnixSeconds(expires)),
                count,
                value: ValueThousandths(value),
                items: items.into_iter().map(Cow::Owned).collect(),
                remove,
            },
        )
    }

    proptest! {
        #[test]
        fn rows_come_back_and_are_what_prost_writes(one in any_row()) {
            let mut written = Vec::new();
            write(&mut written, &one);
            prop_assert_eq!(&written, &oracle(&one).encode_length_delimited_to_vec());
            let mut read = Vec::new();
            rows::<()>(&written, 1, |offered| {
                read.push(offered.row.map(Row::into_owned));
                Ok(())
            }).expect("never fails");
            prop_assert_eq!(read, [Ok(one)]);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            let _ = row(&bytes);
            let _ = last_end(&bytes, 1);
            rows::<()>(&bytes, 1, |_| Ok(())).expect("never fails");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let good = oracle(&Row {
            id_space: "a".into(),
            id: "b".into(),
            segment: "c".into(),
            last_seen: UnixSeconds(5),
            first_seen: None,
            expires: None,
            count: 1,
            value: ValueThousandths(0),
            items: Vec::new(),
            remove: false,
        });
        let fault = |change: &[u8], wire: proto::Row| {
            let message = [&wire.encode_to_vec()[..], change].concat();
            row(&message).expect_err("refused")
        };
        assert!(row(&good.encode_to_vec()).is_ok());
        assert_eq!(fault(b"\x58\x01", good.clone()).found, "field 11");
        assert_eq!(fault(b"\x0d\0\0\0\0", good.clone()).found, "field 1", "another type");
        assert_eq!(fault(b"\x12\x05ab", good.clone()).field, "the message", "cut off");
        assert_eq!(fault(b"\x12\x01\xff", good.clone()).field, "id", "not UTF-8");
        let milliseconds = proto::Row { last_seen_s: 1_700_000_000_000, ..good };
        assert_eq!(fault(b"", milliseconds).expected, TIME);
    }
}
