//! What an exchange would refuse in our answer, told before one does.
//!
//! - [`rules`] every rule by name, with the public text that it comes from
//! - [`node`] a value of the response with its path, and lenient readings of the request
//! - [`report`] the findings, collected
//! - [`whole`] the response as a whole: id, currency, seats, bids that double each other
//! - [`bid`] one bid against its impression: ids, format, size, blocks
//! - [`price`] its price and its deal
//! - [`markup`] the markup and the addresses of one bid
//!
//! Guarantees: pure, off the bid path, never panics on any pair of values, at most
//! [`FINDINGS_MAX`] findings. The request is read as leniently as the bidder reads it, the
//! response as strictly as the strictest exchange. Must not know how our answers are made:
//! it would only find that they are as we make them.

mod bid;
mod markup;
mod node;
mod price;
mod report;
pub mod rules;
#[cfg(test)]
mod tests;
mod whole;

pub use report::{FINDINGS_MAX, Finding};
pub use rules::Rule;

use node::Node;
use report::Report;
use serde_json::Value;

/// Checks a response against the request that it answers; no findings is a good response.
pub fn check(request: &Value, response: &Value) -> Vec<Finding> {
    let mut report = Report::default();
    whole::check(request, &Node::root(response), &mut report);
    report.into_findings()
}
