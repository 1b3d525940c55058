//! Rows as Apache Parquet: the fields are columns, a list of texts for `items`.
//!
//! Read column by column, some thousand rows at a time, without Arrow. Guarantees: a column that
//! is not a field, or is of a type that no field can be, refuses the file; a value goes the way
//! that a CSV cell goes. Times may be integers (seconds), timestamps of any unit (fractions of a
//! second are cut off) or texts; values integers, decimals, doubles or texts. Row groups are
//! read side by side. What the library panics on is an error.

use super::blocks::Block;
use super::fields::{self, FIELD, FIELDS, Fields, Found, place_of};
use super::{FieldFault, Offered, ReadError};
use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType, Int96};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, FileReader, RowGroupReader};
use parquet::file::serialized_reader::SerializedFileReader;
use parquet::schema::types::ColumnDescriptor;
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Columns that every file must have.
const REQUIRED: [&str; 4] = ["id_space", "id", "segment", "last_seen"];
/// How many rows are decoded at once: their columns fit into a processor's cache.
const ROWS_AT_ONCE: usize = 4_096;
const COLUMN: &str = "texts, integers, doubles, decimals of at most 18 digits, timestamps or flags";

/// One row group of a file.
pub struct Group {
    file: Arc<dyn FileReader>,
    columns: Arc<[Column]>,
    number: usize,
}

/// A column of the file.
#[derive(Clone, Copy, Debug)]
struct Column {
    /// Its place in [`Fields`].
    place: usize,
    /// Its number among the file's leaves.
    leaf: usize,
    kind: Kind,
    /// The definition level of a value that is there.
    present: i16,
    repeated: bool,
}

/// What its numbers mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Plain,
    /// Timestamps, so many a second.
    Ticks(i64),
    /// Decimals with so many places.
    Places(u32),
}

/// Opens a file and hands each row group to `each`, until `each` fails.
pub fn cut<R: ChunkReader + 'static, E: From<ReadError>>(
    input: R,
    mut each: impl FnMut(Block) -> Result<(), E>,
) -> Result<(), E> {
    let file = guarded(1, || SerializedFileReader::new(input).map_err(|error| broken(1, error)))?;
    let schema = file.metadata().file_metadata().schema_descr_ptr();
    let columns = columns(schema.columns().iter().map(|column| &**column));
    let columns: Arc<[Column]> = columns.map_err(ReadError::Header)?.into();
    let file: Arc<dyn FileReader> = Arc::new(file);
    let mut first_row = 1;
    for number in 0..file.num_row_groups() {
        let rows = file.metadata().row_group(number).num_rows();
        let group = Group { file: Arc::clone(&file), columns: Arc::clone(&columns), number };
        each(Block::of_group(group, first_row))?;
        first_row += u64::try_from(rows).unwrap_or(0);
    }
    Ok(())
}

fn columns<'a>(
    leaves: impl Iterator<Item = &'a ColumnDescriptor>,
) -> Result<Vec<Column>, FieldFault> {
    let mut columns = Vec::<Column>::new();
    for (leaf, descriptor) in leaves.enumerate() {
        let name = descriptor.path().parts().first().map_or("", String::as_str);
        let unknown = || FieldFault::new(name, FIELD, name);
        let place = place_of(name).ok_or_else(unknown)?;
        if columns.iter().any(|column| column.place == place) {
            return Err(unknown());
        }
        let levels = i16::from(FIELDS[place] == "items");
        if descriptor.max_rep_level() != levels {
            let expected = "a list for items, and one value for every other field";
            return Err(FieldFault::new(name, expected, "another nesting"));
        }
        let found = descriptor.physical_type();
        let kind = kind(descriptor).ok_or_else(|| {
            FieldFault::new(name, COLUMN, &format!("{found} {:?}", descriptor.converted_type()))
        })?;
        let present = descriptor.max_def_level();
        columns.push(Column { place, leaf, kind, present, repeated: levels > 0 });
    }
    let missing = |name: &&&str| !columns.iter().any(|column| FIELDS[column.place] == **name);
    match REQUIRED.iter().find(missing) {
        Some(name) => Err(FieldFault::new(name, "a column of this name", "none")),
        None => Ok(columns),
    }
}

