//! The deal of a bid: one of the impression's, for this seat and advertiser.

use super::bid::Bid;
use super::blocks::is_within;
use super::node::{number, text, texts};
use super::report::Report;
use super::rules;
use serde_json::Value;

/// `at` of a deal whose floor is its price.
const FIXED_PRICE: f64 = 3.0;

/// The deal of the bid, if it is one of the impression's.
pub(super) fn check<'a>(bid: &Bid<'a>, report: &mut Report) -> Option<&'a Value> {
    let market = &bid.impression["pmp"];
    let named = bid.node.field("dealid");
    if !named.is_there() {
        let is_open = number(&market["private_auction"]).is_none_or(|private| private < 1.0);
        let expected = "the id of a deal: the auction is private";
        report.require(is_open, (&named, &rules::DEAL), expected);
        return None;
    }
    let mut offered = market["deals"].as_array().into_iter().flatten();
    let found = offered.find(|one| text(&one["id"]).as_deref() == named.value.as_str());
    let expected = "the id of one of the impression's deals";
    report.require(found.is_some(), (&named, &rules::DEAL), expected);
    check_parties(bid, found?, report);
    found
}

/// Whether the price of a deal is fixed.
pub(super) fn is_fixed(deal: &Value) -> bool {
    number(&deal["at"]) == Some(FIXED_PRICE)
}

fn check_parties(bid: &Bid<'_>, deal: &Value, report: &mut Report) {
    let seats = texts(&deal["wseat"]);
    let named = bid.node.field("dealid");
    let is_ours = seats.is_empty() || seats.iter().any(|seat| bid.seat == Some(&**seat));
    let expected = format!("a deal for the bid's seat; this one is for: {}", seats.join(", "));
    report.require(is_ours, (&named, &rules::DEAL_PARTY), expected);
    let allowed = texts(&deal["wadomain"]);
    for domain in bid.node.field("adomain").elements() {
        let name = domain.value.as_str().unwrap_or_default();
        let is_allowed = allowed.is_empty() || allowed.iter().any(|one| is_within(name, one));
        let expected = format!("a domain that the deal is for: {}", allowed.join(", "));
        report.require(is_allowed, (&domain, &rules::DEAL_PARTY), expected);
    }
}
