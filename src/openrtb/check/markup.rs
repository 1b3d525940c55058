//! The markup and the addresses of one bid.

use super::node::{Node, number};
use super::report::Report;
use super::rules;
use crate::config::rules::URL;
use serde_json::Value;

/// What exchanges replace with the price; also as a beginning, e.g. `${AUCTION_PRICE:B64}`.
const PRICE_MACRO: &str = "${AUCTION_PRICE";

/// Checks the markup of a bid for `impression`.
pub(super) fn check(impression: &Value, bid: &Node<'_>, report: &mut Report) {
    let markup = bid.field("adm");
    let Some(text) = markup.some_text() else {
        report.refuse(&markup, &rules::MARKUP, "markup");
        return;
    };
    // Absent means unknown, and nearly every page is secure by now.
    let must_be_secure = number(&impression["secure"]) != Some(0.0);
    let is_secure = !must_be_secure || !text.to_ascii_lowercase().contains("http:");
    let expected = "no `http:` in markup for a secure page";
    report.require(is_secure, (&markup, &rules::MARKUP_SECURE), expected);
    let is_filled = !text.split("{{").skip(1).any(|rest| rest.contains("}}"));
    let expected = "no placeholder `{{...}}` left in it";
    report.require(is_filled, (&markup, &rules::MARKUP_PLACEHOLDER), expected);
    check_price_macro(bid, report);
}

/// Index asks for the macro in `burl` or in the markup. An exchange that bills by the win
/// notice knows no `burl`: there, and only there, `nurl` may have it.
fn check_price_macro(bid: &Node<'_>, report: &mut Report) {
    let billing = if bid.field("burl").is_there() { "burl" } else { "nurl" };
    let told = |key: &str| bid.value[key].as_str().is_some_and(|text| text.contains(PRICE_MACRO));
    let expected = format!("{PRICE_MACRO}}} in `{billing}` or in `adm`");
    let is_told = told(billing) || told("adm");
    report.require(is_told, (&bid.field(billing), &rules::PRICE_MACRO), expected);
}

/// Whatever is an address is absolute.
pub(super) fn check_addresses(bid: &Node<'_>, report: &mut Report) {
    for key in ["nurl", "burl", "lurl", "iurl"] {
        let address = bid.field(key);
        let is_good = address.value.as_str().is_none_or(|text| (URL.holds)(text));
        report.require(is_good, (&address, &rules::URL), URL.expected);
    }
}
