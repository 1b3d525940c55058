//! From a cell or a JSON value to a typed field, and from eleven of them to a row.
//!
//! Both file formats come through here, so that a value means the same in each. A number may
//! be written as a text of the same digits, since CSV knows nothing else.

use super::{FieldFault, Row, VALUE_THOUSANDTHS_MAX};
use crate::audience::ValueThousandths;
use crate::model::UnixSeconds;
use std::borrow::Cow;

/// The names of the fields: JSON keys and CSV columns.
pub const FIELDS: [&str; 10] = [
    "id_space",
    "id",
    "segment",
    "last_seen",
    "first_seen",
    "expires",
    "count",
    "value",
    "items",
    "remove",
];

/// What a time looks like.
pub(super) const TIME: &str =
    "seconds since 1970 (not milliseconds) or a time such as 2026-11-23T06:00:00Z";
/// What a value looks like.
pub(super) const VALUE: &str =
    "a decimal from 0 to 999999999999.999 with at most three places, such as 59.90";
/// What a field name looks like.
pub(super) const FIELD: &str = "one of id_space, id, segment, last_seen, first_seen, expires, \
    count, value, items and remove, each once";

const COUNT: &str = "an integer from 1 to 4294967295";
const TEXT: &str = "a text";
const ITEMS: &str = "a list of texts";
const REMOVE: &str = "true or 1, or false or 0";

/// A value as it was found, whatever the format.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum Found<'a> {
    /// No such field, an empty cell, or null.
    #[default]
    Absent,
    /// A text.
    Text(Cow<'a, str>),
    /// A JSON integer that is not negative.
    Integer(u64),
    /// Any other JSON number.
    Number(f64),
    /// `true` or `false`.
    Flag(bool),
    /// A list of texts.
    List(Vec<Cow<'a, str>>),
    /// Something that no field can be: what it is called.
    Other(&'static str),
}

/// The fields of one row as they were found, in the order of [`FIELDS`].
pub type Fields<'a> = [Found<'a>; FIELDS.len()];

/// The place of a field in [`Fields`].
pub fn place_of(name: &str) -> Option<usize> {
    FIELDS.iter().position(|field| *field == name)
}

/// Reads a row's fields; whether they are within their limits is for [`Row::check`].
pub fn to_row(found: Fields<'_>) -> Result<Row<'_>, FieldFault> {
    let [id_space, id, segment, last_seen, first_seen, expires, count, value, items, remove] =
        found;
    let last_seen = time("last_seen", &last_seen)?;
    Ok(Row {
        id_space: text("id_space", id_space)?,
        id: text("id", id)?,
        segment: text("segment", segment)?,
        last_seen: last_seen.ok_or_else(|| FieldFault::new("last_seen", TIME, "nothing"))?,
        first_seen: time("first_seen", &first_seen)?,
        expires: time("expires", &expires)?,
        count: count_of(&count)?,
        value: value_of(&value)?,
        items: items_of(items)?,
        remove: remove_of(&remove)?,
    })
}

fn text<'a>(field: &str, found: Found<'a>) -> Result<Cow<'a, str>, FieldFault> {
    match found {
        Found::Text(text) => Ok(text),
        other => Err(FieldFault::new(field, TEXT, &other.show())),
    }
}

pub(super) fn time(field: &str, found: &Found<'_>) -> Result<Option<UnixSeconds>, FieldFault> {
    let seconds = match found {
        Found::Absent => return Ok(None),
        Found::Integer(seconds) => Some(*seconds),
        Found::Text(text) if is_digits(text) => text.parse().ok(),
        Found::Text(text) => seconds_of_stamp(text),
        _ => None,
    };
    match seconds.and_then(|seconds| u32::try_from(seconds).ok()) {
        Some(seconds) => Ok(Some(UnixSeconds(seconds))),
        None => Err(FieldFault::new(field, TIME, &found.show())),
    }
}

/// A time as people or programs write it: seconds since 1970, or RFC 3339.
pub fn parse_time(text: &str) -> Result<UnixSeconds, FieldFault> {
    let found = Found::Text(text.into());
    time("time", &found)?.ok_or_else(|| FieldFault::new("time", TIME, "nothing"))
}

fn seconds_of_stamp(text: &str) -> Option<u64> {
    if let Some(seconds) = super::stamp::seconds(text) {
        return Some(seconds);
    }
    let stamp: jiff::Timestamp = text.parse().ok()?;
    u64::try_from(stamp.as_second()).ok()
}

pub(super) fn count_of(found: &Found<'_>) -> Result<u32, FieldFault> {
    let count = match found {
        Found::Absent => return Ok(1),
        Found::Integer(count) => Some(*count),
        Found::Text(text) if is_digits(text) => text.parse().ok(),
        _ => None,
    };
    let count = count.and_then(|count| u32::try_from(count).ok()).filter(|count| *count > 0);
    count.ok_or_else(|| FieldFault::new("count", COUNT, &found.show()))
}

pub(super) fn value_of(found: &Found<'_>) -> Result<ValueThousandths, FieldFault> {
    let thousandths = match found {
        Found::Absent => return Ok(ValueThousandths(0)),
        Found::Text(text) => thousandths(text),
        Found::Integer(units) => units.checked_mul(1_000),
        // The shortest text that reads back as this number is the one that was written, for
        // every number of up to fifteen digits: all that the largest value needs.
        Found::Number(number) => {
            exact_thousandths(*number).or_else(|| thousandths(&number.to_string()))
        }
        _ => None,
    };
    let thousandths = thousandths.map(ValueThousandths);
    thousandths.ok_or_else(|| FieldFault::new("value", VALUE, &found.show()))
}

