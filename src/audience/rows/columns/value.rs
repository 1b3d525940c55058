//! What stands at one place of a column: from a value as Parquet keeps it to one that a field
//! can be made of.
//!
//! Guarantees: integers, decimals and fractions of any width mean the number that they are, to
//! the last place; timestamps are seconds since 1970, fractions of a second cut off; nothing is
//! rounded. Must not know the fields.

use super::super::fields::Found;
use super::schema::Kind;
use crate::model::ids::{UUID_CHARS, push_uuid};
use parquet::data_type::{ByteArray, FixedLenByteArray, Int96};
use std::borrow::Cow;

/// Values in thousandths from here on are left to texts: fewer digits are exact as a double.
const THOUSANDTHS_EXACT: i128 = 1_000_000_000_000_000;
/// As much of single precision: six digits of it are exact.
const SINGLE_THOUSANDTHS_EXACT: f64 = 1_000_000.0;

/// Values of one column that were read.
pub(super) enum Values {
    /// Texts, bytes, decimals of any length.
    Texts(Vec<ByteArray>),
    /// Decimals of one length.
    Fixed(Vec<FixedLenByteArray>),
    /// UUIDs.
    Uuids(Uuids),
    /// Integers of 32 bits.
    Narrow(Vec<i32>),
    /// Integers of 64 bits.
    Wide(Vec<i64>),
    /// Timestamps of old writers: nanoseconds of a Julian day.
    Julian(Vec<Int96>),
    /// Single precision.
    Single(Vec<f32>),
    /// Double precision.
    Double(Vec<f64>),
    /// Flags.
    Flags(Vec<bool>),
}

/// UUIDs as they were read, and the texts that they stand for one after another.
#[derive(Default)]
pub(super) struct Uuids {
    pub(super) bytes: Vec<FixedLenByteArray>,
    texts: String,
}

impl Uuids {
    /// Makes the texts anew, as ids are written that no column type has changed.
    pub(super) fn set_texts(&mut self) {
        self.texts.clear();
        for uuid in &self.bytes {
            // One of another length would shift all behind it: they have no text then.
            let Ok(bytes) = uuid.data().try_into() else { return };
            push_uuid(&mut self.texts, bytes);
        }
    }

    fn text(&self, at: usize) -> Option<&str> {
        let begin = at.checked_mul(UUID_CHARS)?;
        self.texts.get(begin..begin.checked_add(UUID_CHARS)?)
    }
}

impl Values {
    /// The value at a place.
    pub(super) fn found(&self, kind: Kind, at: usize) -> Found<'_> {
        let found = match self {
            Self::Texts(values) => values.get(at).map(|bytes| text(kind, bytes.data())),
            Self::Fixed(values) => values.get(at).map(|bytes| text(kind, bytes.data())),
            Self::Uuids(uuids) => uuids.text(at).map(|text| Found::Text(Cow::Borrowed(text))),
            Self::Narrow(values) => values.get(at).map(|one| match kind {
                Kind::Unsigned => Found::Integer(u64::from(one.cast_unsigned())),
                _ => number(kind, i64::from(*one)),
            }),
            Self::Wide(values) => values.get(at).map(|one| number(kind, *one)),
            Self::Julian(times) => times.get(at).map(|time| integer(time.to_seconds())),
            Self::Single(values) => values.get(at).map(|one| single(*one)),
            Self::Double(values) => values.get(at).map(|one| Found::Number(*one)),
            Self::Flags(values) => values.get(at).map(|flag| Found::Flag(*flag)),
        };
        found.unwrap_or(Found::Other("nothing where the file promises a value"))
    }

    /// The text at a place, if it is one.
    pub(super) fn text(&self, kind: Kind, at: usize) -> Option<&str> {
        match self {
            Self::Texts(values) if kind == Kind::Plain => {
                std::str::from_utf8(values.get(at)?.data()).ok()
            }
            Self::Uuids(uuids) => uuids.text(at),
            _ => None,
        }
    }
}

fn text(kind: Kind, bytes: &[u8]) -> Found<'_> {
    if let Kind::Places(places) = kind {
        let too_long = Found::Other("a decimal of more than 38 digits");
        return big_endian(bytes).map_or(too_long, |number| decimal(number, places));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Found::Text(Cow::Borrowed(text)),
        Err(_) => Found::Other("bytes that are no UTF-8"),
    }
}

