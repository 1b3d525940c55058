//! A native ad against its placement (OpenRTB Native 1.2).

use super::asset;
use super::bid::Bid;
use super::markup::is_address;
use super::node::{Node, number, whole, wholes};
use super::report::Report;
use super::rules;
use serde_json::Value;

/// The root object of version 1.0.
const ROOT: &str = "native";

/// Checks a bid for a native placement.
pub(super) fn check(format: &Value, bid: &Bid<'_>, report: &mut Report) {
    let markup = bid.node.field("adm");
    let Some(text) = markup.some_text() else { return };
    let parsed = serde_json::from_str(text).unwrap_or(Value::Null);
    let root = markup.inside(&parsed);
    if !parsed.is_object() {
        report.refuse(&markup, &rules::NATIVE_ROOT, "a JSON object, as a text");
        return;
    }
    let asked = placement(format);
    let is_wrapped = root.field(ROOT).value.is_object();
    let was_wrapped = asked.as_ref().map(|asked| asked[ROOT].is_object());
    let is_good = was_wrapped.is_none_or(|was| was == is_wrapped);
    let expected = if was_wrapped == Some(true) {
        "the root object `native`, as in the request"
    } else {
        "no root object `native`: the request has none"
    };
    report.require(is_good, (&markup, &rules::NATIVE_ROOT), expected);
    let ad = if is_wrapped { root.field(ROOT) } else { root };
    check_link(&ad.field("link"), true, report);
    let asked = match asked {
        Some(Value::Object(mut asked)) if asked.get(ROOT).is_some_and(Value::is_object) => {
            asked.remove(ROOT).unwrap_or_default()
        }
        other => other.unwrap_or_default(),
    };
    asset::check(&asked["assets"], &ad.field("assets"), report);
    check_trackers(&asked["eventtrackers"], &ad, report);
}

/// What was asked for: a text in OpenRTB, an object where exchanges forget that.
fn placement(format: &Value) -> Option<Value> {
    let request = &format["request"];
    let read = |text: &str| serde_json::from_str(text).ok();
    let placement = request.as_str().map_or_else(|| Some(request.clone()), read);
    placement.filter(Value::is_object)
}

/// Where a click leads.
pub(super) fn check_link(link: &Node<'_>, is_required: bool, report: &mut Report) {
    if !is_required && !link.is_there() {
        return;
    }
    let url = link.field("url");
    let is_good = url.value.as_str().is_some_and(is_address);
    report.require(is_good, (&url, &rules::NATIVE_LINK), "an absolute http or https URL");
    let fallback = link.field("fallback");
    let is_good = !fallback.is_there() || fallback.value.as_str().is_some_and(is_address);
    report.require(is_good, (&fallback, &rules::NATIVE_LINK), "an absolute http or https URL");
    check_addresses(&link.field("clicktrackers"), report);
}

/// `eventtrackers` as far as they were asked for, and the older `imptrackers`, which always
/// may come.
fn check_trackers(asked: &Value, ad: &Node<'_>, report: &mut Report) {
    check_addresses(&ad.field("imptrackers"), report);
    for tracker in ad.field("eventtrackers").elements() {
        let (event, method) = (tracker.field("event"), tracker.field("method"));
        let is_supported = |one: &Value| {
            let is_event = number(&one["event"]) == event.value.as_f64();
            is_event && whole(method.value).is_some_and(|it| wholes(&one["methods"]).contains(&it))
        };
        let is_good = event.value.is_u64()
            && method.value.is_u64()
            && asked.as_array().into_iter().flatten().any(is_supported);
        let expected = "an event and a method of the request's `eventtrackers`";
        report.require(is_good, (&tracker, &rules::NATIVE_TRACKER), expected);
        let url = tracker.field("url");
        let is_good = url.value.as_str().is_some_and(is_address);
        report.require(is_good, (&url, &rules::NATIVE_TRACKER), "an absolute http or https URL");
    }
}

fn check_addresses(list: &Node<'_>, report: &mut Report) {
    let expected = "absolute http or https URLs";
    let is_list = !list.is_there() || list.value.is_array();
    report.require(is_list, (list, &rules::NATIVE_TRACKER), expected);
    for one in list.elements() {
        let is_good = one.value.as_str().is_some_and(is_address);
        report.require(is_good, (&one, &rules::NATIVE_TRACKER), expected);
    }
}
