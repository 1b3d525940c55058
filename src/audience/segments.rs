//! The names of segments and their numbers: expressions and memberships meet in them.

use crate::model::SegmentId;
use std::collections::HashMap;

/// Names of segments, numbered in the order in which campaigns mention them.
#[derive(Clone, Debug, Default)]
pub struct SegmentTable {
    names: Vec<String>,
    numbers: HashMap<String, SegmentId>,
}

impl SegmentTable {
    /// The number of `name`, given on first mention.
    pub fn intern(&mut self, name: &str) -> SegmentId {
        if let Some(known) = self.numbers.get(name) {
            return *known;
        }
        let id = SegmentId(self.names.len() as u32);
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), id);
        id
    }

    /// The number of a name already mentioned.
    pub fn get(&self, name: &str) -> Option<SegmentId> {
        self.numbers.get(name).copied()
    }

    /// The name behind a number; empty for a number that this table never gave.
    pub fn name(&self, id: SegmentId) -> &str {
        self.names.get(id.0 as usize).map_or("", String::as_str)
    }

    /// How many segments are mentioned.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether no segment is mentioned.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}
