//! What an exchange would refuse in our answer, told before one does.
//!
//! - [`rules`] every rule by name, with the public text that it comes from
//! - [`node`] a value of the response with its path, and lenient readings of the request
//! - [`report`] the findings, collected
//! - [`whole`] the response as a whole: id, currency, seats, bids that double each other
//! - [`bid`] one bid against its impression: types, ids, format
//! - [`blocks`] what the request blocks or chooses: advertisers, categories, apps, languages
//! - [`banner`] size, type, frameworks and expansion of a banner
//! - [`price`] its price and its floors, and [`deal`] its deal
//! - [`markup`] the markup and the addresses of one bid
//! - [`spot`] a video or a piece of audio against its place; [`vast`] its markup, [`media`] the
//!   files and companions in it, [`playtime`] its times
//! - [`pod`] the bids of a pod together
//! - [`native`] a native ad against its placement, [`asset`] each of its assets
//! - [`transparency`] what the Digital Services Act asks for
//!
//! Guarantees: pure, off the bid path, never panics on any pair of values, at most
//! [`FINDINGS_MAX`] findings. The request is read as leniently as the bidder reads it, the
//! response as strictly as the strictest exchange. Must not know how our answers are made:
//! it would only find that they are as we make them.

mod asset;
mod banner;
mod bid;
mod blocks;
mod deal;
mod markup;
mod media;
mod native;
mod node;
mod playtime;
mod pod;
mod price;
mod report;
pub mod rules;
mod spot;
#[cfg(test)]
mod tests;
mod transparency;
mod vast;
mod whole;

pub use report::{FINDINGS_MAX, Finding};
pub use rules::Rule;

use super::profile::MarkupDelivery;
use node::Node;
use report::Report;
use serde_json::Value;

/// Checks a response against the request that it answers; no findings is a good response.
/// Every bid must bring its markup.
pub fn check(request: &Value, response: &Value) -> Vec<Finding> {
    check_agreed(request, response, MarkupDelivery::InBid)
}

/// As [`check`], for an exchange with which it is agreed how markup travels.
pub fn check_agreed(request: &Value, response: &Value, delivery: MarkupDelivery) -> Vec<Finding> {
    let mut report = Report::default();
    whole::check((request, delivery), &Node::root(response), &mut report);
    report.into_findings()
}
