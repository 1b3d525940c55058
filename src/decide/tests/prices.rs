//! The price: exactly the product of what explain shows, then limited, then converted.

use super::*;
use crate::decide::explain::PriceStory;
use crate::decide::price::Quote;

fn quote(scene: &Scene, body: &str) -> Quote {
    let decision = scene.decide(body);
    assert_eq!(decision.candidates.len(), 1, "{:?} {:?}", decision.refused, decision.noes);
    decision.candidates[0].quote
}

/// Multiplies what explain shows, as a person with a calculator would.
fn multiplied(story: &PriceStory) -> f64 {
    story.factors.iter().fold(story.base_cpm, |product, one| product * one.factor)
}

#[track_caller]
pub(super) fn assert_is_product(story: &PriceStory) {
    let (shown, product) = (story.product_cpm * 1e6, multiplied(story) * 1e6);
    // Half a micro by rounding once; the rest is the calculator's own noise.
    assert!((shown - product).abs() <= 0.5 + 1e-3, "{product} is shown as {shown}: {story:?}");
}

#[test]
fn a_price_is_the_product_of_its_factors() {
    let mut scene = Scene::new(&[Written {
        price: r#"value = "membership"
value_reference = 80.0
value_range = [0.5, 3.0]
recency = { half_life = "24h", floor = 0.1 }
fatigue = 0.85
segments = { cart = 1.5, vip = 2.0 }
device = { mobile = 1.1 }
exchange = { adx = 0.9 }
country = { USA = 1.2 }"#,
        ..Written::based("c", "2.40 USD")
    }]);
    scene.person("u1", &[("cart", 86_400), ("vip", 9 * 86_400)]);
    let key = UserKey::new("buyeruid", "u1");
    scene.people.0.get_mut(&key).expect("u1")[0].value = ValueThousandths(120_000);
    let device = r#""device":{"devicetype":4,"geo":{"country":"USA"}}"#;
    let first = scene.bid(&request(device));
    let named = [2.0, 1.5, 0.55, 1.0, 1.1, 0.9, 1.2];
    let quote = first.candidates[0].quote;
    for (factor, expected) in quote.factors.iter().zip(named) {
        assert!((factor.to_f64() - expected).abs() < 1e-8, "{:?} {named:?}", quote.factors);
    }
    assert_eq!(quote.bid, micros(2.4 * 2.0 * 1.5 * 0.55 * 1.1 * 0.9 * 1.2));
    scene.bill(&first, NOW);
    let (story, decision) = scene.explain(&request(device));
    let price = story.campaigns[0].price.as_ref().expect("it was priced");
    assert_is_product(price);
    assert!((price.factors[3].factor - 0.85).abs() < 1e-9, "one impression tires once");
    assert_eq!(decision.candidates[0].quote.bid, micros(price.bid_cpm));
}

#[test]
fn a_price_stops_at_its_maximum_and_below_its_minimum_there_is_none() {
    let scene = Scene::new(&[Written { max: "1.5 USD", ..Written::new("c") }]);
    let limited = quote(&scene, &request(""));
    assert_eq!((limited.product, limited.price), (micros(2.0), micros(1.5)));
    let least = |min: &'static str| Scene::new(&[Written { price: min, ..Written::new("c") }]);
    assert_eq!(quote(&least("min_cpm = \"2 USD\""), &request("")).price, micros(2.0));
    let above = least("min_cpm = \"2.000001 USD\"").decide(&request(""));
    assert_eq!(above.no_bid_reason(), Some(NoBidReason::BelowMinimum));
}

#[test]
fn interest_halves_from_start_after_on_and_never_below_its_floor() {
    let keys = "start_after = \"1h\"";
    let price = r#"recency = { half_life = "2h", floor = 0.2 }"#;
    let mut scene = Scene::new(&[Written { price, ..Written::keyed("c", keys) }]);
    for (age_s, expected) in [(3_600, 2.0), (3 * 3_600, 1.2), (5 * 3_600, 0.8), (400 * 86_400, 0.4)]
    {
        scene.person("u1", &[("cart", age_s)]);
        let bid = quote(&scene, &request("")).bid;
        assert!((bid.0 - micros(expected).0).abs() <= 1, "{age_s} s: {bid}, not {expected}");
    }
}

#[test]
fn bands_are_steps() {
    let price =
        r#"recency = { bands = [{ from = "0s", factor = 1.5 }, { from = "1h", factor = 0.5 }] }"#;
    let mut scene = Scene::new(&[Written { price, ..Written::new("c") }]);
    for (age_s, expected) in [(0, 3.0), (3_599, 3.0), (3_600, 1.0), (86_400, 1.0)] {
        scene.person("u1", &[("cart", age_s)]);
        assert_eq!(quote(&scene, &request("")).bid, micros(expected), "{age_s} s");
    }
}

#[test]
fn a_bid_in_another_currency_rounds_down_and_a_floor_there_up() {
    let scene = Scene::new(&[Written::new("c")]);
    let euros = quote(&scene, &request(r#""cur":["EUR"]"#));
    // 2 / 1.08 = 1.851851(85...)
    assert_eq!((euros.bid, euros.price), (CpmMicros(1_851_851), micros(2.0)));
    let decision = scene.decide(&request(r#""cur":["CHF","EUR","USD"]"#));
    assert_eq!(decision.currency, Some(eur()), "the first that has a rate");
    let floor = |floor: &str| {
        let offer = format!(r#"{{"id":"i","banner":{{"w":300,"h":250}},"bidfloor":{floor}}}"#);
        scene.decide(&known(&offer, "")).no_bid_reason()
    };
    let below = Some(NoBidReason::BelowFloor);
    // 1.851851 EUR is 1.99999908 USD, rounded up to 2; one micro more is not.
    assert_ne!(floor(r#"1.851851,"bidfloorcur":"EUR""#), below);
    assert_eq!(floor(r#"1.851852,"bidfloorcur":"EUR""#), below);
    // 307.7 yen are 2.00005 dollars, 307.6923 are 1.99999995 and round up to 2.
    assert_ne!(floor(r#"307.6923,"bidfloorcur":"JPY""#), below);
    assert_eq!(floor(r#"307.7,"bidfloorcur":"JPY""#), below);
    assert_ne!(floor("2"), below);
    assert_eq!(floor("2.0000001"), below, "a floor is never rounded down");
}
