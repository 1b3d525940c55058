//! The first stage of checking: every key known, every required key there, every value of its
//! kind. What passes here is read by [`super::section`] without further type checks.
//!
//! Guarantees: goes on after each fault; recursion is bounded by the depth of the spec, never
//! by the file's.

use super::spec::{Kind, ListRule, MapRule, Need, Table, names, one_of};
use super::suggest::nearest;
use super::{Faults, Spanned};
use std::fmt::Write as _;
use std::ops::Range;
use toml::de::{DeString, DeTable, DeValue};

/// How much of a faulty text is quoted, in characters.
const QUOTED_CHARS_MAX: usize = 40;

/// Checks a section that stands at `at`.
pub fn check_table(
    table: &DeTable<'_>,
    at: &Range<usize>,
    spec: &'static Table,
    faults: &Faults<'_>,
) {
    let mut misspelt = Vec::new();
    for (key, value) in table {
        match spec.field(key.get_ref()) {
            Some(field) => check_value(field.name, &field.kind, value, faults),
            None => misspelt.extend(report_unknown(key, spec, faults)),
        }
    }
    if faults.is_broken() {
        return;
    }
    // A misspelt key is one fault, not an unknown key and a missing one.
    let missing = |name: &str| !table.contains_key(name) && !misspelt.contains(&name);
    for field in spec.fields {
        if matches!(field.need, Need::Required) && missing(field.name) {
            let message = format!("missing key `{}` in {}", field.name, spec.name);
            let expected = format!("`{} = ...`: {}", field.name, field.kind.expected());
            faults.error(at, message, expected);
        }
    }
}

/// Checks the value of the key `name`.
fn check_value(name: &str, kind: &'static Kind, value: &Spanned<DeValue<'_>>, faults: &Faults<'_>) {
    match (kind.chosen(value.get_ref()), value.get_ref()) {
        (Kind::Table(spec), DeValue::Table(table)) => {
            check_table(table, &value.span(), spec, faults);
        }
        (Kind::Map(rule), DeValue::Table(table)) => {
            check_map((name, table), &value.span(), rule, faults);
        }
        (Kind::List(rule), DeValue::Array(list)) => {
            check_length((name, list.len()), &value.span(), rule, faults);
            for element in list.iter().take(rule.max) {
                check_value(name, &rule.of, element, faults);
            }
        }
        (scalar, found) if scalar.accepts(found) => {}
        (scalar, found) => {
            let message = format!("`{name}` cannot be {}", describe(found));
            faults.error(&value.span(), message, scalar.expected());
        }
    }
}

/// Checks a map: its names, its values, and how many there are.
fn check_map(
    (name, table): (&str, &DeTable<'_>),
    at: &Range<usize>,
    rule: &'static MapRule,
    faults: &Faults<'_>,
) {
    if table.len() > rule.max {
        let message = format!("`{name}` has {} entries", table.len());
        faults.error(at, message, format!("at most {}", rule.max));
    }
    for (key, value) in table.iter().take(rule.max) {
        if rule.names.accepts(key.get_ref()) {
            check_value(key.get_ref(), &rule.of, value, faults);
        } else {
            let message = format!("`{}` cannot be a name in `{name}`", cut(key.get_ref()));
            faults.error(&key.span(), message, rule.names.expected());
        }
    }
}

/// Checks how long a list is.
fn check_length(
    (name, length): (&str, usize),
    at: &Range<usize>,
    rule: &ListRule,
    faults: &Faults<'_>,
) {
    if !(rule.min..=rule.max).contains(&length) {
        let expected = format!("{} to {}", rule.min, rule.max);
        faults.error(at, format!("`{name}` has {length} elements"), expected);
    }
}

/// Reports a key that the spec does not know; returns the one that it seems to mean.
fn report_unknown(
    key: &Spanned<DeString<'_>>,
    spec: &'static Table,
    faults: &Faults<'_>,
) -> Option<&'static str> {
    let known = names(spec);
    let mut expected = one_of(&known);
    let near = nearest(key.get_ref(), known.into_iter());
    if let Some(near) = near {
        let _ = write!(expected, "; did you mean `{near}`?");
    }
    faults.error(&key.span(), format!("unknown key `{}`", cut(key.get_ref())), expected);
    near
}

/// A value as a message quotes it.
fn describe(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{:?}", cut(text)),
        DeValue::Integer(integer) => cut(&integer.to_string()),
        DeValue::Float(float) => cut(float.as_str()),
        DeValue::Boolean(truth) => truth.to_string(),
        DeValue::Datetime(when) => when.to_string(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// `text`, shortened if it is long.
fn cut(text: &str) -> String {
    let mut short: String = text.chars().take(QUOTED_CHARS_MAX).collect();
    if short.len() < text.len() {
        short += "...";
    }
    short
}
