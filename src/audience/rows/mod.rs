//! The input of an audience: rows, one membership each, and what makes a row good.
//!
//! - [`blocks`] cuts an input where rows end, so that blocks can be read side by side
//! - [`ndjson`] (its quick way in `scan`), [`delimited`], [`protobuf`] and, behind a cargo
//!   feature, `columns` (Parquet): the rows of a block
//! - [`fields`] from a cell or a JSON value to a typed field; `stamp` the usual form of a time
//! - [`zstd`] unpacks
//!
//! Guarantees: a row that is not understood in full is refused with the field, what was
//! expected and what was found; nothing is guessed, and a misspelt field never passes for
//! an absent one. No file is opened here: readers are given.

pub mod blocks;
#[cfg(feature = "parquet")]
pub mod columns;
pub mod delimited;
pub mod fields;
pub mod ndjson;
pub mod protobuf;
mod scan;
mod stamp;
pub mod zstd;

use super::ValueThousandths;
use crate::model::UnixSeconds;
use crate::model::ids::ID_BYTES_MAX;
use std::borrow::Cow;

/// Longest name of a segment in bytes: names are typed by people into expressions.
pub const SEGMENT_NAME_BYTES_MAX: usize = 64;
/// Most items of a membership: more than any dynamic creative shows.
pub const ITEMS_MAX: usize = 8;
/// Longest name of an item in bytes: product ids are far shorter.
pub const ITEM_BYTES_MAX: usize = 128;
/// Largest value in thousandths: below 10^12 units, so that fifteen digits always suffice
/// and a JSON number carries it exactly.
pub const VALUE_THOUSANDTHS_MAX: u64 = 999_999_999_999_999;
/// Longest row in bytes: eight items and two ids of the largest size fit well.
pub const ROW_BYTES_MAX: usize = 64 << 10;

/// How much of what was found is repeated in a message, in characters.
const FOUND_CHARS_MAX: usize = 80;

/// One row of the input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row<'a> {
    /// The space of the id, e.g. `buyeruid`.
    pub id_space: Cow<'a, str>,
    /// The user's id in that space.
    pub id: Cow<'a, str>,
    /// The segment's name.
    pub segment: Cow<'a, str>,
    /// The latest event.
    pub last_seen: UnixSeconds,
    /// The first event, where it is not the latest.
    pub first_seen: Option<UnixSeconds>,
    /// From this second on the membership is gone.
    pub expires: Option<UnixSeconds>,
    /// How many events the row stands for; at least 1.
    pub count: u32,
    /// What it is worth.
    pub value: ValueThousandths,
    /// What was looked at, put into the cart or bought.
    pub items: Vec<Cow<'a, str>>,
    /// Whether the row ends the membership instead, as of `last_seen`.
    pub remove: bool,
}

/// What is wrong with a field of a row.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{field}: expected {expected}, found {found}")]
pub struct FieldFault {
    /// The field's name as it stands in the input.
    pub field: String,
    /// What would have been right.
    pub expected: &'static str,
    /// What stands there, shortened.
    pub found: String,
}

impl FieldFault {
    /// A fault in `field`; of `found` only the beginning is kept.
    pub fn new(field: &str, expected: &'static str, found: &str) -> Self {
        let shorten = |text: &str| text.chars().take(FOUND_CHARS_MAX).collect();
        Self { field: shorten(field), expected, found: shorten(found) }
    }
}

/// What a reader hands out for each line: a row or what is wrong with it.
#[derive(Debug)]
pub struct Offered<'a> {
    /// The line of the file, or the number of the message or row, from 1.
    pub line: u64,
    /// The row as it stands there; empty where it is no text.
    pub raw: &'a [u8],
    /// The row, or why it is none.
    pub row: Result<Row<'a>, FieldFault>,
}

/// What ends the reading of a file.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read on.
    #[error("line {line}: {source}")]
    Io {
        /// The line that was being read.
        line: u64,
        /// What the system, or the decompression, said.
        source: std::io::Error,
    },
    /// The header of a CSV file, or a column of a Parquet file, is refused.
    #[error("line 1: {0}")]
    Header(FieldFault),
}

impl ReadError {
    /// What is wrong with the input as a whole, found at `line`.
    pub(crate) fn invalid(line: u64, message: &str) -> Self {
        let source = std::io::Error::new(std::io::ErrorKind::InvalidData, message);
        Self::Io { line, source }
    }
}

