//! One bid against its impression: types, ids, format, size, and what is blocked.

use super::markup;
use super::node::{Node, number, text, texts};
use super::price;
use super::report::Report;
use super::rules;
use crate::config::rules::DOMAIN;
use serde_json::Value;

/// Longest creative id in bytes (Google).
const CREATIVE_ID_BYTES_MAX: usize = 128;

/// The formats of an impression, in the order of `mtype`, which counts from 1.
const FORMATS: [&str; 4] = ["banner", "video", "audio", "native"];

const TEXTS: [&str; 14] = [
    "id", "impid", "adm", "adid", "iurl", "cid", "crid", "tactic", "nurl", "burl", "lurl",
    "dealid", "language", "bundle",
];
const WHOLE_NUMBERS: [&str; 12] = [
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
    "slotinpod",
];
const LISTS_OF_TEXTS: [&str; 2] = ["adomain", "cat"];
const LISTS_OF_NUMBERS: [&str; 2] = ["attr", "apis"];

/// Checks a bid whose price is in `currency`.
pub(super) fn check(request: &Value, (bid, currency): (&Node<'_>, &str), report: &mut Report) {
    if !bid.value.is_object() {
        report.refuse(bid, &rules::TYPES, "a JSON object");
        return;
    }
    check_types(bid, report);
    check_ids(bid, report);
    check_advertiser(request, bid, report);
    markup::check_addresses(bid, report);
    let Some(impression) = impression_of(request, &bid.field("impid")) else {
        let expected = "the id of one of the request's impressions";
        report.refuse(&bid.field("impid"), &rules::IMPRESSION_KNOWN, expected);
        return;
    };
    price::check(impression, (bid, currency), report);
    if let Some(format) = check_format(impression, &bid.field("mtype"), report) {
        check_attributes(&impression[format], &bid.field("attr"), report);
        if format == "banner" {
            check_size(&impression[format], bid, report);
        }
    }
    markup::check(impression, bid, report);
}

fn impression_of<'a>(request: &'a Value, impid: &Node<'_>) -> Option<&'a Value> {
    let impid = impid.value.as_str()?;
    let mut impressions = request["imp"].as_array()?.iter();
    impressions.find(|one| text(&one["id"]).as_deref() == Some(impid))
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
    require("price", &Value::is_number, "a number");
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

/// Who advertises what, and whether the request blocks that.
fn check_advertiser(request: &Value, bid: &Node<'_>, report: &mut Report) {
    let domains = bid.field("adomain");
    if domains.elements().is_empty() {
        let expected = "the advertiser's domain";
        report.refuse(&domains, &rules::ADVERTISER_DOMAIN, expected);
    }
    let blocked = texts(&request["badv"]);
    for domain in domains.elements() {
        let name = domain.value.as_str().unwrap_or_default();
        report.require((DOMAIN.holds)(name), (&domain, &rules::ADVERTISER_DOMAIN), DOMAIN.expected);
        let free = !blocked.iter().any(|block| is_within(name, block));
        let expected = "a domain that is not in `badv`";
        report.require(free, (&domain, &rules::ADVERTISER_BLOCKED), expected);
    }
    let blocked = texts(&request["bcat"]);
    for category in bid.field("cat").elements() {
        let name = category.value.as_str().unwrap_or_default();
        let free = !blocked.iter().any(|block| is_tier_of(name, block));
        let expected = "a category that is not in `bcat`";
        report.require(free, (&category, &rules::CATEGORY_BLOCKED), expected);
    }
}

/// Whether `name` is `block` or one of its subdomains.
fn is_within(name: &str, block: &str) -> bool {
    let (name, block) = (name.to_ascii_lowercase(), block.to_ascii_lowercase());
    let above = name.strip_suffix(&block);
    !block.is_empty() && above.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Whether `name` is `block` or a tier of it: IAB18-5 is one of IAB18.
fn is_tier_of(name: &str, block: &str) -> bool {
    name.strip_prefix(block).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// The format that the bid's markup is of, if the impression offers it.
fn check_format(
    impression: &Value,
    markup_type: &Node<'_>,
    report: &mut Report,
) -> Option<&'static str> {
    let is_offered = |format: &&&str| impression[**format].is_object();
    let offered: Vec<_> = FORMATS.iter().filter(is_offered).copied().collect();
    let number = markup_type.value.as_u64().and_then(|number| usize::try_from(number).ok());
    let format = number.and_then(|number| FORMATS.get(number.checked_sub(1)?)).copied();
    let good = format.filter(|format| offered.contains(format));
    let expected = format!("the number of an offered format: {}", offered.join(", "));
    report.require(good.is_some(), (markup_type, &rules::MARKUP_TYPE), expected);
    good
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

/// One of the sizes that were asked for; any, where none was.
fn check_size(banner: &Value, bid: &Node<'_>, report: &mut Report) {
    let mut asked: Vec<_> =
        banner["format"].as_array().into_iter().flatten().filter_map(size_of).collect();
    asked.extend(size_of(banner));
    let fits = size_of(bid.value).is_some_and(|ours| asked.contains(&ours));
    if !asked.is_empty() && !fits {
        let names: Vec<_> = asked.iter().map(|(w, h)| format!("{w}x{h}")).collect();
        let expected = format!("`w` and `h` of a size that was asked for: {}", names.join(", "));
        report.refuse(&bid.field("w"), &rules::SIZE, expected);
    }
}

fn size_of(of: &Value) -> Option<(f64, f64)> {
    Some((number(&of["w"])?, number(&of["h"])?))
}
