//! The rules are only worth something if they refuse: each change makes a good answer bad.

use super::*;
use proptest::prelude::*;
use serde_json::json;

const BID: &str = "/seatbid/0/bid/0";

fn request() -> Value {
    json!({
        "id": "r", "cur": ["USD", "EUR"], "wseat": ["s", "t"], "bseat": ["t"],
        "badv": ["rival.example"], "bcat": ["IAB7"],
        "imp": [
            { "id": "i", "bidfloor": 1.5, "banner": {
                "format": [{ "w": 300, "h": 250 }, { "w": "320", "h": 50.0 }], "battr": [8],
            } },
            { "id": 2, "bidfloor": "9", "secure": 0, "banner": { "w": 300, "h": 250 }, "pmp": {
                "private_auction": 1, "deals": [{ "id": "d", "bidfloor": 2 }],
            } },
        ],
    })
}

fn good_bid() -> Value {
    json!({
        "id": "b", "impid": "i", "price": 1.5, "adm": "<b>", "adomain": ["shop.example"],
        "cid": "c", "crid": "cr", "w": 300, "h": 250, "mtype": 1, "cat": ["IAB18"], "attr": [13],
        "exp": 60, "nurl": "https://a.example/n", "lurl": "https://a.example/l",
        "burl": "https://a.example/b?p=${AUCTION_PRICE}", "iurl": "https://a.example/i.png",
    })
}

fn answer(bids: &[Value]) -> Value {
    json!({ "id": "r", "cur": "USD", "seatbid": [{ "seat": "s", "bid": bids }] })
}

/// The rules that the good answer breaks after a change.
fn broken_by(path: &str, value: Value) -> Vec<&'static str> {
    let mut bad = answer(&[good_bid()]);
    let place = if path.starts_with('/') { path.to_owned() } else { format!("{BID}/{path}") };
    *bad.pointer_mut(&place).unwrap_or_else(|| panic!("{place} is in the answer")) = value;
    check(&request(), &bad).iter().map(|finding| finding.rule.name).collect()
}

#[test]
fn a_good_answer_has_no_findings() {
    assert_eq!(check(&request(), &answer(&[good_bid()])), []);
    let mut other = good_bid();
    (other["w"], other["h"]) = (320.into(), 50.into());
    assert_eq!(check(&request(), &answer(&[other])), [], "sizes are read leniently");
}

#[test]
fn every_way_to_say_no_is_legal() {
    for no in [json!({}), json!({ "id": "r", "seatbid": [] }), json!({ "id": "r", "nbr": 8 })] {
        assert_eq!(check(&request(), &no), [], "{no}");
    }
    assert_eq!(check(&request(), &json!({ "id": "x", "nbr": 8 }))[0].rule, &rules::ID_ECHOED);
}

/// A change, by its path, and the rule that it breaks; a relative path is one of the bid.
fn changes() -> Vec<(&'static str, Value, &'static Rule)> {
    let long = "x".repeat(129);
    vec![
        ("/seatbid", json!("none"), &rules::TYPES),
        ("cat", json!("IAB18"), &rules::TYPES),
        ("exp", json!("60"), &rules::TYPES),
        ("attr", json!(["13"]), &rules::TYPES),
        ("/id", json!("other"), &rules::ID_ECHOED),
        ("/cur", Value::Null, &rules::CURRENCY_SAID),
        ("/cur", json!("GBP"), &rules::CURRENCY_ASKED),
        ("/seatbid/0/bid", json!([]), &rules::SEAT_NOT_EMPTY),
        ("/seatbid/0/seat", json!("u"), &rules::SEAT_ALLOWED),
        ("/seatbid/0/seat", Value::Null, &rules::SEAT_ALLOWED),
        ("id", json!(""), &rules::BID_ID),
        ("impid", json!("x"), &rules::IMPRESSION_KNOWN),
        ("price", json!(0), &rules::PRICE_POSITIVE),
        ("price", json!(-1), &rules::PRICE_POSITIVE),
        ("price", json!("1.5"), &rules::PRICE_POSITIVE),
        ("price", json!(1.500_000_1), &rules::PRICE_PLACES),
        ("price", json!(1.499), &rules::PRICE_FLOOR),
        ("impid", json!("2"), &rules::DEAL),
        ("crid", json!(" "), &rules::CREATIVE_ID),
        ("crid", json!(long), &rules::CREATIVE_ID),
        ("cid", Value::Null, &rules::CAMPAIGN_ID),
        ("adomain", json!([]), &rules::ADVERTISER_DOMAIN),
        ("adomain/0", json!("https://shop.example"), &rules::ADVERTISER_DOMAIN),
        ("adomain/0", json!("rival.example"), &rules::ADVERTISER_BLOCKED),
        ("adomain/0", json!("shop.rival.example"), &rules::ADVERTISER_BLOCKED),
        ("cat/0", json!("IAB7-39"), &rules::CATEGORY_BLOCKED),
        ("attr/0", json!(8), &rules::ATTRIBUTE_BLOCKED),
        ("mtype", json!(2), &rules::MARKUP_TYPE),
        ("mtype", json!(0), &rules::MARKUP_TYPE),
        ("mtype", Value::Null, &rules::MARKUP_TYPE),
        ("w", json!(301), &rules::SIZE),
        ("h", Value::Null, &rules::SIZE),
        ("adm", json!(" "), &rules::MARKUP),
        ("adm", json!("<img src=http://x>"), &rules::MARKUP_SECURE),
        ("adm", json!("<a href={{click_url}}>"), &rules::MARKUP_PLACEHOLDER),
        ("burl", json!("https://a.example/b"), &rules::PRICE_MACRO),
        ("burl", Value::Null, &rules::PRICE_MACRO),
        ("nurl", json!("https://a.example/ n"), &rules::URL),
        ("lurl", json!("/n/loss/x"), &rules::URL),
    ]
}

