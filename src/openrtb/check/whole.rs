//! The response as a whole: its id, its currency, its seats, and bids that double each other.

use super::bid::{self, Bid, format_of, impression_of};
use super::node::{Node, number, text, texts};
use super::report::Report;
use super::{pod, rules};
use crate::openrtb::profile::MarkupDelivery;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// Most bids of one response (Xandr's limit, the lowest that is published).
const BIDS_MAX: usize = 15;
/// Bids behind so many are not looked at: whoever sends more has a finding for that already.
const BIDS_READ_MAX: usize = 100;

/// Checks the response to `request` of an exchange to which markup travels by `delivery`.
pub(super) fn check(
    (request, delivery): (&Value, MarkupDelivery),
    response: &Node<'_>,
    report: &mut Report,
) {
    let seats = response.field("seatbid");
    if !check_types(response, report) {
        return;
    }
    // `{}` is a legal way to say no (OpenRTB 2.6, 4.2.1): then there is no id to echo.
    if response.field("id").is_there() || seats.is_there() {
        check_id(request, &response.field("id"), report);
    }
    let mut bids = Vec::new();
    for seat in seats.elements() {
        let name = seat.value["seat"].as_str();
        bids.extend(seat_bids(&seat, report).into_iter().map(|bid| (name, bid)));
    }
    if bids.is_empty() {
        return;
    }
    let expected = format!("at most {BIDS_MAX} bids, found {}", bids.len());
    report.require(bids.len() <= BIDS_MAX, (&seats, &rules::BIDS_MAX), expected);
    bids.truncate(BIDS_READ_MAX);
    check_currency(request, &response.field("cur"), report);
    for seat in seats.elements() {
        check_seat(request, &seat.field("seat"), report);
    }
    let nodes: Vec<_> = bids.iter().map(|(_, bid)| bid).collect();
    check_doubles(request, &nodes, report);
    check_creatives(&nodes, report);
    pod::check(request, &nodes, report);
    let currency = response.value["cur"].as_str().unwrap_or("USD");
    for (seat, node) in &bids {
        if !bid::check_itself(node, report) {
            continue;
        }
        let Some(impression) = impression_of(request, node) else {
            let expected = "the id of one of the request's impressions";
            report.refuse(&node.field("impid"), &rules::IMPRESSION_KNOWN, expected);
            continue;
        };
        bid::check(&Bid { request, impression, node, seat: *seat, currency, delivery }, report);
    }
}

fn check_types(response: &Node<'_>, report: &mut Report) -> bool {
    if !response.value.is_object() {
        report.refuse(response, &rules::TYPES, "a JSON object");
        return false;
    }
    let seats = response.field("seatbid");
    let is_good = !seats.is_there() || seats.value.is_array();
    report.require(is_good, (&seats, &rules::TYPES), "a list of seats");
    for key in ["id", "bidid", "cur", "customdata"] {
        let node = response.field(key);
        let is_good = !node.is_there() || node.value.is_string();
        report.require(is_good, (&node, &rules::TYPES), "a text");
    }
    let reason = response.field("nbr");
    let is_good = !reason.is_there() || reason.value.is_u64();
    report.require(is_good, (&reason, &rules::TYPES), "a whole number");
    true
}

fn check_id(request: &Value, id: &Node<'_>, report: &mut Report) {
    let Some(asked) = text(&request["id"]) else { return };
    let echoed = id.value.as_str() == Some(&asked);
    report.require(echoed, (id, &rules::ID_ECHOED), format!("the request's id {asked:?}"));
}

fn check_currency(request: &Value, currency: &Node<'_>, report: &mut Report) {
    let Some(ours) = currency.some_text() else {
        report.refuse(currency, &rules::CURRENCY_SAID, "the currency of all prices");
        return;
    };
    let mut asked = texts(&request["cur"]);
    if asked.is_empty() {
        asked.push("USD".into());
    }
    let expected = format!("one of: {}", asked.join(", "));
    let is_asked = asked.iter().any(|one| one == ours);
    report.require(is_asked, (currency, &rules::CURRENCY_ASKED), expected);
}

/// The bids of a seat.
fn seat_bids<'a>(seat: &Node<'a>, report: &mut Report) -> Vec<Node<'a>> {
    let bids = seat.field("bid").elements();
    let expected = "a list of at least one bid";
    report.require(!bids.is_empty(), (seat, &rules::SEAT_NOT_EMPTY), expected);
    bids
}

fn check_seat(request: &Value, seat: &Node<'_>, report: &mut Report) {
    if seat.is_there() && !seat.value.is_string() {
        report.refuse(seat, &rules::TYPES, "a text");
    }
    let ours = seat.value.as_str();
    let (allowed, blocked) = (texts(&request["wseat"]), texts(&request["bseat"]));
    let named = |list: &[Cow<'_, str>]| ours.is_some_and(|ours| list.iter().any(|one| one == ours));
    if !allowed.is_empty() && !named(&allowed) {
        let expected = format!("one of the seats of `wseat`: {}", allowed.join(", "));
        report.refuse(seat, &rules::SEAT_ALLOWED, expected);
    } else if named(&blocked) {
        report.refuse(seat, &rules::SEAT_ALLOWED, "a seat that is not in `bseat`");
    }
}

/// Bids that share an id or an impression. A dynamic pod is one impression for several ads.
fn check_doubles(request: &Value, bids: &[&Node<'_>], report: &mut Report) {
    let (mut ids, mut impressions) = (HashSet::new(), HashSet::new());
    for bid in bids {
        let (id, impression) = (bid.field("id"), bid.field("impid"));
        let new = id.some_text().is_none_or(|text| ids.insert(text));
        report.require(new, (&id, &rules::BID_ID), "an id that no other bid has");
        let new = impression.some_text().is_none_or(|text| impressions.insert(text));
        let takes_several = || {
            let format = format_of(impression_of(request, bid)?, bid);
            number(&format?.1["poddur"])
        };
        let is_good = new || takes_several().is_some();
        let expected = "one bid for an impression";
        report.require(is_good, (&impression, &rules::IMPRESSION_ONCE), expected);
    }
}

/// Bids of one creative id that do not look the same. What has no size of its own has none in
/// all of them.
fn check_creatives(bids: &[&Node<'_>], report: &mut Report) {
    let mut looks = HashMap::new();
    for bid in bids {
        let creative = bid.field("crid");
        let Some(id) = creative.some_text() else { continue };
        let of = |key: &str| bid.field(key).value.clone();
        let look = json!([of("mtype"), of("w"), of("h"), of("adomain")]);
        let known = looks.entry(id).or_insert_with(|| look.clone());
        let expected = "another id than that of a bid that looks different";
        report.require(*known == look, (&creative, &rules::CREATIVE_STABLE), expected);
    }
}
