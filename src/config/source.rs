//! A configuration file's text, and the way from a byte offset to a line and a column.
//!
//! Guarantees: any offset is answered, also one past the end or inside a character; an
//! excerpt is bounded and free of control characters, so that a hostile file cannot write
//! escape sequences to a terminal. Must not read files.

use super::diagnostic::Place;
use std::ops::Range;

/// Longest excerpt shown of a line, in characters: inlined markup can be a line of 64 KiB.
pub const EXCERPT_CHARS_MAX: usize = 160;
/// How much of an overlong line is shown before the fault, in characters.
const EXCERPT_BEFORE_CHARS: usize = 40;

/// A file's name and text.
#[derive(Clone, Debug)]
pub struct Source {
    name: String,
    text: String,
    line_starts: Vec<usize>,
}

impl Source {
    /// Takes `text` as the contents of the file that messages call `name`.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let after_newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let line_starts =
            std::iter::once(0).chain(after_newlines.map(|(offset, _)| offset + 1)).collect();
        Self { name: name.into(), text, line_starts }
    }

    /// The file's name, as messages call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The line (from 1) in which the byte `offset` lies.
    pub fn line(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset).max(1)
    }

    /// The place of a byte range: where it starts, and how much of it lies in its first line.
    pub fn place(&self, range: Range<usize>) -> Place {
        let start = self.floor(range.start);
        let line = self.line(start);
        let line_start = self.line_starts[line - 1];
        let line_text = self.line_text(line_start);
        let before = self.text[line_start..start].chars().count();
        let end = self
            .floor(range.end)
            .clamp(start, line_start + line_text.len().max(start - line_start));
        let width = self.text[start..end].chars().count().max(1);
        let (excerpt, excerpt_column) = excerpt(line_text, before);
        Place { file: self.name.clone(), line, column: before + 1, width, excerpt, excerpt_column }
    }

    /// The byte range of `within`, counted in a string value as it reads, inside the text of
    /// that value at `value_at`. Where escapes make the two differ: the whole value.
    pub fn inside(
        &self,
        value_at: &Range<usize>,
        read: &str,
        within: &Range<usize>,
    ) -> Range<usize> {
        let raw = self.text.get(value_at.clone()).unwrap_or_default();
        raw.find(read).map_or_else(
            || value_at.clone(),
            |shift| value_at.start + shift + within.start..value_at.start + shift + within.end,
        )
    }

    /// The line that begins at `line_start`, without its end.
    fn line_text(&self, line_start: usize) -> &str {
        let rest = &self.text[line_start..];
        let line = rest.split_once('\n').map_or(rest, |(line, _)| line);
        line.strip_suffix('\r').unwrap_or(line)
    }

    /// The character boundary at or before `offset`.
    fn floor(&self, offset: usize) -> usize {
        let start = offset.min(self.text.len());
        (0..=start).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or(0)
    }
}

/// A printable cut of `line` around its `before`-th character, and the column there (from 0).
fn excerpt(line: &str, before: usize) -> (String, usize) {
    let printable = |character: char| match character {
        '\t' => ' ',
        hidden if hidden.is_control() => char::REPLACEMENT_CHARACTER,
        plain => plain,
    };
    let skipped = if before < EXCERPT_CHARS_MAX { 0 } else { before - EXCERPT_BEFORE_CHARS };
    let cut = line.chars().skip(skipped).take(EXCERPT_CHARS_MAX).map(printable).collect();
    (cut, before - skipped)
}

/// `text` with `cut` cut out and `put` in its place: what property tests do to good files.
#[cfg(test)]
pub(crate) fn mutilated(text: &str, cut: Range<usize>, put: &str) -> String {
    let source = Source::new("", text);
    format!("{}{put}{}", &text[..source.floor(cut.start)], &text[source.floor(cut.end)..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spot(text: &str, range: Range<usize>) -> (usize, usize, usize) {
        let place = Source::new("f", text).place(range);
        (place.line, place.column, place.width)
    }

    #[test]
    fn lines_and_columns_count_from_one_and_in_characters() {
        assert_eq!(spot("ab\ncd", 0..1), (1, 1, 1));
        assert_eq!(spot("ab\ncd", 4..5), (2, 2, 1));
        assert_eq!(spot("é = 1\n", 5..6), (1, 5, 1));
        assert_eq!(spot("ab\r\ncd", 0..6), (1, 1, 2), "a range ends with its first line");
        assert_eq!(spot("", 0..0), (1, 1, 1));
        assert_eq!(spot("ab\n", 9..12), (2, 1, 1), "past the end");
    }

    #[test]
    fn an_excerpt_is_bounded_and_harmless() {
        let line = format!("{}\u{1b}[31m", "x".repeat(1_000));
        let place = Source::new("f", line).place(1_000..1_001);
        assert_eq!(place.column, 1_001);
        assert!(place.excerpt.chars().count() <= EXCERPT_CHARS_MAX);
        assert_eq!(place.excerpt.chars().nth(place.excerpt_column), Some('\u{fffd}'));
    }

    #[test]
    fn a_range_inside_a_string_is_found_behind_its_quotes() {
        let source = Source::new("f", "a = \"\"\"\nx and y\"\"\"\nb = \"t\\u0061b\"");
        assert_eq!(source.inside(&(4..18), "x and y", &(6..7)), 14..15);
        assert_eq!(source.inside(&(23..33), "tab", &(1..2)), 23..33, "escapes: the whole");
    }

    proptest! {
        #[test]
        fn any_range_has_a_place(
            text in "[a\\n\\ré\u{1F600}]{0,40}",
            from in 0_usize..60,
            to in 0_usize..60,
        ) {
            let place = Source::new("f", text).place(from..to);
            prop_assert!(place.line >= 1 && place.column >= 1 && place.width >= 1);
        }
    }
}
