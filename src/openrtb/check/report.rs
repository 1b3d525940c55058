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
    /// Where in the response, as a JSON pointer (RFC 6901).
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
        if self.findings.len() < FINDINGS_MAX {
            let (path, found) = (node.path.clone(), excerpt(node));
            self.findings.push(Finding { path, rule, found, expected: expected.into() });
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

fn excerpt(node: &Node<'_>) -> String {
    if !node.is_there() {
        return "nothing".to_owned();
    }
    let written = node.value.to_string();
    let mut letters = written.chars().filter(|letter| !letter.is_control());
    let mut excerpt: String = letters.by_ref().take(EXCERPT_CHARACTERS_MAX).collect();
    if letters.next().is_some() {
        excerpt.push_str("...");
    }
    excerpt
}