fn kind(column: &ColumnDescriptor) -> Option<Kind> {
    if matches!(column.physical_type(), Type::FIXED_LEN_BYTE_ARRAY) {
        return None;
    }
    match (column.logical_type_ref(), column.converted_type()) {
        (Some(LogicalType::Timestamp(time)), _) => Some(Kind::Ticks(match time.unit {
            TimeUnit::MILLIS => 1_000,
            TimeUnit::MICROS => 1_000_000,
            TimeUnit::NANOS => 1_000_000_000,
        })),
        (_, ConvertedType::TIMESTAMP_MILLIS) => Some(Kind::Ticks(1_000)),
        (_, ConvertedType::TIMESTAMP_MICROS) => Some(Kind::Ticks(1_000_000)),
        (Some(LogicalType::Decimal(decimal)), _) => places(decimal.scale, column),
        (_, ConvertedType::DECIMAL) => places(column.type_scale(), column),
        (Some(LogicalType::Date | LogicalType::Time(_)), _)
        | (_, ConvertedType::DATE | ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS) => {
            None
        }
        _ => Some(Kind::Plain),
    }
}

fn places(scale: i32, column: &ColumnDescriptor) -> Option<Kind> {
    let integer = matches!(column.physical_type(), Type::INT32 | Type::INT64);
    u32::try_from(scale).ok().filter(|places| integer && *places <= 18).map(Kind::Places)
}

impl Group {
    /// Hands every row to `each`, until `each` fails. `first` is the number of the first.
    pub(super) fn rows<E: From<ReadError>>(
        &self,
        first: u64,
        mut each: impl FnMut(Offered<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let fault = |error| broken(first, error);
        let group = guarded(first, || self.file.get_row_group(self.number).map_err(fault))?;
        let rows = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
        let open = |column: &Column| Open::new(&*group, *column).map_err(fault);
        let mut open =
            guarded(first, || self.columns.iter().map(open).collect::<Result<Vec<_>, _>>())?;
        let mut done = 0;
        while done < rows {
            let wanted = ROWS_AT_ONCE.min(rows - done);
            guarded(first, || {
                open.iter_mut().try_for_each(|column| column.fill(wanted).map_err(fault))
            })?;
            let mut cursors = vec![Cursor::default(); open.len()];
            for row in 0..wanted {
                let mut found = Fields::default();
                for (column, cursor) in open.iter().zip(&mut cursors) {
                    found[column.column.place] = column.next(cursor);
                }
                let line = first + (done + row) as u64;
                each(Offered { line, raw: b"", row: fields::to_row(found) })?;
            }
            done += wanted;
        }
        Ok(())
    }
}

/// A column of a row group that is being read.
struct Open {
    column: Column,
    reader: ColumnReader,
    levels: Vec<i16>,
    repeats: Vec<i16>,
    values: Values,
}

/// Where the next row begins in what was read of a column.
#[derive(Clone, Copy, Default)]
struct Cursor {
    level: usize,
    value: usize,
}

enum Values {
    Texts(Vec<ByteArray>),
    Narrow(Vec<i32>),
    Wide(Vec<i64>),
    Old(Vec<Int96>),
    Single(Vec<f32>),
    Double(Vec<f64>),
    Flags(Vec<bool>),
}

impl Open {
    fn new(group: &dyn RowGroupReader, column: Column) -> Result<Self, ParquetError> {
        let reader = group.get_column_reader(column.leaf)?;
        let values = match &reader {
            ColumnReader::BoolColumnReader(_) => Values::Flags(Vec::new()),
            ColumnReader::Int32ColumnReader(_) => Values::Narrow(Vec::new()),
            ColumnReader::Int64ColumnReader(_) => Values::Wide(Vec::new()),
            ColumnReader::Int96ColumnReader(_) => Values::Old(Vec::new()),
            ColumnReader::FloatColumnReader(_) => Values::Single(Vec::new()),
            ColumnReader::DoubleColumnReader(_) => Values::Double(Vec::new()),
            ColumnReader::ByteArrayColumnReader(_)
            | ColumnReader::FixedLenByteArrayColumnReader(_) => Values::Texts(Vec::new()),
        };
        Ok(Self { column, reader, levels: Vec::new(), repeats: Vec::new(), values })
    }

