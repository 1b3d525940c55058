//! Mistakes that open-source bidders were found to make when read and run, each kept out of
//! this one by a test of its name: what is asked for is honoured, who is protected is let be.

use crate::support::*;
use serde_json::{Value, json};

fn floor(floor: f64, currency: &str) -> Value {
    let impression = json!({
        "id": "i1", "banner": { "w": 300, "h": 250 }, "bidfloor": floor, "bidfloorcur": currency,
    });
    with(request_of("u1"), &json!({ "imp": [impression] }))
}

fn price(response: &Value) -> f64 {
    only_bid(response)["price"].as_f64().expect("a number")
}

#[test]
fn floor_is_honoured() {
    let shop = Shop::open(&plain_shop(), U1);
    for (asked, bids) in [(1.99, true), (2.0, true), (2.000_001, false), (100.0, false)] {
        let response = shop.bid(&floor(asked, "USD"));
        assert_eq!(response.is_some(), bids, "a floor of {asked}");
        assert!(response.is_none_or(|response| price(&response) >= asked));
    }
}

#[test]
fn currency_is_honoured() {
    let shop = Shop::open(&plain_shop(), U1);
    let in_currencies = |cur: Value| shop.bid(&with(request_of("u1"), &json!({ "cur": cur })));
    let euros = in_currencies(json!(["EUR"])).expect("a bid in euros");
    assert_eq!((&euros["cur"], price(&euros)), (&json!("EUR"), 1.851_851), "2 USD at 1.08");
    assert_eq!(in_currencies(json!(["CHF", "EUR"])).expect("a bid")["cur"], "EUR");
    assert!(in_currencies(json!(["CHF"])).is_none(), "a currency without a rate");
    assert_eq!(shop.bid(&request_of("u1")).expect("a bid")["cur"], "USD");
    // 1.85 EUR are 1.998 USD, 1.86 EUR are 2.0088: the floor is converted, not compared bare.
    assert!(shop.bid(&floor(1.85, "EUR")).is_some());
    assert!(shop.bid(&floor(1.86, "EUR")).is_none());
    assert!(shop.bid(&floor(0.01, "CHF")).is_none(), "a floor that cannot be compared");
}

#[test]
fn size_is_honoured() {
    let shop = Shop::open(&plain_shop(), U1);
    let sized = |banner: Value| {
        let imp = json!({ "imp": [{ "id": "i1", "banner": banner }] });
        shop.bid(&with(request_of("u1"), &imp))
    };
    assert!(sized(json!({ "w": 8, "h": 8 })).is_none());
    let second = json!({ "format": [{ "w": 8, "h": 8 }, { "w": 728, "h": 90 }] });
    let response = sized(second).expect("the second size is ours");
    assert_eq!(only_bid(&response)["crid"], "b728");
    assert!(sized(json!({ "w": 250, "h": 300 })).is_none(), "not lying on its side");
}

#[test]
fn unknown_user_gets_no_retargeting_bid() {
    let shop = Shop::open(&plain_shop(), U1);
    for user in [json!({ "buyeruid": "nobody" }), json!({}), json!({ "buyeruid": "" })] {
        assert!(
            shop.bid(&json!({ "id": "r", "imp": request_of("u1")["imp"], "user": user })).is_none()
        );
    }
}

#[test]
fn user_without_segments_never_matches_segment_campaigns() {
    let other = [("buyeruid", "u2", "newsletter", 60)];
    let shop = Shop::open(&plain_shop(), &[U1, &other[..]].concat());
    assert!(shop.bid(&request_of("u1")).is_some());
    assert!(shop.bid(&request_of("u2")).is_none());
}

/// Nobody whom a law or a wish protects is retargeted, in whichever place it is said.
#[track_caller]
fn assert_protected(cases: &[Value]) {
    let shop = Shop::open(&plain_shop(), U1);
    assert!(shop.bid(&request_of("u1")).is_some());
    for more in cases {
        assert!(shop.bid(&with(request_of("u1"), more)).is_none(), "{more}");
    }
    assert_eq!(shop.campaign("rescue")["considered"], 1, "the person was not even looked up");
}

