//! What the request blocks or chooses: advertisers, categories, apps, languages.

use super::bid::Bid;
use super::node::{Node, number, texts};
use super::report::Report;
use super::rules;
use crate::config::rules::DOMAIN;
use serde_json::Value;
use std::borrow::Cow;

/// The taxonomy where none is said: the IAB's first (OpenRTB 2.6, 3.2.1 and 4.2.3: cattax).
const TAXONOMY_DEFAULT: f64 = 1.0;

/// Checks a bid against the lists of its request.
pub(super) fn check(bid: &Bid<'_>, report: &mut Report) {
    check_domains(bid, report);
    check_categories(bid, report);
    check_app(bid, report);
    check_language(bid, ("wlang", "language"), report);
    check_language(bid, ("wlangb", "langb"), report);
}

fn check_domains(bid: &Bid<'_>, report: &mut Report) {
    let domains = bid.node.field("adomain");
    if domains.elements().is_empty() {
        let expected = "the advertiser's domain";
        report.refuse(&domains, &rules::ADVERTISER_DOMAIN, expected);
    }
    let blocked = texts(&bid.request["badv"]);
    for domain in domains.elements() {
        let name = domain.value.as_str().unwrap_or_default();
        report.require((DOMAIN.holds)(name), (&domain, &rules::ADVERTISER_DOMAIN), DOMAIN.expected);
        let free = !blocked.iter().any(|block| is_within(name, block));
        let expected = "a domain that is not in `badv`";
        report.require(free, (&domain, &rules::ADVERTISER_BLOCKED), expected);
    }
}

/// Whether `name` is `domain` or one of its subdomains.
pub(super) fn is_within(name: &str, domain: &str) -> bool {
    let (name, domain) = (name.to_ascii_lowercase(), domain.to_ascii_lowercase());
    let above = name.strip_suffix(&domain);
    !domain.is_empty() && above.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// What is told in another taxonomy, or not at all, cannot be compared: an exchange that
/// blocks categories must take it for blocked.
fn check_categories(bid: &Bid<'_>, report: &mut Report) {
    let (blocked, welcome) = (texts(&bid.request["bcat"]), texts(&bid.request["acat"]));
    if blocked.is_empty() && welcome.is_empty() {
        return;
    }
    let categories = bid.node.field("cat");
    let (asked, ours) = (taxonomy(bid.request), taxonomy(bid.node.value));
    if categories.elements().is_empty() || asked.to_bits() != ours.to_bits() {
        let expected = format!("categories of taxonomy {asked}, which the request's are of");
        report.refuse(&categories, &rules::CATEGORY_TOLD, expected);
        return;
    }
    for category in categories.elements() {
        let name = category.value.as_str().unwrap_or_default();
        let within = |list: &[Cow<'_, str>]| list.iter().any(|one| is_tier_of(name, one));
        let expected = "a category that is not in `bcat`";
        report.require(!within(&blocked), (&category, &rules::CATEGORY_BLOCKED), expected);
        let is_welcome = welcome.is_empty() || within(&welcome);
        let expected = "a category that is in `acat`";
        report.require(is_welcome, (&category, &rules::CATEGORY_BLOCKED), expected);
    }
}

fn taxonomy(of: &Value) -> f64 {
    number(&of["cattax"]).unwrap_or(TAXONOMY_DEFAULT)
}

/// Whether `name` is `category` or a tier of it: IAB18-5 is one of IAB18. Taxonomies other
/// than the first have plain numbers, in which no tier can be seen.
fn is_tier_of(name: &str, category: &str) -> bool {
    name.strip_prefix(category).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

fn check_app(bid: &Bid<'_>, report: &mut Report) {
    let app = bid.node.field("bundle");
    let is_blocked = |name| texts(&bid.request["bapp"]).iter().any(|one| one == name);
    let is_free = !app.value.as_str().is_some_and(is_blocked);
    report.require(is_free, (&app, &rules::APP_BLOCKED), "an app that is not in `bapp`");
}

/// A language that is not told is no language of the list. `langb` may be more special than
/// what is asked for (`en-GB` for `en`), and is read from `language` where it is not there:
/// every code of ISO 639-1 is a tag of BCP 47.
fn check_language(bid: &Bid<'_>, (list, key): (&str, &str), report: &mut Report) {
    let welcome = texts(&bid.request[list]);
    if welcome.is_empty() {
        return;
    }
    let told = bid.node.field(key);
    let told = if told.is_there() { told } else { bid.node.field("language") };
    let fits = |tag: &str| welcome.iter().any(|range| is_language_of(tag, range));
    let is_welcome = told.value.as_str().is_some_and(fits);
    let expected = format!("one of the languages of `{list}`: {}", welcome.join(", "));
    report.require(is_welcome, (&told as &Node<'_>, &rules::LANGUAGE), expected);
}

/// Whether a tag is a language or a special form of it (RFC 4647, basic filtering).
fn is_language_of(tag: &str, range: &str) -> bool {
    let (tag, range) = (tag.to_ascii_lowercase(), range.to_ascii_lowercase());
    tag.strip_prefix(&range).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}
