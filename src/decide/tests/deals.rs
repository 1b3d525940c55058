//! Deals, floors and fixed prices: which way an impression is bid on, and at what price.

use super::*;

fn offer(parts: &str) -> String {
    known(&format!(r#"{{"id":"i","banner":{{"w":300,"h":250}},{parts}}}"#), "")
}

/// The deal and the price of a 2 USD campaign, or why there is none.
fn way(parts: &str) -> Result<(Option<u8>, CpmMicros), NoBidReason> {
    way_in(&Scene::new(&[Written::new("c")]), &offer(parts))
}

fn way_in(scene: &Scene, body: &str) -> Result<(Option<u8>, CpmMicros), NoBidReason> {
    let decision = scene.decide(body);
    match decision.candidates.first() {
        Some(candidate) => Ok((candidate.fits[0].deal, candidate.fits[0].price)),
        None => Err(decision.no_bid_reason().expect("no candidate, no bid")),
    }
}

fn pmp(private: u8, deals: &str) -> String {
    format!(r#""pmp":{{"private_auction":{private},"deals":[{deals}]}}"#)
}

#[test]
fn a_deal_is_taken_where_one_is_open() {
    let two = micros(2.0);
    for (parts, expected) in [
        (pmp(0, r#"{"id":"d"}"#), Ok((Some(0), two))),
        (pmp(1, r#"{"id":"d"}"#), Ok((Some(0), two))),
        (pmp(1, r#"{"bidfloor":1}"#), Err(NoBidReason::DealMissing)),
        // Places count every element, also those that are no deals.
        (pmp(1, r#"{"bidfloor":1},{"id":"d"}"#), Ok((Some(1), two))),
        (pmp(1, r#"{"id":"d","wseat":["other"]}"#), Err(NoBidReason::DealMissing)),
        (pmp(0, r#"{"id":"d","wseat":["other"]}"#), Ok((None, two))),
        (pmp(1, r#"{"id":"d","wseat":["other","homing-1"]}"#), Ok((Some(0), two))),
        (pmp(1, r#"{"id":"d","wadomain":["example"]}"#), Ok((Some(0), two))),
        (pmp(1, r#"{"id":"d","wadomain":["hop.example"]}"#), Err(NoBidReason::DealMissing)),
        // Of two, the lower floor; a price that does not suffice leaves the open auction.
        (pmp(0, r#"{"id":"d","bidfloor":1},{"id":"e","bidfloor":0.5}"#), Ok((Some(1), two))),
        (pmp(0, r#"{"id":"d","bidfloor":2.1}"#), Ok((None, two))),
        (pmp(1, r#"{"id":"d","bidfloor":2.1}"#), Err(NoBidReason::BelowFloor)),
    ] {
        assert_eq!(way(&parts), expected, "{parts}");
    }
}

#[test]
fn guaranteed_deals_go_before_fixed_prices_and_those_before_floors() {
    let deals = [
        r#"{"id":"floor","bidfloor":0.1}"#,
        r#"{"id":"fixed","bidfloor":1.5,"at":3}"#,
        r#"{"id":"cheaper","bidfloor":1.25,"at":3}"#,
        r#"{"id":"sure","bidfloor":1.9,"guar":1}"#,
    ];
    let (two, fixed) = (micros(2.0), micros(1.25));
    assert_eq!(way(&pmp(0, &deals.join(","))), Ok((Some(3), two)));
    assert_eq!(way(&pmp(0, &deals[..3].join(","))), Ok((Some(2), fixed)));
    assert_eq!(way(&pmp(0, deals[0])), Ok((Some(0), two)));
    let dear = r#"{"id":"sure","bidfloor":2.5,"guar":1}"#;
    assert_eq!(way(&pmp(0, &[deals[1], dear].join(","))), Ok((Some(0), micros(1.5))));
}

#[test]
fn a_fixed_price_is_paid_exactly() {
    let open = |rest: &str, floor: &str| {
        let text = format!(r#"{{"id":"i","banner":{{"w":300,"h":250}}{floor}}}"#);
        way_in(&Scene::new(&[Written::new("c")]), &known(&text, rest))
    };
    let at = r#""at":3"#;
    assert_eq!(open(at, r#","bidfloor":1.999999"#), Ok((None, micros(1.999_999))));
    assert_eq!(open(at, r#","bidfloor":2.000001"#), Err(NoBidReason::BelowFloor));
    assert_eq!(open(at, ""), Ok((None, micros(2.0))), "no price is named");
    assert_eq!(open("\"at\":2", r#","bidfloor":1.5"#), Ok((None, micros(2.0))));
    // A deal of an unknown kind is as the request says; a known one as it says itself.
    let deal = |at: &str| format!(r#","pmp":{{"deals":[{{"id":"d","bidfloor":1,"at":{at}}}]}}"#);
    assert_eq!(open(at, &deal("9")), Ok((Some(0), micros(1.0))));
    assert_eq!(open(at, &deal("1")), Ok((Some(0), micros(2.0))));
    assert_eq!(open("\"at\":1", &deal("3")), Ok((Some(0), micros(1.0))));
}

#[test]
fn the_floor_of_a_deal_goes_before_the_impressions_and_has_its_own_currency() {
    let deal = |parts: &str| {
        let deals = pmp(1, &format!(r#"{{"id":"d"{parts}}}"#));
        way(&format!(r#""bidfloor":5,"bidfloorcur":"EUR",{deals}"#))
    };
    assert!(deal(r#","bidfloor":2"#).is_ok(), "in dollars: the euros are not inherited");
    assert_eq!(deal(r#","bidfloor":1.9,"bidfloorcur":"EUR""#), Err(NoBidReason::BelowFloor));
    assert!(deal(r#","bidfloor":1.8,"bidfloorcur":"EUR""#).is_ok());
    assert_eq!(deal(r#","bidfloor":1,"bidfloorcur":"XYZ""#), Err(NoBidReason::CurrencyMismatch));
}

#[test]
fn floors_of_spots_go_by_length() {
    let scene = Scene::new(&[Written { messages: message("v30"), ..Written::new("c") }]);
    let spot = |video: &str, rest: &str| {
        let text = format!(r#"{{"id":"i","video":{{"mimes":["video/mp4"]{video}}}{rest}}}"#);
        way_in(&scene, &known(&text, "")).is_ok()
    };
    let high = r#","bidfloor":9"#;
    assert!(!spot("", high));
    // Thirty seconds at 0.066 are 1.98, at 0.067 they are 2.01.
    assert!(spot(r#","mincpmpersec":0.066"#, high), "the spot's floor goes before");
    assert!(!spot(r#","mincpmpersec":0.067"#, ""));
    assert!(!spot(r#","durfloors":[{"mindur":20,"bidfloor":3}]"#, ""));
    assert!(spot(r#","durfloors":[{"maxdur":20,"bidfloor":3},{"mindur":21,"bidfloor":2}]"#, high));
    let deal =
        |floors: &str| format!(r#","pmp":{{"private_auction":1,"deals":[{{"id":"d"{floors}}}]}}"#);
    let per_second = r#","mincpmpersec":0.067"#;
    assert!(spot(per_second, &deal(r#","bidfloor":1"#)), "a deal's goes before both");
    assert!(!spot("", &deal(per_second)));
    assert!(!spot("", &deal(r#","durfloors":[{"mindur":30,"maxdur":30,"bidfloor":2.1}]"#)));
}

#[test]
fn a_campaign_may_want_its_own_deals_only() {
    let target = r#"deals = ["mine", "also"]"#;
    let scene = Scene::new(&[Written { target, ..Written::new("c") }]);
    let way = |parts: &str| way_in(&scene, &offer(parts));
    assert_eq!(way(&pmp(0, r#"{"id":"other"}"#)), Err(NoBidReason::DealMissing));
    assert_eq!(way(&pmp(0, r#"{"id":"other"},{"id":"also"}"#)), Ok((Some(1), micros(2.0))));
    let below = pmp(0, r#"{"id":"mine","bidfloor":3}"#);
    assert_eq!(way(&below), Err(NoBidReason::BelowFloor), "never in the open auction");
}

#[test]
fn explain_tells_the_deal_and_the_medium() {
    let scene = Scene::new(&[Written::new("c")]);
    let (story, _) = scene.explain(&offer(&pmp(0, r#"{"id":"d-7","bidfloor":1,"at":3}"#)));
    assert_eq!(story.campaigns[0].fits, ["i: b300 as banner at 1 on deal d-7"]);
    let (story, _) = scene.explain(&offer(&pmp(1, r#"{"id":"d-8","wseat":["other"]}"#)));
    let because = story.campaigns[0].impressions[0].because.clone().expect("a reason");
    assert!(because.contains("d-8 (wseat other, wadomain any)"), "{because}");
}
