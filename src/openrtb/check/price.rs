//! The price of a bid: above zero, in micros, not below the floor that counts.
//!
//! Of floors that of the deal counts before that of the spot, and that before the
//! impression's (OpenRTB 2.6, 7.11). Floors in another currency than the bid's are left to the
//! exchange: the rates are not part of the request.

use super::bid::{Bid, format_of};
use super::deal;
use super::node::number;
use super::report::Report;
use super::rules;
use crate::openrtb::offer::Medium;
use serde_json::Value;

/// Most decimals of a price: micros.
const PLACES_MAX: usize = 6;
/// Micros of a unit of money.
const MICROS: f64 = 1_000_000.0;

/// Checks the price and the deal of a bid.
pub(super) fn check(bid: &Bid<'_>, report: &mut Report) {
    let deal = deal::check(bid, report);
    let price = bid.node.field("price");
    let Some(amount) = price.value.as_f64() else {
        report.refuse(&price, &rules::PRICE_POSITIVE, "a price");
        return;
    };
    let is_positive = amount > 0.0 || (amount >= 0.0 && deal.is_some());
    report.require(is_positive, (&price, &rules::PRICE_POSITIVE), "a price above 0");
    let has_few = places(&price.value.to_string()) <= PLACES_MAX;
    let expected = format!("at most {PLACES_MAX} decimals");
    report.require(has_few, (&price, &rules::PRICE_PLACES), expected);
    let (floor, currency) = floor_of(bid, deal);
    if currency != bid.currency {
        return;
    }
    let expected = format!("at least the floor of {floor} {currency}");
    report.require(micros(amount) >= micros(floor), (&price, &rules::PRICE_FLOOR), expected);
    let is_fixed = deal.is_some_and(deal::is_fixed) && floor > 0.0;
    let is_agreed = !is_fixed || micros(amount) <= micros(floor);
    let expected = format!("the deal's fixed price of {floor} {currency}");
    report.require(is_agreed, (&price, &rules::DEAL_PRICE), expected);
}

/// A sum in whole micros, so that a product of floats is not a hair above what is meant.
fn micros(sum: f64) -> i64 {
    (sum * MICROS).round() as i64
}

/// The floor that counts, and its currency; a deal inherits none.
fn floor_of<'a>(bid: &Bid<'a>, deal: Option<&'a Value>) -> (f64, &'a str) {
    let spot = format_of(bid.impression, bid.node)
        .filter(|(medium, _)| matches!(medium, Medium::Video | Medium::Audio));
    let seconds = spot.and_then(|_| number(&bid.node.value["dur"]));
    let by_duration = |of: &Value| seconds.and_then(|seconds| floor_by_duration(of, seconds));
    let plain = |of: &Value| number(&of["bidfloor"]).unwrap_or(0.0);
    let (floor, place) = match deal {
        Some(deal) => (by_duration(deal), deal),
        None => (spot.and_then(|(_, spot)| by_duration(spot)), bid.impression),
    };
    let currency = place["bidfloorcur"].as_str().unwrap_or("USD");
    (floor.unwrap_or_else(|| plain(place)), currency)
}

/// `durfloors`, else `mincpmpersec` times the seconds; `None` where neither is there.
fn floor_by_duration(of: &Value, seconds: f64) -> Option<f64> {
    let covers = |range: &&Value| {
        let low = number(&range["mindur"]).unwrap_or(0.0);
        let high = number(&range["maxdur"]).unwrap_or(f64::INFINITY);
        (low..=high).contains(&seconds)
    };
    let mut ranges = of["durfloors"].as_array().into_iter().flatten();
    let listed = ranges.find(covers).map(|range| number(&range["bidfloor"]).unwrap_or(0.0));
    listed.or_else(|| Some(number(&of["mincpmpersec"])? * seconds))
}

/// How many decimals a JSON number is written with; one in exponents counts with its zeros.
fn places(written: &str) -> usize {
    let (digits, exponent) = written.split_once(['e', 'E']).unwrap_or((written, "0"));
    let decimals = digits.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let shift = exponent.parse::<i64>().unwrap_or(0);
    let decimals = i64::try_from(decimals).unwrap_or(i64::MAX).saturating_sub(shift);
    usize::try_from(decimals.max(0)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_counted_in_every_way_of_writing() {
        for (written, expected) in
            [("1", 0), ("1.5", 1), ("0.000001", 6), ("1e-7", 7), ("1.25e-5", 7), ("1.5e3", 0)]
        {
            assert_eq!(places(written), expected, "{written}");
        }
    }
}
