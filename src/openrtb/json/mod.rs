//! A pull reader of JSON: borrowed, strict in grammar, lenient in types.
//!
//! Why not serde: a bid request is mostly fields we do not need and types that arrive wrong
//! (ids as numbers, flags as strings). This reader walks the body once, hands out slices of
//! it, and skips the rest while still checking every byte of its grammar, so that a truncated
//! or malformed body is always refused. serde_json is the oracle in its tests.
//!
//! With an [`Index`] of the text at hand it steps over what is not needed, whose grammar was
//! checked when that was made; without one it walks. Either way it reads the same.
//!
//! Guarantees: no panic, no recursion deeper than [`DEPTH_MAX`], no allocation but for strings
//! that hold escapes. A wrong-typed value is skipped and read as absent.

mod index;
mod list;
mod scalar;

pub use index::Index;
pub use list::JsonList;
pub(crate) use scalar::plain_run_end;

use super::list::RawList;
use super::raw::RawObject;
use crate::model::CpmMicros;
use scalar::{RawText, escape_length, integral};
use std::borrow::Cow;

/// Deepest nesting of objects and arrays: the deepest field we read stands at 7.
pub const DEPTH_MAX: u8 = 32;

/// So many digits are within `i64`, whatever they are.
const PLAIN_DIGITS_MAX: usize = 18;

/// Where and why a text is not acceptable JSON.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("expected {expected} at byte {at}")]
pub struct JsonError {
    /// Byte offset in the text.
    pub at: usize,
    /// What the grammar allows there.
    pub expected: &'static str,
}

/// What kind of value comes next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Object,
    Array,
    Text,
    Number,
    Other,
}

type Result<T> = std::result::Result<T, JsonError>;

/// The reader: a text and a place in it.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: u8,
    index: Option<&'a Index>,
    /// The number of the next container that opens.
    container: u32,
}

