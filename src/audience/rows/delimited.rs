//! Rows as CSV with a header line; items of one cell are separated by `|`.
//!
//! Guarantees: a column that is not a field, is there twice, or is required and missing
//! refuses the file; a record with too few or too many cells refuses the row; a stray quote
//! that would swallow the rest of the file ends the reading after [`RECORD_BYTES_MAX`].

use super::fields::{self, FIELD, FIELDS, Fields, Found, place_of};
use super::{FieldFault, Offered, ROW_BYTES_MAX, ReadError, Row};
use csv::StringRecord;
use std::borrow::Cow;
use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// Columns that every file must have.
const REQUIRED: [&str; 4] = ["id_space", "id", "segment", "last_seen"];
/// What may be read without a record coming to its end: a row and the reader's own buffer.
pub const RECORD_BYTES_MAX: usize = ROW_BYTES_MAX + READ_AHEAD_BYTES;
const READ_AHEAD_BYTES: usize = 64 << 10;

/// Reads every row of `input` and hands it to `each`, until `each` fails.
pub fn read<E: From<ReadError>>(
    input: impl Read,
    mut each: impl FnMut(Offered<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let since_record = Rc::new(Cell::new(0));
    let guard = Guard { input, since_record: Rc::clone(&since_record) };
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .buffer_capacity(READ_AHEAD_BYTES)
        .from_reader(guard);
    let header = reader.headers().map_err(|error| broken(1, error))?;
    let columns = columns(header).map_err(ReadError::Header)?;
    let mut record = StringRecord::new();
    loop {
        since_record.set(0);
        let line = reader.position().line();
        match reader.read_record(&mut record) {
            Ok(false) => return Ok(()),
            Ok(true) => {
                let line = record.position().map_or(line, csv::Position::line);
                let text = Cow::Owned(record.iter().collect::<Vec<_>>().join(","));
                each(Offered { line, text, row: row(&columns, &record) })?;
            }
            Err(error) if matches!(error.kind(), csv::ErrorKind::Utf8 { .. }) => {
                let row = Err(FieldFault::new("the line", "UTF-8", "other bytes"));
                each(Offered { line, text: Cow::Borrowed(""), row })?;
            }
            Err(error) => Err(broken(line, error))?,
        }
    }
}

fn broken(line: u64, error: csv::Error) -> ReadError {
    ReadError::Io { line, source: io::Error::from(error) }
}

/// The place in [`Fields`] of each column.
fn columns(header: &StringRecord) -> Result<Vec<usize>, FieldFault> {
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

/// Fails when a record does not come to an end.
struct Guard<R> {
    input: R,
    since_record: Rc<Cell<usize>>,
}

impl<R: Read> Read for Guard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since_record.get() > RECORD_BYTES_MAX {
            let message = "expected a row of at most 65536 bytes: is there a quote too many?";
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let read = self.input.read(buffer)?;
        self.since_record.set(self.since_record.get() + read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audience::ValueThousandths;
    use crate::model::UnixSeconds;

    fn each_row(text: &str, mut see: impl FnMut(u64, Result<Row<'_>, FieldFault>)) -> String {
        let read = read::<ReadError>(text.as_bytes(), |offered| {
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
}