#[test]
fn every_rule_refuses() {
    for (path, value, rule) in changes() {
        let broken = broken_by(path, value.clone());
        assert!(broken.contains(&rule.name), "{path} = {value} breaks {broken:?}");
    }
    // Those of several bids have a test of their own.
    let of_several = [&rules::BIDS_MAX, &rules::IMPRESSION_ONCE];
    for rule in rules::ALL.iter().filter(|rule| !of_several.contains(rule)) {
        assert!(changes().iter().any(|(.., broken)| broken == rule), "{} is untested", rule.name);
    }
}

#[test]
fn what_may_be_said_is_not_refused() {
    let near_miss = [
        ("adomain/0", json!("notrival.example")),
        ("cat/0", json!("IAB72")),
        ("adm", json!("<script>f({a: {b: 1}})</script>")),
        ("adm", json!("<b data-price=${AUCTION_PRICE:B64}>")),
        ("iurl", Value::Null),
        ("attr", Value::Null),
    ];
    for (path, value) in near_miss {
        assert_eq!(broken_by(path, value.clone()), [""; 0], "{path} = {value}");
    }
}

#[test]
fn bids_do_not_double_each_other() {
    let twice = check(&request(), &answer(&[good_bid(), good_bid()]));
    let said: Vec<_> = twice.iter().map(|one| (one.path.as_str(), one.rule)).collect();
    let second = |key: &str| format!("/seatbid/0/bid/1/{key}");
    let (id, impression) = (second("id"), second("impid"));
    assert_eq!(said, [(&*id, &rules::BID_ID), (&*impression, &rules::IMPRESSION_ONCE)]);
    let many = check(&request(), &answer(&vec![good_bid(); 16]));
    assert!(many.iter().any(|finding| finding.rule == &rules::BIDS_MAX));
}

#[test]
fn a_deal_has_a_floor_of_its_own() {
    let on_deal = |price: Value, deal: &str| {
        let mut bid = good_bid();
        (bid["impid"], bid["price"], bid["dealid"]) = ("2".into(), price, deal.into());
        let found = check(&request(), &answer(&[bid]));
        found.iter().map(|finding| finding.rule).collect::<Vec<_>>()
    };
    assert_eq!(on_deal(json!(2), "d"), [] as [&Rule; 0]);
    assert_eq!(on_deal(json!(1.99), "d"), [&rules::PRICE_FLOOR]);
    assert_eq!(on_deal(json!(9), "e"), [&rules::DEAL]);
}

#[test]
fn a_floor_in_another_currency_is_left_to_the_exchange() {
    let mut in_euro = answer(&[good_bid()]);
    in_euro["cur"] = "EUR".into();
    in_euro["seatbid"][0]["bid"][0]["price"] = json!(1.4);
    assert_eq!(check(&request(), &in_euro), []);
}

#[test]
fn a_finding_tells_where_what_and_who_says_so() {
    let mut bad = answer(&[good_bid()]);
    bad["seatbid"][0]["bid"][0]["price"] = json!(1.2);
    let findings = check(&request(), &bad);
    assert_eq!(
        serde_json::to_value(&findings).expect("texts are JSON"),
        json!([{
            "path": "/seatbid/0/bid/0/price", "rule": "price_floor",
            "source": "OpenRTB 2.6, 4.2.3 Bid", "found": "1.2",
            "expected": "at least the floor of 1.5 USD",
        }])
    );
}

#[test]
fn findings_and_quotations_are_bounded() {
    let mut bid = good_bid();
    bid["price"] = json!(["\u{1b}[31m".repeat(1_000)]);
    let findings = check(&request(), &answer(&vec![bid; 1_000]));
    assert_eq!(findings.len(), FINDINGS_MAX);
    for finding in findings {
        assert!(finding.found.len() <= 200 && !finding.found.contains('\u{1b}'));
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    let keys = prop::sample::select(vec![
        "id", "imp", "seatbid", "bid", "impid", "price", "banner", "format", "w", "h", "cur",
        "mtype", "adm", "cat", "bcat", "pmp", "deals", "dealid", "wseat", "seat",
    ]);
    leaf.prop_recursive(5, 64, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((keys.clone(), inner), 0..6).prop_map(|fields| {
                fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_pair_is_survived(request in any_json(), response in any_json()) {
        prop_assert!(check(&request, &response).len() <= FINDINGS_MAX);
    }

    #[test]
    fn any_field_may_be_anything(at in 0..17_usize, value in any_json()) {
        let mut bid = good_bid();
        let fields = bid.as_object_mut().expect("an object");
        let key = fields.keys().nth(at).expect("a bid has 17 fields").clone();
        fields.insert(key, value);
        let findings = check(&request(), &answer(&[bid]));
        prop_assert!(findings.len() <= FINDINGS_MAX);
    }
}
