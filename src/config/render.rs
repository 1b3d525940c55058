//! Diagnostics for people, as a compiler prints them, and for programs, as JSON lines.

use super::{Diagnostic, Severity};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Most diagnostics shown in one run; the rest are counted. More than fits a screen or two
/// is not read, and mending the first often mends others.
pub const SHOWN_MAX: usize = 100;

/// How many faults there are, and in how many files.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Errors.
    pub errors: usize,
    /// Warnings.
    pub warnings: usize,
    /// Files with an error.
    pub files: usize,
}

impl Tally {
    /// Counts `diagnostics`.
    pub fn of(diagnostics: &[Diagnostic]) -> Self {
        let errors = || diagnostics.iter().filter(|one| one.is_error());
        let files: BTreeSet<&str> = errors().map(|one| one.place.file.as_str()).collect();
        let errors = errors().count();
        Self { errors, warnings: diagnostics.len() - errors, files: files.len() }
    }

    /// `5 errors in 2 files, 1 warning`.
    pub fn sentence(self) -> String {
        let errors = counted(self.errors, "error");
        let mut sentence = format!("{errors} in {}", counted(self.files, "file"));
        if self.warnings > 0 {
            let _ = write!(sentence, ", {}", counted(self.warnings, "warning"));
        }
        sentence
    }
}

/// `1 error`, `2 errors`.
pub fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// The first [`SHOWN_MAX`] diagnostics as text, and a line about the rest.
pub fn text(diagnostics: &[Diagnostic]) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics.iter().take(SHOWN_MAX) {
        push_text(&mut out, diagnostic);
        out.push('\n');
    }
    if diagnostics.len() > SHOWN_MAX {
        let _ = writeln!(out, "... and {} more, not shown\n", diagnostics.len() - SHOWN_MAX);
    }
    out
}

/// The first [`SHOWN_MAX`] diagnostics, one JSON object a line.
pub fn json_lines(diagnostics: &[Diagnostic]) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics.iter().take(SHOWN_MAX) {
        out += &serde_json::to_string(diagnostic).expect("texts and numbers are always JSON");
        out.push('\n');
    }
    out
}

/// One diagnostic, with its line of the file and what is wrong in it underlined.
fn push_text(out: &mut String, diagnostic: &Diagnostic) {
    let Diagnostic { severity, place, message, expected } = diagnostic;
    let severity = match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let _ = writeln!(out, "{severity}: {}", printable(message));
    let expected = printable(expected);
    if place.is_whole_file() {
        let _ = writeln!(out, "  --> {}\n   = expected {expected}", printable(&place.file));
        return;
    }
    let number = place.line.to_string();
    let gutter = " ".repeat(number.len());
    let indent = " ".repeat(place.excerpt_column);
    let room = place.excerpt.chars().count().saturating_sub(place.excerpt_column).max(1);
    let underline = "^".repeat(place.width.min(room));
    let file = printable(&place.file);
    let _ = writeln!(out, "{gutter}--> {file}:{number}:{}\n{gutter} |", place.column);
    let _ = writeln!(out, "{number} | {}", place.excerpt.trim_end());
    let _ = writeln!(out, "{gutter} | {indent}{underline} expected {expected}");
}

/// `text` without control characters: what a file says must not command a terminal.
fn printable(text: &str) -> String {
    text.chars()
        .map(|one| if one.is_control() { char::REPLACEMENT_CHARACTER } else { one })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Place, Source};

    fn fault() -> Diagnostic {
        let text = format!("{}  dayly = \"200 EUR\"\n", "\n".repeat(11));
        let place = Source::new("advertisers/acme.toml", text).place(13..18);
        let expected = "one of: daily, total, pacing; did you mean `daily`?";
        Diagnostic::error(place, "unknown key `dayly`", expected)
    }

    #[test]
    fn a_fault_reads_as_a_compiler_prints_it() {
        let golden = "\
error: unknown key `dayly`
  --> advertisers/acme.toml:12:3
   |
12 |   dayly = \"200 EUR\"
   |   ^^^^^ expected one of: daily, total, pacing; did you mean `daily`?

";
        assert_eq!(text(&[fault()]), golden);
    }

    #[test]
    fn a_missing_file_has_no_line() {
        let fault = Diagnostic::error(Place::whole_file("x.toml"), "cannot be read", "a file");
        assert_eq!(text(&[fault]), "error: cannot be read\n  --> x.toml\n   = expected a file\n\n");
    }

    #[test]
    fn what_is_not_shown_is_counted() {
        let many = vec![fault(); SHOWN_MAX + 7];
        assert!(text(&many).ends_with("... and 7 more, not shown\n\n"));
        assert_eq!(Tally::of(&many).sentence(), "107 errors in 1 file");
        assert_eq!(json_lines(&many).lines().count(), SHOWN_MAX);
    }

    #[test]
    fn json_names_every_part() {
        let line: serde_json::Value =
            serde_json::from_str(json_lines(&[fault()]).trim_end()).expect("one object");
        assert_eq!((&line["line"], &line["column"]), (&12.into(), &3.into()));
        assert_eq!(line["severity"], "error");
        assert_eq!(line["file"], "advertisers/acme.toml");
    }
}
