//! Rows as Parquet files of several layouts, as jobs of others would write them; for tests.

use super::super::{Row, ndjson};
use bytes::Bytes;
use parquet::basic::Compression;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::ParquetError;
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::sync::Arc;

/// How the rows are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) compression: Compression,
    pub(crate) version: WriterVersion,
    pub(crate) dictionary: bool,
    pub(crate) group_rows: usize,
    pub(crate) types: Types,
}

/// Of which types the columns are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Types {
    /// Seconds, doubles, lists.
    Plain,
    /// What Spark makes of timestamps, decimals and arrays.
    Spark,
    /// Texts wherever they may be.
    Texts,
}

impl Layout {
    pub(crate) fn new(types: Types) -> Self {
        Self {
            compression: Compression::SNAPPY,
            version: WriterVersion::PARQUET_1_0,
            dictionary: true,
            group_rows: 1_000,
            types,
        }
    }

    fn schema(self) -> String {
        let texts =
            "required binary id_space (UTF8); required binary id; optional binary segment (UTF8);";
        let others = match self.types {
            Types::Plain => {
                "required int64 last_seen; optional int32 first_seen (UINT_32);
                optional int64 expires; optional int32 count (UINT_32); optional double value;
                required group items (LIST) { repeated group list { required binary item; } }
                required boolean remove;"
            }
            Types::Spark => {
                "optional int64 last_seen (TIMESTAMP(MICROS,true));
                optional int64 first_seen (TIMESTAMP(NANOS,false));
                optional int64 expires (TIMESTAMP(MILLIS,true)); optional int64 count;
                optional int64 value (DECIMAL(18,3));
                optional group items (LIST) { repeated group list { optional binary element (UTF8); } }
                optional boolean remove;"
            }
            Types::Texts => {
                "required binary last_seen; optional binary first_seen; optional binary expires;
                optional binary count; optional binary value; optional binary items;
                optional binary remove;"
            }
        };
        format!("message rows {{ {texts} {others} }}")
    }
}

/// The file.
pub(crate) fn file(rows: &[Row<'_>], layout: Layout) -> Vec<u8> {
    let schema = parse_message_type(&layout.schema()).expect("a schema");
    let properties = WriterProperties::builder()
        .set_compression(layout.compression)
        .set_writer_version(layout.version)
        .set_dictionary_enabled(layout.dictionary)
        .set_data_page_size_limit(4_000) // several pages a group
        .build();
    let (mut out, schema) = (Vec::new(), Arc::new(schema));
    let mut writer =
        SerializedFileWriter::new(&mut out, schema, Arc::new(properties)).expect("a file");
    for rows in rows.chunks(layout.group_rows) {
        let mut group = writer.next_row_group().expect("a group");
        for number in 0.. {
            let Some(mut column) = group.next_column().expect("a column") else { break };
            write(column.untyped(), (number, rows), layout.types).expect("written");
            column.close().expect("written");
        }
        group.close().expect("written");
    }
    writer.close().expect("written");
    out
}

/// Rows of NDJSON, to be written.
pub(crate) fn rows_of(lines: &str) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    for line in lines.lines() {
        ndjson::rows::<()>(line.as_bytes(), 1, |offered| {
            rows.push(offered.row.expect("a good row").into_owned());
            Ok(())
        })
        .expect("never fails");
    }
    rows
}

fn write(
    column: &mut ColumnWriter<'_>,
    (number, rows): (usize, &[Row<'_>]),
    types: Types,
) -> Result<(), ParquetError> {
    let time = |row: &Row<'_>| match number {
        3 => Some(row.last_seen.0),
        4 => row.first_seen.map(|time| time.0),
        _ => row.expires.map(|time| time.0),
    };
    let count = |row: &Row<'_>| (row.count != 1).then_some(row.count);
    let value = |row: &Row<'_>| (row.value.0 != 0).then_some(row.value.0);
    let ticks = match number {
        _ if types != Types::Spark => 1,
        3 => 1_000_000,
        4 => 1_000_000_000,
        _ => 1_000,
    };
    match column {
        ColumnWriter::BoolColumnWriter(writer) => put(writer, rows, |row| Some(row.remove)),
        ColumnWriter::Int32ColumnWriter(writer) if number == 4 => {
            put(writer, rows, |row| time(row).map(u32::cast_signed))
        }
        ColumnWriter::Int32ColumnWriter(writer) => {
            put(writer, rows, |row| count(row).map(u32::cast_signed))
        }
        ColumnWriter::Int64ColumnWriter(writer) => put(writer, rows, |row| match number {
            6 => count(row).map(i64::from),
            7 => value(row).map(u64::cast_signed),
            // What is behind the second is cut off.
            _ => time(row).map(|seconds| i64::from(seconds) * ticks + ticks / 2),
        }),
        ColumnWriter::DoubleColumnWriter(writer) => {
            put(writer, rows, |row| value(row).map(|value| value as f64 / 1_000.0))
        }
        ColumnWriter::ByteArrayColumnWriter(writer) if number == 8 && types != Types::Texts => {
            let (values, levels, repeats) = lists(rows, types == Types::Spark);
            writer.write_batch(&values, Some(&levels), Some(&repeats)).map(drop)
        }
        ColumnWriter::ByteArrayColumnWriter(writer) => put(writer, rows, |row| {
            let text = match number {
                0 => row.id_space.to_string(),
                1 => row.id.to_string(),
                2 => row.segment.to_string(),
                3..=5 => time(row)?.to_string(),
                6 => count(row)?.to_string(),
                7 => value(row).map(|value| format!("{}.{:03}", value / 1_000, value % 1_000))?,
                8 => row.items.join("|"),
                _ => row.remove.to_string(),
            };
            Some(ByteArray::from(text.into_bytes()))
        }),
        _ => panic!("a column of the schemas above"),
    }
}

fn put<T: DataType>(
    writer: &mut parquet::column::writer::ColumnWriterImpl<'_, T>,
    rows: &[Row<'_>],
    of: impl Fn(&Row<'_>) -> Option<T::T>,
) -> Result<(), ParquetError> {
    let levels: Vec<_> = rows.iter().map(|row| i16::from(of(row).is_some())).collect();
    let values: Vec<_> = rows.iter().filter_map(of).collect();
    writer.write_batch(&values, Some(&levels), None).map(drop)
}

/// Items, and the levels that say whose they are; no item is an empty list, or none.
fn lists(rows: &[Row<'_>], optional: bool) -> (Vec<ByteArray>, Vec<i16>, Vec<i16>) {
    let (mut values, mut levels, mut repeats) = (Vec::new(), Vec::new(), Vec::new());
    for (number, row) in rows.iter().enumerate() {
        if row.items.is_empty() {
            levels.push(i16::from(optional && number % 2 == 0));
            repeats.push(0);
        }
        for (number, item) in row.items.iter().enumerate() {
            values.push(ByteArray::from(&**item));
            levels.push(if optional { 3 } else { 1 });
            repeats.push(i16::from(number > 0));
        }
    }
    (values, levels, repeats)
}

/// The file, to be read.
pub(crate) fn bytes(rows: &[Row<'_>], layout: Layout) -> Bytes {
    file(rows, layout).into()
}
