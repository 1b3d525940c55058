//! One fault of a configuration file: where, what, and what would have been right.

use serde::Serialize;

/// How grave a diagnostic is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file is refused.
    Error,
    /// Allowed, but it looks like a mistake.
    Warning,
}

/// A place in a file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
pub struct Place {
    /// The file's name as it was given.
    pub file: String,
    /// Line, from 1; 0 where the fault is the file as a whole.
    pub line: usize,
    /// Column in characters, from 1; 0 where the fault is the file as a whole.
    pub column: usize,
    /// How many characters of the line are at fault; at least 1.
    pub width: usize,
    /// The line, or a cut of it if it is long; control characters are replaced.
    pub excerpt: String,
    /// Where in `excerpt` the fault starts, from 0.
    #[serde(skip)]
    pub excerpt_column: usize,
}

impl Place {
    /// A file as a whole: it is missing, unreadable or too large.
    pub fn whole_file(file: impl Into<String>) -> Self {
        let file = file.into();
        Self { file, line: 0, column: 0, width: 1, excerpt: String::new(), excerpt_column: 0 }
    }

    /// Whether this is a file as a whole.
    pub fn is_whole_file(&self) -> bool {
        self.line == 0
    }
}

/// A fault and its place.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
pub struct Diagnostic {
    /// How grave it is.
    pub severity: Severity,
    /// Where it is.
    #[serde(flatten)]
    pub place: Place,
    /// What is wrong.
    pub message: String,
    /// What would have been right, or what to do; reads on after "expected".
    pub expected: String,
}

impl Diagnostic {
    /// An error.
    pub fn error(place: Place, message: impl Into<String>, expected: impl Into<String>) -> Self {
        let (message, expected) = (message.into(), expected.into());
        Self { severity: Severity::Error, place, message, expected }
    }

    /// A warning.
    pub fn warning(place: Place, message: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(place, message, expected) }
    }

    /// Whether it refuses the file.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}