/// Two's complement, the highest byte first.
fn big_endian(bytes: &[u8]) -> Option<i128> {
    let negative = bytes.first()? & 0x80 != 0;
    let mut whole = [if negative { 0xff } else { 0 }; size_of::<i128>()];
    let begin = whole.len().checked_sub(bytes.len())?;
    whole[begin..].copy_from_slice(bytes);
    Some(i128::from_be_bytes(whole))
}

fn number(kind: Kind, number: i64) -> Found<'static> {
    match kind {
        Kind::Plain | Kind::Uuid => integer(number),
        Kind::Unsigned => Found::Integer(number.cast_unsigned()),
        Kind::Ticks(a_second) => integer(number.div_euclid(a_second)),
        Kind::Places(places) => decimal(i128::from(number), places),
    }
}

fn integer(number: impl TryInto<u64>) -> Found<'static> {
    number.try_into().map_or(Found::Other("a negative number"), Found::Integer)
}

/// A double stands for a decimal of up to fifteen digits and for no other one of so many.
fn decimal(number: i128, places: u32) -> Found<'static> {
    if places == 0 || number < 0 {
        return integer(number);
    }
    let thousandths = if places <= 3 {
        number.checked_mul(10_i128.pow(3 - places))
    } else {
        let beyond = 10_i128.pow(places - 3);
        (number % beyond == 0).then(|| number / beyond)
    };
    if let Some(thousandths) = thousandths.filter(|number| *number < THOUSANDTHS_EXACT) {
        return Found::Number(thousandths as f64 / 1_000.0);
    }
    let (unit, width) = (10_i128.pow(places), places as usize);
    Found::Text(format!("{}.{:0width$}", number / unit, number % unit).into())
}

/// By its shortest decimal, as a number would be read from text.
fn single(number: f32) -> Found<'static> {
    let thousandths = (f64::from(number) * 1_000.0).round();
    let decimal = thousandths / 1_000.0;
    if thousandths.abs() < SINGLE_THOUSANDTHS_EXACT
        && (decimal as f32).to_bits() == number.to_bits()
    {
        return Found::Number(decimal);
    }
    number.to_string().parse().map_or(Found::Other("no number"), Found::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimals_of_any_width_are_the_numbers_that_they_are() {
        let narrow = Values::Narrow(vec![5_990, -1]);
        assert_eq!(narrow.found(Kind::Places(2), 0), Found::Number(59.9));
        assert_eq!(narrow.found(Kind::Places(0), 0), Found::Integer(5_990));
        assert_eq!(narrow.found(Kind::Places(2), 1), Found::Other("a negative number"));
        assert_eq!(narrow.found(Kind::Unsigned, 1), Found::Integer(u64::from(u32::MAX)));
        let bytes = |bytes: &[u8]| Values::Texts(vec![ByteArray::from(bytes)]);
        assert_eq!(bytes(&[0x17, 0x66]).found(Kind::Places(2), 0), Found::Number(59.9));
        assert_eq!(bytes(&[0xff]).found(Kind::Places(2), 0), Found::Other("a negative number"));
        assert!(matches!(bytes(&[0; 17]).found(Kind::Places(2), 0), Found::Other(_)));
        assert!(matches!(bytes(&[]).found(Kind::Places(2), 0), Found::Other(_)));
        assert_eq!(decimal(59_900_000, 6), Found::Number(59.9));
        assert_eq!(decimal(59_900_001, 6), Found::Text("59.900001".into()));
        assert_eq!(decimal(i128::MAX, 1), Found::Text(format!("{}.7", i128::MAX / 10).into()));
    }

    #[test]
    fn timestamps_are_whole_seconds() {
        let wide = Values::Wide(vec![1_700_000_000_999, -1]);
        assert_eq!(wide.found(Kind::Ticks(1_000), 0), Found::Integer(1_700_000_000));
        assert_eq!(wide.found(Kind::Ticks(1_000), 1), Found::Other("a negative number"));
        let mut time = Int96::new();
        time.set_data(1_000_000_000, 0, 2_440_588 + 1); // the second second of 2 January 1970
        assert_eq!(Values::Julian(vec![time]).found(Kind::Plain, 0), Found::Integer(86_401));
    }

    proptest! {
        #[test]
        fn single_precision_is_its_shortest_decimal(bits: u32, thousandths in 0_u32..2_000_000) {
            for number in [f32::from_bits(bits), thousandths as f32 / 1_000.0] {
                let Found::Number(found) = single(number) else { panic!("a number") };
                let text = number.to_string().parse::<f64>().expect("a number");
                let same = found.total_cmp(&text).is_eq() || found.is_nan() && text.is_nan();
                prop_assert!(same, "{number}");
            }
        }
    }
}