    /// Reads the values of the next `rows` rows; fewer are a fault.
    fn fill(&mut self, rows: usize) -> Result<(), ParquetError> {
        self.levels.clear();
        self.repeats.clear();
        let levels = (&mut self.levels, &mut self.repeats);
        let read = match (&mut self.reader, &mut self.values) {
            (ColumnReader::BoolColumnReader(reader), Values::Flags(into)) => {
                fill(reader, rows, levels, into)
            }
            (ColumnReader::Int32ColumnReader(reader), Values::Narrow(into)) => {
                fill(reader, rows, levels, into)
            }
            (ColumnReader::Int64ColumnReader(reader), Values::Wide(into)) => {
                fill(reader, rows, levels, into)
            }
            (ColumnReader::Int96ColumnReader(reader), Values::Old(into)) => {
                fill(reader, rows, levels, into)
            }
            (ColumnReader::FloatColumnReader(reader), Values::Single(into)) => {
                fill(reader, rows, levels, into)
            }
            (ColumnReader::DoubleColumnReader(reader), Values::Double(into)) => {
                fill(reader, rows, levels, into)
            }
            (ColumnReader::ByteArrayColumnReader(reader), Values::Texts(into)) => {
                fill(reader, rows, levels, into)
            }
            _ => return Err(ParquetError::General("a column of an unknown type".to_owned())),
        }?;
        let name = FIELDS[self.column.place];
        if read == rows {
            Ok(())
        } else {
            Err(ParquetError::EOF(format!("column {name}: expected {rows} rows, found {read}")))
        }
    }

    /// What the next row has in this column.
    fn next(&self, cursor: &mut Cursor) -> Found<'_> {
        if self.column.repeated {
            return self.next_list(cursor);
        }
        let present =
            self.column.present == 0 || self.levels.get(cursor.level) == Some(&self.column.present);
        cursor.level += 1;
        if !present {
            return Found::Absent;
        }
        cursor.value += 1;
        self.value(cursor.value - 1)
    }

    fn next_list(&self, cursor: &mut Cursor) -> Found<'_> {
        let mut items = Vec::new();
        let mut faulty = false;
        loop {
            if self.levels.get(cursor.level) == Some(&self.column.present) {
                match self.value(cursor.value) {
                    Found::Text(text) => items.push(text),
                    _ => faulty = true,
                }
                cursor.value += 1;
            }
            cursor.level += 1;
            // A repetition level of 0 begins the next row.
            if self.repeats.get(cursor.level).is_none_or(|level| *level == 0) {
                break;
            }
        }
        if faulty { Found::Other("a list of other things") } else { Found::List(items) }
    }

    fn value(&self, at: usize) -> Found<'_> {
        let number = |number: i64| self.number(number);
        let found = match &self.values {
            Values::Texts(texts) => texts.get(at).map(|text| match text.as_utf8() {
                Ok(text) => Found::Text(Cow::Borrowed(text)),
                Err(_) => Found::Other("bytes that are no UTF-8"),
            }),
            Values::Narrow(numbers) => numbers.get(at).map(|one| number(i64::from(*one))),
            Values::Wide(numbers) => numbers.get(at).map(|one| number(*one)),
            Values::Old(times) => times.get(at).map(|time| integer(time.to_seconds())),
            Values::Single(numbers) => numbers.get(at).map(|one| single(*one)),
            Values::Double(numbers) => numbers.get(at).map(|one| Found::Number(*one)),
            Values::Flags(flags) => flags.get(at).map(|flag| Found::Flag(*flag)),
        };
        found.unwrap_or(Found::Other("nothing where the file promises a value"))
    }

    fn number(&self, number: i64) -> Found<'_> {
        match self.column.kind {
            Kind::Plain => integer(number),
            Kind::Ticks(a_second) => integer(number.div_euclid(a_second)),
            Kind::Places(places) if number >= 0 => {
                let unit = 10_i64.pow(places);
                let (whole, rest) = (number / unit, number % unit);
                let text = format!("{whole}.{rest:0width$}", width = places as usize);
                // Places beyond the third may be zeros: those say nothing.
                let text = match places {
                    0 => whole.to_string(),
                    1..=3 => text,
                    _ => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
                };
                Found::Text(Cow::Owned(text))
            }
            Kind::Places(_) => Found::Other("a negative number"),
        }
    }
}