#[test]
fn coppa_gets_no_bid() {
    assert_protected(&[
        json!({ "regs": { "coppa": 1 } }),
        json!({ "regs": { "coppa": "1" } }),
        json!({ "regs": { "ext": { "coppa": 1 } } }),
    ]);
}

#[test]
fn lmt_gets_no_bid() {
    let refused = json!({ "device": { "ext": { "atts": 2 } } });
    assert_protected(&[
        json!({ "device": { "lmt": 1 } }),
        json!({ "device": { "lmt": "eew" } }),
        refused,
    ]);
}

#[test]
fn dnt_gets_no_bid() {
    assert_protected(&[json!({ "device": { "dnt": 1 } }), json!({ "device": { "dnt": true } })]);
}

#[test]
fn gdpr_without_consent_gets_no_bid() {
    assert_protected(&[
        json!({ "regs": { "gdpr": 1 } }),
        json!({ "regs": { "ext": { "gdpr": 1 } } }),
        json!({ "regs": { "gdpr": 0, "ext": { "gdpr": 1 } } }),
        json!({ "regs": { "gdpr": "perhaps" } }),
        json!({ "regs": { "gdpr": 1 }, "user": { "consent": "not a consent string" } }),
        json!({ "device": { "geo": { "country": "DEU" } } }),
        json!({ "regs": { "gpp_sid": [2] } }),
    ]);
}

#[test]
fn us_opt_outs_get_no_bid() {
    assert_protected(&[
        json!({ "regs": { "us_privacy": "1YYN" } }),
        json!({ "regs": { "ext": { "us_privacy": "1YYN" } } }),
        json!({ "regs": { "ext": { "gpc": "1" } } }),
    ]);
}

#[test]
fn next_candidate_bids_when_the_dearest_is_capped() {
    let capped = campaign("dear", "9 USD", "caps = [{ impressions = 1, per = \"1h\" }]", "");
    let shop = Shop::open(&shop(&[capped, campaign("next", "2 USD", "", "")]), U1);
    let campaigns: Vec<_> = (0..3)
        .map(|_| only_bid(&shop.bid(&request_of("u1")).expect("a bid"))["cid"].clone())
        .collect();
    assert_eq!(campaigns, ["dear", "next", "next"]);
}

#[test]
fn markup_adomain_size_mtype_are_present() {
    let shop = Shop::open(&plain_shop(), U1);
    let response = shop.bid(&request_of("u1")).expect("a bid");
    let bid = only_bid(&response);
    assert_eq!(bid["adomain"], json!(["shop.example"]));
    assert_eq!((&bid["w"], &bid["h"], &bid["mtype"]), (&json!(300), &json!(250), &json!(1)));
    assert_eq!((&bid["cid"], &bid["crid"]), (&json!("rescue"), &json!("b300")));
    assert_eq!(bid["cat"], json!(["IAB18"]));
    let markup = url(bid, "adm");
    assert!(markup.contains("https://cdn.shop.example/300.png"), "{markup}");
    assert!(markup.contains("/n/view/") && markup.contains("/n/click/"), "{markup}");
}

#[test]
fn price_macro_is_in_billing_url() {
    let shop = Shop::open(&plain_shop(), U1);
    let bid_at = |exchange: &str| {
        let response = shop.client().bid(exchange, &request_of("u1")).expect("a bid");
        only_bid(&response).clone()
    };
    let burl = bid_at("adx");
    assert!(url(&burl, "burl").ends_with("?p=${AUCTION_PRICE}"), "{burl}");
    let nurl = bid_at("nurl");
    assert!(url(&nurl, "nurl").ends_with("?p=${AUCTION_PRICE}") && nurl.get("burl").is_none());
    let pixel = bid_at("pixel");
    assert!(url_in_markup(&pixel, "/n/bill/").ends_with("?p=${AUCTION_PRICE}"), "{pixel}");
    assert!(pixel.get("burl").is_none(), "or it would be billed in two places");
    assert!(
        url(&pixel, "adm").contains("${CLICK_URL}https%3A%2F%2Fads.homing.example%2Fn%2Fclick%2F")
    );
}

