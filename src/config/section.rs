//! The second stage of reading: typed values out of a section whose shape was checked.
//!
//! A value that is absent, or that the first stage refused, is `None` (or its default): the
//! fault is already reported, so readers go on and look for the next one. What was read is
//! only used when no fault was found.

use super::scalar::{When, as_integer, as_nanos, as_number, parse_percent};
use super::spec::{Kind, MapRule, Need, Table};
use super::{Faults, Place, Spanned};
use crate::model::{Amount, Seconds};
use std::ops::Range;
use std::sync::LazyLock;
use toml::de::{DeString, DeTable, DeValue};

/// A value and where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Its byte range in the file.
    pub at: Range<usize>,
}

/// A section that is being read.
#[derive(Clone, Debug)]
pub struct Section<'a> {
    table: &'a DeTable<'a>,
    at: Range<usize>,
    spec: &'static Table,
    faults: &'a Faults<'a>,
}

impl<'a> Section<'a> {
    /// The section of `spec` that stands at `at`.
    pub fn new(
        table: &'a DeTable<'a>,
        at: Range<usize>,
        spec: &'static Table,
        faults: &'a Faults<'a>,
    ) -> Self {
        Self { table, at, spec, faults }
    }

    /// Where the section stands: its header.
    pub fn at(&self) -> &Range<usize> {
        &self.at
    }

    /// Where to report faults.
    pub fn faults(&self) -> &'a Faults<'a> {
        self.faults
    }

    /// Whether the key is written in the file.
    pub fn has(&self, name: &str) -> bool {
        self.table.contains_key(name)
    }

    /// Whether what seems to be missing may be there, misspelt or behind broken syntax: then
    /// its absence is no fault of its own.
    pub fn may_be_incomplete(&self) -> bool {
        let unknown = |key: &Spanned<DeString<'_>>| self.spec.field(key.get_ref()).is_none();
        self.faults.is_broken() || self.table.keys().any(unknown)
    }

    /// Where the key's value stands; the section's header where it is absent.
    pub fn value_at(&self, name: &str) -> Range<usize> {
        self.table.get(name).map_or_else(|| self.at.clone(), Spanned::span)
    }

    /// Where the key stands; the section's header where it is absent.
    pub fn key_at(&self, name: &str) -> Range<usize> {
        self.table.get_key_value(name).map_or_else(|| self.at.clone(), |(key, _)| key.span())
    }

    /// The place of the key's value, for faults that may be found later.
    pub fn place(&self, name: &str) -> Place {
        self.faults.place(&self.value_at(name))
    }

    /// Reports an error at the key's value.
    pub fn error(&self, name: &str, message: impl Into<String>, expected: impl Into<String>) {
        self.faults.error(&self.value_at(name), message, expected);
    }

    /// Reports a warning at the key's value.
    pub fn warning(&self, name: &str, message: impl Into<String>, expected: impl Into<String>) {
        self.faults.warning(&self.value_at(name), message, expected);
    }

