//! One bid against its impression: types, ids, and which of the formats on offer it is for.

use super::node::{Node, number, text};
use super::report::Report;
use super::{banner, blocks, markup, native, price, rules, spot, transparency};
use crate::openrtb::offer::Medium;
use crate::openrtb::profile::MarkupDelivery;
use serde_json::Value;

/// Longest creative id in bytes (Google).
const CREATIVE_ID_BYTES_MAX: usize = 128;
/// However long an impression may wait by its `exp`, a bid need not hold for longer than this
/// many seconds: the longest of the specification's rules of thumb is half of it.
const EXPIRY_ASKED_MAX_S: f64 = 3_600.0;

const TEXTS: [&str; 15] = [
    "id", "impid", "adm", "adid", "iurl", "cid", "crid", "tactic", "nurl", "burl", "lurl",
    "dealid", "language", "langb", "bundle",
];
const WHOLE_NUMBERS: [&str; 11] = [
    "w",
    "h",
    "mtype",
    "exp",
    "dur",
    "api",
    "protocol",
    "cattax",
    "qagmediarating",
    "wratio",
    "hratio",
];
const LISTS_OF_TEXTS: [&str; 2] = ["adomain", "cat"];
const LISTS_OF_NUMBERS: [&str; 2] = ["attr", "apis"];
/// Places of a pod that a bid may be for: last, any, first, first or last.
const PLACES_IN_POD: [i64; 4] = [-1, 0, 1, 2];

/// A bid, and what belongs to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bid<'a> {
    /// The request that it answers.
    pub(super) request: &'a Value,
    /// The impression that it is for.
    pub(super) impression: &'a Value,
    /// Itself.
    pub(super) node: &'a Node<'a>,
    /// The seat that makes it.
    pub(super) seat: Option<&'a str>,
    /// The currency of its price.
    pub(super) currency: &'a str,
    /// How its markup travels.
    pub(super) delivery: MarkupDelivery,
}

impl Bid<'_> {
    /// Whether everything that it loads must be encrypted. Absent means unknown, and nearly
    /// every page is secure by now.
    pub(super) fn must_be_secure(&self) -> bool {
        number(&self.impression["secure"]) != Some(0.0)
    }
}

/// A bid for an impression that the request has.
pub(super) fn impression_of<'a>(request: &'a Value, bid: &Node<'_>) -> Option<&'a Value> {
    let impid = bid.value["impid"].as_str()?;
    let mut impressions = request["imp"].as_array()?.iter();
    impressions.find(|one| text(&one["id"]).as_deref() == Some(impid))
}

/// The format on offer that a bid says its markup is of.
pub(super) fn format_of<'a>(impression: &'a Value, bid: &Node<'_>) -> Option<(Medium, &'a Value)> {
    let said = bid.value["mtype"].as_u64()?;
    let medium = Medium::ALL.into_iter().find(|medium| *medium as u64 == said)?;
    let format = &impression[medium.label()];
    format.is_object().then_some((medium, format))
}

/// Checks what a bid says of itself, whatever it is for; `false` where nothing else can be.
pub(super) fn check_itself(bid: &Node<'_>, report: &mut Report) -> bool {
    if !bid.value.is_object() {
        report.refuse(bid, &rules::TYPES, "a JSON object");
        return false;
    }
    check_types(bid, report);
    check_ids(bid, report);
    markup::check_addresses(bid, report);
    true
}

/// Checks a bid against the request and its impression.
pub(super) fn check(bid: &Bid<'_>, report: &mut Report) {
    blocks::check(bid, report);
    price::check(bid, report);
    transparency::check(bid, report);
    check_expiry(bid, report);
    markup::check(bid, report);
    let Some((medium, format)) = check_format(bid, report) else { return };
    check_attributes(format, &bid.node.field("attr"), report);
    check_frameworks(format, bid.node, report);
    match medium {
        Medium::Banner => banner::check(format, bid.node, report),
        Medium::Video | Medium::Audio => spot::check((medium, format), bid, report),
        Medium::Native => native::check(format, bid, report),
    }
}

