//! Which columns a Parquet file may have, and what their numbers mean.
//!
//! Must not read a value.

use super::super::FieldFault;
use super::super::fields::{FIELD, FIELDS, place_of};
use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type};
use parquet::schema::types::{ColumnDescPtr, ColumnDescriptor};

/// Columns that every file must have.
const REQUIRED: [&str; 4] = ["id_space", "id", "segment", "last_seen"];
const COLUMN: &str = "texts, UUIDs, integers, doubles, decimals, timestamps or flags";
const NESTING: &str =
    "a list of texts, or one text, for items, and one value for every other field";
/// A UUID has as many.
const UUID_BYTES: i32 = 16;
/// Most places of a decimal: ten to this power is an `i128`.
const PLACES_MAX: u32 = 38;

/// A column of the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    /// Its place among the fields.
    pub(super) place: usize,
    /// Its number among the file's leaves.
    pub(super) leaf: usize,
    /// What its numbers mean.
    pub(super) kind: Kind,
    /// Whether it holds lists.
    pub(super) repeated: bool,
    /// The definition level of a value that is there.
    pub(super) present: i16,
    /// In a list, the definition level from which on there is an element, if only a null.
    pub(super) element: i16,
}

/// What its numbers mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// What they say.
    Plain,
    /// Integers without a sign.
    Unsigned,
    /// Timestamps, so many a second.
    Ticks(i64),
    /// Decimals with so many places.
    Places(u32),
    /// Sixteen bytes that stand for a text, as columnar engines keep ids of that form.
    Uuid,
}

/// The columns of a file, each of them a field.
pub(super) fn columns(leaves: &[ColumnDescPtr]) -> Result<Vec<Column>, FieldFault> {
    let mut columns = Vec::<Column>::new();
    for (leaf, descriptor) in leaves.iter().enumerate() {
        let name = descriptor.path().parts().first().map_or("", String::as_str);
        let unknown = || FieldFault::new(name, FIELD, name);
        let place = place_of(name).ok_or_else(unknown)?;
        if columns.iter().any(|column| column.place == place) {
            return Err(unknown());
        }
        columns.push(column((place, leaf), descriptor)?);
    }
    let missing = |name: &&&str| !columns.iter().any(|column| FIELDS[column.place] == **name);
    match REQUIRED.iter().find(missing) {
        Some(name) => Err(FieldFault::new(name, "a column of this name", "none")),
        None => Ok(columns),
    }
}

fn column(
    (place, leaf): (usize, usize),
    descriptor: &ColumnDescriptor,
) -> Result<Column, FieldFault> {
    let name = FIELDS[place];
    let repeated = descriptor.max_rep_level() == 1;
    let nested = descriptor.path().parts().len() > 1;
    let is_one = descriptor.max_rep_level() == 0 && !nested;
    let is_list = repeated && name == "items";
    if !is_one && !is_list {
        return Err(FieldFault::new(name, NESTING, &descriptor.path().string()));
    }
    let found = descriptor.physical_type();
    // A point in time is no number of events.
    let is_time = matches!(name, "last_seen" | "first_seen" | "expires");
    let fits = |kind: &Kind| is_time || !(matches!(kind, Kind::Ticks(_)) || found == Type::INT96);
    let kind = kind(descriptor).filter(fits).ok_or_else(|| {
        FieldFault::new(name, COLUMN, &format!("{found} {:?}", descriptor.converted_type()))
    })?;
    let (present, element) = (descriptor.max_def_level(), descriptor.repeated_ancestor_def_level());
    Ok(Column { place, leaf, kind, repeated, present, element })
}

fn kind(column: &ColumnDescriptor) -> Option<Kind> {
    let kind = match (column.logical_type_ref(), column.converted_type()) {
        (Some(LogicalType::Timestamp(time)), _) => Kind::Ticks(match time.unit {
            TimeUnit::MILLIS => 1_000,
            TimeUnit::MICROS => 1_000_000,
            TimeUnit::NANOS => 1_000_000_000,
        }),
        (_, ConvertedType::TIMESTAMP_MILLIS) => Kind::Ticks(1_000),
        (_, ConvertedType::TIMESTAMP_MICROS) => Kind::Ticks(1_000_000),
        (Some(LogicalType::Decimal(decimal)), _) => places(decimal.scale)?,
        (Some(LogicalType::Uuid), _) if column.type_length() == UUID_BYTES => Kind::Uuid,
        (_, ConvertedType::DECIMAL) => places(column.type_scale())?,
        (
            _,
            ConvertedType::UINT_8
            | ConvertedType::UINT_16
            | ConvertedType::UINT_32
            | ConvertedType::UINT_64,
        ) => Kind::Unsigned,
        (Some(LogicalType::Date | LogicalType::Time(_)), _)
        | (_, ConvertedType::DATE | ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS) => {
            return None;
        }
        _ => Kind::Plain,
    };
    // Bytes of one length are decimals or UUIDs, or nothing that is known here.
    let fixed = column.physical_type() == Type::FIXED_LEN_BYTE_ARRAY;
    (!fixed || matches!(kind, Kind::Places(_) | Kind::Uuid)).then_some(kind)
}

fn places(scale: i32) -> Option<Kind> {
    u32::try_from(scale).ok().filter(|places| *places <= PLACES_MAX).map(Kind::Places)
}
