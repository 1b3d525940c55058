//! The language of a campaign's `audience`: parsed once, evaluated at bid time without
//! allocating.
//!
//! ```text
//! add_to_cart within 14d and no purchase since add_to_cart and not bounced
//! ```

use super::{Person, SegmentTable};
use crate::model::{SegmentId, UnixSeconds};
use std::ops::Range;

/// A parsed and compiled audience expression.
#[derive(Clone, Debug)]
pub struct Expression {}

/// Where an expression went wrong.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("expected {expected}, found {found}")]
pub struct ExpressionError {
    /// Byte range in the text.
    pub at: Range<usize>,
    /// What would have been right.
    pub expected: String,
    /// What stands there.
    pub found: String,
}

impl Expression {
    /// Parses `text`, numbering the segments it mentions.
    ///
    /// # Errors
    /// The first place that is not of the language.
    pub fn parse(_text: &str, _segments: &mut SegmentTable) -> Result<Self, ExpressionError> {
        Ok(Self {})
    }

    /// Whether the expression holds for `person` at `now`.
    pub fn holds(&self, _person: &Person, _now: UnixSeconds) -> bool {
        false
    }

    /// The smallest set of segments of which a person must be in at least one for the
    /// expression to hold; `None` if no segment anchors it (only negations).
    pub fn anchors(&self) -> Option<Vec<SegmentId>> {
        None
    }
}
