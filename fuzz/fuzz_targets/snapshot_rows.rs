//! The rows that a snapshot is built from, in all three formats.
//!
//! Law: every row is refused with a fault that fits a line, or read; a good row that is written
//! again, as a line or as a message, is read as the same row; JSON says of a line's texts what
//! we do; and a set that is built of the good rows verifies and knows each of their users.
//!
//! The first byte says the format of the others.

#![no_main]

use homing::audience::builder::{BuildOptions, Builder};
use homing::audience::rows::blocks::{Format, cut_and_read};
use homing::audience::rows::{ROW_BYTES_MAX, ReadError, Row, ndjson, protobuf};
use homing::model::{UnixSeconds, UserKey};
use serde_json::Value;

const NOW: UnixSeconds = UnixSeconds(1_800_000_000);
/// A fault's text repeats little of what was found.
const FAULT_CHARS_MAX: usize = 400;
const ROWS_MAX: u64 = 100_000;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((kind, input)) = bytes.split_first() else { return };
    let format = [Format::Ndjson, Format::Csv, Format::Protobuf][usize::from(kind % 3)];
    let good = good_rows(format, input);
    for row in &good {
        assert_eq!(&written_as(Format::Ndjson, row), row, "as a line");
        assert_eq!(&written_as(Format::Protobuf, row), row, "as a message");
    }
    build(&good);
});

/// Reads all rows; those that are good in themselves.
fn good_rows(format: Format, input: &[u8]) -> Vec<Row<'static>> {
    let (mut good, mut last_line) = (Vec::new(), 0);
    let read = cut_and_read::<ReadError>(format, input, |offered| {
        // A carriage return ends a record of a table, though not the line.
        let same_line = format == Format::Csv && offered.line == last_line;
        assert!(same_line || offered.line > last_line, "rows are in order");
        last_line = offered.line;
        match offered.row {
            Ok(row) => {
                if format == Format::Ndjson {
                    assert!(offered.raw.len() <= ROW_BYTES_MAX);
                    agree_with_json(offered.raw, &row);
                }
                if row.check().is_ok() {
                    good.push(row.into_owned());
                }
            }
            Err(fault) => assert!(fault.to_string().chars().count() <= FAULT_CHARS_MAX),
        }
        Ok(())
    });
    if let Err(error) = read {
        assert!(error.to_string().chars().count() <= FAULT_CHARS_MAX);
    }
    good
}

/// What a JSON reader finds in the texts of a line that we read as a row.
fn agree_with_json(line: &[u8], row: &Row<'_>) {
    let value: Value = serde_json::from_slice(line).expect("a row is JSON");
    for (key, ours) in [("id_space", &row.id_space), ("id", &row.id), ("segment", &row.segment)] {
        assert_eq!(value[key].as_str(), Some(&**ours), "{key}");
    }
}

/// A row, written and read again.
fn written_as(format: Format, row: &Row<'_>) -> Row<'static> {
    let mut bytes = Vec::new();
    match format {
        Format::Protobuf => protobuf::write(&mut bytes, row),
        _ => ndjson::write(&mut bytes, row).expect("a Vec takes everything"),
    }
    let mut read = None;
    cut_and_read::<ReadError>(format, &bytes[..], |offered| {
        assert!(read.is_none(), "one row");
        read = Some(offered.row.expect("a good row is read again").into_owned());
        Ok(())
    })
    .expect("a good row is read again");
    read.expect("one row")
}

fn build(rows: &[Row<'static>]) {
    let options =
        BuildOptions { now: NOW, epoch: Some(NOW), shards: Some(2), rows_max: ROWS_MAX as usize };
    let mut builder = Builder::new(options).expect("good options");
    let mut taken: Vec<&Row<'static>> = Vec::new();
    for row in rows {
        if builder.add(row).is_ok() {
            taken.push(row);
        }
    }
    let snapshot = builder.finish().expect("an epoch is given").into_snapshot("fuzz");
    let snapshot = snapshot.expect("what is built verifies");
    let removed = taken.iter().any(|row| row.remove);
    for row in taken {
        let found = snapshot
            .memberships(UserKey::new(&row.id_space, &row.id))
            .any(|one| snapshot.info().segment_name(one.segment) == row.segment);
        assert!(found || removed, "{row:?}");
    }
}
