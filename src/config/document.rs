//! A configuration file parsed as TOML, with recovery: a syntax fault is one more diagnostic,
//! and the rest of the file is still checked.

use super::Spanned;
use super::faults::Broken;
use super::spec::Table;
use super::{Diagnostic, Faults, Section, Source, shape};
use std::ops::Range;
use toml::de::{DeTable, Error};

/// Most syntax faults reported of one file: the later ones are mostly consequences.
const SYNTAX_FAULTS_MAX: usize = 20;

/// A parsed file and the faults found in it so far.
#[derive(Debug)]
pub struct Document<'a> {
    root: Spanned<DeTable<'a>>,
    faults: Faults<'a>,
}

impl<'a> Document<'a> {
    /// Parses `source` and checks its shape against `spec`.
    pub fn read(source: &'a Source, spec: &'static Table) -> Self {
        let (root, errors) = DeTable::parse_recoverable(source.text());
        let mut faults = Faults::new(source);
        let broken = report_syntax(&faults, errors);
        faults.set_broken(broken);
        shape::check_table(root.get_ref(), &root.span(), spec, &faults);
        Self { root, faults }
    }

    /// The whole file as a section of `spec`.
    pub fn section(&self, spec: &'static Table) -> Section<'_> {
        Section::new(self.root.get_ref(), self.root.span(), spec, &self.faults)
    }

    /// The collector of this file's faults.
    pub fn faults(&self) -> &Faults<'a> {
        &self.faults
    }

    /// Ends the check: all faults in the order of the text.
    pub fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.faults.into_diagnostics()
    }
}

/// Reports syntax faults, the first of each line, and tells where they leave the file broken.
fn report_syntax(faults: &Faults<'_>, mut errors: Vec<Error>) -> Broken {
    let at = |error: &Error| error.span().unwrap_or(0..0);
    errors.sort_by_key(|error| at(error).start);
    let mut broken = Broken::default();
    for error in errors {
        let line = faults.source().line(at(&error).start);
        if broken.lines.last() == Some(&line) {
            continue;
        }
        if broken.lines.len() < SYNTAX_FAULTS_MAX {
            report_one(faults, &at(&error), error.message());
        }
        broken.lines.push(line);
        if error.message().starts_with("unclosed") && broken.from_line.is_none() {
            broken.from_line = Some(line);
        }
    }
    broken
}

/// Reports one syntax fault; the parser's message carries what it expected behind a comma.
fn report_one(faults: &Faults<'_>, at: &Range<usize>, message: &str) {
    let (found, expected) = message.split_once(", expected ").unwrap_or((message, "valid TOML"));
    faults.error(at, format!("syntax: {found}"), expected);
}
