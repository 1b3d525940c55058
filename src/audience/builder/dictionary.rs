//! The segments of a build: names get a provisional number when they are first met, by any
//! thread, and their own by name at the end, so that neither order nor threads show.

use super::BuildError;
use crate::audience::rows::is_segment_name;
use crate::audience::snapshot::format::SEGMENTS_MAX;
use parking_lot::RwLock;
use std::collections::HashMap;

/// The names met so far.
pub(super) struct Dictionary {
    numbers: RwLock<HashMap<String, u16>>,
    /// Whether only the names given at the start are known.
    is_fixed: bool,
}

impl Dictionary {
    /// A dictionary of exactly these names; one that grows if none are given.
    pub(super) fn new(fixed: Option<&[String]>) -> Result<Self, BuildError> {
        let mut numbers = HashMap::new();
        for name in fixed.unwrap_or_default() {
            if !is_segment_name(name) {
                return Err(BuildError::SegmentName { found: name.clone() });
            }
            insert(&mut numbers, name)?;
        }
        Ok(Self { numbers: RwLock::new(numbers), is_fixed: fixed.is_some() })
    }

    /// The provisional number of a name; `None` for one that a fixed dictionary does not have.
    pub(super) fn number(&self, name: &str) -> Result<Option<u16>, BuildError> {
        if let Some(number) = self.numbers.read().get(name) {
            return Ok(Some(*number));
        }
        if self.is_fixed {
            return Ok(None);
        }
        insert(&mut self.numbers.write(), name).map(Some)
    }

    /// The names in order, and the place of each provisional number among them.
    pub(super) fn in_order(&self) -> (Vec<String>, Vec<u16>) {
        let numbers = self.numbers.read();
        let mut by_name: Vec<_> = numbers.iter().collect();
        by_name.sort_unstable();
        let mut places = vec![0; by_name.len()];
        for (place, (_, number)) in by_name.iter().enumerate() {
            places[usize::from(**number)] = place as u16;
        }
        (by_name.into_iter().map(|(name, _)| name.clone()).collect(), places)
    }
}

fn insert(numbers: &mut HashMap<String, u16>, name: &str) -> Result<u16, BuildError> {
    if let Some(number) = numbers.get(name) {
        return Ok(*number);
    }
    if numbers.len() >= SEGMENTS_MAX {
        return Err(BuildError::TooManySegments);
    }
    let number = numbers.len() as u16;
    numbers.insert(name.to_owned(), number);
    Ok(number)
}