fn integer(number: i64) -> Found<'static> {
    u64::try_from(number).map_or(Found::Other("a negative number"), Found::Integer)
}

/// By its shortest decimal, as a double would be read from text.
fn single(number: f32) -> Found<'static> {
    number.to_string().parse().map_or(Found::Other("no number"), Found::Number)
}

fn fill<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    rows: usize,
    (levels, repeats): (&mut Vec<i16>, &mut Vec<i16>),
    values: &mut Vec<T::T>,
) -> Result<usize, ParquetError> {
    values.clear();
    let mut read = 0;
    // A page may end within the rows that are wanted.
    while read < rows {
        let (records, _, _) =
            reader.read_records(rows - read, Some(levels), Some(repeats), values)?;
        if records == 0 {
            break;
        }
        read += records;
    }
    Ok(read)
}

fn broken(line: u64, error: ParquetError) -> ReadError {
    let source = std::io::Error::new(std::io::ErrorKind::InvalidData, error);
    ReadError::Io { line, source }
}

/// The library asserts what a damaged file breaks.
fn guarded<T>(line: u64, read: impl FnOnce() -> Result<T, ReadError>) -> Result<T, ReadError> {
    let damaged = |_| Err(ReadError::invalid(line, "expected a sound Parquet file: it is damaged"));
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(damaged)
}

#[cfg(test)]
mod tests {
    use super::super::ndjson;
    use super::*;
    use bytes::Bytes;
    use parquet::column::writer::ColumnWriter;
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    /// The rows of a file, as NDJSON or as the field and what was expected.
    fn read(file: Vec<u8>) -> Result<Vec<Result<String, String>>, String> {
        let mut rows = Vec::new();
        cut::<_, ReadError>(Bytes::from(file), |block| {
            block.rows(|offered| {
                assert_eq!(offered.line, rows.len() as u64 + 1);
                rows.push(match offered.row {
                    Ok(row) => {
                        let mut line = Vec::new();
                        ndjson::write(&mut line, &row).expect("memory");
                        Ok(String::from_utf8(line).expect("JSON"))
                    }
                    Err(fault) => Err(fault.field),
                });
                Ok(())
            })
        })
        .map_err(|error| error.to_string())?;
        Ok(rows)
    }

