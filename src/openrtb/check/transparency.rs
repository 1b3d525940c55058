//! What the Digital Services Act asks for: who is behind an ad, who pays, and who chose by
//! which of a person's parameters.
//!
//! Both places of the request are read, and the stricter counts.

use super::bid::Bid;
use super::node::{Node, whole, wholes};
use super::report::Report;
use super::rules;
use crate::config::rules::DOMAIN;
use serde_json::Value;

/// Longest name, in bytes, as Prebid Server measures it.
const NAME_BYTES_MAX: usize = 100;
/// `dsarequired` from which on bids without `dsa` are refused.
const REQUIRED: u64 = 2;
/// `datatopub` of publishers who want none of the data.
const NO_DATA: u64 = 0;
/// `pubrender` of a publisher who cannot show it.
const CANNOT: u64 = 0;
/// `pubrender` of a publisher who will.
const WILL: u64 = 2;

/// Checks what a bid says of who is behind it.
pub(super) fn check(bid: &Bid<'_>, report: &mut Report) {
    let regulations = &bid.request["regs"];
    let asked: Vec<_> = [&regulations["dsa"], &regulations["ext"]["dsa"]]
        .into_iter()
        .filter(|one| one.is_object())
        .collect();
    let told = bid.node.field("ext").field("dsa");
    let is_required = asked.iter().any(|one| whole(&one["dsarequired"]) >= Some(REQUIRED));
    if !told.is_there() && !is_required {
        return;
    }
    if !told.value.is_object() {
        report.refuse(&told, &rules::TRANSPARENCY, "an object that says who is behind the ad");
        return;
    }
    for key in ["behalf", "paid"] {
        check_name(&told.field(key), is_required, report);
    }
    let wants_data = asked.iter().any(|one| whole(&one["datatopub"]) != Some(NO_DATA));
    check_parameters(&told.field("transparency"), is_required && wants_data, report);
    for one in asked {
        check_rendering(one, &told.field("adrender"), report);
    }
}

fn check_name(name: &Node<'_>, is_required: bool, report: &mut Report) {
    let is_good = match name.some_text() {
        Some(text) => text.len() <= NAME_BYTES_MAX,
        None => !is_required && !name.is_there(),
    };
    let expected = format!("a name of 1 to {NAME_BYTES_MAX} bytes");
    report.require(is_good, (name, &rules::TRANSPARENCY), expected);
}

fn check_parameters(list: &Node<'_>, is_required: bool, report: &mut Report) {
    let elements = list.elements();
    let expected = "a list of who applied which parameters of the person";
    let is_good = !elements.is_empty() || (!is_required && !list.is_there());
    report.require(is_good, (list, &rules::TRANSPARENCY), expected);
    for one in elements {
        let domain = one.field("domain");
        let is_domain = domain.value.as_str().is_some_and(DOMAIN.holds);
        report.require(is_domain, (&domain, &rules::TRANSPARENCY), DOMAIN.expected);
        let parameters = one.field("dsaparams");
        let is_good = !wholes(parameters.value).is_empty();
        report.require(is_good, (&parameters, &rules::TRANSPARENCY), "a list of whole numbers");
    }
}

/// `adrender` 1: the ad shows it itself. Absent is taken for "no" where the publisher cannot.
fn check_rendering(asked: &Value, told: &Node<'_>, report: &mut Report) {
    let ad_renders = whole(told.value) == Some(1);
    let (is_good, expected) = match whole(&asked["pubrender"]) {
        Some(CANNOT) => (ad_renders, "1: the publisher cannot show it"),
        Some(WILL) => (!ad_renders, "0: the publisher will show it"),
        _ => return,
    };
    report.require(is_good, (told, &rules::TRANSPARENCY_RENDERED), expected);
}