#[test]
fn country_codes_are_alpha3_and_match() {
    let target = "[campaign.target]\ncountries = [\"USA\"]";
    let file = shop(&[campaign("rescue", "2 USD", "", target)]);
    let shop = Shop::open(&file, U1);
    let from = |country: &str| {
        let geo = json!({ "device": { "geo": { "country": country } } });
        shop.bid(&with(request_of("u1"), &geo)).is_some()
    };
    assert!(from("USA") && from("usa"));
    assert!(!from("CAN") && !from("US") && shop.bid(&request_of("u1")).is_none());
    assert_eq!(shop.reload(&file.replace("\"USA\"", "\"US\"")), 422, "a code that never matches");
}

#[test]
fn daypart_campaigns_do_not_hide_others() {
    let days = |from: i64| {
        let names = [from, from + 1].map(|day_number| {
            let name = format!("{:?}", day(day_number).weekday()).to_lowercase();
            format!("\"{} 00:00-24:00\"", &name[..3])
        });
        format!("[campaign.target]\ndayparts = [{}]", names.join(", "))
    };
    let off_air = campaign("off-air", "9 USD", "", &days(3));
    let on_air = campaign("on-air", "5 USD", "", &days(0));
    let always = campaign("always", "2 USD", "", "");
    let served = |campaigns: &[String]| {
        let shop = Shop::open(&shop(campaigns), U1);
        only_bid(&shop.bid(&request_of("u1")).expect("a bid"))["cid"].clone()
    };
    assert_eq!(served(&[off_air.clone(), always.clone()]), "always");
    assert_eq!(served(&[off_air.clone(), on_air, always]), "on-air");
    let alone = Shop::open(&shop(&[off_air]), U1);
    assert!(alone.bid(&request_of("u1")).is_none(), "no hour is not every hour");
}

#[test]
fn no_bid_is_204_without_body() {
    let shop = Shop::open(&plain_shop(), U1);
    let body = serde_json::to_vec(&request_of("nobody")).expect("JSON");
    let mut client = shop.client();
    let reply = client.post("adx", &body);
    assert_eq!((reply.status, reply.body.len()), (204, 0));
    assert!(reply.header("content-type").is_none(), "{reply:?}");
    let reply = client.post("nbr", &body);
    assert_eq!(reply.status, 200, "on the same connection");
    assert_eq!(reply.json(), json!({ "id": "r1", "seatbid": [], "nbr": 8 }));
    assert_eq!(reply.header("x-openrtb-version"), Some("2.6"));
    assert_eq!(client.post("nowhere", &body).status, 404);
    assert_eq!(client.post("adx", b"{}").status, 400);
}

#[test]
fn bid_ids_are_unique() {
    let mut seen = std::collections::HashSet::new();
    for _ in 0..2 {
        let shop = Shop::open(&plain_shop(), U1);
        for _ in 0..8 {
            let mut client = shop.client();
            for _ in 0..50 {
                let response = client.bid("adx", &request_of("u1")).expect("a bid");
                let id = url(only_bid(&response), "id").to_owned();
                assert!(seen.insert(id), "twice, or again after a restart: {response}");
            }
        }
    }
}

/// What explain says of a request is what bidding then does.
#[test]
fn explain_over_the_api_tells_the_bid() {
    let dear = campaign("dear", "3 USD", "stop_after = \"30m\"", "");
    let price = "recency = { half_life = \"2h\" }";
    let shop = Shop::open(&shop(&[dear, campaign("next", "2 USD", "", price)]), U1);
    let request = serde_json::to_vec(&request_of("u1")).expect("JSON");
    let told = shop.admin("POST", "/api/v1/explain?exchange=adx", &request).json();
    let response = shop.bid(&request_of("u1")).expect("a bid");
    assert_eq!(told["campaigns"][0]["campaign"], "shop/next");
    let quoted = told["campaigns"][0]["price"]["bid_cpm"].as_f64().expect("a price");
    // A second may pass between the two, in which interest fades by a hundredth of a percent.
    let bid = only_bid(&response)["price"].as_f64().expect("a price");
    assert!(bid <= quoted && bid >= quoted * 0.999, "{bid} is bid, {quoted} was told");
    assert_eq!(told["campaigns"][1]["reason"], "too_late");
    assert_eq!(shop.campaign("next")["bids"], 1, "explaining counts nothing");
}
