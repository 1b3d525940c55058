//! Collects the faults of one file while it is checked, so that checking goes on after each.
//!
//! Guarantees: bounded memory however faulty the file; in the order of the text. Where the
//! syntax is broken it keeps quiet about what may only be a consequence of that.

use super::{Diagnostic, Place, Source};
use std::cell::RefCell;
use std::ops::Range;

/// Most faults kept of one file; the rest are counted. Nobody mends a thousand at once.
pub const FAULTS_KEPT_MAX: usize = 1_000;

/// The faults of one file.
#[derive(Debug)]
pub struct Faults<'a> {
    source: &'a Source,
    found: RefCell<Found>,
    broken: Broken,
}

/// What was found so far.
#[derive(Debug, Default)]
struct Found {
    kept: Vec<(usize, Diagnostic)>,
    dropped: usize,
    errors: usize,
}

/// Where the syntax of a file is broken.
#[derive(Clone, Debug, Default)]
pub struct Broken {
    /// Lines with a syntax fault, ascending.
    pub lines: Vec<usize>,
    /// The line from which on nothing can be relied upon: something is not closed there.
    pub from_line: Option<usize>,
}

impl<'a> Faults<'a> {
    /// An empty collection for `source`.
    pub fn new(source: &'a Source) -> Self {
        Self { source, found: RefCell::default(), broken: Broken::default() }
    }

    /// Tells where the syntax is broken: faults that may follow from it are left out.
    pub fn set_broken(&mut self, broken: Broken) {
        self.broken = broken;
    }

    /// Whether the syntax is broken somewhere: then what seems to be missing may be there.
    pub fn is_broken(&self) -> bool {
        !self.broken.lines.is_empty()
    }

    /// Reports an error at a byte range.
    pub fn error(
        &self,
        at: &Range<usize>,
        message: impl Into<String>,
        expected: impl Into<String>,
    ) {
        if !self.is_consequence(at.start) {
            let place = self.source.place(at.clone());
            self.keep(at.start, Diagnostic::error(place, message, expected));
        }
    }

    /// Reports a warning at a byte range.
    pub fn warning(
        &self,
        at: &Range<usize>,
        message: impl Into<String>,
        expected: impl Into<String>,
    ) {
        if !self.is_consequence(at.start) {
            let place = self.source.place(at.clone());
            self.keep(at.start, Diagnostic::warning(place, message, expected));
        }
    }

    /// Whether there is an error so far.
    pub fn any_error(&self) -> bool {
        self.found.borrow().errors > 0
    }

    /// The place of a byte range, for a fault that may be found later.
    pub fn place(&self, at: &Range<usize>) -> Place {
        self.source.place(at.clone())
    }

    /// The file's text.
    pub fn source(&self) -> &'a Source {
        self.source
    }

    /// All of them in the order of the text; beyond the bound one more says how many.
    pub fn into_diagnostics(self) -> Vec<Diagnostic> {
        let Found { mut kept, dropped, .. } = self.found.into_inner();
        kept.sort_by_key(|(offset, _)| *offset);
        let mut all: Vec<_> = kept.into_iter().map(|(_, diagnostic)| diagnostic).collect();
        if dropped > 0 {
            all.push(Diagnostic::error(
                Place::whole_file(self.source.name()),
                format!("{dropped} more faults in this file are not listed"),
                format!("at most {FAULTS_KEPT_MAX}: mend these and check again"),
            ));
        }
        all
    }

    fn keep(&self, offset: usize, diagnostic: Diagnostic) {
        let mut found = self.found.borrow_mut();
        found.errors += usize::from(diagnostic.is_error());
        if found.kept.len() < FAULTS_KEPT_MAX {
            found.kept.push((offset, diagnostic));
        } else {
            found.dropped += 1;
        }
    }

    fn is_consequence(&self, offset: usize) -> bool {
        if !self.is_broken() {
            return false;
        }
        let line = self.source.line(offset);
        self.broken.lines.binary_search(&line).is_ok()
            || self.broken.from_line.is_some_and(|from| line >= from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_come_in_the_order_of_the_text_and_are_bounded() {
        let source = Source::new("f", "a\n".repeat(2_000));
        let faults = Faults::new(&source);
        for offset in (0..FAULTS_KEPT_MAX + 5).rev() {
            faults.error(&(offset..offset + 1), "wrong", "right");
        }
        let all = faults.into_diagnostics();
        assert_eq!(all.len(), FAULTS_KEPT_MAX + 1);
        assert!(all[0].place.line < all[500].place.line);
        assert!(all[FAULTS_KEPT_MAX].message.starts_with("5 more"));
    }

    #[test]
    fn consequences_of_broken_syntax_are_left_out() {
        let source = Source::new("f", "a\nb\nc\nd\n");
        let mut faults = Faults::new(&source);
        faults.set_broken(Broken { lines: vec![2], from_line: Some(4) });
        for offset in [0, 2, 4, 6] {
            faults.error(&(offset..offset + 1), "wrong", "right");
        }
        let lines: Vec<_> = faults.into_diagnostics().iter().map(|one| one.place.line).collect();
        assert_eq!(lines, [1, 3]);
    }
}
