//! The bids of a pod together: how many, how long, and what would be dropped as doubles.
//!
//! A dynamic pod is an impression with `poddur`, for several ads; the impressions of a
//! structured pod share a `podid`, and each is for one. Both may come together.

use super::bid::{format_of, impression_of};
use super::node::{Node, number, text, texts, whole, wholes};
use super::report::Report;
use super::{rules, vast};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// Kinds of doubles (AdCOM, Pod Deduplication): the same advertiser, a category in common, the
/// same creative, a media file in common.
const DOMAIN: u64 = 1;
const CATEGORY: u64 = 2;
const CREATIVE: u64 = 3;
const MEDIA_FILE: u64 = 4;

/// What the bids before have taken of a dynamic pod.
#[derive(Default)]
struct Taken {
    bids: u64,
    seconds: f64,
}

/// Checks all bids of a response.
pub(super) fn check(request: &Value, bids: &[&Node<'_>], report: &mut Report) {
    let mut taken: HashMap<String, Taken> = HashMap::new();
    let mut seen: HashMap<String, HashSet<(u64, String)>> = HashMap::new();
    for bid in bids {
        let Some(impression) = impression_of(request, bid) else { continue };
        let Some((_, spot)) = format_of(impression, bid) else { continue };
        let own = text(&impression["id"]).unwrap_or_default().into_owned();
        if let Some(seconds) = number(&spot["poddur"]) {
            check_bounds((spot, seconds), (bid, taken.entry(own.clone()).or_default()), report);
        }
        let pod = text(&spot["podid"]).map_or(own, |pod| format!("pod {pod}"));
        check_doubles((request, spot), (bid, seen.entry(pod).or_default()), report);
    }
}

fn check_bounds(
    (spot, seconds): (&Value, f64),
    (bid, taken): (&Node<'_>, &mut Taken),
    report: &mut Report,
) {
    taken.bids += 1;
    taken.seconds += number(&bid.value["dur"]).unwrap_or(0.0);
    let is_within = whole(&spot["maxseq"]).is_none_or(|most| taken.bids <= most);
    let expected = format!("at most {} bids on this pod", spot["maxseq"]);
    report.require(is_within, (&bid.field("impid"), &rules::POD_BOUNDS), expected);
    let expected = format!("at most {seconds} seconds in this pod, found {}", taken.seconds);
    let is_within = taken.seconds <= seconds;
    report.require(is_within, (&bid.field("dur"), &rules::POD_BOUNDS), expected);
}

fn check_doubles(
    (request, spot): (&Value, &Value),
    (bid, seen): (&Node<'_>, &mut HashSet<(u64, String)>),
    report: &mut Report,
) {
    let dropped = dropped_in(request, spot);
    let marks = marks_of(bid);
    let double = marks.iter().find(|mark| dropped.contains(&mark.0) && seen.contains(*mark));
    if let Some((kind, mark)) = double {
        let field = match *kind {
            DOMAIN => "adomain",
            CATEGORY => "cat",
            CREATIVE => "crid",
            _ => "adm",
        };
        let expected = format!("nothing that another bid of the pod has: `poddedupe` has {kind}");
        report.refuse_part((&bid.field(field), &rules::POD_DOUBLES), mark, expected);
    }
    seen.extend(marks);
}

/// What any impression of the pod says that it drops.
fn dropped_in(request: &Value, spot: &Value) -> Vec<u64> {
    let mut dropped = wholes(&spot["poddedupe"]);
    let Some(pod) = text(&spot["podid"]) else { return dropped };
    let impressions = request["imp"].as_array().into_iter().flatten();
    let spots = impressions.flat_map(|one| [&one["video"], &one["audio"]]);
    let siblings = spots.filter(|spot| text(&spot["podid"]).as_ref() == Some(&pod));
    dropped.extend(siblings.flat_map(|spot| wholes(&spot["poddedupe"])));
    dropped
}

/// By what a bid is told from others.
fn marks_of(bid: &Node<'_>) -> Vec<(u64, String)> {
    let list = |key: &str| texts(&bid.value[key]).into_iter();
    let mut marks: Vec<_> = list("adomain").map(|one| (DOMAIN, one.to_ascii_lowercase())).collect();
    marks.extend(list("cat").map(|one| (CATEGORY, one.into_owned())));
    marks.extend(text(&bid.value["crid"]).map(|one| (CREATIVE, one.into_owned())));
    let markup = bid.value["adm"].as_str().unwrap_or_default();
    marks.extend(vast::media_addresses(markup).into_iter().map(|one| (MEDIA_FILE, one)));
    marks
}
