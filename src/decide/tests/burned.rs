//! Who has bought since the visit is let be, and so is who opted out.

use super::*;

const PURCHASE: &str = r#"{ conversion = "purchase" }"#;

fn converting(id: &str, audience: &'static str) -> Written {
    Written { objective: PURCHASE, audience, ..Written::new(id) }
}

/// `u1` left a cart an hour ago, and bought since.
pub(super) fn of_a_buyer() -> Scene {
    let mut scene = Scene::new(&[converting("c", "cart")]);
    scene.person("u1", &[("cart", 3_600), ("purchase", 60)]);
    scene
}

/// Why campaign `c` does not bid for a person in these segments.
#[track_caller]
fn reason(campaign: Written, segments: &[(&str, u32)]) -> Option<NoBidReason> {
    let mut scene = Scene::new(&[campaign]);
    scene.person("u1", segments);
    let decision = scene.decide(&request(""));
    if decision.candidates.is_empty() { decision.no_bid_reason() } else { None }
}

#[test]
fn who_bought_since_the_visit_is_let_be() {
    let reason = |segments: &[(&str, u32)]| reason(converting("c", "cart"), segments);
    assert_eq!(reason(&[("cart", 60)]), None);
    assert_eq!(reason(&[("cart", 60), ("purchase", 61)]), None, "bought before, and came back");
    for since in [60, 59, 0] {
        assert_eq!(reason(&[("cart", 60), ("purchase", since)]), Some(NoBidReason::Burned));
    }
    assert_eq!(reason(&[("purchase", 1)]), Some(NoBidReason::NotInAudience), "no visit led here");
}

#[test]
fn the_reason_is_told_also_where_the_audience_says_the_same() {
    let says_so = converting("c", "cart and no purchase since cart");
    let bought: &[(&str, u32)] = &[("cart", 60), ("purchase", 30)];
    assert_eq!(reason(says_so, bought), Some(NoBidReason::Burned));
}

#[test]
fn a_campaign_for_those_who_bought_is_not_stopped_by_that() {
    let bought: &[(&str, u32)] = &[("cart", 60), ("purchase", 30)];
    for audience in [
        "purchase",
        "cart and purchase",
        "cart and (vip or purchase)",
        "cart since purchase or purchase",
    ] {
        assert_eq!(reason(converting("c", audience), bought), None, "{audience}");
    }
}

#[test]
fn a_campaign_may_go_on_and_others_do_not_care() {
    let bought: &[(&str, u32)] = &[("cart", 60), ("purchase", 30)];
    let keys = r#"after_conversion = "go_on""#.to_owned();
    assert_eq!(reason(Written { keys, ..converting("c", "cart") }, bought), None);
    let clicks = Written { audience: "cart and not purchase within 1s", ..Written::new("c") };
    assert_eq!(reason(clicks, bought), None);
}

#[test]
fn whoever_bought_is_not_prospected() {
    let hello = Written { keys: "prospecting = true".to_owned(), ..converting("c", "") };
    assert_eq!(reason(hello.clone(), &[]), None);
    assert_eq!(reason(hello, &[("purchase", 999_999)]), Some(NoBidReason::Burned));
}

#[test]
fn an_expired_purchase_burns_nobody() {
    let mut scene = of_a_buyer();
    let key = UserKey::new("buyeruid", "u1");
    for one in scene.people.0.get_mut(&key).into_iter().flatten() {
        if scene.book.segments.name(one.segment) == "purchase" {
            one.expires = NOW;
        }
    }
    assert_eq!(scene.decide(&request("")).candidates.len(), 1);
}

#[test]
fn a_shop_s_prefix_stands_before_its_conversions() {
    let text = SHOP.replace("CAPS", "[advertiser.events]\nsegment_prefix = \"s_\"");
    let campaign = converting("c", "s_cart").text();
    let mut scene = Scene::of(&(text + &campaign));
    scene.person("u1", &[("s_cart", 60), ("s_purchase", 30)]);
    assert_eq!(scene.decide(&request("")).no_bid_reason(), Some(NoBidReason::Burned));
    assert_eq!(scene.book.segments.get("purchase"), None);
}

#[test]
fn one_id_that_opted_out_is_enough() {
    let mut scene = Scene::new(&[Written::new("c")]);
    scene.person_in("ifa", "aa-11", &[("cart", 60)]);
    let both = request(r#""user":{"buyeruid":"u1"},"device":{"ifa":"aa-11"}"#);
    assert_eq!(scene.decide(&both).refused, None);
    scene.people.1.push(UserKey::new("ifa", "aa-11"));
    let decision = scene.decide(&both);
    assert_eq!(decision.refused, Some(NoBidReason::OptedOut));
    assert!(decision.person.keys.is_empty(), "nobody is looked up");
    scene.exchange.ids = vec![IdSource::Buyeruid];
    assert_eq!(scene.decide(&both).refused, None, "no other id is looked at");
}
