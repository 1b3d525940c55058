//! A banner against its place: size, type, expansion, and what its markup needs.

use super::bid::frameworks_told;
use super::node::{Node, number, wholes};
use super::report::Report;
use super::rules;
use serde_json::Value;

/// Attributes of what expands: by itself, by a click, by pointing at it (AdCOM, Creative
/// Attributes).
const EXPANDABLE: [u64; 3] = [3, 4, 5];
/// The direction "resize or minimise", which makes nothing larger (AdCOM, Expandable
/// Directions).
const MINIMISE: u64 = 6;
/// Versions 1 to 3 of MRAID (AdCOM, API Frameworks).
const MRAID: [u64; 3] = [3, 5, 6];
/// Types of banners that can be told from their markup, by what gives them away
/// (`btype`: 3 JavaScript, 4 iframe).
const TYPES: [(u64, &str, &str); 2] = [(3, "<script", "JavaScript"), (4, "<iframe", "an iframe")];

/// Checks a bid for `banner`.
pub(super) fn check(banner: &Value, bid: &Node<'_>, report: &mut Report) {
    check_size(banner, bid, report);
    check_type(banner, &bid.field("adm"), report);
    check_expansion(banner, &bid.field("attr"), report);
    check_mraid(bid, report);
}

/// One of the sizes that were asked for; any, where none was.
fn check_size(banner: &Value, bid: &Node<'_>, report: &mut Report) {
    let asked = sizes(banner);
    let fits = size_of(bid.value).is_some_and(|ours| asked.contains(&ours));
    if !asked.is_empty() && !fits {
        let expected = format!("`w` and `h` of a size that was asked for: {}", names(&asked));
        report.refuse(&bid.field("w"), &rules::SIZE, expected);
    }
}

/// The sizes that a banner (or a companion) may have; empty where none is said.
pub(super) fn sizes(banner: &Value) -> Vec<(f64, f64)> {
    let formats = banner["format"].as_array().into_iter().flatten();
    formats.filter_map(size_of).chain(size_of(banner)).collect()
}

/// Sizes as people write them.
pub(super) fn names(sizes: &[(f64, f64)]) -> String {
    let names: Vec<_> = sizes.iter().map(|(w, h)| format!("{w}x{h}")).collect();
    names.join(", ")
}

/// The size of whatever has `w` and `h`.
pub(super) fn size_of(of: &Value) -> Option<(f64, f64)> {
    Some((number(&of["w"])?, number(&of["h"])?))
}

fn check_type(banner: &Value, markup: &Node<'_>, report: &mut Report) {
    let blocked = wholes(&banner["btype"]);
    let text = markup.value.as_str().unwrap_or_default().to_ascii_lowercase();
    for (number, sign, name) in TYPES {
        let is_free = !blocked.contains(&number) || !text.contains(sign);
        let expected = format!("markup without {name}: `btype` has {number}");
        report.require(is_free, (markup, &rules::BANNER_TYPE_BLOCKED), expected);
    }
}

fn check_expansion(banner: &Value, attributes: &Node<'_>, report: &mut Report) {
    let expands = wholes(attributes.value).iter().any(|one| EXPANDABLE.contains(one));
    let may_expand = wholes(&banner["expdir"]).iter().any(|one| *one != MINIMISE);
    let expected = "no attribute 3, 4 or 5: the place has no direction to expand in";
    report.require(!expands || may_expand, (attributes, &rules::EXPANSION), expected);
}

/// Markup that loads `mraid.js` is told to need MRAID: elsewhere the file is not there.
fn check_mraid(bid: &Node<'_>, report: &mut Report) {
    let loads = bid.value["adm"].as_str().is_some_and(|text| text.contains("mraid.js"));
    let is_told = frameworks_told(bid).iter().any(|one| MRAID.contains(one));
    let expected = "3, 5 or 6, since the markup loads mraid.js";
    report.require(!loads || is_told, (&bid.field("apis"), &rules::FRAMEWORK), expected);
}