    /// A text, and where it stands.
    pub fn located_text(&self, name: &str) -> Option<Located<&'a str>> {
        let value = match self.value(name) {
            Some(value) => value.as_str()?,
            None => self.default_text(name)?,
        };
        Some(Located { value, at: self.value_at(name) })
    }

    /// A text.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.located_text(name).map(|located| located.value)
    }

    /// A text as an owned string.
    pub fn string(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    /// `true` or `false`; false where nothing else is said.
    pub fn flag(&self, name: &str) -> bool {
        let default = matches!(self.default(name), Some(Need::Flag(true)));
        self.value(name).and_then(DeValue::as_bool).unwrap_or(default)
    }

    /// A whole number.
    pub fn integer(&self, name: &str) -> Option<i64> {
        match (self.value(name), self.default(name)) {
            (Some(value), _) => as_integer(value),
            (None, Some(Need::Integer(default))) => Some(default),
            _ => None,
        }
    }

    /// A whole number as the type that its bounds in the spec were chosen for.
    pub fn number_of<T: TryFrom<i64>>(&self, name: &str) -> Option<T> {
        T::try_from(self.integer(name)?).ok()
    }

    /// A number.
    pub fn number(&self, name: &str) -> Option<f64> {
        match (self.value(name), self.default(name)) {
            (Some(value), _) => as_number(value),
            (None, Some(Need::Number(default))) => Some(default),
            _ => None,
        }
    }

    /// A length of time.
    pub fn duration(&self, name: &str) -> Option<Seconds> {
        Seconds::parse(self.text(name)?).ok()
    }

    /// An amount.
    pub fn amount(&self, name: &str) -> Option<Amount> {
        Amount::parse(self.text(name)?).ok()
    }

    /// A percentage, per 10,000.
    pub fn percent_per_10k(&self, name: &str) -> Option<u16> {
        parse_percent(self.text(name)?)
    }

    /// A date or a moment.
    pub fn when(&self, name: &str) -> Option<When> {
        When::read(self.value(name)?)
    }

    /// The acceptable texts of a list, each with its place.
    pub fn texts(&self, name: &str) -> Vec<Located<&'a str>> {
        if let Some(Need::Texts(default)) = self.default(name)
            && !self.has(name)
        {
            let at = self.at.clone();
            return default.iter().map(|text| Located { value: *text, at: at.clone() }).collect();
        }
        let text =
            |(value, at): (&'a DeValue<'a>, _)| value.as_str().map(|value| Located { value, at });
        self.elements(name).into_iter().filter_map(text).collect()
    }

    /// The acceptable texts of a list as owned strings.
    pub fn strings(&self, name: &str) -> Vec<String> {
        self.texts(name).into_iter().map(|text| text.value.to_owned()).collect()
    }

    /// The acceptable whole numbers of a list.
    pub fn integers(&self, name: &str) -> Vec<i64> {
        if let Some(Need::Integers(default)) = self.default(name)
            && !self.has(name)
        {
            return default.to_vec();
        }
        self.elements(name).into_iter().filter_map(|(value, _)| as_integer(value)).collect()
    }

    /// The acceptable numbers of a list.
    pub fn numbers(&self, name: &str) -> Vec<f64> {
        self.elements(name).into_iter().filter_map(|(value, _)| as_number(value)).collect()
    }

    /// A section within this one, if it is there.
    pub fn table(&self, name: &str) -> Option<Section<'a>> {
        let value = self.table.get(name)?;
        self.inner(name, value.get_ref().as_table()?, value.span())
    }

    /// A section within this one; where it is absent, one in which every key is.
    pub fn table_or_absent(&self, name: &str) -> Option<Section<'a>> {
        static ABSENT: LazyLock<DeTable<'static>> = LazyLock::new(DeTable::new);
        self.table(name).or_else(|| self.inner(name, &ABSENT, self.at.clone()))
    }

    /// The sections of a list.
    pub fn tables(&self, name: &str) -> Vec<Section<'a>> {
        let section = |(value, at): (&'a DeValue<'a>, _)| self.inner(name, value.as_table()?, at);
        self.elements(name).into_iter().filter_map(section).collect()
    }

    /// The numbers of a map by name, with the names' places.
    pub fn number_map(&self, name: &str) -> Vec<(Located<&'a str>, f64)> {
        let number = |(key, value)| Some((key, as_number(value)?));
        self.map(name).into_iter().filter_map(number).collect()
    }

    /// The exact rates of a map by name, in billionths; `None` where the first stage refused one.
    pub fn rate_map(&self, name: &str) -> Vec<(&'a str, Option<u64>)> {
        let table = self.value(name).and_then(DeValue::as_table);
        let rate = |(key, value): (&'a Spanned<DeString<'a>>, &Spanned<DeValue<'_>>)| {
            (key.get_ref().as_ref(), as_nanos(value.get_ref()).filter(|nanos| *nanos > 0))
        };
        table.into_iter().flatten().map(rate).collect()
    }

    /// The acceptable texts of a map of lists by name, with the names' places.
    pub fn text_lists(&self, name: &str) -> Vec<(Located<&'a str>, Vec<String>)> {
        let Some(Kind::Map(MapRule { of: Kind::List(rule), .. })) = self.kind(name) else {
            return Vec::new();
        };
        let texts = |value: &'a DeValue<'a>| {
            let list = value.as_array().into_iter().flatten().map(Spanned::get_ref);
            let texts = list.filter(|element| rule.of.accepts(element));
            texts.filter_map(DeValue::as_str).map(str::to_owned).collect()
        };
        self.map(name).into_iter().map(|(key, value)| (key, texts(value))).collect()
    }

    /// The acceptable entries of a map.
    fn map(&self, name: &str) -> Vec<(Located<&'a str>, &'a DeValue<'a>)> {
        let Some(Kind::Map(rule)) = self.kind(name) else { return Vec::new() };
        let Some(table) = self.value(name).and_then(DeValue::as_table) else { return Vec::new() };
        table
            .iter()
            .filter(|(key, value)| {
                rule.names.accepts(key.get_ref()) && rule.of.accepts(value.get_ref())
            })
            .map(|(key, value)| {
                (Located { value: key.get_ref().as_ref(), at: key.span() }, value.get_ref())
            })
            .collect()
    }

    /// The acceptable elements of a list.
    fn elements(&self, name: &str) -> Vec<(&'a DeValue<'a>, Range<usize>)> {
        let list = self.value(name).and_then(DeValue::as_array);
        let (Some(list), Some(Kind::List(rule))) = (list, self.kind(name)) else {
            return Vec::new();
        };
        list.iter()
            .map(|element| (element.get_ref(), element.span()))
            .filter(|(value, _)| rule.of.accepts(value))
            .collect()
    }

    fn inner(&self, name: &str, table: &'a DeTable<'a>, at: Range<usize>) -> Option<Self> {
        let spec = self.spec.field(name)?.kind.table()?;
        Some(Self { table, at, spec, faults: self.faults })
    }

    /// The key's value if the first stage accepted it.
    fn value(&self, name: &str) -> Option<&'a DeValue<'a>> {
        let value = self.table.get(name)?.get_ref();
        self.spec.field(name)?.kind.accepts(value).then_some(value)
    }

    /// The key's kind; of alternatives, the one that is written.
    fn kind(&self, name: &str) -> Option<&'static Kind> {
        let field = self.spec.field(name)?;
        Some(self.table.get(name).map_or(&field.kind, |value| field.kind.chosen(value.get_ref())))
    }

    /// What absence stands for; `None` where the key is written, rightly or not.
    fn default(&self, name: &str) -> Option<Need> {
        debug_assert!(self.spec.field(name).is_some(), "no key `{name}` in {}", self.spec.name);
        if self.has(name) {
            return None;
        }
        self.spec.field(name).map(|field| field.need)
    }

    fn default_text(&self, name: &str) -> Option<&'static str> {
        match self.default(name)? {
            Need::Text(default) => Some(default),
            _ => None,
        }
    }
}
