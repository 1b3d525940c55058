//! Rows as CSV with a header line; items of one cell are separated by `|`.
//!
//! Guarantees: a column that is not a field, is there twice, or is required and missing
//! refuses the file; a record with too few or too many cells refuses the row; a stray quote
//! that would swallow the rest of the file ends the reading after [`RECORD_BYTES_MAX`].

use super::fields::{self, FIELD, FIELDS, Fields, Found, place_of};
use super::{FieldFault, Offered, ROW_BYTES_MAX, ReadError, Row};
use csv::StringRecord;
use std::borrow::Cow;
use std::io;

/// Columns that every file must have.
const REQUIRED: [&str; 4] = ["id_space", "id", "segment", "last_seen"];
/// What may be read without a record coming to its end: a row and some slack.
pub const RECORD_BYTES_MAX: usize = ROW_BYTES_MAX + SLACK_BYTES;
const SLACK_BYTES: usize = 64 << 10;

/// The place in [`Fields`] of each column.
pub(super) type Columns = Vec<usize>;

/// Reads the header at the beginning of `bytes`; the columns, and how long it is.
pub(super) fn header(bytes: &[u8], is_all: bool) -> Result<(Columns, usize), ReadError> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(bytes);
    let mut header = StringRecord::new();
    reader.read_record(&mut header).map_err(|error| broken(1, error))?;
    let length = reader.position().byte() as usize;
    if length > RECORD_BYTES_MAX || (length == bytes.len() && !is_all) {
        let message = "expected a header of at most 65536 bytes: is there a quote too many?";
        return Err(ReadError::invalid(1, message));
    }
    Ok((columns(&header)?, length))
}

