//! A value of the response together with its path, and readings of scalars.
//!
//! Guarantees: a missing field is a node like any other, with the path that it would have.
//! [`text`], [`number`] and [`whole`] read as leniently as exchanges write (field note openrtb.md, 1.5);
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
    /// Its JSON pointer; behind a `#` it is one into a text that is JSON itself.
    pub(super) path: String,
}

impl<'a> Node<'a> {
    pub(super) fn root(value: &'a Value) -> Self {
        Self { value, path: String::new() }
    }

    /// What a text at this place holds that is JSON itself.
    pub(super) fn inside(&self, value: &'a Value) -> Self {
        Self { value, path: format!("{}#", self.path) }
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

/// A number, or a text that is one, or a truth value: flags are written in all three ways.
pub(super) fn number(value: &Value) -> Option<f64> {
    let by_text = || value.as_str()?.trim().parse().ok();
    let by_truth = || value.as_bool().map(|flag| f64::from(u8::from(flag)));
    value.as_f64().or_else(by_text).or_else(by_truth).filter(|one| one.is_finite())
}

/// A number that is whole and not negative.
pub(super) fn whole(value: &Value) -> Option<u64> {
    // Beyond 2^53 a float is no longer exact, and no field means such a number.
    const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;
    let number = number(value)?;
    ((0.0..=WHOLE_MAX).contains(&number) && number.fract() == 0.0).then_some(number as u64)
}

/// The whole numbers of a list; empty where there is none.
pub(super) fn wholes(value: &Value) -> Vec<u64> {
    value.as_array().into_iter().flatten().filter_map(whole).collect()
}

/// The texts of a list; empty where there is none.
pub(super) fn texts(value: &Value) -> Vec<Cow<'_, str>> {
    value.as_array().into_iter().flatten().filter_map(text).collect()
}
