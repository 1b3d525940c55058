//! Bids on deals, and which floor counts.

use super::*;

/// A bid at the fixed price of a deal, on an impression that is sold on deals only.
pub(super) fn on_a_deal() -> Pair {
    let deals = json!([
        { "id": "c", "bidfloor": 1 },
        { "id": "d", "bidfloor": 2, "at": 3, "wseat": ["s"], "wadomain": ["shop.example"] },
    ]);
    banner()
        .with("?/imp/1/pmp/deals", deals)
        .with("impid", json!("2"))
        .with("dealid", json!("d"))
        .with("price", json!(2))
}

pub(super) fn changes() -> Vec<Row> {
    vec![
        ("dealid", Value::Null, &rules::DEAL),
        ("dealid", json!("e"), &rules::DEAL),
        ("dealid", json!(""), &rules::DEAL),
        ("price", json!(1.99), &rules::PRICE_FLOOR),
        ("price", json!(2.01), &rules::DEAL_PRICE),
        ("price", json!(-0.1), &rules::PRICE_POSITIVE),
        ("?/imp/1/pmp/deals/1/bidfloor", json!(1.5), &rules::DEAL_PRICE),
        ("?/imp/1/pmp/deals/1/wseat", json!(["t", "u"]), &rules::DEAL_PARTY),
        ("/seatbid/0/seat", json!("t"), &rules::DEAL_PARTY),
        ("?/imp/1/pmp/deals/1/wadomain", json!(["op.example"]), &rules::DEAL_PARTY),
    ]
}

#[test]
fn what_a_deal_allows_is_not_refused() {
    on_a_deal().assert_accepted(vec![
        ("?/imp/1/pmp/deals/1/wadomain", json!(["other.example", "example"])),
        ("?/imp/1/pmp/deals/1/wseat", json!([])),
        ("?/imp/1/pmp/deals/1/id", json!("d")),
        // The floor of the impression, and that of another deal, do not count.
        ("?/imp/1/bidfloor", json!(100)),
        ("?/imp/1/pmp/deals/0/bidfloor", json!(100)),
        // A deal inherits no currency; across currencies it takes the rates.
        ("?/imp/1/bidfloorcur", json!("EUR")),
        ("?/imp/1/pmp/deals/1/bidfloorcur", json!("EUR")),
        // One without a floor has no price that could be fixed.
        ("?/imp/1/pmp/deals/1/bidfloor", Value::Null),
        ("?/imp/1/pmp/private_auction", json!(0)),
    ]);
    let open = on_a_deal().with("?/imp/1/pmp/deals/1/at", json!(1));
    open.assert_accepted(vec![("price", json!(9))]);
    let free = open.with("?/imp/1/pmp/deals/1/bidfloor", json!(0));
    free.assert_accepted(vec![("price", json!(0))]);
}

#[test]
fn the_nearest_floor_counts() {
    let floors = json!([{ "maxdur": 15, "bidfloor": 1 }, { "mindur": 16, "bidfloor": 5 }]);
    let priced = |pair: &Pair, price: f64| pair.with("price", json!(price)).broken();
    // Before all others that of the impression: 1.5.
    let plain = spots::video();
    assert_eq!((priced(&plain, 1.5), priced(&plain, 1.49)), (vec![], vec!["price_floor"]));
    let by_second = plain.with("?/imp/0/video/mincpmpersec", json!("0.1"));
    assert_eq!((priced(&by_second, 3.0), priced(&by_second, 2.99)), (vec![], vec!["price_floor"]));
    let by_duration = by_second.with("?/imp/0/video/durfloors", floors);
    assert_eq!(priced(&by_duration, 4.99), ["price_floor"], "30 seconds cost 5");
    let short =
        by_duration.with("?/imp/0/video/durfloors/0/maxdur", json!(60)).with("price", json!(1));
    assert_eq!(short.broken(), [""; 0], "the first range that covers it, below the impression's");
    let uncovered = by_duration.with("?/imp/0/video/durfloors/1/mindur", json!(31));
    assert_eq!(priced(&uncovered, 2.99), ["price_floor"], "then by the second");
    let deal = json!({ "deals": [{ "id": "d", "bidfloor": 9, "mincpmpersec": 0.02 }] });
    let on_deal = by_duration.with("?/imp/0/pmp", deal).with("dealid", json!("d"));
    assert_eq!((priced(&on_deal, 0.6), priced(&on_deal, 0.59)), (vec![], vec!["price_floor"]));
}