/// Hands the row of every record of `block` to `each`, until `each` fails. `line` is the number
/// of the first.
pub(super) fn rows<E>(
    (columns, block): (&Columns, &[u8]),
    line: u64,
    mut each: impl FnMut(Offered<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(block);
    let mut record = StringRecord::new();
    loop {
        let begin = reader.position().byte() as usize;
        let read = reader.read_record(&mut record);
        let end = reader.position().byte() as usize;
        let line = |at: Option<&csv::Position>| line + at.map_or(0, |at| at.line() - 1);
        let raw = block.get(begin..end).unwrap_or_default().trim_ascii();
        match read {
            Ok(false) => return Ok(()),
            Ok(true) => {
                let line = line(record.position());
                each(Offered { line, raw, row: row(columns, &record) })?;
            }
            Err(error) => {
                // Reading from memory fails only where the bytes are no text.
                let row = Err(FieldFault::new("the line", "UTF-8", "other bytes"));
                each(Offered { line: line(error.position()), raw, row })?;
            }
        }
    }
}

/// Where the last whole record of `bytes` ends, which begin with one: by the rules of the
/// reader above, to which a quote is one only where a cell begins. Where one is longer than
/// [`RECORD_BYTES_MAX`], its beginning is the error.
pub(super) fn last_end(bytes: &[u8]) -> Result<usize, usize> {
    let (mut state, mut end) = (State::CellBegins, 0);
    for (at, byte) in bytes.iter().enumerate() {
        state = match (state, byte) {
            (State::Quoted, b'"') => State::QuoteInQuoted,
            (State::CellBegins | State::QuoteInQuoted, b'"') | (State::Quoted, _) => State::Quoted,
            (_, b',') => State::CellBegins,
            (_, b'\n' | b'\r') => {
                if at - end > RECORD_BYTES_MAX {
                    return Err(end);
                }
                end = at + 1;
                State::CellBegins
            }
            _ => State::Plain,
        };
    }
    if bytes.len() - end > RECORD_BYTES_MAX { Err(end) } else { Ok(end) }
}

#[derive(Clone, Copy)]
enum State {
    CellBegins,
    Plain,
    Quoted,
    QuoteInQuoted,
}

fn broken(line: u64, error: csv::Error) -> ReadError {
    ReadError::Io { line, source: io::Error::from(error) }
}

fn columns(header: &StringRecord) -> Result<Columns, FieldFault> {
    let mut places = Vec::with_capacity(FIELDS.len());
    for name in header {
        match place_of(name).filter(|place| !places.contains(place)) {
            Some(place) => places.push(place),
            None => return Err(FieldFault::new(name, FIELD, name)),
        }
    }
    let missing = |name: &&&str| !place_of(name).is_some_and(|place| places.contains(&place));
    match REQUIRED.iter().find(missing) {
        Some(name) => Err(FieldFault::new(name, "a column of this name", "none")),
        None => Ok(places),
    }
}

fn row<'a>(columns: &[usize], record: &'a StringRecord) -> Result<Row<'a>, FieldFault> {
    if record.len() != columns.len() {
        let found = format!("{} cells for {} columns", record.len(), columns.len());
        return Err(FieldFault::new("the line", "as many cells as columns", &found));
    }
    let mut found = Fields::default();
    for (place, cell) in columns.iter().zip(record) {
        found[*place] = match cell {
            "" => Found::Absent,
            _ if FIELDS[*place] == "items" => {
                Found::List(cell.split('|').map(Cow::Borrowed).collect())
            }
            _ => Found::Text(Cow::Borrowed(cell)),
        };
    }
    fields::to_row(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audience::ValueThousandths;
    use crate::audience::rows::blocks::{Format, cut_and_read};
    use crate::model::UnixSeconds;
    use proptest::prelude::*;

    fn each_row(text: &str, mut see: impl FnMut(u64, Result<Row<'_>, FieldFault>)) -> String {
        let read = cut_and_read::<ReadError>(Format::Csv, text.as_bytes(), |offered| {
            see(offered.line, offered.row);
            Ok(())
        });
        read.err().map(|error| error.to_string()).unwrap_or_default()
    }

    fn faults(text: &str) -> Vec<(u64, String)> {
        let mut faults = Vec::new();
        each_row(text, |line, row| faults.extend(row.err().map(|fault| (line, fault.field))));
        faults
    }

    #[test]
    fn columns_may_stand_in_any_order() {
        let text = "segment,items,id,id_space,last_seen,value,remove\n\
            add_to_cart,s1|s2,\"u,1\",buyeruid,2023-11-14T22:13:20Z,59.90,\n";
        let mut rows = 0;
        let error = each_row(text, |line, row| {
            let row = row.expect("good");
            assert_eq!((line, &*row.id, &*row.segment), (2, "u,1", "add_to_cart"));
            assert_eq!(row.last_seen, UnixSeconds(1_700_000_000));
            assert_eq!((row.value, row.remove), (ValueThousandths(59_900), false));
            assert_eq!(row.items, ["s1", "s2"]);
            rows += 1;
        });
        assert_eq!((rows, error.as_str()), (1, ""));
    }

    #[test]
    fn a_bad_header_refuses_the_file() {
        for (header, field) in [
            ("id_space,id,segment,last_seen,Value", "Value"),
            ("id_space,id,segment,last_seen,id", "id"),
            ("id_space,id,last_seen", "segment"),
        ] {
            let error = each_row(&format!("{header}\na,b,c,5,6\n"), |_, _| panic!("no row"));
            assert!(error.contains(&format!("line 1: {field}: expected")), "{error}");
        }
        assert!(each_row("", |_, _| panic!("no row")).contains("id_space"), "an empty file");
    }

    #[test]
    fn a_bad_row_names_its_line_and_field() {
        let text = "id_space,id,segment,last_seen,count\n\
            a,b,c,5,1\na,b,c,never,1\na,b,c,5,0\na,b,c,5\na,,c,5,\n";
        let expected = [(3, "last_seen"), (4, "count"), (5, "the line"), (6, "id")];
        assert_eq!(faults(text), expected.map(|(line, field)| (line, field.to_owned())));
    }

    #[test]
    fn a_stray_quote_does_not_swallow_the_file() {
        let mut text = "id_space,id,segment,last_seen\na,\"b,c,5\n".to_owned();
        text.push_str(&"a,b,c,5\n".repeat(100_000));
        let error = each_row(&text, |_, _| {});
        assert!(error.contains("line 2") && error.contains("a quote too many"), "{error}");
    }

    proptest! {
        #[test]
        fn records_end_where_the_reader_says(
            cells in prop::collection::vec("[a\",\n\r]{0,4}", 1..12),
        ) {
            let text = cells.concat() + "\n";
            let end = last_end(text.as_bytes()).expect("short");
            let read = |bytes: &[u8]| -> Vec<StringRecord> {
                let mut builder = csv::ReaderBuilder::new();
                let reader = builder.flexible(true).has_headers(false).from_reader(bytes);
                reader.into_records().map(|record| record.expect("memory")).collect()
            };
            let both = [read(&text.as_bytes()[..end]), read(&text.as_bytes()[end..])].concat();
            prop_assert_eq!(both, read(text.as_bytes()));
        }
    }
}
