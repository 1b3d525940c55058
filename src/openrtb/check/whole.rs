//! The response as a whole: its id, its currency, its seats, and bids that double each other.

use super::bid;
use super::node::{Node, text, texts};
use super::report::Report;
use super::rules;
use serde_json::Value;
use std::collections::HashSet;

/// Most bids of one response (Xandr's limit, the lowest that is published).
const BIDS_MAX: usize = 15;

pub(super) fn check(request: &Value, response: &Node<'_>, report: &mut Report) {
    if !response.value.is_object() {
        report.refuse(response, &rules::TYPES, "a JSON object");
        return;
    }
    let seats = response.field("seatbid");
    if seats.is_there() && !seats.value.is_array() {
        report.refuse(&seats, &rules::TYPES, "a list of seats");
    }
    // `{}` is a legal way to say no (OpenRTB 2.6, 4.2.1): then there is no id to echo.
    if response.field("id").is_there() || seats.is_there() {
        check_id(request, &response.field("id"), report);
    }
    let bids: Vec<_> = seats.elements().iter().flat_map(|seat| seat_bids(seat, report)).collect();
    if bids.is_empty() {
        return;
    }
    report.require(
        bids.len() <= BIDS_MAX,
        (&seats, &rules::BIDS_MAX),
        format!("at most {BIDS_MAX} bids, found {}", bids.len()),
    );
    check_currency(request, &response.field("cur"), report);
    for seat in seats.elements() {
        check_seat(request, &seat.field("seat"), report);
    }
    check_doubles(&bids, report);
    let currency = response.value["cur"].as_str().unwrap_or("USD");
    for one in &bids {
        bid::check(request, (one, currency), report);
    }
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
    let named = |list: &[std::borrow::Cow<'_, str>]| {
        ours.is_some_and(|ours| list.iter().any(|one| one == ours))
    };
    if !allowed.is_empty() && !named(&allowed) {
        let expected = format!("one of the seats of `wseat`: {}", allowed.join(", "));
        report.refuse(seat, &rules::SEAT_ALLOWED, expected);
    } else if named(&blocked) {
        report.refuse(seat, &rules::SEAT_ALLOWED, "a seat that is not in `bseat`");
    }
}

/// Bids that share an id or an impression.
fn check_doubles(bids: &[Node<'_>], report: &mut Report) {
    let (mut ids, mut impressions) = (HashSet::new(), HashSet::new());
    for bid in bids {
        let (id, impression) = (bid.field("id"), bid.field("impid"));
        let new = id.some_text().is_none_or(|text| ids.insert(text));
        report.require(new, (&id, &rules::BID_ID), "an id that no other bid has");
        let new = impression.some_text().is_none_or(|text| impressions.insert(text));
        let expected = "one bid for an impression";
        report.require(new, (&impression, &rules::IMPRESSION_ONCE), expected);
    }
}
