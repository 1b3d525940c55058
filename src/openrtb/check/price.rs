//! The price of a bid: above zero, in micros, not below the floor, and on which deal.

use super::node::{Node, number, text};
use super::report::Report;
use super::rules;
use serde_json::Value;

/// Most decimals of a price: micros.
const PLACES_MAX: usize = 6;

/// Checks the price and the deal of a bid in `currency`.
pub(super) fn check(impression: &Value, (bid, currency): (&Node<'_>, &str), report: &mut Report) {
    let deal = check_deal(impression, &bid.field("dealid"), report);
    let price = bid.field("price");
    let Some(amount) = price.value.as_f64() else {
        report.refuse(&price, &rules::PRICE_POSITIVE, "a price");
        return;
    };
    let is_positive = amount > 0.0 || (amount >= 0.0 && deal.is_some());
    report.require(is_positive, (&price, &rules::PRICE_POSITIVE), "a price above 0");
    let has_few = places(&price.value.to_string()) <= PLACES_MAX;
    let expected = format!("at most {PLACES_MAX} decimals");
    report.require(has_few, (&price, &rules::PRICE_PLACES), expected);
    // The floor of a deal goes before that of the impression (OpenRTB 2.6, 7.11).
    let (floor, floor_currency) = floor_of(deal.unwrap_or(impression));
    // Across currencies it takes the rates, which are not part of the request.
    let is_reached = floor_currency != currency || amount >= floor;
    let expected = format!("at least the floor of {floor} {floor_currency}");
    report.require(is_reached, (&price, &rules::PRICE_FLOOR), expected);
}

/// The deal of the bid, if it is one of the impression's.
fn check_deal<'a>(
    impression: &'a Value,
    deal: &Node<'_>,
    report: &mut Report,
) -> Option<&'a Value> {
    let market = &impression["pmp"];
    if !deal.is_there() {
        let is_open = number(&market["private_auction"]).is_none_or(|private| private < 1.0);
        let expected = "the id of a deal: the auction is private";
        report.require(is_open, (deal, &rules::DEAL), expected);
        return None;
    }
    let mut offered = market["deals"].as_array().into_iter().flatten();
    let found = offered.find(|one| text(&one["id"]).as_deref() == deal.value.as_str());
    let expected = "the id of one of the impression's deals";
    report.require(found.is_some(), (deal, &rules::DEAL), expected);
    found
}

/// The floor of an impression or of a deal, and its currency; a deal inherits none.
fn floor_of(of: &Value) -> (f64, &str) {
    (number(&of["bidfloor"]).unwrap_or(0.0), of["bidfloorcur"].as_str().unwrap_or("USD"))
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
