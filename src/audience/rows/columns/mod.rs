//! Rows as Apache Parquet: the fields are columns, a list of texts for `items`.
//!
//! - `schema` which columns there may be, and what their numbers mean
//! - `lane` some thousand rows of one column, read at once
//! - `value` what stands at one place of a column
//!
//! Read column by column, without Arrow. Guarantees: a column that is not a field, or is of a
//! type that no field can be, refuses the file; a value means what the same value in NDJSON or
//! CSV means, since both end in `fields`; memory is one page and some thousand rows of each
//! column. Row groups are read side by side. What the library panics on is an error.

mod lane;
#[cfg(test)]
pub(crate) mod sample;
mod schema;
#[cfg(test)]
mod tests;
mod value;

use super::blocks::Block;
use super::fields::{self, FIELDS, Fields};
use super::{FieldFault, Offered, ReadError, Row};
use crate::audience::ValueThousandths;
use crate::model::UnixSeconds;
use lane::{ABSENT, Lane};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, FileReader, RowGroupReader};
use parquet::file::serialized_reader::SerializedFileReader;
use schema::Column;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// How many rows are decoded at once: their columns fit into the second-level cache.
const ROWS_AT_ONCE: usize = 4_096;
const DAMAGED: &str = "expected a sound Parquet file: it is damaged";

/// One row group of a file.
pub struct Group {
    file: Arc<dyn FileReader>,
    columns: Arc<[Column]>,
    number: usize,
}

/// Opens a file and hands each row group to `each`, until `each` fails.
///
/// # Errors
/// It is no Parquet file, a column of it is refused, or those of `each`.
pub fn cut<R: ChunkReader + 'static, E: From<ReadError>>(
    input: R,
    mut each: impl FnMut(Block) -> Result<(), E>,
) -> Result<(), E> {
    let file = guarded(1, || SerializedFileReader::new(input).map_err(|error| broken(1, error)))?;
    let columns = schema::columns(file.metadata().file_metadata().schema_descr().columns());
    let columns: Arc<[Column]> = columns.map_err(ReadError::Header)?.into();
    let file: Arc<dyn FileReader> = Arc::new(file);
    let promised = file.metadata().file_metadata().num_rows();
    let rows = file.metadata().row_groups().iter().map(|group| i128::from(group.num_rows()));
    if rows.sum::<i128>() != i128::from(promised) {
        return Err(ReadError::invalid(1, DAMAGED).into());
    }
    let mut first_row = 1;
    for number in 0..file.num_row_groups() {
        let rows = file.metadata().row_group(number).num_rows();
        let group = Group { file: Arc::clone(&file), columns: Arc::clone(&columns), number };
        each(Block::of_group(group, first_row))?;
        first_row += u64::try_from(rows).unwrap_or(0);
    }
    Ok(())
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
        let rows = usize::try_from(group.metadata().num_rows());
        let rows = rows.map_err(|_| ReadError::invalid(first, DAMAGED))?;
        let mut batch = guarded(first, || Batch::open(&*group, &self.columns).map_err(fault))?;
        let mut done = 0;
        while done < rows {
            let wanted = ROWS_AT_ONCE.min(rows - done);
            guarded(first, || batch.fill(wanted).map_err(fault))?;
            for at in 0..wanted {
                let line = first + (done + at) as u64;
                each(Offered { line, raw: b"", row: batch.row(at) })?;
            }
            done += wanted;
        }
        Ok(())
    }
}

/// Some rows of all columns, which stand in the order of [`FIELDS`].
struct Batch {
    lanes: [Option<Lane>; FIELDS.len()],
}

impl Batch {
    fn open(group: &dyn RowGroupReader, columns: &[Column]) -> Result<Self, ParquetError> {
        let mut lanes = [const { None }; FIELDS.len()];
        for column in columns {
            lanes[column.place] = Some(Lane::open(group, *column)?);
        }
        Ok(Self { lanes })
    }

    fn fill(&mut self, rows: usize) -> Result<(), ParquetError> {
        self.lanes.iter_mut().flatten().try_for_each(|lane| lane.fill(rows))
    }

    /// A row; what is wrong with it is for the way that all formats share.
    fn row(&self, at: usize) -> Result<Row<'_>, FieldFault> {
        self.good_row(at).map_or_else(|| fields::to_row(self.fields(at)), Ok)
    }

    /// A row without a fault.
    fn good_row(&self, at: usize) -> Option<Row<'_>> {
        let [id_space, id, segment, last_seen, first_seen, expires, count, value, items, remove] =
            &self.lanes;
        let number =
            |lane: &Option<Lane>| lane.as_ref().map_or(Some(ABSENT), |lane| lane.number(at));
        let or = |number, absent| if number == ABSENT { absent } else { number };
        let time = |lane| Some(u32::try_from(number(lane)?).ok().map(UnixSeconds));
        Some(Row {
            id_space: id_space.as_ref()?.text(at)?.into(),
            id: id.as_ref()?.text(at)?.into(),
            segment: segment.as_ref()?.text(at)?.into(),
            last_seen: time(last_seen)??,
            first_seen: time(first_seen)?,
            expires: time(expires)?,
            count: u32::try_from(or(number(count)?, 1)).ok()?,
            value: ValueThousandths(or(number(value)?, 0)),
            items: items.as_ref().map_or(Some(Vec::new()), |lane| lane.items(at))?,
            remove: or(number(remove)?, 0) != 0,
        })
    }

    fn fields(&self, at: usize) -> Fields<'_> {
        self.lanes
            .each_ref()
            .map(|lane| lane.as_ref().map(|lane| lane.found(at)).unwrap_or_default())
    }
}

fn broken(line: u64, error: ParquetError) -> ReadError {
    let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
    let source = match error {
        // What the system said keeps its kind.
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(error) => invalid(error),
        },
        other => invalid(other.into()),
    };
    ReadError::Io { line, source }
}

/// The library asserts what a damaged file breaks.
fn guarded<T>(line: u64, read: impl FnOnce() -> Result<T, ReadError>) -> Result<T, ReadError> {
    let damaged = |_| Err(ReadError::invalid(line, DAMAGED));
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(damaged)
}