fn check_types(bid: &Node<'_>, report: &mut Report) {
    let is_list = |value: &Value, of: fn(&Value) -> bool| {
        value.as_array().is_some_and(|list| list.iter().all(of))
    };
    let mut require = |key: &str, good: &dyn Fn(&Value) -> bool, expected: &str| {
        let node = bid.field(key);
        let good = !node.is_there() || good(node.value);
        report.require(good, (&node, &rules::TYPES), expected);
    };
    for key in TEXTS {
        require(key, &Value::is_string, "a text");
    }
    for key in WHOLE_NUMBERS {
        require(key, &Value::is_u64, "a whole number");
    }
    for key in LISTS_OF_TEXTS {
        require(key, &|value| is_list(value, Value::is_string), "a list of texts");
    }
    for key in LISTS_OF_NUMBERS {
        require(key, &|value| is_list(value, Value::is_u64), "a list of whole numbers");
    }
    let is_place = |value: &Value| value.as_i64().is_some_and(|n| PLACES_IN_POD.contains(&n));
    require("slotinpod", &is_place, "-1, 0, 1 or 2");
    require("price", &Value::is_number, "a number");
    require("ext", &Value::is_object, "a JSON object");
}

fn check_ids(bid: &Node<'_>, report: &mut Report) {
    let id = bid.field("id");
    report.require(id.some_text().is_some(), (&id, &rules::BID_ID), "an id of the bid");
    let creative = bid.field("crid");
    let good = creative.some_text().is_some_and(|text| text.len() <= CREATIVE_ID_BYTES_MAX);
    let expected = format!("an id of 1 to {CREATIVE_ID_BYTES_MAX} bytes");
    report.require(good, (&creative, &rules::CREATIVE_ID), expected);
    let campaign = bid.field("cid");
    let good = campaign.some_text().is_some();
    report.require(good, (&campaign, &rules::CAMPAIGN_ID), "an id of the campaign");
}

/// A bid that nobody waits for is worth nothing, and one that ends before the impression may
/// come is lost after it has won.
fn check_expiry(bid: &Bid<'_>, report: &mut Report) {
    let expiry = bid.node.field("exp");
    let Some(holds) = expiry.value.as_f64() else { return };
    let asked = number(&bid.impression["exp"]).unwrap_or(1.0).clamp(1.0, EXPIRY_ASKED_MAX_S);
    let expected = format!("at least {asked} seconds");
    report.require(holds >= asked, (&expiry, &rules::EXPIRY), expected);
}

/// The format that the bid's markup is of, if the impression offers it.
fn check_format<'a>(bid: &Bid<'a>, report: &mut Report) -> Option<(Medium, &'a Value)> {
    let found = format_of(bid.impression, bid.node);
    let is_offered = |label: &&str| bid.impression[*label].is_object();
    let offered: Vec<_> = Medium::ALL.map(Medium::label).into_iter().filter(is_offered).collect();
    let expected = format!("the number of an offered format: {}", offered.join(", "));
    report.require(found.is_some(), (&bid.node.field("mtype"), &rules::MARKUP_TYPE), expected);
    found
}

fn check_attributes(format: &Value, attributes: &Node<'_>, report: &mut Report) {
    let blocked: Vec<_> =
        format["battr"].as_array().into_iter().flatten().filter_map(number).collect();
    for attribute in attributes.elements() {
        let free = number(attribute.value).is_none_or(|one| !blocked.contains(&one));
        let expected = "an attribute that is not in `battr`";
        report.require(free, (&attribute, &rules::ATTRIBUTE_BLOCKED), expected);
    }
}

/// One of the frameworks that the markup can do with: MRAID 1, 2 and 3 are told together.
fn check_frameworks(format: &Value, bid: &Node<'_>, report: &mut Report) {
    let told = frameworks_told(bid);
    let offered = super::node::wholes(&format["api"]);
    if !told.is_empty() && !told.iter().any(|one| offered.contains(one)) {
        let expected = format!("one of the frameworks that the place has: {offered:?}");
        report.refuse(&bid.field("apis"), &rules::FRAMEWORK, expected);
    }
}

/// Frameworks of `apis`, and of `api`, which it replaced.
pub(super) fn frameworks_told(bid: &Node<'_>) -> Vec<u64> {
    let mut told = super::node::wholes(&bid.value["apis"]);
    told.extend(super::node::whole(&bid.value["api"]));
    told
}
