//! A value of the response together with its path, and readings of scalars.
//!
//! Guarantees: a missing field is a node like any other, with the path that it would have.
//! [`text`] and [`number`] read as leniently as exchanges write (field note openrtb.md, 1.5);
//! they are meant for requests.

use serde_json::Value;
use std::borrow::Cow;

/// What a missing field is.
static NOTHING: Value = Value::Null;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    /// The value; null where there is none.
    pub(super) value: &'a Value,
    /// Its JSON pointer.
    pub(super) path: String,
}

impl<'a> Node<'a> {
    pub(super) fn root(value: &'a Value) -> Self {
        Self { value, path: String::new() }
    }

    /// The field `key`, also if it is not there.
    pub(super) fn field(&self, key: &str) -> Self {
        let value = self.value.get(key).unwrap_or(&NOTHING);
        Self { value, path: format!("{}/{key}", self.path) }
    }

    /// The elements, if this is a list.
    pub(super) fn elements(&self) -> Vec<Self> {
        let elements = self.value.as_array().into_iter().flatten().enumerate();
        elements.map(|(n, value)| Self { value, path: format!("{}/{n}", self.path) }).collect()
    }

    /// Whether the field is there. Null counts as absent, as every exchange reads it.
    pub(super) fn is_there(&self) -> bool {
        !self.value.is_null()
    }

    /// The text, if this is one that is not blank.
    pub(super) fn some_text(&self) -> Option<&'a str> {
        self.value.as_str().filter(|text| !text.trim().is_empty())
    }
}

/// A text, or a number as text: exchanges write ids in both ways.
pub(super) fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) if !text.is_empty() => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}

/// A number, or a text that is one.
pub(super) fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|one| one.is_finite())
}

/// The texts of a list; empty where there is none.
pub(super) fn texts(value: &Value) -> Vec<Cow<'_, str>> {
    value.as_array().into_iter().flatten().filter_map(text).collect()
}
