//! The declarative table of a section's keys: name, kind, need, meaning.
//!
//! One such table drives the check for unknown, missing and mistyped keys ([`super::shape`]),
//! the typed reader ([`super::section`]) and the published schema ([`super::json_schema`]).
//! A key that is not in a table does not exist; a key that is in one is documented.

use super::scalar::{When, as_integer, as_nanos, as_number, parse_percent};
use crate::model::{Amount, Seconds};
use toml::de::DeValue;

/// A section of a file: a TOML table with known keys.
#[derive(Debug)]
pub struct Table {
    /// How messages call it, e.g. `[campaign.price]`.
    pub name: &'static str,
    /// What it is for.
    pub doc: &'static str,
    /// Its keys.
    pub fields: &'static [Field],
}

impl Table {
    /// The field of that name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// A key.
#[derive(Debug)]
pub struct Field {
    /// As it is written.
    pub name: &'static str,
    /// What it may hold.
    pub kind: Kind,
    /// Whether it must be there.
    pub need: Need,
    /// What it means, with its unit.
    pub doc: &'static str,
}

/// A key, in one line of a table.
pub const fn field(name: &'static str, kind: Kind, need: Need, doc: &'static str) -> Field {
    Field { name, kind, need, doc }
}

/// Whether a key must be there.
#[derive(Clone, Copy, Debug)]
pub enum Need {
    /// Its absence is an error.
    Required,
    /// Its absence means something of its own.
    Optional,
    /// Its absence stands for this text (also a duration's, an amount's or a percentage's).
    Text(&'static str),
    /// Its absence stands for this integer.
    Integer(i64),
    /// Its absence stands for this number.
    Number(f64),
    /// Its absence stands for this truth.
    Flag(bool),
    /// Its absence stands for these texts.
    Texts(&'static [&'static str]),
    /// Its absence stands for these integers.
    Integers(&'static [i64]),
}

/// What a key may hold.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A text that a rule holds for.
    Text(&'static TextRule),
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// A whole number from the first to the second.
    Integer(i64, i64),
    /// A number, whole or not.
    Number(NumberRange),
    /// A decimal number above 0 with at most nine places, read exactly as it is written.
    Rate,
    /// A length of time such as `"30m"`, from the first to the second.
    Duration(Seconds, Seconds),
    /// An amount such as `"2.40 EUR"`.
    Amount,
    /// A percentage such as `"12.5%"` of at most so many per 10,000, with two decimals at most.
    Percent(u16),
    /// A date, or a date and time with its offset.
    When,
    /// A list.
    List(&'static ListRule),
    /// A section.
    Table(&'static Table),
    /// A section whose keys are names.
    Map(&'static MapRule),
    /// One of these, told apart by their TOML type.
    Either(&'static [Kind]),
}

/// A list's elements and how many there may be.
#[derive(Debug)]
pub struct ListRule {
    /// What each is.
    pub of: Kind,
    /// Fewest.
    pub min: usize,
    /// Most.
    pub max: usize,
}

/// A map's names and values, and how many there may be.
#[derive(Debug)]
pub struct MapRule {
    /// What each name is.
    pub names: NameRule,
    /// What each value is.
    pub of: Kind,
    /// Most.
    pub max: usize,
}

/// What the keys of a map may be.
#[derive(Clone, Copy, Debug)]
pub enum NameRule {
    /// Texts that a rule holds for.
    Text(&'static TextRule),
    /// One of these.
    Choice(&'static [&'static str]),
}

impl NameRule {
    /// Whether `name` may be a key.
    pub fn accepts(self, name: &str) -> bool {
        match self {
            Self::Text(rule) => (rule.holds)(name),
            Self::Choice(words) => words.contains(&name),
        }
    }

    /// What a key should be.
    pub fn expected(self) -> String {
        match self {
            Self::Text(rule) => rule.expected.to_owned(),
            Self::Choice(words) => one_of(words),
        }
    }
}

/// A number's range; the lower end may be excluded, to say "above 0".
#[derive(Clone, Copy, Debug)]
pub struct NumberRange {
    /// The lower end.
    pub low: f64,
    /// Whether the lower end itself is allowed.
    pub with_low: bool,
    /// The upper end, allowed.
    pub high: f64,
}

impl NumberRange {
    /// Both ends allowed.
    pub const fn from_to(low: f64, high: f64) -> Self {
        Self { low, with_low: true, high }
    }

    /// The lower end not allowed.
    pub const fn above_to(low: f64, high: f64) -> Self {
        Self { low, with_low: false, high }
    }

    /// Whether `value` lies in it; NaN does not.
    pub fn holds(self, value: f64) -> bool {
        (value > self.low || (self.with_low && value >= self.low)) && value <= self.high
    }
}

/// A rule for a text.
#[derive(Debug)]
pub struct TextRule {
    /// What it should be; reads on after "expected".
    pub expected: &'static str,
    /// The same as a regular expression, for the schema; empty: any.
    pub pattern: &'static str,
    /// Whether a text follows the rule.
    pub holds: fn(&str) -> bool,
}

impl Kind {
    /// Whether `value` is of the TOML type that this kind is written in.
    pub fn is_type_of(&self, value: &DeValue<'_>) -> bool {
        match self {
            Self::Text(_)
            | Self::Choice(_)
            | Self::Duration(..)
            | Self::Amount
            | Self::Percent(_) => value.is_str(),
            Self::Flag => value.is_bool(),
            Self::Integer(..) => value.is_integer(),
            Self::Number(_) | Self::Rate => value.is_integer() || value.is_float(),
            Self::When => value.is_datetime(),
            Self::List(_) => value.is_array(),
            Self::Table(_) | Self::Map(_) => value.is_table(),
            Self::Either(kinds) => kinds.iter().any(|kind| kind.is_type_of(value)),
        }
    }

    /// The alternative that `value` is meant to be; itself where there are none.
    pub fn chosen(&'static self, value: &DeValue<'_>) -> &'static Kind {
        match self {
            Self::Either(kinds) => kinds.iter().find(|kind| kind.is_type_of(value)).unwrap_or(self),
            _ => self,
        }
    }

    /// Whether a value that is not a list or a table is acceptable; of those, only the type
    /// is looked at here.
    pub fn accepts(&self, value: &DeValue<'_>) -> bool {
        let text = value.as_str().unwrap_or_default();
        self.is_type_of(value)
            && match self {
                Self::Text(rule) => (rule.holds)(text),
                Self::Choice(words) => words.contains(&text),
                Self::Duration(low, high) => {
                    Seconds::parse(text).is_ok_and(|length| (*low..=*high).contains(&length))
                }
                Self::Amount => Amount::parse(text).is_ok(),
                Self::Percent(most) => parse_percent(text).is_some_and(|share| share <= *most),
                Self::Integer(low, high) => {
                    as_integer(value).is_some_and(|number| (*low..=*high).contains(&number))
                }
                Self::Number(range) => as_number(value).is_some_and(|number| range.holds(number)),
                Self::Rate => as_nanos(value).is_some_and(|nanos| nanos > 0),
                Self::When => When::read(value).is_some(),
                Self::Either(kinds) => kinds.iter().any(|kind| kind.accepts(value)),
                Self::Flag | Self::List(_) | Self::Table(_) | Self::Map(_) => true,
            }
    }

    /// What a value should be; reads on after "expected".
    pub fn expected(&self) -> String {
        match self {
            Self::Text(rule) => rule.expected.to_owned(),
            Self::Choice(words) => one_of(words),
            Self::Flag => "true or false".to_owned(),
            Self::Integer(low, high) => format!("a whole number, {low} to {high}"),
            Self::Number(NumberRange { low, with_low: true, high }) => {
                format!("a number, {low} to {high}")
            }
            Self::Number(range) => format!("a number above {} up to {}", range.low, range.high),
            Self::Rate => "a number above 0 with at most nine decimals, such as 1.08".to_owned(),
            Self::Duration(low, high) => {
                format!("a duration such as \"30m\", \"24h\" or \"14d\", {low} to {high}")
            }
            Self::Amount => {
                let most = Amount::UNITS_MAX;
                format!("an amount such as \"2.40 EUR\", at most six decimals and {most} units")
            }
            Self::Percent(most) => {
                format!("a percentage such as \"10%\", 0% to {}%, two decimals at most", most / 100)
            }
            Self::When => "a date such as 2026-11-01, or a time with its offset such as \
                 2026-11-01T08:00:00+01:00, from 1970 to 2105, without quotes"
                .to_owned(),
            Self::List(rule) => format!("a list: each {}", rule.of.expected()),
            Self::Table(table) => format!("a table with keys of {}", names(table).join(", ")),
            Self::Map(rule) => format!("a table: each name {}", rule.names.expected()),
            Self::Either(kinds) => {
                kinds.iter().map(Self::expected).collect::<Vec<_>>().join("; or ")
            }
        }
    }

    /// The section that this kind is, or holds as a list or an alternative.
    pub fn table(&self) -> Option<&'static Table> {
        match self {
            Self::Table(table) => Some(table),
            Self::List(rule) => rule.of.table(),
            Self::Either(kinds) => kinds.iter().find_map(Self::table),
            _ => None,
        }
    }
}

/// The names of a section's keys.
pub fn names(table: &Table) -> Vec<&'static str> {
    table.fields.iter().map(|field| field.name).collect()
}

/// `one of: a, b, c`.
pub fn one_of(words: &[&str]) -> String {
    format!("one of: {}", words.join(", "))
}

/// The keys of `spec`, as section and name, that none of the files uses: tests keep this
/// empty, so that every key is read by some test.
#[cfg(test)]
pub(crate) fn unused_keys(spec: &'static Table, files: &[&str]) -> Vec<String> {
    fn visit(spec: &'static Table, value: &DeValue<'_>, used: &mut Vec<String>) {
        if let Some(list) = value.as_array() {
            list.iter().for_each(|element| visit(spec, element.get_ref(), used));
        }
        for (key, inner) in value.as_table().into_iter().flatten() {
            used.push(format!("{} {}", spec.name, key.get_ref()));
            if let Some(inner_spec) = spec.field(key.get_ref()).and_then(|field| field.kind.table())
            {
                visit(inner_spec, inner.get_ref(), used);
            }
        }
    }
    let mut used = Vec::new();
    for file in files {
        let root = toml::de::DeTable::parse(file).expect("a good file").into_inner();
        visit(spec, &DeValue::Table(root), &mut used);
    }
    let mut all = all_keys(spec);
    all.retain(|key| !used.contains(key));
    all
}

/// Every key of `spec` and of the sections in it, as section and name.
#[cfg(test)]
pub(crate) fn all_keys(spec: &'static Table) -> Vec<String> {
    let mut all = Vec::new();
    for field in spec.fields {
        all.push(format!("{} {}", spec.name, field.name));
        all.extend(field.kind.table().map(all_keys).into_iter().flatten());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> DeValue<'_> {
        DeValue::parse(text).expect("well formed").into_inner()
    }

    #[test]
    fn a_range_may_leave_out_its_lower_end() {
        assert!(NumberRange::from_to(0.0, 1.0).holds(0.0));
        assert!(!NumberRange::above_to(0.0, 1.0).holds(0.0));
        assert!(NumberRange::above_to(0.0, 1.0).holds(1.0));
        assert!(!NumberRange::from_to(0.0, 1.0).holds(f64::NAN));
    }

    #[test]
    fn kinds_accept_what_they_describe() {
        let day = Kind::Duration(Seconds(1), Seconds::DAY);
        assert!(day.accepts(&value("\"24h\"")) && !day.accepts(&value("\"2d\"")));
        assert!(Kind::Percent(5_000).accepts(&value("\"12.25%\"")));
        assert!(!Kind::Percent(5_000).accepts(&value("\"51%\"")));
        assert!(!Kind::Integer(0, 5).accepts(&value("\"5\"")));
        assert!(Kind::When.accepts(&value("2026-11-01")));
        assert!(!Kind::When.accepts(&value("2026-11-01T08:00:00")), "no offset");
        assert!(!Kind::When.accepts(&value("08:00:00")));
    }
}