#[allow(clippy::inline_always, reason = "by callgrind reading a request takes a third less so")]
impl<'a> Reader<'a> {
    /// Starts at the first byte of `text`.
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0, index: None, container: 0 }
    }

    /// As [`Self::new`], with the help of `index` if it has read this text.
    pub fn with_index(text: &'a str, index: &'a mut Index) -> Self {
        let is_read = index.read(text);
        Self { index: is_read.then_some(&*index), ..Self::new(text) }
    }

    /// Calls `on_key` for each key of the object that comes next; it must read or skip the
    /// value. A value of another kind is skipped and `false` returned.
    ///
    /// # Errors
    /// The grammar is broken, or the nesting too deep.
    #[inline]
    pub fn object(
        &mut self,
        mut on_key: impl FnMut(&mut Self, &str) -> Result<()>,
    ) -> Result<bool> {
        if self.kind()? != Kind::Object {
            self.pass()?;
            return Ok(false);
        }
        self.enter()?;
        if !self.closes(b'}') {
            loop {
                let key = self.key()?;
                on_key(self, &key)?;
                if !self.goes_on(b'}')? {
                    break;
                }
            }
        }
        self.depth -= 1;
        Ok(true)
    }

    /// Calls `on_element` before each element of the array that comes next; it must read or
    /// skip the element. A value of another kind is skipped and `false` returned.
    ///
    /// # Errors
    /// The grammar is broken, or the nesting too deep.
    #[inline]
    pub fn array(&mut self, mut on_element: impl FnMut(&mut Self) -> Result<()>) -> Result<bool> {
        if self.kind()? != Kind::Array {
            self.pass()?;
            return Ok(false);
        }
        self.enter()?;
        if !self.closes(b']') {
            loop {
                on_element(self)?;
                if !self.goes_on(b']')? {
                    break;
                }
            }
        }
        self.depth -= 1;
        Ok(true)
    }

    /// Skips the value that comes next, checking its grammar; returns its text.
    ///
    /// # Errors
    /// The grammar is broken, or the nesting too deep.
    pub fn skip(&mut self) -> Result<&'a str> {
        self.space();
        let start = self.at;
        self.pass()?;
        Ok(&self.text[start..self.at])
    }

    /// As [`Self::skip`], for those who do not ask for the text: most members of a request.
    ///
    /// # Errors
    /// As [`Self::skip`].
    pub fn pass(&mut self) -> Result<()> {
        let kind = self.kind()?;
        match self.index {
            Some(index) => {
                self.step_over(kind, index);
                Ok(())
            }
            None => self.walk_over(kind),
        }
    }

    /// Skips what was checked when the index was made.
    #[inline]
    fn step_over(&mut self, kind: Kind, index: &Index) {
        match kind {
            Kind::Object | Kind::Array => {
                let container = index.container(self.container);
                self.at = container.close as usize + 1;
                self.container = container.next;
            }
            Kind::Text => self.at = index.string_end(self.at + 1) + 1,
            Kind::Number | Kind::Other => self.at = index.scalar_end(self.at),
        }
    }

    fn walk_over(&mut self, kind: Kind) -> Result<()> {
        match kind {
            Kind::Text => {
                self.string()?;
            }
            Kind::Number => {
                self.number()?;
            }
            Kind::Object => {
                self.object(|reader, _| reader.pass())?;
            }
            Kind::Array => {
                self.array(Self::pass)?;
            }
            Kind::Other => self.word()?,
        }
        Ok(())
    }

    /// A list kept as text, to be walked only if someone needs it; empty for other kinds.
    ///
    /// # Errors
    /// As [`Self::skip`].
    pub fn list(&mut self) -> Result<RawList<'a>> {
        self.json_list().map(RawList::Json)
    }

    /// As [`Self::list`], for those who know that it is JSON.
    ///
    /// # Errors
    /// As [`Self::skip`].
    pub fn json_list(&mut self) -> Result<JsonList<'a>> {
        let is_array = self.kind()? == Kind::Array;
        let text = self.skip()?;
        Ok(JsonList(if is_array { text } else { "[]" }))
    }

    /// An object kept as text, to be read only if someone needs it; anything else is absent.
    ///
    /// # Errors
    /// As [`Self::skip`].
    pub fn raw_object(&mut self) -> Result<Option<RawObject<'a>>> {
        let is_object = self.kind()? == Kind::Object;
        let text = self.skip()?;
        Ok(is_object.then_some(RawObject::Json(text)))
    }

    /// Steps over white space, to where the next value begins.
    pub(super) fn seek_value(&mut self) {
        self.space();
    }

    /// How many bytes were read.
    pub fn offset(&self) -> usize {
        self.at
    }

    /// What was read from `offset` on, which was where the reader stood earlier.
    pub(super) fn since(&self, offset: usize) -> &'a str {
        self.text.get(offset..self.at).unwrap_or_default()
    }

    /// Whether a text comes next.
    pub(super) fn is_at_text(&self) -> bool {
        self.text[self.at..].trim_start_matches([' ', '\n', '\r', '\t']).starts_with('"')
    }

    /// A string, or a number as its text; anything else is skipped and absent.
    ///
    /// # Errors
    /// The grammar is broken.
    pub fn text(&mut self) -> Result<Option<Cow<'a, str>>> {
        match self.kind()? {
            Kind::Text => self.string().map(|raw| Some(raw.unescaped())),
            Kind::Number => self.number().map(|digits| Some(Cow::Borrowed(digits))),
            _ => self.skip().map(|_| None),
        }
    }

    /// A whole number: an integer, an integral float, or a string of one; `true` is 1 and
    /// `false` 0. Anything else is skipped and absent.
    ///
    /// # Errors
    /// The grammar is broken.
    pub fn integer(&mut self) -> Result<Option<i64>> {
        match self.kind()? {
            Kind::Number => self.whole_number(),
            Kind::Text => {
                let raw = self.string()?;
                Ok(integral(raw.inside.trim()))
            }
            _ => self.skip().map(|skipped| match skipped {
                "true" => Some(1),
                "false" => Some(0),
                _ => None,
            }),
        }
    }

    /// A price in units, as micros, rounded up; a string of one is accepted. Negative prices
    /// and anything else are absent.
    ///
    /// # Errors
    /// The grammar is broken.
    pub fn price(&mut self) -> Result<Option<CpmMicros>> {
        match self.kind()? {
            Kind::Number => self.number().map(CpmMicros::parse_up),
            Kind::Text => {
                let raw = self.string()?;
                Ok(CpmMicros::parse_up(raw.inside.trim()))
            }
            _ => self.skip().map(|_| None),
        }
    }

    /// Only white space may be left.
    ///
    /// # Errors
    /// Something else follows.
    pub fn end(&mut self) -> Result<()> {
        self.space();
        if self.at == self.text.len() { Ok(()) } else { self.fault("the end of the body") }
    }

    /// Whether an index helps.
    pub(super) fn is_indexed(&self) -> bool {
        self.index.is_some()
    }

    #[cold]
    fn fault<T>(&self, expected: &'static str) -> Result<T> {
        Err(JsonError { at: self.at, expected })
    }

    #[inline(always)]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Steps over white space: exchanges send none, so one look tells as a rule.
    #[inline(always)]
    fn space(&mut self) {
        if self.byte().is_some_and(|byte| byte <= b' ') {
            self.some_space();
        }
    }

    #[cold]
    fn some_space(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    #[inline(always)]
    fn kind(&mut self) -> Result<Kind> {
        self.space();
        match self.byte() {
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'"') => Ok(Kind::Text),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b't' | b'f' | b'n') => Ok(Kind::Other),
            _ => self.fault("a value"),
        }
    }

    /// Steps over an opening bracket.
    #[inline(always)]
    fn enter(&mut self) -> Result<()> {
        if self.depth == DEPTH_MAX {
            return self.fault("less nesting");
        }
        self.depth += 1;
        self.container += 1;
        self.at += 1;
        Ok(())
    }

    /// Steps over the closing bracket of an empty container, if it is one.
    #[inline(always)]
    fn closes(&mut self, bracket: u8) -> bool {
        self.space();
        let closes = self.byte() == Some(bracket);
        self.at += usize::from(closes);
        closes
    }

    /// After a member: a comma (true) or the closing bracket (false).
    #[inline(always)]
    fn goes_on(&mut self, bracket: u8) -> Result<bool> {
        self.space();
        match self.byte() {
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            Some(byte) if byte == bracket => {
                self.at += 1;
                Ok(false)
            }
            _ => self.fault("a comma or a closing bracket"),
        }
    }

    #[inline(always)]
    fn key(&mut self) -> Result<Cow<'a, str>> {
        self.space();
        if self.byte() != Some(b'"') {
            return self.fault("a key");
        }
        let key = self.string()?.unescaped();
        self.space();
        if self.byte() != Some(b':') {
            return self.fault("a colon");
        }
        self.at += 1;
        Ok(key)
    }

    /// A string; the reader stands on its opening quote.
    #[inline(always)]
    fn string(&mut self) -> Result<RawText<'a>> {
        let start = self.at + 1;
        if let Some(index) = self.index {
            let end = index.string_end(start);
            self.at = end + 1;
            let inside = &self.text[start..end];
            let escaped = index.is_escaped(start, end);
            return Ok(RawText { inside, escaped });
        }
        self.walk_string(start)
    }

    /// As [`Self::string`], without an index: its inside begins at `start`.
    #[inline(never)]
    fn walk_string(&mut self, start: usize) -> Result<RawText<'a>> {
        let bytes = self.text.as_bytes();
        let mut escaped = false;
        let mut at = start;
        loop {
            at = plain_run_end(bytes, at);
            match bytes.get(at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.at = at;
                    at +=
                        escape_length(&bytes[at..]).map_or_else(|| self.fault("an escape"), Ok)?;
                }
                _ => {
                    self.at = at.min(bytes.len());
                    return self.fault("a character of a string");
                }
            }
        }
        self.at = at + 1;
        Ok(RawText { inside: &self.text[start..at], escaped })
    }

    /// A number, if it is whole: nearly all are a few digits.
    #[inline]
    fn whole_number(&mut self) -> Result<Option<i64>> {
        let bytes = &self.text.as_bytes()[self.at..];
        let (mut value, mut length) = (0, 0);
        while let Some(digit) = bytes.get(length).map(|byte| byte.wrapping_sub(b'0'))
            && digit < 10
            && length < PLAIN_DIGITS_MAX
        {
            value = value * 10 + i64::from(digit);
            length += 1;
        }
        let is_plain = bytes.get(length).is_some_and(|byte| matches!(byte, b',' | b'}' | b']'));
        if !is_plain || length == 0 || (bytes[0] == b'0' && length > 1) {
            return self.number().map(integral);
        }
        self.at += length;
        Ok(Some(value))
    }

    /// A number by JSON's grammar.
    fn number(&mut self) -> Result<&'a str> {
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        match self.byte() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return self.fault("a digit"),
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(&self.text[start..self.at])
    }

    fn digits(&mut self) -> Result<()> {
        if !matches!(self.byte(), Some(b'0'..=b'9')) {
            return self.fault("a digit");
        }
        while matches!(self.byte(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    /// `true`, `false` or `null`.
    fn word(&mut self) -> Result<()> {
        let rest = &self.text.as_bytes()[self.at..];
        for word in ["true", "false", "null"] {
            if rest.starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(());
            }
        }
        self.fault("true, false or null")
    }
}

#[cfg(test)]
mod tests;
