//! What an exchange accepts: every bid that any test here receives is held against the rules
//! of [`homing::openrtb::check`], and against what this bidder promises beyond them.

use homing::openrtb::check::check;
use serde_json::Value;

/// Fails unless an exchange that sent `request` would let `response` into its auction.
#[track_caller]
pub(crate) fn assert_acceptable(request: &Value, response: &Value) {
    let findings = check(request, response);
    assert!(findings.is_empty(), "{findings:#?}\nrequest: {request}\nresponse: {response}");
    let seats = response["seatbid"].as_array().into_iter().flatten();
    let bids: Vec<_> = seats.filter_map(|seat| seat["bid"].as_array()).flatten().collect();
    assert!(!bids.is_empty(), "neither a bid nor a reason for none: {response}");
    for bid in bids {
        assert_promised(bid);
    }
}

/// Every bid can be won and lost by a notice, encrypted, and HTML is well quoted. (VAST and
/// native are read whole by the rules.)
#[track_caller]
fn assert_promised(bid: &Value) {
    for key in ["nurl", "lurl"] {
        let url = bid[key].as_str().unwrap_or_default();
        assert!(url.starts_with("https://"), "{key} of {bid}");
    }
    let html = bid["adm"].as_str().filter(|_| bid["mtype"] == 1).unwrap_or_default();
    let quotes = html.matches('"').count();
    assert!(quotes.is_multiple_of(2), "an attribute of the markup is not closed: {bid}");
}
