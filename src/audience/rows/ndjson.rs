//! Rows as NDJSON: one JSON object a line. Empty lines are skipped.
//!
//! Guarantees: a line longer than [`ROW_BYTES_MAX`] is refused; so is a row with a key that is
//! not a field, or is there twice. Most lines are read by `scan`; this file reads the others,
//! and says what is wrong.

use super::fields::{self, FIELD, Fields, Found};
use super::{FieldFault, Offered, ROW_BYTES_MAX, Row, scan};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::io::{self, BufRead, Write};

/// Hands the row of every line of `block` to `each`, until `each` fails. `line` is the number
/// of the first.
pub(super) fn rows<E>(
    block: &[u8],
    mut line: u64,
    mut each: impl FnMut(Offered<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut rest = block;
    while !rest.is_empty() {
        let mut behind = rest;
        // Reading from memory does not fail; what is skipped was found by the fastest search.
        let length = behind.skip_until(b'\n').unwrap_or(rest.len());
        let text = &rest[..length];
        if !text.trim_ascii().is_empty() {
            each(offered(line, text))?;
        }
        rest = behind;
        line += 1;
    }
    Ok(())
}

/// Writes a row as one line.
pub fn write(out: &mut impl Write, row: &Row<'_>) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &Written::from(row))?;
    out.write_all(b"\n")
}

fn offered(line: u64, text: &[u8]) -> Offered<'_> {
    let raw = text.trim_ascii_end();
    if text.len() > ROW_BYTES_MAX {
        let row = Err(FieldFault::new("the line", "at most 65536 bytes", "more"));
        return Offered { line, raw: &raw[..raw.len().min(ROW_BYTES_MAX)], row };
    }
    let row = match std::str::from_utf8(text) {
        Ok(text) => scan::row(text).map_or_else(|| parse(text), Ok),
        Err(_) => Err(FieldFault::new("the line", "UTF-8", "other bytes")),
    };
    Offered { line, raw, row }
}

fn parse(text: &str) -> Result<Row<'_>, FieldFault> {
    let object: Object<'_> = serde_json::from_str(text)
        .map_err(|error| FieldFault::new("the line", "one JSON object", &error.to_string()))?;
    match object.misplaced {
        Some(name) => Err(FieldFault::new(&name, FIELD, &name)),
        None => fields::to_row(object.fields),
    }
}

/// A JSON object: its fields, and the first key that is no field or is there twice.
struct Object<'a> {
    fields: Fields<'a>,
    misplaced: Option<String>,
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
        let mut object = Object { fields: Fields::default(), misplaced: None };
        let mut seen = [false; fields::FIELDS.len()];
        while let Some(Text(key)) = map.next_key()? {
            let place = fields::place_of(&key).filter(|place| !seen[*place]);
            if let Some(place) = place {
                seen[place] = true;
                object.fields[place] = map.next_value()?;
            } else {
                map.next_value::<IgnoredAny>()?;
                object.misplaced.get_or_insert_with(|| key.into_owned());
            }
        }
        Ok(object)
    }
}

/// A text, borrowed from the line where it has no escapes.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Found::deserialize(from)? {
            Found::Text(text) => Ok(Self(text)),
            _ => Err(serde::de::Error::custom("expected a text")),
        }
    }
}

impl<'de> Deserialize<'de> for Found<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(FoundVisitor)
    }
}

struct FoundVisitor;