    type Write<'a> = dyn FnMut(usize, &mut ColumnWriter<'_>) + 'a;

    fn file(schema: &str, groups: usize, write: &mut Write<'_>) -> Vec<u8> {
        let schema = Arc::new(parse_message_type(schema).expect("a schema"));
        let properties = Arc::new(WriterProperties::builder().build());
        let mut out = Vec::new();
        let mut writer = SerializedFileWriter::new(&mut out, schema, properties).expect("a file");
        for _ in 0..groups {
            let mut group = writer.next_row_group().expect("a group");
            let mut number = 0;
            while let Some(mut column) = group.next_column().expect("a column") {
                write(number, column.untyped());
                column.close().expect("written");
                number += 1;
            }
            group.close().expect("written");
        }
        writer.close().expect("written");
        out
    }

    fn texts(column: &mut ColumnWriter<'_>, values: &[&str], levels: Option<(&[i16], &[i16])>) {
        let values: Vec<_> = values.iter().map(|text| ByteArray::from(*text)).collect();
        let ColumnWriter::ByteArrayColumnWriter(writer) = column else { panic!("texts") };
        let (present, repeats) = levels.unzip();
        writer.write_batch(&values, present, repeats).expect("written");
    }

    const SCHEMA: &str = "message rows {
        required binary id_space (UTF8); required binary id (UTF8);
        required binary segment (UTF8);
        required int64 last_seen (TIMESTAMP(MICROS,true));
        optional int32 count; optional int64 value (DECIMAL(12,2));
        optional group items (LIST) { repeated group list { optional binary element (UTF8); } }
    }";

    fn three_rows(number: usize, column: &mut ColumnWriter<'_>) {
        match (number, column) {
            (0, column) => texts(column, &["a", "a", "b"], None),
            (1, column) => texts(column, &["u1", "u2", "u3"], None),
            (2, column) => texts(column, &["cart", "view", "View"], None),
            (3, ColumnWriter::Int64ColumnWriter(writer)) => {
                let times = [1_700_000_000_999_999, 1_700_000_001_000_000, -1];
                writer.write_batch(&times, None, None).map(|_| ()).expect("written");
            }
            (4, ColumnWriter::Int32ColumnWriter(writer)) => {
                writer.write_batch(&[3], Some(&[1, 0, 0]), None).map(|_| ()).expect("written");
            }
            (5, ColumnWriter::Int64ColumnWriter(writer)) => {
                writer.write_batch(&[5990], Some(&[1, 0, 0]), None).map(|_| ()).expect("written");
            }
            (_, column) => {
                let (present, repeats) = ([3, 3, 0, 1], [0, 1, 0, 0]);
                texts(column, &["s1", "s2"], Some((&present, &repeats)));
            }
        }
    }

    #[test]
    fn columns_become_rows_and_groups_follow_each_other() {
        let one = r#"{"id_space":"a","id":"u1","segment":"cart","last_seen":1700000000,"count":3,"value":"59.900","items":["s1","s2"]}"#;
        let two = r#"{"id_space":"a","id":"u2","segment":"view","last_seen":1700000001}"#;
        let group = [Ok(format!("{one}\n")), Ok(format!("{two}\n")), Err("last_seen".to_owned())];
        let rows = read(file(SCHEMA, 2, &mut three_rows)).expect("a good file");
        assert_eq!(rows, [group.clone(), group].concat());
    }

    #[test]
    fn many_rows_are_read_in_pieces() {
        let schema = "message rows { required binary id_space (UTF8); required binary id (UTF8);
            required binary segment (UTF8); required int64 last_seen; required double value; }";
        let count = 3 * ROWS_AT_ONCE + 7;
        let bytes = file(schema, 1, &mut |number, column| match (number, column) {
            (1, column) => {
                let ids: Vec<_> = (0..count).map(|n| format!("u{n}")).collect();
                texts(column, &ids.iter().map(String::as_str).collect::<Vec<_>>(), None);
            }
            (3, ColumnWriter::Int64ColumnWriter(writer)) => {
                let times: Vec<_> = (1..=count as i64).collect();
                writer.write_batch(&times, None, None).map(|_| ()).expect("written");
            }
            (4, ColumnWriter::DoubleColumnWriter(writer)) => {
                writer.write_batch(&vec![0.5; count], None, None).map(|_| ()).expect("written");
            }
            (_, column) => texts(column, &vec!["a"; count], None),
        });
        let rows = read(bytes).expect("a good file");
        assert_eq!(rows.len(), count);
        let last = rows[count - 1].as_ref().expect("good");
        assert!(last.contains(&format!("\"u{}\"", count - 1)) && last.contains("0.500"), "{last}");
    }

    #[test]
    fn other_columns_and_damage_refuse_the_file() {
        let refused = |schema: &str| {
            let schema = format!("message rows {{ {schema} }}");
            read(file(&schema, 0, &mut |_, _| ())).expect_err("refused")
        };
        let good = "required binary id_space; required binary id; required binary segment;
            required int64 last_seen;";
        assert!(refused(&format!("{good} required binary lastseen;")).contains("lastseen"));
        assert!(refused("required binary id;").contains("id_space"));
        assert!(refused(&format!("{good} repeated int64 count;")).contains("nesting"));
        assert!(refused(&format!("{good} optional int32 expires (DATE);")).contains("DATE"));
        assert!(read(b"PAR1 but not really PAR1".to_vec()).is_err());
        let bytes = file(SCHEMA, 1, &mut three_rows);
        for at in (0..bytes.len()).step_by(3) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x55;
            let _ = read(damaged); // an error, or other rows: never a panic
        }
    }
}