/// What the shortest text of a number says, without making it: no two decimals of up to fifteen
/// digits are nearest to the same double.
fn exact_thousandths(number: f64) -> Option<u64> {
    let rounded = (number * 1_000.0).round();
    let exact = number.is_sign_positive()
        && rounded <= VALUE_THOUSANDTHS_MAX as f64
        && (rounded / 1_000.0).to_bits() == number.to_bits();
    exact.then_some(rounded as u64)
}

/// Reads a plain decimal that is not negative: digits, and up to three places.
pub(super) fn thousandths(text: &str) -> Option<u64> {
    let (units, places) = text.split_once('.').unwrap_or((text, "0"));
    if !is_digits(units) || !is_digits(places) || places.len() > 3 {
        return None;
    }
    let fraction = places.parse::<u64>().ok()? * 10_u64.pow(3 - places.len() as u32);
    units.parse::<u64>().ok()?.checked_mul(1_000)?.checked_add(fraction)
}

fn items_of(found: Found<'_>) -> Result<Vec<Cow<'_, str>>, FieldFault> {
    match found {
        Found::Absent => Ok(Vec::new()),
        Found::List(items) => Ok(items),
        other => Err(FieldFault::new("items", ITEMS, &other.show())),
    }
}

pub(super) fn remove_of(found: &Found<'_>) -> Result<bool, FieldFault> {
    match found {
        Found::Absent => Ok(false),
        Found::Flag(remove) => Ok(*remove),
        Found::Integer(number @ (0 | 1)) => Ok(*number == 1),
        Found::Text(text) if matches!(&**text, "true" | "1") => Ok(true),
        Found::Text(text) if matches!(&**text, "false" | "0") => Ok(false),
        other => Err(FieldFault::new("remove", REMOVE, &other.show())),
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl Found<'_> {
    fn show(&self) -> String {
        match self {
            Self::Absent => "nothing".to_owned(),
            Self::Text(text) => format!("\"{text}\""),
            Self::Integer(number) => number.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::List(items) => format!("a list of {} texts", items.len()),
            Self::Other(what) => (*what).to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_seconds_or_rfc_3339() {
        let read = |found: &Found| time("t", found).map(|time| time.map(|time| time.0));
        assert_eq!(read(&Found::Integer(1_700_000_000)), Ok(Some(1_700_000_000)));
        assert_eq!(read(&Found::Text("1700000000".into())), Ok(Some(1_700_000_000)));
        assert_eq!(read(&Found::Text("2023-11-14T22:13:20Z".into())), Ok(Some(1_700_000_000)));
        assert_eq!(read(&Found::Text("2023-11-14T23:13:20+01:00".into())), Ok(Some(1_700_000_000)));
        assert_eq!(read(&Found::Absent), Ok(None));
        for bad in [
            Found::Integer(1_700_000_000_000),
            Found::Number(1.5),
            Found::Text("yesterday".into()),
            Found::Text("2023-11-14T22:13:20".into()),
            Found::Text("1969-12-31T00:00:00Z".into()),
            Found::Text("".into()),
        ] {
            assert_eq!(read(&bad).expect_err("refused").expected, TIME, "{bad:?}");
        }
    }

    #[test]
    fn counts_and_flags_are_not_guessed() {
        assert_eq!(count_of(&Found::Integer(4_294_967_295)), Ok(u32::MAX));
        for bad in [Found::Integer(0), Found::Integer(1 << 32), Found::Text("x".into())] {
            assert!(count_of(&bad).is_err(), "{bad:?}");
        }
        assert_eq!(remove_of(&Found::Text("1".into())), Ok(true));
        assert!(remove_of(&Found::Text("yes".into())).is_err());
    }

    #[test]
    fn values_that_are_not_exact_are_refused() {
        for bad in ["-1", "1e3", ".5", "1.", "1.2345", "1,5", "", "99999999999999999999"] {
            assert_eq!(thousandths(bad), None, "{bad}");
        }
        assert_eq!(thousandths("59.9"), Some(59_900));
        assert_eq!(thousandths("0.001"), Some(1));
        assert!(value_of(&Found::Number(-0.5)).is_err());
        assert!(value_of(&Found::Number(f64::NAN)).is_err());
    }

    proptest! {
        #[test]
        fn a_json_number_is_as_exact_as_a_text(
            units in 0_u64..1_000_000_000_000, fraction in 0_u64..1_000,
        ) {
            let text = format!("{units}.{fraction:03}");
            let number: f64 = serde_json::from_str(&text).expect("a number");
            prop_assert_eq!(thousandths(&text), Some(units * 1_000 + fraction));
            prop_assert_eq!(
                value_of(&Found::Number(number)),
                Ok(ValueThousandths(units * 1_000 + fraction))
            );
            prop_assert_eq!(exact_thousandths(number), Some(units * 1_000 + fraction));
        }

        #[test]
        fn any_number_is_what_its_text_says(bits: u64, millionths in 0_u64..10_000_000_000) {
            for number in [f64::from_bits(bits), millionths as f64 / 1e6, -0.0, f64::NAN] {
                let quick = value_of(&Found::Number(number)).ok();
                let text = thousandths(&number.to_string()).map(ValueThousandths);
                prop_assert_eq!(quick, text, "{}", number);
            }
        }
    }
}
