//! Parquet files made by the library and read back, good and damaged ones.

use super::super::ndjson;
use super::sample::{Layout, Types, bytes, file};
use super::*;
use bytes::Bytes;
use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;

/// The rows of a file, or the field that is at fault.
fn rows_of(file: impl Into<Bytes>) -> Result<Vec<Result<Row<'static>, FieldFault>>, String> {
    let mut rows = Vec::new();
    let read = cut::<_, ReadError>(file.into(), |block| {
        block.rows(|offered| {
            assert_eq!(offered.line, rows.len() as u64 + 1);
            rows.push(offered.row.map(Row::into_owned));
            Ok(())
        })
    });
    read.map_err(|error| error.to_string()).map(|()| rows)
}

/// The rows as NDJSON or as the field that is at fault.
fn lines_of(file: Vec<u8>) -> Vec<String> {
    let line = |row: Result<Row<'_>, FieldFault>| {
        row.map_or_else(
            |fault| fault.field,
            |row| {
                let mut line = Vec::new();
                ndjson::write(&mut line, &row).expect("memory");
                String::from_utf8(line).expect("JSON").trim_end().to_owned()
            },
        )
    };
    rows_of(file).expect("a good file").into_iter().map(line).collect()
}

type Write<'a> = dyn FnMut(usize, &mut ColumnWriter<'_>) + 'a;

/// A file of one group whose columns are written by hand.
fn written(schema: &str, write: &mut Write<'_>) -> Vec<u8> {
    let schema = parse_message_type(&format!("message rows {{ {schema} }}")).expect("a schema");
    let (properties, mut out) = (WriterProperties::builder().build(), Vec::new());
    let (schema, properties) = (Arc::new(schema), Arc::new(properties));
    let mut writer = SerializedFileWriter::new(&mut out, schema, properties).expect("a file");
    let mut group = writer.next_row_group().expect("a group");
    for number in 0.. {
        let Some(mut column) = group.next_column().expect("a column") else { break };
        write(number, column.untyped());
        column.close().expect("written");
    }
    group.close().expect("written");
    writer.close().expect("written");
    out
}

fn texts(column: &mut ColumnWriter<'_>, values: &[&str], levels: &[i16], repeats: &[i16]) {
    let values: Vec<_> = values.iter().map(|text| ByteArray::from(*text)).collect();
    let ColumnWriter::ByteArrayColumnWriter(writer) = column else { panic!("texts") };
    let given = |levels| Some(levels).filter(|levels: &&[i16]| !levels.is_empty());
    writer.write_batch(&values, given(levels), given(repeats)).expect("written");
}

const REQUIRED: &str = "required binary id_space (UTF8); required binary id (UTF8);
    optional binary segment (UTF8); optional int64 last_seen;";

/// Three rows of the required columns, the last of which has no time.
fn three_rows(number: usize, column: &mut ColumnWriter<'_>) {
    match (number, column) {
        (0, column) => texts(column, &["a", "a", "b"], &[], &[]),
        (1, column) => texts(column, &["u1", "u2", "u3"], &[], &[]),
        (2, column) => texts(column, &["cart", "view", "view"], &[1, 1, 1], &[]),
        (_, ColumnWriter::Int64ColumnWriter(writer)) => {
            writer.write_batch(&[5, 6], Some(&[1, 1, 0]), None).map(drop).expect("written");
        }
        _ => panic!("no column of the required ones"),
    }
}

fn any_row() -> impl Strategy<Value = Row<'static>> {
    let times =
        (1..=u32::MAX, proptest::option::of(1..=u32::MAX), proptest::option::of(1..u32::MAX));
    let texts = (".{0,3}", ".{0,40}", "[a-z]{1,9}", prop::collection::vec("[^|]{1,9}", 0..9));
    (texts, times, 1..=u32::MAX, 0..=999_999_999_999_999_u64, any::<bool>()).prop_map(
        |((id_space, id, segment, items), (last, first, expires), count, value, remove)| Row {
            id_space: id_space.into(),
            id: id.into(),
            segment: segment.into(),
            last_seen: UnixSeconds(last),
            first_seen: first.map(UnixSeconds),
            expires: expires.map(UnixSeconds),
            count,
            value: ValueThousandths(value),
            items: items.into_iter().map(Into::into).collect(),
            remove,
        },
    )
}

fn any_layout() -> impl Strategy<Value = Layout> {
    let compression = prop::sample::select(vec![
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::ZSTD(ZstdLevel::default()),
    ]);
    let version =
        prop::sample::select(vec![WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0]);
    let types = prop::sample::select(vec![Types::Plain, Types::Spark, Types::Texts]);
    (compression, version, any::<bool>(), 1_usize..40, types).prop_map(
        |(compression, version, dictionary, group_rows, types)| Layout {
            compression,
            version,
            dictionary,
            group_rows,
            types,
        },
    )
}

