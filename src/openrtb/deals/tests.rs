//! What is read of deals.

use super::*;
use crate::openrtb::json::Reader;

fn list(text: &str) -> RawList<'_> {
    Reader::new(text).list().expect(text)
}

#[test]
fn a_deal_is_told_under_its_number_whatever_stands_before_it() {
    let text = r#"[{"id":""},7,{"id":8,"bidfloor":"2.5"},{"bidfloor":1},{"id":"d","at":3,"guar":1,
        "bidfloorcur":"EUR","wseat":["s"],"wadomain":["a.example"],"mincpmpersec":0.1}]"#;
    let mut met = Vec::new();
    each(&list(text), |number, deal| {
        met.push((number, deal.id.to_string()));
        true
    });
    assert_eq!(met, [(2, "8".to_owned()), (4, "d".to_owned())]);
    let plain = nth(&list(text), 2).expect("a deal");
    assert_eq!((plain.floor, plain.floor_currency), (CpmMicros(2_500_000), Some(Currency::USD)));
    assert!(!plain.guaranteed && plain.auction_type.is_none() && plain.allowed_seats.is_empty());
    let deal = nth(&list(text), 4).expect("a deal");
    assert_eq!((deal.floor, deal.floor_currency), (CpmMicros(0), Currency::parse("EUR")));
    assert!(deal.guaranteed && deal.auction_type == Some(3));
    assert!(deal.allowed_seats.any_text(|seat| seat == "s"));
    assert!(deal.allowed_advertisers.any_text(|domain| domain == "a.example"));
    assert_eq!(deal.floors.of(30), Some(CpmMicros(3_000_000)));
    for missing in [0, 1, 3, 5, 1_000] {
        assert!(nth(&list(text), missing).is_none(), "{missing}");
    }
}

#[test]
fn the_walk_ends_when_told_and_at_its_bound() {
    let text = format!("[{}]", vec![r#"{"id":"d"}"#; 200].join(","));
    let count = |limit: usize| {
        let mut met = 0;
        each(&list(&text), |_, _| {
            met += 1;
            met < limit
        });
        met
    };
    assert_eq!((count(3), count(1_000)), (3, DEALS_MAX));
    assert!(nth(&list(&text), DEALS_MAX).is_none());
}

#[test]
fn a_currency_that_is_none_is_not_taken_for_dollars() {
    let deal = nth(&list(r#"[{"id":"d","bidfloorcur":"euro"}]"#), 0).expect("a deal");
    assert_eq!(deal.floor_currency, None);
}
