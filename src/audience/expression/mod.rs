//! The language of a campaign's `audience`: parsed once, evaluated at bid time.
//!
//! ```text
//! add_to_cart within 14d and no purchase since add_to_cart and not bounced
//! (crm_vip or purchase count >= 3) and visitors older than 60d
//! ```
//!
//! A term is a segment and any number of clauses, all of which must hold for one membership:
//!
//! | clause | holds when |
//! |---|---|
//! | `within 14d` | the latest event is at most 14 days old |
//! | `older than 60d` | it is more than 60 days old |
//! | `between 7d and 14d` | it is more than 7 and at most 14 days old |
//! | `count >= 3`, `value > 49.90` | the membership's count or value compares so (`>= > <= < =`) |
//! | `since add_to_cart` | the latest event is not before that segment's latest event |
//!
//! `not` and `no` negate; `and` binds tighter than `or`; parentheses group. `within 7d`,
//! `between 7d and 14d` and `older than 14d` share no moment and leave none out.
//!
//! Guarantees: parsing never panics and names the place of a fault; evaluation allocates
//! nothing and takes `now` as an argument. An expired membership counts as none.

mod parse;

use super::{Membership, Person, SegmentTable, ValueThousandths};
use crate::model::{Seconds, SegmentId, UnixSeconds};
use std::ops::Range;

/// Longest expression, in bytes: real ones are one to four lines.
pub const TEXT_BYTES_MAX: usize = 4_096;
/// Deepest nesting of parentheses and negations: bounds the parser's recursion.
pub const NESTING_MAX: usize = 24;
/// Most terms: bounds the work of one evaluation and the depth of its stack of truths.
pub const TERMS_MAX: usize = 60;

/// A parsed and compiled audience expression.
#[derive(Clone, Debug)]
pub struct Expression {
    /// The tree in postfix order. All that evaluation reads stands in a row: with lists of
    /// their own the clauses of each term would be one more place in memory to wait for.
    program: Box<[Step]>,
    /// The terms as written, in order.
    texts: Box<[String]>,
}

/// One condition on a membership.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Clause {
    /// `age <= limit`
    Within(Seconds),
    /// `age > limit`
    OlderThan(Seconds),
    /// `low < age <= high`
    Between(Seconds, Seconds),
    Count(Comparison, u32),
    Value(Comparison, ValueThousandths),
    /// Not before the latest event of this segment.
    Since(SegmentId),
}

/// A comparison sign.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Comparison {
    Less,
    AtMost,
    Equal,
    AtLeast,
    More,
}

impl Comparison {
    fn holds<T: PartialOrd + Copy>(self, left: T, right: T) -> bool {
        match self {
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::Equal => left == right,
            Self::AtLeast => left >= right,
            Self::More => left > right,
        }
    }
}

/// One step of the postfix program over a stack of truths.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// A segment; so many clauses follow, which its membership must meet.
    Term {
        segment: SegmentId,
        clauses: u16,
    },
    /// One of those; by itself it does nothing.
    Clause(Clause),
    Not,
    And,
    Or,
}

/// Where an expression went wrong.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("expected {expected}, found {found}")]
pub struct ExpressionError {
    /// Byte range in the text.
    pub at: Range<usize>,
    /// What would have been right.
    pub expected: String,
    /// What stands there.
    pub found: String,
}

/// How one term of an expression stands for a person: for explanations.
#[derive(Clone, PartialEq, Debug)]
pub struct TermReport {
    /// The term as written.
    pub text: String,
    /// Whether it holds.
    pub holds: bool,
    /// The membership it was judged by, if the person has it.
    pub membership: Option<Membership>,
}

impl Expression {
    /// Parses `text`, numbering the segments it mentions.
    ///
    /// # Errors
    /// The first place that is not of the language.
    pub fn parse(text: &str, segments: &mut SegmentTable) -> Result<Self, ExpressionError> {
        parse::parse(text, segments)
    }

    /// The expression that holds for everyone and that nothing anchors: what a prospecting
    /// campaign without an audience means.
    pub fn everyone() -> Self {
        // The negation of nothing: an empty stack of truths reads as false.
        Self { program: Box::new([Step::Not]), texts: Box::default() }
    }

    /// Whether the expression holds for `person` at `now`.
    pub fn holds(&self, person: &Person, now: UnixSeconds) -> bool {
        // A stack of truths in the bits of one word: TERMS_MAX keeps it from overflowing.
        let mut truths: u64 = 0;
        for (place, step) in self.program.iter().enumerate() {
            match step {
                Step::Term { segment, clauses } => {
                    let clauses = self.clauses(place, *clauses);
                    let holds = holds((*segment, clauses), person, now);
                    truths = (truths << 1) | u64::from(holds);
                }
                Step::Clause(_) => {}
                Step::Not => truths ^= 1,
                Step::And => truths = (truths >> 1) & (truths | !1),
                Step::Or => truths = (truths >> 1) | (truths & 1),
            }
        }
        truths & 1 == 1
    }

