//! The findings of one check, as they are collected.
//!
//! Guarantees: what is found is quoted in an excerpt without control characters, since a
//! response is somebody's text and may end up on a terminal.

use super::node::Node;
use super::rules::Rule;
use serde::Serialize;

/// Most findings of one check: nobody reads more, and mending one often mends others.
pub const FINDINGS_MAX: usize = 100;
/// Longest quotation of what was found, in characters: enough to recognise it by.
const EXCERPT_CHARACTERS_MAX: usize = 120;

/// One thing that an exchange would refuse.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    /// Where in the response, as a JSON pointer (RFC 6901). Behind a `#`, one into markup
    /// that is JSON itself.
    pub path: String,
    /// The rule that is broken.
    #[serde(flatten)]
    pub rule: &'static Rule,
    /// What stands there, shortened; `nothing` where the field is missing.
    pub found: String,
    /// What would have been right.
    pub expected: String,
}

/// Collects findings.
#[derive(Debug, Default)]
pub(super) struct Report {
    findings: Vec<Finding>,
}

impl Report {
    /// Refuses what stands at `node`.
    pub(super) fn refuse(
        &mut self,
        node: &Node<'_>,
        rule: &'static Rule,
        expected: impl Into<String>,
    ) {
        if self.findings.len() == FINDINGS_MAX {
            return;
        }
        let found = if node.is_there() { node.value.to_string() } else { "nothing".to_owned() };
        self.push((node, rule), &found, expected.into());
    }

    /// Refuses a part of the markup at `node`, quoting `found` instead of the whole.
    pub(super) fn refuse_part(
        &mut self,
        (node, rule): (&Node<'_>, &'static Rule),
        found: &str,
        expected: impl Into<String>,
    ) {
        self.push((node, rule), found, expected.into());
    }

    fn push(&mut self, (node, rule): (&Node<'_>, &'static Rule), found: &str, expected: String) {
        if self.findings.len() < FINDINGS_MAX {
            let (path, found) = (node.path.clone(), excerpt(found));
            self.findings.push(Finding { path, rule, found, expected });
        }
    }

    /// Refuses what stands at `node` unless `good`.
    pub(super) fn require(
        &mut self,
        good: bool,
        (node, rule): (&Node<'_>, &'static Rule),
        expected: impl Into<String>,
    ) {
        if !good {
            self.refuse(node, rule, expected);
        }
    }

    pub(super) fn into_findings(self) -> Vec<Finding> {
        self.findings
    }
}

fn excerpt(found: &str) -> String {
    let mut letters = found.chars().filter(|letter| !letter.is_control());
    let mut excerpt: String = letters.by_ref().take(EXCERPT_CHARACTERS_MAX).collect();
    if letters.next().is_some() {
        excerpt.push_str("...");
    }
    excerpt
}
