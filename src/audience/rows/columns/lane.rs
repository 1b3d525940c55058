//! Some thousand rows of one column, read at once.
//!
//! Guarantees: every row has its values, or none, or is in doubt, by its number alone; memory
//! is used again for the next rows. What is in doubt is looked at again by the way that all
//! formats share, which says what is wrong.

use super::super::ITEMS_MAX;
use super::super::fields::{self, FIELDS, Found};
use super::schema::{Column, Kind};
use super::value::{Uuids, Values};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::reader::RowGroupReader;
use std::borrow::Cow;

/// In place of a number: there is none.
pub(super) const ABSENT: u64 = u64::MAX;
/// In place of a number: what is there is none that the field can be.
const DOUBT: u64 = u64::MAX - 1;
/// Between the items of one text, as in CSV.
const ITEM_SEPARATOR: char = '|';

/// A column of a row group that is being read.
pub(super) struct Lane {
    column: Column,
    reader: ColumnReader,
    levels: Vec<i16>,
    repeats: Vec<i16>,
    values: Values,
    spans: Vec<Span>,
    /// Of a field that is a number: that of each row, `ABSENT` or `DOUBT`.
    numbers: Vec<u64>,
}

/// Which values a row has.
#[derive(Clone, Copy)]
struct Span {
    begin: u32,
    end: u32,
    /// Whether there is a null among them.
    gaps: bool,
}

impl Lane {
    /// Begins with a column of a row group.
    pub(super) fn open(group: &dyn RowGroupReader, column: Column) -> Result<Self, ParquetError> {
        let reader = group.get_column_reader(column.leaf)?;
        let values = match &reader {
            ColumnReader::BoolColumnReader(_) => Values::Flags(Vec::new()),
            ColumnReader::Int32ColumnReader(_) => Values::Narrow(Vec::new()),
            ColumnReader::Int64ColumnReader(_) => Values::Wide(Vec::new()),
            ColumnReader::Int96ColumnReader(_) => Values::Julian(Vec::new()),
            ColumnReader::FloatColumnReader(_) => Values::Single(Vec::new()),
            ColumnReader::DoubleColumnReader(_) => Values::Double(Vec::new()),
            ColumnReader::ByteArrayColumnReader(_) => Values::Texts(Vec::new()),
            ColumnReader::FixedLenByteArrayColumnReader(_) if column.kind == Kind::Uuid => {
                Values::Uuids(Uuids::default())
            }
            ColumnReader::FixedLenByteArrayColumnReader(_) => Values::Fixed(Vec::new()),
        };
        let (levels, repeats, spans, numbers) = Default::default();
        Ok(Self { column, reader, levels, repeats, values, spans, numbers })
    }

    /// Reads the next `rows` rows; fewer are a fault.
    pub(super) fn fill(&mut self, rows: usize) -> Result<(), ParquetError> {
        self.levels.clear();
        self.repeats.clear();
        self.spans.clear();
        self.numbers.clear();
        let read = self.read(rows)?;
        self.set_spans(rows);
        if read != rows || self.spans.len() != rows {
            let name = FIELDS[self.column.place];
            let found = read.min(self.spans.len());
            let message = format!("column {name}: expected {rows} rows, found {found}");
            return Err(ParquetError::EOF(message));
        }
        self.set_numbers();
        Ok(())
    }

    /// Reads values and levels; how many rows they are.
    fn read(&mut self, rows: usize) -> Result<usize, ParquetError> {
        use ColumnReader as Of;
        let levels = (&mut self.levels, &mut self.repeats);
        match (&mut self.reader, &mut self.values) {
            (Of::BoolColumnReader(from), Values::Flags(into)) => read(from, rows, levels, into),
            (Of::Int32ColumnReader(from), Values::Narrow(into)) => read(from, rows, levels, into),
            (Of::Int64ColumnReader(from), Values::Wide(into)) => read(from, rows, levels, into),
            (Of::Int96ColumnReader(from), Values::Julian(into)) => read(from, rows, levels, into),
            (Of::FloatColumnReader(from), Values::Single(into)) => read(from, rows, levels, into),
            (Of::DoubleColumnReader(from), Values::Double(into)) => read(from, rows, levels, into),
            (Of::ByteArrayColumnReader(from), Values::Texts(into)) => {
                read(from, rows, levels, into)
            }
            (Of::FixedLenByteArrayColumnReader(from), Values::Fixed(into)) => {
                read(from, rows, levels, into)
            }
            (Of::FixedLenByteArrayColumnReader(from), Values::Uuids(into)) => {
                let read = read(from, rows, levels, &mut into.bytes)?;
                into.set_texts();
                Ok(read)
            }
            _ => Err(ParquetError::General("a column of another type than it began with".into())),
        }
    }