    /// Reads where [`Self::holds`] begins, so that it is in the cache when that is asked; what comes
    /// back says nothing.
    #[inline]
    pub fn touch(&self) -> bool {
        matches!(self.program.first(), Some(Step::Not))
    }

    /// The clauses of the term at `place`.
    #[inline]
    fn clauses(&self, place: usize, count: u16) -> &[Step] {
        self.program
            .get(place + 1..)
            .and_then(|rest| rest.get(..usize::from(count)))
            .unwrap_or_default()
    }

    /// A small set of segments of which a person must be in at least one for the expression
    /// to hold; `None` if no segment anchors it (only negations).
    pub fn anchors(&self) -> Option<Vec<SegmentId>> {
        // For each subtree: its anchors, and the anchors of its negation.
        let mut stack: Vec<(Anchors, Anchors)> = Vec::new();
        for step in &self.program {
            let joined = match step {
                Step::Term { segment, .. } => (Some(vec![*segment]), None),
                Step::Clause(_) => continue,
                Step::Not => stack.pop().map(|(holds, fails)| (fails, holds))?,
                Step::And | Step::Or => {
                    let (right, left) = (stack.pop()?, stack.pop()?);
                    if *step == Step::And {
                        (smaller(left.0, right.0), united(left.1, right.1))
                    } else {
                        (united(left.0, right.0), smaller(left.1, right.1))
                    }
                }
            };
            stack.push(joined);
        }
        stack.pop()?.0
    }

    /// Whether being in `segment` can help the expression to hold: it stands there without a
    /// negation, or behind two.
    pub fn asks_for(&self, segment: SegmentId) -> bool {
        // For each subtree: whether it asks for the segment, and whether its negation does.
        let mut stack: Vec<(bool, bool)> = Vec::new();
        for step in &self.program {
            let joined = match step {
                Step::Term { segment: asked, .. } => (*asked == segment, false),
                Step::Clause(_) => continue,
                Step::Not => {
                    let (asks, forbids) = stack.pop().unwrap_or_default();
                    (forbids, asks)
                }
                Step::And | Step::Or => {
                    let (right, left) =
                        (stack.pop().unwrap_or_default(), stack.pop().unwrap_or_default());
                    (left.0 || right.0, left.1 || right.1)
                }
            };
            stack.push(joined);
        }
        stack.pop().is_some_and(|(asks, _)| asks)
    }

    /// How each term stands for `person`: the values that an explanation compares.
    pub fn report(&self, person: &Person, now: UnixSeconds) -> Vec<TermReport> {
        let terms = self.program.iter().enumerate().filter_map(|(place, step)| match step {
            Step::Term { segment, clauses } => Some((*segment, self.clauses(place, *clauses))),
            _ => None,
        });
        let report = |((segment, clauses), text): ((SegmentId, &[Step]), &String)| TermReport {
            text: text.clone(),
            holds: holds((segment, clauses), person, now),
            membership: person.live(segment, now).copied(),
        };
        terms.zip(&self.texts).map(report).collect()
    }
}

type Anchors = Option<Vec<SegmentId>>;

/// Anchors of a conjunction: either side's will do, so the shorter list is taken.
fn smaller(left: Anchors, right: Anchors) -> Anchors {
    match (left, right) {
        (Some(left), Some(right)) => Some(if right.len() < left.len() { right } else { left }),
        (left, right) => left.or(right),
    }
}

/// Anchors of a disjunction: both sides' are needed.
fn united(left: Anchors, right: Anchors) -> Anchors {
    let (mut all, right) = (left?, right?);
    all.extend(right);
    all.sort_unstable();
    all.dedup();
    Some(all)
}

/// Whether a person has a membership of the segment that meets all clauses.
fn holds((segment, clauses): (SegmentId, &[Step]), person: &Person, now: UnixSeconds) -> bool {
    let meets = |one: &Membership, step: &Step| match step {
        Step::Clause(clause) => clause.holds(one, person, now),
        _ => true,
    };
    person.live(segment, now).is_some_and(|one| clauses.iter().all(|step| meets(one, step)))
}

impl Clause {
    fn holds(&self, membership: &Membership, person: &Person, now: UnixSeconds) -> bool {
        let age = membership.age(now);
        match self {
            Self::Within(limit) => age <= *limit,
            Self::OlderThan(limit) => age > *limit,
            Self::Between(low, high) => age > *low && age <= *high,
            Self::Count(comparison, count) => comparison.holds(membership.count, *count),
            Self::Value(comparison, value) => comparison.holds(membership.value, *value),
            // Without the reference event, "since" has no beginning: the event counts. So an
            // exclusion such as `no purchase since add_to_cart` errs on the quiet side.
            Self::Since(reference) => person
                .live(*reference, now)
                .is_none_or(|reference| membership.last_seen >= reference.last_seen),
        }
    }
}

#[cfg(test)]
mod tests;
