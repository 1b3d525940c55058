//! Ads by context alone: where nobody may be recognised nobody is, and nobody is counted.

use super::consent::{decide_counted, with_consent};
use super::*;
use crate::privacy::Basis;

/// One campaign that may be shown by context, and one that only prospects.
fn scene() -> Scene {
    let keys = "prospecting = true\ncontextual = true\nholdout = \"50%\"\n\
                caps = [{ impressions = 1, per = \"1d\" }]";
    let context = Written { audience: "", ..Written::keyed("context", keys) };
    let dear =
        Written { base: "9 USD".to_owned(), ..Written::keyed("hello", "prospecting = true") };
    let mut scene = Scene::new(&[context, Written { audience: "", ..dear }, Written::new("cart")]);
    scene.privacy.contextual = true;
    scene
}

/// Requests behind which nobody may be recognised, each for a reason of its own.
fn unrecognised() -> Vec<String> {
    vec![
        r#""regs":{"gdpr":1}"#.to_owned(),
        with_consent("malformed"),
        r#""regs":{"us_privacy":"1YYN"}"#.to_owned(),
        r#""device":{"lmt":1}"#.to_owned(),
        r#""user":{}"#.to_owned(),
    ]
}

#[test]
fn nobody_is_looked_up_or_counted_and_only_campaigns_of_context_bid() {
    let mut scene = scene();
    for rest in unrecognised() {
        // The cap of one a day and the holdout of half of all people meet nobody here.
        for _ in 0..3 {
            let (decision, lookups) = decide_counted(&scene, &rest);
            assert_eq!((lookups, decision.person.keys.len()), (0, 0), "{rest}");
            assert_eq!(decision.basis, Some(Basis::Contextual), "{rest}");
            let decision = scene.bid(&request(&rest));
            assert_eq!(scene.placed(&decision), [(0, "context")], "{rest}");
            let claim = &decision.bids[0].claim;
            assert_eq!((claim.keys.len(), claim.basis), (0, Basis::Contextual), "{rest}");
            scene.bill(&decision, NOW);
        }
    }
    assert_eq!(scene.ledger.persons(), 0, "no person is kept");
}

#[test]
fn a_child_is_never_shown_an_ad_and_by_default_nobody_is() {
    let mut scene = scene();
    for rest in
        [r#""regs":{"coppa":1}"#, r#""regs":{"coppa":1,"gdpr":1}"#, r#""regs":{"coppa":"?"}"#]
    {
        let decision = scene.bid(&request(rest));
        assert!(decision.refused.is_some() && decision.bids.is_empty(), "{rest}");
    }
    scene.privacy.contextual = false;
    for rest in unrecognised() {
        let (decision, lookups) = decide_counted(&scene, &rest);
        assert!(decision.refused.is_some() && lookups == 0, "{rest}");
    }
}

#[test]
fn who_is_recognised_is_reached_as_ever() {
    let mut scene = scene();
    let decision = scene.bid(&request(""));
    assert_eq!(decision.basis, Some(Basis::NoRestriction));
    assert_eq!(scene.placed(&decision), [(0, "hello")]);
}

#[test]
fn explain_says_why_the_others_do_not_bid() {
    let (story, _) = scene().explain(&request(r#""device":{"lmt":1}"#));
    assert_eq!((story.refused, story.legal_basis), (None, Some("contextual")));
    let of = |id: &str| story.campaigns.iter().find(|one| one.campaign == id).expect("told");
    assert!(of("shop/context").bids);
    assert_eq!(of("shop/hello").reason, Some("tracking_limited"));
    assert_eq!(of("shop/cart").reason, Some("tracking_limited"));
}