proptest! {
    #[test]
    fn rows_come_back_from_every_layout(
        rows in prop::collection::vec(any_row(), 0..60),
        layout in any_layout(),
    ) {
        let read = rows_of(bytes(&rows, layout)).expect("a good file");
        prop_assert_eq!(read, rows.into_iter().map(Ok).collect::<Vec<_>>());
    }

    #[test]
    fn a_damaged_file_is_an_error_or_other_rows_but_no_panic(
        rows in prop::collection::vec(any_row(), 1..9),
        layout in any_layout(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = file(&rows, layout);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = rows_of(bytes);
    }
}

#[test]
fn more_rows_than_are_decoded_at_once() {
    let row = |number: usize| Row {
        id_space: "a".into(),
        id: format!("u{number}").into(),
        segment: "view".into(),
        last_seen: UnixSeconds(number as u32 + 1),
        first_seen: None,
        expires: None,
        count: 1,
        value: ValueThousandths(500),
        items: (0..number % 3).map(|item| format!("s{item}").into()).collect(),
        remove: false,
    };
    let rows: Vec<_> = (0..2 * ROWS_AT_ONCE + 7).map(row).collect();
    for types in [Types::Plain, Types::Spark, Types::Texts] {
        let layout = Layout { group_rows: ROWS_AT_ONCE + 9, ..Layout::new(types) };
        let read = rows_of(bytes(&rows, layout)).expect("a good file");
        assert!(read.iter().map(Result::as_ref).eq(rows.iter().map(Ok)), "{types:?}");
    }
}

#[test]
fn bad_rows_are_refused_alone() {
    let list = "optional group items (LIST) { repeated group list { optional binary element; } }";
    let file = written(&format!("{REQUIRED} {list}"), &mut |number, column| match number {
        // A list with a null in it, one without, none.
        4 => texts(column, &["s1", "s2"], &[3, 2, 3, 0], &[0, 1, 0, 0]),
        _ => three_rows(number, column),
    });
    let good = r#"{"id_space":"a","id":"u2","segment":"view","last_seen":6,"items":["s2"]}"#;
    assert_eq!(lines_of(file), ["items", good, "last_seen"]);
    let file = written(&format!("{REQUIRED} required float value;"), &mut |number, column| match (
        number, column,
    ) {
        (4, ColumnWriter::FloatColumnWriter(writer)) => {
            writer.write_batch(&[59.9, 0.0001, 1.0], None, None).map(drop).expect("written");
        }
        (_, column) => three_rows(number, column),
    });
    let good = r#"{"id_space":"a","id":"u1","segment":"cart","last_seen":5,"value":"59.900"}"#;
    assert_eq!(lines_of(file), [good, "value", "last_seen"]);
}

#[test]
fn other_columns_refuse_the_file() {
    let refused = |schema: &str| {
        let schema = parse_message_type(&format!("message rows {{ {schema} }}"));
        let (schema, properties) = (Arc::new(schema.expect("a schema")), Arc::default());
        let mut out = Vec::new();
        let writer = SerializedFileWriter::new(&mut out, schema, properties).expect("a file");
        writer.close().expect("written");
        rows_of(out).expect_err("refused")
    };
    assert!(refused(&format!("{REQUIRED} required binary lastseen;")).contains("lastseen"));
    assert!(refused("required binary id;").contains("id_space"));
    for (column, told) in [
        ("repeated int64 count;", "a list of texts"),
        ("required group count { required int32 count; }", "a list of texts"),
        ("optional int32 expires (DATE);", "DATE"),
        ("optional int64 count (TIMESTAMP(MICROS,true));", "TIMESTAMP"),
        ("optional int96 value;", "INT96"),
        ("optional fixed_len_byte_array(16) value;", "FIXED_LEN_BYTE_ARRAY"),
    ] {
        let error = refused(&format!("{REQUIRED} {column}"));
        assert!(error.contains(told), "{column}: {error}");
    }
    assert!(rows_of(b"PAR1 but not really PAR1".to_vec()).is_err());
    assert!(rows_of(Vec::new()).is_err());
}

#[test]
fn a_uuid_is_the_text_that_it_stands_for() {
    let schema = "required binary id_space (UTF8); required fixed_len_byte_array(16) id (UUID);
        required binary segment (UTF8); required int64 last_seen;";
    let ids = [*b"\x00\x01\x02\x03\x04\x05\x46\x07\x88\x09\x0a\x0b\x0c\x0d\x0e\xff", [0xab; 16]];
    let file = written(schema, &mut |number, column| match (number, column) {
        (0, column) => texts(column, &["buyeruid", "ifa"], &[], &[]),
        (1, ColumnWriter::FixedLenByteArrayColumnWriter(writer)) => {
            let ids = ids.map(|id| ByteArray::from(id.to_vec()).into());
            writer.write_batch(&ids, None, None).map(drop).expect("written");
        }
        (2, column) => texts(column, &["cart", "cart"], &[], &[]),
        (_, ColumnWriter::Int64ColumnWriter(writer)) => {
            writer.write_batch(&[5, 6], None, None).map(drop).expect("written");
        }
        _ => panic!("no column of these"),
    });
    let rows = rows_of(file).expect("a good file");
    let found: Vec<_> = rows.into_iter().map(|row| row.expect("a good row").id).collect();
    assert_eq!(
        found,
        ["00010203-0405-4607-8809-0a0b0c0d0eff", "abababab-abab-abab-abab-abababababab"]
    );
}
