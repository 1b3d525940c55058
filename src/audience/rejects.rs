//! Keeps account of the rows that were refused: counts by reason, the first examples, and
//! every row in a file beside the output.
//!
//! Must not decide whether there are too many: the caller does.

use super::rows::FieldFault;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// How many examples are kept for the summary: enough to see what is wrong.
pub const EXAMPLES_MAX: usize = 10;
/// How many refused rows are written out: a million lines show any pattern, and a file in
/// the wrong format must not fill the disk.
pub const REJECTS_WRITTEN_MAX: u64 = 1_000_000;

/// A refused row, as it is written to the rejects file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Reject {
    /// The file.
    pub source: String,
    /// The line, from 1.
    pub line: u64,
    /// The field.
    pub field: String,
    /// What would have been right.
    pub expected: &'static str,
    /// What stands there, shortened.
    pub found: String,
}

/// The account of refused rows.
pub struct Rejects<W> {
    out: W,
    total: u64,
    by_reason: BTreeMap<&'static str, u64>,
    examples: Vec<Reject>,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    reject: &'a Reject,
    row: &'a str,
}

impl<W: Write> Rejects<W> {
    /// An empty account that writes to `out`.
    pub fn new(out: W) -> Self {
        Self { out, total: 0, by_reason: BTreeMap::new(), examples: Vec::new() }
    }

    /// Takes a refused row; `text` is the line as it stands in the file.
    pub fn note(
        &mut self,
        (source, line): (&str, u64),
        fault: FieldFault,
        text: &str,
    ) -> io::Result<()> {
        let FieldFault { field, expected, found } = fault;
        let reject = Reject { source: source.to_owned(), line, field, expected, found };
        if self.total < REJECTS_WRITTEN_MAX {
            serde_json::to_writer(&mut self.out, &Line { reject: &reject, row: text })?;
            self.out.write_all(b"\n")?;
        }
        self.total += 1;
        *self.by_reason.entry(expected).or_default() += 1;
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(reject);
        }
        Ok(())
    }

    /// Counts refused rows without writing them.
    pub fn count(&mut self, expected: &'static str, count: u64) {
        self.total += count;
        *self.by_reason.entry(expected).or_default() += count;
    }

    /// How many rows were refused.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// How many for each expectation that was not met.
    pub fn by_reason(&self) -> &BTreeMap<&'static str, u64> {
        &self.by_reason
    }

    /// The first few.
    pub fn examples(&self) -> &[Reject] {
        &self.examples
    }

    /// What it wrote to.
    pub fn into_inner(self) -> W {
        self.out
    }

    /// Writes out what is buffered.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_are_counted_by_reason_and_the_first_are_shown() {
        let mut rejects = Rejects::new(Vec::new());
        for line in 1..=25 {
            let expected = if line % 5 == 0 { "a text" } else { "a time" };
            let fault = FieldFault::new("id", expected, "7");
            rejects.note(("rows.csv", line), fault, "a,7").expect("memory");
        }
        assert_eq!((rejects.total(), rejects.examples().len()), (25, EXAMPLES_MAX));
        assert_eq!(rejects.by_reason()["a time"], 20);
        let written = String::from_utf8(rejects.out).expect("JSON");
        assert_eq!(written.lines().count(), 25);
        let first: serde_json::Value =
            serde_json::from_str(written.lines().next().expect("a line")).expect("JSON");
        assert_eq!((&first["line"], &first["row"]), (&1.into(), &"a,7".into()));
    }
}
