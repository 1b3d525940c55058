//! A video or a piece of audio against its place: what the bid says of it, and whether its
//! markup says the same.

use super::bid::Bid;
use super::node::{Node, number, whole, wholes};
use super::report::Report;
use super::rules;
use super::vast::{self, Said, Tag};
use crate::openrtb::offer::Medium;
use serde_json::Value;

/// The attribute of what can be skipped (AdCOM, Creative Attributes).
const SKIPPABLE: u64 = 16;
/// Milliseconds of a second.
const MILLISECONDS: u64 = 1_000;

/// Checks a bid for a spot.
pub(super) fn check((medium, spot): (Medium, &Value), bid: &Bid<'_>, report: &mut Report) {
    let duration = bid.node.field("dur");
    let is_good = duration.value.as_u64().is_some_and(|seconds| fits(spot, seconds));
    let expected = format!("a duration in seconds that fits: {}", durations(spot));
    report.require(is_good, (&duration, &rules::DURATION), expected);
    let protocol = bid.node.field("protocol");
    let is_good = protocol.value.as_u64().is_some_and(|one| welcomes(spot, one));
    let expected = format!("one of the protocols asked for: {:?}", protocols(spot));
    report.require(is_good, (&protocol, &rules::PROTOCOL), expected);
    let markup = bid.node.field("adm");
    let Some(text) = markup.some_text() else { return };
    let tag = Tag { node: &markup, text, medium, spot };
    let Some(said) = vast::check(&tag, report) else { return };
    check_told(&said, (&duration, &protocol), report);
    check_skip(spot, (bid.node, &said), report);
}

/// Whether a spot of so many seconds fits: one of `rqddurs`, else within the range; never
/// longer than a whole pod.
pub(super) fn fits(spot: &Value, seconds: u64) -> bool {
    let exact = wholes(&spot["rqddurs"]);
    let within_pod = whole(&spot["poddur"]).is_none_or(|most| seconds <= most);
    let within = if exact.is_empty() {
        let least = whole(&spot["minduration"]).unwrap_or(0);
        seconds >= least && longest(spot).is_none_or(|most| seconds as f64 <= most)
    } else {
        exact.contains(&seconds)
    };
    seconds > 0 && within && within_pod
}

/// `maxduration`, and what `maxextended` adds to it: -1 is any time.
fn longest(spot: &Value) -> Option<f64> {
    let longest = number(&spot["maxduration"])?;
    let extension = number(&spot["maxextended"]).unwrap_or(0.0);
    (extension >= 0.0).then_some(longest + extension)
}

fn durations(spot: &Value) -> String {
    let exact = wholes(&spot["rqddurs"]);
    if !exact.is_empty() {
        return format!("one of {exact:?}");
    }
    let least = whole(&spot["minduration"]).unwrap_or(0);
    let most = longest(spot).or_else(|| number(&spot["poddur"]));
    most.map_or(format!("{least} and more"), |most| format!("{least} to {most}"))
}

fn protocols(spot: &Value) -> Vec<u64> {
    let mut asked = wholes(&spot["protocols"]);
    // The single one of OpenRTB 2.0 to 2.2.
    asked.extend(whole(&spot["protocol"]));
    asked
}

/// Whether a spot takes a protocol; any, where it names none.
pub(super) fn welcomes(spot: &Value, protocol: u64) -> bool {
    let asked = protocols(spot);
    asked.is_empty() || asked.contains(&protocol)
}

/// What the bid says against what its markup says.
fn check_told(said: &Said, (duration, protocol): (&Node<'_>, &Node<'_>), report: &mut Report) {
    if let (Some(told), Some(is)) = (protocol.value.as_u64(), said.protocol) {
        let expected = format!("{is}, which the markup is of");
        report.require(told == is, (protocol, &rules::PROTOCOL), expected);
    }
    if let (Some(told), Some(is)) = (duration.value.as_u64(), said.duration_ms) {
        // Parts of a second may be rounded either way.
        let is_same = told == is / MILLISECONDS || told == is.div_ceil(MILLISECONDS);
        let expected = format!("the duration of the markup: {is} ms");
        report.require(is_same, (duration, &rules::VAST_DURATION), expected);
    }
}

/// What can be skipped is told to be, is wanted, and not skipped too early.
fn check_skip(spot: &Value, (bid, said): (&Node<'_>, &Said), report: &mut Report) {
    let attributes = bid.field("attr");
    let is_told = wholes(attributes.value).contains(&SKIPPABLE);
    if !is_told && said.skip_after_ms.is_none() {
        return;
    }
    let may_skip = number(&spot["skip"]) != Some(0.0);
    let expected = "nothing that can be skipped: `skip` is 0";
    report.require(may_skip, (&attributes, &rules::SKIP), expected);
    let Some(after_ms) = said.skip_after_ms else { return };
    report.require(is_told, (&attributes, &rules::SKIP), "16, since the markup can be skipped");
    let earliest_ms = whole(&spot["skipafter"]).unwrap_or(0).saturating_mul(MILLISECONDS);
    let shortest_ms = whole(&spot["skipmin"]).unwrap_or(0).saturating_mul(MILLISECONDS);
    let is_late = said.duration_ms.is_none() || after_ms >= earliest_ms;
    let is_long = said.duration_ms.is_none_or(|length| length > shortest_ms);
    if !(is_late && is_long) {
        let found = format!("skipoffset after {after_ms} ms");
        let expected =
            format!("not before {earliest_ms} ms, in a spot of more than {shortest_ms} ms");
        report.refuse_part((&bid.field("adm"), &rules::SKIP), &found, expected);
    }
}