impl Row<'_> {
    /// The same row, independent of the input.
    pub fn into_owned(self) -> Row<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Row {
            id_space: owned(self.id_space),
            id: owned(self.id),
            segment: owned(self.segment),
            items: self.items.into_iter().map(owned).collect(),
            ..self
        }
    }

    /// Checks what the types do not: lengths, names, and fields against each other.
    pub fn check(&self) -> Result<(), FieldFault> {
        check_id("id_space", &self.id_space)?;
        check_id("id", &self.id)?;
        if !is_segment_name(&self.segment) {
            let expected = "a name of a-z, 0-9 and _, first a letter, at most 64 characters";
            return Err(FieldFault::new("segment", expected, &self.segment));
        }
        self.check_times()?;
        if self.count == 0 {
            return Err(FieldFault::new("count", "an integer from 1 to 4294967295", "0"));
        }
        if self.value.0 > VALUE_THOUSANDTHS_MAX {
            return Err(FieldFault::new("value", fields::VALUE, &self.value.0.to_string()));
        }
        self.check_items()
    }

    fn check_times(&self) -> Result<(), FieldFault> {
        let times = [
            ("last_seen", Some(self.last_seen)),
            ("first_seen", self.first_seen),
            ("expires", self.expires),
        ];
        for (field, time) in times {
            if let Some(time @ (UnixSeconds(0) | UnixSeconds::NEVER)) = time {
                return Err(FieldFault::new(field, fields::TIME, &time.0.to_string()));
            }
        }
        match self.first_seen.filter(|first| *first > self.last_seen) {
            Some(late) => {
                let expected = "a time not after last_seen";
                Err(FieldFault::new("first_seen", expected, &late.to_string()))
            }
            None => Ok(()),
        }
    }

    fn check_items(&self) -> Result<(), FieldFault> {
        if self.items.len() > ITEMS_MAX {
            let found = format!("{} items", self.items.len());
            return Err(FieldFault::new("items", "at most 8 items", &found));
        }
        match self.items.iter().find(|item| item.is_empty() || item.len() > ITEM_BYTES_MAX) {
            Some(bad) => Err(FieldFault::new("items", "items of 1 to 128 bytes", bad)),
            None => Ok(()),
        }
    }
}

fn check_id(field: &str, id: &str) -> Result<(), FieldFault> {
    if id.is_empty() || id.len() > ID_BYTES_MAX {
        return Err(FieldFault::new(field, "a text of 1 to 512 bytes", id));
    }
    Ok(())
}

/// Whether a text can name a segment: `[a-z][a-z0-9_]*`, at most 64 characters.
pub fn is_segment_name(text: &str) -> bool {
    let later = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    text.len() <= SEGMENT_NAME_BYTES_MAX
        && text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase())
        && text.bytes().all(later)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row<'static> {
        Row {
            id_space: "buyeruid".into(),
            id: "u1".into(),
            segment: "view_item".into(),
            last_seen: UnixSeconds(1_700_000_000),
            first_seen: None,
            expires: None,
            count: 1,
            value: ValueThousandths(0),
            items: Vec::new(),
            remove: false,
        }
    }

    #[test]
    fn each_limit_names_its_field() {
        assert_eq!(row().check(), Ok(()));
        let long = "x".repeat(600);
        let refused = [
            ("id_space", Row { id_space: "".into(), ..row() }),
            ("id", Row { id: long.as_str().into(), ..row() }),
            ("segment", Row { segment: "View".into(), ..row() }),
            ("segment", Row { segment: long.as_str().into(), ..row() }),
            ("last_seen", Row { last_seen: UnixSeconds(0), ..row() }),
            ("expires", Row { expires: Some(UnixSeconds::NEVER), ..row() }),
            ("first_seen", Row { first_seen: Some(UnixSeconds(1_700_000_001)), ..row() }),
            ("first_seen", Row { first_seen: Some(UnixSeconds(0)), ..row() }),
            ("count", Row { count: 0, ..row() }),
            ("value", Row { value: ValueThousandths(u64::MAX), ..row() }),
            ("items", Row { items: vec!["a".into(); 9], ..row() }),
            ("items", Row { items: vec!["".into()], ..row() }),
            ("items", Row { items: vec![long.as_str().into()], ..row() }),
        ];
        for (field, bad) in refused {
            let fault = bad.check().expect_err(field);
            assert_eq!(fault.field, field);
            assert!(fault.found.chars().count() <= FOUND_CHARS_MAX);
        }
    }

    #[test]
    fn segment_names_are_what_expressions_can_say() {
        for good in ["a", "view_item", "list2", "a__b"] {
            assert!(is_segment_name(good), "{good}");
        }
        for bad in ["", "2x", "_a", "View", "a-b", "a b", "ä"] {
            assert!(!is_segment_name(bad), "{bad}");
        }
    }
}
