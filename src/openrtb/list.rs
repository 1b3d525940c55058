//! The lists of a request that most decisions never look into: kept as they arrived, and walked
//! only if someone asks.
//!
//! Guarantees: nothing is copied or allocated, whichever form the request came in.

use super::json::JsonList;
use super::member::{Member, Read};
use super::protobuf::{Repeated, Shape};

/// A list of texts (or of numbers, or of objects) in the form in which it arrived.
#[derive(Clone, Copy, Debug)]
pub enum RawList<'a> {
    /// A JSON array.
    Json(JsonList<'a>),
    /// A repeated field of a protobuf message.
    Protobuf(Repeated<'a>),
}

impl Default for RawList<'_> {
    fn default() -> Self {
        Self::Json(JsonList::default())
    }
}

impl<'a> RawList<'a> {
    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Json(list) => list.is_empty(),
            // A repeated field exists only by its elements.
            Self::Protobuf(_) => false,
        }
    }

    /// Calls `visit` with each text (or number as text) until it returns `false`.
    pub fn each_text(&self, visit: impl FnMut(&str) -> bool) {
        match self {
            Self::Json(list) => list.each_text(visit),
            Self::Protobuf(field) => field.each_text(visit),
        }
    }

    /// Calls `visit` with each element: its text, or nothing where it is neither text nor number.
    pub fn each_element(&self, mut visit: impl FnMut(Option<&str>)) {
        match self {
            Self::Json(list) => list.each(|reader| {
                visit(reader.text()?.as_deref());
                Ok(())
            }),
            Self::Protobuf(field) => field.each_text(|text| {
                visit(Some(text));
                true
            }),
        }
    }

    /// Calls `visit` with each element, objects of this shape, until it refuses to go on.
    pub(super) fn each_member(
        &self,
        shape: Shape,
        mut visit: impl FnMut(Member<'_, 'a>) -> Read<()>,
    ) {
        match self {
            Self::Json(list) => list.each(|reader| {
                let before = reader.offset();
                visit(Member::Json(reader))?;
                if reader.offset() == before {
                    reader.pass()?;
                }
                Ok(())
            }),
            Self::Protobuf(list) => list.each(|field| {
                visit(Member::Protobuf(field, shape.names()))?;
                Ok(())
            }),
        }
    }

    /// Whether any text in it satisfies `matches`.
    pub fn any_text(&self, mut matches: impl FnMut(&str) -> bool) -> bool {
        let mut found = false;
        self.each_text(|text| {
            found = matches(text);
            !found
        });
        found
    }
}