impl<'de> Visitor<'de> for FoundVisitor {
    type Value = Found<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Found<'de>, E> {
        Ok(Found::Flag(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Found<'de>, E> {
        Ok(Found::Integer(number))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Found<'de>, E> {
        Ok(Found::Other("a negative number"))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Found<'de>, E> {
        Ok(Found::Number(number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Found<'de>, E> {
        Ok(Found::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Found<'de>, E> {
        Ok(Found::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Found<'de>, E> {
        Ok(Found::Absent)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Found<'de>, A::Error> {
        let mut texts = Vec::new();
        let mut all_texts = true;
        while let Some(found) = list.next_element()? {
            match found {
                Found::Text(text) => texts.push(text),
                _ => all_texts = false,
            }
        }
        Ok(if all_texts { Found::List(texts) } else { Found::Other("a list of other things") })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Found::Other("an object"))
    }
}

/// A row as it is written: what is usual is left out.
#[derive(serde::Serialize)]
struct Written<'a> {
    id_space: &'a str,
    id: &'a str,
    segment: &'a str,
    last_seen: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_seen: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    items: &'a [Cow<'a, str>],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    remove: bool,
}

impl<'a> From<&'a Row<'_>> for Written<'a> {
    fn from(row: &'a Row<'_>) -> Self {
        let value = row.value.0;
        Self {
            id_space: &row.id_space,
            id: &row.id,
            segment: &row.segment,
            last_seen: row.last_seen.0,
            first_seen: row.first_seen.map(|time| time.0),
            expires: row.expires.map(|time| time.0),
            count: (row.count != 1).then_some(row.count),
            value: (value != 0).then(|| format!("{}.{:03}", value / 1_000, value % 1_000)),
            items: &row.items,
            remove: row.remove,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audience::ValueThousandths;
    use crate::audience::rows::ReadError;
    use crate::audience::rows::blocks::{Format, cut_and_read};
    use crate::model::UnixSeconds;
    use proptest::prelude::*;

    /// The rows of a text, as `line: row or fault`.
    fn all(text: &str) -> Vec<(u64, Result<Row<'static>, FieldFault>)> {
        let mut seen = Vec::new();
        let take = |offered: Offered<'_>| {
            seen.push((offered.line, offered.row.map(Row::into_owned)));
            Ok(())
        };
        cut_and_read::<ReadError>(Format::Ndjson, text.as_bytes(), take)
            .expect("a text in memory is read");
        seen
    }

    #[test]
    fn a_full_row_is_read() {
        let rows = all(concat!(
            "\n",
            r#"{"id_space":"buyeruid","id":"u\u0031","segment":"add_to_cart","#,
            r#""last_seen":1700000000,"first_seen":"2023-11-14T22:13:19Z","#,
            r#""expires":1800000000,"count":3,"value":59.9,"items":["s1","s2"],"remove":false}"#,
        ));
        let expected = Row {
            id_space: "buyeruid".into(),
            id: "u1".into(),
            segment: "add_to_cart".into(),
            last_seen: UnixSeconds(1_700_000_000),
            first_seen: Some(UnixSeconds(1_699_999_999)),
            expires: Some(UnixSeconds(1_800_000_000)),
            count: 3,
            value: ValueThousandths(59_900),
            items: vec!["s1".into(), "s2".into()],
            remove: false,
        };
        assert_eq!(rows, [(2, Ok(expected.clone()))]);
        let mut written = Vec::new();
        write(&mut written, &expected).expect("memory");
        assert_eq!(all(std::str::from_utf8(&written).expect("JSON"))[0].1, Ok(expected));
    }

    #[test]
    fn a_bad_row_names_its_line_its_field_and_what_was_found() {
        let good = r#"{"id_space":"a","id":"b","segment":"c","last_seen":5}"#;
        let fault = |row: &str| {
            let rows = all(&format!("{good}\n{row}\n{good}"));
            assert!(rows[0].1.is_ok() && rows[2].1.is_ok(), "the others are read: {row}");
            assert_eq!(rows[1].0, 2, "{row}");
            rows[1].1.clone().expect_err(row)
        };
        let with = |field: &str| good.replace('}', &format!(",{field}}}"));
        let typo = fault(&with(r#""lastseen":7"#));
        assert_eq!((typo.field.as_str(), typo.expected), ("lastseen", FIELD));
        assert_eq!(fault(&with(r#""id":"b""#)).field, "id", "twice");
        assert_eq!(fault(&with(r#""count":-1"#)).found, "a negative number");
        assert_eq!(fault(&with(r#""items":["x",1]"#)).field, "items");
        assert_eq!(fault(&with(r#""value":{"x":1}"#)).found, "an object");
        assert_eq!(fault(&good.replace("\"b\"", "7")).field, "id");
        assert_eq!(fault(r#"{"id_space":"a","id":"b","segment":"c"}"#).found, "nothing");
        for no_object in ["[]", "{", "7", "null", r#"{"id":"\ud800"}"#, &with("\"x\":[[[")] {
            assert_eq!(fault(no_object).field, "the line", "{no_object}");
        }
    }

    #[test]
    fn an_overlong_line_is_skipped_whole() {
        let good = r#"{"id_space":"a","id":"b","segment":"c","last_seen":5}"#;
        let rows = all(&format!("{}\n{good}\n", "x".repeat(3 * ROW_BYTES_MAX)));
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].1.as_ref().expect_err("too long").expected, "at most 65536 bytes");
        assert!(rows[1].0 == 2 && rows[1].1.is_ok());
    }

    /// A value of a field: mostly good, often odd.
    fn any_value() -> impl Strategy<Value = String> {
        prop_oneof![
            "\"[a-z0-9_]{0,6}\"",
            "\"[ -~é]{0,4}\"",
            "[0-9]{1,11}",
            "-?[0-9]{1,14}(\\.[0-9]{0,4})?(e[0-9])?",
            "\"[0-9]{1,3}(\\.[0-9]{0,4})?\"",
            "\"20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](Z|\\+01:00)\"",
            "(true|false|null|1|0|\"1\"|\\{\\}|tru|)",
            "\\[(\"[a-z]{0,2}\"(, ?\"[a-z]{0,2}\"){0,3},?)?\\]",
        ]
    }

    proptest! {
        #[test]
        fn the_quick_way_reads_as_the_careful_way_does(
            fields in prop::collection::vec((0_usize..11, any_value(), " {0,1}"), 0..12),
            good: bool,
            tail in "[ \r]{0,1}|x",
        ) {
            let base = [r#""id_space":"a""#, r#""id":"b""#, r#""segment":"c""#, r#""last_seen":5"#];
            let base = base.iter().filter(|_| good).map(|field| (*field).to_owned());
            let others = fields.iter().map(|(field, value, space)| {
                let name = fields::FIELDS.get(*field).unwrap_or(&"other");
                format!("{space}\"{name}\"{space}:{space}{value}{space}")
            });
            let text = format!("{{{}}}{tail}", base.chain(others).collect::<Vec<_>>().join(","));
            if let Some(row) = scan::row(&text) {
                prop_assert_eq!(Ok(row), parse(&text), "{}", text);
            }
        }
    }

    #[test]
    fn usual_lines_take_the_quick_way() {
        let written = concat!(
            r#"{"id_space":"buyeruid","id":"u1","segment":"add_to_cart","last_seen":1700000000,"#,
            r#""first_seen":1699999999,"expires":"2027-01-15T08:00:00Z","count":3,"#,
            r#""value":"59.900","items":["s1","s2"],"remove":false}"#,
        );
        assert_eq!(scan::row(written).map(Ok), Some(parse(written)));
        let spaced = written.replace(':', ": ").replace(": 00", ":00").replace(',', ", ");
        assert_eq!(scan::row(&spaced).map(Ok), Some(parse(&spaced)));
        assert_eq!(scan::row(&written.replace("\"59.900\"", "59.9")), scan::row(written));
        let escaped = written.replace("u1", "u\\u0031");
        assert!(scan::row(&escaped).is_none() && parse(&escaped).is_ok());
    }
}