    /// From levels to the values of each row.
    fn set_spans(&mut self, rows: usize) {
        let Column { present, element, repeated, .. } = self.column;
        let mut value = 0;
        if repeated {
            for (level, repeat) in self.levels.iter().zip(&self.repeats) {
                // A repetition level of 0 begins the next row.
                if *repeat == 0 {
                    self.spans.push(Span { begin: value, end: value, gaps: false });
                }
                let Some(span) = self.spans.last_mut() else { return };
                value += u32::from(*level == present);
                span.end = value;
                span.gaps |= *level >= element && *level < present;
            }
        } else if present == 0 {
            let span = |row| Span { begin: row, end: row + 1, gaps: false };
            self.spans.extend((0..rows as u32).map(span));
        } else {
            self.spans.extend(self.levels.iter().map(|level| {
                let begin = value;
                value += u32::from(*level == present);
                Span { begin, end: value, gaps: false }
            }));
        }
    }

    fn set_numbers(&mut self) {
        let Some(read) = number_of(FIELDS[self.column.place]) else { return };
        let (values, kind) = (&self.values, self.column.kind);
        self.numbers.extend(self.spans.iter().map(|span| {
            if span.begin == span.end {
                return ABSENT;
            }
            read(&values.found(kind, span.begin as usize)).unwrap_or(DOUBT).min(DOUBT)
        }));
    }

    /// The number of a row, [`ABSENT`] if there is none; `None` if it is in doubt.
    pub(super) fn number(&self, row: usize) -> Option<u64> {
        self.numbers.get(row).copied().filter(|number| *number != DOUBT)
    }

    /// The text of a row, if there is one.
    pub(super) fn text(&self, row: usize) -> Option<&str> {
        let span = self.spans.get(row).filter(|span| span.begin < span.end)?;
        self.values.text(self.column.kind, span.begin as usize)
    }

    /// The items of a row; `None` if they are in doubt.
    pub(super) fn items(&self, row: usize) -> Option<Vec<Cow<'_, str>>> {
        let span = self.spans.get(row).filter(|span| !span.gaps)?;
        let mut items = Vec::new();
        // One more than may be is enough to be refused.
        for value in (span.begin..span.end).take(ITEMS_MAX + 1) {
            let text = self.values.text(self.column.kind, value as usize)?;
            if self.column.repeated {
                items.push(Cow::Borrowed(text));
            } else if !text.is_empty() {
                items.extend(text.split(ITEM_SEPARATOR).map(Cow::Borrowed));
            }
        }
        Some(items)
    }

    /// What a row has, whatever it is.
    pub(super) fn found(&self, row: usize) -> Found<'_> {
        if FIELDS[self.column.place] == "items" {
            let others = Found::Other("a list with nulls or other things in it");
            return self.items(row).map_or(others, Found::List);
        }
        match self.spans.get(row) {
            Some(span) if span.begin < span.end => {
                self.values.found(self.column.kind, span.begin as usize)
            }
            _ => Found::Absent,
        }
    }
}

/// How a field that is a number is read; `None` for texts and lists.
fn number_of(field: &'static str) -> Option<fn(&Found<'_>) -> Option<u64>> {
    match field {
        "last_seen" | "first_seen" | "expires" => Some(|found| {
            let time = fields::time("", found).ok().flatten();
            time.map(|seconds| u64::from(seconds.0))
        }),
        "count" => Some(|found| fields::count_of(found).ok().map(u64::from)),
        "value" => Some(|found| fields::value_of(found).ok().map(|value| value.0)),
        "remove" => Some(|found| fields::remove_of(found).ok().map(u64::from)),
        _ => None,
    }
}

fn read<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    rows: usize,
    (levels, repeats): (&mut Vec<i16>, &mut Vec<i16>),
    values: &mut Vec<T::T>,
) -> Result<usize, ParquetError> {
    values.clear();
    reader.read_records(rows, Some(levels), Some(repeats), values).map(|(rows, _, _)| rows)
}
